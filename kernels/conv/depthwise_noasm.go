//go:build purego || !amd64

package conv

import "github.com/kerasrun/kerasrun/kernels/cpu"

// depthwiseArgs is what the assembly works on where there is any.
type depthwiseArgs struct{ srcRow, srcCol, weightRow, weightCol int }

// depthwisePixel computes no channels: without assembly the plain loop does all.
func depthwisePixel(*depthwiseArgs, []float32, []float32, []float32, *Epilogue, int, int) int {
	return 0
}

// DepthwiseVariant is the variant that [RunDepthwise] runs on, with a multiplier of 1.
func DepthwiseVariant() cpu.Variant { return cpu.Generic }
