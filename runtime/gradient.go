package runtime

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/kerasrun/kerasrun/runtime/grad"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/plan"
	"github.com/kerasrun/kerasrun/runtime/weight"
)

// A Score is what gradients are taken of: one element of an output in each
// example of the batch.
type Score struct {
	Output  int // its place in m.Outputs
	Element int // its place among the elements of an example, in row-major order
	// Logits takes the element before the softmax or sigmoid that gives the
	// output, where one does. The gradient of a probability near 1 or 0 vanishes.
	Logits bool
}

// Gradients are those of a [Score], and the values that it was computed from.
type Gradients struct {
	// Scores is the output, or its logits: the Score is one of its elements.
	Scores Tensor
	// Values and Of hold, by name of a layer or input, its result and the gradient
	// of the score with respect to it, which has the same type. That of an example
	// is the gradient of the example's own score where the model treats them apart.
	Values, Of map[string]Tensor
}

// PredictGradients runs the model and returns the gradients of the score with
// respect to what is named: inputs by their names, and by path the results of
// the first call of layers ("encoder/conv2d_1"; the first result where a layer has
// several). Where a function has a kink, the gradient is TensorFlow's.
//
// The error wraps [ErrUnsupported] when what lies between has no gradient (all
// of it is named), and [ErrInput] when the score does not depend on what is
// named, or by steps only. Like [Model.PredictLayers] it plans anew each time and,
// unless KeepWeights was set, reads the weights from the file again.
func (m *Model) PredictGradients(ctx context.Context, score Score, names []string, inputs ...Tensor) (Gradients, error) {
	if m.closed.Load() {
		return Gradients{}, ErrClosed
	}
	in, shapes, err := m.checkInputs(inputs)
	if err != nil {
		return Gradients{}, err
	}
	r := grad.Request{Inputs: shapes, Funcs: m.prog.Funcs}
	if r.Of, err = m.scored(score); err != nil {
		return Gradients{}, err
	}
	for _, name := range names {
		id, err := m.named(name)
		if err != nil {
			return Gradients{}, err
		}
		r.To = append(r.To, id)
	}
	g, err := grad.Of(m.prog.Graph, r)
	if err != nil {
		return Gradients{}, m.gradientError(err, score, names)
	}
	of := g.Outputs[0].Type
	seed, err := seedOf(of, score, m.prog.Graph.Outputs[score.Output].Name)
	if err != nil {
		return Gradients{}, err
	}
	var p *plan.Plan
	err = m.withWeights(func(weights []*weight.Value) error {
		c, err := plan.Compile(g, weights, weight.NewPacks(m.threads), m.options.plan(m.prog, nil))
		if err != nil {
			return err
		}
		if p, err = c.Plan(append(shapes, of.Shape)); err != nil {
			return inputError(err)
		}
		return nil
	})
	if err != nil {
		return Gradients{}, err
	}
	out := newOutputs(p, len(p.Outputs))
	if err := newSession(p, m.threads).run(ctx, append(in, seed), out); err != nil {
		return Gradients{}, err
	}
	res := Gradients{out[0], make(map[string]Tensor, len(names)), make(map[string]Tensor, len(names))}
	for i, name := range names {
		res.Values[name], res.Of[name] = out[1+i], out[1+len(names)+i]
	}
	return res, nil
}

// scored returns the ID of the value that holds the score.
func (m *Model) scored(score Score) (int, error) {
	g := m.prog.Graph
	if score.Output < 0 || score.Output >= len(g.Outputs) {
		return 0, fmt.Errorf("%w: output %d of %d", ErrInput, score.Output, len(g.Outputs))
	}
	v := g.Outputs[score.Output].Value
	if !v.DType.Floating() {
		return 0, fmt.Errorf("%w: output %q is %v and has no gradient", ErrInput, g.Outputs[score.Output].Name, v.DType)
	}
	if !score.Logits {
		return v.ID, nil
	}
	i := slices.IndexFunc(g.Nodes, func(n graph.Node) bool { return slices.Contains(n.Out, v.ID) })
	if i >= 0 {
		switch op := g.Nodes[i].Op.(type) {
		case graph.Softmax:
			return g.Nodes[i].In[0], nil
		case graph.Activation:
			if op.Func == graph.Sigmoid {
				return g.Nodes[i].In[0], nil
			}
		}
	}
	return v.ID, nil
}

// named returns the ID of an input, or of the first result of a layer by its path.
func (m *Model) named(name string) (int, error) {
	for _, in := range m.prog.Graph.Inputs {
		if in.Name == name {
			return in.ID, nil
		}
	}
	taps, err := LayerTaps(m.prog, []string{name})
	if err != nil {
		return 0, err
	}
	return taps[0].ID, nil
}

// seedOf is 1 at the score's element of every example and 0 elsewhere.
func seedOf(t graph.Type, score Score, output string) (Tensor, error) {
	n, _ := t.Shape.Elems() // the result of a node of known shapes
	examples := 1
	if len(t.Shape) > 0 {
		examples = t.Shape[0]
	}
	n /= max(examples, 1)
	if score.Element < 0 || score.Element >= n {
		return Tensor{}, fmt.Errorf("%w: element %d of output %q, which has %d", ErrInput, score.Element, output, n)
	}
	seed := graph.NewTensor(t.DType, t.Shape)
	for i := range examples {
		seed.SetFloat(i*n+score.Element, 1)
	}
	return seed, nil
}

// gradientError says which of names the gradient does not reach, or why there is none.
func (m *Model) gradientError(err error, score Score, names []string) error {
	var independent *grad.Independent
	switch {
	case errors.As(err, &independent):
		return fmt.Errorf("%w: output %q does not depend on %q, or by steps only", ErrInput, m.prog.Graph.Outputs[score.Output].Name, names[independent.To])
	case errors.Is(err, grad.ErrUnsupported):
		return fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	return inputError(err)
}
