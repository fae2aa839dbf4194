package conv

import (
	"fmt"
	"math"
	"math/rand"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/kernels/kerneltest"
)

// kernelCase is one call of a kernel and what it should give.
type kernelCase struct {
	src, kernel, packed []float32
	outH, outW, outC    int
	dstStride           int
	want                kerneltest.Sums
	terms               int
	run                 func(dst, src, packed []float32, epi *Epilogue, y0, y1 int)
}

// check runs the case in guarded slices with a random epilogue, whole and in
// row ranges, and compares with the reference. Channels of a wider image that
// are not the kernel's must stay as they were.
func (c kernelCase) check(t *testing.T, r *rand.Rand) {
	t.Helper()
	pixels := c.outH * c.outW
	want := kerneltest.Sums{Value: append([]float64(nil), c.want.Value...), Abs: append([]float64(nil), c.want.Abs...)}
	var epi *Epilogue
	if r.Intn(4) > 0 {
		epi = &Epilogue{}
		if r.Intn(2) == 0 {
			epi.Bias = kerneltest.Copy(t, kerneltest.Random(r, c.outC))
		}
		if r.Intn(2) == 0 {
			epi.ResidualStride = c.outC + r.Intn(3)
			epi.Residual = kerneltest.Copy(t, kerneltest.Random(r, pixels*epi.ResidualStride))
		}
		for i := range want.Value {
			for _, v := range []float32{epi.biasAt(i % c.outC), epi.residualAt(i/c.outC, i%c.outC)} {
				want.Value[i] += float64(v)
				want.Abs[i] += math.Abs(float64(v))
			}
		}
		if r.Intn(2) == 0 {
			epi.Clamp, epi.Lo, epi.Hi = true, -0.5, 1
			for i, v := range want.Value {
				want.Value[i] = math.Min(math.Max(v, -0.5), 1)
			}
		}
	}
	src, packed := kerneltest.Copy(t, c.src), kerneltest.Copy(t, c.packed)
	dst := kerneltest.Guarded(t, (pixels-1)*c.dstStride+c.outC)
	c.run(dst, src, packed, epi, 0, c.outH)
	got := make([]float32, 0, len(want.Value))
	for p := 0; p < pixels; p++ {
		got = append(got, dst[p*c.dstStride:][:c.outC]...)
		for i := p*c.dstStride + c.outC; i < (p+1)*c.dstStride && i < len(dst); i++ {
			require.True(t, kerneltest.IsUnset(dst[i]), "channel past the kernel's own written")
		}
	}
	kerneltest.CheckSums(t, got, want, c.terms+2)

	split := kerneltest.Guarded(t, len(dst))
	cut := r.Intn(c.outH + 1)
	c.run(split, src, packed, epi, cut, c.outH)
	c.run(split, src, packed, epi, 0, cut)
	require.Equal(t, bits(dst), bits(split), "rows split at %d", cut)
}

func (e *Epilogue) biasAt(c int) float32 {
	if e.Bias == nil {
		return 0
	}
	return e.Bias[c]
}

func (e *Epilogue) residualAt(pixel, c int) float32 {
	if e.Residual == nil {
		return 0
	}
	return e.Residual[pixel*e.ResidualStride+c]
}

func bits(s []float32) []uint32 {
	b := make([]uint32, len(s))
	for i, v := range s {
		b[i] = math.Float32bits(v)
	}
	return b
}

func checkConv(t *testing.T, r *rand.Rand, s Shape) {
	t.Helper()
	srcStride, dstStride := orElse(s.SrcStride, s.InC), orElse(s.DstStride, s.OutC)
	in := s.InC / s.Groups
	c := kernelCase{
		src:    kerneltest.Random(r, (s.InH*s.InW-1)*srcStride+s.InC),
		kernel: kerneltest.Random(r, s.KH*s.KW*in*s.OutC),
		packed: make([]float32, PackedLen(&s)),
		outH:   s.OutH, outW: s.OutW, outC: s.OutC,
		dstStride: dstStride,
		terms:     s.KH * s.KW * in,
		run: func(dst, src, packed []float32, epi *Epilogue, y0, y1 int) {
			Run(&s, dst, src, packed, epi, y0, y1)
		},
	}
	Pack(c.packed, c.kernel, &s)
	c.want = kerneltest.Conv(kerneltest.Conv2D(s), c.src, c.kernel)
	c.check(t, r)
}

