package graph

import "fmt"

// A Builder appends nodes to a Graph. The first error sticks and later calls
// do nothing, so that a layer's lowering reads as mathematics.
type Builder struct {
	g     *Graph
	layer string
	err   error
	sized int64 // bytes of the tensors that Zeros made
}

// What a file's architecture may cost before any weight of it is read.
const (
	maxValues   = 1 << 18   // values of a graph
	maxRank     = 64        // dimensions of a value, as in NumPy
	maxConstant = 320 << 20 // bytes of the constants whose sizes a config gives
)

// NewBuilder returns a Builder of an empty graph.
func NewBuilder() *Builder {
	return &Builder{g: &Graph{ConstOf: map[int]int{}, ParamOf: map[int]int{}}}
}

// Enter names the layer that the following nodes belong to and returns the former one.
func (b *Builder) Enter(layer string) (former string) {
	former, b.layer = b.layer, layer
	return former
}

// Err returns the first error.
func (b *Builder) Err() error { return b.err }

// Fail records err unless there is one already.
func (b *Builder) Fail(err error) {
	if b.err == nil {
		b.err = err
	}
}

// Failf records an error made by [fmt.Errorf].
func (b *Builder) Failf(format string, args ...any) { b.Fail(fmt.Errorf(format, args...)) }

// Annotate replaces the first error, if any, with wrap of it.
func (b *Builder) Annotate(wrap func(error) error) {
	if b.err != nil {
		b.err = wrap(b.err)
	}
}

// Zeros returns a tensor of zeros to be filled for [Builder.Const], or false
// after an error: an earlier one, or [ErrLimit] where the constants that are
// made so would be too large together. A size that a file gives needs it, as
// constants are made before any limit of a run holds.
func (b *Builder) Zeros(d DType, shape ...int) (Tensor, bool) {
	n, ok := Shape(shape).Elems()
	if b.err == nil && (!ok || int64(n) > (maxConstant-b.sized)/int64(d.Size())) {
		b.Failf("%w: constant %v %v: more than %d bytes of constants", ErrLimit, d, Shape(shape), maxConstant)
	}
	if b.err != nil {
		return Tensor{}, false
	}
	b.sized += int64(n) * int64(d.Size())
	return NewTensor(d, shape), true
}

func (b *Builder) value(t Type) Value {
	switch {
	case len(b.g.Values) >= maxValues:
		b.Failf("%w: a graph of more than %d values", ErrLimit, maxValues)
	case len(t.Shape) > maxRank:
		b.Failf("%w: a value of %d dimensions, more than %d", ErrLimit, len(t.Shape), maxRank)
	}
	v := Value{len(b.g.Values), t}
	b.g.Values = append(b.g.Values, v)
	return v
}

// Input adds a model input.
func (b *Builder) Input(name string, t Type) Value {
	v := b.value(t)
	b.g.Inputs = append(b.g.Inputs, Named{name, v})
	return v
}

// Output names a model output.
func (b *Builder) Output(name string, v Value) {
	b.g.Outputs = append(b.g.Outputs, Named{name, v})
}

// Param declares a weight and returns its value. p.Value is set here.
func (b *Builder) Param(p Param) Value {
	if _, ok := p.Shape.Elems(); !ok {
		b.Failf("%w: weight %q has shape %v", ErrShape, p.Name, p.Shape)
	}
	v := b.value(p.Type)
	p.Value = v.ID
	b.g.ParamOf[v.ID] = len(b.g.Params)
	b.g.Params = append(b.g.Params, p)
	return v
}

// State adds a state of a layer, as it is at the beginning of a run, and returns
// its value. [Builder.Remember] says what it is at the end.
func (b *Builder) State(layer, name string, t Type) Value {
	v := b.value(t)
	b.g.States = append(b.g.States, State{layer, name, v.ID, v.ID})
	return v
}

// Remember makes last the value at the end of a run of the state that begins as first.
func (b *Builder) Remember(first, last Value) {
	for i := range b.g.States {
		if s := &b.g.States[i]; s.First == first.ID {
			if first.DType != last.DType || !first.Shape.Fits(last.Shape) {
				b.Failf("%w: state %q is %v %v at first, %v %v at last", ErrShape, s.Name, first.DType, first.Shape, last.DType, last.Shape)
				return
			}
			s.Last = last.ID
		}
	}
}

// Const adds a value that is part of the architecture.
func (b *Builder) Const(t Tensor) Value {
	v := b.value(Type{t.DType, t.Shape})
	b.g.ConstOf[v.ID] = len(b.g.Consts)
	b.g.Consts = append(b.g.Consts, t)
	return v
}

// Scalar adds a constant of rank 0 and the given element type.
func (b *Builder) Scalar(d DType, x float64) Value {
	t := NewTensor(d, Shape{})
	t.SetFloat(0, x)
	return b.Const(t)
}

// Apply appends a node of one result and returns it.
func (b *Builder) Apply(op Op, in ...Value) Value {
	out := b.ApplyN(op, in...)
	if len(out) == 0 {
		return Value{ID: -1}
	}
	return out[0]
}

// Cast returns v with elements of type d: v itself when it has them already.
// After an error it returns no value of the graph, but one of that type.
func (b *Builder) Cast(v Value, d DType) Value {
	switch {
	case v.DType == d:
		return v
	case b.err != nil:
		return Value{ID: -1, Type: Type{DType: d, Shape: v.Shape}}
	}
	return b.Apply(Cast{To: d}, v)
}

// ApplyN appends a node and returns its results. After an error it returns nil.
func (b *Builder) ApplyN(op Op, in ...Value) []Value {
	if b.err != nil {
		return nil
	}
	types := make([]Type, len(in))
	ids := make([]int, len(in))
	for i, v := range in {
		if v.ID < 0 || v.ID >= len(b.g.Values) {
			b.Failf("%w: %s: operand %d is no value of this graph", ErrShape, Name(op), i)
			return nil
		}
		types[i], ids[i] = v.Type, v.ID
	}
	outTypes, err := op.Infer(types)
	if err != nil {
		b.Fail(fmt.Errorf("%s: %w", Name(op), err))
		return nil
	}
	outs := make([]Value, len(outTypes))
	n := Node{Layer: b.layer, Op: op, In: ids, Out: make([]int, len(outTypes))}
	for i, t := range outTypes {
		outs[i] = b.value(t)
		n.Out[i] = outs[i].ID
	}
	if b.err != nil {
		return nil
	}
	b.g.Nodes = append(b.g.Nodes, n)
	return outs
}

// Graph returns the graph, or the first error.
func (b *Builder) Graph() (*Graph, error) {
	if b.err != nil {
		return nil, b.err
	}
	return b.g, nil
}
