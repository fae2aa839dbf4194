package graph

import (
	"fmt"
	"slices"
)

// ReduceFunc names a reduction.
type ReduceFunc string

// The reductions.
const (
	ReduceSum  ReduceFunc = "sum"
	ReduceMean ReduceFunc = "mean"
	ReduceMax  ReduceFunc = "max"
	ReduceMin  ReduceFunc = "min"
	ReduceProd ReduceFunc = "prod"
	ReduceAll  ReduceFunc = "all" // Bool
	ReduceAny  ReduceFunc = "any" // Bool
)

// ReduceFuncs lists every ReduceFunc.
var ReduceFuncs = []ReduceFunc{ReduceSum, ReduceMean, ReduceMax, ReduceMin, ReduceProd, ReduceAll, ReduceAny}

// Reduce combines the elements along Axes; global pooling is a Reduce over the spatial axes.
type Reduce struct {
	Func     ReduceFunc
	Axes     []int // negative ones count from the end
	KeepDims bool
}

// Infer implements [Op].
func (r Reduce) Infer(in []Type) ([]Type, error) {
	if err := operands(in, 1); err != nil {
		return nil, err
	}
	d := in[0].DType
	logic := r.Func == ReduceAll || r.Func == ReduceAny
	if !slices.Contains(ReduceFuncs, r.Func) {
		return nil, fmt.Errorf("%w: reduction %q", ErrAttr, r.Func)
	}
	if d == String || logic != (d == Bool) || r.Func == ReduceMean && !d.Floating() {
		return nil, fmt.Errorf("%w: %s of %v", ErrDType, r.Func, d)
	}
	s, err := reduced(in[0].Shape, r.Axes, r.KeepDims)
	if err != nil {
		return nil, err
	}
	return one(d, s)
}

func reduced(x Shape, axes []int, keep bool) (Shape, error) {
	ax, err := Axes(axes, len(x))
	if err != nil {
		return nil, err
	}
	out := Shape{}
	for i, n := range x {
		switch {
		case !slices.Contains(ax, i):
			out = append(out, n)
		case keep:
			out = append(out, 1)
		}
	}
	return out, nil
}

// ArgReduce yields the index (Int32) of the largest or smallest element along Axis, the first of equals.
type ArgReduce struct {
	Axis     int
	Min      bool
	KeepDims bool
}

// Infer implements [Op].
func (a ArgReduce) Infer(in []Type) ([]Type, error) {
	if err := operands(in, 1); err != nil {
		return nil, err
	}
	if in[0].DType == String || in[0].DType == Bool {
		return nil, fmt.Errorf("%w: arg-reduction of %v", ErrDType, in[0].DType)
	}
	s, err := reduced(in[0].Shape, []int{a.Axis}, a.KeepDims)
	if err != nil {
		return nil, err
	}
	return one(Int32, s)
}
