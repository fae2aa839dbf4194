// Package expression says what a Lambda layer computes by a Python expression that
// the caller gives, as it stands in the code that made the model:
//
//	x / 127.5 - 1.0
//	lambda x: K.abs(x[0] - x[1])
//	tf.reduce_mean(x, axis=1, keepdims=True)
//	x[:, -1, :]
//
// It is parsed and lowered to ops like the functions of TensorFlow in a graph; no
// Python runs, and nothing that a file holds is read as an expression. Numbers,
// strings, lists, operators, comparisons, indices and slices, functions of
// TensorFlow (tf, tf.math, tf.nn), of Keras's old backend (K, keras.backend) and of
// keras.ops are known; statements, conditions and comprehensions are not.
package expression
