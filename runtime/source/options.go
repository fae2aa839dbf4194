package source

import (
	"context"

	"github.com/kerasrun/kerasrun/hdf5load"
	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/layers"
)

// Options change how a file is opened. The zero value is the default.
type Options struct {
	// Context stops the opening when it is done; nil never does.
	Context context.Context
	// AllowUnknownKeys loads layers whose config has keys that kerasrun does not know.
	AllowUnknownKeys bool
	// InputShapes gives the shapes of the inputs, batch included, where the file does not.
	InputShapes []graph.Shape
	// Layers, Lambdas and Activations lower what Keras does not define: see [layers.Options].
	Layers, Lambdas map[string]layers.LayerFunc
	Activations     map[string]layers.ActivationFunc
	// TheanoKernels says whether the convolution kernels of a legacy file are those of Theano,
	// to be turned by 180 degrees; nil decides by the file.
	TheanoKernels *bool
	// NoWeights leaves out the weights, which then need not be there: Model.Weights is nil.
	NoWeights bool
	Limits    Limits
}

// Limits bound what a file can make the loader do. A zero field means its default.
type Limits struct {
	// Weights is the bytes of all weights together; 64 GiB. Weights that the file does not hold are never allocated.
	Weights int64
	Keras   keras.Limits
	HDF5    hdf5load.Limits
}

func (l Limits) withDefaults() Limits {
	if l.Weights <= 0 {
		l.Weights = 64 << 30
	}
	return l
}
