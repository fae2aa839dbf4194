package step

import (
	"fmt"
	"math/rand"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// computed are the ops that have a meaning of their own; TestCall is about the other.
var computed = slices.DeleteFunc(slices.Clone(graph.Ops), func(op graph.Op) bool { return graph.Name(op) == "Call" })

// TestEveryOpHasAStep holds the table of trials against the list of ops: a new
// op needs a trial, and TestAgainstReference runs it.
func TestEveryOpHasAStep(t *testing.T) {
	require.Len(t, trials, len(computed))
	for _, op := range computed {
		require.Contains(t, trials, graph.Name(op))
	}
}

// TestAgainstReference compares steps with the plain float64 forms on random
// operands, chunks in both orders.
func TestAgainstReference(t *testing.T) {
	for _, op := range computed {
		t.Run(graph.Name(op), func(t *testing.T) {
			r := rand.New(rand.NewSource(1))
			for range 120 {
				tr := trials[graph.Name(op)](r, false)
				tr.check(t)
			}
			most := 0
			for range 8 {
				tr := trials[graph.Name(op)](r, true)
				tr.check(t)
				s, err := New(tr.spec(t), nil)
				require.NoError(t, err)
				most = max(most, s.Chunks())
			}
			require.Greater(t, most, 1, "no trial had more than one chunk")
		})
	}
}

// TestAllocations demands that a float32 run allocates nothing.
func TestAllocations(t *testing.T) {
	for _, op := range computed {
		t.Run(graph.Name(op), func(t *testing.T) {
			r := rand.New(rand.NewSource(2))
			for range 20 {
				tr := trials[graph.Name(op)](r, false)
				spec := tr.spec(t)
				s, err := New(spec, nil)
				require.NoError(t, err)
				if _, slow := s.(*plain); slow {
					continue
				}
				a, scratch := tr.operands(spec), make([]float32, s.Info().Scratch)
				n := testing.AllocsPerRun(3, func() {
					if err := s.Run(a, 0, scratch); err != nil {
						panic(err)
					}
				})
				require.Zero(t, n, fmt.Sprintf("%#v of %v", tr.op, spec.In))
			}
		})
	}
}
