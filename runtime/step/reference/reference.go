package reference

import (
	"fmt"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// Apply computes op. The operands must be ones that op.Infer accepts, and out
// what it returns for them; the operands are not changed. Errors are about
// values (an index out of range, an integer division by zero) and about element
// types that an op does not run on.
//
// Image ops ([graph.Resize], [graph.CenterCrop]) need a kernel's sampling plan
// and are not known here.
func Apply(op graph.Op, in []graph.Tensor, out []graph.Type) ([]graph.Tensor, error) {
	cell, recurrent := cellOf(op)
	image, images := op.(graph.ConvLSTM)
	if len(out) != 1 && !recurrent && !images || len(out) == 0 {
		return nil, fmt.Errorf("%w: %s: %d results, want 1", graph.ErrShape, graph.Name(op), len(out))
	}
	for _, t := range out {
		if _, ok := t.Shape.Elems(); !ok {
			return nil, fmt.Errorf("%w: %s: result %v", graph.ErrShape, graph.Name(op), t.Shape)
		}
	}
	if err := Runs(op, graph.Type{DType: in[0].DType, Shape: in[0].Shape}); err != nil {
		return nil, err
	}
	if recurrent {
		return cell.run(in, out), nil
	}
	if images {
		return convLSTM(image, in, out), nil
	}
	res := graph.NewTensor(out[0].DType, out[0].Shape)
	if b, ok := op.(graph.Band); ok {
		for i, cols := 0, out[0].Shape[1]; i < res.Len(); i++ {
			res.Data.([]bool)[i] = b.Holds(i/cols, i%cols)
		}
		return []graph.Tensor{res}, nil
	}
	var err error
	switch {
	case moves(op):
		err = move(op, in, res)
	case OnText(op):
		n := res.Len()
		if t, ok := op.(graph.Tokens); ok {
			n /= t.Size
		}
		err = Text(op, in, res, NewVocabulary(in[len(in)-1]), 0, n)
	case in[0].DType == graph.String:
		compareStrings(op.(graph.Binary).Func, in, res)
	case !in[0].DType.Floating():
		err = integers(op, in, res)
	default:
		err = floats(op, in, res)
	}
	if err != nil {
		return nil, err
	}
	return []graph.Tensor{res}, nil
}

// Runs returns an error when op does not run on a first operand of type t though
// its Infer, which is about graphs with unknown dimensions, accepts it.
func Runs(op graph.Op, t graph.Type) error {
	switch op.(type) {
	case graph.GroupNorm:
		if len(t.Shape) < 2 {
			return fmt.Errorf("%w: group normalization of %v", graph.ErrShape, t.Shape)
		}
	case graph.ArgReduce:
		if n, _ := t.Shape.Elems(); n == 0 {
			return fmt.Errorf("%w: arg-reduction of %v, which is empty", graph.ErrShape, t.Shape)
		}
	}
	d := t.DType
	if d != graph.String && d != graph.Bool || moves(op) {
		return nil
	}
	switch op := op.(type) {
	case graph.Cast:
		return nil
	case graph.Binary:
		if d == graph.Bool || op.Func == graph.Equal || op.Func == graph.NotEqual {
			return nil
		}
		return fmt.Errorf("%w: %s of %v", graph.ErrDType, op.Func, d)
	case graph.Activation:
		return fmt.Errorf("%w: %s of %v", graph.ErrDType, op.Func, d)
	case graph.Unary:
		if d == graph.String {
			return fmt.Errorf("%w: %s of %v", graph.ErrDType, op.Func, d)
		}
	}
	return nil
}

// floats computes op on floating operands.
func floats(op graph.Op, in []graph.Tensor, out graph.Tensor) error {
	x := make([]array, len(in))
	for i, t := range in {
		x[i] = array{t.Shape, values(t)}
	}
	if c, ok := op.(graph.Cast); ok {
		Cast(out, in[0], c.Saturate)
		return nil
	}
	y := array{out.Shape, make([]float64, out.Len())}
	switch op := op.(type) {
	case graph.Activation:
		each(y, x[0], Activation(op))
	case graph.Unary:
		each(y, x[0], Unary(op.Func))
	case graph.Binary:
		broadcast(y.shape, []graph.Shape{x[0].shape, x[1].shape}, func(i int, at []int) {
			y.v[i] = Binary(op.Func, x[0].v[at[0]], x[1].v[at[1]])
		})
	case graph.AddBias:
		for i, v := range x[0].v {
			y.v[i] = v + x[1].v[i%len(x[1].v)]
		}
	case graph.PReLU:
		broadcast(y.shape, []graph.Shape{x[0].shape, x[1].shape}, func(i int, at []int) {
			y.v[i] = x[0].v[at[0]]
			if y.v[i] <= 0 {
				y.v[i] *= x[1].v[at[1]]
			}
		})
	case graph.Conv:
		convolve(y, x[0], x[1], op)
	case graph.DepthwiseConv:
		depthwise(y, x[0], x[1], op)
	case graph.ConvTranspose:
		transposed(y, x[0], x[1], op)
	case graph.MatMul:
		matmul(y, x[0], x[1])
	case graph.Pool:
		pool(y, x[0], op)
	case graph.MaxPoolGrad:
		poolGrad(y, x[0], x[1], op)
	case graph.BatchNorm:
		batchNorm(y, x, op)
	case graph.LayerNorm:
		layerNorm(y, x, op)
	case graph.GroupNorm:
		groupNorm(y, x, op)
	case graph.Softmax:
		softmax(y, x[0], op)
	case graph.Sparsemax:
		sparsemax(y, x[0])
	case graph.Reduce:
		reduceFloats(y, x[0], op)
	case graph.Equalize:
		s := x[0].shape
		scratch := make([]float64, EqualizeScratch(op))
		for i, n := 0, s[1]*s[2]*s[3]; i < len(y.v); i += n {
			Equalize(op, y.v[i:i+n], x[0].v[i:i+n], s[1], s[2], s[3], scratch)
		}
	case graph.ArgReduce:
		v := x[0].v
		argReduce(y.v, x[0].shape, op, func(i, j int) bool { return v[i] < v[j] }, func(i int) bool { return v[i] != v[i] }, out)
		return nil
	default:
		return fmt.Errorf("%w: op %s has no plain form", graph.ErrAttr, graph.Name(op))
	}
	store(out, y.v)
	return nil
}

// An array is an operand or result in float64.
type array struct {
	shape graph.Shape
	v     []float64
}

// values returns the elements in float64: those of a Float64 tensor itself.
func values(t graph.Tensor) []float64 {
	if d, ok := t.Data.([]float64); ok {
		return d
	}
	return t.Float64s()
}

func store(t graph.Tensor, v []float64) {
	if d, ok := t.Data.([]float64); ok {
		copy(d, v)
		return
	}
	for i, x := range v {
		t.SetFloat(i, x)
	}
}

func each(y, x array, f func(float64) float64) {
	for i, v := range x.v {
		y.v[i] = f(v)
	}
}
