package step

import "github.com/kerasrun/kerasrun/runtime/graph"

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
