// Package thirdparty lowers layer classes and activations that widespread
// packages add to Keras. It is written with what [layers.LayerBuilder] offers to
// everybody, and a program switches it on as a whole: a file says what a class is
// called and not whose it is, so that a name alone is not enough to go by.
//
// A class is here when one published source defines what its config means, or
// when its definitions differ in keys of the config by which they are told. It is
// not when files of two meanings look alike: BilinearUpSampling2D (with and
// without aligned corners), LRN with the keys alpha, k, beta and n (channels in
// the first or the last place), GroupNormalization of keras-contrib (whose groups
// are of rows), WeightNormalization of TensorFlow Addons (whose weights in the
// file differ with its version), and CRF, whose decoding is no part of the file.
package thirdparty