// outLen is a convolution's output length with the given padding, at least 1.
func outLen(in, k, stride, dilation, pad int) int {
	return max(1, (in+pad-(k-1)*dilation-1)/stride+1)
}

// randomShape fills in a small shape. The output may be longer than the
// input's reach: what lies past it is padding.
func randomShape(r *rand.Rand) Shape {
	s := Shape{
		InH: 1 + r.Intn(6), InW: 1 + r.Intn(9), InC: 1 + r.Intn(3), OutC: 1 + r.Intn(5),
		KH: 1 + r.Intn(3), KW: 1 + r.Intn(4), StrideH: 1 + r.Intn(3), StrideW: 1 + r.Intn(3),
		DilationH: 1, DilationW: 1, Groups: 1,
	}
	if r.Intn(3) == 0 {
		s.DilationH, s.DilationW = 1+r.Intn(3), 1+r.Intn(3)
	}
	if r.Intn(2) == 0 {
		s.PadTop, s.PadLeft = r.Intn(s.KH*s.DilationH+1), r.Intn(s.KW*s.DilationW+1)
	}
	s.setOut(r)
	return s
}

func (s *Shape) setOut(r *rand.Rand) {
	s.OutH = outLen(s.InH, s.KH, s.StrideH, s.DilationH, s.PadTop+r.Intn(s.PadTop+1))
	s.OutW = outLen(s.InW, s.KW, s.StrideW, s.DilationW, s.PadLeft+r.Intn(s.PadLeft+1))
	if r.Intn(4) == 0 {
		s.SrcStride = s.InC + r.Intn(4)
	}
	if r.Intn(4) == 0 {
		s.DstStride = s.OutC + r.Intn(4)
	}
}

func TestRunChannels(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		r := rand.New(rand.NewSource(1))
		for in := 1; in <= 17; in++ {
			for out := 1; out <= 17; out++ {
				s := randomShape(r)
				s.InC, s.OutC, s.SrcStride, s.DstStride = in, out, 0, 0
				s.setOut(r)
				t.Run(fmt.Sprintf("%+v", s), func(t *testing.T) { checkConv(t, r, s) })
			}
		}
	})
}

func TestRunGeometry(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		r := rand.New(rand.NewSource(2))
		for w := 1; w <= 9; w++ {
			for k := 1; k <= 4; k++ {
				for stride := 1; stride <= 3; stride++ {
					for dilation := 1; dilation <= 3; dilation++ {
						for pad := 0; pad <= k*dilation; pad++ {
							s := randomShape(r)
							s.InW, s.KW, s.StrideW, s.DilationW, s.PadLeft = w, k, stride, dilation, pad
							s.setOut(r)
							checkConv(t, r, s)
							s.InH, s.InW, s.KH, s.KW, s.StrideH, s.StrideW = s.InW, s.InH, s.KW, s.KH, s.StrideW, s.StrideH
							s.DilationH, s.DilationW, s.PadTop, s.PadLeft = s.DilationW, s.DilationH, s.PadLeft, s.PadTop
							s.setOut(r)
							checkConv(t, r, s)
						}
					}
				}
			}
		}
	})
}

// A 1x1 kernel with padding is not the pixel-by-pixel product it looks like.
func TestRunShiftedPointwise(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		r := rand.New(rand.NewSource(9))
		for _, pads := range [][2]int{{0, 1}, {1, 0}, {2, 1}, {0, 0}} {
			s := DenseShape(4, 3, 5)
			s.InW, s.OutW, s.PadTop, s.PadLeft = 4, 4, pads[0], pads[1]
			checkConv(t, r, s)
			s.OutH++ // the last row is past the image
			checkConv(t, r, s)
		}
	})
}

func TestRunGroups(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		r := rand.New(rand.NewSource(3))
		for groups := 1; groups <= 5; groups++ {
			for in := 1; in <= 5; in++ {
				for out := 1; out <= 9; out++ {
					s := randomShape(r)
					s.Groups, s.InC, s.OutC, s.SrcStride, s.DstStride = groups, groups*in, groups*out, 0, 0
					s.setOut(r)
					checkConv(t, r, s)
				}
			}
		}
	})
}

