package graph

import "fmt"

// MatMul multiplies matrices by NumPy's rule for operands of rank 2 and more:
// the last two axes are matrices, leading axes broadcast. With w of rank 2, x
// may have any rank from 1.
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
	if err := floating(in); err != nil {
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
		return one(in[0].DType, out)
	}
	out, err := Broadcast(x[:len(x)-2], w[:len(w)-2])
	if err != nil {
		return nil, err
	}
	return one(in[0].DType, append(out, x[len(x)-2], n))
}
