package onnx

import (
	"fmt"
	"io"
	"slices"

	"github.com/kerasrun/kerasrun/convert/target"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/source"
)

// A value has the names under which a value of the graph is known: with its axes
// as they are, channels last, and with channels first. Either may be "".
type value struct{ last, first string }

// An emitter makes nodes of the ops of a graph.
type emitter struct {
	j     *target.Job
	g     *graph.Graph
	opset int

	nodes   []*node
	values  []value     // by ID
	makes   map[int]int // by ID, the node of the graph that makes the value
	uses    []int       // by ID, the number of uses
	weights []string    // by index of a parameter, its name

	initializers map[string]*initializer
	order        []string // of their creation
	taken        map[string]bool
	layer        string
}

func newEmitter(j *target.Job, opset int) *emitter {
	g := j.Program.Graph
	e := &emitter{
		j: j, g: g, opset: opset, values: make([]value, len(g.Values)), uses: make([]int, len(g.Values)),
		makes: map[int]int{}, weights: source.WeightNames(g.Params),
		initializers: map[string]*initializer{}, taken: map[string]bool{"": true},
	}
	for i, n := range g.Nodes {
		for _, id := range n.Out {
			e.makes[id] = i
		}
		for _, id := range n.In {
			e.uses[id]++
		}
	}
	for _, out := range g.Outputs {
		e.uses[out.ID]++
	}
	for _, s := range g.States {
		e.uses[s.Last]++
	}
	return e
}

// unique returns base, or base with a number if that is taken, and takes it.
func (e *emitter) unique(base string) string {
	name := base
	for n := 1; e.taken[name]; n++ {
		name = fmt.Sprintf("%s_%d", base, n)
	}
	e.taken[name] = true
	return name
}

// apply appends a node of one result and returns its name.
func (e *emitter) apply(op string, in []string, attrs ...attr) string {
	return e.applyN(op, 1, in, attrs...)[0]
}

func (e *emitter) applyN(op string, results int, in []string, attrs ...attr) []string {
	n := &node{op: op, in: in, attrs: attrs}
	for range results {
		n.out = append(n.out, e.unique(e.layer+"/"+op))
	}
	e.nodes = append(e.nodes, n)
	return n.out
}

// with and list shorten the calls.
func list(s ...string) []string           { return s }
func with(name string, value any) attr    { return attr{name, value} }
func (e *emitter) un(op, x string) string { return e.apply(op, list(x)) }
func (e *emitter) bin(op, x, y string) string {
	return e.apply(op, list(x, y))
}

// refuse notes that a node cannot be expressed.
func (e *emitter) refuse(n *graph.Node, format string, args ...any) {
	e.j.Refuse(n.Layer, "op %s: %s", graph.Name(n.Op), fmt.Sprintf(format, args...))
}

// initializer adds an initializer and returns its name; key tells it from others.
func (e *emitter) initializer(key, base string, t graph.Type, write func(io.Writer) error) string {
	if i, ok := e.initializers[key]; ok {
		return i.name
	}
	e.initializers[key] = &initializer{e.unique(base), t.DType, slices.Clone(t.Shape), write}
	e.order = append(e.order, key)
	return e.initializers[key].name
}

// tensor adds a small constant.
func (e *emitter) tensor(t graph.Tensor) string {
	return e.initializer(fmt.Sprintf("tensor %v %v %v", t.DType, []int(t.Shape), t.Data), "constant", graph.Type{DType: t.DType, Shape: t.Shape},
		func(w io.Writer) error { return target.WriteElements(w, t) })
}

// ints is a constant of int64.
func (e *emitter) ints(v ...int) string {
	d := make([]int64, len(v))
	for i, x := range v {
		d[i] = int64(x)
	}
	return e.tensor(graph.Tensor{DType: graph.Int64, Shape: graph.Shape{len(v)}, Data: d})
}

// scalar is a constant of rank 0.
func (e *emitter) scalar(d graph.DType, x float64) string {
	t := graph.NewTensor(d, graph.Shape{})
	t.SetFloat(0, x)
	return e.tensor(t)
}

