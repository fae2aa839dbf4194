package kerasrun

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/kerasrun/kerasrun/runtime"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/layers"
	"github.com/kerasrun/kerasrun/runtime/layers/expression"
	"github.com/kerasrun/kerasrun/runtime/layers/thirdparty"
)

// An Option changes how a model is loaded.
type Option func(*config)

type config struct {
	runtime.Options
	weights    string
	thirdParty bool
}

func configure(options []Option) *config {
	c := &config{}
	for _, o := range options {
		o(c)
	}
	if c.thirdParty {
		c.Layers = merged(thirdparty.Layers(), c.Layers)
		c.Activations = merged(thirdparty.ActivationFuncs(), c.Activations)
	}
	return c
}

// hint says in the error about an unknown class that WithThirdPartyLayers has one of its name.
func (c *config) hint(err error) error {
	var at *layers.Error
	if c.thirdParty || !errors.Is(err, layers.ErrUnknownClass) || !errors.As(err, &at) || thirdparty.Layers()[at.Class] == nil {
		return err
	}
	return fmt.Errorf("%w, or with WithThirdPartyLayers (kerasrun --third-party), which has a class of this name", err)
}

// WithWeights names the file that holds the weights of an architecture JSON: one of Keras, or a
// .safetensors or .npz whose names are paths of layers, "encoder/dense/kernel".
func WithWeights(name string) Option { return func(c *config) { c.weights = name } }

// WithContext stops loading soon after ctx is done, with ctx's error. The model
// does not keep ctx: predictions have contexts of their own.
func WithContext(ctx context.Context) Option { return func(c *config) { c.Context = ctx } }

// WithThreads sets the number of threads of one prediction. The default is one
// for each CPU; results are the same bits for every number.
func WithThreads(n int) Option { return func(c *config) { c.Threads = n } }

// WithExact leaves out what is faster but loses digits: 3x3 convolutions are
// then summed tap by tap, not computed by Winograd's method, whose rounding
// errors are up to about 2.5 times as large and which turns all 4x4 outputs of
// a tile to NaN where one of its inputs is infinite or NaN.
func WithExact() Option { return func(c *config) { c.Exact = true } }

// WithKeptWeights keeps the weights in memory as the file has them, besides the
// forms that plans use: Model.WeightValues and Model.PredictLayers then do not
// read the file again.
func WithKeptWeights() Option { return func(c *config) { c.KeepWeights = true } }

// A Program is a model as it was lowered: its graph, and which values of it the layers return.
type Program = layers.Program

// A ProgramLayer is a layer of a Program.
type ProgramLayer = layers.LayerInfo

// A Named is a value of a Program with a name.
type Named = graph.Named

// WithLayerOutputs has the model return, after its outputs, what layers compute: by path ("encoder/dense_1"), the first result of
// the first call. They are outputs like the others, under the layers' paths.
func WithLayerOutputs(paths ...string) Option {
	return WithTaps(func(p *Program) ([]Named, error) { return runtime.LayerTaps(p, paths) })
}

// WithTaps has the model return further values of its graph after its outputs. choose is called while the model is opened, with a
// program that must not be changed. Of several such options the last counts.
func WithTaps(choose func(*Program) ([]Named, error)) Option {
	return func(c *config) { c.Taps = choose }
}

// Limits bound what a file and an input can make the loader and a prediction do.
type Limits = runtime.Limits

// WithLimits sets the limits. A field that is zero keeps its default.
func WithLimits(l Limits) Option { return func(c *config) { c.Limits = l } }

// WithInputShapes gives the shapes of the inputs, batch included (-1 where
// free), for models whose file does not say.
func WithInputShapes(shapes ...Shape) Option {
	return func(c *config) { c.InputShapes = shapes }
}

// WithUnknownKeys loads layers whose config has keys that kerasrun does not
// know, instead of refusing them. Their meaning is lost: verify the result.
func WithUnknownKeys() Option { return func(c *config) { c.AllowUnknownKeys = true } }

// WithTheanoKernels says whether a legacy .h5 file holds convolution kernels of
// Theano, which are turned by 180 degrees, or not. Without it the file decides:
// see [FileInfo].Warnings.
func WithTheanoKernels(theano bool) Option {
	return func(c *config) { c.TheanoKernels = &theano }
}

// A LayerFunc lowers a layer class to ops or to Go code: see [WithLayer].
type LayerFunc = layers.LayerFunc

// An ActivationFunc lowers an activation function: see [WithActivation].
type ActivationFunc = layers.ActivationFunc

// A LayerBuilder is where a LayerFunc declares weights, applies ops and calls Go code.
type LayerBuilder = layers.LayerBuilder

// A Value is an edge of the model's graph: an operand of a LayerFunc, a weight
// or a result. Its dimension 0 is the batch, -1 where it is not known.
type Value = graph.Value

// A Func is Go code that a LayerFunc can call for what ops cannot say: see [LayerBuilder.Call].
type Func = graph.Func

// A Type is the element type and shape of a Value.
type Type = graph.Type

// WithLayer supplies a class that Keras does not have, or replaces one that it
// has. class is the name of the class, its registered name ("MyPackage>MyLayer")
// or the path of one layer ("encoder/my_layer"). lower is called while a model
// is opened, once for each call of the layer in the model.
func WithLayer(class string, lower LayerFunc) Option {
	return func(c *config) { put(&c.Layers, class, lower) }
}

// WithLambda says what a Lambda layer computes, by its path ("encoder/lambda_1")
// or name. The Python code of a Lambda is never run: without this option, a
// model that has one does not load. The layer's arguments are in the config that
// lower gets.
func WithLambda(layer string, lower LayerFunc) Option {
	return func(c *config) { put(&c.Lambdas, layer, lower) }
}

// WithLambdaExpression says what a Lambda layer computes by an expression as it
// stands in the Python code that made the model, as "x / 127.5 - 1.0" or
// "lambda x: K.abs(x[0] - x[1])": see package runtime/layers/expression for what is
// known. layer is as for [WithLambda]. An expression that cannot be read is an error
// of opening a model that has the layer.
func WithLambdaExpression(layer, text string) Option {
	return WithLambda(layer, expression.Layer(text))
}

// WithActivation supplies an activation function that Keras does not have, or
// replaces one that it has, by the name that stands in the configs of layers.
// Inside recurrent layers there can be none.
func WithActivation(name string, lower ActivationFunc) Option {
	return func(c *config) { put(&c.Activations, name, lower) }
}

// WithThirdPartyLayers adds the layer classes and activations of docs/THIRD_PARTY.md,
// which widespread packages define: TensorFlow Addons, keras-contrib, efficientnet
// and others. A file names a class and not whose it is: verify the results of a
// model that needs this option. What [WithLayer] and [WithActivation] supply goes
// before it.
func WithThirdPartyLayers() Option { return func(c *config) { c.thirdParty = true } }

// merged is m with the keys of over, whose values go before those of m.
func merged[F any](m, over map[string]F) map[string]F {
	maps.Copy(m, over)
	return m
}

// put sets a key of a map that may have to be made.
func put[F any](m *map[string]F, key string, f F) {
	if *m == nil {
		*m = map[string]F{}
	}
	(*m)[key] = f
}
