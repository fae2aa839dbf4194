// Package operation gives the nodes of keras.ops their meaning: each class, such
// as Add, Einsum or GetItem, is a row of a table with the names of its
// parameters and its lowering to the ops of package graph. Files are named after
// the kinds of operation; see https://keras.io/api/ops/.
//
// Functions of TensorFlow, which tf.keras writes as TFOpLambda layers, are
// translated to the same classes. Operations have no weights.
package operation
