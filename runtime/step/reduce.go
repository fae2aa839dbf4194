package step

import (
	"math"

	"github.com/kerasrun/kerasrun/kernels/cpu"
	"github.com/kerasrun/kerasrun/kernels/pool"
	"github.com/kerasrun/kerasrun/kernels/vec"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/step/reference"
)

// A reduction combines the middle of (outer, n, inner). Its units of work are
// the blocks of channels, inner elements, of each outer one.
type reduction struct {
	base
	x        operand
	n, inner int
	stride   int   // from one run of inner elements to the next
	blocks   int   // of inner
	lines    split // of cache lines of inner into the blocks
	f        func(dst, src []float32, outer, n, inner int)
	channels func(dst, src []float32, n, c, stride int) // for inner > 1, nil for none
}

// A stridedReduction combines elements along any axes.
type stridedReduction struct {
	base
	x           operand
	kept, along lattice
	f           graph.ReduceFunc
}

func (m *maker) reduce(op graph.Reduce) Step {
	x := m.In[0].Shape
	axes, err := graph.Axes(op.Axes, len(x))
	if err != nil {
		return nil
	}
	outer, n, inner, ok := lines(x, axes)
	ns := float64(elems(x)) * nsPass
	name := "reduce " + string(op.Func)
	if !ok || inner > 1 && (op.Func == graph.ReduceSum || op.Func == graph.ReduceMin || op.Func == graph.ReduceProd) {
		kept, along := splitAxes(x, reference.Strides(x), axes)
		return &stridedReduction{m.base("go "+name, float64(elems(x)), splitFor(kept.count(), float64(elems(x))*nsScalar/4)), m.operand(0), kept, along, op.Func}
	}
	r := &reduction{x: m.operand(0), n: n, inner: inner, stride: orElse(m.inStride(0), inner), blocks: 1}
	switch op.Func {
	case graph.ReduceSum:
		r.f = vec.ReduceSum
	case graph.ReduceMean:
		r.f, r.channels = vec.ReduceMean, pool.GlobalAverage
	case graph.ReduceMax:
		r.f, r.channels = vec.ReduceMax, pool.GlobalMax
	case graph.ReduceMin:
		r.f = vec.ReduceMin
	case graph.ReduceProd:
		r.f = vec.ReduceProd
	default:
		return nil
	}
	if chunks := chunksFor(ns); inner > 1 && outer < chunks {
		lines := (inner + line - 1) / line
		r.blocks = min((chunks+outer-1)/outer, max((inner+minBlock-1)/minBlock, min(2, lines)))
		r.lines = split{n: lines, chunks: r.blocks}
	}
	k := kernelOn(cpu.Generic, "vec", name)
	if inner == 1 && op.Func != graph.ReduceProd {
		k = kernelOn(vec.RowsVariant(), "vec", name)
	}
	if inner > 1 && r.channels != nil {
		k = kernelOn(pool.Variant(inner/r.blocks), "pool", name)
	}
	r.base = m.base(k, float64(elems(x)), splitFor(outer*r.blocks, ns))
	return r
}

const (
	line     = 16       // channels of a cache line, which blocks do not cut
	minBlock = 2 * line // channels of the smallest block but the last, where there are more than two
)

func (r *reduction) Run(a *Args, chunk int, _ []float32) error {
	x, dst := r.x.of(a), result(a)
	lo, hi := r.work.bounds(chunk)
	if r.inner == 1 {
		r.f(dst[lo:hi], x[lo*r.n:hi*r.n], hi-lo, r.n, 1)
		return nil
	}
	for u := lo; u < hi; u++ {
		o := u / r.blocks
		c0, c1 := 0, r.inner
		if r.blocks > 1 {
			c0, c1 = r.lines.bounds(u % r.blocks)
			c0, c1 = c0*line, min(c1*line, r.inner)
		}
		r.channels(dst[o*r.inner+c0:o*r.inner+c1], x[o*r.n*r.stride+c0:], r.n, c1-c0, r.stride)
	}
	return nil
}

func (r *stridedReduction) Run(a *Args, chunk int, _ []float32) error {
	x, dst := r.x.of(a), result(a)
	lo, hi := r.work.bounds(chunk)
	for i := lo; i < hi; i++ {
		base := r.kept.at(i)
		v := startOf(r.f)
		for l := range r.along.lines() {
			v = foldLine(r.f, v, x[base+r.along.line(l):], r.along.n, r.along.step)
		}
		if r.f == graph.ReduceMean {
			v /= float64(r.along.count())
		}
		dst[i] = float32(v)
	}
	return nil
}

// startOf is the result of f over no elements, 0 for a mean.
func startOf(f graph.ReduceFunc) float64 {
	switch f {
	case graph.ReduceProd:
		return 1
	case graph.ReduceMax:
		return math.Inf(-1)
	case graph.ReduceMin:
		return math.Inf(1)
	}
	return 0
}

// foldLine combines v with n elements, step apart.
func foldLine(f graph.ReduceFunc, v float64, x []float32, n, step int) float64 {
	switch f {
	case graph.ReduceSum, graph.ReduceMean:
		for i := range n {
			v += float64(x[i*step])
		}
	case graph.ReduceProd:
		for i := range n {
			v *= float64(x[i*step])
		}
	case graph.ReduceMax:
		for i := range n {
			v = max(v, float64(x[i*step]))
		}
	case graph.ReduceMin:
		for i := range n {
			v = min(v, float64(x[i*step]))
		}
	}
	return v
}

// An argReduce finds the place of the largest or smallest element of each line,
// passing over NaN.
type argReduce struct {
	base
	x        operand
	n, inner int
	min      bool
}

func (m *maker) argReduce(op graph.ArgReduce) Step {
	x := m.In[0].Shape
	axes, err := graph.Axes([]int{op.Axis}, len(x))
	if err != nil {
		return nil
	}
	_, n, inner, _ := lines(x, axes)
	return &argReduce{m.base("go arg reduce", float64(elems(x)), splitFor(elems(x)/n, float64(elems(x))*nsScalar/8)), m.operand(0), n, inner, op.Min}
}

func (r *argReduce) Run(a *Args, chunk int, _ []float32) error {
	x, dst := r.x.of(a), a.Out[0].Data.([]int32)
	lo, hi := r.work.bounds(chunk)
	for u := lo; u < hi; u++ {
		line := x[u/r.inner*r.n*r.inner+u%r.inner:]
		best, top := 0, line[0]
		for i := 1; i < r.n; i++ {
			v := line[i*r.inner]
			if !r.min && v > top || r.min && v < top || top != top && v == v {
				best, top = i, v
			}
		}
		dst[u] = int32(best)
	}
	return nil
}
