package tflite

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// TestOps holds that every op is either written or refused with a reason.
func TestOps(t *testing.T) {
	for _, op := range graph.Ops {
		name := graph.Name(op)
		_, written := exporters[name]
		why, refused := refusals[name]
		require.True(t, written != refused, name)
		require.True(t, written || why != "", name)
	}
	require.Len(t, graph.Ops, len(exporters)+len(refusals))
}

// TestFunctions holds that every function of the tables has an operator.
func TestFunctions(t *testing.T) {
	for _, f := range graph.BinaryFuncs {
		require.Contains(t, binaryCodes, f)
	}
	for _, f := range graph.ReduceFuncs {
		require.Contains(t, reduceCodes, f)
	}
}

func TestPermuted(t *testing.T) {
	x := graph.Floats([]float32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, 2, 3, 2)
	y := permuted(x, []int{2, 0, 1})
	require.Equal(t, graph.Shape{2, 2, 3}, y.Shape)
	require.Equal(t, []float32{0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11}, y.Data)
	require.True(t, slices.Equal(x.Data.([]float32), permuted(y, []int{1, 2, 0}).Data.([]float32)))
}
