package pool

import (
	"math"
	"math/rand"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/kernels/cpu"
	"github.com/kerasrun/kerasrun/kernels/kerneltest"
)

// eachVariant runs a test with every variant this processor has.
func eachVariant(t *testing.T, test func(t *testing.T)) {
	before := use
	t.Cleanup(func() { use = before })
	for _, name := range cpu.Runnable() {
		t.Run(string(name), func(t *testing.T) {
			use = name
			test(t)
		})
	}
}

func check(t *testing.T, r *rand.Rand, s Shape) {
	t.Helper()
	s = s.complete()
	srcStride, dstStride := s.SrcStride, s.DstStride
	rows := s.OutD * s.OutH
	src := kerneltest.Fenced(t, (s.InD*s.InH*s.InW-1)*srcStride+s.C)
	copy(src, kerneltest.Random(r, len(src)))
	maximum, average := kerneltest.Pool(kerneltest.Pooling(s), src)
	for i, v := range maximum { // a window in the padding
		maximum[i] = math.Max(v, -math.MaxFloat32)
	}
	for _, c := range []struct {
		run  func(s *Shape, dst, src []float32, y0, y1 int)
		want []float64
	}{{Max, maximum}, {Average, average}} {
		dst := kerneltest.Guarded(t, (rows*s.OutW-1)*dstStride+s.C)
		cut := r.Intn(rows + 1)
		c.run(&s, dst, src, cut, rows)
		c.run(&s, dst, src, 0, cut)
		var got []float32
		for p := 0; p < rows*s.OutW; p++ {
			got = append(got, dst[p*dstStride:][:s.C]...)
			for i := p*dstStride + s.C; i < (p+1)*dstStride && i < len(dst); i++ {
				require.True(t, kerneltest.IsUnset(dst[i]), "channel past the kernel's own written")
			}
		}
		kerneltest.CheckULP(t, got, c.want, 1)
	}
}

// size is an output length of windows that reach into the padding behind by chance.
func size(r *rand.Rand, in, pad, k, stride int) int {
	return max(1, (in+pad-k)/stride+1+r.Intn(2))
}

func TestPool(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		r := rand.New(rand.NewSource(1))
		for w := 1; w <= 20; w++ {
			for k := 1; k <= 4; k++ {
				for stride := 1; stride <= 4; stride++ {
					s := Shape{
						InH: 1 + r.Intn(6), InW: w, C: 1 + r.Intn(40), KH: 1 + r.Intn(3), KW: k,
						StrideH: 1 + r.Intn(3), StrideW: stride, PadTop: r.Intn(3), PadLeft: r.Intn(k + 1),
					}
					s.OutH, s.OutW = size(r, s.InH, s.PadTop, s.KH, s.StrideH), size(r, w, s.PadLeft, k, stride)
					if r.Intn(3) == 0 {
						s.SrcStride, s.DstStride = s.C+r.Intn(3), s.C+r.Intn(3)
					}
					check(t, r, s)
					s.InD, s.KD, s.StrideD, s.PadFront = 1+r.Intn(4), 1+r.Intn(3), 1+r.Intn(2), r.Intn(3)
					s.OutD = size(r, s.InD, s.PadFront, s.KD, s.StrideD)
					check(t, r, s)
				}
			}
		}
	})
}

func TestPoolChannels(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		r := rand.New(rand.NewSource(2))
		for c := 1; c <= 140; c++ {
			check(t, r, Shape{InH: 5, InW: 4, C: c, OutH: 3, OutW: 2, KH: 3, KW: 2, StrideH: 2, StrideW: 2, PadTop: 1})
			check(t, r, Shape{InH: 3, InW: 3, C: c, OutH: 2, OutW: 1, KH: 2, KW: 3, StrideH: 2, StrideW: 1, PadTop: 1})
		}
	})
}

// More tiles, and larger windows, than a call takes.
func TestPoolSplit(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		r := rand.New(rand.NewSource(4))
		check(t, r, Shape{InH: 1, InW: 900, C: 17, OutH: 1, OutW: 450, KH: 1, KW: 2, StrideH: 1, StrideW: 2})
		check(t, r, Shape{InH: 1, InW: 2000, C: 300, OutH: 1, OutW: 1, KH: 1, KW: 2000, StrideH: 1, StrideW: 1})
		check(t, r, Shape{InH: 1, InW: 3, C: 70_000, OutH: 1, OutW: 2, KH: 1, KW: 2, StrideH: 1, StrideW: 1})
	})
}

