package tflite

import (
	"fmt"
	"math"
	"slices"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// along returns a shape of rank dimensions that has those of a weight at axes and 1 elsewhere.
func along(rank int, axes []int, shape graph.Shape) graph.Shape {
	out := slices.Repeat(graph.Shape{1}, rank)
	for i, a := range axes {
		out[a] = shape[i]
	}
	return out
}

// weightAlong returns operand i as something that broadcasts over axes.
func (e *emitter) weightAlong(i, rank int, axes []int) tensor {
	shape := along(rank, axes, e.inType(i).Shape)
	if id := e.node.In[i]; e.isConst(id) {
		return e.constantOf(id, "", shape, nil)
	}
	return e.reshape(e.in(i), shape, make([]int, rank))
}

// batchNorm is x·s + t: the factor and the term are computed when the file is
// written, where the statistics are weights.
func (e *emitter) batchNorm(b graph.BatchNorm) {
	if !e.floats() {
		return
	}
	x := e.in(0)
	rank := len(e.typ(x).Shape)
	axes, err := graph.Axes(b.Axes, rank)
	if err != nil {
		e.refuse("%v", err)
		return
	}
	gamma, beta, next := -1, -1, 1
	if b.Scale {
		gamma, next = next, next+1
	}
	if b.Center {
		beta, next = next, next+1
	}
	mean, variance := next, next+1
	fixed := true
	for _, id := range e.node.In[1:] {
		fixed = fixed && e.isConst(id)
	}
	if !fixed {
		y := e.div(e.sub(x, e.weightAlong(mean, rank, axes)), e.unary(opSqrt, e.plus(e.weightAlong(variance, rank, axes), b.Epsilon)))
		e.set(e.scaled(y, gamma, beta, rank, axes))
		return
	}
	ids := e.node.In
	// folded returns the factor and the term of each element of the weights.
	folded := func() (factor, term []float32, err error) {
		get := func(i int, otherwise float64, n int) []float64 {
			if i < 0 {
				return slices.Repeat([]float64{otherwise}, n)
			}
			t, e := e.read(ids[i])
			if e != nil {
				err = e
				return make([]float64, n)
			}
			return t.Float64s()
		}
		n, _ := e.g.Values[ids[mean]].Shape.Elems()
		m, v, g, s := get(mean, 0, n), get(variance, 1, n), get(gamma, 1, n), get(beta, 0, n)
		for i := range m {
			f := g[i] / math.Sqrt(v[i]+b.Epsilon)
			factor, term = append(factor, float32(f)), append(term, float32(s[i]-m[i]*f))
		}
		return factor, term, err
	}
	shape := along(rank, axes, e.inType(mean).Shape)
	form := fmt.Sprintf("of normalization %v %v", ids[1:], b.Epsilon)
	factor := e.constantOf(ids[mean], "factor "+form, shape, func(graph.Tensor) (graph.Tensor, error) {
		f, _, err := folded()
		return graph.Tensor{DType: graph.Float32, Shape: shape, Data: f}, err
	})
	term := e.constantOf(ids[mean], "term "+form, shape, func(graph.Tensor) (graph.Tensor, error) {
		_, t, err := folded()
		return graph.Tensor{DType: graph.Float32, Shape: shape, Data: t}, err
	})
	e.set(e.add(e.mul(x, factor), term))
}

// scaled multiplies by operand gamma and adds operand beta, where they are not -1.
func (e *emitter) scaled(x tensor, gamma, beta, rank int, axes []int) tensor {
	if gamma >= 0 {
		x = e.mul(x, e.weightAlong(gamma, rank, axes))
	}
	if beta >= 0 {
		x = e.add(x, e.weightAlong(beta, rank, axes))
	}
	return x
}

// weightsOf returns the operands that are gamma and beta, or -1.
func weightsOf(scale, center bool) (gamma, beta int) {
	gamma, beta = -1, -1
	next := 1
	if scale {
		gamma, next = next, next+1
	}
	if center {
		beta = next
	}
	return gamma, beta
}

// normalized is (x - mean)/√(variance + epsilon) over axes.
func (e *emitter) normalized(x tensor, axes []int, epsilon float64) tensor {
	centred := e.sub(x, e.reduceTo(opMean, x, axes, true))
	variance := e.reduceTo(opMean, e.mul(centred, centred), axes, true)
	return e.div(centred, e.unary(opSqrt, e.plus(variance, epsilon)))
}

func (e *emitter) layerNorm(l graph.LayerNorm) {
	if !e.floats() {
		return
	}
	x := e.in(0)
	rank := len(e.typ(x).Shape)
	axes, err := graph.Axes(l.Axes, rank)
	if err != nil {
		e.refuse("%v", err)
		return
	}
	var y tensor
	switch l.Kind {
	case graph.NormMean:
		y = e.normalized(x, axes, l.Epsilon)
	case graph.NormRMSScaling:
		centred := e.sub(x, e.reduceTo(opMean, x, axes, true))
		variance := e.reduceTo(opMean, e.mul(centred, centred), axes, true)
		y = e.div(x, e.unary(opSqrt, e.plus(variance, l.Epsilon)))
	default:
		y = e.div(x, e.unary(opSqrt, e.plus(e.reduceTo(opMean, e.mul(x, x), axes, true), l.Epsilon)))
	}
	gamma, beta := weightsOf(l.Scale, l.Center)
	e.set(e.scaled(y, gamma, beta, rank, axes))
}

// groupNorm normalizes (batch, ..., groups, c/groups) over all axes but the batch and the groups.
func (e *emitter) groupNorm(g graph.GroupNorm) {
	if !e.floats() {
		return
	}
	x := e.in(0)
	s := e.typ(x).Shape
	rank := len(s)
	if rank < 2 || s[rank-1] == graph.Dyn {
		e.refuse("of %v", s)
		return
	}
	split := append(s[:rank-1].Clone(), g.Groups, s[rank-1]/g.Groups)
	var keep, axes []int
	for i := range split {
		keep = append(keep, i)
		if i > 0 && i != rank-1 {
			axes = append(axes, i)
		}
	}
	y := e.normalized(e.reshape(x, split, keep), axes, g.Epsilon)
	y = e.reshape(y, s, keep[:rank])
	gamma, beta := weightsOf(g.Scale, g.Center)
	e.set(e.scaled(y, gamma, beta, rank, []int{rank - 1}))
}
