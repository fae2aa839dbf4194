package conv

import (
	"math/rand"
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
			use = variantOf(name)
			test(t)
		})
	}
}

// Every tile of every family: all numbers of pixels up to two tiles, all
// widths up to more than a panel.
func TestTiles(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		r := rand.New(rand.NewSource(1))
		for n := 1; n <= use.width+20; n++ {
			for m := 1; m <= 15; m++ {
				checkConv(t, r, DenseShape(m, 1+r.Intn(20), n))
			}
			s := randomShape(r)
			s.OutC, s.DstStride = n, 0
			s.setOut(r)
			checkConv(t, r, s)
		}
	})
}

// Sums of several calls.
func TestVeryLongSums(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		r := rand.New(rand.NewSource(2))
		for _, n := range []int{1, 10, 24, 64, 70} {
			checkConv(t, r, DenseShape(1, 4096, n))
			checkConv(t, r, DenseShape(2, 2*4096+17, n))
		}
		s := valid3x3(2, 700, 21)
		checkConv(t, r, s)
		s.DilationH, s.DilationW, s.OutH, s.OutW, s.InH, s.InW = 2, 2, 1, 2, 5, 6
		checkConv(t, r, s)
	})
}

// Variants give what the Go twin gives, up to the rounding of the sums: the
// products are small integers here, so that there is none.
func TestVariantsAgree(t *testing.T) {
	r := rand.New(rand.NewSource(3))
	integers := func(n int) []float32 {
		s := make([]float32, n)
		for i := range s {
			s[i] = float32(r.Intn(17) - 8)
		}
		return s
	}
	for i := 0; i < 60; i++ {
		s := randomShape(r)
		s.InC, s.OutC, s.SrcStride, s.DstStride = 1+r.Intn(40), 1+r.Intn(140), 0, 0
		src, kernel := integers(s.InH*s.InW*s.InC), integers(s.KH*s.KW*s.InC*s.OutC)
		epi := &Epilogue{Bias: integers(s.OutC), Clamp: true, Lo: -100, Hi: 200}
		var want []float32
		eachVariant(t, func(t *testing.T) {
			packed, dst := make([]float32, PackedLen(&s)), kerneltest.Guarded(t, s.OutH*s.OutW*s.OutC)
			Pack(packed, kernel, &s)
			Run(&s, dst, src, packed, epi, 0, s.OutH)
			if want == nil {
				want = dst
			}
			require.Equal(t, want, dst, "%+v", s)
		})
	}
}

// A slice that is too short panics before assembly touches it.
func TestShortSlices(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		s := valid3x3(4, 5, 20)
		checkShortSlices(t, 6*6*5, 4*4*20, PackedLen(&s), 20, func(dst, src, packed []float32, epi *Epilogue) {
			Run(&s, dst, src, packed, epi, 0, 4)
		})
	})
}

// checkShortSlices calls run with slices of the given lengths, then with one of
// them a float shorter, the residual included.
func checkShortSlices(t *testing.T, src, dst, packed, bias int, run func(dst, src, packed []float32, epi *Epilogue)) {
	t.Helper()
	lengths := []int{dst, src, packed, bias, dst}
	call := func(short int) func() {
		var s [5][]float32
		for i, n := range lengths {
			if i == short {
				n--
			}
			s[i] = make([]float32, n)
		}
		return func() { run(s[0], s[1], s[2], &Epilogue{Bias: s[3], Residual: s[4]}) }
	}
	require.NotPanics(t, call(-1))
	for short := range lengths {
		require.Panics(t, call(short))
	}
}
