// Package diff compares two models: their layers, options and what they are called
// on, and their weights bit by bit. It compares what the loader made of the files, so
// that those of different Kerases can be compared.
package diff

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/source"
)

// A Diff is what two models do not have in common. Neither list is nil.
type Diff struct {
	Layers  []Layer  `json:"layers"`
	Weights []Weight `json:"weights"`
}

// Of compares two models, whose weights it reads. Layers and weights belong together
// if their paths are the same.
func Of(a, b *source.Model) (*Diff, error) {
	weights, err := weightsOf(a, b)
	if err != nil {
		return nil, err
	}
	return &Diff{layersOf(a.Arch.Root, b.Arch.Root), weights}, nil
}

// Same reports whether nothing differs.
func (d *Diff) Same() bool { return len(d.Layers)+len(d.Weights) == 0 }

// A Layer is something of a layer that differs; "" is nothing: of What
// "layer", the model has no layer of that path.
type Layer struct {
	Layer string `json:"layer"`
	What  string `json:"what"` // "layer", "class", "inputs" or an option
	A     string `json:"a"`
	B     string `json:"b"`
}

// A Weight is a weight that differs. Of weights of one shape, Changed of Elements
// numbers differ, by Largest at most.
type Weight struct {
	Weight   string  `json:"weight"`
	A        string  `json:"a"` // type and shape, "" where there is none
	B        string  `json:"b"`
	Elements int     `json:"elements,omitempty"`
	Changed  int     `json:"changed,omitempty"`
	Largest  float64 `json:"largest,omitempty"`
	Infinite bool    `json:"infinite,omitempty"` // some differ by no number: they are NaN or infinite
}

// walk lists the layers of a model, and of those inside it, by path.
func walk(root *keras.Layer) (paths []string, byPath map[string]*keras.Layer) {
	byPath = map[string]*keras.Layer{}
	var in func(g *keras.Graph, at string)
	in = func(g *keras.Graph, at string) {
		for _, l := range g.Layers {
			path := at + l.Name
			paths = append(paths, path)
			byPath[path] = l
			if l.Graph != nil {
				in(l.Graph, path+"/")
			}
			for _, key := range slices.Sorted(maps.Keys(l.Inner)) {
				for _, inner := range l.Inner[key] {
					if inner.Graph != nil {
						in(&keras.Graph{Layers: []*keras.Layer{inner}}, path+"/")
					}
				}
			}
		}
	}
	in(root.Graph, "")
	return paths, byPath
}

// wrapsModel reports whether an option of l is a model, whose layers have paths of their own.
func wrapsModel(l *keras.Layer, option string) bool {
	inner := l.Inner[option]
	return len(inner) == 1 && inner[0].Graph != nil
}

// layersOf compares layers in the order of the models.
func layersOf(a, b *keras.Layer) []Layer {
	diffs := []Layer{}
	paths, inA := walk(a)
	others, inB := walk(b)
	for _, path := range paths {
		x, y := inA[path], inB[path]
		if y == nil {
			diffs = append(diffs, Layer{path, "layer", x.Class, ""})
			continue
		}
		add := func(what, of, other string) {
			if of != other {
				diffs = append(diffs, Layer{path, what, of, other})
			}
		}
		add("class", x.Class, y.Class)
		add("inputs", inputsOf(x), inputsOf(y))
		if x.Graph != nil && y.Graph != nil {
			continue // their options are layers with paths of their own
		}
		keys := x.Config.Keys()
		for _, k := range y.Config.Keys() {
			if !slices.Contains(keys, k) {
				keys = append(keys, k)
			}
		}
		for _, k := range keys {
			if wrapsModel(x, k) && wrapsModel(y, k) {
				continue
			}
			add(k, optionText(x.Config.Get(k)), optionText(y.Config.Get(k)))
		}
	}
	for _, path := range others {
		if inA[path] == nil {
			diffs = append(diffs, Layer{path, "layer", "", inB[path].Class})
		}
	}
	return diffs
}

// optionText is an option as text: an object with its class and options that are not
// null, a type of numbers by its name, in whichever form the file has them. An option
// of null is as good as none.
func optionText(v *keras.Value) string {
	if v.IsNull() {
		return ""
	}
	if v.Kind() == keras.Array {
		var items []string
		for _, item := range v.Items() {
			items = append(items, cmp.Or(optionText(item), "null"))
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	class, ok := v.Get("class_name").Str()
	if !ok {
		return v.JSON()
	}
	config := v.Get("config")
	if strings.HasSuffix(class, "Policy") {
		return optionText(config.Get("name"))
	}
	if config.Kind() != keras.Object {
		return class + "(" + optionText(config) + ")"
	}
	var options []string
	for _, k := range config.Keys() {
		if text := optionText(config.Get(k)); text != "" {
			options = append(options, k+"="+text)
		}
	}
	if len(options) == 0 {
		return class
	}
	return class + "(" + strings.Join(options, ", ") + ")"
}

// inputsOf names the tensors that a layer is called on, call by call.
func inputsOf(l *keras.Layer) string {
	var calls []string
	for _, c := range l.Calls {
		var names []string
		args := c.Args
		for _, k := range c.Kwargs {
			args = append(args[:len(args):len(args)], k.Arg)
		}
		for _, a := range args {
			for _, t := range a.Tensors(nil) {
				name := t.Layer.Name
				if t.Node > 0 || t.Tensor > 0 {
					name += fmt.Sprintf("[%d,%d]", t.Node, t.Tensor)
				}
				names = append(names, name)
			}
		}
		calls = append(calls, strings.Join(names, ", "))
	}
	return strings.Join(calls, "; ")
}

// weightsOf compares weights in the order of the models.
func weightsOf(a, b *source.Model) ([]Weight, error) {
	diffs := []Weight{}
	namesA, namesB := source.WeightNames(a.Program.Graph.Params), source.WeightNames(b.Program.Graph.Params)
	for i, name := range namesA {
		x, err := a.Weights[i].Tensor()
		if err != nil {
			return nil, fmt.Errorf("%s: weight %s: %w", a.Info.Name, name, err)
		}
		d := Weight{Weight: name, A: fmt.Sprintf("%v %v", x.DType, x.Shape)}
		j := slices.Index(namesB, name)
		if j < 0 {
			diffs = append(diffs, d)
			continue
		}
		y, err := b.Weights[j].Tensor()
		if err != nil {
			return nil, fmt.Errorf("%s: weight %s: %w", b.Info.Name, name, err)
		}
		d.B = fmt.Sprintf("%v %v", y.DType, y.Shape)
		if d.A == d.B {
			d.compare(x, y)
		}
		if d.A != d.B || d.Changed > 0 {
			diffs = append(diffs, d)
		}
	}
	for j, name := range namesB {
		if !slices.Contains(namesA, name) {
			t := b.Program.Graph.Params[j].Type
			diffs = append(diffs, Weight{Weight: name, B: fmt.Sprintf("%v %v", t.DType, t.Shape)})
		}
	}
	return diffs, nil
}

// compare counts the elements that differ, of tensors of one type.
func (d *Weight) compare(x, y graph.Tensor) {
	d.Elements, _ = x.Shape.Elems()
	for i := range d.Elements {
		v, w := x.Float(i), y.Float(i)
		if math.Float64bits(v) == math.Float64bits(w) {
			continue
		}
		d.Changed++
		if by := math.Abs(v - w); math.IsNaN(by) || math.IsInf(by, 0) {
			d.Infinite = true
		} else {
			d.Largest = max(d.Largest, by)
		}
	}
}
