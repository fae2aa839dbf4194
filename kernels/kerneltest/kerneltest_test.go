package kerneltest

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// recorder is a testing.TB that keeps failures instead of reporting them.
type recorder struct {
	testing.TB
	failures []string
	cleanups []func()
}

func (r *recorder) Helper()          {}
func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Errorf(format string, a ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, a...))
}

func (r *recorder) Fatalf(format string, a ...any) {
	r.Errorf(format, a...)
	panic(r)
}

// failures runs f and returns what it reported.
func failures(f func(t testing.TB)) []string {
	r := &recorder{}
	func() {
		defer func() {
			if v := recover(); v != nil && v != any(r) {
				panic(v)
			}
		}()
		f(r)
	}()
	for _, c := range r.cleanups {
		c()
	}
	return r.failures
}

func TestGuardedNoticesWrites(t *testing.T) {
	for _, at := range []int{-1, 5, 5 + margin - 1, -margin} {
		got := failures(func(t testing.TB) {
			whole, _ := guarded(t, 5)
			whole[margin+at] = 1
		})
		require.Len(t, got, 1, at)
	}
	require.Empty(t, failures(func(t testing.TB) {
		s := Guarded(t, 5)
		require.Equal(t, 5, cap(s))
		for i := range s {
			require.True(t, IsUnset(s[i]))
			s[i] = 1
		}
	}))
}

func TestFenced(t *testing.T) {
	for _, n := range []int{0, 1, 1023, 1024, 1025} {
		s := Fenced(t, n)
		require.Len(t, s, n)
		for i := range s {
			require.True(t, IsUnset(s[i]))
			s[i] = 2
		}
	}
}

func TestULP(t *testing.T) {
	nan := float32(math.NaN())
	inf := float32(math.Inf(1))
	require.Zero(t, ULP(0, float32(math.Copysign(0, -1))))
	require.Zero(t, ULP(nan, nan))
	require.Equal(t, uint32(math.MaxUint32), ULP(nan, 1))
	require.Equal(t, uint32(1), ULP(1, math.Nextafter32(1, 2)))
	require.Equal(t, uint32(1), ULP(inf, math.MaxFloat32))
	require.Equal(t, uint32(2), ULP(math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32))
	require.Equal(t, uint32(2*0x7f800000), ULP(-inf, inf))
}

func TestChecksFail(t *testing.T) {
	want := Sums{Value: []float64{1, 2}, Abs: []float64{1, 2}}
	check := func(got ...float32) []string {
		return failures(func(t testing.TB) { CheckSums(t, got, want, 1) })
	}
	require.Empty(t, check(1, 2))
	require.Len(t, check(1, 2.00001), 1)
	require.Len(t, check(1, float32(math.NaN())), 1)
	require.Len(t, check(1), 1)

	require.Empty(t, failures(func(t testing.TB) { CheckULP(t, []float32{1}, []float64{1}, 0) }))
	require.Len(t, failures(func(t testing.TB) { CheckULP(t, []float32{1}, []float64{1.000001}, 1) }), 1)
}

func TestRMSError(t *testing.T) {
	require.Zero(t, RMSError([]float32{3, 4}, []float64{3, 4}))
	require.Equal(t, 0.2, RMSError([]float32{3, 3}, []float64{3, 4}))
}

// The references are checked by hand on one small case each.
func TestReferences(t *testing.T) {
	// 1x3 image, one channel, kernel [1, 2], "same" padding on the right.
	conv := Conv(Conv2D{
		InH: 1, InW: 3, InC: 1, OutH: 1, OutW: 3, OutC: 1, KH: 1, KW: 2,
		StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1, Groups: 1,
	}, []float32{1, 10, 100}, []float32{1, 2})
	require.Equal(t, []float64{21, 210, 100}, conv.Value)

	depthwise := Depthwise(Depthwise2D{
		InH: 1, InW: 1, InC: 2, OutH: 1, OutW: 1, Multiplier: 2, KH: 1, KW: 1,
		StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1,
	}, []float32{1, 10}, []float32{1, 2, 3, -4})
	require.Equal(t, []float64{1, 2, 30, -40}, depthwise.Value)
	require.Equal(t, []float64{1, 2, 30, 40}, depthwise.Abs)

	transposed := Transposed(Transposed2D{
		InH: 1, InW: 2, InC: 1, OutH: 1, OutW: 5, OutC: 1, KH: 1, KW: 3,
		StrideH: 1, StrideW: 2, DilationH: 1, DilationW: 1,
	}, []float32{1, 10}, []float32{1, 2, 3})
	require.Equal(t, []float64{1, 2, 13, 20, 30}, transposed.Value)

	require.Equal(t, []float64{11, 15}, MatMul([]float32{1, 2}, []float32{3, 4, 5, 5}, 1, 2, 2, true).Value)

	maximum, average := Pool(Pooling{
		InH: 1, InW: 3, C: 1, OutH: 1, OutW: 2, KH: 1, KW: 2, StrideH: 1, StrideW: 2,
	}, []float32{1, 3, 5})
	require.Equal(t, []float64{3, 5}, maximum)
	require.Equal(t, []float64{2, 5}, average)
}
