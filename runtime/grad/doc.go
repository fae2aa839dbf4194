// Package grad writes the backward pass of a graph as a graph of the same ops,
// so that the plan runs it like any other: reverse-mode differentiation
// (Griewank and Walther, 2008), one rule an op.
//
// Where a function has a kink, or several maxima tie, the gradient is the one
// of TensorFlow on a CPU, whose GradientTape is what the results are held to:
// relu'(0) = 0, a clipped value passes the gradient at its bounds, the larger of
// two equal operands is the first, equal maxima of a reduction share the
// gradient, and that of a pooling goes to the first of them.
//
// Shapes must be known. What has no rule is refused by name, all of it at once;
// what is piecewise constant (rounding, comparisons, indices) passes nothing, as
// None does in TensorFlow.
package grad
