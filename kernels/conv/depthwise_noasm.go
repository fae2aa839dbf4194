//go:build purego || !amd64

package conv

// depthwiseLanes is 0: the plain loop does all.
func depthwiseLanes(*DepthwiseShape) int { return 0 }

func runDepthwiseVector(*DepthwiseShape, []float32, []float32, []float32, *Epilogue, int, int) {}
