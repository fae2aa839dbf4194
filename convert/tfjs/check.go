package tfjs

import (
	"slices"
	"strings"

	"github.com/kerasrun/kerasrun/convert/target"
	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/layers"
)

// A checker brings an architecture of Keras 2 to what TensorFlow.js reads, and
// refuses what it lacks or computes otherwise.
type checker struct {
	j       *target.Job
	program *layers.Program
	layers  map[string]*layers.LayerInfo
}

func layersByPath(p *layers.Program) map[string]*layers.LayerInfo {
	of := map[string]*layers.LayerInfo{}
	for i := range p.Layers {
		of[p.Layers[i].Path] = &p.Layers[i]
	}
	return of
}

// ranks are the ranks of the first operand and of the result of a layer, 0 where they are not known.
func (c *checker) ranks(path string) (in, out int, known bool) {
	info := c.layers[path]
	if info == nil || len(info.Calls) == 0 || len(info.Calls[0]) == 0 {
		return 0, 0, false
	}
	out = info.Calls[0][0].Rank()
	known = true
	for _, n := range c.program.Graph.Nodes {
		if n.Layer != path || len(n.In) == 0 {
			continue
		}
		v := c.program.Graph.Values[n.In[0]]
		for _, d := range v.Shape[min(1, v.Rank()):] {
			known = known && d != graph.Dyn
		}
		return v.Rank(), out, known
	}
	return 0, out, false
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "/" + name
}

// model makes the object of a model from that of Keras 2.
func (c *checker) model(v *keras.Value, path string) *keras.Value {
	config := v.Get("config")
	m := masks{made: map[string]bool{}}
	var list []*keras.Value
	last := ""
	for _, l := range config.Get("layers").Items() {
		name, _ := l.Get("config").Get("name").Str()
		sources := []string{last}
		if l.Has("inbound_nodes") {
			l, sources = c.calls(l, join(path, name))
		}
		made := c.layer(l, join(path, name))
		c.masked(l, join(path, name), name, sources, &m)
		list = append(list, made)
		last = name
	}
	config = config.With("layers", keras.NewArray(list...))
	for _, key := range []string{"input_layers", "output_layers"} {
		if config.Has(key) {
			list := flat(config.Get(key))
			seen := map[string]bool{}
			for _, t := range list {
				if seen[t.JSON()] {
					c.j.Refuse(path, "the tensor %s is twice among the %s", t.JSON(), key)
				}
				seen[t.JSON()] = true
			}
			config = config.With(key, keras.NewArray(list...))
		}
	}
	return v.With("config", config)
}

// flat returns the tensors of a structure, each [layer, node, index].
func flat(v *keras.Value) []*keras.Value {
	if v.Kind() == keras.Object {
		var all []*keras.Value
		for _, key := range slices.Sorted(slices.Values(v.Keys())) {
			all = append(all, flat(v.Get(key))...)
		}
		return all
	}
	items := v.Items()
	if len(items) == 3 {
		if _, isName := items[0].Str(); isName {
			return []*keras.Value{v}
		}
	}
	var all []*keras.Value
	for _, it := range items {
		all = append(all, flat(it)...)
	}
	return all
}

// calls brings the calls of a layer to the form that TensorFlow.js reads, where
// all tensors stand in one list, and returns the names of the layers that they come from.
func (c *checker) calls(l *keras.Value, path string) (*keras.Value, []string) {
	class, _ := l.Get("class_name").Str()
	var calls []*keras.Value
	var from []string
	for _, call := range l.Get("inbound_nodes").Items() {
		var list, states []*keras.Value
		for _, t := range call.Items() {
			items := t.Items()
			if len(items) < 3 {
				c.j.Refuse(path, "called on a constant")
				continue
			}
			if len(items) > 3 {
				kwargs := items[3]
				for _, key := range kwargs.Keys() {
					arg := kwargs.Get(key)
					switch on, isBool := arg.Bool(); {
					case arg.IsNull() || isBool && !on:
					case key == "initial_state" && takesStates(class):
						states = flat(arg)
					default:
						c.j.Refuse(path, "called with the argument %s", key)
					}
				}
			}
			list = append(list, keras.NewArray(items[0], items[1], items[2], keras.NewObject()))
		}
		for _, s := range states {
			items := s.Items()
			list = append(list, keras.NewArray(items[0], items[1], items[2], keras.NewObject()))
		}
		for _, t := range list {
			name, _ := t.Items()[0].Str()
			from = append(from, name)
		}
		if class == "ConvLSTM2D" && len(list) > 1 {
			c.j.Refuse(path, "ConvLSTM2D with initial states, which TensorFlow.js does not take")
		}
		calls = append(calls, keras.NewArray(list...))
	}
	if on, _ := l.Get("config").Get("stateful").Bool(); on && len(calls) > 1 {
		c.j.Refuse(path, "a stateful layer that is called %d times", len(calls))
	}
	return l.With("inbound_nodes", keras.NewArray(calls...)), from
}

func takesStates(class string) bool {
	return slices.Contains([]string{"LSTM", "GRU", "SimpleRNN", "RNN", "Bidirectional"}, class)
}

