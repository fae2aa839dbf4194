// Package evaluate runs a model on data with known answers and reports its loss and metrics, as model.evaluate of Keras does: with
// the losses and metrics that the model's file was compiled with, or others, and with the regularization losses of its layers.
//
//	e, err := evaluate.Load("model.keras", evaluate.Config{})
//	defer e.Close()
//	for each batch {
//		_, err = e.Batch(ctx, inputs, labels, nil)
//	}
//	for _, r := range e.Results() {
//		fmt.Println(r.Name, r.Values)
//	}
//
// What Keras reports depends a little on the batch size (its default is 32): regularization of activities, weights of examples and
// some losses are means of batches.
package evaluate

import (
	"context"
	"fmt"
	"slices"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/metrics"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// A Config says with what to evaluate. The zero value is what the file says.
type Config struct {
	// Loss and Metrics replace those of the file; metrics alone leave its loss. They have the forms of Keras's model.compile as
	// JSON: names, objects, lists, or objects by output. Metrics that are a list of names are those of every output.
	Loss, Metrics *keras.Value
}

// An Evaluation is a model with its losses and metrics. It belongs to one goroutine.
type Evaluation struct {
	model    *kerasrun.Model
	compiled *metrics.Compiled
	outputs  []kerasrun.IO
	taps     taps
	weights  float64 // the regularization of all weights
}

// Load opens the model at path as [kerasrun.Load] does. A file without a compile config, where config has no loss and no metrics,
// is [metrics.ErrNotCompiled]; regularizers, losses and metrics that are not Keras's are [kerasrun.ErrUnsupported].
func Load(path string, config Config, options ...kerasrun.Option) (*Evaluation, error) {
	e := &Evaluation{}
	m, err := kerasrun.Load(path, append(slices.Clone(options), kerasrun.WithTaps(e.taps.choose))...)
	if err != nil {
		return nil, err
	}
	e.model, e.outputs = m, m.Outputs()[:e.taps.outputs]
	if err := e.prepare(config); err != nil {
		m.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return e, nil
}

func (e *Evaluation) prepare(config Config) error {
	arch := e.model.Architecture()
	training := arch.Training
	var names []string
	for _, o := range e.outputs {
		names = append(names, o.Name)
	}
	if config.Loss != nil || config.Metrics != nil {
		replaced := keras.NewObject()
		for key, v := range map[string]*keras.Value{"loss": config.Loss, "metrics": config.Metrics} {
			if v == nil && config.Loss == nil {
				v = training.Get(key) // metrics alone leave the loss
			}
			if v != nil {
				replaced = replaced.With(key, forEach(v, names))
			}
		}
		if w := training.Get("loss_weights"); config.Loss == nil && !w.IsNull() {
			replaced = replaced.With("loss_weights", w)
		}
		training = replaced
	}
	var err error
	if e.compiled, err = metrics.Compile(training, names, arch.Version); err != nil {
		return err
	}
	e.weights, err = e.taps.weightLoss(e.model)
	return err
}

// forEach gives a plain list of names to each of several outputs.
func forEach(v *keras.Value, outputs []string) *keras.Value {
	plain := func(v *keras.Value) bool { return v.Kind() == keras.String }
	if len(outputs) == 1 || v.Kind() != keras.Array || v.Len() == 0 || !plain(v.Items()[0]) {
		return v
	}
	all := keras.NewObject()
	for _, o := range outputs {
		all = all.With(o, v)
	}
	return all
}

// Model returns the model. Its outputs go on after those of [Evaluation.Outputs].
func (e *Evaluation) Model() *kerasrun.Model { return e.model }

// Outputs describes the outputs that have true values.
func (e *Evaluation) Outputs() []kerasrun.IO { return slices.Clone(e.outputs) }

// Compiled returns the losses and metrics.
func (e *Evaluation) Compiled() *metrics.Compiled { return e.compiled }

// Batch runs the model on a batch and counts it: inputs in the order of the model's, true values and weights (nil, or nil
// elements, for ones) in that of [Evaluation.Outputs]. It returns the predictions.
func (e *Evaluation) Batch(ctx context.Context, inputs, yTrue []kerasrun.Tensor, weights []*kerasrun.Tensor) ([]metrics.Prediction, error) {
	out, err := e.model.Predict(ctx, inputs...)
	if err != nil {
		return nil, err
	}
	p := e.taps.predictions(out)
	added, err := e.taps.activityLoss(out)
	if err != nil {
		return nil, err
	}
	return p, e.compiled.Update(yTrue, p, weights, e.weights+added)
}

// Results returns what Keras would report of the batches so far.
func (e *Evaluation) Results() []metrics.Result { return e.compiled.Results() }

// Close closes the model.
func (e *Evaluation) Close() error { return e.model.Close() }

// A tap is where among the model's outputs a further value is; 0 is none.
type tap = int

// taps are the values of a model that an evaluation needs besides the outputs.
type taps struct {
	outputs    int
	logits     []tap
	sigmoid    []bool
	masks      []tap
	activities []activity
	weights    []weightRegularizer
}

// choose finds what the program has of interest; it is an argument of [kerasrun.WithTaps].
func (t *taps) choose(p *kerasrun.Program) ([]kerasrun.Named, error) {
	var named []kerasrun.Named
	add := func(name string, v graph.Value) tap {
		named = append(named, kerasrun.Named{Name: name, Value: v})
		return len(p.Graph.Outputs) + len(named) - 1
	}
	*t = taps{outputs: len(p.Graph.Outputs)}
	for i, o := range p.Graph.Outputs {
		var logits, mask tap
		v, sigmoid, ok := logitsOf(p, o.Value)
		if ok {
			logits = add(o.Name+"/logits", v)
		}
		if i < len(p.Masks) && p.Masks[i] != nil {
			mask = add(o.Name+"/mask", *p.Masks[i])
		}
		t.logits, t.sigmoid, t.masks = append(t.logits, logits), append(t.sigmoid, sigmoid), append(t.masks, mask)
	}
	return named, t.regularizers(p, add)
}

// logitsOf returns what the softmax over the last axis, or the sigmoid, was computed of that made an output. Keras goes back to it
// where an activation made the output directly.
func logitsOf(p *kerasrun.Program, out graph.Value) (_ graph.Value, sigmoid, ok bool) {
	if out.DType != graph.Float32 {
		return graph.Value{}, false, false
	}
	k := slices.IndexFunc(p.Graph.Nodes, func(n graph.Node) bool { return slices.Contains(n.Out, out.ID) })
	if k < 0 {
		return graph.Value{}, false, false
	}
	n := p.Graph.Nodes[k]
	switch op := n.Op.(type) {
	case graph.Softmax:
		if op.Log || len(op.Axes) != 1 || op.Axes[0] != -1 && op.Axes[0] != out.Rank()-1 {
			return graph.Value{}, false, false
		}
	case graph.Activation:
		if op.Func != graph.Sigmoid {
			return graph.Value{}, false, false
		}
		sigmoid = true
	default:
		return graph.Value{}, false, false
	}
	if wrapper(p, n.Layer) {
		return graph.Value{}, false, false // which puts the steps' results together
	}
	return p.Graph.Values[n.In[0]], sigmoid, true
}

// wrapper reports whether the layer at path is, or is inside of, one that is no model.
func wrapper(p *kerasrun.Program, path string) bool {
	return slices.ContainsFunc(p.Layers, func(l kerasrun.ProgramLayer) bool {
		return len(l.Layer.Inner) > 0 && (path == l.Path || len(path) > len(l.Path) && path[:len(l.Path)+1] == l.Path+"/")
	})
}

// predictions are the outputs with what Keras knows of them.
func (t *taps) predictions(out []kerasrun.Tensor) []metrics.Prediction {
	p := make([]metrics.Prediction, t.outputs)
	for i := range p {
		p[i].Values = out[i]
		if k := t.logits[i]; k > 0 {
			p[i].Logits, p[i].Sigmoid = &out[k], t.sigmoid[i]
		}
		if k := t.masks[i]; k > 0 {
			p[i].Mask = &out[k]
		}
	}
	return p
}
