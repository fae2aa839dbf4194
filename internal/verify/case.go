package verify

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/kerasrun/kerasrun"
)

// ErrNoOutputs reports an .npz that says nothing about what a model returns.
var ErrNoOutputs = errors.New("no array for an output")

// A Case is what an .npz says about a model: its inputs, what Keras returned
// for them and, where known, what the same model returns in float64.
type Case struct {
	Inputs  []kerasrun.Tensor
	Outputs []kerasrun.Tensor          // by position; a zero Tensor where the file has none
	Exact   []kerasrun.Tensor          // likewise
	Layers  map[string]kerasrun.Tensor // results of layers, by path
	Notes   []string                   // keys that were not understood
}

// ReadCase reads the arrays of path for model m. Keys are input_0 and so on or
// the names of inputs, output_0 and so on or the names of outputs, exact_0 and
// so on, and names or paths of layers. Others are ignored.
func ReadCase(path string, m *kerasrun.Model) (*Case, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	z, err := kerasrun.OpenNpz(f, info.Size(), 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	c := &Case{
		Inputs: make([]kerasrun.Tensor, len(m.Inputs())), Outputs: make([]kerasrun.Tensor, len(m.Outputs())),
		Exact: make([]kerasrun.Tensor, len(m.Outputs())), Layers: map[string]kerasrun.Tensor{},
	}
	names := z.Names()
	read := func(key string) (kerasrun.Tensor, bool, error) {
		if !slices.Contains(names, key) {
			return kerasrun.Tensor{}, false, nil
		}
		t, err := z.Read(key)
		if err != nil {
			return t, false, fmt.Errorf("%s: %w", path, err)
		}
		return t, true, nil
	}
	first := func(keys ...string) (t kerasrun.Tensor, ok bool, err error) {
		for _, k := range keys {
			if t, ok, err = read(k); ok || err != nil {
				return t, ok, err
			}
		}
		return t, false, nil
	}
	for i, in := range m.Inputs() {
		t, ok, err := first(fmt.Sprintf("input_%d", i), in.Name)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, fmt.Errorf("%s: no array for input %q: want %q or %q, found %s", path, in.Name, fmt.Sprintf("input_%d", i), in.Name, strings.Join(names, ", "))
		}
		c.Inputs[i] = t
	}
	found := false
	for i, out := range m.Outputs() {
		t, ok, err := first(fmt.Sprintf("output_%d", i), out.Name)
		if err != nil {
			return nil, err
		}
		found = found || ok
		c.Outputs[i] = t
		if c.Exact[i], _, err = read(fmt.Sprintf("exact_%d", i)); err != nil {
			return nil, err
		}
	}
	for _, l := range m.Layers() {
		t, ok, err := read(l.Path)
		if err != nil {
			return nil, err
		}
		if ok && !slices.ContainsFunc(m.Inputs(), func(in kerasrun.IO) bool { return in.Name == l.Path }) {
			c.Layers[l.Path] = t
			found = true
		}
	}
	if !found {
		return nil, fmt.Errorf("%s: %w: want output_0, found %s", path, ErrNoOutputs, strings.Join(names, ", "))
	}
	return c, nil
}

// A Result is the comparison of one array.
type Result struct {
	Name string // of the output, or path of the layer
	Difference
}

// Run predicts and compares: layers in the order of the model, then outputs.
// With exact, outputs that have a float64 result are held to that rule.
func (c *Case) Run(ctx context.Context, m *kerasrun.Model, tol Tolerance, exact *Exact) ([]Result, error) {
	var paths []string
	for _, l := range m.Layers() {
		if _, ok := c.Layers[l.Path]; ok {
			paths = append(paths, l.Path)
		}
	}
	var out []kerasrun.Tensor
	var taps map[string]kerasrun.Tensor
	var err error
	if len(paths) > 0 {
		out, taps, err = m.PredictLayers(ctx, paths, c.Inputs...)
	} else {
		out, err = m.Predict(ctx, c.Inputs...)
	}
	if err != nil {
		return nil, err
	}
	var results []Result
	for _, p := range paths {
		results = append(results, Result{p, tol.Compare(taps[p], c.Layers[p])})
	}
	for i, o := range m.Outputs() {
		switch {
		case c.Outputs[i].Data == nil:
		case exact != nil && c.Exact[i].Data != nil:
			results = append(results, Result{o.Name, exact.Compare(out[i], c.Outputs[i], c.Exact[i])})
		default:
			results = append(results, Result{o.Name, tol.Compare(out[i], c.Outputs[i])})
		}
	}
	return results, nil
}
