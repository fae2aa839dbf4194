package graph

import (
	"fmt"
	"math"
)

// Infer1 is the entry of Reshape.Dims for the one dimension that the element count decides.
const Infer1 = -1

// KeepDim is the entry of Reshape.Dims for dimension i of the operand, which may be unknown.
func KeepDim(i int) int { return -2 - i }

// likeDim is far below what KeepDim returns.
const likeDim = math.MinInt32

// LikeDim is the entry of Reshape.Dims for dimension i of the second operand, which may be unknown.
func LikeDim(i int) int { return likeDim + i }

// LikeAxis is the inverse of LikeDim: ok is false for other entries.
func LikeAxis(d int) (i int, ok bool) { return d - likeDim, d < likeDim/2 }

// Reshape gives the elements another shape. An entry of Dims is a size, Infer1
// (at most once), KeepDim(i) or LikeDim(i). Of the second operand, which may be
// absent, the shape alone counts.
type Reshape struct{ Dims []int }

// Infer implements [Op].
func (r Reshape) Infer(in []Type) ([]Type, error) {
	if len(in) != 2 {
		if err := operands(in, 1); err != nil {
			return nil, err
		}
	}
	x := in[0].Shape
	var like Shape
	if len(in) == 2 {
		like = in[1].Shape
	}
	out := make(Shape, len(r.Dims))
	hole := -1
	used := make([]bool, len(x)) // unknown dimensions that are kept cancel out of the count
	have, want := 1, 1
	var err error
	for i, d := range r.Dims {
		switch {
		case d >= 0:
			out[i] = d
			if want, err = mul(want, d); err != nil {
				return nil, err
			}
		case d == Infer1:
			if hole >= 0 {
				return nil, fmt.Errorf("%w: two unknown dimensions in %v", ErrAttr, r.Dims)
			}
			hole = i
		case d < likeDim/2:
			k := d - likeDim
			if k < 0 || k >= len(like) {
				return nil, fmt.Errorf("%w: dimension %d of the second operand %v", ErrAttr, k, like)
			}
			out[i] = like[k]
			if want, err = mul(want, like[k]); err != nil {
				return nil, err
			}
		default:
			k := -2 - d
			if k >= len(x) || used[k] {
				return nil, fmt.Errorf("%w: dimension %d of %v", ErrAttr, k, x)
			}
			out[i], used[k] = x[k], true
		}
	}
	for i, d := range x {
		if !used[i] {
			if have, err = mul(have, d); err != nil {
				return nil, err
			}
		}
	}
	switch {
	case hole >= 0 && (have == Dyn || want == Dyn):
		out[hole] = Dyn
	case hole >= 0:
		if want == 0 || have%want != 0 {
			return nil, fmt.Errorf("%w: %v does not reshape to %v", ErrShape, x, r.Dims)
		}
		out[hole] = have / want
	case have != Dyn && want != Dyn && have != want:
		return nil, fmt.Errorf("%w: %v does not reshape to %v", ErrShape, x, out)
	}
	return one(in[0].DType, out)
}

// Transpose permutes the axes: axis i of the result is axis Perm[i] of the operand.
type Transpose struct{ Perm []int }

// Infer implements [Op].
func (t Transpose) Infer(in []Type) ([]Type, error) {
	if err := operands(in, 1); err != nil {
		return nil, err
	}
	x := in[0].Shape
	if _, err := Axes(t.Perm, len(x)); err != nil || len(t.Perm) != len(x) {
		return nil, fmt.Errorf("%w: permutation %v of %v", ErrAttr, t.Perm, x)
	}
	out := make(Shape, len(x))
	for i, p := range t.Perm {
		if p < 0 {
			return nil, fmt.Errorf("%w: permutation %v of %v", ErrAttr, t.Perm, x)
		}
		out[i] = x[p]
	}
	return one(in[0].DType, out)
}

