package tflite

import (
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
