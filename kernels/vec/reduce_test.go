package vec

import (
	"math"
	"math/rand"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/stat"

	"github.com/kerasrun/kerasrun/kernels/kerneltest"
)

type reduction = func(dst, src []float32, outer, axis, inner int)

func TestReduceByHand(t *testing.T) {
	// (2, 3, 2)
	src := []float32{1, 2, 3, 4, 5, 6, -1, 0, 7, 8, 0, -4}
	for name, c := range map[string]struct {
		f    reduction
		want []float32
	}{
		"sum":  {ReduceSum, []float32{9, 12, 6, 4}},
		"mean": {ReduceMean, []float32{3, 4, 2, 4.0 / 3.0}},
		"prod": {ReduceProd, []float32{15, 48, 0, 0}},
		"max":  {ReduceMax, []float32{5, 6, 7, 8}},
		"min":  {ReduceMin, []float32{1, 2, -1, -4}},
	} {
		dst := kerneltest.Guarded(t, 4)
		c.f(dst, src, 2, 3, 2)
		require.Equal(t, c.want, append([]float32{}, dst...), name)
	}
}

func TestReduceEmptyAxis(t *testing.T) {
	for name, c := range map[string]struct {
		f    reduction
		want float32
	}{
		"sum": {ReduceSum, 0}, "prod": {ReduceProd, 1}, "max": {ReduceMax, -inf32}, "min": {ReduceMin, inf32},
	} {
		dst := kerneltest.Guarded(t, 6)
		c.f(dst, nil, 2, 0, 3)
		for _, v := range dst {
			require.Equal(t, c.want, v, name)
		}
	}
	dst := make([]float32, 1)
	ReduceMean(dst, nil, 1, 0, 1)
	require.True(t, dst[0] != dst[0])
}

func TestReduceNaN(t *testing.T) { eachVariant(t, reduceNaN) }

func reduceNaN(t *testing.T) {
	for _, f := range []reduction{ReduceSum, ReduceMean, ReduceProd, ReduceMax, ReduceMin} {
		for at := 0; at < 3; at++ {
			src, dst := []float32{1, 2, 3}, make([]float32, 1)
			src[at] = float32(math.NaN())
			f(dst, src, 1, 3, 1)
			require.True(t, dst[0] != dst[0])
		}
	}
}

// Rows longer than a block, with NaN at every place, at fences.
func TestReduceRows(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		r := rand.New(rand.NewSource(4))
		for n := 1; n < 70; n++ {
			src, dst := kerneltest.Fenced(t, n), kerneltest.Guarded(t, 1)
			copy(src, kerneltest.Random(r, n))
			var sum float64
			top, low := src[0], src[0]
			for _, x := range src {
				sum, top, low = sum+float64(x), max(top, x), min(low, x)
			}
			ReduceSum(dst, src, 1, n, 1)
			require.InDelta(t, sum, dst[0], math.Ldexp(1, -24)*math.Abs(sum)+1e-13)
			ReduceMax(dst, src, 1, n, 1)
			require.Equal(t, top, dst[0])
			ReduceMin(dst, src, 1, n, 1)
			require.Equal(t, low, dst[0])
			for at := range src {
				was := src[at]
				src[at] = float32(math.NaN())
				for _, f := range []reduction{ReduceSum, ReduceMax, ReduceMin} {
					f(dst, src, 1, n, 1)
					require.True(t, dst[0] != dst[0], "NaN at %d of %d", at, n)
				}
				src[at] = was
			}
		}
	})
}

// A long sum is right to the last bit, where float32 would have lost digits.
func TestReduceSumIsExact(t *testing.T) { eachVariant(t, reduceSumIsExact) }

func reduceSumIsExact(t *testing.T) {
	src := make([]float32, 100_001)
	for i := range src {
		src[i] = 0.1
	}
	dst := make([]float32, 1)
	ReduceSum(dst, src, 1, len(src), 1)
	require.Equal(t, float32(float64(float32(0.1))*100_001), dst[0])
}

func TestMoments(t *testing.T) { eachVariant(t, momentsOfLines) }

func momentsOfLines(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	const outer, axis, inner = 2, 7, 3
	src := kerneltest.Random(r, outer*axis*inner)
	AddScalar(src, src, 1000) // a large mean is where one-pass formulas fail
	mean, variance := kerneltest.Guarded(t, outer*inner), kerneltest.Guarded(t, outer*inner)
	Moments(mean, variance, src, outer, axis, inner)
	for o := 0; o < outer; o++ {
		for i := 0; i < inner; i++ {
			var line []float64
			for j := 0; j < axis; j++ {
				line = append(line, float64(src[(o*axis+j)*inner+i]))
			}
			m, v := stat.PopMeanVariance(line, nil)
			kerneltest.CheckULP(t, mean[o*inner+i:][:1], []float64{m}, 1)
			kerneltest.CheckULP(t, variance[o*inner+i:][:1], []float64{v}, 1)
		}
	}
}

