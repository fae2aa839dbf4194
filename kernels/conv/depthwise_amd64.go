//go:build !purego

package conv

import (
	"math"

	"github.com/kerasrun/kerasrun/kernels/cpu"
)

// depthwiseArgs is one output pixel. Steps are in bytes. The assembly knows the offsets.
type depthwiseArgs struct {
	dst, src, weights, bias *float32 // bias may be nil
	n                       int      // channels, a multiple of 8
	rows, cols              int      // taps
	srcRow, srcCol          int
	weightRow, weightCol    int
	lo, hi                  float32
}

// depthwiseAVX2 computes one output pixel.
//
//go:noescape
func depthwiseAVX2(args *depthwiseArgs)

// depthwisePixel computes the first channels of one output pixel where there is
// assembly for it, and returns how many. A residual is left to the plain loop.
func depthwisePixel(a *depthwiseArgs, dst, src, weights []float32, e *Epilogue, rows, cols int) int {
	n := len(dst) &^ 7
	if n == 0 || rows == 0 || cols == 0 || e.Residual != nil || use.name != cpu.AVX2 && use.name != cpu.AVX512 {
		return 0
	}
	// The last tap must lie within the slices: the assembly checks nothing.
	_ = src[((rows-1)*a.srcRow+(cols-1)*a.srcCol)/4+n-1]
	_ = weights[((rows-1)*a.weightRow+(cols-1)*a.weightCol)/4+n-1]
	a.dst, a.src, a.weights, a.bias = &dst[0], &src[0], &weights[0], nil
	a.n, a.rows, a.cols = n, rows, cols
	if e.Bias != nil {
		a.bias = &e.Bias[:n][0]
	}
	a.lo, a.hi = float32(math.Inf(-1)), float32(math.Inf(1))
	if e.Clamp {
		a.lo, a.hi = e.Lo, e.Hi
	}
	depthwiseAVX2(a)
	return n
}

// DepthwiseVariant is the variant that [RunDepthwise] runs on, with a multiplier of 1.
func DepthwiseVariant() cpu.Variant {
	if use.name == cpu.AVX512 {
		return cpu.AVX2
	}
	return use.name
}
