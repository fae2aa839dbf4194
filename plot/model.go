package plot

import (
	"fmt"
	"strings"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/layers"
)

// New returns the graph of a model: each call of a layer is a node, the model
// inside a layer a graph of its own, drawn at the layer's first call. arch and prog
// are of one model, prog what arch was lowered to.
func New(arch *keras.Model, prog *layers.Program, o Options) (*Graph, error) {
	if arch == nil || arch.Root == nil || arch.Root.Graph == nil {
		return nil, fmt.Errorf("plot: %w: no architecture", keras.ErrFormat)
	}
	r := &reader{prog: prog, infos: map[*keras.Layer]*layers.LayerInfo{}, options: o}
	for i := range prog.Layers {
		if l := prog.Layers[i].Layer; l != nil {
			r.infos[l] = &prog.Layers[i]
		}
	}
	g := r.graph(arch.Root)
	for _, p := range prog.Graph.Params {
		n, _ := p.Shape.Elems()
		g.Params += int64(n)
	}
	r.outputs(g, arch.Root.Graph)
	if !o.Flat {
		g.stack()
	}
	return g, nil
}

// A reader makes graphs of models.
type reader struct {
	prog    *layers.Program
	infos   map[*keras.Layer]*layers.LayerInfo
	options Options
	nodes   map[call]int // of the graph that was made last
}

// A call is an application of a layer.
type call struct {
	layer *keras.Layer
	node  int
}

// graph makes the graph of a model.
func (r *reader) graph(model *keras.Layer) *Graph {
	g := &Graph{Name: model.Name, Class: model.Class, options: r.options}
	nodes := map[call]int{}
	for _, l := range model.Graph.Layers {
		calls := len(l.Calls)
		if model.Graph.Sequential || l.Class == "InputLayer" {
			calls = 1
		}
		g.Layers++
		for i := range calls {
			nodes[call{l, i}] = len(g.Nodes)
			g.Nodes = append(g.Nodes, r.node(l, i, calls))
		}
		if inside := insideOf(l); inside != nil {
			g.Layers += countLayers(inside)
		}
	}
	if model.Graph.Sequential {
		for i := 1; i < len(g.Nodes); i++ {
			g.Edges = append(g.Edges, Edge{i - 1, i})
		}
	} else {
		for _, l := range model.Graph.Layers {
			for i := range l.Calls {
				seen := map[int]bool{}
				for _, t := range l.Calls[i].Tensors() {
					from, ok := nodes[call{t.Layer, t.Node}]
					if ok && !seen[from] {
						seen[from] = true
						g.Edges = append(g.Edges, Edge{from, nodes[call{l, i}]})
					}
				}
			}
		}
	}
	r.nodes = nodes
	return g
}

// insideOf returns the layer whose model is drawn inside the box of l: l itself, or what a wrapper wraps.
func insideOf(l *keras.Layer) *keras.Layer {
	if l.Graph != nil {
		return l
	}
	if in := l.Inner["layer"]; len(in) == 1 && in[0].Graph != nil {
		return in[0]
	}
	return nil
}

func countLayers(model *keras.Layer) int {
	n := 0
	for _, l := range model.Graph.Layers {
		n++
		if inside := insideOf(l); inside != nil {
			n += countLayers(inside)
		}
	}
	return n
}

// node makes the node of call i of a layer.
func (r *reader) node(l *keras.Layer, i, calls int) Node {
	row := Layer{Name: l.Name, Class: classText(l), Options: optionsText(l, i), Family: familyOf(l)}
	n := Node{}
	info := r.infos[l]
	if info != nil {
		if i < len(info.Calls) {
			n.Shape = shapesText(info.Calls[i])
		}
		if i == 0 {
			row.Params = r.params(info)
		}
	}
	if calls > 1 {
		note := fmt.Sprintf("call %d of %d", i+1, calls)
		if row.Options != "" {
			note = row.Options + ", " + note
		}
		row.Options = note
	}
	if inside := insideOf(l); inside != nil && i == 0 && !r.options.Collapse {
		n.Inside = r.graph(inside)
	}
	n.Layers = []Layer{row}
	return n
}

