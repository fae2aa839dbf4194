package reference

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// Integers and truth values are computed in int64; the elements of a Uint64 are
// its bits, so that sums and products wrap as they should.

// ints returns the elements of an integer or Bool tensor.
func ints(t graph.Tensor) []int64 {
	switch d := t.Data.(type) {
	case []int64:
		return d
	case []uint64:
		return convert(d)
	case []int8:
		return convert(d)
	case []int16:
		return convert(d)
	case []int32:
		return convert(d)
	case []uint8:
		return convert(d)
	case []uint16:
		return convert(d)
	case []uint32:
		return convert(d)
	case []bool:
		out := make([]int64, len(d))
		for i, v := range d {
			if v {
				out[i] = 1
			}
		}
		return out
	}
	return nil
}

type integer interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

func convert[T integer](d []T) []int64 {
	out := make([]int64, len(d))
	for i, v := range d {
		out[i] = int64(v)
	}
	return out
}

func wrap[T integer](d []T, v []int64) {
	for i, x := range v {
		d[i] = T(x)
	}
}

// storeInts sets the elements of an integer, Bool or floating tensor; integers wrap.
func storeInts(t graph.Tensor, v []int64) {
	switch d := t.Data.(type) {
	case []int8:
		wrap(d, v)
	case []int16:
		wrap(d, v)
	case []int32:
		wrap(d, v)
	case []int64:
		copy(d, v)
	case []uint8:
		wrap(d, v)
	case []uint32:
		wrap(d, v)
	case []uint64:
		wrap(d, v)
	case []bool:
		for i, x := range v {
			d[i] = x != 0
		}
	case []uint16:
		if t.DType == graph.Uint16 {
			wrap(d, v)
		}
	}
}

// integers computes op on integer or Bool operands.
func integers(op graph.Op, in []graph.Tensor, out graph.Tensor) error {
	d := in[0].DType
	unsigned := d == graph.Uint64
	x := ints(in[0])
	y := make([]int64, out.Len())
	less := func(a, b int64) bool { return a < b }
	if unsigned {
		less = func(a, b int64) bool { return uint64(a) < uint64(b) }
	}
	switch op := op.(type) {
	case graph.Cast:
		Cast(out, in[0], op.Saturate)
		return nil
	case graph.Activation:
		f := Activation(op)
		for i, v := range x {
			from := in[0].Float(i)
			if y[i] = v; f(from) != from { // else v as it is, beyond 2^53 too
				y[i] = int64(f(from))
			}
		}
	case graph.Unary:
		for i, v := range x {
			y[i] = unaryInt(op.Func, v, unsigned)
		}
	case graph.Binary:
		z := ints(in[1])
		var err error
		broadcast(out.Shape, []graph.Shape{in[0].Shape, in[1].Shape}, func(i int, at []int) {
			v, e := binaryInt(op.Func, x[at[0]], z[at[1]], d)
			if y[i] = v; err == nil {
				err = e
			}
		})
		if err != nil {
			return err
		}
	case graph.MatMul: // exact in float64: 2^53 is 2^39 products
		sums := array{out.Shape, make([]float64, len(y))}
		matmul(sums, array{in[0].Shape, values(in[0])}, array{in[1].Shape, values(in[1])})
		for i, v := range sums.v {
			y[i] = int64(v)
		}
	case graph.Reduce:
		reduceInts(y, x, in[0], op, less)
	case graph.ArgReduce:
		argReduce(make([]float64, len(y)), in[0].Shape, op,
			func(i, j int) bool { return less(x[i], x[j]) }, func(int) bool { return false }, out)
		return nil
	default:
		return fmt.Errorf("%w: %s of %v", graph.ErrDType, graph.Name(op), d)
	}
	storeInts(out, y)
	return nil
}

func unaryInt(f graph.UnaryFunc, x int64, unsigned bool) int64 {
	switch f {
	case graph.Neg:
		return -x
	case graph.Abs:
		if x < 0 && !unsigned {
			return -x
		}
	case graph.Sign:
		switch {
		case x < 0 && !unsigned:
			return -1
		case x != 0:
			return 1
		}
	case graph.Square:
		return x * x
	case graph.LogicalNot:
		return 1 - x
	case graph.IsNaN, graph.IsInf:
		return 0
	case graph.IsFinite:
		return 1
	}
	return x
}

func truthInt(b bool) int64 { return int64(truth(b)) }

