package verify

import (
	"math"
	"testing"

	"github.com/kerasrun/kerasrun"
	"github.com/stretchr/testify/require"
)

func vector(v ...float32) kerasrun.Tensor { return kerasrun.Floats(v, len(v)) }

func doubles(v ...float64) kerasrun.Tensor {
	return kerasrun.Tensor{DType: kerasrun.Float64, Shape: kerasrun.Shape{len(v)}, Data: v}
}

func TestTolerance(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		name      string
		got, want kerasrun.Tensor
		ok        bool
	}{
		{"equal", vector(1, 2, 3), vector(1, 2, 3), true},
		{"within", vector(100, 1.0009), vector(100, 1), true}, // 1e-5·100 + 1e-4·1
		{"beyond", vector(100, 1.0012), vector(100, 1), false},
		{"small scale", vector(1e-3 + 1e-6), vector(1e-3), false},
		{"NaN agrees", vector(nan, 1), vector(nan, 1), true},
		{"NaN", vector(nan, 1), vector(1, 1), false},
		{"infinity agrees", vector(inf, 1), vector(inf, 1), true},
		{"infinity", vector(3e38, 1), vector(inf, 1), false},
		{"infinity got", vector(inf, 1), vector(3e38, 1), false},
		{"shape", vector(1, 2), vector(1, 2, 3), false},
		{"dtype", doubles(1, 2), vector(1, 2), true}, // floating types compare
	} {
		t.Run(c.name, func(t *testing.T) {
			d := DefaultTolerance.Compare(c.got, c.want)
			require.Equal(t, c.ok, d.OK, d.Reason)
			require.Equal(t, c.ok, d.Reason == "")
		})
	}
	ints := func(v ...int64) kerasrun.Tensor {
		return kerasrun.Tensor{DType: kerasrun.Int64, Shape: kerasrun.Shape{len(v)}, Data: v}
	}
	require.True(t, DefaultTolerance.Compare(ints(1, 2), ints(1, 2)).OK)
	require.False(t, DefaultTolerance.Compare(ints(1, 3), ints(1, 2)).OK)
	require.False(t, DefaultTolerance.Compare(ints(1), vector(1)).OK)
}

// The bound is Keras's own error times the factor, or four units where Keras is exact.
func TestExact(t *testing.T) {
	const ulp = 0x1p-23
	exact := doubles(1, -1, 1, -1)
	keras := vector(1+10*ulp, -1-10*ulp, 1+10*ulp, -1-10*ulp)
	at := func(n float32) kerasrun.Tensor { return vector(1+n*ulp, -1-n*ulp, 1+n*ulp, -1-n*ulp) }
	rule := Exact{Factor: 3}
	require.True(t, rule.Compare(at(29), keras, exact).OK)
	require.False(t, rule.Compare(at(31), keras, exact).OK)
	require.False(t, Exact{Factor: 2}.Compare(at(21), keras, exact).OK)
	require.True(t, rule.Compare(at(4), vector(1, -1, 1, -1), exact).OK)
	require.False(t, rule.Compare(at(5), vector(1, -1, 1, -1), exact).OK)
	// One element far off is refused though the rms error is small.
	many := make([]float32, 4096)
	wide := make([]float64, len(many))
	for i := range many {
		many[i], wide[i] = 1, 1
	}
	off := append([]float32{}, many...)
	off[7] = 1 + 20*ulp
	d := rule.Compare(vector(off...), vector(many...), doubles(wide...))
	require.False(t, d.OK)
	require.Contains(t, d.Reason, "element 7")
	nan := vector(float32(math.NaN()), -1, 1, -1)
	require.False(t, rule.Compare(nan, keras, exact).OK)
	require.True(t, rule.Compare(nan, nan, exact).OK)
}
