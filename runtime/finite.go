package runtime

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/plan"
	"github.com/kerasrun/kerasrun/runtime/weight"
)

// A NotFinite says where a model first makes a number that is not finite.
type NotFinite struct {
	// Layer is the path of the layer, or "" where an input has one already.
	Layer, Class string
	// Input is the name of that input.
	Input string
	// Shape is that of the result of the layer, or of the input, and At the place of the number in it.
	Shape Shape
	At    []int
	Value float64 // NaN or an infinity
	Count int     // of such numbers in it
}

// String says it in a sentence.
func (n *NotFinite) String() string {
	who := fmt.Sprintf("layer %s (%s)", n.Layer, n.Class)
	if n.Layer == "" {
		who = fmt.Sprintf("input %q", n.Input)
	}
	elems, _ := n.Shape.Elems()
	return fmt.Sprintf("%s has %d of %d values that are not finite, the first %v at %v of %v", who, n.Count, elems, n.Value, n.At, n.Shape)
}

// CheckFinite runs the model and returns the first of its inputs and of the
// results of its layers, in the order in which they are computed, that is not
// finite, or nil. It keeps the results of all layers, and otherwise works as
// [Model.PredictLayers] does.
func (m *Model) CheckFinite(ctx context.Context, inputs ...Tensor) (*NotFinite, error) {
	if m.closed.Load() {
		return nil, ErrClosed
	}
	in, shapes, err := m.checkInputs(inputs)
	if err != nil {
		return nil, err
	}
	for i, t := range in {
		if n := notFinite(t); n != nil {
			n.Input = m.prog.Graph.Inputs[i].Name
			return n, nil
		}
	}
	type result struct{ value, layer int }
	var results []result
	seen := map[int]bool{}
	for i, l := range m.prog.Layers {
		for _, call := range l.Calls {
			for _, v := range call {
				if v.DType.Floating() && !seen[v.ID] {
					seen[v.ID] = true
					results = append(results, result{v.ID, i})
				}
			}
		}
	}
	slices.SortStableFunc(results, func(a, b result) int { return a.value - b.value })
	keep := make([]int, len(results))
	for i, r := range results {
		keep[i] = r.value
	}
	taps, err := m.tap(ctx, keep, in, shapes)
	if err != nil {
		return nil, err
	}
	for i, t := range taps[len(m.prog.Graph.Outputs):] {
		if n := notFinite(t); n != nil {
			l := m.prog.Layers[results[i].layer]
			n.Layer, n.Class = l.Path, l.Class
			return n, nil
		}
	}
	return nil, nil
}

// notFinite counts the numbers of t that are not finite, nil when there is none.
func notFinite(t Tensor) *NotFinite {
	if !t.DType.Floating() {
		return nil
	}
	var n *NotFinite
	for i := range t.Len() {
		x := t.Float(i)
		if !math.IsNaN(x) && !math.IsInf(x, 0) {
			continue
		}
		if n == nil {
			n = &NotFinite{Shape: t.Shape, At: make([]int, len(t.Shape)), Value: x}
			for k, rest := len(t.Shape)-1, i; k >= 0; k-- {
				n.At[k], rest = rest%t.Shape[k], rest/t.Shape[k]
			}
		}
		n.Count++
	}
	return n
}

// tap plans the model anew, with the values keep kept, runs it, and returns the
// outputs and then those values.
func (m *Model) tap(ctx context.Context, keep []int, in []Tensor, shapes []graph.Shape) ([]Tensor, error) {
	var p *plan.Plan
	err := m.withWeights(func(weights []*weight.Value) error {
		c, err := plan.Compile(m.prog.Graph, weights, weight.NewPacks(m.threads), m.options.plan(m.prog, keep))
		if err != nil {
			return err
		}
		if p, err = c.Plan(shapes); err != nil {
			return inputError(err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := newOutputs(p, len(p.Outputs))
	return out, newSession(p, m.threads).run(ctx, in, out)
}
