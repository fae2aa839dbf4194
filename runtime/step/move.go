package step

import (
	"slices"

	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/step/reference"
)

// A mover copies elements of any type from strided places to strided places.
type mover struct {
	base
	elements
	copies []transfer
	consts []*graph.Tensor
}

// A transfer copies one operand: coordinate c goes from srcAt + c·src to dstAt +
// c·dst. Its last two axes are rows and cols.
type transfer struct {
	operand      int
	dims         []int // before rows and cols
	dst, src     []int // strides of dims
	dstAt, srcAt int
	rows, cols   axisMove
	work         split // all rows, or the columns of the only one
}

// An axisMove is an axis with its strides.
type axisMove struct{ n, dst, src int }

// newTransfer joins the axes that go on evenly on both sides.
func newTransfer(operand int, dims, dst, src []int, dstAt, srcAt int) transfer {
	var axes []axisMove
	for i, n := range dims {
		last := len(axes) - 1
		switch a := (axisMove{n, dst[i], src[i]}); {
		case n == 1:
		case last >= 0 && axes[last].dst == a.dst*n && axes[last].src == a.src*n:
			axes[last] = axisMove{axes[last].n * n, a.dst, a.src}
		default:
			axes = append(axes, a)
		}
	}
	for len(axes) < 2 {
		axes = slices.Insert(axes, 0, axisMove{n: 1})
	}
	t := transfer{operand: operand, dstAt: dstAt, srcAt: srcAt}
	k := len(axes) - 2
	t.rows, t.cols = axes[k], axes[k+1]
	for _, a := range axes[:k] {
		t.dims, t.dst, t.src = append(t.dims, a.n), append(t.dst, a.dst), append(t.src, a.src)
	}
	return t
}

// lines is the number of rows in all.
func (t *transfer) lines() int {
	n := t.rows.n
	for _, d := range t.dims {
		n *= d
	}
	return n
}

func (m *maker) move() Step {
	y := m.Out[0].Shape
	s := &mover{elements: elementsOf(m.Out[0].DType), consts: m.constants()}
	switch op := m.Op.(type) {
	case graph.Reshape:
		s.copies = []transfer{newTransfer(0, []int{elems(y)}, []int{1}, []int{1}, 0, 0)}
	case graph.Transpose:
		own := reference.Strides(m.In[0].Shape)
		src := make([]int, len(y))
		for i, a := range op.Perm {
			src[i] = own[a]
		}
		s.copies = []transfer{newTransfer(0, y, reference.Strides(y), src, 0, 0)}
	case graph.Concat:
		s.copies = m.concat(op)
	case graph.Slice:
		s.copies = []transfer{m.slice(op)}
	case graph.Repeat:
		axes, _ := graph.Axes([]int{op.Axis}, len(y))
		reps := slices.Repeat([]int{1}, len(y))
		reps[axes[0]] = op.N
		s.copies = []transfer{m.repeat(reps, true)}
	case graph.Tile:
		s.copies = []transfer{m.repeat(op.Reps, false)}
	}
	ns := float64(elems(y)*m.Out[0].DType.Size()) * nsPass / 4
	chunks := chunksFor(ns)
	most := 1
	for i := range s.copies {
		t := &s.copies[i]
		t.work = split{t.lines(), chunks, ns}
		if t.work.n == 1 {
			t.work.n = t.cols.n
		}
		most = max(most, t.work.n)
	}
	chunks = min(chunks, most)
	for i := range s.copies {
		s.copies[i].work.chunks = chunks
	}
	s.base = m.base("copy", 0, split{most, chunks, ns})
	return s
}

func (m *maker) concat(op graph.Concat) []transfer {
	y := m.Out[0].Shape
	axes, _ := graph.Axes([]int{op.Axis}, len(y))
	st := pixelStrides(y, m.OutStride)
	var list []transfer
	at := 0
	for k, x := range m.In {
		if elems(x.Shape) > 0 && !(k < len(m.InPlace) && m.InPlace[k]) {
			list = append(list, newTransfer(k, x.Shape, st, pixelStrides(x.Shape, m.inStride(k)), at*st[axes[0]], 0))
		}
		at += x.Shape[axes[0]]
	}
	return list
}

func (m *maker) slice(op graph.Slice) transfer {
	x, y := m.In[0].Shape, m.Out[0].Shape
	own := reference.Strides(x)
	src, at := []int{}, 0
	for i, n := range x {
		first, step := 0, 1
		if i < len(op.Ranges) {
			first, _, step = op.Ranges[i].Bounds(n)
		}
		at += first * own[i]
		if i >= len(op.Ranges) || !op.Ranges[i].Index {
			src = append(src, own[i]*step)
		}
	}
	return newTransfer(0, y, reference.Strides(y), src, 0, at)
}

// repeat repeats along every axis: each element, or the axis as a whole.
func (m *maker) repeat(reps []int, each bool) transfer {
	x, y := m.In[0].Shape, m.Out[0].Shape
	xs, ys := reference.Strides(x), reference.Strides(y)
	var dims, dst, src []int
	for i, n := range x {
		if each {
			dims, dst, src = append(dims, n, reps[i]), append(dst, ys[i]*reps[i], ys[i]), append(src, xs[i], 0)
		} else {
			dims, dst, src = append(dims, reps[i], n), append(dst, ys[i]*n, ys[i]), append(src, 0, xs[i])
		}
	}
	return newTransfer(0, dims, dst, src, 0, 0)
}

