package kerasrun

import (
	"github.com/kerasrun/kerasrun/runtime"
	"github.com/kerasrun/kerasrun/runtime/layers"
)

// An Option changes how a model is loaded.
type Option func(*config)

type config struct {
	runtime.Options
	weights string
}

func configure(options []Option) *config {
	c := &config{}
	for _, o := range options {
		o(c)
	}
	return c
}

// WithWeights names the file that holds the weights of an architecture JSON.
func WithWeights(name string) Option { return func(c *config) { c.weights = name } }

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

// A LayerFunc lowers a layer class to ops: see [WithLayer].
type LayerFunc = layers.LayerFunc

// A LayerBuilder is where a LayerFunc declares weights and applies ops.
type LayerBuilder = layers.LayerBuilder

// WithLayer supplies a class that Keras does not have, or replaces one that it has.
func WithLayer(class string, lower LayerFunc) Option {
	return func(c *config) {
		if c.Layers == nil {
			c.Layers = map[string]layers.LayerFunc{}
		}
		c.Layers[class] = lower
	}
}
