// Package source opens Keras files. It finds out what a file is, reads the
// architecture (package keras), lowers it (package layers), and binds the weights
// that this declares to what the file holds (package hdf5load).
//
// Nothing is executed here: package runtime runs a [Model], package convert
// writes it in other formats.
package source
