package tflite

import (
	"slices"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// reshape gives x a shape. Where that is unknown, keep says which axis of x it
// is, or -1 for the one that the number of elements decides.
func (e *emitter) reshape(x tensor, shape graph.Shape, keep []int) tensor {
	return e.reshapeLike(x, shape, func(i int) (tensor, int) { return x, keep[i] })
}

// reshapeLike gives x a shape. Where that is unknown, like says which axis of
// which tensor it is, or -1 for the one that the number of elements decides.
func (e *emitter) reshapeLike(x tensor, shape graph.Shape, like func(i int) (tensor, int)) tensor {
	to := graph.Type{DType: e.typ(x).DType, Shape: shape}
	open := 0
	for _, d := range shape {
		if d == graph.Dyn {
			open++
		}
	}
	if open <= 1 {
		return e.apply(opReshape, options{}, to, x, e.ints(shape...))
	}
	var parts []tensor
	for i, d := range shape {
		part := e.ints(d)
		if d == graph.Dyn {
			if of, axis := like(i); axis >= 0 {
				part = e.size(of, axis)
			}
		}
		parts = append(parts, part)
	}
	return e.apply(opReshape, options{}, to, x, e.vector(parts))
}

// size is the size of an axis of x, as a vector of one.
func (e *emitter) size(x tensor, axis int) tensor {
	if d := e.typ(x).Shape[axis]; d != graph.Dyn {
		return e.ints(d)
	}
	rank := len(e.typ(x).Shape)
	all := e.apply(opShape, options{shapeOptions, []field{{0, elementTypes[graph.Int32]}}}, graph.Type{DType: graph.Int32, Shape: graph.Shape{rank}}, x)
	one := graph.Type{DType: graph.Int32, Shape: graph.Shape{1}}
	return e.apply(opStridedSlice, options{table: stridedSliceOptions}, one, all, e.ints(axis), e.ints(axis+1), e.ints(1))
}

// vector joins vectors of int32.
func (e *emitter) vector(parts []tensor) tensor {
	n := 0
	for _, p := range parts {
		n += e.typ(p).Shape[0]
	}
	return e.apply(opConcatenation, options{concatOptions, []field{{0, int32(0)}}}, graph.Type{DType: graph.Int32, Shape: graph.Shape{n}}, parts...)
}

func (e *emitter) reshapeOp(r graph.Reshape) {
	x := e.in(0)
	e.set(e.reshapeLike(x, e.outType(0).Shape, func(i int) (tensor, int) {
		switch d := r.Dims[i]; {
		case d == graph.Infer1:
			return x, -1
		case d < graph.LikeDim(0)/2:
			return e.in(1), d - graph.LikeDim(0)
		default:
			return x, -2 - d
		}
	}))
}

// expand adds an axis of one cell.
func (e *emitter) expand(x tensor, axis int) tensor {
	t := e.typ(x)
	return e.apply(opExpandDims, options{}, graph.Type{DType: t.DType, Shape: slices.Insert(t.Shape.Clone(), axis, 1)}, x, e.ints(axis))
}

// squeeze drops an axis of one cell.
func (e *emitter) squeeze(x tensor, axis int) tensor {
	t := e.typ(x)
	return e.apply(opSqueeze, options{squeezeOptions, []field{{0, []int32{int32(axis)}}}}, graph.Type{DType: t.DType, Shape: slices.Delete(t.Shape.Clone(), axis, axis+1)}, x)
}

func (e *emitter) transposeOp(t graph.Transpose) { e.set(e.transpose(e.in(0), t.Perm)) }

func (e *emitter) transpose(x tensor, perm []int) tensor {
	t := e.typ(x)
	shape := make(graph.Shape, len(perm))
	for i, p := range perm {
		shape[i] = t.Shape[p]
	}
	return e.apply(opTranspose, options{}, graph.Type{DType: t.DType, Shape: shape}, x, e.ints(perm...))
}

func (e *emitter) concat(c graph.Concat) {
	var in []tensor
	for i := range e.node.In {
		in = append(in, e.in(i))
	}
	axis := c.Axis
	if axis < 0 {
		axis += len(e.typ(in[0]).Shape)
	}
	e.set(e.apply(opConcatenation, options{concatOptions, []field{{0, int32(axis)}}}, e.outType(0), in...))
}

func (e *emitter) slice(s graph.Slice) {
	x := e.in(0)
	if len(s.Ranges) == 0 {
		e.set(x)
		return
	}
	var begin, end, step []int
	var noBegin, noEnd, shrink int32
	for i := range e.typ(x).Shape {
		r := graph.Range{Step: 1}
		if i < len(s.Ranges) {
			r = s.Ranges[i]
		}
		bit := int32(1) << i
		if r.Index {
			begin, end, step = append(begin, r.Start), append(end, r.Start+1), append(step, 1)
			shrink |= bit
			continue
		}
		if !r.HasStart {
			noBegin |= bit
		}
		if !r.HasStop {
			noEnd |= bit
		}
		begin, end, step = append(begin, r.Start), append(end, r.Stop), append(step, r.Step)
	}
	o := options{stridedSliceOptions, []field{{0, noBegin}, {1, noEnd}, {4, shrink}}}
	e.set(e.apply(opStridedSlice, o, e.outType(0), x, e.ints(begin...), e.ints(end...), e.ints(step...)))
}

func (e *emitter) pad(p graph.Pad) {
	x := e.in(0)
	switch p.Mode {
	case graph.FillReflect, graph.FillSymmetric:
		mode := mirrorReflect
		if p.Mode == graph.FillSymmetric {
			mode = mirrorSymmetric
		}
		e.set(e.apply(opMirrorPad, options{mirrorPadOptions, []field{{0, mode}}}, e.outType(0), x, e.pads(p.Before, p.After)))
	default:
		e.set(e.padded(x, p.Before, p.After, p.Value))
	}
}

// pads is the (rank, 2) table of the cells before and after each axis.
func (e *emitter) pads(before, after []int) tensor {
	var d []int32
	for i := range before {
		d = append(d, int32(before[i]), int32(after[i]))
	}
	return e.constant(graph.Tensor{DType: graph.Int32, Shape: graph.Shape{len(before), 2}, Data: d})
}

// padded adds cells of a value around every axis.
func (e *emitter) padded(x tensor, before, after []int, value float64) tensor {
	t := e.typ(x)
	shape := t.Shape.Clone()
	for i := range shape {
		if shape[i] != graph.Dyn {
			shape[i] += before[i] + after[i]
		}
	}
	to := graph.Type{DType: t.DType, Shape: shape}
	if value == 0 {
		return e.apply(opPad, options{}, to, x, e.pads(before, after))
	}
	v := graph.NewTensor(t.DType, graph.Shape{1})
	v.SetFloat(0, value)
	return e.apply(opPadV2, options{}, to, x, e.pads(before, after), e.constant(v))
}

// repeat is a gather of indices 0, 0, 1, 1, ... where the axis is known, else a
// tile of an axis of its own.
func (e *emitter) repeat(r graph.Repeat) {
	x := e.in(0)
	shape := e.typ(x).Shape
	axis := r.Axis
	if axis < 0 {
		axis += len(shape)
	}
	if n := shape[axis]; n != graph.Dyn {
		var index []int
		for i := range n {
			index = append(index, slices.Repeat([]int{i}, r.N)...)
		}
		e.set(e.gathered(x, e.ints(index...), axis))
		return
	}
	reps := slices.Repeat([]int{1}, len(shape)+1)
	reps[axis+1] = r.N
	wide := e.tiled(e.expand(x, axis+1), reps)
	keep := make([]int, len(shape))
	for i := range keep {
		keep[i] = i
		if i > axis {
			keep[i] = i + 1
		}
	}
	keep[axis] = -1
	e.set(e.reshape(wide, e.outType(0).Shape, keep))
}

func (e *emitter) tile(t graph.Tile) { e.set(e.tiled(e.in(0), t.Reps)) }

func (e *emitter) tiled(x tensor, reps []int) tensor {
	t := e.typ(x)
	shape := t.Shape.Clone()
	for i := range shape {
		if shape[i] != graph.Dyn {
			shape[i] *= reps[i]
		}
	}
	return e.apply(opTile, options{}, graph.Type{DType: t.DType, Shape: shape}, x, e.ints(reps...))
}

func (e *emitter) gather(graph.Gather) {
	index := e.in(1)
	if d := e.typ(index).DType; d != graph.Int32 && d != graph.Int64 {
		index = e.cast(index, graph.Int32)
	}
	e.set(e.gathered(e.in(0), index, 0))
}

func (e *emitter) gathered(x, index tensor, axis int) tensor {
	t := e.typ(x)
	shape := slices.Concat(t.Shape[:axis], e.typ(index).Shape, t.Shape[axis+1:])
	return e.apply(opGather, options{gatherOptions, []field{{0, int32(axis)}}}, graph.Type{DType: t.DType, Shape: shape}, x, index)
}

// reduceCodes are the operators of reductions.
var reduceCodes = map[graph.ReduceFunc]opcode{
	graph.ReduceSum: opSum, graph.ReduceMean: opMean, graph.ReduceMax: opReduceMax, graph.ReduceMin: opReduceMin,
	graph.ReduceProd: opReduceProd, graph.ReduceAll: opReduceAll, graph.ReduceAny: opReduceAny,
}

func (e *emitter) reduce(r graph.Reduce) {
	x := e.in(0)
	axes, err := graph.Axes(r.Axes, len(e.typ(x).Shape))
	if err != nil {
		e.refuse("%v", err)
		return
	}
	if len(axes) == 0 {
		e.set(x)
		return
	}
	e.set(e.reduceTo(reduceCodes[r.Func], x, axes, r.KeepDims))
}

// reduceTo reduces axes, which are not negative.
func (e *emitter) reduceTo(code opcode, x tensor, axes []int, keep bool) tensor {
	t := e.typ(x)
	shape := graph.Shape{}
	for i, d := range t.Shape {
		switch {
		case !slices.Contains(axes, i):
			shape = append(shape, d)
		case keep:
			shape = append(shape, 1)
		}
	}
	o := options{reducerOptions, []field{{0, keep}}}
	return e.apply(code, o, graph.Type{DType: t.DType, Shape: shape}, x, e.ints(axes...))
}

func (e *emitter) argReduce(a graph.ArgReduce) {
	x := e.in(0)
	axis := a.Axis
	if axis < 0 {
		axis += len(e.typ(x).Shape)
	}
	shape := e.typ(x).Shape
	code, table := opArgMax, argMaxOptions
	if a.Min {
		code, table = opArgMin, argMinOptions
	}
	to := graph.Type{DType: graph.Int32, Shape: slices.Delete(shape.Clone(), axis, axis+1)}
	y := e.apply(code, options{table, []field{{0, elementTypes[graph.Int32]}}}, to, x, e.ints(axis))
	if a.KeepDims {
		y = e.expand(y, axis)
	}
	e.set(y)
}

func (e *emitter) band(b graph.Band) {
	shape := e.outType(0).Shape
	n, ok := shape.Elems()
	if !ok || n > 1<<22 {
		e.set(e.computedBand(b))
		return
	}
	t := graph.NewTensor(graph.Bool, shape)
	d := t.Data.([]bool)
	for i := range d {
		d[i] = b.Holds(i/shape[1], i%shape[1])
	}
	e.set(e.constant(t))
}

// computedBand computes the elements of a band, whose sizes are unknown or large.
func (e *emitter) computedBand(b graph.Band) tensor {
	x := e.in(0)
	rank := len(e.typ(x).Shape)
	numbers := func(axis int) tensor {
		n := e.typ(x).Shape[axis]
		end := e.squeeze(e.size(x, axis), 0)
		return e.apply(opRange, options{}, graph.Type{DType: graph.Int32, Shape: graph.Shape{n}}, e.scalar(graph.Int32, 0), end, e.scalar(graph.Int32, 1))
	}
	ahead := e.sub(e.expand(numbers(rank-1), 0), e.expand(numbers(rank-2), 1))
	above := e.compare(opLessEqual, ahead, ahead)
	if b.Above >= 0 {
		above = e.compare(opLessEqual, ahead, e.scalar(graph.Int32, float64(b.Above)))
	}
	if b.Below < 0 {
		return above
	}
	below := e.compare(opGreaterEqual, ahead, e.scalar(graph.Int32, float64(-b.Below)))
	return e.binaryTo(opLogicalAnd, graph.Bool, above, below)
}
