package tflite

import (
	"fmt"
	"slices"

	"github.com/kerasrun/kerasrun/convert/target"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// loop writes a WHILE that runs body for each of steps, a vector of one number.
// body gets the number of the step, from 0, steps and the variables, which begin
// as vars, and returns the next variables. The result is the last ones.
func (e *emitter) loop(steps tensor, vars []tensor, body func(i, steps tensor, vars []tensor) []tensor) []tensor {
	all := append([]tensor{e.ints(0), steps}, vars...)
	var types []graph.Type
	for _, v := range all {
		types = append(types, e.typ(v))
	}
	function := func(name string, f func(in []tensor) []tensor) int32 {
		former := e.begin(e.node.Layer + "/" + name)
		n := len(e.m.subgraphs) - 1
		for _, t := range types {
			e.s.inputs = append(e.s.inputs, e.tensor("variable", t))
		}
		e.s.outputs = f(e.s.inputs)
		e.s = former
		return int32(n)
	}
	cond := function("more", func(in []tensor) []tensor { return []tensor{e.compare(opLess, in[0], in[1])} })
	step := function("step", func(in []tensor) []tensor {
		next := body(in[0], in[1], in[2:])
		return append([]tensor{e.add(in[0], e.ints(1)), in[1]}, next...)
	})
	return e.applyN(opWhile, options{whileOptions, []field{{0, cond}, {1, step}}}, types, all...)[2:]
}

// zeros returns a tensor of zeros of the given sizes, each a vector of one number.
func (e *emitter) zeros(shape graph.Shape, sizes []tensor) tensor {
	return e.apply(opFill, options{}, graph.Type{DType: graph.Float32, Shape: shape}, e.vector(sizes), e.scalar(graph.Float32, 0))
}

// part returns the cells from and before to of the last axis.
func (e *emitter) part(x tensor, from, to int) tensor {
	t := e.typ(x)
	rank := len(t.Shape)
	begin, end := make([]int, rank), make([]int, rank)
	begin[rank-1], end[rank-1] = from, to
	whole := int32(1)<<(rank-1) - 1
	shape := t.Shape.Clone()
	shape[rank-1] = to - from
	o := options{stridedSliceOptions, []field{{0, whole}, {1, whole}}}
	return e.apply(opStridedSlice, o, graph.Type{DType: t.DType, Shape: shape}, x, e.ints(begin...), e.ints(end...), e.ints(slices.Repeat([]int{1}, rank)...))
}

// A cell is one step of a recurrence: it gets the input of the step and the
// states, and returns the next states, of which the first is the output.
type cell func(x tensor, states []tensor) []tensor

// recur runs a cell over z, (batch, time, ...), as [graph.Recurrence] says. The
// states have the given shape, and their first operand has the given number.
func (e *emitter) recur(r graph.Recurrence, z tensor, state graph.Shape, states, first int, step cell) {
	sizes := func() []tensor {
		all := []tensor{e.size(z, 0)}
		for i := range state[1:] {
			if i == len(state)-2 {
				all = append(all, e.ints(state[i+1]))
			} else {
				all = append(all, e.size(z, i+2))
			}
		}
		return all
	}
	var vars []tensor
	for i := range states {
		if r.State {
			vars = append(vars, e.in(first+i))
		} else {
			vars = append(vars, e.zeros(state, sizes()))
		}
	}
	if r.State {
		first += states
	}
	vars = append(vars, z)
	const variables = 1 // z, then what there is of the mask, the last output and all outputs
	at := states + variables
	maskAt, lastAt, allAt := -1, -1, -1
	if r.Masked {
		maskAt, lastAt = at, at+1
		vars = append(vars, e.in(first), e.zeros(state, sizes()))
		at += 2
	}
	if r.Sequences {
		allAt = at
		shape := slices.Insert(state.Clone(), 1, e.typ(z).Shape[1])
		vars = append(vars, e.zeros(shape, slices.Insert(sizes(), 1, e.size(z, 1))))
	}
	out := e.loop(e.size(z, 1), vars, func(i, steps tensor, v []tensor) []tensor {
		t := i
		if r.Backwards {
			t = e.sub(e.sub(steps, e.ints(1)), i)
		}
		next := slices.Clone(v)
		new := step(e.squeeze(e.gathered(v[states], t, 1), 1), v[:states])
		y := new[0]
		if r.Masked {
			seen := e.gathered(v[maskAt], t, 1) // (batch, 1)
			for range len(state) - 2 {
				seen = e.expand(seen, 1)
			}
			for k := range new {
				new[k] = e.choose(seen, new[k], v[k])
			}
			otherwise := v[lastAt]
			if r.ZeroMasked {
				otherwise = e.scalar(graph.Float32, 0)
			}
			y = e.choose(seen, y, otherwise)
			next[lastAt] = y
		}
		copy(next, new)
		if r.Sequences {
			begin := []tensor{e.ints(0), i}
			for range len(state) - 1 {
				begin = append(begin, e.ints(0))
			}
			next[allAt] = e.apply(opDynamicUpdate, options{}, e.typ(v[allAt]), v[allAt], e.expand(y, 1), e.vector(begin))
		}
		return next
	})
	switch {
	case r.Sequences:
		e.set(out[allAt])
	case r.Masked:
		e.set(out[lastAt])
	default:
		e.set(out[0])
	}
	for k, id := range e.node.Out[1:] {
		e.of[id] = out[k]
	}
}

// gates are the kernels of a recurrence of so many units, and what it multiplies them with.
type gates struct {
	e     *emitter
	units int
	bias  int // number of the operand, or -1
	first int // that of the first state
}

// recurrence checks the operands of a recurrent op.
func (e *emitter) recurrence(r graph.Recurrence) (gates, bool) {
	g := gates{e: e, units: e.inType(2).Shape[0], bias: -1, first: 3}
	fixed := []int{1, 2}
	if r.Bias {
		g.bias, g.first = 3, 4
		fixed = append(fixed, 3)
	}
	for _, i := range fixed {
		if !e.isConst(e.node.In[i]) {
			e.refuse("weights that are computed")
			return g, false
		}
	}
	return g, true
}

// product multiplies x by the columns from and before to of operand i, and adds a row of the bias, or nothing if row is -1.
func (g gates) product(x tensor, i, from, to, row int) tensor {
	e := g.e
	k := e.inType(i).Shape
	kernel := e.constantOf(e.node.In[i], fmt.Sprint("columns ", from), graph.Shape{to - from, k[0]}, func(t graph.Tensor) (graph.Tensor, error) {
		all := target.Transposed(t, []int{1, 0})
		return graph.Floats(all.Data.([]float32)[from*k[0]:to*k[0]], to-from, k[0]), nil
	})
	in := []tensor{x, kernel}
	if g.bias >= 0 && row >= 0 {
		width := k[1]
		in = append(in, e.constantOf(e.node.In[g.bias], fmt.Sprint("row ", row, " from ", from), graph.Shape{to - from}, func(t graph.Tensor) (graph.Tensor, error) {
			return graph.Floats(t.Data.([]float32)[row*width+from:row*width+to], to-from), nil
		}))
	}
	shape := e.typ(x).Shape.Clone()
	shape[len(shape)-1] = to - from
	return e.apply(opFullyConnected, options{fullyConnectedOption, []field{{2, true}}}, graph.Type{DType: graph.Float32, Shape: shape}, in...)
}

// input is the product of all steps at once, with the bias.
func (g gates) input() tensor {
	return g.product(g.e.in(0), 1, 0, g.e.inType(1).Shape[1], 0)
}

// state is the shape of states.
func (g gates) state() graph.Shape { return graph.Shape{g.e.inType(0).Shape[0], g.units} }

// gate returns gate i of the sums of all gates.
func (g gates) gate(sums tensor, i int) tensor { return g.e.part(sums, i*g.units, (i+1)*g.units) }

func (e *emitter) simpleRNN(r graph.SimpleRNN) {
	g, ok := e.recurrence(r.Recurrence)
	if !ok {
		return
	}
	e.recur(r.Recurrence, g.input(), g.state(), 1, g.first, func(x tensor, s []tensor) []tensor {
		return []tensor{e.activate(r.Activation, e.add(x, g.product(s[0], 2, 0, g.units, -1)))}
	})
}

// lstmCell is the step of an LSTM from the sums of its gates.
func (e *emitter) lstmCell(act, gate graph.Activation, sums, c tensor, units int) []tensor {
	g := gates{e: e, units: units}
	i, f := e.activate(gate, g.gate(sums, 0)), e.activate(gate, g.gate(sums, 1))
	k, o := e.activate(act, g.gate(sums, 2)), e.activate(gate, g.gate(sums, 3))
	c = e.add(e.mul(f, c), e.mul(i, k))
	return []tensor{e.mul(o, e.activate(act, c)), c}
}

func (e *emitter) lstm(l graph.LSTM) {
	g, ok := e.recurrence(l.Recurrence)
	if !ok {
		return
	}
	e.recur(l.Recurrence, g.input(), g.state(), 2, g.first, func(x tensor, s []tensor) []tensor {
		return e.lstmCell(l.Activation, l.RecurrentActivation, e.add(x, g.product(s[0], 2, 0, 4*g.units, -1)), s[1], g.units)
	})
}

func (e *emitter) gru(r graph.GRU) {
	g, ok := e.recurrence(r.Recurrence)
	if !ok {
		return
	}
	n := g.units
	e.recur(r.Recurrence, g.input(), g.state(), 1, g.first, func(x tensor, s []tensor) []tensor {
		h := s[0]
		gate := func(a, b tensor) tensor { return e.activate(r.RecurrentActivation, e.add(a, b)) }
		var z, k tensor
		if r.ResetAfter {
			all := g.product(h, 2, 0, 3*n, 1)
			z = gate(g.gate(x, 0), g.gate(all, 0))
			reset := gate(g.gate(x, 1), g.gate(all, 1))
			k = e.add(g.gate(x, 2), e.mul(reset, g.gate(all, 2)))
		} else {
			both := g.product(h, 2, 0, 2*n, -1)
			z = gate(g.gate(x, 0), g.gate(both, 0))
			reset := gate(g.gate(x, 1), g.gate(both, 1))
			k = e.add(g.gate(x, 2), g.product(e.mul(reset, h), 2, 2*n, 3*n, -1))
		}
		k = e.activate(r.Activation, k)
		return []tensor{e.add(e.mul(z, h), e.mul(e.sub(e.number(z, 1), z), k))}
	})
}

func (e *emitter) convLSTM(c graph.ConvLSTM) {
	z, k := e.in(0), e.inType(1).Shape
	axes := len(k) - 2
	filters := k[axes]
	zs := e.typ(z).Shape
	state := append(slices.Concat(zs[:1], zs[2:2+axes]), filters)
	conv := c.Convolution(axes)
	e.recur(c.Recurrence, z, state, 2, 2, func(x tensor, s []tensor) []tensor {
		sums := e.add(x, e.convolve(s[0], conv, nil))
		return e.lstmCell(c.Activation, c.RecurrentActivation, sums, s[1], filters)
	})
}
