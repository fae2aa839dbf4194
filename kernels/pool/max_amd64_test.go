//go:build !purego

package pool

import (
	"math"
	"math/rand"
	"testing"

	"github.com/kerasrun/kerasrun/kernels/cpu"
	"github.com/stretchr/testify/require"
)

// The assembly does what the plain loop does, to the bit, NaNs and zeros included.
func TestMaxInto(t *testing.T) {
	if cpu.Runnable()[0] == cpu.Generic {
		t.Skip("this processor has no AVX2")
	}
	defer func(v bool) { useAVX2 = v }(useAVX2)
	useAVX2 = true
	rng := rand.New(rand.NewSource(1))
	odd := []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 0, float32(math.Copysign(0, -1)), -math.MaxFloat32}
	for n := range 80 {
		const guard = 5
		src, dst, want := make([]float32, n+guard), make([]float32, n+guard), make([]float32, n+guard)
		for i := range src {
			src[i], dst[i] = float32(rng.NormFloat64()), float32(rng.NormFloat64())
			if rng.Intn(4) == 0 {
				src[i] = odd[rng.Intn(len(odd))]
			}
		}
		copy(want, dst)
		maxIntoGeneric(want[:n], src[:n])
		maxInto(dst[:n], src[:n])
		for i := range dst {
			require.Equal(t, math.Float32bits(want[i]), math.Float32bits(dst[i]), "n %d, element %d", n, i)
		}
	}
}
