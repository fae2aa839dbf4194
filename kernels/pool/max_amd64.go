//go:build !purego

package pool

import "github.com/kerasrun/kerasrun/kernels/cpu"

// maxIntoAVX2 is maxIntoGeneric for n floats, a multiple of 8.
//
//go:noescape
func maxIntoAVX2(dst, src *float32, n int)

// useAVX2 says whether the process runs AVX2; tests set it to try both.
var useAVX2 = cpu.Active() == cpu.AVX2 || cpu.Active() == cpu.AVX512

// maxInto raises dst to src where src is larger. src is at least as long as dst.
func maxInto(dst, src []float32) {
	n := 0
	if useAVX2 && len(dst) >= 8 {
		n = len(dst) &^ 7
		src = src[:len(dst)]
		maxIntoAVX2(&dst[0], &src[0], n)
	}
	maxIntoGeneric(dst[n:], src[n:])
}

// MaxVariant is the variant that [Max] runs on.
func MaxVariant() cpu.Variant {
	if useAVX2 {
		return cpu.AVX2
	}
	return cpu.Generic
}
