package source

import (
	"fmt"
	"maps"
	"slices"
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
