// Package kerasrun runs Keras models: it opens the files that Keras 1, 2 and 3
// write and computes what Keras computes, in Go alone.
//
//	model, err := kerasrun.Load("model.keras")
//	...
//	outputs, err := model.Predict(ctx, kerasrun.Floats(pixels, 1, 28, 28, 1))
//
// # Files
//
// [Load] opens .keras archives (Keras 3 and tf_keras) and their directory form,
// whole-model .h5 files of Keras 1, 2 and 3, and architecture JSON with its
// weights (.h5, .weights.h5, sharded .weights.json). The Keras version that
// wrote a file decides its semantics. A layer that is not known is an error
// ([ErrUnsupported]) that names it, never a different number.
//
// # Concurrency and memory
//
// A [Model] is immutable; any number of goroutines may call its methods.
// [Model.Predict] allocates its results only; a [Session] allocates nothing
// after its first run.
//
// # Errors
//
// Errors name the file, the layer path, what was found and what was wanted, and
// wrap one of the sentinels of this package.
package kerasrun
