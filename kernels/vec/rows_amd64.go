//go:build !purego

package vec

import (
	"math"

	"github.com/kerasrun/kerasrun/kernels/cpu"
)

//go:noescape
func sumAVX2(src *float32, n int, out *[4]float64)

//go:noescape
func squaresAVX2(src *float32, n int, out *[4]float64, mean float64)

//go:noescape
func extremesAVX2(src *float32, n int, out *[3][8]float32)

// normalizeArgs are the arguments of normalizeAVX2, which knows the fields by name.
type normalizeArgs struct {
	dst, src, gamma, beta *float32
	n                     int
	mean, scale           float64
}

//go:noescape
func normalizeAVX2(args *normalizeArgs)

// block is what the sums go over at a time.
const block = 16

// blocks is the number of elements of a row that assembly can take: whole blocks.
func blocks(n int) int {
	if use == cpu.Generic {
		return 0
	}
	return n / block * block
}

// sumBlocks adds up the first elements of src, and says how many.
func sumBlocks(src []float32) (sum float64, n int) {
	n = blocks(len(src))
	for i := 0; i < n; i += maxCall {
		var out [4]float64
		sumAVX2(&src[i], min(n-i, maxCall), &out)
		sum += (out[0] + out[1]) + (out[2] + out[3])
	}
	return sum, n
}

// squareBlocks adds up the squared distances from mean of the first elements of
// src, and says how many.
func squareBlocks(src []float32, mean float64) (sum float64, n int) {
	n = blocks(len(src))
	for i := 0; i < n; i += maxCall {
		var out [4]float64
		squaresAVX2(&src[i], min(n-i, maxCall), &out, mean)
		sum += (out[0] + out[1]) + (out[2] + out[3])
	}
	return sum, n
}

// extremeBlocks returns the largest and the smallest of the first elements of
// src, NaN if one is, and says how many.
func extremeBlocks(src []float32) (top, low float32, n int) {
	n = blocks(len(src))
	top, low = float32(math.Inf(-1)), float32(math.Inf(1))
	for i := 0; i < n; i += maxCall {
		var out [3][8]float32
		extremesAVX2(&src[i], min(n-i, maxCall), &out)
		for k := range out[0] {
			if out[2][k] != 0 {
				top, low = out[2][k], out[2][k] // all bits set: NaN
			}
			top, low = max(top, out[0][k]), min(low, out[1][k])
		}
	}
	return top, low, n
}

// normalizeBlocks normalizes the first elements of src, and says how many.
func normalizeBlocks(dst, src, gamma, beta []float32, mean, scale float64) int {
	n := len(src) &^ 3
	if use == cpu.Generic || n == 0 {
		return 0
	}
	for i := 0; i < n; i += maxCall {
		m := min(n-i, maxCall)
		args := normalizeArgs{dst: &dst[i : i+m][0], src: &src[i], n: m, mean: mean, scale: scale}
		if gamma != nil {
			args.gamma = &gamma[i : i+m][0]
		}
		if beta != nil {
			args.beta = &beta[i : i+m][0]
		}
		normalizeAVX2(&args)
	}
	return n
}

// RowsVariant is the variant that sums, extremes and normalization of rows run on.
func RowsVariant() cpu.Variant {
	if use == cpu.AVX512 {
		return cpu.AVX2
	}
	return use
}
