package source

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kerasrun/kerasrun/hdf5load"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/layers"
)

// A legacyStore holds weights as Keras 1, 2 and 3 write whole-model .h5 files
// and Keras 1 and 2 write weight files: a group for each layer of the outermost
// model, whose weights stand in a flat list.
type legacyStore []hdf5load.LayerWeights

// legacyBinder binds a legacyStore by the rules of the era of its file.
type legacyBinder struct {
	legacyStore
	era era
}

// bind pairs by position, as Keras does: the layers that have weights, in the
// order of the model, with the groups that have weights, in the order of the file.
func (s legacyBinder) bind(prog *layers.Program) ([]binding, error) {
	params := prog.Graph.Params
	tops := LegacyGroups(prog)
	var groups []hdf5load.LayerWeights
	for _, g := range s.legacyStore {
		g.Weights = slices.DeleteFunc(slices.Clone(g.Weights), func(w hdf5load.Weight) bool { return randomState(w.Name) })
		if len(g.Weights) > 0 {
			groups = append(groups, g)
		}
	}
	if len(groups) != len(tops) {
		var have, want []string
		for _, g := range groups {
			have = append(have, g.Layer)
		}
		for _, g := range tops {
			want = append(want, g.Name)
		}
		return nil, fmt.Errorf("%w: %d layers of the file have weights (%s), want %d (%s)",
			graph.ErrShape, len(groups), list(have), len(tops), list(want))
	}
	out := make([]binding, len(params))
	for k, top := range tops {
		if err := s.era.bindGroup(out, params, top.Params, groups[k], prog); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// bindGroup binds the weights of one layer of the outermost model, in the order of [LegacyGroups].
func (e era) bindGroup(out []binding, params []graph.Param, idx []int, g hdf5load.LayerWeights, prog *layers.Program) error {
	p := params[idx[0]]
	wrong := fmt.Errorf("%w: layer %s (%s): group %q has %d weights, want %d (%s)",
		graph.ErrShape, p.Layer, p.Class, g.Layer, len(g.Weights), len(idx), list(names(params, idx)))
	split := len(g.Weights) != len(idx)
	stored := g.Weights
	for j := 0; j < len(idx); {
		if n := e.bindRecurrent(out, prog, idx[j:], stored, split); n > 0 {
			stored = stored[n:]
			j += 3
			continue
		}
		if len(stored) == 0 {
			return wrong
		}
		w, i := stored[0], idx[j]
		stored = stored[1:]
		j++
		out[i] = binding{stored: []hdf5load.Weight{w}}
		if c := e.conversion(prog, params[i], w.Shape()); c != nil {
			out[i].convert = func(stored []graph.Tensor, want graph.Type) (graph.Tensor, error) {
				return c(stored[0], want)
			}
		}
	}
	if len(stored) > 0 {
		return wrong
	}
	return nil
}

// randomState reports the state of a random generator, which some versions of
// Keras 2 store among a layer's weights.
func randomState(name string) bool {
	leaf := strings.TrimSuffix(name[strings.LastIndexByte(name, '/')+1:], ":0")
	return leaf == "StateVar" || leaf == "seed_generator_state"
}
