package evaluate

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/keras"
)

// A regularizer is a loss that a layer adds for a weight or for its results: of L1, L2, L1L2 and OrthogonalRegularizer of
// keras.regularizers.
type regularizer struct {
	l1, l2 float64
	// factor is that of an OrthogonalRegularizer over rows or columns, or 0.
	factor  float64
	columns bool
}

// weightRegularizer is one of a weight, by its index in Model.Weights.
type weightRegularizer struct {
	weight int
	where  string
	regularizer
}

// An activity is a regularizer of what a layer returns, at the model's output tap.
type activity struct {
	tap   tap
	where string
	regularizer
}

// regularizers finds those of all layers.
func (t *taps) regularizers(p *kerasrun.Program, add func(string, kerasrun.Value) tap) error {
	version := p.Version
	byPath := map[string]int{}
	for i, l := range p.Layers {
		byPath[l.Path] = i
	}
	for i, w := range p.Graph.Params {
		k, ok := byPath[w.Layer]
		if !ok || !w.Trainable && !(w.Frozen && version.Major < 3) {
			continue
		}
		config := p.Layers[k].Layer.Config
		v := config.Get(weightKey(p.Layers[k].Class, w.Name))
		r, ok, err := parseRegularizer(v, version)
		if err != nil {
			return fmt.Errorf("%s: %s: %w", w.Layer, w.Name, err)
		}
		if ok {
			t.weights = append(t.weights, weightRegularizer{i, w.Layer + "/" + w.Name, r})
		}
	}
	for _, l := range p.Layers {
		config := l.Layer.Config
		for _, key := range config.Keys() {
			if strings.HasSuffix(key, "_regularizer") && !config.Get(key).IsNull() && !slices.Contains(regularizerKeys, key) {
				return fmt.Errorf("%w: layer %q: %s", kerasrun.ErrUnsupported, l.Path, key)
			}
		}
		r, ok, err := parseRegularizer(config.Get("activity_regularizer"), version)
		if err != nil {
			return fmt.Errorf("layer %q: %w", l.Path, err)
		}
		if l.Class == "ActivityRegularization" {
			r.l1, _ = config.Get("l1").Float()
			r.l2, _ = config.Get("l2").Float()
			ok = r.l1 != 0 || r.l2 != 0
		}
		if !ok {
			continue
		}
		if wrapper(p, l.Path) || strings.HasSuffix(l.Class, "Attention") {
			return fmt.Errorf("%w: layer %q: activity_regularizer of a %s inside of another layer", kerasrun.ErrUnsupported, l.Path, l.Class)
		}
		for _, call := range l.Calls {
			for _, v := range call {
				t.activities = append(t.activities, activity{add(l.Path+"/activity", v), l.Path, r})
			}
		}
	}
	return nil
}

// regularizerKeys are the config keys of regularizers whose weights weightKey knows.
var regularizerKeys = []string{
	"kernel_regularizer", "bias_regularizer", "recurrent_regularizer", "depthwise_regularizer", "pointwise_regularizer", "embeddings_regularizer",
	"gamma_regularizer", "beta_regularizer", "alpha_regularizer", "activity_regularizer", "W_regularizer", "b_regularizer",
}

// weightKey is the config key of the regularizer of a weight.
func weightKey(class, name string) string {
	name = name[strings.LastIndexByte(name, ' ')+1:] // "query kernel" of attention
	switch {
	case (class == "Highway" || class == "MaxoutDense") && strings.HasSuffix(name, "kernel"):
		return "W_regularizer"
	case class == "Highway" || class == "MaxoutDense":
		return "b_regularizer"
	case strings.HasPrefix(class, "Depthwise") && name == "kernel":
		return "depthwise_regularizer"
	case name == "recurrent_kernel", name == "depthwise_kernel", name == "pointwise_kernel":
		return strings.TrimSuffix(name, "_kernel") + "_regularizer"
	case name == "lora_kernel_a", name == "lora_kernel_b":
		return "kernel_regularizer"
	case name == "lora_embeddings_a", name == "lora_embeddings_b":
		return "embeddings_regularizer"
	}
	return name + "_regularizer"
}

