package plan

import (
	"slices"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// together reports whether nodes i and i+1 are recurrences that do not depend on
// each other, as the two directions of Bidirectional. A time step has little to
// split and its successor waits for it, so that threads take one recurrence each:
// both make one step of the plan.
func (p *program) together(i int) bool {
	if i+1 >= len(p.nodes) || !recurrence(p.nodes[i].op) || !recurrence(p.nodes[i+1].op) {
		return false
	}
	if i > 0 && p.together(i-1) {
		return false // already one of two
	}
	return !slices.ContainsFunc(p.nodes[i+1].in, func(v int) bool { return slices.Contains(p.nodes[i].out, v) })
}

func recurrence(op graph.Op) bool {
	switch op.(type) {
	case graph.LSTM, graph.GRU, graph.SimpleRNN:
		return true
	}
	return false
}
