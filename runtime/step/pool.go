package step

import (
	"fmt"
	"math"

	"github.com/kerasrun/kerasrun/kernels/cpu"
	"github.com/kerasrun/kerasrun/kernels/pool"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// A pooling runs the pooling kernels over images with one or two spatial axes.
type pooling struct {
	base
	shape   pool.Shape
	average bool
	x       operand
	in, out int // floats of an image
}

func (m *maker) pool(op graph.Pool) Step {
	x, y := m.In[0].Shape, m.Out[0].Shape
	ones := []int{1, 1, 1}[:len(x)-2]
	c := x[len(x)-1]
	s := windows(x, y, op.Size, op.Strides, ones, op.Padding)
	taps := s.taps[0] * s.taps[1] * s.taps[2]
	flops := float64(elems(y)) * float64(taps)
	ns := flops * nsPool
	name := string(op.Kind) + " " + fmt.Sprintf("%dx%d", s.taps[1], s.taps[2])
	if s.taps[0] > 1 || s.in[0] > 1 {
		v := &volumePooling{spatial: s, average: op.Kind == graph.AveragePool, x: m.operand(0), c: c}
		v.base = m.base("pool 3d "+string(op.Kind), flops, splitFor(x[0]*s.out[0]*s.out[1], float64(elems(y)*taps)*nsScalar/4))
		return v
	}
	p := &pooling{average: op.Kind == graph.AveragePool, x: m.operand(0)}
	p.shape = pool.Shape{
		InH: s.in[1], InW: s.in[2], C: c, OutH: s.out[1], OutW: s.out[2], KH: s.taps[1], KW: s.taps[2],
		StrideH: s.stride[1], StrideW: s.stride[2], PadTop: s.before[1], PadLeft: s.before[2],
	}
	p.in, p.out = s.in[1]*s.in[2]*c, s.out[1]*s.out[2]*c
	variant := cpu.Generic
	if op.Kind == graph.MaxPool {
		variant = pool.MaxVariant()
	}
	p.base = m.base(kernelOn(variant, "pool", name), flops, splitFor(x[0]*s.out[1], ns))
	return p
}

func (p *pooling) Run(a *Args, chunk int, _ []float32) error {
	x, y := p.x.of(a), result(a)
	lo, hi := p.work.bounds(chunk)
	for lo < hi {
		n := lo / p.shape.OutH
		y0 := lo - n*p.shape.OutH
		y1 := min(p.shape.OutH, y0+hi-lo)
		dst, src := y[n*p.out:][:p.out], x[n*p.in:][:p.in]
		if p.average {
			pool.Average(&p.shape, dst, src, y0, y1)
		} else {
			pool.Max(&p.shape, dst, src, y0, y1)
		}
		lo += y1 - y0
	}
	return nil
}

// A volumePooling pools three spatial axes, channel after channel.
type volumePooling struct {
	base
	spatial
	average bool
	x       operand
	c       int
}

func (p *volumePooling) Run(a *Args, chunk int, _ []float32) error {
	x, y := p.x.of(a), result(a)
	lo, hi := p.work.bounds(chunk)
	for row := lo; row < hi; row++ {
		oh := row % p.out[1]
		od := row / p.out[1] % p.out[0]
		n := row / p.out[1] / p.out[0]
		image := x[n*p.in[0]*p.in[1]*p.in[2]*p.c:]
		for ow := range p.out[2] {
			for c := range p.c {
				y[(row*p.out[2]+ow)*p.c+c] = p.window(image, od, oh, ow, c)
			}
		}
	}
	return nil
}

// window reduces one window of one channel; the average is summed in float64.
func (p *volumePooling) window(image []float32, od, oh, ow, c int) float32 {
	d0, d1 := p.cells(0, od)
	h0, h1 := p.cells(1, oh)
	w0, w1 := p.cells(2, ow)
	top, sum := float32(math.Inf(-1)), 0.0
	for d := d0; d < d1; d++ {
		for h := h0; h < h1; h++ {
			for w := w0; w < w1; w++ {
				v := image[((d*p.in[1]+h)*p.in[2]+w)*p.c+c]
				top = max(top, v)
				sum += float64(v)
			}
		}
	}
	if !p.average {
		return top
	}
	n := max(0, d1-d0) * max(0, h1-h0) * max(0, w1-w0)
	return float32(sum / float64(max(n, 1)))
}

// cells are the cells of axis i that window o covers.
func (p *volumePooling) cells(i, o int) (from, to int) {
	at := o*p.stride[i] - p.before[i]
	return max(at, 0), min(at+p.taps[i], p.in[i])
}
