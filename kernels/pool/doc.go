// Package pool holds the pooling kernels: maximum and average of windows of
// an NHWC image or an NDHWC volume, in float32.
//
// A call works on one image, element (y, x, c) at (y*W+x)*stride+c, where
// stride is the number of channels or more. Nothing here allocates, starts
// goroutines, returns errors or keeps state; shapes and lengths are the
// caller's to check. Calls on disjoint row ranges of one dst may run at the
// same time.
package pool
