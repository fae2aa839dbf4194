package grad

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// ErrUnsupported reports ops without a rule on the way of the gradient. Test for it with [errors.Is].
var ErrUnsupported = errors.New("no gradient")

// An Independent is the error about a value that the gradient does not reach.
type Independent struct{ To int } // its place in the request

// Error names the op that has no gradient.
func (e *Independent) Error() string {
	return fmt.Sprintf("what is differentiated does not depend on value %d, or by steps only", e.To)
}

// A Request names the gradients of a graph: of the sum of Of · seed, where seed is
// one more input, with respect to the values To.
type Request struct {
	Inputs []graph.Shape         // of the graph's inputs, all dimensions known
	Funcs  map[string]graph.Func // that the Calls of the graph run, by name
	Of     int                   // ID of the value that is differentiated
	To     []int                 // IDs of the values that it is differentiated by
}

// Of returns a graph that computes the gradients of r.
//
//	inputs   those of g, then the seed, which has the type of the value Of
//	outputs  the value Of, the values To, the gradients with respect to them
//
// Its parameters are those of g, in their order. The error wraps
// [ErrUnsupported], is an [*Independent], or is one of inference.
func Of(g *graph.Graph, r Request) (*graph.Graph, error) {
	b := graph.NewBuilder()
	of, err := forward(b, g, r)
	if err != nil {
		return nil, err
	}
	y := of[r.Of]
	seed := b.Input("seed", y.Type)
	xs := make([]graph.Value, len(r.To))
	b.Output("of", y)
	for i, id := range r.To {
		xs[i] = of[id]
		b.Output(fmt.Sprintf("to %d", i), xs[i])
	}
	d, err := Gradients(b, y, seed, xs)
	if err != nil {
		return nil, err
	}
	for i, v := range d {
		b.Output(fmt.Sprintf("gradient %d", i), v)
	}
	return b.Graph()
}

// forward copies g into b with the shapes of r.Inputs and returns the new values by the old IDs.
func forward(b *graph.Builder, g *graph.Graph, r Request) (map[int]graph.Value, error) {
	if len(r.Inputs) != len(g.Inputs) {
		return nil, fmt.Errorf("%w: %d inputs, want %d", graph.ErrShape, len(r.Inputs), len(g.Inputs))
	}
	of := make(map[int]graph.Value, len(g.Values))
	for i, in := range g.Inputs {
		if !in.Shape.Fits(r.Inputs[i]) || !r.Inputs[i].Known() {
			return nil, fmt.Errorf("%w: input %q is %v, want %v", graph.ErrShape, in.Name, r.Inputs[i], in.Shape)
		}
		of[in.ID] = b.Input(in.Name, graph.Type{DType: in.DType, Shape: r.Inputs[i].Clone()})
	}
	for _, p := range g.Params {
		of[p.Value] = b.Param(p)
	}
	for id := range g.Values { // ConstOf is a map: go by ID
		if i, ok := g.ConstOf[id]; ok {
			of[id] = b.Const(g.Consts[i])
		}
	}
	for _, n := range g.Nodes {
		b.Enter(n.Layer)
		in := make([]graph.Value, len(n.In))
		for i, id := range n.In {
			if k := slices.IndexFunc(g.States, func(s graph.State) bool { return s.First == id }); k >= 0 {
				if _, ok := of[id]; !ok { // its dimension 0 is that of the node's first operand
					t := g.Values[id].Type
					t.Shape = append(in[0].Shape[:1:1], t.Shape[1:]...)
					of[id] = b.State(g.States[k].Layer, g.States[k].Name, t)
				}
			}
			in[i] = of[id]
		}
		op := n.Op
		if c, ok := op.(graph.Call); ok {
			var err error
			if op, err = r.Funcs[c.Name].Call(c.Name, typesOf(in)); err != nil {
				return nil, fmt.Errorf("layer %s: %w", n.Layer, err)
			}
		}
		out := b.ApplyN(op, in...)
		if err := b.Err(); err != nil {
			return nil, fmt.Errorf("layer %s: %w", n.Layer, err)
		}
		if len(out) != len(n.Out) {
			return nil, fmt.Errorf("layer %s: %w: %s has %d results, want %d", n.Layer, graph.ErrShape, graph.Name(op), len(out), len(n.Out))
		}
		for i, id := range n.Out {
			of[id] = out[i]
		}
	}
	for _, s := range g.States {
		b.Remember(of[s.First], of[s.Last])
	}
	return of, b.Err()
}

func typesOf(v []graph.Value) []graph.Type {
	t := make([]graph.Type, len(v))
	for i := range v {
		t[i] = v[i].Type
	}
	return t
}

