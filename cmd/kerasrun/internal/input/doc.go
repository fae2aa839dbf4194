// Package input reads what a model is to be run on: images, NumPy arrays,
// tables of numbers and JSON, told apart by their first bytes.
//
// A file becomes a [Group]: one tensor for each input of the model, with the
// batch in front. Errors name the file and the place in it; what the model does
// not take wraps [kerasrun.ErrInput].
package input
