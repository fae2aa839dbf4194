package keras

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// graph reads the inside of model l, whose config is config.
func (p *archParser) graph(l *Layer, config *Value, path string) (*Graph, error) {
	entries := config.Get("layers")
	if entries.Kind() != Array {
		return nil, fmt.Errorf("%w: layers is %s, want a list", ErrFormat, entries.Brief())
	}
	if l.Class == "Sequential" {
		return p.sequential(l, config, entries.Items(), path)
	}
	return p.functional(config, entries.Items(), path)
}

// contents reads the layers of a container and checks that their names are unique.
func (p *archParser) contents(entries []*Value, path string) ([]*Layer, map[string]*Layer, error) {
	layers := make([]*Layer, 0, len(entries))
	byName := make(map[string]*Layer, len(entries))
	for _, e := range entries {
		l, err := p.layer(e, path)
		if err != nil {
			return nil, nil, err
		}
		if l.Name != "" && byName[l.Name] != nil {
			return nil, nil, fmt.Errorf("%w: two layers are called %q", ErrFormat, l.Name)
		}
		byName[l.Name] = l
		layers = append(layers, l)
	}
	delete(byName, "")
	// Keras 1 has models without a name inside a Sequential.
	last := map[string]int{}
	for _, l := range layers {
		for stem := SnakeCase(l.FileClass); l.Name == ""; {
			last[stem]++
			if name := stem + "_" + strconv.Itoa(last[stem]); byName[name] == nil {
				l.Name = name
				byName[name] = l
			}
		}
	}
	return layers, byName, nil
}

func (p *archParser) sequential(l *Layer, config *Value, entries []*Value, path string) (*Graph, error) {
	if len(entries) > 0 && p.era != keras3 {
		if models := mergedModels(entries[0]); len(models) > 0 {
			l.Class = "Functional"
			return p.merged(models, entries, path)
		}
	}
	layers, _, err := p.contents(entries, path)
	if err != nil {
		return nil, err
	}
	g := &Graph{Sequential: true, Layers: layers}
	if len(layers) == 0 || layers[0].Class == "InputLayer" {
		return g, nil
	}
	first := layers[0]
	shape := leadingShape(first)
	if shape == nil {
		shape = builtShape(config.Get("build_input_shape"), l.BuildConfig.Get("input_shape"))
	}
	if shape == nil {
		return g, nil
	}
	name := first.Name + "_input"
	for slices.ContainsFunc(layers, func(l *Layer) bool { return l.Name == name }) {
		name += "_"
	}
	input := &Layer{
		Class: "InputLayer", FileClass: "InputLayer", Name: name, Synthetic: true,
		Config: NewObject().With("batch_shape", shape).With("dtype", NewString(p.leadingType(entries[0], first))).With("name", NewString(name)),
	}
	g.Layers = append([]*Layer{input}, layers...)
	return g, nil
}

// leadingShape returns the input shape that the first layer of a model notes,
// or that the model which is the first layer has, else nil.
func leadingShape(first *Layer) *Value {
	if shape := flatShape(first.Config.Get("batch_shape")); shape != nil {
		return shape
	}
	g := first.Graph
	if g == nil {
		return nil
	}
	if g.Sequential && len(g.Layers) > 0 && g.Layers[0].Class == "InputLayer" {
		return flatShape(g.Layers[0].Config.Get("batch_shape"))
	}
	if in := g.Inputs.Tensors(nil); len(in) == 1 {
		return flatShape(in[0].Layer.Config.Get("batch_shape"))
	}
	return nil
}

// builtShape returns the first of shapes that is one. Its batch dimension
// becomes unknown: a model that was built by a call has that call's.
func builtShape(shapes ...*Value) *Value {
	for _, s := range shapes {
		if s = flatShape(plain(s)); s.Len() > 0 {
			items := s.Items()
			items[0] = NewNull()
			return NewArray(items...)
		}
	}
	return nil
}

