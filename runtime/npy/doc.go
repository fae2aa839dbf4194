// Package npy reads and writes NumPy's npy files and npz archives.
//
// Files come from strangers: nothing is allocated for data that is not there, every size is checked before it is used,
// and a header that says something else than the bytes that follow is an error. Arrays are always in C order and in
// Go's own types; byte order, Fortran order and the versions 1.0, 2.0 and 3.0 of the format are handled on reading.
//
// Headers are checked and rewritten here and then parsed by github.com/sbinet/npyio, whose reader trusts its input: it
// sees only headers in the one form NumPy itself writes, and a panic in it becomes an error. Payloads are read in bulk.
//
// Functions have no state and are safe for concurrent use, as is a Zip whose io.ReaderAt is.
//
// The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
package npy
