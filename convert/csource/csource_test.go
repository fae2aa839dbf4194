package csource

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// TestRoom lays values where none that lives lies.
func TestRoom(t *testing.T) {
	r := room{of: map[int]span{}}
	r.take(1, 10)
	r.take(2, 5)
	r.take(3, 7)
	require.Equal(t, map[int]span{1: {0, 10}, 2: {10, 5}, 3: {15, 7}}, r.of)
	r.free(2)
	r.take(4, 6)
	require.Equal(t, span{22, 6}, r.of[4])
	r.free(1)
	r.take(5, 12)
	require.Equal(t, span{0, 12}, r.of[5])
	require.Equal(t, 28, r.most)
}

// TestActivations has a function for every activation, but none of a name that there is not.
func TestActivations(t *testing.T) {
	for _, f := range graph.ActivationFuncs {
		body := activation(graph.Activation{Func: f, A: 0.25, B: 6, C: 0.5})
		require.Contains(t, body, "return", "%s", f)
		require.NotContains(t, body, "%!", "%s", f)
	}
	require.Empty(t, activation(graph.Activation{Func: "nonsense"}))
}

// TestNumber writes floats that C reads back.
func TestNumber(t *testing.T) {
	require.Equal(t, []string{"0.0f", "-3.0f", "0.1f", "1e-30f", "3.4028235e+38f", "NAN", "INFINITY", "-INFINITY"},
		[]string{number(0), number(-3), number(0.1), number(1e-30), number(math.MaxFloat32), number(math.NaN()), number(math.Inf(1)), number(math.Inf(-1))})
	require.False(t, strings.Contains(text("a*/b/*c\n"), "*/"))
}
