package layers

import (
	"slices"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

type convConfig struct {
	Filters      int           `json:"filters"`
	KernelSize   whole         `json:"kernel_size"`
	Strides      whole         `json:"strides"`
	Padding      graph.PadMode `json:"padding"`
	DataFormat   dataFormat    `json:"data_format"`
	DilationRate whole         `json:"dilation_rate"`
	Groups       int           `json:"groups"`
	Activation   activationArg `json:"activation"`
	UseBias      bool          `json:"use_bias"`
}

var convDefaults = convConfig{
	Strides: number(1), Padding: graph.Valid, DataFormat: channelsLast, DilationRate: number(1), Groups: 1, UseBias: true,
}

// convolution lowers a convolution over rank spatial axes.
func convolution(rank int) func(*scope, convConfig, graph.Value) graph.Value {
	return func(s *scope, c convConfig, x graph.Value) graph.Value {
		if !s.rank(x, rank+2) {
			return none()
		}
		x = s.toLast(c.DataFormat, s.floating(x))
		op := graph.Conv{
			Strides: s.each("strides", c.Strides, rank, 1), Dilation: s.each("dilation_rate", c.DilationRate, rank, 1),
			Groups: s.size("groups", c.Groups), Padding: s.padding(c.Padding, rank == 1),
		}
		filters, cin := s.size("filters", c.Filters), x.Dim(-1)
		if cin != graph.Dyn && cin%op.Groups != 0 || filters%op.Groups != 0 {
			s.Failf("%w: groups is %d for %d input channels and %d filters", graph.ErrAttr, op.Groups, cin, filters)
		}
		if cin != graph.Dyn {
			cin /= op.Groups
		}
		kernel := slices.Concat(s.each("kernel_size", c.KernelSize, rank, 1), []int{cin, filters})
		y := s.Apply(op, x, s.Weight("kernel", kernel...))
		return s.finish(c.DataFormat, c.UseBias, c.Activation, y, filters)
	}
}

// finish adds the bias of a convolution, applies its activation and returns the
// result in the layer's data format. An activation along the last axis sees
// that of the data format.
func (s *scope) finish(f dataFormat, useBias bool, a activationArg, y graph.Value, filters int) graph.Value {
	if useBias {
		y = s.Apply(graph.AddBias{}, y, s.Weight("bias", filters))
	}
	if a.alongAxis() {
		return s.activate(a, s.fromLast(f, y))
	}
	return s.fromLast(f, s.activate(a, y))
}

// conv1DLayer is activation(x ∗ kernel + bias), ∗ being the cross-correlation
// over one spatial axis. padding="causal" adds (kernel_size - 1)·dilation_rate
// cells before.
//
//	x       (batch, n, in)
//	kernel  (kernel_size, in/groups, filters)
//	bias    (filters)                          when use_bias
//	result  (batch, n', filters)
//
// With data_format="channels_first" the channels of x and result are dimension 1.
// See https://keras.io/api/layers/convolution_layers/convolution1d/.
var conv1DLayer = define1("Conv1D", convDefaults, convolution(1))

// conv2DLayer is activation(x ∗ kernel + bias), ∗ being the cross-correlation
// over two spatial axes.
//
//	x       (batch, h, w, in)
//	kernel  (kh, kw, in/groups, filters)
//	bias    (filters)                     when use_bias
//	result  (batch, h', w', filters)      n' = ⌈n/strides⌉ (same) or ⌊(n - (k-1)·dilation_rate - 1)/strides⌋ + 1 (valid)
//
// With data_format="channels_first" the channels of x and result are dimension 1.
// See https://keras.io/api/layers/convolution_layers/convolution2d/.
var conv2DLayer = define1("Conv2D", convDefaults, convolution(2))

// conv3DLayer is activation(x ∗ kernel + bias), ∗ being the cross-correlation
// over three spatial axes.
//
//	x       (batch, d, h, w, in)
//	kernel  (kd, kh, kw, in/groups, filters)
//	bias    (filters)                         when use_bias
//	result  (batch, d', h', w', filters)
//
// With data_format="channels_first" the channels of x and result are dimension 1.
// See https://keras.io/api/layers/convolution_layers/convolution3d/.
var conv3DLayer = define1("Conv3D", convDefaults, convolution(3))

type depthwiseConvConfig struct {
	KernelSize      whole         `json:"kernel_size"`
	Strides         whole         `json:"strides"`
	Padding         graph.PadMode `json:"padding"`
	DepthMultiplier int           `json:"depth_multiplier"`
	DataFormat      dataFormat    `json:"data_format"`
	DilationRate    whole         `json:"dilation_rate"`
	Activation      activationArg `json:"activation"`
	UseBias         bool          `json:"use_bias"`
}

var depthwiseConvDefaults = depthwiseConvConfig{
	Strides: number(1), Padding: graph.Valid, DepthMultiplier: 1, DataFormat: channelsLast, DilationRate: number(1), UseBias: true,
}

// depthwiseConvolution lowers a depthwise convolution over rank spatial axes.
func depthwiseConvolution(rank int) func(*scope, depthwiseConvConfig, graph.Value) graph.Value {
	return func(s *scope, c depthwiseConvConfig, x graph.Value) graph.Value {
		if !s.rank(x, rank+2) {
			return none()
		}
		x = s.toLast(c.DataFormat, s.floating(x))
		y := s.depthwise(rank, c, x, "kernel")
		return s.finish(c.DataFormat, c.UseBias, c.Activation, y, y.Dim(-1))
	}
}

// depthwise is the convolution of each channel of x on its own.
func (s *scope) depthwise(rank int, c depthwiseConvConfig, x graph.Value, weight string) graph.Value {
	kernel := slices.Concat(s.each("kernel_size", c.KernelSize, rank, 1), []int{x.Dim(-1), s.size("depth_multiplier", c.DepthMultiplier)})
	return s.Apply(graph.DepthwiseConv{
		Strides: s.each("strides", c.Strides, rank, 1), Dilation: s.each("dilation_rate", c.DilationRate, rank, 1),
		Padding: s.padding(c.Padding, rank == 1),
	}, x, s.Weight(weight, kernel...))
}

// depthwiseConv1DLayer convolves each channel on its own: output channel
// c·depth_multiplier + m is channel c with kernel m.
//
//	x       (batch, n, in)
//	kernel  (kernel_size, in, depth_multiplier)
//	bias    (in·depth_multiplier)                when use_bias
//	result  (batch, n', in·depth_multiplier)
//
// With data_format="channels_first" the channels of x and result are dimension 1.
// See https://keras.io/api/layers/convolution_layers/depthwise_convolution1d/.
var depthwiseConv1DLayer = define1("DepthwiseConv1D", depthwiseConvDefaults, depthwiseConvolution(1))

// depthwiseConv2DLayer convolves each channel on its own: output channel
// c·depth_multiplier + m is channel c with kernel m.
//
//	x       (batch, h, w, in)
//	kernel  (kh, kw, in, depth_multiplier)
//	bias    (in·depth_multiplier)                 when use_bias
//	result  (batch, h', w', in·depth_multiplier)
//
// With data_format="channels_first" the channels of x and result are dimension 1.
// See https://keras.io/api/layers/convolution_layers/depthwise_convolution2d/.
var depthwiseConv2DLayer = define1("DepthwiseConv2D", depthwiseConvDefaults, depthwiseConvolution(2))

type separableConvConfig struct {
	depthwiseConvConfig
	Filters int `json:"filters"`
}

var separableConvDefaults = separableConvConfig{depthwiseConvConfig: depthwiseConvDefaults}

// separableConvolution lowers a depthwise convolution that a pointwise one follows.
func separableConvolution(rank int) func(*scope, separableConvConfig, graph.Value) graph.Value {
	return func(s *scope, c separableConvConfig, x graph.Value) graph.Value {
		if !s.rank(x, rank+2) {
			return none()
		}
		x = s.toLast(c.DataFormat, s.floating(x))
		y := s.depthwise(rank, c.depthwiseConvConfig, x, "depthwise_kernel")
		filters := s.size("filters", c.Filters)
		ones := []int{1, 1, 1}[:rank]
		y = s.Apply(graph.Conv{Strides: ones, Dilation: ones, Groups: 1, Padding: graph.Padding{Mode: graph.Valid}},
			y, s.Weight("pointwise_kernel", slices.Concat(ones, []int{y.Dim(-1), filters})...))
		return s.finish(c.DataFormat, c.UseBias, c.Activation, y, filters)
	}
}

// separableConv1DLayer is a depthwise convolution, then a pointwise one (1),
// then bias and activation.
//
//	x                 (batch, n, in)
//	depthwise_kernel  (kernel_size, in, depth_multiplier)
//	pointwise_kernel  (1, in·depth_multiplier, filters)
//	bias              (filters)                            when use_bias
//	result            (batch, n', filters)
//
// With data_format="channels_first" the channels of x and result are dimension 1.
// See https://keras.io/api/layers/convolution_layers/separable_convolution1d/.
var separableConv1DLayer = define1("SeparableConv1D", separableConvDefaults, separableConvolution(1))

// separableConv2DLayer is a depthwise convolution, then a pointwise one (1x1),
// then bias and activation.
//
//	x                 (batch, h, w, in)
//	depthwise_kernel  (kh, kw, in, depth_multiplier)
//	pointwise_kernel  (1, 1, in·depth_multiplier, filters)
//	bias              (filters)                             when use_bias
//	result            (batch, h', w', filters)
//
// With data_format="channels_first" the channels of x and result are dimension 1.
// See https://keras.io/api/layers/convolution_layers/separable_convolution2d/.
var separableConv2DLayer = define1("SeparableConv2D", separableConvDefaults, separableConvolution(2))

type convTransposeConfig struct {
	Filters       int           `json:"filters"`
	KernelSize    whole         `json:"kernel_size"`
	Strides       whole         `json:"strides"`
	Padding       graph.PadMode `json:"padding"`
	OutputPadding whole         `json:"output_padding"` // null: the size follows from strides
	DataFormat    dataFormat    `json:"data_format"`
	DilationRate  whole         `json:"dilation_rate"`
	Activation    activationArg `json:"activation"`
	UseBias       bool          `json:"use_bias"`
}

var convTransposeDefaults = convTransposeConfig{
	Strides: number(1), Padding: graph.Valid, DataFormat: channelsLast, DilationRate: number(1), UseBias: true,
}

// transposedConvolution lowers a transposed convolution over rank spatial axes.
func transposedConvolution(rank int) func(*scope, convTransposeConfig, graph.Value) graph.Value {
	return func(s *scope, c convTransposeConfig, x graph.Value) graph.Value {
		if !s.rank(x, rank+2) {
			return none()
		}
		x = s.toLast(c.DataFormat, s.floating(x))
		op := graph.ConvTranspose{
			Strides: s.each("strides", c.Strides, rank, 1), Dilation: s.each("dilation_rate", c.DilationRate, rank, 1),
			Padding: s.padding(c.Padding, false),
		}
		if c.OutputPadding.list != nil {
			op.OutputPadding = s.each("output_padding", c.OutputPadding, rank, 0)
		}
		filters := s.size("filters", c.Filters)
		kernel := slices.Concat(s.each("kernel_size", c.KernelSize, rank, 1), []int{filters, x.Dim(-1)})
		y := s.Apply(op, x, s.Weight("kernel", kernel...))
		return s.finish(c.DataFormat, c.UseBias, c.Activation, y, filters)
	}
}

// conv1DTransposeLayer is the gradient of a convolution: every input cell
// scatters the kernel; then bias and activation.
//
//	x       (batch, n, in)
//	kernel  (kernel_size, filters, in)
//	bias    (filters)                   when use_bias
//	result  (batch, n', filters)        n' as for Conv2DTranspose
//
// With data_format="channels_first" the channels of x and result are dimension 1.
// See https://keras.io/api/layers/convolution_layers/convolution1d_transpose/.
var conv1DTransposeLayer = define1("Conv1DTranspose", convTransposeDefaults, transposedConvolution(1))

// conv2DTransposeLayer is the gradient of a convolution: every input cell
// scatters the kernel; then bias and activation.
//
//	x       (batch, h, w, in)
//	kernel  (kh, kw, filters, in)
//	bias    (filters)                 when use_bias
//	result  (batch, h', w', filters)  n' = n·strides (same) or n·strides + max(k - strides, 0) (valid), k being the dilated kernel;
//	                                  with output_padding (n-1)·strides + k - (2·⌊k/2⌋ if same) + output_padding
//
// With data_format="channels_first" the channels of x and result are dimension 1.
// See https://keras.io/api/layers/convolution_layers/convolution2d_transpose/.
var conv2DTransposeLayer = define1("Conv2DTranspose", convTransposeDefaults, transposedConvolution(2))

// conv3DTransposeLayer is the gradient of a convolution: every input cell
// scatters the kernel; then bias and activation.
//
//	x       (batch, d, h, w, in)
//	kernel  (kd, kh, kw, filters, in)
//	bias    (filters)                     when use_bias
//	result  (batch, d', h', w', filters)  n' as for Conv2DTranspose
//
// With data_format="channels_first" the channels of x and result are dimension 1.
// See https://keras.io/api/layers/convolution_layers/convolution3d_transpose/.
var conv3DTransposeLayer = define1("Conv3DTranspose", convTransposeDefaults, transposedConvolution(3))
