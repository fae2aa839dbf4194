package metrics

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// ErrNotCompiled means a model without a compile config: its file does not say with which loss and metrics to evaluate it.
var ErrNotCompiled = errors.New("the model was not compiled")

// A Compiled is the losses and metrics of a model, as model.compile takes them. It counts batches, as model.evaluate does, and
// belongs to one goroutine.
type Compiled struct {
	outputs []string
	version keras.Version
	losses  []*lossSlot // by output; nil for none
	metrics []*metricSlot

	total, examples float64
	anyLoss         bool
}

// A lossSlot is the loss of one output.
type lossSlot struct {
	config *keras.Value
	loss   *Loss // nil until the shapes are known, for "crossentropy"
	weight float64
	// total and count make the mean over examples, or over batches in Keras 3, which does not know their sizes there.
	total, count float64
}

// A metricSlot is one metric of one output.
type metricSlot struct {
	output   int
	config   *keras.Value
	metric   *Metric // nil until the shapes are known, for "accuracy"
	weighted bool
}

// A Result is what evaluate reports under one name.
type Result struct {
	Name   string
	Values []float64 // one number, or one for each class, label or threshold
}

// Compile reads a compile config: the object that Keras stores as compile_config or training_config, of a model with the given
// outputs. What it reads are the keys loss, loss_weights, metrics and weighted_metrics. Whose losses are meant is the version's.
func Compile(config *keras.Value, outputs []string, version keras.Version) (*Compiled, error) {
	if config.Len() == 0 {
		return nil, ErrNotCompiled
	}
	c := &Compiled{outputs: outputs, version: version, losses: make([]*lossSlot, len(outputs))}
	if err := c.readLosses(config.Get("loss"), config.Get("loss_weights")); err != nil {
		return nil, err
	}
	for _, key := range []string{"metrics", "weighted_metrics"} {
		perOutput, err := c.perOutput(config.Get(key))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		for i, list := range perOutput {
			for _, m := range list {
				slot := &metricSlot{output: i, config: m, weighted: key == "weighted_metrics"}
				if _, ok := byShape(m, version); !ok {
					if slot.metric, err = ParseMetric(m, For(version)); err != nil {
						return nil, err
					}
				}
				c.metrics = append(c.metrics, slot)
			}
		}
	}
	if !c.anyLoss && len(c.metrics) == 0 {
		return nil, ErrNotCompiled
	}
	return c, nil
}

// isObject reports a single loss or metric: a name, or an object with class_name.
func isObject(v *keras.Value) bool {
	if v.Kind() == keras.String {
		return true
	}
	c, ok := v.Get("class_name").Str()
	return ok && c != "__tuple__" && c != "__list__"
}

func (c *Compiled) readLosses(loss, weights *keras.Value) error {
	spread := func(v *keras.Value, what string) ([]*keras.Value, error) {
		out := make([]*keras.Value, len(c.outputs))
		switch {
		case v.IsNull():
		case isObject(v) || v.Kind() == keras.Number:
			for i := range out {
				out[i] = v
			}
		case v.Kind() == keras.Object && !v.Has("class_name"):
			for k, key := range v.Keys() {
				i := slices.Index(c.outputs, key)
				if i < 0 {
					return nil, fmt.Errorf("%w: %s: the model has no output %q; its outputs are %s", keras.ErrFormat, what, key, strings.Join(c.outputs, ", "))
				}
				if out[i] = v.Items()[k]; out[i].Kind() == keras.Array && out[i].Len() == 1 {
					out[i] = out[i].Items()[0]
				}
			}
		default:
			items := itemsOf(v)
			if len(items) != len(out) {
				return nil, fmt.Errorf("%w: %s: %d of them for %d outputs", keras.ErrFormat, what, len(items), len(out))
			}
			copy(out, items)
		}
		return out, nil
	}
	losses, err := spread(loss, "loss")
	if err != nil {
		return err
	}
	factors, err := spread(weights, "loss_weights")
	if err != nil {
		return err
	}
	for i, l := range losses {
		if l.IsNull() {
			continue
		}
		slot := &lossSlot{config: l, weight: 1}
		if !factors[i].IsNull() {
			var ok bool
			if slot.weight, ok = factors[i].Float(); !ok {
				return fmt.Errorf("%w: loss_weights: %s, want a number", keras.ErrFormat, shortJSON(factors[i]))
			}
		}
		if s, _ := l.Str(); !isCrossentropy(s) {
			if slot.loss, err = ParseLoss(l, For(c.version)); err != nil {
				return err
			}
		}
		c.losses[i] = slot
		c.anyLoss = true
	}
	return nil
}

