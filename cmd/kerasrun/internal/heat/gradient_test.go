package heat

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun"
)

// TestGradCAM holds a map by hand, in both orders of the axes.
func TestGradCAM(t *testing.T) {
	// Channel means of the gradient are 2 and -1.
	value, gradient := []float32{1, 0, 2, 1, 0, 3}, []float32{1, -1, 2, -2, 3, 0}
	for _, first := range []bool{false, true} {
		v, g, shape := value, gradient, []int{1, 1, 3, 2}
		if first {
			v, g, shape = []float32{1, 2, 0, 0, 1, 3}, []float32{1, 2, 3, -1, -2, 0}, []int{1, 2, 1, 3}
		}
		m, err := GradCAM(kerasrun.Floats(v, shape...), kerasrun.Floats(g, shape...), first)
		require.NoError(t, err)
		require.Equal(t, kerasrun.Floats([]float32{2. / 3, 1, 0}, 1, 3), m)
	}
	zero := kerasrun.Floats(make([]float32, 6), 1, 1, 3, 2)
	m, err := GradCAM(kerasrun.Floats(value, 1, 1, 3, 2), zero, false)
	require.NoError(t, err)
	require.Equal(t, []float32{0, 0, 0}, m.Data)
	_, err = GradCAM(kerasrun.Floats(value, 1, 6), kerasrun.Floats(gradient, 1, 6), false)
	require.ErrorIs(t, err, kerasrun.ErrInput)
}

func TestSaliency(t *testing.T) {
	g := []float32{1, -4, 2, 0}
	m, err := Saliency(kerasrun.Floats(g, 1, 1, 2, 2), false)
	require.NoError(t, err)
	require.Equal(t, kerasrun.Floats([]float32{1, 0.5}, 1, 2), m)
	m, err = Saliency(kerasrun.Floats(g, 1, 2, 1, 2), true)
	require.NoError(t, err)
	require.Equal(t, kerasrun.Floats([]float32{0.5, 1}, 1, 2), m)
	m, err = Saliency(kerasrun.Floats(g, 1, 2, 2), false)
	require.NoError(t, err)
	require.Equal(t, kerasrun.Floats([]float32{0.25, 1, 0.5, 0}, 2, 2), m)
	g[0] = float32(math.NaN())
	m, err = Saliency(kerasrun.Floats(g, 1, 1, 2, 2), false)
	require.NoError(t, err)
	require.True(t, math.IsNaN(m.Float(0)) && math.IsNaN(m.Float(1)))
	_, err = Saliency(kerasrun.Floats(g, 4), false)
	require.ErrorIs(t, err, kerasrun.ErrInput)
}
