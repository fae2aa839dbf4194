package source

import (
	"slices"

	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/layers"
)

// A Group is a group of a file of weights.
type Group struct {
	Name string
	// Params are the indices of the parameters that it holds, in the order of the file.
	Params []int
}

// PathGroups returns the groups of the layout of Keras 3's .weights.h5, named by
// their paths, in order of creation. The weights of each lie in a group "vars" in it, called 0, 1 and so on.
func PathGroups(p *layers.Program) []Group {
	params := p.Graph.Params
	groups := groupBy(params, func(p graph.Param) string { return p.Path })
	for i := range groups {
		groups[i].Params = fileOrder(params, groups[i].Params)
	}
	return groups
}

// LegacyGroups returns the groups of the layout of .h5 files that have weights:
// the layers of the outermost model, in the order of the file. Trained weights
// come first, over all layers inside.
func LegacyGroups(p *layers.Program) []Group {
	params := p.Graph.Params
	groups := groupBy(params, func(p graph.Param) string { return p.Top })
	// Parameters are created when a layer is first called; the file follows the list of layers.
	position := map[string]int{}
	for i, l := range p.Layers {
		if l.Depth == 0 {
			position[l.Name] = i
		}
	}
	slices.SortStableFunc(groups, func(a, b Group) int { return position[a.Name] - position[b.Name] })
	for _, g := range groups {
		idx := g.Params
		// Here a layer's variables that are trainable by kind are always first.
		for lo := 0; lo < len(idx); {
			hi := lo
			for hi < len(idx) && params[idx[hi]].Ordered && params[idx[hi]].Path == params[idx[lo]].Path {
				hi++
			}
			slices.SortStableFunc(idx[lo:hi], func(a, b int) int { return kindRank(params[a]) - kindRank(params[b]) })
			lo = max(hi, lo+1)
		}
		slices.SortStableFunc(idx, func(a, b int) int { return trainRank(params[a]) - trainRank(params[b]) })
	}
	return groups
}

func groupBy(params []graph.Param, key func(graph.Param) string) []Group {
	var groups []Group
	index := map[string]int{}
	for i, p := range params {
		k, ok := index[key(p)]
		if !ok {
			k = len(groups)
			index[key(p)] = k
			groups = append(groups, Group{Name: key(p)})
		}
		groups[k].Params = append(groups[k].Params, i)
	}
	return groups
}

// fileOrder sorts parameters of one layer into the order of the file: Keras
// keeps trained variables before the others, whether or not they are frozen.
func fileOrder(params []graph.Param, idx []int) []int {
	idx = slices.Clone(idx)
	slices.SortStableFunc(idx, func(a, b int) int {
		if params[a].Ordered && params[b].Ordered {
			return 0
		}
		return kindRank(params[a]) - kindRank(params[b])
	})
	return idx
}

func kindRank(p graph.Param) int {
	if p.Trainable || p.Frozen {
		return 0
	}
	return 1
}

func trainRank(p graph.Param) int {
	if p.Trainable {
		return 0
	}
	return 1
}
