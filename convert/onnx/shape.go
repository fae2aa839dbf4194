package onnx

import (
	"math"
	"slices"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// A size is a dimension of a shape that is made when the model runs: n, or times
// the dimension of a value at an axis, or what the number of elements decides.
type size struct {
	n     int
	of    string
	axis  int
	infer bool
}

// reshaped gives x another shape; axes of x itself, at the same place, are copied.
func (e *emitter) reshaped(x string, to []size) string {
	fixed := make([]int, len(to))
	holes, simple := 0, true
	for i, s := range to {
		switch {
		case s.infer:
			fixed[i] = -1
			holes++
		case s.of == "":
			fixed[i] = s.n
			simple = simple && s.n != 0 // which would copy
		case s.of == x && s.axis == i && s.n == 1:
			fixed[i] = 0
		default:
			fixed[i] = -1
			holes++
		}
	}
	if simple && holes <= 1 {
		return e.apply("Reshape", list(x, e.ints(fixed...)))
	}
	return e.apply("Reshape", list(x, e.shape(to)), with("allowzero", 1))
}

// shape is a vector of sizes.
func (e *emitter) shape(to []size) string {
	var parts []string
	var known []int
	flush := func() {
		if known != nil {
			parts = append(parts, e.ints(known...))
			known = nil
		}
	}
	for _, s := range to {
		switch {
		case s.infer:
			known = append(known, -1)
		case s.of == "":
			known = append(known, s.n)
		default:
			flush()
			d := e.apply("Gather", list(e.un("Shape", s.of), e.ints(s.axis)))
			if s.n != 1 {
				d = e.bin("Mul", d, e.ints(s.n))
			}
			parts = append(parts, d)
		}
	}
	flush()
	switch len(parts) {
	case 0:
		return e.ints()
	case 1:
		return parts[0]
	}
	return e.apply("Concat", parts, with("axis", 0))
}

// sizeOf is dimension axis of x, of the given shape.
func sizeOf(x string, shape graph.Shape, axis int) size {
	if shape[axis] == graph.Dyn {
		return size{n: 1, of: x, axis: axis}
	}
	return size{n: shape[axis]}
}

func (e *emitter) reshape(n *graph.Node, op graph.Reshape) {
	in, out := e.type1(n).Shape, e.g.Values[n.Out[0]].Shape
	if v := e.values[n.In[0]]; v.last == "" && v.first != "" && flat(in, op.Dims) {
		e.set(n.Out[0], e.apply("Reshape", list(v.first, e.ints(0, -1))), false)
		return
	}
	x := e.last(n.In[0])
	to := make([]size, len(op.Dims))
	for i, d := range op.Dims {
		axis, like := graph.LikeAxis(d)
		switch {
		case out[i] != graph.Dyn:
			to[i] = size{n: out[i]}
		case d == graph.Infer1:
			to[i] = size{infer: true}
		case like:
			to[i] = sizeOf(e.last(n.In[1]), e.g.Values[n.In[1]].Shape, axis)
		default:
			to[i] = sizeOf(x, in, -2-d)
		}
	}
	e.set(n.Out[0], e.reshaped(x, to), false)
}

// flat reports whether the elements of a sample have one order, channels first or
// last, and dims make it a vector.
func flat(in graph.Shape, dims []int) bool {
	if len(dims) != 2 || dims[0] != graph.KeepDim(0) {
		return false
	}
	for _, d := range in[1 : len(in)-1] {
		if d != 1 {
			return false
		}
	}
	return true
}

// transpose is no node where the value is there in that form.
func (e *emitter) transpose(n *graph.Node, op graph.Transpose) {
	v, out := e.values[n.In[0]], &e.values[n.Out[0]]
	rank := len(op.Perm)
	if rank >= 3 {
		switch {
		case slices.Equal(op.Perm, toFirst(rank)) && v.first != "":
			out.last = v.first
			return
		case slices.Equal(op.Perm, toLast(rank)) && !slices.Equal(op.Perm, toFirst(rank)):
			out.first = e.last(n.In[0])
			return
		case slices.Equal(op.Perm, toFirst(rank)):
			out.last = e.first(n.In[0])
			return
		}
	}
	out.last = e.apply("Transpose", list(e.last(n.In[0])), with("perm", op.Perm))
}

func (e *emitter) concat(n *graph.Node, op graph.Concat) {
	rank := e.g.Values[n.Out[0]].Rank()
	axes, _ := graph.Axes([]int{op.Axis}, rank)
	names, first := e.aligned(n.In, rank)
	axis := axes[0]
	if first {
		axis = axisFirst(axis, rank)
	}
	e.set(n.Out[0], e.apply("Concat", names, with("axis", axis)), first)
}

// whole returns operand 0 in a form in which it is there.
func (e *emitter) whole(n *graph.Node) (x string, first bool) {
	if e.isFirst(n.In[0]) {
		return e.values[n.In[0]].first, true
	}
	return e.last(n.In[0]), false
}

func (e *emitter) slice(n *graph.Node, op graph.Slice) {
	rank := len(e.type1(n).Shape)
	index := slices.ContainsFunc(op.Ranges, func(r graph.Range) bool { return r.Index })
	x, first := "", false
	if index {
		x = e.last(n.In[0])
	} else {
		x, first = e.whole(n)
	}
	var starts, ends, axes, steps, dropped []int
	for i, r := range op.Ranges {
		axis := i
		if first {
			axis = axisFirst(i, rank)
		}
		start, end, step := 0, math.MaxInt, r.Step
		if step < 0 {
			start, end = math.MaxInt, math.MinInt
		}
		if r.HasStart {
			start = r.Start
		}
		if r.HasStop {
			end = r.Stop
		}
		if r.Index {
			start, end, step = r.Start, r.Start+1, 1
			if r.Start == -1 {
				end = math.MaxInt
			}
			dropped = append(dropped, axis)
		} else if !r.HasStart && !r.HasStop && step == 1 {
			continue
		}
		starts, ends, axes, steps = append(starts, start), append(ends, end), append(axes, axis), append(steps, step)
	}
	if axes != nil {
		x = e.apply("Slice", list(x, e.ints(starts...), e.ints(ends...), e.ints(axes...), e.ints(steps...)))
	}
	if dropped != nil {
		x = e.apply("Squeeze", list(x, e.ints(dropped...)))
	}
	e.set(n.Out[0], x, first)
}

func (e *emitter) pad(n *graph.Node, op graph.Pad) {
	x, first := e.whole(n)
	d := e.type1(n).DType
	rank := len(op.Before)
	before, after := make([]int, rank), make([]int, rank)
	for i := range rank {
		axis := i
		if first {
			axis = axisFirst(i, rank)
		}
		before[axis], after[axis] = op.Before[i], op.After[i]
	}
	if op.Mode == graph.FillSymmetric { // which ONNX lacks: mirrored parts on both sides
		for axis := range rank {
			parts := list(x)
			mirrored := func(start, end int) string {
				return e.apply("Slice", list(x, e.ints(start), e.ints(end), e.ints(axis), e.ints(-1)))
			}
			if before[axis] > 0 {
				parts = list(mirrored(before[axis]-1, math.MinInt), x)
			}
			if after[axis] > 0 {
				parts = append(parts, mirrored(-1, -after[axis]-1))
			}
			if len(parts) > 1 {
				x = e.apply("Concat", parts, with("axis", axis))
			}
		}
		e.set(n.Out[0], x, first)
		return
	}
	c := computed(d)
	in := list(e.cast(x, d, c), e.ints(slices.Concat(before, after)...))
	if op.Mode == graph.FillConstant {
		in = append(in, e.scalar(c, op.Value))
	}
	e.out(n, e.apply("Pad", in, with("mode", string(op.Mode))), c, first)
}

func (e *emitter) repeat(n *graph.Node, op graph.Repeat) {
	shape := e.type1(n).Shape
	rank := len(shape)
	axes, _ := graph.Axes([]int{op.Axis}, rank)
	x, first := e.whole(n)
	axis, sizes := axes[0], span(0, rank)
	if first {
		axis, sizes = axisFirst(axis, rank), toFirst(rank)
	}
	wide := e.apply("Unsqueeze", list(x, e.ints(axis+1)))
	reps := slices.Repeat([]int{1}, rank+1)
	reps[axis+1] = op.N
	wide = e.apply("Tile", list(wide, e.ints(reps...)))
	to := make([]size, rank)
	for i, a := range sizes {
		to[i] = size{n: shape[a]}
		if shape[a] == graph.Dyn {
			to[i] = size{n: 1, of: x, axis: i}
			if i < axis { // the same place of what is reshaped
				to[i].of = wide
			}
		}
		if i == axis {
			to[i].n *= op.N
		}
	}
	e.set(n.Out[0], e.reshaped(wide, to), first)
}

func (e *emitter) tile(n *graph.Node, op graph.Tile) {
	x, first := e.whole(n)
	reps := op.Reps
	if first {
		reps = make([]int, len(op.Reps))
		for i, r := range op.Reps {
			reps[axisFirst(i, len(reps))] = r
		}
	}
	e.set(n.Out[0], e.apply("Tile", list(x, e.ints(reps...))), first)
}
