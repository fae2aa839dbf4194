package step

import (
	"fmt"

	"github.com/kerasrun/kerasrun/kernels/pool"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// A pooling runs the pooling kernels over images with one, two or three spatial axes.
type pooling struct {
	base
	shape   pool.Shape
	average bool
	x       operand
	rows    int // of an output image, of all its planes
	in, out int // floats of an image
}

// poolShape is the pooling of x to y for the kernels.
func poolShape(x, y graph.Shape, size, strides []int, padding graph.Padding) pool.Shape {
	s := windows(x, y, size, strides, []int{1, 1, 1}[:len(x)-2], padding)
	return pool.Shape{
		InD: s.in[0], InH: s.in[1], InW: s.in[2], C: x[len(x)-1], OutD: s.out[0], OutH: s.out[1], OutW: s.out[2],
		KD: s.taps[0], KH: s.taps[1], KW: s.taps[2], StrideD: s.stride[0], StrideH: s.stride[1], StrideW: s.stride[2],
		PadFront: s.before[0], PadTop: s.before[1], PadLeft: s.before[2],
	}
}

func (m *maker) pool(op graph.Pool) Step {
	x, y := m.In[0].Shape, m.Out[0].Shape
	c := x[len(x)-1]
	p := &pooling{average: op.Kind == graph.AveragePool, x: m.operand(0), shape: poolShape(x, y, op.Size, op.Strides, op.Padding)}
	s := &p.shape
	p.rows = s.OutD * s.OutH
	p.shape.SrcStride, p.shape.DstStride = orElse(m.inStride(0), c), orElse(m.OutStride, c)
	p.in, p.out = s.InD*s.InH*s.InW*p.shape.SrcStride, p.rows*s.OutW*p.shape.DstStride
	window := fmt.Sprintf("%dx%d", s.KH, s.KW)
	if len(op.Size) == 3 {
		window = fmt.Sprintf("%dx%s", s.KD, window)
	}
	flops := float64(elems(y)) * float64(s.KD*s.KH*s.KW)
	p.base = m.base(kernelOn(pool.Variant(c), "pool", string(op.Kind)+" "+window), flops, splitFor(x[0]*p.rows, flops*nsPool))
	return p
}

func (p *pooling) Run(a *Args, chunk int, _ []float32) error {
	x, y := p.x.of(a), result(a)
	lo, hi := p.work.bounds(chunk)
	for lo < hi {
		n := lo / p.rows
		y0 := lo - n*p.rows
		y1 := min(p.rows, y0+hi-lo)
		dst, src := part(y, n, p.out), part(x, n, p.in)
		if p.average {
			pool.Average(&p.shape, dst, src, y0, y1)
		} else {
			pool.Max(&p.shape, dst, src, y0, y1)
		}
		lo += y1 - y0
	}
	return nil
}

// A poolingGrad runs the gradient of maximum pooling, an image a chunk or several.
type poolingGrad struct {
	base
	shape   pool.Shape
	all     bool
	x, dy   operand
	in, out int // floats of an image
}

func (m *maker) poolGrad(op graph.MaxPoolGrad) Step {
	x, y := m.In[0].Shape, m.In[1].Shape
	p := &poolingGrad{shape: poolShape(x, y, op.Size, op.Strides, op.Padding), all: op.All, x: m.operand(0), dy: m.operand(1)}
	p.in, p.out = elems(x[1:]), elems(y[1:])
	flops := float64(elems(y)) * float64(p.shape.KD*p.shape.KH*p.shape.KW)
	p.base = m.base("go pool gradient", flops, splitFor(x[0], flops*nsScalar))
	return p
}

func (p *poolingGrad) Run(a *Args, chunk int, _ []float32) error {
	lo, hi := p.work.bounds(chunk)
	for n := lo; n < hi; n++ {
		pool.MaxGrad(&p.shape, part(result(a), n, p.in), part(p.x.of(a), n, p.in), part(p.dy.of(a), n, p.out), p.all)
	}
	return nil
}
