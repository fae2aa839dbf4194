package graph

import (
	"fmt"
	"math"
	"strings"
)

// Dyn is a dimension known only when the model runs.
const Dyn = -1

// A Shape lists dimensions, outermost first. The batch is dimension 0.
type Shape []int

// Known reports whether no dimension is [Dyn].
func (s Shape) Known() bool {
	for _, d := range s {
		if d < 0 {
			return false
		}
	}
	return true
}

// Elems returns the number of elements, or false when a dimension is unknown
// or the product does not fit an int.
func (s Shape) Elems() (int, bool) {
	n := 1
	for _, d := range s {
		if d < 0 {
			return 0, false
		}
		if d > 0 && n > math.MaxInt/d {
			return 0, false
		}
		n *= d
	}
	return n, true
}

// Clone returns a copy of s.
func (s Shape) Clone() Shape { return append(Shape{}, s...) }

// String returns s as Keras prints it: (None, 28, 28, 1).
func (s Shape) String() string {
	var b strings.Builder
	b.WriteByte('(')
	for i, d := range s {
		if i > 0 {
			b.WriteString(", ")
		}
		if d == Dyn {
			b.WriteString("None")
		} else {
			fmt.Fprint(&b, d)
		}
	}
	if len(s) == 1 {
		b.WriteByte(',')
	}
	b.WriteByte(')')
	return b.String()
}

// Fits reports whether s, which may have unknown dimensions, admits t.
func (s Shape) Fits(t Shape) bool {
	if len(s) != len(t) {
		return false
	}
	for i, d := range s {
		if d != Dyn && t[i] != Dyn && d != t[i] {
			return false
		}
	}
	return true
}

// axis resolves a possibly negative axis against rank.
func axis(a, rank int) (int, error) {
	n := a
	if n < 0 {
		n += rank
	}
	if n < 0 || n >= rank {
		return 0, fmt.Errorf("%w: axis %d of rank %d", ErrAttr, a, rank)
	}
	return n, nil
}

// Axes resolves possibly negative axes against rank and refuses repeated ones.
// The result is in ascending order.
func Axes(axes []int, rank int) ([]int, error) {
	in := make([]bool, rank)
	for _, a := range axes {
		n, err := axis(a, rank)
		if err != nil {
			return nil, err
		}
		if in[n] {
			return nil, fmt.Errorf("%w: axis %d stands twice in %v", ErrAttr, a, axes)
		}
		in[n] = true
	}
	var out []int
	for i, ok := range in {
		if ok {
			out = append(out, i)
		}
	}
	return out, nil
}

// Broadcast returns the shape of an element-wise operation by NumPy's rule:
// trailing dimensions are aligned, and a dimension of 1 stretches.
func Broadcast(a, b Shape) (Shape, error) {
	if len(a) < len(b) {
		a, b = b, a
	}
	out := a.Clone()
	off := len(a) - len(b)
	for i, d := range b {
		switch c := out[off+i]; {
		case c == d, d == 1:
		case c == 1:
			out[off+i] = d
		case c == Dyn:
			out[off+i] = d
		case d == Dyn:
		default:
			return nil, fmt.Errorf("%w: %v and %v do not broadcast", ErrShape, a, b)
		}
	}
	return out, nil
}

// mul returns a·b, Dyn when either is, or an error when it does not fit an int32-safe size.
func mul(a, b int) (int, error) {
	if a == Dyn || b == Dyn {
		return Dyn, nil
	}
	if b != 0 && a > math.MaxInt/b {
		return 0, fmt.Errorf("%w: dimension %d x %d overflows", ErrShape, a, b)
	}
	return a * b, nil
}
