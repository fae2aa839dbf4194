package source

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/layers"
)

func TestBoundaries(t *testing.T) {
	config, err := keras.ParseJSON([]byte(`{"num_bins":4}`), keras.Limits{JSONSize: 100, JSONDepth: 4, JSONNodes: 10})
	require.NoError(t, err)
	prog := &layers.Program{Layers: []layers.LayerInfo{{Path: "d", Layer: &keras.Layer{Config: config}}}}
	convert := boundaries(prog, graph.Param{Layer: "d"})
	want := graph.Type{DType: graph.Float32, Shape: graph.Shape{3}}
	summary := graph.Tensor{DType: graph.Float32, Shape: graph.Shape{2, 4}, Data: []float32{1, 2, 4, 8, 1, 1, 1, 1}}
	got, err := convert([]graph.Tensor{summary}, want)
	require.NoError(t, err)
	require.Equal(t, []float32{1, 2, 4}, got.Data)

	// numpy.interp([0.25, 0.5, 0.75], [0.125, 0.625, 0.75, 1], [1, 2, 4, 8])
	summary.Data = []float32{1, 2, 4, 8, 1, 4, 1, 2}
	got, err = convert([]graph.Tensor{summary}, want)
	require.NoError(t, err)
	require.Equal(t, []float32{1.25, 1.75, 4}, got.Data)

	given := graph.Tensor{DType: graph.Float32, Shape: graph.Shape{3}, Data: []float32{5, 6, 7}}
	got, err = convert([]graph.Tensor{given}, want)
	require.NoError(t, err)
	require.Equal(t, given, got)

	_, err = convert([]graph.Tensor{{DType: graph.Float32, Shape: graph.Shape{4}, Data: make([]float32, 4)}}, want)
	require.ErrorIs(t, err, graph.ErrShape)
	_, err = convert([]graph.Tensor{{DType: graph.Float32, Shape: graph.Shape{2, 3}, Data: make([]float32, 6)}}, want)
	require.ErrorIs(t, err, ErrUnsupported)
	require.ErrorContains(t, err, "4 bins that were learnt from 3 values")
}
