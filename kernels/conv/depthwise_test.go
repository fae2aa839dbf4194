package conv

import (
	"fmt"
	"math/rand"
	"testing"

	"github.com/kerasrun/kerasrun/kernels/kerneltest"
)

func checkDepthwise(t *testing.T, r *rand.Rand, s DepthwiseShape) {
	t.Helper()
	out := s.InC * s.Multiplier
	srcStride, dstStride := orElse(s.SrcStride, s.InC), orElse(s.DstStride, out)
	c := kernelCase{
		src:    kerneltest.Random(r, (s.InH*s.InW-1)*srcStride+s.InC),
		kernel: kerneltest.Random(r, s.KH*s.KW*out),
		packed: make([]float32, DepthwisePackedLen(&s)),
		outH:   s.OutH, outW: s.OutW, outC: out,
		dstStride: dstStride,
		terms:     s.KH * s.KW,
		run: func(dst, src, packed []float32, epi *Epilogue, y0, y1 int) {
			RunDepthwise(&s, dst, src, packed, epi, y0, y1)
		},
	}
	PackDepthwise(c.packed, c.kernel, &s)
	c.want = kerneltest.Depthwise(kerneltest.Depthwise2D(s), c.src, c.kernel)
	c.check(t, r)
}

// depthwise takes a shape's geometry.
func depthwise(s Shape, channels, multiplier int) DepthwiseShape {
	return DepthwiseShape{
		InH: s.InH, InW: s.InW, InC: channels, OutH: s.OutH, OutW: s.OutW, Multiplier: multiplier,
		KH: s.KH, KW: s.KW, StrideH: s.StrideH, StrideW: s.StrideW,
		DilationH: s.DilationH, DilationW: s.DilationW, PadTop: s.PadTop, PadLeft: s.PadLeft,
	}
}

func TestDepthwiseChannels(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		r := rand.New(rand.NewSource(1))
		for _, multiplier := range []int{1, 2, 3, 5} {
			for channels := 1; channels <= 17; channels++ {
				s := depthwise(randomShape(r), channels, multiplier)
				if r.Intn(2) == 0 {
					s.SrcStride, s.DstStride = channels+r.Intn(3), channels*multiplier+r.Intn(3)
				}
				t.Run(fmt.Sprintf("%+v", s), func(t *testing.T) { checkDepthwise(t, r, s) })
			}
		}
		for _, channels := range []int{63, 64, 65, 130} {
			checkDepthwise(t, r, depthwise(randomShape(r), channels, 1))
			checkDepthwise(t, r, depthwise(randomShape(r), channels, 3))
		}
	})
}

func TestDepthwiseGeometry(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		r := rand.New(rand.NewSource(2))
		for w := 1; w <= 9; w++ {
			for k := 1; k <= 7; k++ {
				for stride := 1; stride <= 3; stride++ {
					for dilation := 1; dilation <= 2; dilation++ {
						for pad := 0; pad <= k*dilation; pad++ {
							s := randomShape(r)
							s.InW, s.KW, s.StrideW, s.DilationW, s.PadLeft = w, k, stride, dilation, pad
							s.setOut(r)
							checkDepthwise(t, r, depthwise(s, 1+r.Intn(4), 1+r.Intn(2)))
						}
					}
				}
			}
		}
	})
}
