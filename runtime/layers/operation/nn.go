package operation

import (
	"math"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// nnOps are the operations of nn, activations and image.
var nnOps = map[string]row{
	"Relu":          {"x", activation(graph.ReLU, math.Inf(1))},
	"Relu6":         {"x", activation(graph.ReLU, 6)},
	"Sigmoid":       {"x", activation(graph.Sigmoid, 0)},
	"Silu":          {"x", activation(graph.SiLU, 0)},
	"Selu":          {"x", activation(graph.SELU, 0)},
	"Tanh":          {"x", activation(graph.Tanh, 0)},
	"Softplus":      {"x", activation(graph.Softplus, 0)},
	"Softsign":      {"x", activation(graph.Softsign, 0)},
	"LogSigmoid":    {"x", activation(graph.LogSigmoid, 0)},
	"HardSilu":      {"x", activation(graph.HardSiLU, 0)},
	"HardTanh":      {"x", activation(graph.HardTanh, 0)},
	"TanhShrink":    {"x", activation(graph.TanhShrink, 0)},
	"SparsePlus":    {"x", activation(graph.SparsePlus, 0)},
	"SparseSigmoid": {"x", activation(graph.SparseSigmoid, 0)},
	"Mish":          {"x", activation(graph.Mish, 0)},
	"HardSigmoid": {"x", func(o *call) []graph.Value {
		return o.act(graph.Activation{Func: graph.HardSigmoid, A: 1. / 6, B: 0.5})
	}},
	"Elu":        {"x", withAlpha(graph.ELU, "alpha", 1)},
	"Celu":       {"x", withAlpha(graph.CELU, "alpha", 1)},
	"HardShrink": {"x", withAlpha(graph.HardShrink, "threshold", 0.5)},
	"SoftShrink": {"x", withAlpha(graph.SoftShrink, "threshold", 0.5)},
	"Squareplus": {"x", withAlpha(graph.Squareplus, "b", 4)},
	"LeakyRelu": {"x negative_slope", func(o *call) []graph.Value {
		return o.act(graph.Activation{Func: graph.ReLU, A: o.float("negative_slope", 0.2), B: math.Inf(1)})
	}},
	"ReLU": {"x", func(o *call) []graph.Value {
		return o.act(graph.Activation{Func: graph.ReLU, A: o.float("negative_slope", 0), B: o.float("max_value", math.Inf(1)), C: o.float("threshold", 0)})
	}},
	"Threshold": {"x", func(o *call) []graph.Value {
		return o.act(graph.Activation{Func: graph.Threshold, A: o.float("threshold", 0), B: o.float("default_value", 0)})
	}},
	"Gelu": {"x approximate", func(o *call) []graph.Value {
		// The operation approximates by default, the activation "gelu" does not.
		if o.bool("approximate", o.rule == kerasRule) {
			return o.act(graph.Activation{Func: graph.GELUTanh})
		}
		return o.act(graph.Activation{Func: graph.GELU})
	}},
	"Glu": {"x", glu},

	"Softmax":    {"x axis", softmax(false)},
	"LogSoftmax": {"x axis", softmax(true)},
	"Sparsemax": {"x", func(o *call) []graph.Value {
		x := o.tensor("x")
		axis := o.axis("axis", -1, x.Rank())
		last := max(x.Rank()-1, 0)
		y := o.Apply(graph.Sparsemax{}, o.swap(x, axis, last))
		return o.one(o.swap(y, axis, last))
	}},
	"Normalize":   {"x axis epsilon", normalize},
	"OneHot":      {"x", oneHot},
	"AveragePool": {"inputs", pool(graph.AveragePool)},
	"MaxPool":     {"inputs", pool(graph.MaxPool)},
	"Resize":      {"images size interpolation", resize},
}

// act applies an activation to operand x.
func (o *call) act(a graph.Activation) []graph.Value {
	return o.one(o.Apply(a, o.tensor("x")))
}

// activation is an activation without parameters but ReLU's largest value.
func activation(f graph.ActivationFunc, most float64) func(*call) []graph.Value {
	return func(o *call) []graph.Value { return o.act(graph.Activation{Func: f, B: most}) }
}

// withAlpha is an activation with one parameter.
func withAlpha(f graph.ActivationFunc, name string, def float64) func(*call) []graph.Value {
	return func(o *call) []graph.Value {
		return o.act(graph.Activation{Func: f, A: o.float(name, def)})
	}
}

// glu is a·sigmoid(b) for the halves a and b of an axis.
func glu(o *call) []graph.Value {
	x := o.tensor("x")
	axis := o.axis("axis", -1, x.Rank())
	n := x.Dim(axis)
	if o.Err() != nil || n < 2 || n%2 != 0 {
		o.Failf("%w: halves of axis %d of %v", graph.ErrShape, axis, x.Shape)
		return nil
	}
	b := o.Apply(graph.Activation{Func: graph.Sigmoid}, o.cut(x, axis, n/2, n))
	return o.one(o.bin(graph.Mul, o.cut(x, axis, 0, n/2), b))
}

func softmax(log bool) func(*call) []graph.Value {
	return func(o *call) []graph.Value {
		x := o.tensor("x")
		axes := []int{-1}
		a, given := o.args["axis"]
		switch {
		case given && isNone(a) && o.rule == kerasRule: // over all axes
			axes = o.axes("axis", x.Rank())
		case o.arg("axis") != nil:
			axes = o.axes("axis", x.Rank())
		}
		return o.one(o.Apply(graph.Softmax{Axes: axes, Log: log}, x))
	}
}

// normalize is x·min(1/√(sum of squares), 1/epsilon) in Keras and
// x/√(max(sum of squares, epsilon)) in TensorFlow.
func normalize(o *call) []graph.Value {
	if n := o.int("order", 2); n != 2 {
		o.Failf("%w: order %d", keras.ErrUnsupported, n)
		return nil
	}
	x := o.tensor("x")
	axes := o.axes("axis", x.Rank())
	if _, given := o.args["axis"]; !given && o.rule == kerasRule {
		axes = []int{-1}
	}
	sum := o.reduce(graph.ReduceSum, o.Apply(graph.Unary{Func: graph.Square}, x), axes, true)
	if o.rule == tfRule {
		sum = o.bin(graph.Maximum, sum, o.Scalar(x.DType, o.float("epsilon", 1e-12)))
		return o.one(o.bin(graph.Mul, x, o.Apply(graph.Unary{Func: graph.Rsqrt}, sum)))
	}
	inv := o.Apply(graph.Unary{Func: graph.Rsqrt}, sum)
	inv = o.bin(graph.Minimum, inv, o.Scalar(x.DType, 1/o.float("epsilon", 1e-7)))
	return o.one(o.bin(graph.Mul, x, inv))
}

// oneHot compares indices with 0, 1, ... along a new axis.
func oneHot(o *call) []graph.Value {
	x := o.tensor("x")
	n := o.int("num_classes", 0)
	if n < 1 || n > 1<<24 {
		o.Failf("%w: num_classes %d", graph.ErrAttr, n)
		return nil
	}
	o.bool("sparse", false)
	axis := o.axis("axis", -1, x.Rank()+1)
	d, ok := o.dtypeArg("dtype")
	if !ok {
		d = graph.Float32
	}
	if o.Err() != nil {
		return nil
	}
	x = o.Cast(x, graph.Int64)
	shape := graph.Shape{n}
	for range x.Rank() - axis {
		shape = append(shape, 1)
	}
	classes, ok := o.Zeros(graph.Int64, shape...)
	if !ok {
		return nil
	}
	for i := range n {
		classes.SetFloat(i, float64(i))
	}
	return o.one(o.Cast(o.bin(graph.Equal, o.expand(x, axis), o.Const(classes)), d))
}

// window reads a size for each spatial axis: one number or a list.
func (o *call) window(name string, rank int, def []int) []int {
	v, ok := o.ints(name)
	switch {
	case !ok:
		return def
	case len(v) == 1:
		out := make([]int, rank)
		for i := range out {
			out[i] = v[0]
		}
		return out
	}
	return v
}

// channelsLast refuses the other data format.
func (o *call) channelsLast() {
	if f := o.str("data_format", "channels_last"); f != "channels_last" {
		o.Failf("%w: data_format %q", keras.ErrUnsupported, f)
	}
}

func pool(kind graph.PoolKind) func(*call) []graph.Value {
	return func(o *call) []graph.Value {
		x := o.tensor("inputs")
		o.channelsLast()
		rank := max(x.Rank()-2, 0)
		size := o.window("pool_size", rank, nil)
		return o.one(o.Apply(graph.Pool{
			Kind: kind, Size: size, Strides: o.window("strides", rank, size),
			Padding: graph.Padding{Mode: graph.PadMode(o.str("padding", "valid"))},
		}, x))
	}
}

func resize(o *call) []graph.Value {
	x := o.tensor("images")
	o.channelsLast()
	if !x.DType.Floating() {
		o.Failf("%w: resize of %v images", keras.ErrUnsupported, x.DType)
		return nil
	}
	size, _ := o.ints("size")
	if len(size) != 2 {
		o.Failf("%w: size %v", graph.ErrAttr, size)
		return nil
	}
	r := graph.Resize{
		Height: size[0], Width: size[1], Interpolation: o.str("interpolation", "bilinear"),
		Antialias: o.bool("antialias", false), FillValue: o.float("fill_value", 0),
	}
	if m := o.str("fill_mode", "constant"); m != "constant" {
		o.Failf("%w: fill_mode %q", keras.ErrUnsupported, m)
	}
	switch crop, fit := o.bool("crop_to_aspect_ratio", false), o.bool("pad_to_aspect_ratio", false); {
	case crop && fit:
		o.Failf("%w: crop_to_aspect_ratio and pad_to_aspect_ratio", graph.ErrAttr)
	case crop:
		r.Aspect = graph.CropAspect
	case fit:
		r.Aspect = graph.PadAspect
	}
	batch := x.Rank() == 4
	if !batch {
		x = o.expand(x, 0)
	}
	y := o.Apply(r, x)
	if !batch {
		y = o.squeezeAxes(y, []int{0})
	}
	return o.one(y)
}
