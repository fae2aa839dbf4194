// Package layers gives Keras layers their meaning: each class is one Go
// variable that holds the config with Keras's defaults, the weights it
// declares and its lowering to the ops of package graph. Files are named after
// the sections of https://keras.io/api/layers/.
//
// Weights are declared in Keras's order of creation and bound to stored values
// later, by package runtime. A layer that lowers has had its config and the
// shapes of its operands and weights checked.
package layers