func (s *mover) Run(a *Args, chunk int, _ []float32) error {
	for i := range s.copies {
		t := &s.copies[i]
		s.transfer(t, a.Out[0].Data, operandData(s.consts, a, t.operand), chunk)
	}
	return nil
}

// operandData is operand i of any type: the constant if it is one.
func operandData(consts []*graph.Tensor, a *Args, i int) any {
	if i < len(consts) && consts[i] != nil {
		return consts[i].Data
	}
	return a.In[i].Data
}

// tile is the side of the squares in which a transposition goes, so that both
// sides stay in the first-level cache.
const tile = 16

// transferElements does the chunk's part of t.
func transferElements[T any](t *transfer, dst, src []T, chunk int) {
	lo, hi := t.work.bounds(chunk)
	if t.lines() == 1 {
		moveRow(dst, src, t.dstAt+lo*t.cols.dst, t.srcAt+lo*t.cols.src, hi-lo, t.cols)
		return
	}
	for lo < hi {
		d, s := t.start(lo / t.rows.n)
		r := lo % t.rows.n
		n := min(t.rows.n-r, hi-lo)
		d, s = d+r*t.rows.dst, s+r*t.rows.src
		movePlane(dst, src, d, s, n, t.rows, t.cols)
		lo += n
	}
}

// start is the place of plane i on both sides.
func (t *transfer) start(i int) (dst, src int) {
	dst, src = t.dstAt, t.srcAt
	for j := len(t.dims) - 1; j >= 0; j-- {
		c := i % t.dims[j]
		i /= t.dims[j]
		dst, src = dst+c*t.dst[j], src+c*t.src[j]
	}
	return dst, src
}

func movePlane[T any](dst, src []T, d, s, n int, rows, cols axisMove) {
	if cols.src == 1 || cols.src == 0 || cols.n < tile || n < tile {
		for range n {
			moveRow(dst, src, d, s, cols.n, cols)
			d, s = d+rows.dst, s+rows.src
		}
		return
	}
	for r := 0; r < n; r += tile {
		for c := 0; c < cols.n; c += tile {
			w := min(tile, cols.n-c)
			for i := r; i < min(r+tile, n); i++ {
				moveRow(dst, src, d+i*rows.dst+c*cols.dst, s+i*rows.src+c*cols.src, w, cols)
			}
		}
	}
}

func moveRow[T any](dst, src []T, d, s, n int, a axisMove) {
	switch {
	case n == 0:
	case a.dst == 1 && a.src == 1:
		copy(dst[d:d+n], src[s:s+n])
	case a.dst == 1 && a.src == 0:
		fill(dst[d:d+n], src[s])
	default:
		for range n {
			dst[d] = src[s]
			d, s = d+a.dst, s+a.src
		}
	}
}

func fill[T any](d []T, v T) {
	for i := range d {
		d[i] = v
	}
}

// elements are the loops that only move elements, for one Go type of them.
// Slices come as any, as a tensor holds them.
type elements interface {
	transfer(t *transfer, dst, src any, chunk int)
	pad(p *pad, dst, src any, chunk int)
	gather(g *gather, dst, table any, indices graph.Tensor, chunk int) error
	where(w *where, dst any, cond []bool, a, b any, chunk int)
}

type elementsAs[T any] struct{}

func (elementsAs[T]) transfer(t *transfer, dst, src any, chunk int) {
	transferElements(t, dst.([]T), src.([]T), chunk)
}

func (elementsAs[T]) pad(p *pad, dst, src any, chunk int) {
	padElements(p, dst.([]T), src.([]T), p.fill.Data.([]T)[0], chunk)
}

func (elementsAs[T]) gather(g *gather, dst, table any, indices graph.Tensor, chunk int) error {
	return gatherElements(g, dst.([]T), table.([]T), indices, chunk)
}

func (elementsAs[T]) where(w *where, dst any, cond []bool, a, b any, chunk int) {
	whereElements(w, dst.([]T), cond, a.([]T), b.([]T), chunk)
}

func elementsOf(d graph.DType) elements {
	switch d {
	case graph.Float32:
		return elementsAs[float32]{}
	case graph.Float64:
		return elementsAs[float64]{}
	case graph.Float16, graph.BFloat16, graph.Uint16:
		return elementsAs[uint16]{}
	case graph.Int8:
		return elementsAs[int8]{}
	case graph.Int16:
		return elementsAs[int16]{}
	case graph.Int32:
		return elementsAs[int32]{}
	case graph.Int64:
		return elementsAs[int64]{}
	case graph.Uint8:
		return elementsAs[uint8]{}
	case graph.Uint32:
		return elementsAs[uint32]{}
	case graph.Uint64:
		return elementsAs[uint64]{}
	case graph.Bool:
		return elementsAs[bool]{}
	}
	return elementsAs[string]{}
}
