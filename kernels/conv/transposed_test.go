package conv

import (
	"fmt"
	"math/rand"
	"testing"

	"github.com/kerasrun/kerasrun/kernels/kerneltest"
)

func checkTransposed(t *testing.T, r *rand.Rand, s TransposedShape) {
	t.Helper()
	srcStride, dstStride := orElse(s.SrcStride, s.InC), orElse(s.DstStride, s.OutC)
	c := kernelCase{
		src:    kerneltest.Random(r, (s.InH*s.InW-1)*srcStride+s.InC),
		kernel: kerneltest.Random(r, s.KH*s.KW*s.InC*s.OutC),
		packed: make([]float32, TransposedPackedLen(&s)),
		outH:   s.OutH, outW: s.OutW, outC: s.OutC,
		dstStride: dstStride,
		terms:     s.KH * s.KW * s.InC,
		run: func(dst, src, packed []float32, epi *Epilogue, y0, y1 int) {
			RunTransposed(&s, dst, src, packed, epi, y0, y1)
		},
	}
	PackTransposed(c.packed, c.kernel, &s)
	c.want = kerneltest.Transposed(kerneltest.Transposed2D(s), c.src, c.kernel)
	c.check(t, r)
}

// randomTransposed has any output size: cropped, padded, or past the reach.
func randomTransposed(r *rand.Rand) TransposedShape {
	s := TransposedShape{
		InH: 1 + r.Intn(4), InW: 1 + r.Intn(6), InC: 1 + r.Intn(4), OutC: 1 + r.Intn(6),
		KH: 1 + r.Intn(4), KW: 1 + r.Intn(4), StrideH: 1 + r.Intn(3), StrideW: 1 + r.Intn(3),
		DilationH: 1 + r.Intn(3), DilationW: 1 + r.Intn(3),
		CropTop: r.Intn(4), CropLeft: r.Intn(4),
		OutH: 1 + r.Intn(9), OutW: 1 + r.Intn(12),
	}
	if r.Intn(3) == 0 {
		s.SrcStride, s.DstStride = s.InC+r.Intn(3), s.OutC+r.Intn(3)
	}
	return s
}

func TestTransposedGeometry(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		r := rand.New(rand.NewSource(1))
		for w := 1; w <= 5; w++ {
			for k := 1; k <= 5; k++ {
				for stride := 1; stride <= 4; stride++ {
					for dilation := 1; dilation <= 4; dilation++ {
						for crop := 0; crop <= 3; crop++ {
							s := randomTransposed(r)
							s.InW, s.KW, s.StrideW, s.DilationW, s.CropLeft = w, k, stride, dilation, crop
							checkTransposed(t, r, s)
							s = randomTransposed(r)
							s.InH, s.KH, s.StrideH, s.DilationH, s.CropTop = w, k, stride, dilation, crop
							checkTransposed(t, r, s)
						}
					}
				}
			}
		}
	})
}

func TestTransposedChannels(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		r := rand.New(rand.NewSource(2))
		for in := 1; in <= 17; in++ {
			for out := 1; out <= 17; out++ {
				s := randomTransposed(r)
				s.InC, s.OutC, s.SrcStride, s.DstStride = in, out, 0, 0
				t.Run(fmt.Sprintf("%+v", s), func(t *testing.T) { checkTransposed(t, r, s) })
			}
		}
	})
}

func TestTransposedLongSums(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		r := rand.New(rand.NewSource(3))
		s := randomTransposed(r)
		s.InC, s.SrcStride, s.KH, s.KW = blockK+5, 0, 3, 3
		checkTransposed(t, r, s)
	})
}
