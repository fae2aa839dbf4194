package runtime

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/layers"
	"github.com/kerasrun/kerasrun/runtime/plan"
)

// Predict runs the model on inputs in the order of m.Inputs and returns its
// outputs in the order of m.Outputs. Elements of another numeric type are
// converted to the input's; a missing or extra trailing dimension of 1 is
// added or dropped, as Keras does.
func (m *Model) Predict(ctx context.Context, inputs ...Tensor) ([]Tensor, error) {
	if m.closed.Load() {
		return nil, ErrClosed
	}
	in, shapes, err := m.checkInputs(inputs)
	if err != nil {
		return nil, err
	}
	s, err := m.session(shapes)
	if err != nil {
		return nil, inputError(err)
	}
	out := newOutputs(s.plan, len(m.prog.Graph.Outputs))
	if err := s.run(ctx, in, out); err != nil {
		return nil, err
	}
	m.giveBack(shapes, s)
	return out, nil
}

// PredictNamed is Predict with inputs and outputs by name.
func (m *Model) PredictNamed(ctx context.Context, inputs map[string]Tensor) (map[string]Tensor, error) {
	in, err := m.order(inputs)
	if err != nil {
		return nil, err
	}
	out, err := m.Predict(ctx, in...)
	if err != nil {
		return nil, err
	}
	named := make(map[string]Tensor, len(out))
	for i, o := range m.prog.Graph.Outputs {
		named[o.Name] = out[i]
	}
	return named, nil
}

// PredictLayers runs the model and returns its outputs and, by path, the
// results of the first call of the named layers ("encoder/dense_1"; the first
// result where a layer has several). It plans anew each time, and unless
// KeepWeights was set reads the weights from the file again, which must not have
// changed: use it to look inside a model, not for speed.
func (m *Model) PredictLayers(ctx context.Context, paths []string, inputs ...Tensor) ([]Tensor, map[string]Tensor, error) {
	if m.closed.Load() {
		return nil, nil, ErrClosed
	}
	named, err := LayerTaps(m.prog, paths)
	if err != nil {
		return nil, nil, err
	}
	keep := make([]int, len(paths))
	for i, v := range named {
		keep[i] = v.ID
	}
	in, shapes, err := m.checkInputs(inputs)
	if err != nil {
		return nil, nil, err
	}
	out, err := m.tap(ctx, keep, in, shapes)
	if err != nil {
		return nil, nil, err
	}
	n := len(m.prog.Graph.Outputs)
	taps := make(map[string]Tensor, len(paths))
	for i, path := range paths {
		taps[path] = out[n+i]
	}
	return out[:n], taps, nil
}

// LayerTaps finds layers by their paths ("encoder/dense_1"): the result of the first call of each, the first where it has
// several. Names are the paths.
func LayerTaps(prog *layers.Program, paths []string) ([]graph.Named, error) {
	taps := make([]graph.Named, len(paths))
	for i, path := range paths {
		k := slices.IndexFunc(prog.Layers, func(l layers.LayerInfo) bool { return l.Path == path })
		if k < 0 {
			return nil, fmt.Errorf("%w: layer %q%s", ErrNotFound, path, suggest(prog, path))
		}
		l := prog.Layers[k]
		if len(l.Calls) == 0 || len(l.Calls[0]) == 0 {
			return nil, fmt.Errorf("%w: layer %q has no result", ErrNotFound, path)
		}
		taps[i] = graph.Named{Name: path, Value: l.Calls[0][0]}
	}
	return taps, nil
}

// order brings named inputs into the model's order.
func (m *Model) order(inputs map[string]Tensor) ([]Tensor, error) {
	in := make([]Tensor, len(m.prog.Graph.Inputs))
	var names []string
	for i, v := range m.prog.Graph.Inputs {
		names = append(names, v.Name)
		t, ok := inputs[v.Name]
		if !ok {
			return nil, fmt.Errorf("%w: input %q is missing", ErrInput, v.Name)
		}
		in[i] = t
	}
	for name := range inputs {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("%w: the model has no input %q; its inputs are %s", ErrInput, name, strings.Join(names, ", "))
		}
	}
	return in, nil
}

// checkInputs checks inputs against the model's and converts their element types.
func (m *Model) checkInputs(inputs []Tensor) ([]Tensor, []graph.Shape, error) {
	want := m.prog.Graph.Inputs
	if len(inputs) != len(want) {
		return nil, nil, fmt.Errorf("%w: %d inputs, want %d", ErrInput, len(inputs), len(want))
	}
	in := make([]Tensor, len(inputs))
	shapes := make([]graph.Shape, len(inputs))
	batch := -1
	for i, t := range inputs {
		w := want[i]
		if err := t.Check(); err != nil {
			return nil, nil, fmt.Errorf("%w: input %q: %w", ErrInput, w.Name, err)
		}
		shape, ok := matchRank(t.Shape, w.Shape)
		if !ok {
			return nil, nil, fmt.Errorf("%w: input %q: %w: it is %v, want %v", ErrInput, w.Name, ErrShape, t.Shape, w.Shape)
		}
		if slices.Contains(shape, 0) {
			return nil, nil, fmt.Errorf("%w: input %q: %w: %v is empty", ErrInput, w.Name, ErrShape, t.Shape)
		}
		if (t.DType == graph.String) != (w.DType == graph.String) {
			return nil, nil, fmt.Errorf("%w: input %q: %w: it is %v, want %v", ErrInput, w.Name, graph.ErrDType, t.DType, w.DType)
		}
		if len(shape) > 0 && len(w.Shape) > 0 && w.Shape[0] == graph.Dyn {
			if batch >= 0 && shape[0] != batch {
				return nil, nil, fmt.Errorf("%w: input %q: %w: batch of %d, but %d in the inputs before it", ErrInput, w.Name, ErrShape, shape[0], batch)
			}
			batch = shape[0]
		}
		t.Shape = shape
		in[i], shapes[i] = t.Cast(w.DType), shape
	}
	return in, shapes, nil
}

// matchRank adds or drops one trailing dimension of 1 when that makes got fit want.
func matchRank(got, want graph.Shape) (graph.Shape, bool) {
	switch {
	case want.Fits(got):
		return got, true
	case len(got) == len(want)+1 && got[len(got)-1] == 1 && want.Fits(got[:len(want)]):
		return got[:len(want)], true
	case len(got)+1 == len(want) && (want[len(got)] == 1) && want[:len(got)].Fits(got):
		return append(got.Clone(), 1), true
	}
	return nil, false
}

// inputError marks an error of planning: after Load succeeded, the inputs' shapes are its cause.
func inputError(err error) error {
	if errors.Is(err, plan.ErrLimit) {
		return fmt.Errorf("%w: %w", ErrLimit, err)
	}
	return fmt.Errorf("%w: %w", ErrInput, err)
}

// suggest names layers whose path resembles the one asked for.
func suggest(prog *layers.Program, path string) string {
	var near []string
	for _, l := range prog.Layers {
		if strings.EqualFold(l.Name, path) || strings.HasSuffix(l.Path, "/"+path) || len(path) > 2 && strings.Contains(l.Path, path) {
			near = append(near, l.Path)
		}
		if len(near) == 3 {
			break
		}
	}
	if near == nil {
		return ""
	}
	return "; did you mean " + strings.Join(near, " or ") + "?"
}
