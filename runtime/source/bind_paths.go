package source

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/kerasrun/kerasrun/hdf5load"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/layers"
)

// A pathStore holds weights as Keras 3 and tf_keras write .weights.h5 files: a
// group "vars" for each layer, at a path made of class names and positions.
type pathStore map[string][]hdf5load.Weight

func (s pathStore) bind(prog *layers.Program) ([]binding, error) {
	params := prog.Graph.Params
	out := make([]binding, len(params))
	for _, g := range PathGroups(prog) {
		path, idx := g.Name, g.Params
		p := params[idx[0]]
		stored, ok := s[path]
		if !ok {
			stored, ok = s[otherSpelling(path)]
		}
		if !ok {
			return nil, fmt.Errorf("%w: layer %s (%s): the weights have no group %q; they have %s",
				ErrNotFound, p.Layer, p.Class, path, list(slices.Sorted(maps.Keys(s))))
		}
		if p.Copies > 0 && len(stored) == len(idx)+p.Copies {
			stored = stored[p.Copies:]
		}
		if len(stored) != len(idx) {
			return nil, fmt.Errorf("%w: layer %s (%s): group %q has %d weights, want %d (%s)",
				graph.ErrShape, p.Layer, p.Class, path, len(stored), len(idx), list(names(params, idx)))
		}
		for j, i := range idx {
			out[i] = binding{stored: stored[j : j+1]}
		}
	}
	return out, nil
}

// dependencies is the group in which Keras 2.12 kept the layers of a model.
const dependencies = "_layer_checkpoint_dependencies"

// today returns s with the paths that Keras 2.13 and later give. Keras 2.12
// counted a layer that has weights twice: dense, dense_2, dense_4. All layers of
// a model are in the file, so that their order in it says which is which.
func (s pathStore) today() pathStore {
	type child struct {
		name   string
		number int
	}
	children := map[string]map[string][]child{} // by group and name without the number
	for path := range s {
		parts := strings.Split(path, "/")
		for i := 0; i+1 < len(parts); i++ {
			if parts[i] != dependencies {
				continue
			}
			group, c := strings.Join(parts[:i+1], "/"), child{name: parts[i+1]}
			stem := c.name
			if at := strings.LastIndexByte(c.name, '_'); at > 0 {
				if n, err := strconv.Atoi(c.name[at+1:]); err == nil {
					stem, c.number = c.name[:at], n
				}
			}
			if children[group] == nil {
				children[group] = map[string][]child{}
			}
			if !slices.Contains(children[group][stem], c) {
				children[group][stem] = append(children[group][stem], c)
			}
		}
	}
	if len(children) == 0 {
		return s
	}
	renamed := map[string]string{} // by group and name
	for group, stems := range children {
		for stem, list := range stems {
			slices.SortFunc(list, func(a, b child) int { return a.number - b.number })
			for i, c := range list {
				renamed[group+"/"+c.name] = stem
				if i > 0 {
					renamed[group+"/"+c.name] += "_" + strconv.Itoa(i)
				}
			}
		}
	}
	out := make(pathStore, len(s))
	for path, weights := range s {
		parts := strings.Split(path, "/")
		now := slices.Clone(parts)
		for i := 0; i+1 < len(parts); i++ {
			if parts[i] == dependencies {
				now[i], now[i+1] = "layers", renamed[strings.Join(parts[:i+2], "/")]
			}
		}
		out[strings.Join(now, "/")] = weights
	}
	return out
}

// names returns the names of the parameters idx.
func names(params []graph.Param, idx []int) []string {
	var out []string
	for _, i := range idx {
		out = append(out, params[i].Name)
	}
	return out
}

// otherSpelling is path with an underscore before its last part, or without:
// the projections of an attention layer are stored by the name of a Python
// attribute, which became public in some version of Keras 3.
func otherSpelling(path string) string {
	i := strings.LastIndexByte(path, '/') + 1
	if last, private := strings.CutPrefix(path[i:], "_"); private {
		return path[:i] + last
	}
	return path[:i] + "_" + path[i:]
}
