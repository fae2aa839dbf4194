package hdf5load

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Weight is one stored array of a layer.
type Weight struct {
	// Name as stored: "conv2d/kernel:0" in the legacy layout, the number in the
	// group "vars" ("0", "1") in a .weights.h5.
	Name string
	Object
}

// LayerWeights are the weights of one layer of the legacy layout, in the order
// of the layer's weights.
type LayerWeights struct {
	Layer   string
	Weights []Weight
}

// LegacyLayers reads the layout of Keras 1 and 2, and of Keras 3's .h5: the
// attribute layer_names of root, or of its group model_weights, lists the
// layers' groups; weight_names of each lists its arrays. The names of a long
// list are split over layer_names0, layer_names1, ... A layer without weights has
// an empty list (weight_names empty, or absent from an empty group). ErrNotFound if root has no layer_names.
//
// https://github.com/keras-team/keras, legacy/saving/legacy_h5_format.py.
func LegacyLayers(root Object) ([]LayerWeights, error) {
	names, err := AttrStrings(root, "layer_names")
	if errors.Is(err, ErrNotFound) {
		if g, e := root.Open("model_weights"); e == nil {
			root = g
			names, err = AttrStrings(root, "layer_names")
		} else if !errors.Is(e, ErrNotFound) {
			return nil, e
		}
	}
	if err != nil {
		return nil, err
	}
	layers := make([]LayerWeights, len(names))
	for i, name := range names {
		if layers[i], err = legacyLayer(root, name); err != nil {
			return nil, fmt.Errorf("layer %q: %w", name, err)
		}
	}
	return layers, nil
}

func legacyLayer(root Object, name string) (LayerWeights, error) {
	l := LayerWeights{Layer: name}
	g, err := root.Open(name)
	if err != nil {
		return l, err
	}
	names, err := AttrStrings(g, "weight_names")
	if errors.Is(err, ErrNotFound) { // Keras takes that for no weights: lookup layers
		if members, e := g.Links(); e != nil || len(members) == 0 {
			return l, e
		}
	}
	if err != nil {
		return l, err
	}
	for _, n := range names {
		o, err := g.Open(n)
		if err == nil && o.Kind() != Dataset {
			err = corrupt("a %s, want a dataset", o.Kind())
		}
		if err != nil {
			return l, fmt.Errorf("weight %q: %w", n, err)
		}
		l.Weights = append(l.Weights, Weight{n, o})
	}
	return l, nil
}

// VarsGroup is a group named "vars" of a .weights.h5: the weights of one layer,
// cell, optimizer or metric.
type VarsGroup struct {
	Path    string   // of the parent, without a leading slash: "layers/conv2d"; empty at the root
	Name    string   // the attribute name, where Keras wrote one; else empty
	Weights []Weight // numbers first, in numeric order, then other names, sorted
}

// maxVarsDepth bounds the nesting of groups, and with it the length of paths.
const maxVarsDepth = 256

// VarsGroups lists the groups named "vars" that the layout of Keras 3 keeps
// weights in: depth first in the order of the links, a group's own weights before
// those of the groups inside it. A group linked to several times is listed once.
//
// tf_keras joined paths by the separator of the system: on Windows it wrote groups
// with names such as layers\dense, which it reads there alone. Their paths have slashes.
//
// https://github.com/keras-team/keras, src/saving/saving_lib.py.
func VarsGroups(root Object) ([]VarsGroup, error) {
	type place struct {
		path  string // with a slash at the end, or empty
		group Object
		depth int
	}
	var out []VarsGroup
	seen := map[Object]bool{}
	for todo := []place{{"", root, 0}}; len(todo) > 0; {
		p := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[p.group] {
			continue
		}
		seen[p.group] = true
		if p.depth > maxVarsDepth {
			return nil, overLimit("groups nested more than %d deep", maxVarsDepth)
		}
		names, err := p.group.Links()
		if err != nil {
			return nil, fmt.Errorf("group %q: %w", p.path, err)
		}
		var below []place
		for _, name := range names {
			o, err := p.group.Open(name)
			if err != nil {
				return nil, fmt.Errorf("group %q: %w", p.path, err)
			}
			if o.Kind() != Group {
				continue
			}
			if name == "vars" {
				v, err := varsGroup(o)
				if err != nil {
					return nil, fmt.Errorf("group %q: %w", p.path+name, err)
				}
				v.Path = p.path[:max(0, len(p.path)-1)]
				out = append(out, v)
			}
			below = append(below, place{p.path + strings.ReplaceAll(name, `\`, "/") + "/", o, p.depth + 1})
		}
		slices.Reverse(below)
		todo = append(todo, below...)
	}
	return out, nil
}

func varsGroup(g Object) (v VarsGroup, err error) {
	if v.Name, err = AttrString(g, "name"); err != nil && !errors.Is(err, ErrNotFound) {
		return v, err
	}
	names, err := g.Links()
	if err != nil {
		return v, err
	}
	for _, n := range names {
		o, err := g.Open(n)
		if err != nil {
			return v, err
		}
		if o.Kind() == Dataset {
			v.Weights = append(v.Weights, Weight{n, o})
		}
	}
	slices.SortStableFunc(v.Weights, func(a, b Weight) int {
		i, errA := strconv.Atoi(a.Name)
		j, errB := strconv.Atoi(b.Name)
		switch {
		case errA == nil && errB == nil:
			return cmp.Compare(i, j)
		case errA == nil:
			return -1
		case errB == nil:
			return 1
		}
		return cmp.Compare(a.Name, b.Name)
	})
	return v, nil
}

// AttrString reads an attribute that is one string, variable-length or fixed,
// such as model_config, training_config, keras_version and backend of the root
// group. ErrNotFound if there is none.
func AttrString(o Object, name string) (string, error) {
	a, err := o.Attr(name)
	if err != nil {
		return "", err
	}
	s, err := a.Strings()
	if err == nil && len(s) != 1 {
		err = fmt.Errorf("attribute %q: %w", name, corrupt("%d strings, want 1", len(s)))
	}
	if err != nil {
		return "", err
	}
	return s[0], nil
}

// AttrStrings reads a list of strings: the attribute name, or the pieces name0,
// name1, ... that Keras splits lists of more than 64 KiB into. An empty array of
// any type is an empty list, as h5py writes one as float64. ErrNotFound if there is
// neither.
func AttrStrings(o Object, name string) ([]string, error) {
	whole, err := o.Attr(name)
	if err == nil {
		return stringList(whole)
	}
	if !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	var out []string
	for i := 0; ; i++ {
		piece, e := o.Attr(name + strconv.Itoa(i))
		if errors.Is(e, ErrNotFound) {
			if i == 0 {
				return nil, err // about name itself
			}
			return out, nil
		}
		if e != nil {
			return nil, e
		}
		s, e := stringList(piece)
		if e != nil {
			return nil, e
		}
		out = append(out, s...)
	}
}

func stringList(a *Attr) ([]string, error) {
	if a.DType != String && slices.Contains(a.Shape, 0) {
		return nil, nil
	}
	return a.Strings()
}
