package smaller

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// TestAligned has equations that EinsumDense of Keras 3.15 runs in int8, and those that it fails on.
func TestAligned(t *testing.T) {
	for _, c := range []struct {
		input, kernel, result string
		want                  bool
	}{
		{"ab", "bc", "ac", true}, {"abc", "cd", "abd", true}, {"abc", "cde", "abde", true}, {"abc", "bcd", "ad", true},
		{"abcd", "cde", "abe", true}, {"abc", "bcd", "abd", true}, {"abc", "bd", "adc", true}, {"abc", "cd", "adb", true},
		{"abc", "bc", "ab", false},
	} {
		index := -1
		for i := range c.result {
			if c.result[i] == c.kernel[len(c.kernel)-1] {
				index = i
			}
		}
		x, index := aligned(c.input, c.result, index)
		k, _ := aligned(c.kernel, c.result, index)
		require.Equal(t, c.want, x && k, "%+v", c)
	}
}

// TestAbsMax has what abs_max_quantize of keras.quantizers returned for the same numbers.
func TestAbsMax(t *testing.T) {
	in := graph.Floats([]float32{1, -2, 0, 0.5, 4, 0}, 2, 3)
	ints, scale, d := absMax(in, []int{1})
	require.Equal(t, []int8{127, -64, 0, 63, 127, 0}, ints.Data)
	require.Equal(t, []float32{126.99998474121094, 31.75, 1.27e9}, scale.Data)
	require.Equal(t, graph.Shape{3}, scale.Shape)
	require.InDelta(t, (64/31.75-2)/4, d.relative(), 1e-7)
	ints, scale, _ = absMax(in, []int{0})
	require.Equal(t, []int8{64, -127, 0, 16, 127, 0}, ints.Data)
	require.Equal(t, []float32{63.5, 31.75}, scale.Data)
	_, scale, _ = absMax(in, []int{-1, 1, -1, 0})
	require.Equal(t, graph.Shape{1, 3, 1, 2}, scale.Shape)
}

// TestDifference leaves what is not finite out.
func TestDifference(t *testing.T) {
	var d difference
	d.add(2, 1.5)
	d.add(float32(math.Inf(1)), float32(math.Inf(1)))
	d.add(float32(math.NaN()), float32(math.NaN()))
	require.Equal(t, 0.25, d.relative())
	require.Zero(t, (&difference{}).relative())
}
