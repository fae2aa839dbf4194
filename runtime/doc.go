// Package runtime runs Keras models: it takes an opened file (package source),
// plans its graph and executes the plan's steps, for any number of callers.
//
// Most programs use it through package kerasrun, the root of the module.
package runtime
