// Package vec holds the kernels that go over slices of float32 once:
// activations, arithmetic, softmax, reductions and normalization.
//
// # Contract
//
// Elementwise functions compute len(src) elements (len(a) with two operands)
// and accept dst and src being the same slice; slices that overlap otherwise
// are not allowed. Functions along an axis see a tensor as (outer, axis,
// inner) in C order, so that any axis is reached without a transposition: for
// the last one, inner is 1.
//
// Nothing here allocates, starts goroutines, returns errors or keeps state.
// Lengths are the caller's to check; a slice that is too short panics with an
// index error. Calls on disjoint parts of the same slices may run at the same
// time.
//
// # Accuracy and special values
//
// The plain form computes functions of one number in float64 and rounds once,
// except where Keras's own float32 arithmetic is exact or its steps are part of
// the definition. The assembly computes in float32, and stays this far from the
// rounded result, in steps of the float32 grid:
//
//	Exp                                                        1
//	Sigmoid, LogSigmoid, Tanh, SiLU, Softplus, Softsign,
//	GELUTanh, ELU, SELU, CELU                                  2
//	Mish                                                       4
//	GELU                                                       9, where it is near 0
//
// All instruction sets compute the same bits there, and an element's result
// depends on nothing but the element: not on its place, nor on the length of
// the slice. Sums are kept in float64. NaN goes in and out as in TensorFlow:
// comparisons select like tf.where, the relu family, minimum and maximum
// propagate it.
//
// Formulas and parameter names are those of
// https://keras.io/api/layers/activations/ .
package vec
