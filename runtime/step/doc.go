// Package step executes ops: each [graph.Op] becomes a [Step] for concrete
// types, which calls a kernel where there is a fast path and plain Go elsewhere.
//
// Float32 is the fast path. Other floating types are converted to float64,
// computed by the plain forms of the package reference and rounded once, so
// that a float16 result is the nearest one; integers are computed as integers.
// The plain forms also run the few float32 operands that no kernel takes (axes
// without elements, weights that are not known before the run) and are the
// oracle of the fast paths.
package step
