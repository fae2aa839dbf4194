package step

import (
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/step/reference"
)

// A pad copies an operand of any element type into a larger one. Its axes are
// those up to the last that grows; what follows is a block.
type pad struct {
	base
	elements
	op     graph.Pad
	fill   graph.Tensor // one element
	in     []int        // cells of the operand by axis
	stride []int        // of the operand
	dims   []int        // of the result
	block  int
	consts []*graph.Tensor
}

func (m *maker) pad(op graph.Pad) Step {
	x, y := m.In[0].Shape, m.Out[0].Shape
	axes := min(1, len(x))
	for i := range x {
		if op.Before[i]+op.After[i] > 0 {
			axes = i + 1
		}
	}
	p := &pad{elements: elementsOf(m.Out[0].DType), op: op, fill: graph.NewTensor(m.Out[0].DType, graph.Shape{1}),
		in: x[:axes], stride: reference.Strides(x), dims: y[:axes], block: elems(x[axes:]), consts: m.constants()}
	p.fill.SetFloat(0, op.Value)
	lines := elems(y[:max(axes-1, 0)])
	p.base = m.base("copy", 0, splitFor(lines, float64(elems(y)*m.Out[0].DType.Size())*nsPass/4))
	return p
}

func (p *pad) Run(a *Args, chunk int, _ []float32) error {
	p.elements.pad(p, a.Out[0].Data, operandData(p.consts, a, 0), chunk)
	return nil
}

// source is the cell of the operand that cell c of axis i shows, -1 for the fill.
func (p *pad) source(i, c int) int {
	return reference.PadSource(p.op.Mode, c-p.op.Before[i], p.in[i])
}

// line is where line i of the operand starts, -1 when it is all fill.
func (p *pad) line(i int) int {
	at := 0
	for j := len(p.dims) - 2; j >= 0; j-- {
		c := p.source(j, i%p.dims[j])
		if c < 0 {
			return -1
		}
		at += c * p.stride[j]
		i /= p.dims[j]
	}
	return at
}

func padElements[T any](p *pad, dst, src []T, blank T, chunk int) {
	last := len(p.dims) - 1
	if last < 0 { // a scalar
		copy(dst, src)
		return
	}
	lo, hi := p.work.bounds(chunk)
	before, n, width := p.op.Before[last], p.in[last], p.dims[last]*p.block
	for i := lo; i < hi; i++ {
		row := dst[i*width : (i+1)*width]
		base := p.line(i)
		if base < 0 {
			fill(row, blank)
			continue
		}
		copy(row[before*p.block:], src[base:base+n*p.block])
		p.borders(before, n, func(c, from int) {
			cell := row[c*p.block : (c+1)*p.block]
			if from < 0 {
				fill(cell, blank)
			} else {
				copy(cell, src[base+from*p.block:])
			}
		})
	}
}

// borders calls f for the cells of the last axis that lie around the operand's.
func (p *pad) borders(before, n int, f func(c, from int)) {
	last := len(p.dims) - 1
	for c := range before {
		f(c, p.source(last, c))
	}
	for c := before + n; c < p.dims[last]; c++ {
		f(c, p.source(last, c))
	}
}

// A gather copies rows of a table of any element type.
type gather struct {
	base
	elements
	rows, row int
	consts    []*graph.Tensor
}

func (m *maker) gather() Step {
	table := m.In[0].Shape
	g := &gather{elements: elementsOf(m.Out[0].DType), rows: table[0], row: elems(table[1:]), consts: m.constants()}
	n := elems(m.In[1].Shape)
	g.base = m.base("copy rows", 0, splitFor(n, float64(n)*nsScalar+float64(elems(m.Out[0].Shape)*m.Out[0].DType.Size())*nsPass/4))
	return g
}

func (g *gather) Run(a *Args, chunk int, _ []float32) error {
	indices := a.In[1]
	if len(g.consts) > 1 && g.consts[1] != nil {
		indices = *g.consts[1]
	}
	return g.elements.gather(g, a.Out[0].Data, operandData(g.consts, a, 0), indices, chunk)
}

