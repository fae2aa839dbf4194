//go:build !linux

package step

// adviseHuge does nothing: only Linux takes the advice.
func adviseHuge([]float32) {}
