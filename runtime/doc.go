// Package runtime opens Keras files and runs them. It finds out what a file
// is, reads the architecture (package keras) and the weights (package
// hdf5load), binds the two, plans the graph and executes the plan's steps.
//
// Most programs use it through package kerasrun, the root of the module.
package runtime
