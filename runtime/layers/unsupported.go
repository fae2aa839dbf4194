package layers

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/layers/operation"
)

// Unsupported lists the classes of m that [Lower] does not know, sorted, with
// the number of layers where there are several: "GRU (2)". A class that is
// known can still be refused for its options.
func Unsupported(m *keras.Model, o Options) []string {
	classes := map[string]class{}
	for _, c := range builtinClasses {
		classes[c.name] = c
	}
	operations := operation.Classes()
	count := map[string]int{}
	shared := &shared{classes: classes, options: o}
	type inside struct {
		layer *keras.Layer
		path  string
	}
	todo := []inside{{m.Root, ""}}
	for len(todo) > 0 {
		at := todo[0]
		todo = todo[1:]
		var below []*keras.Layer
		if at.layer.Graph != nil {
			below = at.layer.Graph.Layers
		}
		for _, key := range slices.Sorted(maps.Keys(at.layer.Inner)) {
			below = append(below, at.layer.Inner[key]...)
		}
		for _, l := range below {
			path := join(at.path, l.Name)
			todo = append(todo, inside{l, path})
			s := &scope{Builder: graph.NewBuilder(), shared: shared, layer: l, class: l.Class, path: path}
			switch {
			case s.custom() != nil, l.Class == "InputLayer", s.known():
			case l.Operation:
				if !slices.Contains(operations, l.Class) {
					count["operation "+l.Class]++
				}
			case l.Class == "TFOpLambda", l.Class == "SlicingOpLambda":
			case strings.HasSuffix(l.Class, "Cell"): // of a wrapper that is counted
			default:
				count[l.Class]++
			}
		}
	}
	var out []string
	for _, c := range slices.Sorted(maps.Keys(count)) {
		if count[c] > 1 {
			c = fmt.Sprintf("%s (%d)", c, count[c])
		}
		out = append(out, c)
	}
	return out
}