// Sums longer than blockK are cut in all ways the driver knows.
func TestRunLongSums(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		r := rand.New(rand.NewSource(4))
		base := Shape{
			InH: 4, InW: 5, InC: 90, OutH: 4, OutW: 5, OutC: 6, KH: 3, KW: 3,
			StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1, PadTop: 1, PadLeft: 1, Groups: 1,
		}
		dilated := base
		dilated.DilationH, dilated.DilationW, dilated.PadTop, dilated.PadLeft = 2, 2, 2, 2
		grouped := base
		grouped.InC, grouped.Groups = 180, 2
		pointwise := base
		pointwise.KH, pointwise.KW, pointwise.PadTop, pointwise.PadLeft, pointwise.InC = 1, 1, 0, 0, 3*blockK+1
		for _, s := range []Shape{base, dilated, grouped, pointwise, DenseShape(3, blockK, 5), DenseShape(20, 2*blockK+3, 5)} {
			t.Run(fmt.Sprintf("%+v", s), func(t *testing.T) { checkConv(t, r, s) })
		}
	})
}

func TestDenseSizes(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		r := rand.New(rand.NewSource(5))
		for m := 1; m <= 2*tileRows+1; m++ {
			for n := 1; n <= 9; n++ {
				checkConv(t, r, DenseShape(m, 1+r.Intn(20), n))
			}
		}
	})
}

// A product with 10^5 terms, as after Flatten, keeps about the precision of a
// short one.
func TestLongSumPrecision(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		r := rand.New(rand.NewSource(6))
		const k, n = 100_000, 8
		s := DenseShape(1, k, n)
		src, kernel, packed := kerneltest.Random(r, k), kerneltest.Random(r, k*n), make([]float32, PackedLen(&s))
		Pack(packed, kernel, &s)
		dst := make([]float32, n)
		Run(&s, dst, src, packed, nil, 0, 1)
		require.Less(t, kerneltest.RMSError(dst, kerneltest.MatMul(src, kernel, 1, k, n, false).Value), 3e-6)
	})
}

func TestRunPanels(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		r := rand.New(rand.NewSource(7))
		for groups := 1; groups <= 3; groups++ {
			s := randomShape(r)
			s.Groups, s.InC, s.OutC, s.SrcStride, s.DstStride = groups, 2*groups, (use.width+7)*groups, 0, 0
			src := kerneltest.Random(r, s.InH*s.InW*s.InC)
			packed := make([]float32, PackedLen(&s))
			Pack(packed, kerneltest.Random(r, s.KH*s.KW*2*s.OutC), &s)
			epi := &Epilogue{Bias: kerneltest.Random(r, s.OutC)}
			whole, parts := kerneltest.Guarded(t, s.OutH*s.OutW*s.OutC), kerneltest.Guarded(t, s.OutH*s.OutW*s.OutC)
			Run(&s, whole, src, packed, epi, 0, s.OutH)
			require.Greater(t, Panels(&s), 1)
			for p := 0; p < Panels(&s); p++ {
				RunPanels(&s, parts, src, packed, epi, 0, s.OutH, p, p+1)
			}
			require.Equal(t, bits(whole), bits(parts))
		}
	})
}

// An empty batch writes nothing, an empty sum is the bias.
func TestEmpty(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		bias := &Epilogue{Bias: []float32{1, 2, 3}}
		run := func(m, k, n int) []float32 {
			s := DenseShape(m, k, n)
			dst := kerneltest.Guarded(t, m*n)
			Run(&s, dst, make([]float32, m*k), make([]float32, PackedLen(&s)), bias, 0, m)
			return dst
		}
		require.Empty(t, run(0, 2, 3))
		require.Empty(t, run(2, 2, 0))
		require.Equal(t, []float32{1, 2, 3, 1, 2, 3}, run(2, 0, 3))
	})
}

func TestMultiplications(t *testing.T) {
	s := valid3x3(109, 32, 64)
	require.Equal(t, 109*109*64*9*32, s.Multiplications())
	s.Groups = 4
	require.Equal(t, 109*109*64*9*8, s.Multiplications())
}

// A batch gives the very numbers that its rows give one by one.
func TestDenseRowsAreIndependent(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		r := rand.New(rand.NewSource(8))
		const m, k, n = 19, 300, 7
		s, one := DenseShape(m, k, n), DenseShape(1, k, n)
		src, packed := kerneltest.Random(r, m*k), make([]float32, PackedLen(&s))
		Pack(packed, kerneltest.Random(r, k*n), &s)
		dst, row := make([]float32, m*n), make([]float32, n)
		Run(&s, dst, src, packed, nil, 0, m)
		for i := 0; i < m; i++ {
			Run(&one, row, src[i*k:][:k], packed, nil, 0, 1)
			require.Equal(t, bits(dst[i*n:][:n]), bits(row))
		}
	})
}