// layer makes the object of a layer from that of Keras 2.
func (c *checker) layer(v *keras.Value, path string) *keras.Value {
	class, _ := v.Get("class_name").Str()
	if class == "Functional" || class == "Sequential" {
		return c.model(v, path)
	}
	k, ok := known[class]
	if !ok {
		c.j.Refuse(path, "TensorFlow.js has no %s", class)
		return v
	}
	config := v.Get("config")
	if dtype, given := config.Get("dtype").Str(); given && dtype != "float32" && (class != "InputLayer" || dtype != "int32" && dtype != "bool") {
		c.j.Refuse(path, "dtype %s", dtype)
	}
	read := append(strings.Fields(k.read), "name", "trainable", "dtype", "batch_input_shape")
	for _, key := range config.Keys() {
		item := config.Get(key)
		switch {
		case slices.Contains(read, key):
			if key == "activation" || key == "recurrent_activation" {
				if name, ok := item.Str(); ok && !slices.Contains(strings.Fields(activations), name) {
					c.j.Refuse(path, "TensorFlow.js has no %s %q", key, name)
				}
			}
			continue
		case trainingOnly(key), neutral(key, item):
		default:
			c.j.Refuse(path, "%s = %s, which TensorFlow.js does not heed", key, item.JSON())
		}
		config = config.Without(key)
	}
	for key, want := range k.only {
		if item := config.Get(key); item != nil && !slices.Contains(strings.Split(want, "|"), strings.ReplaceAll(item.JSON(), " ", "")) {
			c.j.Refuse(path, "%s = %s, which TensorFlow.js does not compute as Keras does", key, item.JSON())
		}
	}
	if k.check != nil {
		config = k.check(c, path, config)
	}
	for _, key := range []string{"layer", "cell", "cells"} {
		switch item := config.Get(key); item.Kind() {
		case keras.Object:
			config = config.With(key, c.layer(item, join(path, nameOf(item))))
		case keras.Array:
			var list []*keras.Value
			for _, it := range item.Items() {
				list = append(list, c.layer(it, join(path, nameOf(it))))
			}
			config = config.With(key, keras.NewArray(list...))
		}
	}
	return v.With("config", config)
}

func nameOf(v *keras.Value) string {
	name, _ := v.Get("config").Get("name").Str()
	return name
}

// trainingOnly reports a key that says how weights begin and are trained. The
// weights are in the files, and constraints would change them when they are read.
func trainingOnly(key string) bool {
	for _, ending := range []string{"_initializer", "_regularizer", "_constraint"} {
		if strings.HasSuffix(key, ending) {
			return true
		}
	}
	return slices.Contains([]string{"seed", "implementation", "unroll", "fused", "momentum", "renorm_momentum", "adjustment", "robust_masking",
		"expected_column_type", "force_generator", "rng_type", "rank", "conv_op", "pool_function", "partitioner", "sparse", "renorm_clipping",
		"zero_output_for_mask", // see masked
	}, key)
}

// neutral reports the value of a key that TensorFlow.js does not know but acts by.
func neutral(key string, v *keras.Value) bool {
	if on, isBool := v.Bool(); v.IsNull() || isBool && !on || v.Kind() == keras.Array && v.Len() == 0 {
		return true
	}
	switch key {
	case "groups":
		n, _ := v.Int()
		return n == 1
	case "data_format":
		format, _ := v.Str()
		return format == "channels_last"
	case "negative_slope", "threshold":
		x, isNumber := v.Float()
		return isNumber && x == 0
	}
	return false
}

// masks follows masks through a model.
type masks struct {
	any  bool
	made map[string]bool // by the names of layers: results that have a mask
}

// masked refuses what TensorFlow.js does otherwise with masks.
func (c *checker) masked(l *keras.Value, path, name string, sources []string, m *masks) {
	class, _ := l.Get("class_name").Str()
	config := l.Get("config")
	in := slices.ContainsFunc(sources, func(s string) bool { return m.made[s] })
	makes := class == "Masking"
	if on, _ := config.Get("mask_zero").Bool(); class == "Embedding" && on {
		makes = true
	}
	recurrent := takesStates(class) || class == "ConvLSTM2D"
	if in && !slices.Contains(masking, class) {
		c.j.Refuse(path, "a mask for %s, which TensorFlow.js does not treat as Keras does", class)
	}
	if in && len(sources) > 1 {
		c.j.Refuse(path, "a mask together with other inputs")
	}
	for _, of := range []*keras.Value{config, config.Get("layer").Get("config")} {
		if zero, _ := of.Get("zero_output_for_mask").Bool(); in && zero {
			c.j.Refuse(path, "zero_output_for_mask = true, which TensorFlow.js does not heed")
		}
	}
	// A mask stays in the arguments of the layers that follow.
	if m.any && !in && (recurrent || class == "Softmax" || class == "Functional" || class == "Sequential") {
		c.j.Refuse(path, "%s without a mask behind layers that have one, whose mask TensorFlow.js would use", class)
	}
	m.any = m.any || makes || in
	m.made[name] = makes || in
	if recurrent {
		of := config
		if class == "Bidirectional" {
			of = config.Get("layer").Get("config")
		}
		sequences, _ := of.Get("return_sequences").Bool()
		m.made[name] = in && sequences
	}
}

// masking are the classes that treat a mask as Keras does.
var masking = []string{
	"Masking", "Dense", "Dropout", "SpatialDropout1D", "Activation", "BatchNormalization", "LayerNormalization", "GaussianNoise", "GaussianDropout",
	"AlphaDropout", "LSTM", "GRU", "SimpleRNN", "RNN", "Bidirectional",
}
