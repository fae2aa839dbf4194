package layers

import (
	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

type denseConfig struct {
	Units      int           `json:"units"`
	Activation activationArg `json:"activation"`
	UseBias    bool          `json:"use_bias"`
}

// denseLayer computes activation(x · kernel + bias) over the last axis.
//
//	x       (batch, ..., in)
//	kernel  (in, units)
//	bias    (units)              when use_bias
//	result  (batch, ..., units)
//
// See https://keras.io/api/layers/core_layers/dense/.
var denseLayer = define1("Dense", denseConfig{UseBias: true}, func(s *scope, c denseConfig, x graph.Value) graph.Value {
	units := s.size("units", c.Units)
	if x.Rank() < 2 {
		s.Failf("%w: input is %v, want at least 2 dimensions", graph.ErrShape, x.Shape)
	}
	y := s.Apply(graph.MatMul{}, s.floating(x), s.Weight("kernel", x.Dim(-1), units))
	if c.UseBias {
		y = s.Apply(graph.AddBias{}, y, s.Weight("bias", units))
	}
	return s.activate(c.Activation, y)
})

type activationConfig struct {
	Activation activationArg `json:"activation"`
}

// activationLayer applies an activation function.
//
//	x       (batch, ...)
//	result  (batch, ...)
//
// See https://keras.io/api/layers/core_layers/activation/.
var activationLayer = define1("Activation", activationConfig{}, func(s *scope, c activationConfig, x graph.Value) graph.Value {
	return s.activate(c.Activation, x)
})

type embeddingConfig struct {
	InputDim    int                `json:"input_dim"`
	OutputDim   int                `json:"output_dim"`
	MaskZero    bool               `json:"mask_zero"`
	InputLength keras.TrainingOnly `json:"input_length"` // Keras 1 and 2: only checked against the input
}

// embeddingLayer looks up the rows of a table. With mask_zero, the result has a
// mask that is false where x is 0.
//
//	x           (batch, ...)             whole numbers below input_dim
//	embeddings  (input_dim, output_dim)
//	result      (batch, ..., output_dim)
//
// See https://keras.io/api/layers/core_layers/embedding/.
var embeddingLayer = define1("Embedding", embeddingConfig{}, func(s *scope, c embeddingConfig, x graph.Value) graph.Value {
	ids := x
	if !x.DType.Integer() {
		x = s.cast(x, graph.Int32)
	}
	y := s.Apply(graph.Gather{}, s.Weight("embeddings", s.size("input_dim", c.InputDim), s.size("output_dim", c.OutputDim)), x)
	if c.MaskZero && s.Err() == nil {
		s.setMask(y, s.Apply(graph.Binary{Func: graph.NotEqual}, ids, s.Scalar(ids.DType, 0)))
	}
	return y
})

type maskingConfig struct {
	MaskValue float64 `json:"mask_value"`
}

// maskingLayer masks the time steps whose elements all equal mask_value, and
// sets them to 0.
//
//	x       (batch, time, ...)
//	result  (batch, time, ...)
//
// See https://keras.io/api/layers/core_layers/masking/.
var maskingLayer = define1("Masking", maskingConfig{}, func(s *scope, c maskingConfig, x graph.Value) graph.Value {
	differs := s.Apply(graph.Binary{Func: graph.NotEqual}, x, s.Scalar(x.DType, c.MaskValue))
	kept := s.Apply(graph.Reduce{Func: graph.ReduceAny, Axes: []int{-1}, KeepDims: true}, differs)
	y := s.Apply(graph.Binary{Func: graph.Mul}, x, s.cast(kept, x.DType))
	if s.Err() == nil {
		s.setMask(y, s.Apply(graph.Reduce{Func: graph.ReduceAny, Axes: []int{-1}}, differs))
	}
	return y
})

// identityLayer returns its input.
//
//	x       (batch, ...)
//	result  (batch, ...)
//
// See https://keras.io/api/layers/core_layers/identity/.
var identityLayer = define1("Identity", struct{}{}, same[struct{}])

// same is the lowering of a layer that does nothing at inference.
func same[C any](_ *scope, _ C, x graph.Value) graph.Value { return x }
