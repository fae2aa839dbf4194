package layers

import (
	"slices"

	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/layers/operation"
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
	adaptedForm
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
		y := s.Apply(op, x, s.adapted(c.adaptedForm, "kernel", kernel, func() {
			if c.UseBias {
				s.Weight("bias", filters) // finish finds it again
			}
		}))
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
	if s.alongAxis(a) {
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
		if rank == 3 && s.version.Major < 3 { // Keras 2 takes the option and does not hand it on
			op.Dilation = []int{1, 1, 1}
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
// Keras 2 computes it without its dilation_rate.
// With data_format="channels_first" the channels of x and result are dimension 1.
// See https://keras.io/api/layers/convolution_layers/convolution3d_transpose/.
var conv3DTransposeLayer = define1("Conv3DTranspose", convTransposeDefaults, transposedConvolution(3))

type locallyConnectedConfig struct {
	Filters        int           `json:"filters"`
	KernelSize     whole         `json:"kernel_size"`
	Strides        whole         `json:"strides"`
	Padding        graph.PadMode `json:"padding"`
	DataFormat     dataFormat    `json:"data_format"`
	Activation     activationArg `json:"activation"`
	UseBias        bool          `json:"use_bias"`
	Implementation int           `json:"implementation"`
}

var locallyConnectedDefaults = locallyConnectedConfig{Strides: number(1), Padding: graph.Valid, DataFormat: channelsLast, UseBias: true, Implementation: 1}

// A local is a convolution with weights of its own at every position.
type local struct {
	*scope
	in, out, size, strides []int // spatial
	channels, filters      int
	same                   bool
}

// locallyConnected lowers a LocallyConnected layer over rank spatial axes.
func locallyConnected(rank int) func(*scope, locallyConnectedConfig, graph.Value) graph.Value {
	return func(s *scope, c locallyConnectedConfig, x graph.Value) graph.Value {
		if !s.rank(x, rank+2) {
			return none()
		}
		x = s.toLast(c.DataFormat, s.floating(x))
		l := &local{scope: s, size: s.each("kernel_size", c.KernelSize, rank, 1), strides: s.each("strides", c.Strides, rank, 1),
			channels: x.Dim(-1), filters: s.size("filters", c.Filters), same: c.Padding == graph.Same}
		if c.Padding != graph.Valid && (c.Padding != graph.Same || c.Implementation == 1) {
			s.Failf("%w: padding is %q with implementation %d", graph.ErrAttr, c.Padding, c.Implementation)
		}
		pairs := 1 // of an input and an output
		for i := range rank {
			in := x.Dim(1 + i)
			if in == graph.Dyn || l.channels == graph.Dyn || in < l.size[i] {
				s.Failf("%w: input is %v for a kernel_size %v", graph.ErrShape, x.Shape, c.KernelSize)
				return none()
			}
			n := (in-l.size[i])/l.strides[i] + 1
			if l.same {
				n = (in + l.strides[i] - 1) / l.strides[i]
			}
			l.in, l.out = append(l.in, in), append(l.out, n)
			if pairs *= in * n; pairs > maxSize {
				s.Failf("%w: %d positions", graph.ErrShape, pairs)
				return none()
			}
		}
		var y graph.Value
		switch c.Implementation {
		case 1:
			y = l.patches(x, c.DataFormat)
		case 2, 3:
			y = l.matrix(x, c.DataFormat, c.Implementation == 3)
		default:
			s.Failf("%w: implementation is %d", graph.ErrAttr, c.Implementation)
		}
		if c.UseBias {
			b := s.Weight("bias", append(slices.Clone(l.out), l.filters)...)
			if c.DataFormat == channelsFirst { // Keras reshapes it, rather than transpose
				b = s.rotate(s.Apply(graph.Reshape{Dims: append([]int{l.filters}, l.out...)}, b), 1)
			}
			y = s.Apply(graph.Binary{Func: graph.Add}, y, b)
		}
		return s.activate(c.Activation, s.fromLast(c.DataFormat, y))
	}
}

// rotate moves the first n axes of x behind the others.
func (s *scope) rotate(x graph.Value, n int) graph.Value {
	perm := make([]int, x.Rank())
	for i := range perm {
		perm[i] = (i + n) % len(perm)
	}
	return s.Apply(graph.Transpose{Perm: perm}, x)
}

// patches is the product of every window with its own matrix: implementation 1,
// whose kernel is (positions, window·channels, filters).
func (l *local) patches(x graph.Value, f dataFormat) graph.Value {
	taps, positions := 1, 1
	for i := range l.size {
		taps *= l.size[i]
		positions *= l.out[i]
	}
	var parts []graph.Value
	for t := range taps {
		cut := []graph.Range{{Step: 1}}
		at := make([]int, len(l.size))
		for i := len(at) - 1; i >= 0; i-- {
			at[i], t = t%l.size[i], t/l.size[i]
		}
		for i := range at {
			cut = append(cut, graph.Range{Start: at[i], HasStart: true, Stop: at[i] + (l.out[i]-1)*l.strides[i] + 1, HasStop: true, Step: l.strides[i]})
		}
		part := l.Apply(graph.Slice{Ranges: append(cut, graph.Range{Step: 1})}, x)
		parts = append(parts, l.Apply(graph.Reshape{Dims: []int{graph.KeepDim(0), positions, 1, l.channels}}, part))
	}
	y := l.Apply(graph.Concat{Axis: 2}, parts...) // (batch, positions, window, channels)
	if f == channelsFirst {
		y = l.Apply(graph.Transpose{Perm: []int{0, 1, 3, 2}}, y)
	}
	y = l.Apply(graph.Reshape{Dims: []int{graph.KeepDim(0), positions, taps * l.channels}}, y)
	y = operation.Einsum(l.Builder, "bpk,pkf->bpf", y, l.Weight("kernel", positions, taps*l.channels, l.filters))
	return l.Apply(graph.Reshape{Dims: slices.Concat([]int{graph.KeepDim(0)}, l.out, []int{l.filters})}, y)
}

// matrix is one product with the matrix of all inputs and outputs. Its kernel is
// whole, (input..., output...) with the parts that connect nothing left out, or
// with sparse a list of what connects, in the order of outputs, then inputs.
func (l *local) matrix(x graph.Value, f dataFormat, sparse bool) graph.Value {
	ins, ok := append(graph.Shape{l.channels}, l.in...).Elems()
	outs, ok2 := append(graph.Shape{l.filters}, l.out...).Elems()
	if !ok || !ok2 {
		l.Failf("%w: %v of %d channels to %v of %d filters", graph.ErrShape, l.in, l.channels, l.out, l.filters)
		return none()
	}
	order := func(spatial []int, channels int) []int { // of a side, as the file has it
		if f == channelsFirst {
			return append([]int{channels}, spatial...)
		}
		return append(slices.Clone(spatial), channels)
	}
	if f == channelsFirst {
		x = l.fromLast(f, x)
	}
	x = l.Apply(graph.Reshape{Dims: []int{graph.KeepDim(0), ins}}, x)
	var kernel graph.Value
	if sparse {
		places, ok := l.Zeros(graph.Int32, ins, outs)
		if !ok {
			return none()
		}
		ids := places.Data.([]int32) // 1 more than the place in the list, until all are known
		n := int32(0)
		l.connections(order(l.in, l.channels), order(l.out, l.filters), f, func(o, i int) { n++; ids[i*outs+o] = n })
		for i, k := range ids {
			if ids[i] = k - 1; k == 0 {
				ids[i] = n // a zero behind the list
			}
		}
		list := l.Apply(graph.Reshape{Dims: []int{int(n), 1}}, l.Weight("kernel", int(n)))
		list = l.Apply(graph.Concat{Axis: 0}, list, l.Const(graph.NewTensor(list.DType, graph.Shape{1, 1})))
		kernel = l.Apply(graph.Gather{}, list, l.Const(places))
	} else {
		kernel = l.Weight("kernel", append(order(l.in, l.channels), order(l.out, l.filters)...)...)
		mask, ok := l.Zeros(kernel.DType, ins, outs)
		if !ok {
			return none()
		}
		l.connections(order(l.in, l.channels), order(l.out, l.filters), f, func(o, i int) { mask.SetFloat(i*outs+o, 1) })
		kernel = l.Apply(graph.Reshape{Dims: []int{ins, outs}}, kernel)
		kernel = l.Apply(graph.Binary{Func: graph.Mul}, kernel, l.Const(mask))
	}
	kernel = l.Apply(graph.Reshape{Dims: []int{ins, outs}}, kernel)
	y := l.Apply(graph.MatMul{}, x, kernel)
	y = l.Apply(graph.Reshape{Dims: append([]int{graph.KeepDim(0)}, order(l.out, l.filters)...)}, y)
	if f == channelsFirst {
		y = l.toLast(f, y)
	}
	return y
}

// connections calls f for the flat indices of every output and input that
// connect, outputs in ascending order and for each its inputs. With padding
// "same", windows are centred on the strided position and cut at the borders.
func (l *local) connections(in, out []int, format dataFormat, f func(o, i int)) {
	if l.Err() != nil {
		return
	}
	first := 0 // where the spatial axes begin
	if format == channelsFirst {
		first = 1
	}
	channel := len(l.in) * (1 - first)
	oc := make([]int, len(out))
	ic := make([]int, len(in))
	var walkIn func(axis, o int)
	walkIn = func(axis, o int) {
		if axis == len(in) {
			f(o, flat(ic, in))
			return
		}
		lo, hi := 0, in[axis]
		if axis != channel {
			k := axis - first
			left := l.size[k] / 2
			centre := oc[axis] * l.strides[k]
			if !l.same {
				centre += left
			}
			lo, hi = max(0, centre-left), min(in[axis], centre+l.size[k]-left)
		}
		for ic[axis] = lo; ic[axis] < hi; ic[axis]++ {
			walkIn(axis+1, o)
		}
	}
	n := 1
	for _, d := range out {
		n *= d
	}
	for o := range n {
		for i, r := len(out)-1, o; i >= 0; i-- {
			oc[i], r = r%out[i], r/out[i]
		}
		walkIn(0, o)
	}
}

// flat is the position of a coordinate in an array of the given shape.
func flat(at, shape []int) int {
	n := 0
	for i, d := range shape {
		n = n*d + at[i]
	}
	return n
}

// locallyConnected1DLayer is a convolution over one spatial axis whose kernel
// differs from position to position. Keras 3 lacks it.
//
//	x       (batch, n, in)
//	kernel  (n', kernel_size·in, filters)    implementation=2: (n, in, n', filters), 3: what connects
//	bias    (n', filters)                    when use_bias
//	result  (batch, n', filters)
//
// With data_format="channels_first" the channels are dimension 1.
// See https://keras.io/2.15/api/layers/locally_connected_layers/locall_connected1d/.
var locallyConnected1DLayer = define1("LocallyConnected1D", locallyConnectedDefaults, locallyConnected(1))

// locallyConnected2DLayer is a convolution over two spatial axes whose kernel
// differs from position to position. Keras 3 lacks it.
//
//	x       (batch, h, w, in)
//	kernel  (h'·w', kh·kw·in, filters)    implementation=2: (h, w, in, h', w', filters), 3: what connects
//	bias    (h', w', filters)             when use_bias
//	result  (batch, h', w', filters)
//
// With data_format="channels_first" the channels are dimension 1.
// See https://keras.io/2.15/api/layers/locally_connected_layers/locall_connected2d/.
var locallyConnected2DLayer = define1("LocallyConnected2D", locallyConnectedDefaults, locallyConnected(2))
