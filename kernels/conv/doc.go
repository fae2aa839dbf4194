// Package conv holds the kernels whose work is a sum of products: 2-D
// convolution, Dense and matrix products, depthwise and transposed convolution,
// in float32.
//
// # Layout
//
// Images are NHWC without the N: a call works on one image, element (y, x, c)
// at (y*W+x)*stride+c, where stride is the number of channels or more, so that
// a kernel can read from or write into a slice of a wider (concatenated)
// image. Weights come in Keras's layout and are packed once ([Pack],
// [PackTransposed], [PackMatrix]); the packed form depends on the kernel
// variant in use and is not meant to be stored.
//
// # Method
//
// In NHWC the KW·InC inputs of one kernel row lie side by side, so a
// convolution is KH segments of a matrix product: no im2col, no copies of the
// padding. Kernel rows and columns that fall on padding are left out. One
// micro-kernel, a tile of pixels times output channels, runs convolution,
// Dense, grouped, dilated and transposed convolution alike.
//
// A 3x3 convolution of stride 1 can also go through Winograd's method
// ([RunWinograd]): a third to a quarter of the products, on the same
// micro-kernel, with larger rounding errors and four times the weights.
//
// # Variants
//
// What depends on the processor is the micro-kernel (tile), the stores behind
// it (storeTile) and the tile's size, named in tile.go. The plain Go ones are
// in tile_generic.go and stay the reference for any other. A variant has to
// keep two things: sums in pieces of at most blockK terms, and an order that
// does not depend on the row within a tile.
//
// # Contract
//
// All functions work on slices of numbers: they allocate nothing, start no
// goroutines, return no errors and keep no state. Shapes and lengths are the
// caller's to check; a slice that is too short panics with an index error.
// Calls on disjoint row ranges of one dst may run at the same time. The sum
// for an output element has the same order whatever the row or panel range,
// so splitting the work never changes a result.
package conv
