//go:build !purego && (amd64 || arm64)

package pool

import (
	"unsafe"

	"github.com/kerasrun/kerasrun/kernels/cpu"
)

// poolArgs are the arguments of the kernels in assembly, which know the fields
// by name. A call computes tiles of neighbouring outputs of one row, with all
// their channels. Distances are bytes.
type poolArgs struct {
	src, dst                 unsafe.Pointer // the source's first plane and row that count
	planes, rows             int            // of the window that count
	srcPlane, srcRow, srcCol int            // from tap to tap
	srcStep, dstStep         int            // from output to output
	last                     int            // offset of the last group of channels
	tiles                    int            // counted down
	tile                     [poolTiles]poolTile
}

// poolTile is outputs whose windows lie on the same columns.
type poolTile struct {
	src, dst int // offsets, src of the first column that counts
	cols     int // of the window that count
	outputs  int
}

const (
	// poolTiles is how many tiles a call takes at most.
	poolTiles = 32
	// poolOutputs is the most outputs of a tile of a kernel for several.
	poolOutputs = 7
	// maxTaps limits a call, as assembly cannot be preempted: registers of taps.
	maxTaps = 1 << 17
)

// poolVector runs the kernel for windows of as many channels, and reports
// whether there is one.
func poolVector(k kind, s *Shape, dst, src []float32, y0, y1 int) bool {
	lanes, deep := kernelFor(k, s.C, s.OutW == 1)
	if lanes == 0 {
		return false
	}
	work := (s.C + lanes - 1) / lanes * s.KD * s.KH * s.KW
	if work > maxTaps && s.C >= 2*lanes { // in two parts
		some, others := *s, *s
		some.C = s.C / 2 / lanes * lanes
		others.C -= some.C
		return poolVector(k, &some, dst, src, y0, y1) && poolVector(k, &others, dst[some.C:], src[some.C:], y0, y1)
	}
	const size = 4 // bytes of a float32
	var a poolArgs
	a.srcCol, a.srcRow, a.srcPlane = size*s.SrcStride, size*s.InW*s.SrcStride, size*s.InH*s.InW*s.SrcStride
	a.srcStep, a.dstStep, a.last = size*s.StrideW*s.SrcStride, size*s.DstStride, size*(s.C-lanes)
	outputs := poolOutputs
	if deep {
		outputs = 1
	}
	for x := 0; x < s.OutW; {
		n, next := a.fill(s, x, min(max(maxTaps/(work*outputs), 1), poolTiles), outputs)
		for y := y0; y < y1; y++ {
			d0, d1 := window(y/s.OutH, s.StrideD, s.PadFront, s.KD, s.InD)
			h0, h1 := window(y%s.OutH, s.StrideH, s.PadTop, s.KH, s.InH)
			a.planes, a.rows, a.src = d1-d0, h1-h0, nil
			if a.planes > 0 && a.rows > 0 {
				// The last pixel of the last row of the window: no tap lies behind it.
				_ = src[(((d1-1)*s.InH+h1)*s.InW-1)*s.SrcStride+s.C-1]
				a.src = unsafe.Pointer(&src[(d0*s.InH+h0)*s.InW*s.SrcStride])
			}
			_ = dst[((y+1)*s.OutW-1)*s.DstStride+s.C-1]
			a.dst, a.tiles = unsafe.Pointer(&dst[y*s.OutW*s.DstStride]), n
			a.run(k, lanes, deep)
		}
		x = next
	}
	return true
}

// fill makes up to most tiles of at most limit outputs from x on, and returns
// how many there are and the output after them.
func (a *poolArgs) fill(s *Shape, x, most, limit int) (n, next int) {
	for ; n < most && x < s.OutW; n++ {
		w0, w1 := window(x, s.StrideW, s.PadLeft, s.KW, s.InW)
		t := &a.tile[n]
		*t = poolTile{dst: x * a.dstStep, cols: max(w1-w0, 0)}
		if t.cols > 0 {
			t.src = w0 * a.srcCol
		}
		x, t.outputs = x+1, 1
		for ; t.cols == s.KW && t.outputs < limit && x < s.OutW; x++ {
			if w0, w1 = window(x, s.StrideW, s.PadLeft, s.KW, s.InW); w1-w0 != s.KW {
				break
			}
			t.outputs++
		}
	}
	return n, x
}

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
			wide = 32
		}
	case cpu.AVX2:
		lanes, wide = 8, 32
	case cpu.NEON:
		lanes, wide = 4, 16
	default:
		return 0, false
	}
	if k == average && single && c < 32 && lanes >= 8 {
		wide = 16
	}
	if groups := (c + wide - 1) / wide; c >= wide && (single || groups*wide <= c+c/4) {
		return wide, true
	}
	if k == average && lanes > 4 {
		lanes /= 2 // sums take twice the room
	}
	if c < lanes {
		return 0, false
	}
	return lanes, false
}
