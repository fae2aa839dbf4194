//go:build purego || !(amd64 || arm64)

package conv

// runDepthwiseVector is not reached: without assembly there are no lanes.
func runDepthwiseVector(*DepthwiseShape, []float32, []float32, []float32, *Epilogue, int, int) {}