// live returns the nodes and initializers that outputs need.
func (e *emitter) live(outputs []string) ([]*node, []*initializer) {
	// A result that is an output alone takes its name, instead of a node that copies it.
	maker, count := map[string]*node{}, map[string]int{}
	for _, n := range e.nodes {
		for _, s := range n.reads() {
			count[s]++
		}
		for _, s := range n.out {
			maker[s] = n
		}
	}
	rename := map[string]string{}
	for _, n := range e.nodes {
		if n.op == "Identity" && slices.Contains(outputs, n.out[0]) && maker[n.in[0]] != nil && rename[n.in[0]] == "" && !slices.Contains(outputs, n.in[0]) {
			rename[n.in[0]] = n.out[0]
		}
	}
	var nodes []*node
	for _, n := range e.nodes {
		if n.op == "Identity" && rename[n.in[0]] == n.out[0] && slices.Contains(outputs, n.out[0]) {
			continue
		}
		n.rename(rename)
		nodes = append(nodes, n)
	}
	used := map[string]bool{}
	for _, s := range outputs {
		used[s] = true
	}
	var kept []*node
	for _, n := range slices.Backward(nodes) {
		if slices.ContainsFunc(n.out, func(s string) bool { return used[s] }) {
			kept = append(kept, n)
			for _, s := range n.reads() {
				used[s] = true
			}
		}
	}
	slices.Reverse(kept)
	var tensors []*initializer
	for _, key := range e.order {
		if t := e.initializers[key]; used[t.name] {
			tensors = append(tensors, t)
		}
	}
	return kept, tensors
}

// reads are the names that a node reads, those inside its body too.
func (n *node) reads() []string {
	all := slices.Clone(n.in)
	for _, a := range n.attrs {
		if g, ok := a.value.(*body); ok {
			for _, in := range g.nodes {
				all = append(all, in.reads()...)
			}
			for _, out := range g.out {
				all = append(all, out.name)
			}
		}
	}
	return all
}

func (n *node) rename(names map[string]string) {
	to := func(s []string) {
		for i := range s {
			if r := names[s[i]]; r != "" {
				s[i] = r
			}
		}
	}
	n.in, n.out = slices.Clone(n.in), slices.Clone(n.out)
	to(n.in)
	to(n.out)
	for _, a := range n.attrs {
		if g, ok := a.value.(*body); ok {
			for _, in := range g.nodes {
				in.rename(names)
			}
		}
	}
}

// A constant is a value whose elements are known when the file is written.
type constant struct {
	graph.Type
	name string
	load func() (graph.Tensor, error)
}

// constant returns the constant that a value is, if it is one: a weight, a part
// of the architecture, or either in another element type.
func (e *emitter) constant(id int) (constant, bool) {
	if i, ok := e.g.ParamOf[id]; ok {
		return constant{e.g.Params[i].Type, e.weights[i], e.j.Weights[i].Tensor}, true
	}
	if i, ok := e.g.ConstOf[id]; ok {
		t := e.g.Consts[i]
		return constant{graph.Type{DType: t.DType, Shape: t.Shape}, fmt.Sprintf("constant_%d", i), func() (graph.Tensor, error) { return t, nil }}, true
	}
	i, ok := e.makes[id]
	if !ok {
		return constant{}, false
	}
	n := e.g.Nodes[i]
	to, ok := n.Op.(graph.Cast)
	if !ok || to.Saturate {
		return constant{}, false
	}
	c, ok := e.constant(n.In[0])
	if !ok {
		return constant{}, false
	}
	load := c.load
	return constant{graph.Type{DType: to.To, Shape: c.Shape}, fmt.Sprintf("%s_%v", c.name, to.To), func() (graph.Tensor, error) {
		t, err := load()
		return t.Cast(to.To), err
	}}, true
}

// changed adds a constant in another form: f makes it, of the given shape.
func (e *emitter) changed(id int, c constant, form string, shape graph.Shape, f func(graph.Tensor) graph.Tensor) string {
	return e.initializer(fmt.Sprintf("%s of %d as %v", form, id, []int(shape)), c.name, graph.Type{DType: c.DType, Shape: shape}, func(w io.Writer) error {
		t, err := c.load()
		if err != nil {
			return err
		}
		return target.WriteElements(w, f(t))
	})
}

