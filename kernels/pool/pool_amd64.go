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
func averageAVX2_1x32(args *poolArgs)

//go:noescape
func topAVX2_1x8(args *poolArgs)

//go:noescape
func topAVX2_1x32(args *poolArgs)

// variantFor is the variant for c channels: AVX-512 where they fill a register.
func variantFor(c int) cpu.Variant {
	if use == cpu.AVX512 && c < 16 {
		return cpu.AVX2
	}
	return use
}

// kernelFor returns how many of c channels a kernel takes at a time, 0 where
// there is none, and whether it is one for single outputs. Those read rows of
// pixels as they lie in memory, and are faster where the channels are enough
// and the last group overlaps little; single says that there are no others.
func kernelFor(k kind, c int, single bool) (lanes int, deep bool) {
	wide := 64
	switch variantFor(c) {
	case cpu.AVX512:
		lanes = 16
		if single && c < wide {
			wide = 32 // of AVX2
		}
	case cpu.AVX2:
		lanes, wide = 8, 32
	default:
		return 0, false
	}
	if groups := (c + wide - 1) / wide; c >= wide && (single || groups*wide <= c+c/4) {
		return wide, true
	}
	if k == average {
		lanes /= 2
	}
	if c < lanes {
		return 0, false
	}
	return lanes, false
}

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
