package runtime

import (
	"context"

	"github.com/kerasrun/kerasrun/hdf5load"
	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/layers"
	"github.com/kerasrun/kerasrun/runtime/plan"
	"github.com/kerasrun/kerasrun/runtime/source"
)

// Options change how a model is opened and run. The zero value is the default.
type Options struct {
	// Context stops the opening when it is done; nil never does. Predictions have contexts of their own.
	Context context.Context
	// Threads is the number of threads of one prediction; 0 means one for each CPU that Go uses.
	Threads int
	// AllowUnknownKeys loads layers whose config has keys that kerasrun does not know.
	AllowUnknownKeys bool
	// InputShapes gives the shapes of the inputs, batch included, where the file does not.
	InputShapes []Shape
	// Layers, Lambdas and Activations lower what Keras does not define: see [layers.Options].
	Layers, Lambdas map[string]layers.LayerFunc
	Activations     map[string]layers.ActivationFunc
	// TheanoKernels says whether the convolution kernels of a legacy file are those of Theano,
	// to be turned by 180 degrees; nil decides by the file.
	TheanoKernels *bool
	// Exact leaves out what is faster but loses digits: Winograd's convolution.
	Exact bool
	// KeepWeights keeps the weights in memory as the file has them, besides the
	// forms that plans use, so that WeightValues and PredictLayers need not read
	// the file again.
	KeepWeights bool
	// Taps chooses values of the graph that the model returns after its outputs; it must not change the program. May be nil.
	Taps func(*layers.Program) ([]graph.Named, error)
	// Limits bound what a file can make the loader do.
	Limits Limits
	// noFuse leaves every op a step of its own, for tests.
	noFuse bool
}

// Limits bound what a file and an input can make the loader and a prediction
// do. A zero field means its default.
type Limits struct {
	// Activation is the bytes of intermediate values of one prediction; 2 GiB.
	Activation int64
	// Weights is the bytes of all weights together; 64 GiB. Weights that the file does not hold are never allocated.
	Weights int64
	// Winograd is the bytes of the weights that are kept in the form of Winograd's convolution, 4 times the size of
	// what they come from; 1 GiB. Convolutions past it are computed directly.
	Winograd int64
	// Plans is the number of input shapes whose plans are kept; 16.
	Plans int
	Keras keras.Limits
	HDF5  hdf5load.Limits
}

func (l Limits) withDefaults() Limits {
	if l.Activation <= 0 {
		l.Activation = 2 << 30
	}
	if l.Winograd <= 0 {
		l.Winograd = 1 << 30
	}
	if l.Plans <= 0 {
		l.Plans = 16
	}
	return l
}

// Source are the options of opening the file.
func (o *Options) Source() source.Options {
	return source.Options{
		Context:          o.Context,
		AllowUnknownKeys: o.AllowUnknownKeys, InputShapes: o.InputShapes, Layers: o.Layers,
		Lambdas: o.Lambdas, Activations: o.Activations, TheanoKernels: o.TheanoKernels,
		Limits: source.Limits{Weights: o.Limits.Weights, Keras: o.Limits.Keras, HDF5: o.Limits.HDF5},
	}
}

// plan are the options of a plan of prog that keeps the values keep.
func (o *Options) plan(prog *layers.Program, keep []int) plan.Options {
	p := plan.Options{Keep: keep, NoFuse: o.noFuse, MaxActivation: o.Limits.Activation, Funcs: prog.Funcs}
	if !o.Exact {
		p.Winograd = o.Limits.Winograd
	}
	return p
}
