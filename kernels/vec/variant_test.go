package vec

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/kernels/cpu"
	"github.com/kerasrun/kerasrun/kernels/kerneltest"
)

// eachVariant runs f with every variant that this processor has.
func eachVariant(t *testing.T, f func(t *testing.T)) {
	for _, v := range cpu.Runnable() {
		t.Run(string(v), func(t *testing.T) {
			defer func(v cpu.Variant) { use = v }(use)
			use = v
			f(t)
		})
	}
}

// smoothLimits are the errors that the documentation states, in ULP of the
// result that float64 rounds to.
var smoothLimits = map[string]uint32{
	"exponential":  1,
	"elu":          2,
	"selu":         2,
	"celu":         2,
	"sigmoid":      2,
	"log_sigmoid":  2,
	"softplus":     2,
	"softsign":     2,
	"tanh":         2,
	"silu":         2,
	"gelu_tanh":    2,
	"mish":         4,
	"gelu":         9,
	"hard_sigmoid": 0, // the plain form is float32 too
	"hard_silu":    0,
}

// All exponents and many fractions, both signs, Inf and NaN.
func TestSmoothErrors(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		if use == cpu.Generic {
			t.Skip("it is what the others are measured against")
		}
		step := uint64(1009)
		if testing.Short() {
			step = 40009
		}
		src, got, want := make([]float32, 4096), make([]float32, 4096), make([]float32, 4096)
		for _, a := range activations() {
			limit, ok := smoothLimits[a.name]
			if !ok {
				continue
			}
			t.Run(a.name, func(t *testing.T) {
				for bits := uint64(0); bits < 1<<32; {
					for i := range src {
						src[i] = math.Float32frombits(uint32(bits))
						bits += step
					}
					a.f(got, src)
					v := use
					use = cpu.Generic
					a.f(want, src)
					use = v
					for i, x := range src {
						if d := kerneltest.ULP(got[i], want[i]); d > limit {
							require.FailNow(t, "too large an error", "f(%v) = %v, want %v: %d ULP", x, got[i], want[i], d)
						}
					}
				}
			})
		}
	})
}