// parseRegularizer reads a regularizer in the forms of all Kerases; ok is false for none.
func parseRegularizer(v *keras.Value, version keras.Version) (r regularizer, ok bool, err error) {
	if v.IsNull() {
		return r, false, nil
	}
	name, plain := v.Str()
	config := v
	if !plain {
		if name, ok = v.Get("class_name").Str(); ok {
			config = v.Get("config")
		} else if name, ok = v.Get("name").Str(); !ok { // of Keras 1
			return r, false, fmt.Errorf("%w: regularizer %s", keras.ErrFormat, v.JSON())
		}
	}
	number := func(key string, normally float64) float64 {
		if x, ok := config.Get(key).Float(); ok {
			return x
		}
		return normally
	}
	switch name[strings.LastIndexByte(name, '>')+1:] {
	case "L1", "l1":
		r.l1 = number("l1", 0.01)
	case "L2", "l2":
		r.l2 = number("l2", 0.01)
	case "L1L2", "l1_l2", "l1l2", "WeightRegularizer", "ActivityRegularizer", "L1L2Regularizer":
		normally := 0.0
		if plain && version.Major < 3 {
			normally = 0.01
		}
		r.l1, r.l2 = number("l1", normally), number("l2", normally)
	case "OrthogonalRegularizer", "orthogonal_regularizer":
		r.factor = number("factor", 0.01)
		mode, _ := config.Get("mode").Str()
		r.columns = mode == "columns"
	default:
		return r, false, fmt.Errorf("%w: regularizer %q", kerasrun.ErrUnsupported, name)
	}
	return r, true, nil
}

// loss is what the regularizer adds for the elements of t.
func (r regularizer) loss(t kerasrun.Tensor) (float64, error) {
	s1, s2 := 0.0, 0.0
	for i := range t.Len() {
		v := t.Float(i)
		s1 += math.Abs(v)
		s2 += v * v
	}
	loss := 0.0
	if r.l1 != 0 {
		loss += float64(float32(r.l1)) * s1
	}
	if r.l2 != 0 {
		loss += float64(float32(r.l2)) * s2
	}
	if r.factor == 0 {
		return loss, nil
	}
	if len(t.Shape) != 2 {
		return 0, fmt.Errorf("%w: an OrthogonalRegularizer of %v, want rank 2", kerasrun.ErrShape, t.Shape)
	}
	n, m := t.Shape[0], t.Shape[1]
	at := func(i, j int) float64 { return t.Float(i*m + j) }
	if r.columns {
		n, m = m, n
		at = func(i, j int) float64 { return t.Float(j*n + i) }
	}
	norms := make([]float64, n)
	for i := range n {
		for j := range m {
			norms[i] += at(i, j) * at(i, j)
		}
		norms[i] = math.Max(math.Sqrt(norms[i]), 1e-7)
	}
	sum := 0.0
	for i := range n {
		for k := range n {
			if i == k {
				continue
			}
			dot := 0.0
			for j := range m {
				dot += at(i, j) * at(k, j)
			}
			sum += math.Abs(dot / norms[i] / norms[k])
		}
	}
	return loss + r.factor*0.5*sum/(float64(n)*(float64(n)-1)/2), nil
}

// weightLoss sums the regularizers of weights.
func (t *taps) weightLoss(m *kerasrun.Model) (float64, error) {
	if len(t.weights) == 0 {
		return 0, nil
	}
	values, err := m.WeightValues()
	if err != nil {
		return 0, err
	}
	sum := 0.0
	for _, w := range t.weights {
		v, err := w.loss(values[w.weight])
		if err != nil {
			return 0, fmt.Errorf("%s: %w", w.where, err)
		}
		sum += v
	}
	return sum, nil
}

// activityLoss sums the regularizers of what layers returned for a batch: each a mean over its examples.
func (t *taps) activityLoss(out []kerasrun.Tensor) (float64, error) {
	sum := 0.0
	for _, a := range t.activities {
		v, err := a.loss(out[a.tap])
		if err != nil {
			return 0, fmt.Errorf("layer %q: %w", a.where, err)
		}
		if s := out[a.tap].Shape; len(s) > 0 && s[0] > 0 {
			v /= float64(s[0])
		}
		sum += v
	}
	return sum, nil
}
