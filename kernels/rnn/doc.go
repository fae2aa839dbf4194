// Package rnn holds the steps of recurrent cells with Keras's default
// activations, in float32: LSTM and GRU (with the reset gate after the product).
//
// # Method
//
// The gates of as many units as a register has lanes lie side by side, in the
// weights, the bias and the projected inputs ([Cell.Interleave]). So one tile,
// the product of samples' states with these columns, ends with all gates of the
// units in registers: sigmoid, tanh and the new states follow at once, and no sum
// is stored. What reads all inputs, the projection, is one product before the
// steps ([kernels/conv]).
//
// With one sample, a step is bound by reading the weights of the state. Steps
// that walk through them upwards and downwards in turn find the half that the
// last one read last in the first-level cache.
//
// # Variants
//
// AVX-512 and AVX2 tiles are generated and do the same operations in the same
// order. Elsewhere the product is that of [kernels/conv], and the gates are
// plain Go in float64.
//
// # Contract
//
// Nothing here allocates, starts goroutines, returns errors or keeps state. A
// slice that is too short panics with an index error. A sample's result does not
// depend on the samples beside it. NaN passes through.
//
// [kernels/conv]: https://pkg.go.dev/github.com/kerasrun/kerasrun/kernels/conv
package rnn
