package step

import (
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/step/reference"
)

// rows views operands that broadcast to a result as rows: every operand has
// elements side by side along a row (step 1) or one for all (step 0). Rows are
// as long as the operands allow; the last of dims counts fastest.
type rows struct {
	inner   int
	dims    []int
	step    []int
	strides [][]int // by operand, of dims
}

func newRows(out graph.Shape, operands ...graph.Shape) rows {
	r := rows{inner: 1, step: make([]int, len(operands)), strides: make([][]int, len(operands))}
	full := make([][]int, len(operands))
	for k, s := range operands {
		full[k] = reference.BroadcastStrides(s, out)
	}
	// An axis joins the one before it when all operands go on evenly. Axes of 1 fall away.
	var dims []int
	strides := make([][]int, len(operands))
	for i := len(out) - 1; i >= 0; i-- {
		if out[i] == 1 {
			continue
		}
		last := len(dims) - 1
		joins := last >= 0
		for k := range operands {
			joins = joins && full[k][i] == strides[k][last]*dims[last]
		}
		if joins {
			dims[last] *= out[i]
			continue
		}
		dims = append(dims, out[i])
		for k := range operands {
			strides[k] = append(strides[k], full[k][i])
		}
	}
	if len(dims) == 0 {
		return r
	}
	r.inner = dims[0]
	for k := range operands {
		r.step[k] = strides[k][0]
	}
	for j := len(dims) - 1; j > 0; j-- {
		r.dims = append(r.dims, dims[j])
		for k := range operands {
			r.strides[k] = append(r.strides[k], strides[k][j])
		}
	}
	return r
}

// count is the number of rows.
func (r *rows) count() int {
	n := 1
	for _, d := range r.dims {
		n *= d
	}
	return n
}

// start is the place of row i in operand k.
func (r *rows) start(i, k int) int {
	at := 0
	for j := len(r.dims) - 1; j >= 0; j-- {
		at += i % r.dims[j] * r.strides[k][j]
		i /= r.dims[j]
	}
	return at
}

// fixed reports whether every row reads the same elements of operand k.
func (r *rows) fixed(k int) bool {
	for _, s := range r.strides[k] {
		if s != 0 {
			return false
		}
	}
	return true
}

// repeats reports whether neighbouring rows read the same elements of operand k.
func (r *rows) repeats(k int) bool {
	last := len(r.dims) - 1
	return last >= 0 && r.strides[k][last] == 0
}

// alike is how many rows from row i on, and before end, read the same elements of
// operand k.
func (r *rows) alike(k, i, end int) int {
	n := 1
	for j := len(r.dims) - 1; j >= 0 && r.strides[k][j] == 0; j-- {
		n *= r.dims[j]
	}
	return min(n-i%n, end-i)
}

// dense reports whether operand k has the elements of the result in their order.
func (r *rows) dense(k int) bool {
	n := r.inner
	for j := len(r.dims) - 1; j >= 0; j-- {
		if r.strides[k][j] != n {
			return false
		}
		n *= r.dims[j]
	}
	return r.step[k] == 1 || r.inner == 1
}

// split splits the rows, or the elements of a single one.
func (r *rows) split(ns float64) split {
	if n := r.count(); n > 1 {
		return splitFor(n, ns)
	}
	return splitFor(r.inner, ns)
}

// chunk returns the rows of a chunk and the part of each row that it works on:
// n elements from the given one on.
func (r *rows) chunk(s split, chunk int) (firstRow, lastRow, from, n int) {
	lo, hi := s.bounds(chunk)
	if r.count() > 1 {
		return lo, hi, 0, r.inner
	}
	return 0, 1, lo, hi - lo
}

// A lattice lists the places of elements that lie along some axes of a tensor:
// lines of n elements, step apart. Places are computed, not kept, since there
// can be as many as the tensor has elements.
type lattice struct {
	dims, strides []int // of the lines, the last counts fastest
	n, step       int
}

// newLattice joins axes that go on evenly.
func newLattice(dims, strides []int) lattice {
	l := lattice{n: 1, step: 1}
	for i, n := range dims {
		last := len(l.dims) - 1
		switch {
		case n == 1:
		case last >= 0 && l.strides[last] == strides[i]*n:
			l.dims[last] *= n
			l.strides[last] = strides[i]
		default:
			l.dims, l.strides = append(l.dims, n), append(l.strides, strides[i])
		}
	}
	if last := len(l.dims) - 1; last >= 0 {
		l.n, l.step = l.dims[last], l.strides[last]
		l.dims, l.strides = l.dims[:last], l.strides[:last]
	}
	return l
}

// splitAxes separates the elements of shape by axes: those along them, and the
// places of the others. Element (i, j) is at kept.at(i) + along.at(j).
func splitAxes(shape graph.Shape, strides, axes []int) (kept, along lattice) {
	in := make([]bool, len(shape))
	for _, a := range axes {
		in[a] = true
	}
	var dims, st [2][]int
	for i, n := range shape {
		k := 0
		if in[i] {
			k = 1
		}
		dims[k], st[k] = append(dims[k], n), append(st[k], strides[i])
	}
	return newLattice(dims[0], st[0]), newLattice(dims[1], st[1])
}

// lines is the number of lines, count that of elements.
func (l *lattice) lines() int {
	n := 1
	for _, d := range l.dims {
		n *= d
	}
	return n
}

func (l *lattice) count() int { return l.lines() * l.n }

// line is the place of the first element of line i.
func (l *lattice) line(i int) int {
	at := 0
	for j := len(l.dims) - 1; j >= 0; j-- {
		at += i % l.dims[j] * l.strides[j]
		i /= l.dims[j]
	}
	return at
}

// at is the place of element i.
func (l *lattice) at(i int) int { return l.line(i/l.n) + i%l.n*l.step }
