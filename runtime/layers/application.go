package layers

import (
	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// Layers that models of https://keras.io/api/applications/ define for themselves.

type layerScaleConfig struct {
	InitValues    keras.TrainingOnly `json:"init_values"`
	ProjectionDim int                `json:"projection_dim"`
}

// layerScaleLayer is x·gamma, as ConvNeXt has it (Touvron et al., 2021).
//
//	x       (batch, ..., projection_dim)
//	gamma   (projection_dim)
//	result  (batch, ..., projection_dim)
//
// See https://keras.io/api/applications/convnext/.
var layerScaleLayer = define1("LayerScale", layerScaleConfig{}, func(s *scope, c layerScaleConfig, x graph.Value) graph.Value {
	gamma := s.Weight("gamma", s.size("projection_dim", c.ProjectionDim))
	return s.Apply(graph.Binary{Func: graph.Mul}, s.floating(x), gamma)
})

type customScaleConfig struct {
	Scale float64 `json:"scale"`
}

// customScaleLayer is x1 + scale·x2, as InceptionResNetV2 has it.
//
//	x1, x2  (batch, ...)
//	result  (batch, ...)
//
// See https://keras.io/api/applications/inceptionresnetv2/.
var customScaleLayer = define("CustomScaleLayer", customScaleConfig{}, func(s *scope, c customScaleConfig, in []graph.Value) []graph.Value {
	if len(in) != 2 {
		s.Failf("%w: %d inputs, want 2", graph.ErrShape, len(in))
		return nil
	}
	x, y := s.floating(in[0]), s.floating(in[1])
	y = s.Apply(graph.Binary{Func: graph.Mul}, y, s.Scalar(y.DType, c.Scale))
	return []graph.Value{s.Apply(graph.Binary{Func: graph.Add}, x, y)}
})
