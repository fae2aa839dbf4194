package step

import (
	"math"

	"github.com/kerasrun/kerasrun/kernels/cpu"
	"github.com/kerasrun/kerasrun/kernels/vec"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/step/reference"
)

// lines views shape, whose axes are resolved and in order, as (outer, n, inner)
// with the axes in the middle. It reports false when others stand between them.
func lines(shape graph.Shape, axes []int) (outer, n, inner int, ok bool) {
	if len(axes) == 0 {
		return elems(shape), 1, 1, true
	}
	first, last := axes[0], axes[len(axes)-1]
	return elems(shape[:first]), elems(shape[first : last+1]), elems(shape[last+1:]), last-first+1 == len(axes)
}

// A softmax runs along the middle of (outer, n, inner).
type softmax struct {
	base
	x        operand
	n, inner int
	f        func(dst, src []float32, outer, n, inner int)
}

// A stridedSoftmax runs along axes that others stand between.
type stridedSoftmax struct {
	base
	x           operand
	kept, along lattice
	log         bool
}

func (m *maker) softmax(op graph.Softmax) Step {
	x := m.In[0].Shape
	axes, err := graph.Axes(op.Axes, len(x))
	if err != nil {
		return nil
	}
	flops := 4 * elems(x)
	ns := float64(elems(x)) * 2 * nsSmooth
	outer, n, inner, ok := lines(x, axes)
	if !ok {
		kept, along := splitAxes(x, reference.Strides(x), axes)
		return &stridedSoftmax{m.base("go softmax", float64(flops), splitFor(kept.count(), float64(elems(x))*2*nsScalar)), m.operand(0), kept, along, op.Log}
	}
	name := kernelOn(cpu.Generic, "vec", "softmax")
	if inner == 1 && !op.Log {
		name = kernel("vec", "softmax")
	}
	s := &softmax{m.base(name, float64(flops), splitFor(outer, ns)), m.operand(0), n, inner, vec.Softmax}
	if op.Log {
		s.f = vec.LogSoftmax
	}
	return s
}

func (s *softmax) Run(a *Args, chunk int, _ []float32) error {
	lo, hi := s.work.bounds(chunk)
	n := s.n * s.inner
	s.f(result(a)[lo*n:hi*n], s.x.of(a)[lo*n:hi*n], hi-lo, s.n, s.inner)
	return nil
}

func (s *stridedSoftmax) Run(a *Args, chunk int, _ []float32) error {
	x, dst := s.x.of(a), result(a)
	lo, hi := s.work.bounds(chunk)
	for i := lo; i < hi; i++ {
		base := s.kept.at(i)
		top, sum := math.Inf(-1), 0.0
		for l := range s.along.lines() {
			at := base + s.along.line(l)
			for range s.along.n {
				top = max(top, float64(x[at]))
				at += s.along.step
			}
		}
		for l := range s.along.lines() {
			at := base + s.along.line(l)
			for range s.along.n {
				sum += math.Exp(float64(x[at]) - top)
				at += s.along.step
			}
		}
		log := math.Log(sum)
		for l := range s.along.lines() {
			at := base + s.along.line(l)
			for range s.along.n {
				if v := float64(x[at]) - top; s.log {
					dst[at] = float32(v - log)
				} else {
					dst[at] = float32(math.Exp(v) / sum)
				}
				at += s.along.step
			}
		}
	}
	return nil
}

// A sparsemax runs along the last axis and sorts in its scratch.
type sparsemax struct {
	base
	x operand
	n int
}

func (m *maker) sparsemax() Step {
	x := m.In[0].Shape
	n := x[len(x)-1]
	s := &sparsemax{m.base(kernelOn(cpu.Generic, "vec", "sparsemax"), float64(4*elems(x)), splitFor(elems(x)/n, float64(elems(x))*nsScalar)), m.operand(0), n}
	s.info.Scratch = n
	return s
}

func (s *sparsemax) Run(a *Args, chunk int, scratch []float32) error {
	lo, hi := s.work.bounds(chunk)
	vec.Sparsemax(result(a)[lo*s.n:hi*s.n], s.x.of(a)[lo*s.n:hi*s.n], hi-lo, s.n, 1, scratch)
	return nil
}