// normalized is the definition of layer and group normalization for one set of
// elements, given by their indices.
func normalized(want []float64, src []float32, at []int, epsilon float64) {
	var line []float64
	for _, i := range at {
		line = append(line, float64(src[i]))
	}
	m, v := stat.PopMeanVariance(line, nil)
	for _, i := range at {
		want[i] = (float64(src[i]) - m) / math.Sqrt(v+epsilon)
	}
}

func affine(want []float64, gamma, beta []float32) {
	for i := range want {
		want[i] = want[i]*float64(gamma[i%len(gamma)]) + float64(beta[i%len(beta)])
	}
}

func TestLayerNorm(t *testing.T) { eachVariant(t, checkLayerNorm) }

func checkLayerNorm(t *testing.T) {
	r := rand.New(rand.NewSource(2))
	const epsilon = 0.0009765625
	for n := 1; n <= 37; n++ {
		src, gamma, beta := kerneltest.Random(r, 3*n), kerneltest.Random(r, n), kerneltest.Random(r, n)
		want := make([]float64, 3*n)
		for row := 0; row < 3; row++ {
			var at []int
			for i := 0; i < n; i++ {
				at = append(at, row*n+i)
			}
			normalized(want, src, at, epsilon)
		}
		dst := kerneltest.Fenced(t, 3*n)
		LayerNorm(dst, src, nil, nil, n, epsilon)
		checkClose(t, dst, want)
		affine(want, gamma, beta)
		LayerNorm(dst, src, gamma, beta, n, epsilon)
		checkClose(t, dst, want)
		same := kerneltest.Copy(t, src)
		LayerNorm(same, same, gamma, beta, n, epsilon)
		checkClose(t, same, want)
	}
}

func TestRMSNorm(t *testing.T) { eachVariant(t, checkRMSNorm) }

func checkRMSNorm(t *testing.T) {
	dst := kerneltest.Guarded(t, 4)
	RMSNorm(dst, []float32{3, 4, -6, 8}, []float32{1, 2}, 2, 0)
	checkClose(t, dst, []float64{3 / math.Sqrt(12.5), 8 / math.Sqrt(12.5), -6 / math.Sqrt(50), 16 / math.Sqrt(50)})
	RMSNorm(dst, []float32{3, 4, 0, 0}, nil, 2, 1)
	checkClose(t, dst, []float64{3 / math.Sqrt(13.5), 4 / math.Sqrt(13.5), 0, 0})
}

func TestGroupNorm(t *testing.T) { eachVariant(t, checkGroupNorm) }

func checkGroupNorm(t *testing.T) {
	r := rand.New(rand.NewSource(3))
	const epsilon, pixels = 0.0009765625, 5
	for _, c := range []struct{ channels, groups int }{{1, 1}, {4, 1}, {4, 2}, {6, 3}, {6, 6}, {15, 5}, {62, 2}} {
		n, width := pixels*c.channels, c.channels/c.groups
		src, gamma, beta := kerneltest.Random(r, n), kerneltest.Random(r, c.channels), kerneltest.Random(r, c.channels)
		want := make([]float64, n)
		for g := 0; g < c.groups; g++ {
			var at []int
			for p := 0; p < pixels; p++ {
				for i := 0; i < width; i++ {
					at = append(at, p*c.channels+g*width+i)
				}
			}
			normalized(want, src, at, epsilon)
		}
		dst := kerneltest.Fenced(t, n)
		GroupNorm(dst, src, nil, nil, pixels, c.channels, c.groups, epsilon)
		checkClose(t, dst, want)
		affine(want, gamma, beta)
		GroupNorm(dst, src, gamma, beta, pixels, c.channels, c.groups, epsilon)
		checkClose(t, dst, want)
	}
}

// checkClose allows one step of the float32 grid and what float64 sums of
// cancelling terms lose.
func checkClose(t *testing.T, got []float32, want []float64) {
	t.Helper()
	require.Len(t, got, len(want))
	for i, v := range got {
		near := math.Abs(float64(v)-want[i]) <= 1e-13
		require.True(t, near || kerneltest.ULP(v, float32(want[i])) <= 1, "element %d is %v, want %v", i, v, want[i])
	}
}

func TestNothingAllocates(t *testing.T) {
	eachVariant(t, nothingAllocates)
}

func nothingAllocates(t *testing.T) {
	src, dst, scratch := make([]float32, 60), make([]float32, 60), make([]float32, 5)
	require.Zero(t, testing.AllocsPerRun(10, func() {
		for _, a := range []func(dst, src []float32){Sigmoid, GELU, HardSigmoid, ReLU6} {
			a(dst, src)
		}
		SubFromRow(dst, src, scratch)
		Softmax(dst, src, 3, 5, 4)
		Sparsemax(dst, src, 3, 5, 4, scratch)
		ReduceSum(dst, src, 3, 5, 4)
		LayerNorm(dst, src, scratch, scratch, 5, 1)
		GroupNorm(dst, src, scratch, scratch, 12, 5, 5, 1)
	}))
}
