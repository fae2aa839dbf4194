//go:build !linux

package weight

// adviseHuge does nothing: only Linux takes the advice.
func adviseHuge([]float32) {}