// Gradients appends to b the nodes that compute the gradients of the sum of
// y · seed with respect to xs, and returns them in their order. All shapes in b
// must be known; seed has the type of y. The nodes carry the layer whose
// gradient they compute. After an error the graph of b is of no use.
func Gradients(b *graph.Builder, y, seed graph.Value, xs []graph.Value) ([]graph.Value, error) {
	g, err := b.Graph()
	if err != nil {
		return nil, err
	}
	for _, v := range append([]graph.Value{y}, xs...) {
		if !v.DType.Floating() {
			return nil, fmt.Errorf("%w: a value is %v, but only floating types have one", ErrUnsupported, v.DType)
		}
	}
	if !seed.Shape.Known() || seed.DType != y.DType || !slices.Equal(seed.Shape, y.Shape) {
		return nil, fmt.Errorf("%w: the seed is %v %v, want the known type of the value, %v %v", graph.ErrShape, seed.DType, seed.Shape, y.DType, y.Shape)
	}
	nodes := g.Nodes[:len(g.Nodes):len(g.Nodes)]
	varies := varying(g, nodes, xs)
	if err := refused(g, nodes, varies, y.ID); err != nil {
		return nil, err
	}
	t := &tape{b: b, of: map[int]graph.Value{y.ID: seed}}
	for i := len(nodes) - 1; i >= 0; i-- {
		t.back(g, nodes[i], varies)
	}
	b.Enter("")
	if err := t.refusal(); err != nil {
		return nil, err
	}
	out := make([]graph.Value, len(xs))
	for i, x := range xs {
		d, ok := t.of[x.ID]
		if !ok {
			return nil, &Independent{i}
		}
		out[i] = d
	}
	return out, b.Err()
}

// varying returns by value ID which values change, by more than steps, when xs do.
func varying(g *graph.Graph, nodes []graph.Node, xs []graph.Value) []bool {
	varies := make([]bool, len(g.Values))
	for _, x := range xs {
		varies[x.ID] = true
	}
	for _, n := range nodes {
		passes := slices.ContainsFunc(operandsOf(n.Op, n.In), func(v int) bool { return varies[v] })
		for _, v := range n.Out {
			varies[v] = varies[v] || passes && g.Values[v].DType.Floating()
		}
	}
	return varies
}

// operandsOf returns the operands whose gradient op passes on.
func operandsOf(op graph.Op, in []int) []int {
	switch {
	case stepwise(op):
		return nil
	case graph.Name(op) == "Reshape": // of the second operand the shape alone counts
		return in[:1]
	}
	return in
}

// refused names the nodes between what varies and y that have no rule.
func refused(g *graph.Graph, nodes []graph.Node, varies []bool, y int) error {
	t := &tape{}
	needed := make([]bool, len(g.Values))
	needed[y] = true
	for i := len(nodes) - 1; i >= 0; i-- {
		n := nodes[i]
		if !slices.ContainsFunc(n.Out, func(v int) bool { return needed[v] && varies[v] }) {
			continue
		}
		if why := refusal(n.Op); why != "" {
			t.refuse(n, why)
		}
		for _, v := range operandsOf(n.Op, n.In) {
			needed[v] = true
		}
	}
	return t.refusal()
}

// A tape goes backwards over the nodes of a graph.
type tape struct {
	b       *graph.Builder
	of      map[int]graph.Value // gradients by value ID, as far as they have been summed
	refuses []string
}

// back adds the gradients of the operands of n, if that of its result is known.
func (t *tape) back(g *graph.Graph, n graph.Node, varies []bool) {
	dy, ok := t.of[n.Out[0]]
	if !ok || t.b.Err() != nil || !varies[n.Out[0]] || !slices.ContainsFunc(operandsOf(n.Op, n.In), func(v int) bool { return varies[v] }) {
		return
	}
	t.b.Enter(n.Layer)
	bn := &node{tape: t, Node: n, y: g.Values[n.Out[0]]}
	for _, v := range n.In {
		bn.x = append(bn.x, g.Values[v])
		bn.wants = append(bn.wants, varies[v])
	}
	for i, d := range rules[graph.Name(n.Op)](bn, dy) {
		v := n.In[i]
		if d.ID < 0 || !varies[v] {
			continue
		}
		if sum, ok := t.of[v]; ok {
			d = t.add(sum, d)
		}
		t.of[v] = d
	}
}

func (t *tape) refuse(n graph.Node, why string) {
	what := fmt.Sprintf("layer %s (%s): %s", n.Layer, graph.Name(n.Op), why)
	if !slices.Contains(t.refuses, what) {
		t.refuses = append(t.refuses, what)
	}
}

// refusal is the error about all that was refused, in the order of the graph.
func (t *tape) refusal() error {
	if len(t.refuses) == 0 {
		return nil
	}
	list := slices.Clone(t.refuses)
	slices.Reverse(list)
	return fmt.Errorf("%w: %s", ErrUnsupported, strings.Join(list, "; "))
}
