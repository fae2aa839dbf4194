package kerneltest

import (
	"math"
	"math/rand"
	"testing"
)

// Sums are results in float64 with what bounds their rounding error: the same
// sums over absolute values.
type Sums struct {
	Value, Abs []float64
}

func newSums(n int) Sums {
	return Sums{Value: make([]float64, n), Abs: make([]float64, n)}
}

func (s Sums) add(i int, a, b float32) {
	p := float64(a) * float64(b)
	s.Value[i] += p
	s.Abs[i] += math.Abs(p)
}

// CheckSums fails the test unless got equals want within what summing terms
// products in float32, in any order, can lose: terms · 2^-24 · Σ|a·b|
// (Higham, Accuracy and Stability of Numerical Algorithms, §3.1), and what
// denormal products lose.
func CheckSums(t testing.TB, got []float32, want Sums, terms int) {
	t.Helper()
	if len(got) != len(want.Value) {
		t.Fatalf("length is %d, want %d", len(got), len(want.Value))
	}
	for i, v := range got {
		limit := float64(terms+2) * (math.Ldexp(want.Abs[i], -24) + math.SmallestNonzeroFloat32)
		if d := math.Abs(float64(v) - want.Value[i]); !(d <= limit) {
			t.Fatalf("element %d is %v, want %v: off by %g, rounding explains %g", i, v, want.Value[i], d, limit)
		}
	}
}

// ULP is the distance of two floats in steps of the float32 grid; that of two
// NaN is 0, that of NaN and a number the largest.
func ULP(a, b float32) uint32 {
	if a != a || b != b {
		if a != a && b != b {
			return 0
		}
		return math.MaxUint32
	}
	x, y := ordered(a), ordered(b)
	if x < y {
		x, y = y, x
	}
	return uint32(x - y)
}

// ordered numbers the floats in order, both zeros with 0.
func ordered(f float32) int64 {
	b := int64(math.Float32bits(f))
	if b >= 1<<31 {
		return 1<<31 - b
	}
	return b
}

// CheckULP fails the test unless every got is within limit ULP of want rounded
// to float32.
func CheckULP(t testing.TB, got []float32, want []float64, limit uint32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("length is %d, want %d", len(got), len(want))
	}
	for i, v := range got {
		if d := ULP(v, float32(want[i])); d > limit {
			t.Fatalf("element %d is %v, want %v: %d ULP apart, want at most %d", i, v, want[i], d, limit)
		}
	}
}

// RMSError is the root mean square of got - want, relative to that of want.
func RMSError(got []float32, want []float64) float64 {
	var e, w float64
	for i, v := range got {
		d := float64(v) - want[i]
		e += d * d
		w += want[i] * want[i]
	}
	return math.Sqrt(e / w)
}

// Random returns n normally distributed floats.
func Random(r *rand.Rand, n int) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = float32(r.NormFloat64())
	}
	return s
}