// Concat joins operands along Axis.
type Concat struct{ Axis int }

// Infer implements [Op].
func (c Concat) Infer(in []Type) ([]Type, error) {
	if len(in) == 0 {
		return nil, fmt.Errorf("%w: nothing to concatenate", ErrShape)
	}
	if err := sameDType(in); err != nil {
		return nil, err
	}
	out := in[0].Shape.Clone()
	ax, err := axis(c.Axis, len(out))
	if err != nil {
		return nil, err
	}
	for _, t := range in[1:] {
		if len(t.Shape) != len(out) {
			return nil, fmt.Errorf("%w: concatenation of %v and %v", ErrShape, in[0].Shape, t.Shape)
		}
		for i, d := range t.Shape {
			switch {
			case i == ax && (d == Dyn || out[i] == Dyn):
				out[i] = Dyn
			case i == ax:
				if d > math.MaxInt-out[i] {
					return nil, fmt.Errorf("%w: concatenation overflows", ErrShape)
				}
				out[i] += d
			case !sameDim(d, out[i]):
				return nil, fmt.Errorf("%w: concatenation of %v and %v on axis %d", ErrShape, in[0].Shape, t.Shape, c.Axis)
			case out[i] == Dyn:
				out[i] = d
			}
		}
	}
	return one(in[0].DType, out)
}

// A Range is a Python slice of one axis: start:stop:step, where a bound that is
// not Has is left out. Index takes the single element Start and drops the axis.
type Range struct {
	Start, Stop, Step int
	HasStart, HasStop bool
	Index             bool
}

// Bounds resolves r against an axis of n cells: the first cell, the number of
// cells and the step between them.
func (r Range) Bounds(n int) (first, count, step int) {
	step = r.Step
	clamp := func(v, lo, hi int) int {
		if v < 0 {
			v += n
		}
		return min(max(v, lo), hi)
	}
	if r.Index {
		return clamp(r.Start, -1, n), 1, 1
	}
	if step > 0 {
		first, stop := 0, n
		if r.HasStart {
			first = clamp(r.Start, 0, n)
		}
		if r.HasStop {
			stop = clamp(r.Stop, 0, n)
		}
		return first, max(0, ceilDiv(stop-first, step)), step
	}
	first, stop := n-1, -1
	if r.HasStart {
		first = clamp(r.Start, -1, n-1)
	}
	if r.HasStop {
		stop = clamp(r.Stop, -1, n-1)
	}
	return first, max(0, ceilDiv(first-stop, -step)), step
}

// Slice takes a range of each of the leading axes; axes without a Range stay whole.
type Slice struct{ Ranges []Range }

// Infer implements [Op].
func (s Slice) Infer(in []Type) ([]Type, error) {
	if err := operands(in, 1); err != nil {
		return nil, err
	}
	x := in[0].Shape
	if len(s.Ranges) > len(x) {
		return nil, fmt.Errorf("%w: %d ranges of %v", ErrShape, len(s.Ranges), x)
	}
	out := Shape{}
	for i, n := range x {
		if i >= len(s.Ranges) {
			out = append(out, n)
			continue
		}
		r := s.Ranges[i]
		if !r.Index && r.Step == 0 || r.Step < -maxAttr || r.Step > maxAttr {
			return nil, fmt.Errorf("%w: slice step %d", ErrAttr, r.Step)
		}
		whole := !r.Index && !r.HasStart && !r.HasStop && (r.Step == 1 || r.Step == -1)
		switch {
		case r.Index:
			if n != Dyn && (r.Start >= n || r.Start < -n) {
				return nil, fmt.Errorf("%w: index %d of an axis of %d", ErrShape, r.Start, n)
			}
		case n == Dyn && !whole:
			out = append(out, Dyn)
		case n == Dyn:
			out = append(out, n)
		default:
			_, c, _ := r.Bounds(n)
			out = append(out, c)
		}
	}
	return one(in[0].DType, out)
}

