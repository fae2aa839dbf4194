package graph

import "fmt"

// MatMul multiplies matrices by NumPy's rule for operands of rank 2 and more:
// the last two axes are matrices, leading axes broadcast. With w of rank 2, x
// may have any rank from 1. Products of Int8 are summed in Int32, others in the
// type of the operands.
//
//	x       (..., m, k)
//	w       (k, n) or (..., k, n)
//	result  (..., m, n)
type MatMul struct{}

// Infer implements [Op].
func (MatMul) Infer(in []Type) ([]Type, error) {
	if err := operands(in, 2); err != nil {
		return nil, err
	}
	d := in[0].DType
	if d == Int8 && in[1].DType == Int8 {
		d = Int32
	} else if err := floating(in); err != nil {
		return nil, err
	}
	x, w := in[0].Shape, in[1].Shape
	if len(x) < 1 || len(w) < 2 || len(w) > 2 && len(x) < 2 || !sameDim(x[len(x)-1], w[len(w)-2]) {
		return nil, fmt.Errorf("%w: %v · %v", ErrShape, x, w)
	}
	n := w[len(w)-1]
	if len(w) == 2 {
		out := x.Clone()
		out[len(out)-1] = n
		return one(d, out)
	}
	out, err := Broadcast(x[:len(x)-2], w[:len(w)-2])
	if err != nil {
		return nil, err
	}
	return one(d, append(out, x[len(x)-2], n))
}
