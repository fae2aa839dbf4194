package keras

import (
	"fmt"
	"slices"
)

// mergedModels returns the models that a Merge layer at the start of a
// Sequential of Keras 1 holds, nil for another layer.
func mergedModels(entry *Value) []*Value {
	if class, _ := entry.Get("class_name").Str(); class != "Merge" {
		return nil
	}
	models := entry.Get("config").Get("layers")
	if models.Len() == 0 { // Keras 1.0 to 1.2 wrote both
		models = entry.Get("layers")
	}
	return models.Items()
}

var errMergedInputs = fmt.Errorf("%w: a Merge of models that do not say the shape of their inputs", ErrUnsupported)

// merged reads a Sequential of Keras 1 that begins with a Merge of models: a
// Functional model whose layers are those of the merged models, the Merge and
// what follows, which is also the order and the nesting of its weights.
func (p *archParser) merged(models, entries []*Value, path string) (*Graph, error) {
	g := &Graph{}
	var inputs, ends []*Arg
	for _, m := range models {
		l, err := p.layer(m, path)
		if err != nil {
			return nil, err
		}
		if l.Graph == nil {
			return nil, fmt.Errorf("%w: a Merge of layer %q, want a model", ErrUnsupported, l.Name)
		}
		in, end := l.Graph.Inputs.Tensors(nil), l.Graph.Outputs
		if l.Graph.Sequential {
			if len(l.Graph.Layers) > 0 && l.Graph.Layers[0].Class != "InputLayer" {
				return nil, errMergedInputs
			}
			if in, end = chain(l.Graph.Layers, nil); end == nil {
				return nil, fmt.Errorf("%w: a Merge of an empty Sequential", ErrFormat)
			}
		}
		inputs, ends = append(inputs, in...), append(ends, end)
		g.Layers = append(g.Layers, l.Graph.Layers...)
	}
	first := entries[0].With("config", entries[0].Get("config").Without("layers"))
	rest, _, err := p.contents(append([]*Value{first}, entries[1:]...), path)
	if err != nil {
		return nil, err
	}
	if len(inputs) == 0 {
		return nil, errMergedInputs
	}
	_, g.Outputs = chain(rest, &Arg{Kind: ArgList, Items: ends})
	g.Inputs = &Arg{Kind: ArgList, Items: inputs}
	g.Layers = append(g.Layers, rest...)
	for i, l := range g.Layers {
		if slices.ContainsFunc(g.Layers[:i], func(o *Layer) bool { return o.Name == l.Name }) {
			return nil, fmt.Errorf("%w: two layers are called %q", ErrFormat, l.Name)
		}
	}
	return g, nil
}

// chain calls each of layers on the result of the one before it, the first on
// from, and returns the InputLayers among them and the last result.
func chain(layers []*Layer, from *Arg) (inputs []*Arg, end *Arg) {
	for _, l := range layers {
		t := &Arg{Kind: ArgTensor, Layer: l}
		if l.Class == "InputLayer" {
			inputs = append(inputs, t)
		} else {
			l.Calls = append(l.Calls, Call{Args: []*Arg{from}})
		}
		from = t
	}
	return inputs, from
}