// With dst as residual a call adds to it.
func TestResidualMayBeDst(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		s := DenseShape(1, 2, 1)
		packed := make([]float32, PackedLen(&s))
		Pack(packed, []float32{2, 3}, &s)
		dst := []float32{100}
		for i := 0; i < 2; i++ {
			Run(&s, dst, []float32{1, 10}, packed, &Epilogue{Residual: dst, Bias: []float32{0.5}}, 0, 1)
		}
		require.Equal(t, []float32{165}, dst)

		d := DepthwiseShape{
			InH: 1, InW: 1, InC: 1, OutH: 1, OutW: 1, Multiplier: 1, KH: 1, KW: 1,
			StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1,
		}
		packed = make([]float32, DepthwisePackedLen(&d))
		PackDepthwise(packed, []float32{5}, &d)
		RunDepthwise(&d, dst, []float32{2}, packed, &Epilogue{Residual: dst}, 0, 1)
		require.Equal(t, []float32{175}, dst)
	})
}

func TestClampKeepsNaN(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		nan, inf := float32(math.NaN()), float32(math.Inf(1))
		s := DenseShape(4, 1, 1)
		packed := make([]float32, PackedLen(&s))
		Pack(packed, []float32{1}, &s)
		dst := make([]float32, 4)
		Run(&s, dst, []float32{nan, inf, -inf, -1}, packed, &Epilogue{Clamp: true, Hi: 6}, 0, 4)
		require.True(t, dst[0] != dst[0])
		require.Equal(t, []float32{6, 0, 0}, dst[1:])
		Run(&s, dst, []float32{nan, inf, -inf, -1}, packed, &Epilogue{Clamp: true, Hi: inf}, 0, 4)
		require.True(t, dst[0] != dst[0])
		require.Equal(t, []float32{inf, 0, 0}, dst[1:])
	})
}

func TestNothingAllocates(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		s := valid3x3(3, 5, 6)
		d := DepthwiseShape{
			InH: 5, InW: 5, InC: 5, OutH: 3, OutW: 3, Multiplier: 1, KH: 3, KW: 3,
			StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1,
		}
		u := TransposedShape{
			InH: 3, InW: 3, InC: 5, OutH: 5, OutW: 5, OutC: 6, KH: 3, KW: 3,
			StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1,
		}
		src, dst, packed := make([]float32, 1000), make([]float32, 1000), make([]float32, 1000)
		epi := &Epilogue{Bias: make([]float32, 6)}
		require.Zero(t, testing.AllocsPerRun(10, func() {
			Run(&s, dst, src, packed, epi, 0, 3)
			RunDepthwise(&d, dst, src, packed, epi, 0, 3)
			RunTransposed(&u, dst, src, packed, epi, 0, 5)
			MatMul(dst, src, src, 3, 4, 5, true, packed, epi)
		}))
	})
}

// Blocks that one call computes have the numbers of one call each, with all that
// an epilogue has, and write nothing else.
func TestBlocksAtOnce(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		r := rand.New(rand.NewSource(9))
		for _, m := range []int{1, 5, 7, 14, 15, 49} {
			for _, n := range []int{64, 150, 256} {
				const k = 270 // more than a piece
				s := DenseShape(m, k, n)
				src, packed := kerneltest.Random(r, m*k), make([]float32, PackedLen(&s))
				Pack(packed, kerneltest.Random(r, k*n), &s)
				residual, bias := kerneltest.Random(r, m*n), kerneltest.Random(r, n)
				for _, e := range []Epilogue{{}, {Bias: bias}, {Residual: residual}, {Bias: bias, Residual: residual, Clamp: true, Lo: -0.5, Hi: 3}} {
					all, one := kerneltest.Guarded(t, m*n), make([]float32, m*n)
					Run(&s, all, src, packed, &e, 0, m)
					for p := range Panels(&s) {
						RunPanels(&s, one, src, packed, &e, 0, m, p, p+1)
					}
					require.Equal(t, bits(one), bits(all))
				}
			}
		}
	})
}
