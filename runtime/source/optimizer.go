package source

import (
	"github.com/kerasrun/kerasrun/hdf5load"
)

// optimizerOf returns the variables of the optimizer that a file of weights
// holds, in order, or nil: the group optimizer of a .weights.h5, or
// optimizer_weights of an .h5. What cannot be read is left out: nothing needs it
// to run a model.
func optimizerOf(root hdf5load.Object) []hdf5load.Weight {
	if g, err := root.Open("optimizer_weights"); err == nil {
		names, err := hdf5load.AttrStrings(g, "weight_names")
		if err != nil {
			return nil
		}
		var out []hdf5load.Weight
		for _, name := range names {
			o, err := g.Open(name)
			if err != nil || o.Kind() != hdf5load.Dataset {
				return nil
			}
			out = append(out, hdf5load.Weight{Name: name, Object: o})
		}
		return out
	}
	g, err := root.Open("optimizer")
	if err != nil {
		return nil
	}
	groups, err := hdf5load.VarsGroups(g)
	if err != nil || len(groups) != 1 || groups[0].Path != "" {
		return nil
	}
	return groups[0].Weights
}
