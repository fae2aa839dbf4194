package conv

import (
	"fmt"
	"math"
	"math/rand"
	"testing"

	"github.com/stretchr/testify/require"

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
							checkDepthwise(t, r, depthwise(s, 1+r.Intn(40), 1+r.Intn(2)))
						}
					}
				}
			}
		}
	})
}

// Every width up to more than two tiles, for the windows with kernels of their
// own and others, with all paddings a tile's first and last column can meet.
func TestDepthwiseTiles(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		r := rand.New(rand.NewSource(3))
		for out := 1; out <= 25; out++ {
			for k := 1; k <= 8; k++ {
				for stride := 1; stride <= 3; stride++ {
					s := randomShape(r)
					s.KW, s.StrideW, s.DilationW, s.PadLeft = k, stride, 1, r.Intn(k+1)
					s.InW, s.OutW = max(1, (out-1)*stride+k-s.PadLeft-r.Intn(k+1)), out
					s.OutH = outLen(s.InH, s.KH, s.StrideH, s.DilationH, s.PadTop)
					d := depthwise(s, 1+r.Intn(50), 1)
					d.SrcStride, d.DstStride = d.InC+r.Intn(2), d.InC+r.Intn(2)
					checkDepthwise(t, r, d)
					checkDepthwise(t, r, depthwise(s, 1+r.Intn(7), 1+r.Intn(4)))
				}
			}
		}
	})
}

// An image of more rows than are gathered at a time, and a window that is not.
func TestDepthwiseGathered(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		r := rand.New(rand.NewSource(5))
		for _, k := range []int{3, 40} {
			s := DepthwiseShape{
				InH: 90, InW: 5, InC: 9, OutH: 90, OutW: 5, Multiplier: 2, KH: k, KW: 3,
				StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1, PadTop: k / 2, PadLeft: 1,
			}
			checkDepthwise(t, r, s)
		}
	})
}

// A row of more tiles than a call takes.
func TestDepthwiseLongRows(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		r := rand.New(rand.NewSource(4))
		for _, k := range []int{2, 3, 5} {
			s := DepthwiseShape{
				InH: 1, InW: 600, InC: 21, OutH: 1, OutW: 600, Multiplier: 1, KH: 1, KW: k,
				StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1, PadLeft: k / 2,
			}
			checkDepthwise(t, r, s)
			s.InW, s.OutW, s.InC, s.KH, s.InH, s.OutH = 20, 20, 5000, 3, 3, 2
			checkDepthwise(t, r, s)
		}
	})
}

// A slice that is too short panics before assembly touches it.
func TestDepthwiseShortSlices(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		for _, multiplier := range []int{1, 2} {
			s := DepthwiseShape{
				InH: 5, InW: 6, InC: 20, OutH: 5, OutW: 6, Multiplier: multiplier, KH: 3, KW: 3,
				StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1, PadTop: 1, PadLeft: 1,
			}
			out := 20 * multiplier
			checkShortSlices(t, 5*6*20, 5*6*out, DepthwisePackedLen(&s), out, func(dst, src, packed []float32, epi *Epilogue) {
				RunDepthwise(&s, dst, src, packed, epi, 0, 5)
				epi.Residual = nil
				RunDepthwise(&s, dst, src, packed, epi, 0, 5)
			})
		}
	})
}

// NaN and infinity come out where Keras has them: of padding there is no product.
func TestDepthwiseNotFinite(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		nan, inf := float32(math.NaN()), float32(math.Inf(1))
		const c = 37
		s := DepthwiseShape{
			InH: 1, InW: 3, InC: c, OutH: 1, OutW: 3, Multiplier: 1, KH: 1, KW: 3,
			StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1, PadLeft: 1,
		}
		src, kernel, packed, dst := make([]float32, 3*c), make([]float32, 3*c), make([]float32, DepthwisePackedLen(&s)), make([]float32, 3*c)
		for i := range c {
			src[i], src[c+i], src[2*c+i] = 1, 2, nan
			kernel[i], kernel[c+i], kernel[2*c+i] = inf, 1, 1
		}
		PackDepthwise(packed, kernel, &s)
		RunDepthwise(&s, dst, src, packed, &Epilogue{Clamp: true, Hi: 6}, 0, 1)
		for i := range c {
			require.Equal(t, float32(3), dst[i])
			require.True(t, dst[c+i] != dst[c+i])
			require.True(t, dst[2*c+i] != dst[2*c+i])
		}
	})
}