func TestGlobal(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		r := rand.New(rand.NewSource(3))
		for n := 1; n <= 5; n++ {
			for c := 1; c <= 140; c++ {
				stride := c + r.Intn(2)
				src := kerneltest.Fenced(t, (n-1)*stride+c)
				copy(src, kerneltest.Random(r, len(src)))
				maximum, average := kerneltest.Pool(kerneltest.Pooling{
					InH: n, InW: 1, C: c, OutH: 1, OutW: 1, KH: n, KW: 1, StrideH: 1, StrideW: 1, SrcStride: stride,
				}, src)
				dst := kerneltest.Fenced(t, c)
				GlobalMax(dst, src, n, c, stride)
				kerneltest.CheckULP(t, dst, maximum, 0)
				GlobalAverage(dst, src, n, c, stride)
				kerneltest.CheckULP(t, dst, average, 1)
			}
		}
	})
}

// Assembly gives what the plain loops give, to the bit, whatever the values;
// of a global maximum's zeros the sign is open.
func TestVariantsAgree(t *testing.T) {
	r := rand.New(rand.NewSource(5))
	odd := []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 0, float32(math.Copysign(0, -1)), -math.MaxFloat32}
	for range 200 {
		s := Shape{InH: 4, InW: 1 + r.Intn(20), C: 1 + r.Intn(80), KH: 2, KW: 1 + r.Intn(3), StrideH: 1, StrideW: 1 + r.Intn(2), PadLeft: r.Intn(2)}
		s.OutH, s.OutW = 3, size(r, s.InW, s.PadLeft, s.KW, s.StrideW)
		src := kerneltest.Random(r, s.InH*s.InW*s.C)
		for i := range src {
			if r.Intn(4) == 0 {
				src[i] = odd[r.Intn(len(odd))]
			}
		}
		var want [4][]float32
		variants := slices.Clone(cpu.Runnable())
		slices.Reverse(variants) // plain Go first
		before := use
		for _, use = range variants {
			var got [4][]float32
			for i := range got {
				got[i] = make([]float32, s.OutH*s.OutW*s.C)
			}
			Max(&s, got[0], src, 0, s.OutH)
			Average(&s, got[1], src, 0, s.OutH)
			GlobalAverage(got[2], src, s.InH*s.InW, s.C, s.C)
			GlobalMax(got[3], src, s.InH*s.InW, s.C, s.C)
			for i := range got {
				for j, v := range got[i] {
					if want[i] != nil && v != 0 && v == v {
						require.Equal(t, math.Float32bits(want[i][j]), math.Float32bits(v), "%s %d %+v", use, i, s)
					} else if want[i] != nil {
						require.Zero(t, kerneltest.ULP(want[i][j], v), "%s %d %+v", use, i, s)
					}
				}
			}
			if want[0] == nil {
				want = got
			}
		}
		use = before
	}
}

// A slice that is too short panics before assembly touches it.
func TestShortSlices(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		s := Shape{InH: 4, InW: 6, C: 20, OutH: 2, OutW: 3, KH: 2, KW: 2, StrideH: 2, StrideW: 2}
		const in, out = 4 * 6 * 20, 2 * 3 * 20
		for _, f := range []func(*Shape, []float32, []float32, int, int){Max, Average} {
			run := func(dst, src int) func() {
				return func() { f(&s, make([]float32, dst), make([]float32, src), 0, 2) }
			}
			require.NotPanics(t, run(out, in))
			require.Panics(t, run(out-1, in))
			require.Panics(t, run(out, in-1))
		}
	})
}

