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
// # Layers of your own
//
// A class that Keras does not have comes in with [WithLayer], a function with
// [WithActivation]. The Python code of a Lambda is never run: [WithLambdaExpression]
// says what it computes by an expression as in that code, [WithLambda] in
// Go what it computes. A [LayerFunc] runs once, when the model is opened, and
// writes the layer as ops of package runtime/graph, which are planned and fused
// like any other's:
//
//	double := func(b *kerasrun.LayerBuilder, config *keras.Value, in []kerasrun.Value) ([]kerasrun.Value, error) {
//		return []kerasrun.Value{b.Apply(graph.Binary{Func: graph.Add}, in[0], in[0])}, b.Err()
//	}
//	model, err := kerasrun.Load("model.keras", kerasrun.WithLayer("Double", double))
//
// What ops cannot say is a [Func], Go code that the model calls at each
// prediction: [LayerBuilder.Call]. [WithThirdPartyLayers] adds classes of
// widespread packages.
//
// # Concurrency and memory
//
// A [Model] is immutable; any number of goroutines may call its methods.
// [Model.Predict] allocates its results only; a [Session] allocates nothing
// after its first run.
//
// # Stateful layers
//
// A [Session] carries the states of layers with stateful=True from run to run, as
// Keras does from batch to batch; [Session.State] makes them zeros, saves and
// restores them. [Model.Predict] has no memory: it begins with zeros.
//
// # Errors
//
// Errors name the file, the layer path, what was found and what was wanted, and
// wrap one of the sentinels of this package.
package kerasrun
