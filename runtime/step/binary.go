package step

import (
	"math"

	"github.com/kerasrun/kerasrun/kernels/vec"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/step/reference"
)

// An arithmetic has the kernels of a binary function by the forms of its operands.
type arithmetic struct {
	vectors            func(dst, a, b []float32)
	byScalar, scalarBy func(dst, v []float32, s float32) // the scalar is the second, the first operand
	byRow, rowBy       func(dst, many, row []float32)    // so is one row for many
}

func arithmeticOf(f graph.BinaryFunc) (arithmetic, bool) {
	switch f {
	case graph.Add:
		return arithmetic{vec.Add, vec.AddScalar, vec.AddScalar, vec.AddRow, vec.AddRow}, true
	case graph.Sub:
		return arithmetic{vec.Sub, func(d, v []float32, s float32) { vec.AddScalar(d, v, -s) }, vec.SubFromScalar, vec.SubRow, vec.SubFromRow}, true
	case graph.Mul:
		return arithmetic{vec.Mul, vec.MulScalar, vec.MulScalar, vec.MulRow, vec.MulRow}, true
	case graph.Div:
		return arithmetic{vec.Div, vec.DivScalar, vec.DivIntoScalar, vec.DivRow, vec.DivIntoRow}, true
	case graph.Maximum:
		return arithmetic{vec.Max, vec.MaxScalar, vec.MaxScalar, vec.MaxRow, vec.MaxRow}, true
	case graph.Minimum:
		return arithmetic{vec.Min, vec.MinScalar, vec.MinScalar, vec.MinRow, vec.MinRow}, true
	}
	return arithmetic{}, false
}

// A binary step runs an arithmetic over operands that broadcast.
type binary struct {
	base
	rows
	arithmetic
	a, b   operand
	finish finish
}

func (m *maker) binary(f graph.BinaryFunc) Step {
	y := m.Out[0].Shape
	r := newRows(y, m.In[0].Shape, m.In[1].Shape)
	n := elems(y)
	if f, ok := arithmeticOf(f); ok {
		b := &binary{rows: r, arithmetic: f, a: m.operand(0), b: m.operand(1), finish: newFinish(m.Epilogue.Act)}
		ns := float64(n) * nsPass
		if m.Epilogue.Act != nil {
			ns += float64(n) * costOf(b.finish)
		}
		b.base = m.base(kernel("vec", binaryName(m.Op)), float64(n), r.split(ns))
		return b
	}
	return &scalarBinary{m.base("go "+string(f), float64(n), r.split(float64(n)*nsScalar)), r, scalarOf(f), m.operand(0), m.operand(1)}
}

func binaryName(op graph.Op) string {
	if b, ok := op.(graph.Binary); ok {
		return string(b.Func)
	}
	return "add"
}

func (s *binary) Run(a *Args, chunk int, _ []float32) error {
	x, y, dst := s.a.of(a), s.b.of(a), result(a)
	lo, hi, from, n := s.chunk(s.work, chunk)
	d := dst[lo*s.inner+from : (hi-1)*s.inner+from+n]
	vectors := s.step[0] == 1 && s.step[1] == 1
	switch {
	case vectors && s.rows.dense(0) && s.repeats(1):
		byRow(&s.rows, d, x, y, 1, lo, hi, s.byRow)
	case vectors && s.rows.dense(1) && s.repeats(0):
		byRow(&s.rows, d, y, x, 0, lo, hi, s.rowBy)
	default:
		for i := lo; i < hi; i++ {
			s.row(d[(i-lo)*s.inner:][:n], x[s.start(i, 0)+from*s.step[0]:], y[s.start(i, 1)+from*s.step[1]:])
		}
	}
	s.finish.apply(d)
	return nil
}

// byRow computes rows lo to hi-1 of a dense operand, as many at a time as
// combine with the same row of operand k.
func byRow(r *rows, dst, many, one []float32, k, lo, hi int, f func(dst, many, row []float32)) {
	for i := lo; i < hi; {
		next, from := i+r.alike(k, i, hi), r.start(i, k)
		f(dst[(i-lo)*r.inner:(next-lo)*r.inner], many[i*r.inner:next*r.inner], one[from:from+r.inner])
		i = next
	}
}

// row computes one row of len(d) elements.
func (s *binary) row(d, x, y []float32) {
	n := len(d)
	switch {
	case n == 1 || s.step[0] == 1 && s.step[1] == 1:
		s.vectors(d, x[:n], y[:n])
	case s.step[1] == 0:
		s.byScalar(d, x[:n], y[0])
	default:
		s.scalarBy(d, y[:n], x[0])
	}
}

// A scalarBinary runs the functions without a kernel, comparisons among them.
type scalarBinary struct {
	base
	rows
	f    func(a, b float32) float32
	a, b operand
}

func scalarOf(f graph.BinaryFunc) func(a, b float32) float32 {
	if f == graph.FloorDiv { // the quotient is rounded first, as in TensorFlow
		return func(a, b float32) float32 { return float32(math.Floor(float64(a / b))) }
	}
	return func(a, b float32) float32 { return float32(reference.Binary(f, float64(a), float64(b))) }
}

func (s *scalarBinary) Run(a *Args, chunk int, _ []float32) error {
	x, y := s.a.of(a), s.b.of(a)
	floats, _ := a.Out[0].Data.([]float32)
	bools, _ := a.Out[0].Data.([]bool)
	lo, hi, from, n := s.chunk(s.work, chunk)
	for i := lo; i < hi; i++ {
		p, q := s.start(i, 0)+from*s.step[0], s.start(i, 1)+from*s.step[1]
		for j := range n {
			v := s.f(x[p+j*s.step[0]], y[q+j*s.step[1]])
			if at := i*s.inner + from + j; bools != nil {
				bools[at] = v != 0
			} else {
				floats[at] = v
			}
		}
	}
	return nil
}

// A prelu is the leaky ReLU with slopes that broadcast.
type prelu struct {
	base
	rows
	x, slope operand
}

func (m *maker) prelu() Step {
	r := newRows(m.Out[0].Shape, m.In[0].Shape, m.In[1].Shape)
	n := elems(m.Out[0].Shape)
	return &prelu{m.base(kernel("vec", "prelu"), float64(n), r.split(float64(n)*nsPass)), r, m.operand(0), m.operand(1)}
}

func (s *prelu) Run(a *Args, chunk int, _ []float32) error {
	x, slope, dst := s.x.of(a), s.slope.of(a), result(a)
	lo, hi, from, n := s.chunk(s.work, chunk)
	for i := lo; i < hi; i++ {
		p, q := i*s.inner+from, s.start(i, 1)+from*s.step[1]
		if s.step[1] == 0 {
			vec.LeakyReLU(dst[p:p+n], x[p:p+n], slope[q])
		} else {
			vec.PReLURow(dst[p:p+n], x[p:p+n], slope[q:q+n])
		}
	}
	return nil
}