// params counts the elements of a layer's weights.
func (r *reader) params(info *layers.LayerInfo) int64 {
	var total int64
	for _, p := range info.Params {
		n, _ := r.prog.Graph.Params[p].Shape.Elems()
		total += int64(n)
	}
	return total
}

// outputs adds the ends of the outermost model.
func (r *reader) outputs(g *Graph, model *keras.Graph) {
	var from []int
	if model.Sequential {
		if len(g.Nodes) > 0 {
			from = []int{len(g.Nodes) - 1}
		}
	} else if r.prog.Outputs != nil {
		for _, t := range r.prog.Outputs.Tensors(nil) {
			if n, ok := r.nodes[call{t.Layer, t.Node}]; ok {
				from = append(from, n)
			}
		}
	}
	for i, n := range from {
		end := Layer{Class: "Output", Family: End}
		if i < len(r.prog.Graph.Outputs) {
			end.Name = r.prog.Graph.Outputs[i].Name
		}
		g.Edges = append(g.Edges, Edge{n, len(g.Nodes)})
		g.Nodes = append(g.Nodes, Node{Layers: []Layer{end}})
	}
}

// shapesText writes the shapes of results, without the batch where that is free.
func shapesText(values []graph.Value) string {
	var texts []string
	for _, v := range values {
		text := shapeText(v.Shape)
		if v.DType != graph.Float32 {
			text += " " + v.DType.String()
		}
		texts = append(texts, text)
	}
	const most = 3
	if len(texts) > most {
		texts = append(texts[:most], fmt.Sprintf("%d more", len(texts)-most))
	}
	return strings.Join(texts, ", ")
}

func shapeText(s graph.Shape) string {
	if len(s) > 0 && s[0] == graph.Dyn {
		s = s[1:]
	}
	if len(s) == 0 {
		return "scalar"
	}
	var dims []string
	for _, d := range s {
		if d == graph.Dyn {
			dims = append(dims, "?")
		} else {
			dims = append(dims, fmt.Sprint(d))
		}
	}
	return strings.Join(dims, "×")
}

// stack puts layers that only finish what one other layer makes into the box
// of that one, here and in the graphs inside.
func (g *Graph) stack() {
	in, out := make([]int, len(g.Nodes)), make([]int, len(g.Nodes))
	for _, e := range g.Edges {
		out[e.From]++
		in[e.To]++
	}
	into := make([]int, len(g.Nodes)) // the node whose box a node is in
	for i := range into {
		into[i] = i
	}
	for _, v := range topological(len(g.Nodes), g.Edges) {
		if inside := g.Nodes[v].Inside; inside != nil {
			inside.stack()
		}
	}
	// Edges in the order of their ends, so that chains grow from their beginning.
	before := make([]int, len(g.Nodes))
	for _, e := range g.Edges {
		before[e.To] = e.From
	}
	for _, v := range topological(len(g.Nodes), g.Edges) {
		if in[v] != 1 || out[before[v]] != 1 {
			continue
		}
		u := into[before[v]]
		a, b := &g.Nodes[u], &g.Nodes[v]
		if !stacks(a, b) {
			continue
		}
		a.Layers = append(a.Layers, b.Layers...)
		a.Shape = b.Shape
		into[v] = u
	}
	index := make([]int, len(g.Nodes))
	var nodes []Node
	for i := range g.Nodes {
		if into[i] == i {
			index[i] = len(nodes)
			nodes = append(nodes, g.Nodes[i])
		}
	}
	var edges []Edge
	for _, e := range g.Edges {
		if from, to := into[e.From], into[e.To]; from != to {
			edges = append(edges, Edge{index[from], index[to]})
		}
	}
	g.Nodes, g.Edges = nodes, edges
}

// stacks reports whether b, which a alone feeds and which alone it feeds, goes into the box of a.
func stacks(a, b *Node) bool {
	first, last, next := a.Layers[0].Family, a.Layers[len(a.Layers)-1], b.Layers[0]
	if a.Inside != nil || b.Inside != nil || first == End || next.Family == End {
		return false
	}
	switch next.Family {
	case Normalization, Activation, Regularization:
		return len(a.Layers) < 6
	case Convolution, Pooling:
		return strings.HasPrefix(last.Class, "ZeroPadding") && len(a.Layers) == 1
	}
	return false
}
