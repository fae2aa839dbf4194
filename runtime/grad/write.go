package grad

import (
	"math"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// The methods of tape write ops, so that a rule reads as mathematics. Operands
// of one call have one element type. After an error of the builder they return none.

func (t *tape) add(a, b graph.Value) graph.Value {
	return t.b.Apply(graph.Binary{Func: graph.Add}, a, b)
}
func (t *tape) sub(a, b graph.Value) graph.Value {
	return t.b.Apply(graph.Binary{Func: graph.Sub}, a, b)
}
func (t *tape) mul(a, b graph.Value) graph.Value {
	return t.b.Apply(graph.Binary{Func: graph.Mul}, a, b)
}
func (t *tape) div(a, b graph.Value) graph.Value {
	return t.b.Apply(graph.Binary{Func: graph.Div}, a, b)
}

func (t *tape) unary(f graph.UnaryFunc, x graph.Value) graph.Value {
	return t.b.Apply(graph.Unary{Func: f}, x)
}

func (t *tape) activate(f graph.ActivationFunc, x graph.Value) graph.Value {
	return t.b.Apply(graph.Activation{Func: f}, x)
}

// number is a constant of the type of x.
func (t *tape) number(c float64, x graph.Value) graph.Value { return t.b.Scalar(x.DType, c) }

// scale is c·x, plus is x + c.
func (t *tape) scale(x graph.Value, c float64) graph.Value { return t.mul(x, t.number(c, x)) }
func (t *tape) plus(x graph.Value, c float64) graph.Value  { return t.add(x, t.number(c, x)) }

// minus is c - x.
func (t *tape) minus(c float64, x graph.Value) graph.Value { return t.sub(t.number(c, x), x) }

// is compares x with a number.
func (t *tape) is(x graph.Value, f graph.BinaryFunc, c float64) graph.Value {
	return t.b.Apply(graph.Binary{Func: f}, x, t.number(c, x))
}

func (t *tape) compare(f graph.BinaryFunc, a, b graph.Value) graph.Value {
	return t.b.Apply(graph.Binary{Func: f}, a, b)
}

// between is lo < x < hi, with the bounds where closed; infinite bounds are no bounds.
func (t *tape) between(lo, hi float64, x graph.Value, closed bool) graph.Value {
	above, below := graph.Greater, graph.Less
	if closed {
		above, below = graph.GreaterEqual, graph.LessEqual
	}
	switch {
	case math.IsInf(lo, -1):
		return t.is(x, below, hi)
	case math.IsInf(hi, 1):
		return t.is(x, above, lo)
	}
	return t.b.Apply(graph.Binary{Func: graph.LogicalAnd}, t.is(x, above, lo), t.is(x, below, hi))
}

func (t *tape) where(cond, a, b graph.Value) graph.Value {
	return t.b.Apply(graph.Where{}, cond, a, b)
}

// gate is d where cond is true, else 0.
func (t *tape) gate(cond, d graph.Value) graph.Value { return t.where(cond, d, t.number(0, d)) }

func (t *tape) reduce(f graph.ReduceFunc, x graph.Value, axes []int, keep bool) graph.Value {
	return t.b.Apply(graph.Reduce{Func: f, Axes: axes, KeepDims: keep}, x)
}

// reshape gives x another shape, which is known.
func (t *tape) reshape(x graph.Value, s graph.Shape) graph.Value {
	return t.b.Apply(graph.Reshape{Dims: s.Clone()}, x)
}

func (t *tape) transpose(x graph.Value, perm ...int) graph.Value {
	return t.b.Apply(graph.Transpose{Perm: perm}, x)
}

// reverse turns the given axes of x round.
func (t *tape) reverse(x graph.Value, axes ...int) graph.Value {
	if t.b.Err() != nil {
		return none
	}
	r := whole(x.Rank())
	for _, a := range axes {
		r[a].Step = -1
	}
	return t.b.Apply(graph.Slice{Ranges: r}, x)
}

// whole are ranges of all of rank axes.
func whole(rank int) []graph.Range {
	r := make([]graph.Range, rank)
	for i := range r {
		r[i].Step = 1
	}
	return r
}

// part takes cells from to to-1 of an axis.
func (t *tape) part(x graph.Value, axis, from, to int) graph.Value {
	if t.b.Err() != nil {
		return none
	}
	if from == 0 && to == x.Dim(axis) {
		return x
	}
	r := whole(x.Rank())
	r[axis] = graph.Range{Start: from, HasStart: true, Stop: to, HasStop: true, Step: 1}
	return t.b.Apply(graph.Slice{Ranges: r}, x)
}

// fit puts the n cells of an axis at cell before of an axis of size cells:
// zeros around, or cut where they lie outside.
func (t *tape) fit(x graph.Value, axis, n, before, size int) graph.Value {
	if t.b.Err() != nil {
		return none
	}
	from, to := max(0, -before), min(n, size-before)
	if from >= to {
		s := x.Shape.Clone()
		s[axis] = size
		return t.zeros(graph.Type{DType: x.DType, Shape: s})
	}
	x = t.part(x, axis, from, to)
	p := graph.Pad{Before: make([]int, x.Rank()), After: make([]int, x.Rank()), Mode: graph.FillConstant}
	p.Before[axis], p.After[axis] = before+from, size-before-to
	if p.Before[axis] == 0 && p.After[axis] == 0 {
		return x
	}
	return t.b.Apply(p, x)
}

func (t *tape) zeros(of graph.Type) graph.Value {
	return t.b.Const(graph.NewTensor(of.DType, of.Shape))
}

// spread puts steps[i] - 1 zeros behind every cell of axis i.
func (t *tape) spread(x graph.Value, steps []int) graph.Value {
	if t.b.Err() != nil {
		return none
	}
	var apart, joined graph.Shape
	var p graph.Pad
	for i, n := range x.Shape {
		apart, joined = append(apart, n), append(joined, n*steps[i])
		p.Before, p.After = append(p.Before, 0), append(p.After, 0)
		if steps[i] > 1 {
			apart = append(apart, 1)
			p.Before, p.After = append(p.Before, 0), append(p.After, steps[i]-1)
		}
	}
	if len(apart) == len(joined) {
		return x
	}
	p.Mode = graph.FillConstant
	return t.reshape(t.b.Apply(p, t.reshape(x, apart)), joined)
}

// sumTo sums d over the axes along which an operand of shape s was stretched.
func (t *tape) sumTo(d graph.Value, s graph.Shape) graph.Value {
	if t.b.Err() != nil {
		return none
	}
	off := d.Rank() - len(s)
	var axes []int
	for i, n := range d.Shape {
		if i < off || s[i-off] == 1 && n != 1 {
			axes = append(axes, i)
		}
	}
	if len(axes) == 0 {
		return d
	}
	return t.reshape(t.reduce(graph.ReduceSum, d, axes, false), s)
}
