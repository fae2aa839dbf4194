package layers

import (
	"math"
	"slices"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

type batchNormalizationConfig struct {
	Axis           whole              `json:"axis"`
	Epsilon        float64            `json:"epsilon"`
	Center         bool               `json:"center"`
	Scale          bool               `json:"scale"`
	Renorm         bool               `json:"renorm"`
	Mode           int                `json:"mode"` // Keras 1: 1 normalizes the last axis of each sample, 2 with the moments of the batch
	Momentum       keras.TrainingOnly `json:"momentum"`
	Synchronized   keras.TrainingOnly `json:"synchronized"`
	RenormClipping keras.TrainingOnly `json:"renorm_clipping"`
	RenormMomentum keras.TrainingOnly `json:"renorm_momentum"`
}

// batchNormalizationLayer is gamma·(x - moving_mean)/√(moving_variance +
// epsilon) + beta (Ioffe and Szegedy, 2015).
//
//	x                (batch, ..., c)    c being the dimension of axis
//	gamma            (c)                when scale
//	beta             (c)                when center
//	moving_mean      (c)
//	moving_variance  (c)
//	result           (batch, ..., c)
//
// Called with training=True, and in mode 2 of Keras 1, the mean and the variance
// are those of the batch. Mode 1 of Keras 1 is gamma·(x - mean)/(√(variance +
// epsilon) + epsilon) + beta over the last axis of each sample.
// With renorm the layer has three more weights, which inference does not use.
// In Keras 2 axis may be several axes; then the weights have the rank of x, and
// 1 along the others.
// See https://keras.io/api/layers/normalization_layers/batch_normalization/.
var batchNormalizationLayer = define1("BatchNormalization",
	batchNormalizationConfig{Axis: number(-1), Epsilon: 1e-3, Center: true, Scale: true},
	func(s *scope, c batchNormalizationConfig, x graph.Value) graph.Value {
		axes := s.axes("axis", c.Axis, x)
		if axes == nil {
			return none()
		}
		t, x := s.inFloat32(x)
		dims := make([]int, len(axes)) // of the weights in the op
		for i, a := range axes {
			dims[i] = x.Dim(a)
		}
		stored := dims
		if len(axes) > 1 {
			stored = slices.Repeat([]int{1}, x.Rank())
			for _, a := range axes {
				stored[a] = x.Dim(a)
			}
		}
		format := channelsLast
		if len(axes) == 1 && axes[0] == 1 && x.Rank() > 2 {
			format = channelsFirst
			axes = []int{x.Rank() - 1}
		}
		in := []graph.Value{t.toLast(format, x)}
		add := func(w graph.Value) {
			if len(dims) > 1 {
				w = t.Apply(graph.Reshape{Dims: dims}, w)
			}
			in = append(in, w)
		}
		if c.Scale {
			add(t.Weight("gamma", stored...))
		}
		if c.Center {
			add(t.Weight("beta", stored...))
		}
		weights := len(in)
		add(t.State("moving_mean", stored...))
		add(t.State("moving_variance", stored...))
		switch {
		case c.Mode < 0 || c.Mode > 2:
			s.Failf("%w: mode is %d", graph.ErrAttr, c.Mode)
			return none()
		case c.Mode == 1:
			return s.cast(t.sampleNorm(c, x, in[1:weights]), s.compute)
		case c.Mode == 2 || s.training && !s.frozen:
			mean, variance := t.batchMoments(c.Renorm, axes, in[0])
			in = append(in[:weights], mean, variance)
		}
		if c.Renorm {
			for _, name := range []string{"moving_stddev", "renorm_mean", "renorm_stddev"} {
				t.declare(name, false, t.variable, stored)
			}
		}
		y := t.Apply(graph.BatchNorm{Axes: axes, Epsilon: c.Epsilon, Scale: c.Scale, Center: c.Center}, in...)
		return s.cast(t.fromLast(format, y), s.compute)
	})

// sampleNorm is mode 1 of Keras 1's BatchNormalization; weights are those of
// gamma and beta that there are.
func (s *scope) sampleNorm(c batchNormalizationConfig, x graph.Value, weights []graph.Value) graph.Value {
	over := func(v graph.Value) graph.Value {
		return s.Apply(graph.Reduce{Func: graph.ReduceMean, Axes: []int{-1}, KeepDims: true}, v)
	}
	binary := func(f graph.BinaryFunc, a, b graph.Value) graph.Value { return s.Apply(graph.Binary{Func: f}, a, b) }
	epsilon := s.Scalar(x.DType, c.Epsilon)
	off := binary(graph.Sub, x, over(x))
	variance := over(s.Apply(graph.Unary{Func: graph.Square}, off))
	deviation := binary(graph.Add, s.Apply(graph.Unary{Func: graph.Sqrt}, binary(graph.Add, variance, epsilon)), epsilon)
	y := binary(graph.Div, off, deviation)
	if c.Scale {
		y, weights = binary(graph.Mul, y, weights[0]), weights[1:]
	}
	if c.Center {
		y = binary(graph.Add, y, weights[0])
	}
	return y
}

// batchMoments returns the mean and the variance of x over all axes but those of
// the weights, in their shape in the op.
func (s *scope) batchMoments(renorm bool, axes []int, x graph.Value) (mean, variance graph.Value) {
	if _, masked := s.implicitMask(x); masked || renorm {
		s.Failf("%w: called with training=true, with a mask or renorm", keras.ErrUnsupported)
	}
	var rest []int
	for i := range x.Rank() {
		if !slices.Contains(axes, i) {
			rest = append(rest, i)
		}
	}
	over := func(v graph.Value, keep bool) graph.Value {
		return s.Apply(graph.Reduce{Func: graph.ReduceMean, Axes: rest, KeepDims: keep}, v)
	}
	off := s.Apply(graph.Binary{Func: graph.Sub}, x, over(x, true))
	return over(x, false), over(s.Apply(graph.Unary{Func: graph.Square}, off), false)
}

type layerNormalizationConfig struct {
	Axis       whole   `json:"axis"`
	Epsilon    float64 `json:"epsilon"`
	Center     bool    `json:"center"`
	Scale      bool    `json:"scale"`
	RMSScaling bool    `json:"rms_scaling"`
}

// layerNormalizationLayer is gamma·(x - mean)/√(variance + epsilon) + beta with
// the mean and variance of each sample over axis (Ba et al., 2016). With
// rms_scaling it is gamma·x/√(variance + epsilon).
//
//	x       (batch, ...)
//	gamma   (dimensions of axis)    when scale or rms_scaling
//	beta    (dimensions of axis)    when center and not rms_scaling
//	result  (batch, ...)
//
// See https://keras.io/api/layers/normalization_layers/layer_normalization/.
var layerNormalizationLayer = define1("LayerNormalization",
	layerNormalizationConfig{Axis: number(-1), Epsilon: 1e-3, Center: true, Scale: true},
	func(s *scope, c layerNormalizationConfig, x graph.Value) graph.Value {
		op := graph.LayerNorm{Epsilon: c.Epsilon, Kind: graph.NormMean, Scale: c.Scale, Center: c.Center}
		if c.RMSScaling {
			op.Kind, op.Scale, op.Center = graph.NormRMSScaling, true, false
		}
		return s.layerNorm(op, c.Axis, x, "gamma", "beta")
	})

type rmsNormalizationConfig struct {
	Axis    whole   `json:"axis"`
	Epsilon float64 `json:"epsilon"`
}

// rmsNormalizationLayer is scale·x/√(mean(x²) + epsilon) over axis (Zhang and
// Sennrich, 2019).
//
//	x       (batch, ...)
//	scale   (dimensions of axis)
//	result  (batch, ...)
//
// See https://keras.io/api/layers/normalization_layers/rms_normalization/.
var rmsNormalizationLayer = define1("RMSNormalization", rmsNormalizationConfig{Axis: number(-1), Epsilon: 1e-6},
	func(s *scope, c rmsNormalizationConfig, x graph.Value) graph.Value {
		return s.layerNorm(graph.LayerNorm{Epsilon: c.Epsilon, Kind: graph.NormRMS, Scale: true}, c.Axis, x, "scale", "")
	})

// layerNorm applies op over axis with the weights that it asks for.
func (s *scope) layerNorm(op graph.LayerNorm, axis whole, x graph.Value, scale, center string) graph.Value {
	op.Axes = s.axes("axis", axis, x)
	if op.Axes == nil {
		return none()
	}
	t, x := s.inFloat32(x)
	dims := func(axes []int) []int {
		out := make([]int, len(axes))
		for i, a := range axes {
			out[i] = x.Dim(a)
		}
		return out
	}
	// The weights are stored in the order of the config, and read in that of the
	// axes, as Keras does. Keras 3 sorts the numbers as they are, negative ones first.
	order := slices.Clone(axis.list)
	if s.version.Major >= 3 {
		slices.Sort(order)
	}
	in := []graph.Value{x}
	add := func(name string) {
		w := t.Weight(name, dims(order)...)
		if !slices.Equal(dims(order), dims(op.Axes)) {
			w = t.Apply(graph.Reshape{Dims: dims(op.Axes)}, w)
		}
		in = append(in, w)
	}
	if op.Scale {
		add(scale)
	}
	if op.Center {
		add(center)
	}
	return s.cast(t.Apply(op, in...), s.compute)
}

type groupNormalizationConfig struct {
	Groups  int     `json:"groups"`
	Axis    int     `json:"axis"`
	Epsilon float64 `json:"epsilon"`
	Center  bool    `json:"center"`
	Scale   bool    `json:"scale"`
}

// groupNormalizationLayer is gamma·(x - mean)/√(variance + epsilon) + beta with
// the mean and variance of each sample over all axes, within groups of channels
// (Wu and He, 2018). groups=-1 makes each channel a group.
//
//	x       (batch, ..., c)    c being the dimension of axis
//	gamma   (c)                when scale
//	beta    (c)                when center
//	result  (batch, ..., c)
//
// See https://keras.io/api/layers/normalization_layers/group_normalization/.
var groupNormalizationLayer = define1("GroupNormalization",
	groupNormalizationConfig{Groups: 32, Axis: -1, Epsilon: 1e-3, Center: true, Scale: true},
	func(s *scope, c groupNormalizationConfig, x graph.Value) graph.Value {
		axes := s.axes("axis", number(c.Axis), x)
		if axes == nil {
			return none()
		}
		axis, last := axes[0], x.Rank()-1
		if axis == 0 {
			s.Failf("%w: axis is %d, the batch", graph.ErrAttr, c.Axis)
			return none()
		}
		n := x.Dim(axis)
		groups := c.Groups
		if groups == -1 {
			groups = n
		}
		if groups < 1 || n == graph.Dyn || n%groups != 0 {
			s.Failf("%w: groups is %d for %d channels on axis %v", graph.ErrAttr, c.Groups, n, c.Axis)
			return none()
		}
		t, x := s.inFloat32(x)
		var there, back []int
		if axis != last {
			for i := range last + 1 {
				if i != axis {
					there = append(there, i)
				}
			}
			there = append(there, axis)
			for i := range last + 1 {
				back = append(back, slices.Index(there, i))
			}
			x = t.Apply(graph.Transpose{Perm: there}, x)
		}
		in := []graph.Value{x}
		if c.Scale {
			in = append(in, t.Weight("gamma", n))
		}
		if c.Center {
			in = append(in, t.Weight("beta", n))
		}
		y := t.Apply(graph.GroupNorm{Groups: groups, Epsilon: c.Epsilon, Scale: c.Scale, Center: c.Center}, in...)
		if back != nil {
			y = t.Apply(graph.Transpose{Perm: back}, y)
		}
		return s.cast(y, s.compute)
	})

type unitNormalizationConfig struct {
	Axis whole `json:"axis"`
}

// unitNormalizationLayer is x/√(max(Σ x², 1e-12)) over axis.
//
//	x       (batch, ...)
//	result  (batch, ...)
//
// See https://keras.io/api/layers/normalization_layers/unit_normalization/.
var unitNormalizationLayer = define1("UnitNormalization", unitNormalizationConfig{Axis: number(-1)},
	func(s *scope, c unitNormalizationConfig, x graph.Value) graph.Value {
		axes := s.axes("axis", c.Axis, x)
		return s.unit(s.floating(x), axes)
	})

// unit is x/√max(Σx², 1e-12) over axes.
func (s *scope) unit(x graph.Value, axes []int) graph.Value {
	sum := s.Apply(graph.Reduce{Func: graph.ReduceSum, Axes: axes, KeepDims: true}, s.Apply(graph.Unary{Func: graph.Square}, x))
	sum = s.Apply(graph.Binary{Func: graph.Maximum}, sum, s.Scalar(x.DType, 1e-12))
	return s.Apply(graph.Binary{Func: graph.Mul}, x, s.Apply(graph.Unary{Func: graph.Rsqrt}, sum))
}

// minDeviation is what Normalization takes for a smaller standard deviation: Keras's epsilon.
const minDeviation = 1e-7

type normalizationConfig struct {
	Axis     whole   `json:"axis"` // null: one mean and variance for all
	Mean     numbers `json:"mean"`
	Variance numbers `json:"variance"`
	Invert   bool    `json:"invert"`
}

// normalizationLayer is (x - mean)/max(√variance, 1e-7), with invert x·max(√variance,
// 1e-7) + mean. mean and variance come from the config, or else are weights
// that were learnt by adapt.
//
//	x         (batch, ...)
//	mean      (dimensions of axis)    unless in the config
//	variance  (dimensions of axis)    unless in the config
//	count     ()                      unless in the config; unused
//	result    (batch, ...)
//
// See https://keras.io/api/layers/preprocessing_layers/numerical/normalization/.
var normalizationLayer = define1("Normalization", normalizationConfig{Axis: number(-1)},
	func(s *scope, c normalizationConfig, x graph.Value) graph.Value {
		var axes []int
		if len(c.Axis.list) > 0 {
			if axes = s.axes("axis", c.Axis, x); axes == nil {
				return none()
			}
		}
		x = s.cast(x, s.compute)
		kept := make([]int, len(axes))
		broadcast := slices.Repeat([]int{1}, x.Rank())
		for i, a := range axes {
			kept[i], broadcast[a] = x.Dim(a), x.Dim(a)
		}
		var mean, deviation graph.Value
		switch {
		case (c.Mean.data == nil) != (c.Variance.data == nil):
			s.Failf("%w: mean is %v and variance is %v, want both or none", graph.ErrAttr, c.Mean, c.Variance)
			return none()
		case c.Mean.data != nil:
			if s.Err() != nil {
				return none()
			}
			for _, n := range []struct {
				key string
				v   *numbers
			}{{"mean", &c.Mean}, {"variance", &c.Variance}} {
				if !n.v.align(axes, broadcast) {
					s.Failf("%w: %s is %v for axis %v of an input %v", graph.ErrAttr, n.key, *n.v, c.Axis, x.Shape)
					return none()
				}
			}
			mean = s.constant(x.DType, c.Mean, func(m float64) float64 { return m })
			deviation = s.constant(x.DType, c.Variance, func(v float64) float64 { return math.Max(math.Sqrt(v), minDeviation) })
		default:
			full := func(v graph.Value) graph.Value { return s.Apply(graph.Reshape{Dims: broadcast}, v) }
			mean = full(s.State("mean", kept...))
			deviation = s.Apply(graph.Unary{Func: graph.Sqrt}, full(s.State("variance", kept...)))
			deviation = s.Apply(graph.Binary{Func: graph.Maximum}, deviation, s.Scalar(x.DType, minDeviation))
			s.declare("count", false, graph.Int64, graph.Shape{})
		}
		if c.Invert {
			return s.Apply(graph.Binary{Func: graph.Add}, s.Apply(graph.Binary{Func: graph.Mul}, x, deviation), mean)
		}
		return s.Apply(graph.Binary{Func: graph.Div}, s.Apply(graph.Binary{Func: graph.Sub}, x, mean), deviation)
	})

// align gives n the rank of broadcast, with its dimensions at the last of axes
// from right to left, and reports whether they fit. A number, and numbers whose
// shape already broadcasts, stay as they are.
func (n *numbers) align(axes, broadcast []int) bool {
	dims := n.shape
	for len(dims) > len(axes) && dims[0] == 1 {
		dims = dims[1:]
	}
	if len(dims) > len(axes) {
		return false
	}
	shape := slices.Repeat([]int{1}, len(broadcast))
	for i := range dims {
		a, d := axes[len(axes)-1-i], dims[len(dims)-1-i]
		if d != 1 && d != broadcast[a] {
			return false
		}
		shape[a] = d
	}
	n.shape = shape
	return true
}

type spectralNormalizationConfig struct {
	Layer           *keras.Value       `json:"layer"`
	PowerIterations keras.TrainingOnly `json:"power_iterations"`
}

// spectralNormalizationLayer applies the layer that it wraps, whose kernel was
// divided by its spectral norm during training (Miyato et al., 2018).
//
//	x         as the layer has it
//	vector_u  (1, last dimension of the kernel)    unused at inference
//	result    as the layer has it, with its mask
//
// See https://keras.io/api/layers/normalization_layers/spectral_normalization/.
var spectralNormalizationLayer = define1("SpectralNormalization", spectralNormalizationConfig{},
	func(s *scope, _ spectralNormalizationConfig, x graph.Value) graph.Value {
		inner := s.layer.Inner["layer"]
		if len(inner) != 1 {
			s.Failf("%w: no layer to normalize", keras.ErrFormat)
			return none()
		}
		out := s.inner(inner[0], "layer", x)
		if s.Err() != nil {
			return none()
		}
		for _, name := range []string{"kernel", "embeddings"} {
			// Its group in .weights.h5 begins with a copy of the kernel.
			if kernel, ok := s.params[paramKey(join(s.path, inner[0].Name), join(s.file, "layer"), name)]; ok && len(out) == 1 {
				u := *s
				u.copies = 1
				u.declare("vector_u", false, kernel.DType, graph.Shape{1, kernel.Dim(-1)})
				return s.Cast(out[0], x.DType)
			}
		}
		s.Failf("%w: SpectralNormalization of %s", keras.ErrUnsupported, inner[0].Class)
		return none()
	})