// flatShape returns v when it is a list of sizes and nulls, else nil.
func flatShape(v *Value) *Value {
	if v.Kind() != Array {
		return nil
	}
	for _, n := range v.list.items {
		if size, ok := n.Int(); !n.IsNull() && (!ok || size < 0) {
			return nil
		}
	}
	return v
}

// leadingType returns the type of the input of a model whose first layer is first.
func (p *archParser) leadingType(entry *Value, first *Layer) string {
	if t, ok := entry.Get("config").Get("input_dtype").Str(); ok { // Keras 1
		return t
	}
	if t, ok := entry.Get("config").Get("dtype").Str(); ok && first.Class == "Embedding" && p.era == keras2 { // Keras 2.0 to 2.2
		return t
	}
	for g := first.Graph; g != nil; {
		next := first
		if g.Sequential && len(g.Layers) > 0 {
			next = g.Layers[0]
		} else if in := g.Inputs.Tensors(nil); len(in) == 1 {
			next = in[0].Layer
		}
		if next == first {
			break
		}
		first, g = next, next.Graph
	}
	policy, err := ParseDTypePolicy(first.Config.Get("dtype"))
	switch {
	case err != nil: // the layer itself says so, when it is used
		return "float32"
	case p.era == keras3:
		return policy.Compute
	}
	return policy.Variable
}

func (p *archParser) functional(config *Value, entries []*Value, path string) (*Graph, error) {
	layers, byName, err := p.contents(entries, path)
	if err != nil {
		return nil, err
	}
	g := &Graph{Layers: layers}
	n := nodeParser{layers: byName, era: p.era, path: path}
	for i, l := range layers {
		if err := n.calls(l, entries[i].Get("inbound_nodes")); err != nil {
			return nil, at(join(path, l.Name), l.Class, err)
		}
	}
	n.from, n.output = nil, true
	if g.Inputs, err = n.structure(config.Get("input_layers"), "input_layers"); err != nil {
		return nil, err
	}
	if g.Outputs, err = n.structure(config.Get("output_layers"), "output_layers"); err != nil {
		return nil, err
	}
	if err := n.resolve(); err != nil {
		return nil, err
	}
	return g, acyclic(layers)
}

// acyclic returns an error that names the layers of a cycle, if there is one.
// It removes calls whose operands are known until none is left.
func acyclic(layers []*Layer) error {
	type call struct {
		layer *Layer
		node  int
	}
	waiting := map[call]int{} // operands that are not known yet
	users := map[call][]call{}
	var ready []call
	for _, l := range layers {
		for i := range l.Calls {
			c := call{l, i}
			for _, t := range l.Calls[i].Tensors() {
				if len(t.Layer.Calls) == 0 { // an input
					continue
				}
				from := call{t.Layer, t.Node}
				waiting[c]++
				users[from] = append(users[from], c)
			}
			if waiting[c] == 0 {
				ready = append(ready, c)
			}
		}
	}
	for len(ready) > 0 {
		c := ready[len(ready)-1]
		ready = ready[:len(ready)-1]
		for _, u := range users[c] {
			if waiting[u]--; waiting[u] == 0 {
				ready = append(ready, u)
			}
		}
	}
	// What is left waits for a cycle or is on one. Walk backwards until a call repeats.
	var at call
	for _, l := range layers {
		for i := range l.Calls {
			if at.layer == nil && waiting[call{l, i}] > 0 {
				at = call{l, i}
			}
		}
	}
	if at.layer == nil {
		return nil
	}
	var names []string
	seen := map[call]int{}
	for {
		if start, ok := seen[at]; ok {
			names = append(names[start:], at.layer.Name)
			slices.Reverse(names)
			return fmt.Errorf("%w: the layers %s form a cycle", ErrFormat, strings.Join(names, " -> "))
		}
		seen[at] = len(names)
		names = append(names, at.layer.Name)
		for _, t := range at.layer.Calls[at.node].Tensors() {
			if from := (call{t.Layer, t.Node}); waiting[from] > 0 {
				at = from
				break
			}
		}
	}
}