func gatherElements[T any](g *gather, dst, table []T, indices graph.Tensor, chunk int) error {
	lo, hi := g.work.bounds(chunk)
	for i := lo; i < hi; i++ {
		at, err := reference.Index(indices, i, g.rows)
		if err != nil {
			return err
		}
		copy(dst[i*g.row:(i+1)*g.row], table[at*g.row:])
	}
	return nil
}

// A where selects elements of any type.
type where struct {
	base
	elements
	rows
	consts []*graph.Tensor
}

func (m *maker) where() Step {
	y := m.Out[0].Shape
	r := newRows(y, m.In[0].Shape, m.In[1].Shape, m.In[2].Shape)
	return &where{m.base("go where", 0, r.split(float64(elems(y))*nsScalar/4)), elementsOf(m.Out[0].DType), r, m.constants()}
}

func (w *where) Run(a *Args, chunk int, _ []float32) error {
	cond := operandData(w.consts, a, 0).([]bool)
	w.elements.where(w, a.Out[0].Data, cond, operandData(w.consts, a, 1), operandData(w.consts, a, 2), chunk)
	return nil
}

func whereElements[T any](w *where, dst []T, cond []bool, a, b []T, chunk int) {
	lo, hi, from, n := w.chunk(w.work, chunk)
	for i := lo; i < hi; i++ {
		d := dst[i*w.inner+from:][:n]
		c, p, q := w.start(i, 0)+from*w.step[0], w.start(i, 1)+from*w.step[1], w.start(i, 2)+from*w.step[2]
		for j := range d {
			if cond[c+j*w.step[0]] {
				d[j] = a[p+j*w.step[1]]
			} else {
				d[j] = b[q+j*w.step[2]]
			}
		}
	}
}

// A band fills the mask of a [graph.Band]; it reads no elements.
type band struct {
	base
	op   graph.Band
	cols int
}

func (m *maker) band(op graph.Band) Step {
	y := m.Out[0].Shape
	b := &band{op: op, cols: y[1]}
	b.base = m.base("go band", 0, splitFor(y[0], float64(elems(y))*nsPass))
	b.info.Bytes = int64(elems(y))
	return b
}

func (b *band) Run(a *Args, chunk int, _ []float32) error {
	y := a.Out[0].Data.([]bool)
	lo, hi := b.work.bounds(chunk)
	for t := lo; t < hi; t++ {
		for s := range b.cols {
			y[t*b.cols+s] = b.op.Holds(t, s)
		}
	}
	return nil
}

// A text computes elements from the texts of others.
type text struct {
	base
	op     graph.Op
	consts []*graph.Tensor
	index  *reference.Vocabulary // of a constant vocabulary
}

func (m *maker) text() Step {
	t := &text{op: m.Op, consts: m.constants()}
	if last := len(m.In) - 1; last < len(t.consts) && t.consts[last] != nil {
		t.index = reference.NewVocabulary(*t.consts[last])
	}
	n, cost := elems(m.Out[0].Shape), 4.0
	if op, ok := m.Op.(graph.Tokens); ok { // whose units of work are rows
		n, cost = n/op.Size, 400+float64(op.Size)
	}
	t.base = m.base("go text", 0, splitFor(n, float64(n)*cost*nsScalar))
	return t
}

func (t *text) Run(a *Args, chunk int, _ []float32) error {
	var few [4]graph.Tensor
	in := append(few[:0], a.In...)
	for i, c := range t.consts {
		if c != nil {
			in[i] = *c
		}
	}
	index := t.index
	if index == nil {
		switch t.op.(type) {
		case graph.Lookup, graph.Tokens:
			index = reference.NewVocabulary(in[1])
		}
	}
	lo, hi := t.work.bounds(chunk)
	return reference.Text(t.op, in, a.Out[0], index, lo, hi)
}
