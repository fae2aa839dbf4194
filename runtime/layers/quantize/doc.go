// Package quantize writes the arithmetic of Keras's quantizers as ops: every
// function does what the function or class of keras.quantizers that it names
// does, operation by operation, so that results round where Keras's round.
//
// Sources: keras/src/quantizers/quantizers.py, quantization_config.py and
// keras/src/dtype_policies/dtype_policy.py of Keras 3.15.
package quantize