// stored adds a weight or constant of the architecture as it is.
func (e *emitter) stored(id int, shape graph.Shape) string {
	c, _ := e.constant(id)
	return e.initializer(fmt.Sprintf("value %d as %v", id, []int(shape)), c.name, graph.Type{DType: c.DType, Shape: shape}, func(w io.Writer) error {
		if i, ok := e.g.ParamOf[id]; ok {
			return e.j.WriteWeight(w, i)
		}
		t, err := c.load()
		if err != nil {
			return err
		}
		return target.WriteElements(w, t)
	})
}

func (e *emitter) isStored(id int) bool {
	_, param := e.g.ParamOf[id]
	_, konst := e.g.ConstOf[id]
	return param || konst
}

// last returns the name of a value as it is, channels last.
func (e *emitter) last(id int) string {
	v := &e.values[id]
	if v.last == "" {
		switch {
		case v.first != "":
			v.last = e.apply("Transpose", list(v.first), with("perm", toLast(e.g.Values[id].Rank())))
		case e.isStored(id):
			v.last = e.stored(id, e.g.Values[id].Shape)
		default: // of a node that was refused
			v.last = "refused"
		}
	}
	return v.last
}

// first returns the name of a value with its last axis second.
func (e *emitter) first(id int) string {
	v := &e.values[id]
	if v.first == "" {
		v.first = e.apply("Transpose", list(e.last(id)), with("perm", toFirst(e.g.Values[id].Rank())))
	}
	return v.first
}

// toFirst is the permutation (0, n-1, 1, ..., n-2).
func toFirst(rank int) []int {
	perm := []int{0, rank - 1}
	for i := 1; i < rank-1; i++ {
		perm = append(perm, i)
	}
	return perm
}

// toLast is its inverse, (0, 2, ..., n-1, 1).
func toLast(rank int) []int {
	perm := []int{0}
	for i := 2; i < rank; i++ {
		perm = append(perm, i)
	}
	return append(perm, 1)
}

// isFirst reports whether a value is there with channels first alone.
func (e *emitter) isFirst(id int) bool { return e.values[id].last == "" && e.values[id].first != "" }

// axisFirst is where axis i stands with channels first.
func axisFirst(i, rank int) int {
	switch {
	case i == 0:
		return 0
	case i == rank-1:
		return 1
	}
	return i + 1
}

// set names a value, with channels first or last.
func (e *emitter) set(id int, name string, first bool) {
	if first {
		e.values[id].first = name
	} else {
		e.values[id].last = name
	}
}

// aligned returns the names of operands that broadcast to rank dimensions, all
// with channels first or all with channels last.
func (e *emitter) aligned(ids []int, rank int) (names []string, first bool) {
	if rank >= 3 {
		for _, id := range ids {
			first = first || e.isFirst(id) && e.g.Values[id].Rank() == rank
		}
	}
	for _, id := range ids {
		names = append(names, e.operand(id, rank, first))
	}
	return names, first
}

// operand returns the name of an operand that broadcasts to rank dimensions.
func (e *emitter) operand(id, rank int, first bool) string {
	v := e.g.Values[id]
	r := v.Rank()
	switch {
	case !first || r == 0:
		return e.last(id)
	case r == rank:
		return e.first(id)
	case r == 1: // along the last axis: (c, 1, ...)
		if e.isStored(id) {
			return e.stored(id, append(v.Shape.Clone(), slices.Repeat([]int{1}, rank-2)...))
		}
		return e.apply("Unsqueeze", list(e.last(id), e.ints(span(1, rank-1)...)))
	}
	wide := e.apply("Unsqueeze", list(e.last(id), e.ints(span(0, rank-r)...)))
	return e.apply("Transpose", list(wide), with("perm", toFirst(rank)))
}

// span lists the numbers from a to b, without b.
func span(a, b int) []int {
	var v []int
	for ; a < b; a++ {
		v = append(v, a)
	}
	return v
}

// computed is the type in which ops compute values of a type.
func computed(d graph.DType) graph.DType {
	switch {
	case d == graph.BFloat16:
		return graph.Float32
	case d.Integer() && d != graph.Int32:
		return graph.Int64
	}
	return d
}

// cast converts elements.
func (e *emitter) cast(x string, from, to graph.DType) string {
	if from == to {
		return x
	}
	return e.apply("Cast", list(x), with("to", elemTypes[to]))
}