func binaryInt(f graph.BinaryFunc, a, b int64, d graph.DType) (int64, error) {
	unsigned := d == graph.Uint64
	order := 0 // of a and b
	switch {
	case a == b:
	case a < b != (unsigned && a < 0 != (b < 0)):
		order = -1
	default:
		order = 1
	}
	switch f {
	case graph.Add:
		return a + b, nil
	case graph.Sub:
		return a - b, nil
	case graph.Mul:
		return a * b, nil
	case graph.FloorDiv, graph.Mod:
		if b == 0 {
			return 0, fmt.Errorf("%w: %s of %v by zero", graph.ErrAttr, f, d)
		}
		return floorDivMod(f, a, b, unsigned), nil
	case graph.Pow:
		return power(a, b, unsigned, d)
	case graph.Maximum, graph.Minimum:
		if (order > 0) == (f == graph.Maximum) {
			return a, nil
		}
		return b, nil
	case graph.Equal:
		return truthInt(a == b), nil
	case graph.NotEqual:
		return truthInt(a != b), nil
	case graph.Less:
		return truthInt(order < 0), nil
	case graph.LessEqual:
		return truthInt(order <= 0), nil
	case graph.Greater:
		return truthInt(order > 0), nil
	case graph.GreaterEqual:
		return truthInt(order >= 0), nil
	case graph.LogicalAnd:
		return a & b, nil
	case graph.LogicalOr:
		return a | b, nil
	case graph.LogicalXor:
		return a ^ b, nil
	}
	return 0, fmt.Errorf("%w: %s of %v", graph.ErrDType, f, d)
}

// floorDivMod rounds towards minus infinity; the rest has the divisor's sign.
func floorDivMod(f graph.BinaryFunc, a, b int64, unsigned bool) int64 {
	if unsigned {
		q, r := bits.Div64(0, uint64(a), uint64(b))
		if f == graph.Mod {
			return int64(r)
		}
		return int64(q)
	}
	q, r := a/b, a%b
	if r != 0 && (r < 0) != (b < 0) {
		q, r = q-1, r+b
	}
	if f == graph.Mod {
		return r
	}
	return q
}

// power wraps. TensorFlow refuses a negative exponent, too.
func power(a, b int64, unsigned bool, d graph.DType) (int64, error) {
	if b < 0 && !unsigned {
		return 0, fmt.Errorf("%w: pow of %v to the negative power %d", graph.ErrAttr, d, b)
	}
	r := int64(1)
	for e := uint64(b); e > 0; e >>= 1 {
		if e&1 == 1 {
			r *= a
		}
		a *= a
	}
	return r, nil
}

func reduceInts(y, x []int64, t graph.Tensor, op graph.Reduce, less func(a, b int64) bool) {
	kept, along := SplitAxes(t.Shape, axesOf(op.Axes, len(t.Shape)))
	lowest, highest := limits(t.DType)
	for i, k := range kept {
		var r int64
		switch op.Func {
		case graph.ReduceProd, graph.ReduceAll:
			r = 1
		case graph.ReduceMax:
			r = lowest
		case graph.ReduceMin:
			r = highest
		}
		for _, a := range along {
			v := x[k+a]
			switch op.Func {
			case graph.ReduceSum:
				r += v
			case graph.ReduceProd:
				r *= v
			case graph.ReduceAll:
				r &= v
			case graph.ReduceAny:
				r |= v
			case graph.ReduceMax:
				if less(r, v) {
					r = v
				}
			case graph.ReduceMin:
				if less(v, r) {
					r = v
				}
			}
		}
		y[i] = r
	}
}

// limits returns the smallest and largest value of an integer type; those of
// Uint64 by their bits.
func limits(d graph.DType) (lowest, highest int64) {
	n := uint(8 * d.Size())
	switch d {
	case graph.Uint8, graph.Uint16, graph.Uint32, graph.Uint64:
		return 0, int64(uint64(math.MaxUint64) >> (64 - n))
	}
	return math.MinInt64 >> (64 - n), math.MaxInt64 >> (64 - n)
}

// compareStrings computes Equal or NotEqual.
func compareStrings(f graph.BinaryFunc, in []graph.Tensor, out graph.Tensor) {
	a, b, y := in[0].Data.([]string), in[1].Data.([]string), out.Data.([]bool)
	broadcast(out.Shape, []graph.Shape{in[0].Shape, in[1].Shape}, func(i int, at []int) {
		y[i] = (a[at[0]] == b[at[1]]) == (f == graph.Equal)
	})
}
