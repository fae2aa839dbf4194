package kerneltest

import (
	"math"
	"testing"
)

const (
	// canary is a NaN that arithmetic does not produce.
	canary = 0x7fc0beef
	// margin is how far around a guarded slice writes are noticed: more than
	// one tile of any variant.
	margin = 128
)

// Guarded returns a slice of n floats, filled with [Unset], with canaries on
// both sides that are checked when the test ends. The slice's capacity is n.
func Guarded(t testing.TB, n int) []float32 {
	t.Helper()
	_, s := guarded(t, n)
	return s
}

func guarded(t testing.TB, n int) (whole, s []float32) {
	t.Helper()
	whole = make([]float32, n+2*margin)
	for i := range whole {
		whole[i] = Unset()
	}
	t.Cleanup(func() {
		for i, v := range whole {
			if (i < margin || i >= margin+n) && !IsUnset(v) {
				t.Errorf("write outside a slice of %d floats: index %d holds %v", n, i-margin, v)
				return
			}
		}
	})
	return whole, whole[margin : margin+n : margin+n]
}

// Unset is the value of an element nothing was written to.
func Unset() float32 { return math.Float32frombits(canary) }

// IsUnset tells whether v is [Unset], by its bits.
func IsUnset(v float32) bool { return math.Float32bits(v) == canary }

// Copy returns src in a guarded slice of its own.
func Copy(t testing.TB, src []float32) []float32 {
	t.Helper()
	s := Guarded(t, len(src))
	copy(s, src)
	return s
}
