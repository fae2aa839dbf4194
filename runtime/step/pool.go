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

func (m *maker) pool(op graph.Pool) Step {
	x, y := m.In[0].Shape, m.Out[0].Shape
	ones := []int{1, 1, 1}[:len(x)-2]
	c := x[len(x)-1]
	s := windows(x, y, op.Size, op.Strides, ones, op.Padding)
	p := &pooling{average: op.Kind == graph.AveragePool, x: m.operand(0), rows: s.out[0] * s.out[1]}
	p.shape = pool.Shape{
		InD: s.in[0], InH: s.in[1], InW: s.in[2], C: c, OutD: s.out[0], OutH: s.out[1], OutW: s.out[2],
		KD: s.taps[0], KH: s.taps[1], KW: s.taps[2], StrideD: s.stride[0], StrideH: s.stride[1], StrideW: s.stride[2],
		PadFront: s.before[0], PadTop: s.before[1], PadLeft: s.before[2],
	}
	p.shape.SrcStride, p.shape.DstStride = orElse(m.inStride(0), c), orElse(m.OutStride, c)
	p.in, p.out = s.in[0]*s.in[1]*s.in[2]*p.shape.SrcStride, p.rows*s.out[2]*p.shape.DstStride
	window := fmt.Sprintf("%dx%d", s.taps[1], s.taps[2])
	if len(op.Size) == 3 {
		window = fmt.Sprintf("%dx%s", s.taps[0], window)
	}
	flops := float64(elems(y)) * float64(s.taps[0]*s.taps[1]*s.taps[2])
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
