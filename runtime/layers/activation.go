package layers

import (
	"fmt"
	"math"
	"slices"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// An activationArg is the value of a config key that names an activation:
//
//	null                                                      linear
//	"relu"                                                    by name
//	{"class_name": "function", "config": "relu"}              by name
//	{"class_name": "LeakyReLU", "config": {...}}              a layer
//
// See https://keras.io/api/layers/activations/.
type activationArg struct{ value *keras.Value }

// UnmarshalKeras implements [keras.Unmarshaler].
func (a *activationArg) UnmarshalKeras(v *keras.Value) error {
	switch v.Kind() {
	case keras.Null, keras.String, keras.Object:
		a.value = v
		return nil
	}
	return fmt.Errorf("%w: %s, want an activation", keras.ErrFormat, v.JSON())
}

// String returns a as Keras writes it.
func (a activationArg) String() string {
	if a.value.IsNull() {
		return `"linear"`
	}
	return a.value.JSON()
}

// name returns the name of an activation that is written by name, and the
// class of one that is a layer.
func (a activationArg) name() (name, class string) {
	if a.value.IsNull() {
		return "linear", ""
	}
	if name, ok := a.value.Str(); ok {
		if slices.Contains(activationLayers, name) { // Keras 2 takes the class of a layer for its name
			return "", name
		}
		return name, ""
	}
	class, _ = a.value.Get("class_name").Str()
	if class == "function" {
		name, _ := a.value.Get("config").Str()
		return name, ""
	}
	return "", class
}

// activationLayers are the layers without weights that can be an activation.
// PReLU is none of them: Keras does not store its weight there.
var activationLayers = []string{"ELU", "LeakyReLU", "ReLU", "Softmax", "ThresholdedReLU"}

// alongAxis reports activations that look along the last axis, rather than at
// each element by itself. The supplied ones may.
func (s *scope) alongAxis(a activationArg) bool {
	name, class := a.name()
	return s.options.Activations[name] != nil || class == "Softmax" || slices.Contains([]string{"softmax", "log_softmax", "sparsemax", "glu"}, name)
}

// activate applies an activation to x.
func (s *scope) activate(a activationArg, x graph.Value) graph.Value {
	if s.Err() != nil {
		return none()
	}
	name, class := a.name()
	switch f := s.options.Activations[name]; {
	case f != nil:
		return s.activateCustom(f, name, x)
	case name != "":
		return s.activateByName(name, x)
	case !slices.Contains(activationLayers, class):
		s.Failf("%w: activation %s", keras.ErrUnsupported, a)
		return none()
	}
	if registered, _ := a.value.Get("registered_name").Str(); registered != "" && registered != class {
		s.Failf("%w: activation %s", keras.ErrUnsupported, a)
		return none()
	}
	inside := *s
	inside.class, inside.kwargs = class, nil
	out := s.classes[class].lower(&inside, a.value.Get("config"), []graph.Value{x})
	if len(out) != 1 {
		return none()
	}
	return out[0]
}

// activateByName applies the activation that the Keras of the file calls name.
func (s *scope) activateByName(name string, x graph.Value) graph.Value {
	op, ok := activationOp(name, s.version)
	switch {
	case name == "linear":
		return x
	case name == "glu":
		return s.gatedLinearUnit(x)
	case !ok:
		s.Failf("%w: activation %q; supply it with WithActivation(%q, ...)", keras.ErrUnsupported, name, name)
		return none()
	case name == "softmax" && s.version.Major < 3 && x.Rank() < 2:
		s.Failf("%w: softmax of an input %v", graph.ErrShape, x.Shape)
		return none()
	}
	return s.Apply(op, s.activated(op, x))
}

// activated returns x in a dtype that op takes: a rectifier without a slope
// keeps whole numbers as they are.
func (s *scope) activated(op graph.Op, x graph.Value) graph.Value {
	if a, ok := op.(graph.Activation); ok && a.Func == graph.ReLU && a.A == 0 && x.DType.Integer() {
		return x
	}
	return s.floating(x)
}

// activationOp returns the op of an activation by name. Names of Keras 3 come
// first, then those that only Keras 2 knows, among them functions of
// TensorFlow. threshold is not among them: it needs arguments that a file cannot hold.
func activationOp(name string, v keras.Version) (op graph.Op, ok bool) {
	unlimited := math.Inf(1)
	switch name {
	case "relu":
		op = graph.Activation{Func: graph.ReLU, B: unlimited}
	case "relu6":
		op = graph.Activation{Func: graph.ReLU, B: 6}
	case "leaky_relu":
		op = graph.Activation{Func: graph.ReLU, A: 0.2, B: unlimited}
	case "elu":
		op = graph.Activation{Func: graph.ELU, A: 1}
	case "selu":
		op = graph.Activation{Func: graph.SELU}
	case "celu":
		op = graph.Activation{Func: graph.CELU, A: 1}
	case "gelu":
		op = graph.Activation{Func: graph.GELU}
	case "sigmoid":
		op = graph.Activation{Func: graph.Sigmoid}
	case "hard_sigmoid":
		a := 1. / 6
		if v.Major < 3 {
			a = 0.2
		}
		op = graph.Activation{Func: graph.HardSigmoid, A: a, B: 0.5}
	case "silu", "swish":
		op = graph.Activation{Func: graph.SiLU}
	case "hard_silu", "hard_swish":
		op = graph.Activation{Func: graph.HardSiLU}
	case "tanh":
		op = graph.Activation{Func: graph.Tanh}
	case "hard_tanh":
		op = graph.Activation{Func: graph.HardTanh}
	case "tanh_shrink":
		op = graph.Activation{Func: graph.TanhShrink}
	case "hard_shrink":
		op = graph.Activation{Func: graph.HardShrink, A: 0.5}
	case "soft_shrink":
		op = graph.Activation{Func: graph.SoftShrink, A: 0.5}
	case "softplus":
		op = graph.Activation{Func: graph.Softplus}
	case "softsign":
		op = graph.Activation{Func: graph.Softsign}
	case "log_sigmoid":
		op = graph.Activation{Func: graph.LogSigmoid}
	case "mish":
		op = graph.Activation{Func: graph.Mish}
	case "squareplus":
		op = graph.Activation{Func: graph.Squareplus, A: 4}
	case "sparse_plus":
		op = graph.Activation{Func: graph.SparsePlus}
	case "sparse_sigmoid":
		op = graph.Activation{Func: graph.SparseSigmoid}
	case "exponential":
		op = graph.Activation{Func: graph.Exponential}
	case "softmax":
		op = graph.Softmax{Axes: []int{-1}}
	case "log_softmax":
		op = graph.Softmax{Axes: []int{-1}, Log: true}
	case "sparsemax":
		op = graph.Sparsemax{}
	default:
		return nil, false
	}
	return op, true
}

// gatedLinearUnit is a·sigmoid(b) for the halves a and b of the last axis
// (Dauphin et al., 2017).
func (s *scope) gatedLinearUnit(x graph.Value) graph.Value {
	n := x.Dim(-1)
	if n < 2 || n%2 != 0 {
		s.Failf("%w: activation glu halves the last axis of %v", graph.ErrShape, x.Shape)
		return none()
	}
	x = s.floating(x)
	half := func(r graph.Range) graph.Value {
		ranges := make([]graph.Range, x.Rank())
		for i := range ranges {
			ranges[i].Step = 1
		}
		ranges[len(ranges)-1] = r
		return s.Apply(graph.Slice{Ranges: ranges}, x)
	}
	a := half(graph.Range{Stop: n / 2, HasStop: true, Step: 1})
	b := half(graph.Range{Start: n / 2, HasStart: true, Step: 1})
	return s.Apply(graph.Binary{Func: graph.Mul}, a, s.Apply(graph.Activation{Func: graph.Sigmoid}, b))
}

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

// parametricSoftplusLayer is alpha·log(1 + exp(beta·x)). Keras 1 has it.
//
//	x       (batch, ...)
//	alpha   (...)
//	beta    (...)
//	result  (batch, ...)
//
// See https://github.com/keras-team/keras/blob/1.2.2/keras/layers/advanced_activations.py.
var parametricSoftplusLayer = define1("ParametricSoftplus", parametricSoftplusConfig{}, func(s *scope, _ parametricSoftplusConfig, x graph.Value) graph.Value {
	x = s.floating(x)
	alpha, beta := s.Weight("alpha", x.Shape[1:]...), s.Weight("beta", x.Shape[1:]...)
	return s.times(alpha, s.Apply(graph.Activation{Func: graph.Softplus}, s.times(beta, x)))
})

type parametricSoftplusConfig struct {
	AlphaInit keras.TrainingOnly `json:"alpha_init"`
	BetaInit  keras.TrainingOnly `json:"beta_init"`
}

type sreluConfig struct {
	LeftStart  keras.TrainingOnly `json:"t_left_init"`
	LeftSlope  keras.TrainingOnly `json:"a_left_init"`
	RightStart keras.TrainingOnly `json:"t_right_init"`
	RightSlope keras.TrainingOnly `json:"a_right_init"`
}

// sreluLayer is x between l = t_left and r = t_left + |t_right|, l + a_left·(x -
// l) below and r + a_right·(x - r) above (Jin et al., 2015). Keras 1 has it.
//
//	x        (batch, ...)
//	t_left   (...)
//	a_left   (...)
//	t_right  (...)
//	a_right  (...)
//	result   (batch, ...)
//
// See https://github.com/keras-team/keras/blob/1.2.2/keras/layers/advanced_activations.py.
var sreluLayer = define1("SReLU", sreluConfig{}, func(s *scope, _ sreluConfig, x graph.Value) graph.Value {
	x = s.floating(x)
	weight := func(name string) graph.Value { return s.Weight(name, x.Shape[1:]...) }
	binary := func(f graph.BinaryFunc, a, b graph.Value) graph.Value { return s.Apply(graph.Binary{Func: f}, a, b) }
	left, leftSlope, width, rightSlope := weight("t_left"), weight("a_left"), s.Apply(graph.Unary{Func: graph.Abs}, weight("t_right")), weight("a_right")
	off := binary(graph.Sub, x, left)
	y := binary(graph.Minimum, s.Apply(graph.PReLU{}, off, leftSlope), width)
	over := s.Apply(graph.Activation{Func: graph.ReLU, B: math.Inf(1)}, binary(graph.Sub, off, width))
	return binary(graph.Add, binary(graph.Add, left, y), s.times(over, rightSlope))
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
