// Package verify compares what kerasrun computes with what Keras computed.
//
// Two rules hold. [Tolerance] is for files that have Keras's float32 results
// only: |a - b| <= atol·max|b| + rtol·|b|. [Exact] is for golden cases, which
// also have the results of the same model in float64: the error against those
// is bounded by Keras's own error.
package verify
