package step

import (
	"github.com/kerasrun/kerasrun/kernels/vec"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/step/reference"
)

// An elementwise step applies a function to every element.
type elementwise struct {
	base
	x operand
	f func(dst, src []float32)
	pixels
}

func (m *maker) elementwise(kernel string, ns float64, f func(dst, src []float32)) Step {
	n := elems(m.Out[0].Shape)
	e := &elementwise{x: m.operand(0), f: f, pixels: m.pixels()}
	e.base = m.base(kernel, float64(n), splitFor(n/e.c, float64(n)*ns))
	return e
}

func (e *elementwise) Run(a *Args, chunk int, _ []float32) error {
	lo, hi := e.work.bounds(chunk)
	if !e.apart {
		e.f(result(a)[lo:hi], e.x.of(a)[lo:hi])
		return nil
	}
	x, dst := e.x.of(a), result(a)
	for i := lo; i < hi; i++ {
		d, s := e.at(dst, x, i)
		e.f(d, s)
	}
	return nil
}

func (m *maker) activation(op graph.Activation) Step {
	f := newFinish(&op)
	if f.clamp {
		return m.elementwise(kernel("vec", string(op.Func)), nsPass, func(d, s []float32) { vec.Clip(d, s, f.lo, f.hi) })
	}
	switch op.Func {
	case graph.TanhShrink, graph.Squareplus, graph.SparsePlus, graph.SparseSigmoid: // no assembly yet
		return m.elementwise("go "+string(op.Func), nsScalar, f.act)
	}
	return m.elementwise(kernel("vec", string(op.Func)), nsSmooth, f.act)
}

func (m *maker) unary(op graph.Unary) Step {
	f := reference.Unary(op.Func)
	if m.Out[0].DType == graph.Bool {
		n := elems(m.Out[0].Shape)
		return &predicate{m.base("go "+string(op.Func), float64(n), splitFor(n, float64(n)*nsConv)), m.operand(0), f}
	}
	name := kernel("vec", string(op.Func))
	switch op.Func {
	case graph.Neg:
		return m.elementwise(name, nsPass, func(d, s []float32) { vec.MulScalar(d, s, -1) })
	case graph.Abs:
		return m.elementwise(name, nsPass, vec.Abs)
	case graph.Square:
		return m.elementwise(name, nsPass, vec.Square)
	case graph.Reciprocal:
		return m.elementwise(name, nsPass, func(d, s []float32) { vec.DivIntoScalar(d, s, 1) })
	case graph.Exp:
		return m.elementwise(name, nsSmooth, vec.Exp)
	case graph.Sqrt:
		return m.elementwise(name, nsPass, vec.Sqrt)
	}
	return m.elementwise("go "+string(op.Func), nsScalar, func(d, s []float32) {
		for i, x := range s {
			d[i] = float32(f(float64(x)))
		}
	})
}

// A predicate yields truth values of float32 elements.
type predicate struct {
	base
	x operand
	f func(float64) float64
}

func (p *predicate) Run(a *Args, chunk int, _ []float32) error {
	lo, hi := p.work.bounds(chunk)
	y := a.Out[0].Data.([]bool)
	for i, x := range p.x.of(a)[lo:hi] {
		y[lo+i] = p.f(float64(x)) != 0
	}
	return nil
}

// A cast converts between any two element types.
type cast struct {
	base
	saturate bool
	x        *graph.Tensor // when constant
}

func (m *maker) cast(op graph.Cast) Step {
	n := elems(m.Out[0].Shape)
	ns := nsConv
	switch m.In[0].DType {
	case graph.Int8, graph.Uint8, graph.Int32, graph.Int64:
		if op.To == graph.Float32 { // without the way through float64
			ns = 2 * nsPass
		}
	}
	return &cast{m.base("go cast", 0, splitFor(n, float64(n)*ns)), op.Saturate, m.constant(0)}
}

func (c *cast) Run(a *Args, chunk int, _ []float32) error {
	lo, hi := c.work.bounds(chunk)
	x := c.x
	if x == nil {
		x = &a.In[0]
	}
	if dst, ok := a.Out[0].Data.([]float32); ok {
		switch src := x.Data.(type) {
		case []int8:
			widen(dst[lo:hi], src[lo:hi])
			return nil
		case []uint8:
			widen(dst[lo:hi], src[lo:hi])
			return nil
		case []int32:
			widen(dst[lo:hi], src[lo:hi])
			return nil
		case []int64:
			widen(dst[lo:hi], src[lo:hi])
			return nil
		}
	}
	reference.CastRange(a.Out[0], *x, c.saturate, lo, hi)
	return nil
}

// widen converts the integers of images, indices and labels.
func widen[T int8 | uint8 | int32 | int64](dst []float32, src []T) {
	for i, v := range src {
		dst[i] = float32(v)
	}
}