// isCrossentropy reports the names that stand for a crossentropy by the shapes.
func isCrossentropy(s string) bool {
	return slices.Contains([]string{"crossentropy", "ce"}, strings.ToLower(s))
}

// byShape returns the name of a metric that depends on shapes: accuracy, and in Keras 2 crossentropy.
func byShape(v *keras.Value, version keras.Version) (string, bool) {
	s, ok := v.Str()
	if !ok {
		return "", false
	}
	low := strings.ToLower(s)
	return s, low == "accuracy" || low == "acc" || version.Major < 3 && isCrossentropy(s)
}

// perOutput lists the metrics of each output.
func (c *Compiled) perOutput(v *keras.Value) ([][]*keras.Value, error) {
	out := make([][]*keras.Value, len(c.outputs))
	all := func(list []*keras.Value) {
		for i := range out {
			out[i] = list
		}
	}
	nested := func(v *keras.Value) bool { return !v.IsNull() && !isObject(v) }
	switch {
	case v.Len() == 0 && v.Kind() != keras.String:
	case len(out) == 1:
		var flatten func(v *keras.Value)
		flatten = func(v *keras.Value) { // as deep as the JSON, which is bounded
			switch {
			case v.IsNull():
			case isObject(v):
				out[0] = append(out[0], v)
			case v.Kind() == keras.Object && !v.Has("class_name"):
				for _, it := range v.Items() {
					flatten(it)
				}
			default:
				for _, it := range itemsOf(v) {
					flatten(it)
				}
			}
		}
		flatten(v)
	case isObject(v):
		all([]*keras.Value{v})
	case v.Kind() == keras.Object && !v.Has("class_name"):
		for k, key := range v.Keys() {
			i := slices.Index(c.outputs, key)
			if i < 0 {
				return nil, fmt.Errorf("%w: the model has no output %q; its outputs are %s", keras.ErrFormat, key, strings.Join(c.outputs, ", "))
			}
			out[i] = listOf(v.Items()[k])
		}
	default:
		items := itemsOf(v)
		switch {
		case c.version.Major < 3 && !slices.ContainsFunc(items, nested):
			all(items) // Keras 2 gives them to every output
		case len(items) != len(out):
			return nil, fmt.Errorf("%w: %d lists for %d outputs", keras.ErrFormat, len(items), len(out))
		default:
			for i, it := range items {
				out[i] = listOf(it)
			}
		}
	}
	for i := range out {
		out[i] = slices.DeleteFunc(slices.Clone(out[i]), func(v *keras.Value) bool { return v.IsNull() })
	}
	return out, nil
}

func listOf(v *keras.Value) []*keras.Value {
	if isObject(v) {
		return []*keras.Value{v}
	}
	return itemsOf(v)
}

// Loss returns the loss of an output, or nil: there is none, or it is not known before the first batch.
func (c *Compiled) Loss(output int) *Loss {
	if c.losses[output] == nil {
		return nil
	}
	return c.losses[output].loss
}

// Labels reports whether the loss of an output, or without one its first metric, takes classes as whole numbers. known is false
// where that depends on shapes, which both forms then suit.
func (c *Compiled) Labels(output int) (labels, known bool) {
	if l := c.losses[output]; l != nil {
		if l.loss == nil {
			return false, false
		}
		return l.loss.Labels(), true
	}
	for _, m := range c.metrics {
		if m.output == output && m.metric != nil {
			return m.metric.Labels(), true
		}
	}
	return false, false
}

