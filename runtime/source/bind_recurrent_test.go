package source

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// TestJoinColumns puts the gates of Keras 1 side by side.
func TestJoinColumns(t *testing.T) {
	a, b := graph.Floats([]float32{1, 2, 3, 4}, 2, 2), graph.Floats([]float32{5, 6, 7, 8}, 2, 2)
	got, err := joinColumns([]graph.Tensor{a, b}, graph.Type{Shape: graph.Shape{2, 4}})
	require.NoError(t, err)
	require.Equal(t, []float32{1, 2, 5, 6, 3, 4, 7, 8}, got.Data)
	_, err = joinColumns([]graph.Tensor{a, b}, graph.Type{Shape: graph.Shape{3, 4}})
	require.ErrorIs(t, err, graph.ErrShape)
}

// TestCuDNNWeights holds the conversion against what NumPy makes of the formulas
// of tf_keras: kernel.T.reshape(kernel.shape, order="F") and kernel.T by gate.
func TestCuDNNWeights(t *testing.T) {
	// Two gates of 2 units, 3 inputs; a gate is [[1 2] [3 4] [5 6]], the other 10 more.
	kernel := graph.Floats([]float32{1, 2, 11, 12, 3, 4, 13, 14, 5, 6, 15, 16}, 3, 4)
	got, err := cudnnKernel(2, false)(kernel, graph.Type{Shape: kernel.Shape})
	require.NoError(t, err)
	require.Equal(t, []float32{1, 4, 11, 14, 2, 5, 12, 15, 3, 6, 13, 16}, got.Data)
	states := graph.Floats([]float32{1, 2, 11, 12, 3, 4, 13, 14}, 2, 4)
	got, err = cudnnKernel(2, true)(states, graph.Type{Shape: states.Shape})
	require.NoError(t, err)
	require.Equal(t, []float32{1, 3, 11, 13, 2, 4, 12, 14}, got.Data)
	_, err = cudnnKernel(2, true)(states, graph.Type{Shape: graph.Shape{3, 4}})
	require.ErrorIs(t, err, graph.ErrShape)

	bias := graph.Floats([]float32{1, 2, 3, 4}, 4)
	got, err = cudnnBias(bias, graph.Type{Shape: graph.Shape{2}})
	require.NoError(t, err)
	require.Equal(t, []float32{4, 6}, got.Data)
	got, err = cudnnBias(bias, graph.Type{Shape: graph.Shape{2, 2}})
	require.NoError(t, err)
	require.Equal(t, []float32{1, 2, 3, 4}, got.Data)
}
