package layers

import (
	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// A LayerFunc lowers a layer that Keras does not define. It writes the layer's
// mathematics as nodes of the graph and returns its results. It is called once
// for each call of the layer, and must be safe for concurrent use when models
// are opened concurrently.
//
// config is the config object of the file. Operands have the dtypes they were
// made with; weights are float32 unless the layer's dtype policy says otherwise.
type LayerFunc func(b *LayerBuilder, config *keras.Value, in []graph.Value) ([]graph.Value, error)

// A LayerBuilder is where a [LayerFunc] writes. After an error its methods do
// nothing; the error is reported when the function returns.
type LayerBuilder struct{ s *scope }

// Path returns the layer's path by names: "encoder/my_layer".
func (b *LayerBuilder) Path() string { return b.s.path }

// Weight declares a trained weight and returns its value in the layer's compute
// dtype. Weights must be declared in the order in which the layer made them; a
// layer that is called again gets the same weights.
func (b *LayerBuilder) Weight(name string, shape ...int) graph.Value {
	return b.s.Weight(name, shape...)
}

// State declares a weight that is not trained.
func (b *LayerBuilder) State(name string, shape ...int) graph.Value { return b.s.State(name, shape...) }

// Const adds a constant.
func (b *LayerBuilder) Const(t graph.Tensor) graph.Value {
	if err := t.Check(); err != nil {
		b.s.Fail(err)
		return none()
	}
	return b.s.Const(t)
}

// Scalar adds a constant of rank 0.
func (b *LayerBuilder) Scalar(d graph.DType, x float64) graph.Value { return b.s.Scalar(d, x) }

// Apply appends an op of one result.
func (b *LayerBuilder) Apply(op graph.Op, in ...graph.Value) graph.Value { return b.s.Apply(op, in...) }

// Decode reads the layer's config into dst, a pointer to a struct with json tags
// that holds the defaults. A key that the struct lacks is an error.
func (b *LayerBuilder) Decode(dst any) error { return b.s.decode(b.s.layer.Config, dst) }

// Err returns the first error.
func (b *LayerBuilder) Err() error { return b.s.Err() }

// custom returns the caller's function for the layer of s, or nil.
func (s *scope) custom() LayerFunc {
	for _, key := range []string{s.path, s.layer.Registered, s.layer.Class} {
		if f := s.options.Layers[key]; f != nil && key != "" {
			return f
		}
	}
	return nil
}

func (s *scope) applyCustom(f LayerFunc, in []graph.Value) []graph.Value {
	out, err := f(&LayerBuilder{s}, s.layer.Config, in)
	if err != nil {
		s.Fail(err)
		return nil
	}
	if s.Err() == nil && len(out) == 0 {
		s.Failf("%w: the layer's function has no result", graph.ErrShape)
	}
	return out
}
