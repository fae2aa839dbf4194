package kerasfile

import (
	"slices"

	"github.com/kerasrun/kerasrun/keras"
)

// layersOf lists the layers of a model in the order that Keras 2 and 3 give them when
// they open it, by which they find their weights: the farther from the outputs, the
// earlier. Their own files have them so. A Keras 1 file may hold branches one after
// the other (Merge).
func (a *architect) layersOf(g *keras.Graph) []*keras.Layer {
	if g.Sequential || a.j.Arch.Version.Major > 1 {
		return g.Layers
	}
	depth := depths(g)
	layers := slices.Clone(g.Layers)
	slices.SortStableFunc(layers, func(x, y *keras.Layer) int { return depth[y] - depth[x] })
	return layers
}

// depths returns how many calls there are after each layer, on the longest way to an
// output; of a shared layer, after its first.
func depths(g *keras.Graph) map[*keras.Layer]int {
	type node struct {
		layer *keras.Layer
		call  int
	}
	before := func(n node) (args []*keras.Arg) {
		if n.call < len(n.layer.Calls) {
			args = n.layer.Calls[n.call].Tensors()
		}
		return args
	}
	var order []node // each after those that it is computed from
	seen := map[node]bool{}
	var visit func(t *keras.Arg)
	visit = func(t *keras.Arg) {
		n := node{t.Layer, t.Node}
		if seen[n] {
			return
		}
		seen[n] = true
		for _, from := range before(n) {
			visit(from)
		}
		order = append(order, n)
	}
	for _, t := range g.Outputs.Tensors(nil) {
		visit(t)
	}
	layers, nodes := map[*keras.Layer]int{}, map[node]int{}
	for _, n := range slices.Backward(order) {
		d := max(nodes[n], layers[n.layer])
		layers[n.layer] = d
		for _, from := range before(n) {
			p := node{from.Layer, from.Node}
			nodes[p] = max(nodes[p], d+1)
		}
	}
	return layers
}
