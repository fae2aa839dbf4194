//go:build !purego

package pool

import "github.com/kerasrun/kerasrun/kernels/cpu"

// A kernel of RxC computes up to R outputs of a row, C channels at a time.
//
//go:noescape
func maxAVX512_7x16(args *poolArgs)

//go:noescape
func maxAVX512_1x64(args *poolArgs)

//go:noescape
func averageAVX512_7x8(args *poolArgs)

//go:noescape
func averageAVX512_1x32(args *poolArgs)

//go:noescape
func averageAVX512_1x64(args *poolArgs)

//go:noescape
func topAVX512_1x16(args *poolArgs)

//go:noescape
func topAVX512_1x64(args *poolArgs)

//go:noescape
func maxAVX2_7x8(args *poolArgs)

//go:noescape
func maxAVX2_1x32(args *poolArgs)

//go:noescape
func averageAVX2_7x4(args *poolArgs)

//go:noescape
func averageAVX2_1x16(args *poolArgs)

//go:noescape
func averageAVX2_1x32(args *poolArgs)

//go:noescape
func topAVX2_1x8(args *poolArgs)

//go:noescape
func topAVX2_1x32(args *poolArgs)

// run calls the kernel that kernelFor chose.
func (a *poolArgs) run(k kind, lanes int, deep bool) {
	switch {
	case k == maximum && deep && lanes == 64:
		maxAVX512_1x64(a)
	case k == maximum && deep:
		maxAVX2_1x32(a)
	case k == maximum && lanes == 16:
		maxAVX512_7x16(a)
	case k == maximum:
		maxAVX2_7x8(a)
	case k == average && deep && lanes == 64:
		averageAVX512_1x64(a)
	case k == average && deep && lanes == 16:
		averageAVX2_1x16(a)
	case k == average && deep && use == cpu.AVX512:
		averageAVX512_1x32(a)
	case k == average && deep:
		averageAVX2_1x32(a)
	case k == average && lanes == 8:
		averageAVX512_7x8(a)
	case k == average:
		averageAVX2_7x4(a)
	case deep && lanes == 64:
		topAVX512_1x64(a)
	case deep:
		topAVX2_1x32(a)
	case lanes == 16:
		topAVX512_1x16(a)
	default:
		topAVX2_1x8(a)
	}
}
