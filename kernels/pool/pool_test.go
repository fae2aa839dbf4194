package pool

import (
	"math"
	"math/rand"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/kernels/kerneltest"
)

func check(t *testing.T, r *rand.Rand, s Shape) {
	t.Helper()
	srcStride, dstStride := s.strides()
	src := kerneltest.Fenced(t, (s.InH*s.InW-1)*srcStride+s.C)
	copy(src, kerneltest.Random(r, len(src)))
	maximum, average := kerneltest.Pool(kerneltest.Pool2D(s), src)
	for i, v := range maximum { // a window in the padding
		maximum[i] = math.Max(v, -math.MaxFloat32)
	}
	for _, c := range []struct {
		run  func(s *Shape, dst, src []float32, y0, y1 int)
		want []float64
	}{{Max, maximum}, {Average, average}} {
		dst := kerneltest.Guarded(t, (s.OutH*s.OutW-1)*dstStride+s.C)
		cut := r.Intn(s.OutH + 1)
		c.run(&s, dst, src, cut, s.OutH)
		c.run(&s, dst, src, 0, cut)
		var got []float32
		for p := 0; p < s.OutH*s.OutW; p++ {
			got = append(got, dst[p*dstStride:][:s.C]...)
			for i := p*dstStride + s.C; i < (p+1)*dstStride && i < len(dst); i++ {
				require.True(t, kerneltest.IsUnset(dst[i]), "channel past the kernel's own written")
			}
		}
		kerneltest.CheckULP(t, got, c.want, 1)
	}
}

func TestPool(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for w := 1; w <= 9; w++ {
		for k := 1; k <= 4; k++ {
			for stride := 1; stride <= 4; stride++ {
				for pad := 0; pad <= k; pad++ {
					s := Shape{
						InH: 1 + r.Intn(6), InW: w, C: 1 + r.Intn(5), KH: 1 + r.Intn(3), KW: k,
						StrideH: 1 + r.Intn(3), StrideW: stride, PadTop: r.Intn(3), PadLeft: pad,
					}
					s.OutH = max(1, (s.InH+s.PadTop-s.KH)/s.StrideH+1+r.Intn(2))
					s.OutW = max(1, (s.InW+s.PadLeft-s.KW)/s.StrideW+1+r.Intn(2))
					if r.Intn(3) == 0 {
						s.SrcStride, s.DstStride = s.C+r.Intn(3), s.C+r.Intn(3)
					}
					check(t, r, s)
				}
			}
		}
	}
}

func TestPoolChannels(t *testing.T) {
	r := rand.New(rand.NewSource(2))
	for _, c := range []int{1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 63, 64, 65, 130} {
		check(t, r, Shape{InH: 5, InW: 4, C: c, OutH: 3, OutW: 2, KH: 3, KW: 2, StrideH: 2, StrideW: 2, PadTop: 1})
	}
}

func TestGlobal(t *testing.T) {
	r := rand.New(rand.NewSource(3))
	for n := 1; n <= 5; n++ {
		for _, c := range []int{1, 7, 65} {
			for _, stride := range []int{c, c + 2} {
				src := kerneltest.Random(r, (n-1)*stride+c)
				maximum, average := kerneltest.Pool(kerneltest.Pool2D{
					InH: n, InW: 1, C: c, OutH: 1, OutW: 1, KH: n, KW: 1, StrideH: 1, StrideW: 1, SrcStride: stride,
				}, src)
				dst := kerneltest.Fenced(t, c)
				GlobalMax(dst, src, n, c, stride)
				kerneltest.CheckULP(t, dst, maximum, 0)
				GlobalAverage(dst, src, n, c, stride)
				kerneltest.CheckULP(t, dst, average, 1)
			}
		}
	}
}

// Measured on keras.layers.MaxPooling2D and GlobalMaxPooling2D.
func TestMaxSpecialValues(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
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
		dst := []float32{0}
		Max(&Shape{InH: 2, InW: 2, C: 1, OutH: 1, OutW: 1, KH: 2, KW: 2, StrideH: 1, StrideW: 1}, dst, c.src, 0, 1)
		require.Zero(t, kerneltest.ULP(c.max, dst[0]), "Max(%v) = %v", c.src, dst[0])
		GlobalMax(dst, c.src, 4, 1, 1)
		require.Zero(t, kerneltest.ULP(c.total, dst[0]), "GlobalMax(%v) = %v", c.src, dst[0])
	}
}

func TestNothingAllocates(t *testing.T) {
	src, dst := make([]float32, 300), make([]float32, 300)
	s := Shape{InH: 4, InW: 4, C: 5, OutH: 2, OutW: 2, KH: 2, KW: 2, StrideH: 2, StrideW: 2}
	require.Zero(t, testing.AllocsPerRun(10, func() {
		Max(&s, dst, src, 0, 2)
		Average(&s, dst, src, 0, 2)
		GlobalMax(dst, src, 16, 5, 5)
		GlobalAverage(dst, src, 16, 5, 5)
	}))
}