// Measured on keras.layers.MaxPooling2D, MaxPooling3D and GlobalMaxPooling2D.
func TestMaxSpecialValues(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		nan, inf := float32(math.NaN()), float32(math.Inf(1))
		const c = 67 // channels, all alike
		for _, v := range []struct {
			src        []float32
			max, total float32
		}{
			{[]float32{1, nan, 3, 4}, 4, nan},
			{[]float32{nan, nan, nan, -1}, -1, nan},
			{[]float32{nan, nan, nan, nan}, -math.MaxFloat32, nan},
			{[]float32{-inf, -inf, -inf, -inf}, -math.MaxFloat32, -inf},
			{[]float32{nan, -inf, -inf, -inf}, -math.MaxFloat32, nan},
			{[]float32{-inf, 2, inf, 1}, inf, inf},
		} {
			dst, src := make([]float32, c), make([]float32, 4*c)
			for i := range src {
				src[i] = v.src[i/c]
			}
			plane := Shape{InH: 2, InW: 2, C: c, OutH: 1, OutW: 1, KH: 2, KW: 2, StrideH: 1, StrideW: 1}
			volume := Shape{
				InD: 2, InH: 2, InW: 1, C: c, OutD: 1, OutH: 1, OutW: 1, KD: 2, KH: 2, KW: 1, StrideD: 1, StrideH: 1, StrideW: 1,
			}
			for _, s := range []Shape{plane, volume} {
				Max(&s, dst, src, 0, 1)
				for i := range dst {
					require.Zero(t, kerneltest.ULP(v.max, dst[i]), "Max(%v) = %v", v.src, dst[i])
				}
			}
			GlobalMax(dst, src, 4, c, c)
			for i := range dst {
				require.Zero(t, kerneltest.ULP(v.total, dst[i]), "GlobalMax(%v) = %v", v.src, dst[i])
			}
		}
	})
}

func TestNothingAllocates(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		const c = 21
		src, dst := make([]float32, 16*c), make([]float32, 4*c)
		s := Shape{InH: 4, InW: 4, C: c, OutH: 2, OutW: 2, KH: 2, KW: 2, StrideH: 2, StrideW: 2}
		require.Zero(t, testing.AllocsPerRun(10, func() {
			Max(&s, dst, src, 0, 2)
			Average(&s, dst, src, 0, 2)
			GlobalMax(dst, src, 16, c, c)
			GlobalAverage(dst, src, 16, c, c)
		}))
	})
}

// Measured on GradientTape of tf.nn.max_pool2d, max_pool1d and max_pool3d.
func TestMaxGrad(t *testing.T) {
	nan := float32(math.NaN())
	equal := slices.Repeat([]float32{1}, 16)
	for _, v := range []struct {
		name    string
		s       Shape
		all     bool
		src, dx []float32
	}{
		{"first of equals", Shape{InH: 4, InW: 4, OutH: 2, OutW: 2, KH: 2, KW: 2, StrideH: 2, StrideW: 2}, false,
			equal, []float32{1, 0, 1, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0}},
		{"overlapping, same", Shape{InH: 4, InW: 4, OutH: 4, OutW: 4, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadTop: 1, PadLeft: 1}, false,
			equal, []float32{4, 2, 2, 0, 2, 1, 1, 0, 2, 1, 1, 0, 0, 0, 0, 0}},
		{"largest", Shape{InH: 4, InW: 4, OutH: 4, OutW: 4, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadTop: 1, PadLeft: 1}, false,
			[]float32{0, 1, 2, 3, 4, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5}, []float32{0, 0, 0, 0, 0, 9, 3, 0, 2, 1, 1, 0, 0, 0, 0, 0}},
		{"NaN", Shape{InH: 1, InW: 6, OutH: 1, OutW: 2, KH: 1, KW: 3, StrideH: 1, StrideW: 3}, false,
			[]float32{1, nan, 2, nan, 2, 3}, []float32{0, 0, 1, 1, 0, 0}},
		{"all of equals", Shape{InD: 1, InH: 3, InW: 3, OutD: 1, OutH: 2, OutW: 2, KD: 1, KH: 2, KW: 2, StrideD: 1, StrideH: 1, StrideW: 1}, true,
			equal[:9], []float32{1, 2, 1, 2, 4, 2, 1, 2, 1}},
		{"window of padding", Shape{InH: 1, InW: 2, OutH: 1, OutW: 2, KH: 1, KW: 2, StrideH: 1, StrideW: 3, PadLeft: 2}, false,
			equal[:2], []float32{0, 1}},
	} {
		t.Run(v.name, func(t *testing.T) {
			const c = 67 // channels, all alike
			v.s.C = c
			src := kerneltest.Fenced(t, len(v.src)*c)
			for i := range src {
				src[i] = v.src[i/c]
			}
			dy := slices.Repeat([]float32{1}, v.s.complete().OutD*v.s.OutH*v.s.OutW*c)
			dx := kerneltest.Guarded(t, len(src))
			require.Zero(t, testing.AllocsPerRun(1, func() { MaxGrad(&v.s, dx, src, dy, v.all) }))
			for i, got := range dx {
				require.Equal(t, v.dx[i/c], got, "pixel %d", i/c)
			}
		})
	}
}