// Update counts a batch: true values, predictions and weights (nil, or nil elements, for ones) of each output. added is the sum of
// the losses that layers add: regularization.
func (c *Compiled) Update(yTrue []Tensor, p []Prediction, weights []*Tensor, added float64) error {
	if len(yTrue) != len(c.outputs) || len(p) != len(c.outputs) || weights != nil && len(weights) != len(c.outputs) {
		return fmt.Errorf("%w: %d true values, %d predictions and %d weights for %d outputs", graph.ErrShape, len(yTrue), len(p), len(weights), len(c.outputs))
	}
	weight := func(i int) *Tensor {
		if weights == nil {
			return nil
		}
		return weights[i]
	}
	n := 0.0
	total := added
	for i, slot := range c.losses {
		if len(p[i].Values.Shape) > 0 {
			n = float64(p[i].Values.Shape[0])
		}
		if slot == nil {
			continue
		}
		if slot.loss == nil {
			l, err := NewLoss(shapeName("crossentropy", yTrue[i], p[i].Values), For(c.version))
			if err != nil {
				return err
			}
			slot.loss = l
		}
		v, err := slot.loss.Of(yTrue[i], p[i], weight(i))
		if err != nil {
			return c.at(i, err)
		}
		size := n
		if c.version.Major >= 3 {
			size = 1
		}
		slot.total += v * size
		slot.count += size
		total += v * slot.weight
	}
	c.total += total * n
	c.examples += n
	for _, m := range c.metrics {
		if err := c.settle(m, yTrue[m.output], p[m.output].Values); err != nil {
			return c.at(m.output, err)
		}
		var w *Tensor
		if m.weighted {
			w = weight(m.output)
		}
		if err := m.metric.Update(yTrue[m.output], p[m.output], w); err != nil {
			return c.at(m.output, err)
		}
	}
	return nil
}

func (c *Compiled) at(output int, err error) error {
	if len(c.outputs) == 1 {
		return err
	}
	return fmt.Errorf("output %q: %w", c.outputs[output], err)
}

// shapeName returns the binary, sparse categorical or categorical form of what, as Keras tells them by shapes.
func shapeName(what string, y, p Tensor) string {
	last := func(t Tensor) int {
		if len(t.Shape) == 0 {
			return 1
		}
		return t.Shape[len(t.Shape)-1]
	}
	switch {
	case last(p) == 1:
		return "binary_" + what
	case len(y.Shape) < len(p.Shape) || last(y) == 1 && last(p) > 1:
		return "sparse_categorical_" + what
	}
	return "categorical_" + what
}

// settle makes a metric that depends on shapes.
func (c *Compiled) settle(m *metricSlot, y, p Tensor) error {
	if m.metric != nil {
		return nil
	}
	name, _ := byShape(m.config, c.version)
	what := "accuracy"
	if isCrossentropy(name) {
		what = "crossentropy"
	}
	full := shapeName(what, y, p)
	if v := c.version; v.Before(2, 3) || !v.TF && v.Before(2, 4) { // by the loss, then
		if l := c.Loss(m.output); l != nil && what == "accuracy" {
			switch {
			case full == "binary_accuracy" || l.class.fn == "binary_crossentropy":
				full = "binary_accuracy"
			case l.class.fn == "sparse_categorical_crossentropy":
				full = "sparse_categorical_accuracy"
			default:
				full = "categorical_accuracy"
			}
		}
	}
	metric, err := NewMetric(full, For(c.version))
	if err != nil {
		return err
	}
	metric.Name = name
	m.metric = metric
	return nil
}

// Results returns what evaluate reports of the batches so far: the loss, the losses of the outputs where there are several, then
// the metrics. Names are Keras's.
func (c *Compiled) Results() []Result {
	var out []Result
	used := map[string]int{}
	if c.anyLoss || c.total != 0 {
		out = append(out, Result{"loss", []float64{safeDivide(c.total, c.examples)}})
		used["loss"]++
	}
	if len(c.outputs) > 1 {
		for i, l := range c.losses {
			if l != nil {
				out = append(out, Result{c.outputs[i] + "_loss", []float64{safeDivide(l.total, l.count)}})
			}
		}
	}
	for _, weighted := range []bool{false, true} {
		for _, m := range c.metrics {
			if m.weighted != weighted || m.metric == nil {
				continue
			}
			prefix := ""
			if len(c.outputs) > 1 && !strings.HasPrefix(m.metric.Name, c.outputs[m.output]+"_") {
				prefix = c.outputs[m.output] + "_"
			}
			name := prefix + m.metric.Name
			if used[name] > 0 && weighted {
				name = prefix + "weighted_" + m.metric.Name
			}
			n := used[name]
			used[name]++
			if n > 0 {
				name = fmt.Sprintf("%s_%d", name, n)
			}
			out = append(out, Result{name, m.metric.Result()})
		}
	}
	return out
}
