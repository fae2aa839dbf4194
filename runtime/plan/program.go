package plan

import (
	"slices"

	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/step"
	"github.com/kerasrun/kerasrun/runtime/weight"
)

// A node is a graph node with what was fused into it. Its operands are those of
// the op, then the bias, then the residual.
type node struct {
	layers []string // the op's layer first, then those of what was fused
	op     graph.Op
	in     []int
	out    []int
	epi    step.Epilogue
	chain  *Chain // of a node that stands for others; it has no op
}

// args returns how many operands belong to the op itself.
func (n *node) args() int {
	k := len(n.in)
	if n.epi.Bias {
		k--
	}
	if n.epi.Residual {
		k--
	}
	return k
}

// A program is what the passes rewrite. A removed node has a nil op until compact.
type program struct {
	values  []graph.Value
	consts  map[int]*weight.Value // weights, constants and what was folded
	nodes   []*node
	inputs  []graph.Named
	outputs []int // graph outputs, then kept values
	states  []graph.State
	names   []string
	err     error                 // the first of reading a constant
	readers map[*weight.Value]int // nodes that read a constant, and outputs that it is
	funcs   map[string]graph.Func // that Calls run
	sized   bool                  // all dimensions of the model's inputs are known but the first
}

func newProgram(g *graph.Graph, weights []*weight.Value, keep []int) *program {
	p := &program{values: append([]graph.Value{}, g.Values...), consts: map[int]*weight.Value{}, inputs: g.Inputs, states: slices.Clone(g.States)}
	for i := range g.Params {
		p.consts[g.Params[i].Value] = weights[i]
	}
	for id, i := range g.ConstOf {
		p.consts[id] = weight.Of(g.Consts[i])
	}
	for _, n := range g.Nodes {
		p.nodes = append(p.nodes, &node{
			layers: []string{n.Layer}, op: n.Op,
			in: append([]int{}, n.In...), out: append([]int{}, n.Out...),
		})
	}
	for _, o := range g.Outputs {
		p.outputs = append(p.outputs, o.ID)
		p.names = append(p.names, o.Name)
	}
	p.outputs = append(p.outputs, keep...)
	return p
}

// constant adds a constant value.
func (p *program) constant(v *weight.Value) int {
	id := len(p.values)
	p.values = append(p.values, graph.Value{ID: id, Type: v.Type})
	p.consts[id] = v
	return id
}

// hold returns the elements of a small constant, which the passes may ask for
// again, and keeps them. After an error they are zeros, and Compile fails.
func (p *program) hold(v *weight.Value) *graph.Tensor {
	t, err := v.Hold()
	if err != nil {
		if p.err == nil {
			p.err = err
		}
		z := graph.NewTensor(v.DType, v.Shape)
		return &z
	}
	return t
}

// dropConstants forgets the constants that no node reads, and with them the
// file they would be read from.
func (p *program) dropConstants() {
	uses := p.uses()
	for id := range p.consts {
		if uses[id] == 0 {
			delete(p.consts, id)
		}
	}
}

// fixed reports whether all dimensions of what n reads are known but the first,
// those of the inputs of the model too, and nothing else reads its constants.
func (p *program) fixed(n *node) bool {
	for _, v := range n.in {
		c := p.consts[v]
		if c == nil && !fixedButBatch(p.values[v].Shape) || c != nil && p.readers[c] > 1 {
			return false
		}
	}
	return p.sized
}

// settle fills readers and sized when the passes are done.
func (p *program) settle() {
	p.readers = map[*weight.Value]int{}
	for _, n := range p.nodes {
		for _, v := range n.in {
			if c := p.consts[v]; c != nil {
				p.readers[c]++
			}
		}
	}
	for _, v := range p.outputs {
		if c := p.consts[v]; c != nil {
			p.readers[c]++
		}
	}
	p.sized = !slices.ContainsFunc(p.inputs, func(in graph.Named) bool { return !fixedButBatch(in.Shape) })
}

func fixedButBatch(s graph.Shape) bool { return len(s) > 0 && s[1:].Known() }

// uses counts the readers of each value; an output and the next run count as one.
func (p *program) uses() []int {
	n := make([]int, len(p.values))
	for _, nd := range p.nodes {
		for _, v := range nd.in {
			n[v]++
		}
	}
	for _, v := range p.outputs {
		n[v]++
	}
	for _, s := range p.states {
		n[s.Last]++
	}
	return n
}

// producers maps a value to the index of its node, or -1.
func (p *program) producers() []int {
	by := make([]int, len(p.values))
	for i := range by {
		by[i] = -1
	}
	for i, nd := range p.nodes {
		for _, v := range nd.out {
			by[v] = i
		}
	}
	return by
}

// replace makes every reader of old read new instead.
func (p *program) replace(old, new int) {
	for _, nd := range p.nodes {
		for i, v := range nd.in {
			if v == old {
				nd.in[i] = new
			}
		}
	}
	for i, v := range p.outputs {
		if v == old {
			p.outputs[i] = new
		}
	}
	for i := range p.states {
		if s := &p.states[i]; s.Last == old {
			s.Last = new
		}
	}
}

// compact removes the nodes without an op.
func (p *program) compact() {
	kept := p.nodes[:0]
	for _, nd := range p.nodes {
		if nd.op != nil {
			kept = append(kept, nd)
		}
	}
	p.nodes = kept
}

// absorb appends the layers of b to those of a, each once.
func absorb(a, b *node) {
	for _, l := range b.layers {
		seen := false
		for _, m := range a.layers {
			seen = seen || l == m
		}
		if !seen {
			a.layers = append(a.layers, l)
		}
	}
}
