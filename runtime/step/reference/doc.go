// Package reference computes every op of [graph] in plain Go, written to be
// read: no kernel, no packing, no splitting. It runs the element types without a
// fast path, folds constants, and is what the fast paths are tested against.
//
// Floating types are computed in float64 and rounded once, to nearest even.
// Integers are computed as integers and wrap at the width of their type, as in
// TensorFlow. Ops that only move elements do so for every type, strings
// included.
package reference
