// Package kerneltest holds what the kernels' tests share: slices that notice
// writes outside them, bounds on rounding errors, and plain float64 versions
// of the kernels that are meant to be obviously right rather than fast.
//
// It is imported by tests only.
package kerneltest