// Pad adds cells around every axis.
type Pad struct {
	Before, After []int // one entry an axis
	Mode          PadFill
	Value         float64 // FillConstant
}

// PadFill says what Pad fills with.
type PadFill string

// The fills, named as NumPy's pad modes.
const (
	FillConstant  PadFill = "constant"
	FillReflect   PadFill = "reflect"   // without repeating the border cell
	FillSymmetric PadFill = "symmetric" // repeating the border cell
)

// Infer implements [Op].
func (p Pad) Infer(in []Type) ([]Type, error) {
	if err := operands(in, 1); err != nil {
		return nil, err
	}
	x := in[0].Shape
	if len(p.Before) != len(x) || len(p.After) != len(x) {
		return nil, fmt.Errorf("%w: pads %v, %v for %v", ErrAttr, p.Before, p.After, x)
	}
	if p.Mode != FillConstant && p.Mode != FillReflect && p.Mode != FillSymmetric {
		return nil, fmt.Errorf("%w: pad mode %q", ErrAttr, p.Mode)
	}
	out := x.Clone()
	for i, n := range x {
		b, a := p.Before[i], p.After[i]
		if b < 0 || a < 0 || b > maxAttr || a > maxAttr {
			return nil, fmt.Errorf("%w: pads %v, %v", ErrAttr, p.Before, p.After)
		}
		if n == Dyn {
			continue
		}
		most := n
		if p.Mode == FillReflect {
			most = n - 1
		}
		if p.Mode != FillConstant && max(a, b) > most {
			return nil, fmt.Errorf("%w: %s pads %d, %d of %d cells", ErrShape, p.Mode, b, a, n)
		}
		out[i] = n + b + a
	}
	return one(in[0].DType, out)
}

// Repeat repeats each element N times along Axis: [a, b] becomes [a, a, b, b].
type Repeat struct{ Axis, N int }

// Infer implements [Op].
func (r Repeat) Infer(in []Type) ([]Type, error) {
	if err := operands(in, 1); err != nil {
		return nil, err
	}
	out := in[0].Shape.Clone()
	ax, err := axis(r.Axis, len(out))
	if err != nil {
		return nil, err
	}
	if r.N < 1 || r.N > maxAttr {
		return nil, fmt.Errorf("%w: repeat %d times", ErrAttr, r.N)
	}
	if out[ax], err = mul(out[ax], r.N); err != nil {
		return nil, err
	}
	return one(in[0].DType, out)
}

// Tile repeats the whole operand Reps[i] times along axis i.
type Tile struct{ Reps []int }

// Infer implements [Op].
func (t Tile) Infer(in []Type) ([]Type, error) {
	if err := operands(in, 1); err != nil {
		return nil, err
	}
	out := in[0].Shape.Clone()
	if err := positive("repetitions", t.Reps, len(out)); err != nil {
		return nil, err
	}
	var err error
	for i := range out {
		if out[i], err = mul(out[i], t.Reps[i]); err != nil {
			return nil, err
		}
	}
	return one(in[0].DType, out)
}

// Gather takes slices of the first operand along its axis 0 at integer indices:
// an embedding lookup. An index out of range is an error when the model runs.
//
//	table    (n, ...)
//	indices  (...) of an integer type
//	result   indices' shape + table's shape from axis 1
type Gather struct{}

// Infer implements [Op].
func (Gather) Infer(in []Type) ([]Type, error) {
	if err := operands(in, 2); err != nil {
		return nil, err
	}
	if !in[1].DType.Integer() {
		return nil, fmt.Errorf("%w: indices are %v", ErrDType, in[1].DType)
	}
	if len(in[0].Shape) == 0 {
		return nil, fmt.Errorf("%w: gather from a scalar", ErrShape)
	}
	return one(in[0].DType, append(in[1].Shape.Clone(), in[0].Shape[1:]...))
}
