package layers

import (
	"math"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

type reluConfig struct {
	MaxValue      *float64 `json:"max_value"`
	NegativeSlope float64  `json:"negative_slope"`
	Threshold     float64  `json:"threshold"`
}

// reluLayer is min(x, max_value) where x > threshold, and negative_slope·(x -
// threshold) elsewhere.
//
//	x       (batch, ...)
//	result  (batch, ...)
//
// See https://keras.io/api/layers/activation_layers/relu/.
var reluLayer = define1("ReLU", reluConfig{}, func(s *scope, c reluConfig, x graph.Value) graph.Value {
	most := math.Inf(1)
	if c.MaxValue != nil {
		most = *c.MaxValue
	}
	if most < 0 || c.NegativeSlope < 0 || c.Threshold < 0 {
		s.Failf("%w: max_value %v, negative_slope %v, threshold %v, want no negative ones", graph.ErrAttr, most, c.NegativeSlope, c.Threshold)
	}
	op := graph.Activation{Func: graph.ReLU, A: c.NegativeSlope, B: most, C: c.Threshold}
	return s.Apply(op, s.activated(op, x))
})

type leakyReLUConfig struct {
	NegativeSlope float64  `json:"negative_slope"`
	Alpha         *float64 `json:"alpha"` // name of negative_slope in Keras 1 and 2
}

// leakyReLULayer is x where x > 0, and negative_slope·x elsewhere.
//
//	x       (batch, ...)
//	result  (batch, ...)
//
// See https://keras.io/api/layers/activation_layers/leaky_relu/.
var leakyReLULayer = define1("LeakyReLU", leakyReLUConfig{NegativeSlope: 0.3},
	func(s *scope, c leakyReLUConfig, x graph.Value) graph.Value {
		slope := c.NegativeSlope
		if c.Alpha != nil {
			slope = *c.Alpha
		}
		return s.Apply(graph.Activation{Func: graph.ReLU, A: slope, B: math.Inf(1)}, s.floating(x))
	})

type preluConfig struct {
	SharedAxes whole `json:"shared_axes"`
}

// preluLayer is max(x, 0) + alpha·min(x, 0) (He et al., 2015).
//
//	x       (batch, ...)
//	alpha   (...)         1 along shared_axes, which count from the batch axis 0
//	result  (batch, ...)
//
// See https://keras.io/api/layers/activation_layers/prelu/.
var preluLayer = define1("PReLU", preluConfig{}, func(s *scope, c preluConfig, x graph.Value) graph.Value {
	if x.Rank() < 1 {
		s.Failf("%w: input is %v", graph.ErrShape, x.Shape)
		return none()
	}
	shape := x.Shape[1:].Clone()
	for _, a := range c.SharedAxes.list {
		if a < 1 || a > len(shape) {
			s.Failf("%w: shared_axes is %v for an input %v", graph.ErrAttr, c.SharedAxes, x.Shape)
			return none()
		}
		shape[a-1] = 1
	}
	return s.Apply(graph.PReLU{}, s.floating(x), s.Weight("alpha", shape...))
})

type eluConfig struct {
	Alpha float64 `json:"alpha"`
}

// eluLayer is x where x > 0, and alpha·(exp(x) - 1) elsewhere (Clevert et al., 2016).
//
//	x       (batch, ...)
//	result  (batch, ...)
//
// See https://keras.io/api/layers/activation_layers/elu/.
var eluLayer = define1("ELU", eluConfig{Alpha: 1}, func(s *scope, c eluConfig, x graph.Value) graph.Value {
	return s.Apply(graph.Activation{Func: graph.ELU, A: c.Alpha}, s.floating(x))
})

type thresholdedReLUConfig struct {
	Theta float64 `json:"theta"`
}

// thresholdedReLULayer is x where x > theta, and 0 elsewhere. Keras 3 lacks it.
//
//	x       (batch, ...)
//	result  (batch, ...)
//
// See https://keras.io/2.15/api/layers/activation_layers/threshold_relu/.
var thresholdedReLULayer = define1("ThresholdedReLU", thresholdedReLUConfig{Theta: 1},
	func(s *scope, c thresholdedReLUConfig, x graph.Value) graph.Value {
		if c.Theta < 0 {
			s.Failf("%w: theta is %v, want no negative one", graph.ErrAttr, c.Theta)
		}
		return s.Apply(graph.Activation{Func: graph.Threshold, A: c.Theta}, s.floating(x))
	})

type softmaxConfig struct {
	Axis          whole `json:"axis"`
	RobustMasking bool  `json:"robust_masking"` // Keras 2
}

// softmaxLayer is exp(x - max)/sum over axis, which may be several. Where mask
// is false, the result is 0.
//
//	x       (batch, ...)
//	mask    broadcasts to x; optional
//	result  (batch, ...)
//
// See https://keras.io/api/layers/activation_layers/softmax/.
var softmaxLayer = define1("Softmax", softmaxConfig{Axis: number(-1)}, func(s *scope, c softmaxConfig, x graph.Value) graph.Value {
	x = s.floating(x)
	op := graph.Softmax{Axes: s.axes("axis", c.Axis, x)}
	mask, masked := s.kwargs["mask"]
	if !masked || s.Err() != nil {
		return s.Apply(op, x)
	}
	if b, err := graph.Broadcast(x.Shape, mask.Shape); err != nil || len(b) != x.Rank() {
		s.Failf("%w: mask %v on an input %v", graph.ErrShape, mask.Shape, x.Shape)
		return none()
	}
	return s.maskedSoftmax(op, x, mask, c.RobustMasking, s.version.Major >= 3)
})

// maskedSoftmax is a softmax of the elements that mask, which broadcasts to x,
// selects. The others are very small before it and, with zero, 0 after it. Keras
// 2 without robust lowers them, so that a row without selected ones keeps its
// differences.
func (s *scope) maskedSoftmax(op graph.Softmax, x, mask graph.Value, robust, zero bool) graph.Value {
	out := -1e9
	if x.DType == graph.Float16 {
		out = -3e4
	}
	if s.version.Major < 3 && !robust {
		if x.DType == graph.Float16 {
			out = -65504
		}
		off := s.Apply(graph.Binary{Func: graph.Sub}, s.Scalar(x.DType, 1), s.cast(mask, x.DType))
		off = s.Apply(graph.Binary{Func: graph.Mul}, off, s.Scalar(x.DType, out))
		return s.Apply(op, s.Apply(graph.Binary{Func: graph.Add}, x, off))
	}
	if mask.DType != graph.Bool {
		mask = s.floating(mask)
		mask = s.Apply(graph.Binary{Func: graph.Greater}, mask, s.Scalar(mask.DType, 0.5))
	}
	y := s.Apply(op, s.Apply(graph.Where{}, mask, x, s.Scalar(x.DType, out)))
	if s.version.Major < 3 || !zero {
		return y
	}
	return s.Apply(graph.Where{}, mask, y, s.Scalar(x.DType, 0))
}
