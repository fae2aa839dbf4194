package layers

import (
	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

type poolConfig struct {
	PoolSize   whole         `json:"pool_size"`
	Strides    whole         `json:"strides"` // null: pool_size
	Padding    graph.PadMode `json:"padding"`
	DataFormat dataFormat    `json:"data_format"`
}

var poolDefaults = poolConfig{PoolSize: number(2), Padding: graph.Valid, DataFormat: channelsLast}

// pooling lowers a pooling layer over rank spatial axes.
func pooling(rank int, kind graph.PoolKind) func(*scope, poolConfig, graph.Value) graph.Value {
	return func(s *scope, c poolConfig, x graph.Value) graph.Value {
		if !s.rank(x, rank+2) {
			return none()
		}
		size := s.each("pool_size", c.PoolSize, rank, 1)
		strides := size
		if c.Strides.list != nil {
			strides = s.each("strides", c.Strides, rank, 1)
		}
		given := x.DType
		if kind == graph.MaxPool && given.Integer() {
			x = s.cast(x, exactFloat(given)) // the largest of whole numbers is exact
		}
		y := s.Apply(graph.Pool{Kind: kind, Size: size, Strides: strides, Padding: s.padding(c.Padding, false)}, s.toLast(c.DataFormat, s.floating(x)))
		y = s.fromLast(c.DataFormat, y)
		if kind == graph.MaxPool && given.Integer() {
			y = s.cast(y, given)
		}
		return y
	}
}

// exactFloat returns a floating type for values of integer type d: Float32
// where it holds them all, else Float64.
func exactFloat(d graph.DType) graph.DType {
	if d.Size() <= 2 {
		return graph.Float32
	}
	return graph.Float64
}

// maxPooling1DLayer takes the maximum over windows of pool_size; padding does not take part.
//
//	x       (batch, n, c)
//	result  (batch, n', c)    n' = ⌈n/strides⌉ (same) or ⌊(n - pool_size)/strides⌋ + 1 (valid)
//
// With data_format="channels_first" the channels are dimension 1.
// See https://keras.io/api/layers/pooling_layers/max_pooling1d/.
var maxPooling1DLayer = define1("MaxPooling1D", poolDefaults, pooling(1, graph.MaxPool))

// maxPooling2DLayer takes the maximum over windows of pool_size; padding does not take part.
//
//	x       (batch, h, w, c)
//	result  (batch, h', w', c)    n' = ⌈n/strides⌉ (same) or ⌊(n - pool_size)/strides⌋ + 1 (valid)
//
// With data_format="channels_first" the channels are dimension 1.
// See https://keras.io/api/layers/pooling_layers/max_pooling2d/.
var maxPooling2DLayer = define1("MaxPooling2D", poolDefaults, pooling(2, graph.MaxPool))

// maxPooling3DLayer takes the maximum over windows of pool_size; padding does not take part.
//
//	x       (batch, d, h, w, c)
//	result  (batch, d', h', w', c)    n' = ⌈n/strides⌉ (same) or ⌊(n - pool_size)/strides⌋ + 1 (valid)
//
// With data_format="channels_first" the channels are dimension 1.
// See https://keras.io/api/layers/pooling_layers/max_pooling3d/.
var maxPooling3DLayer = define1("MaxPooling3D", poolDefaults, pooling(3, graph.MaxPool))

// averagePooling1DLayer takes the mean over windows of pool_size; padding is not counted.
//
//	x       (batch, n, c)
//	result  (batch, n', c)    n' = ⌈n/strides⌉ (same) or ⌊(n - pool_size)/strides⌋ + 1 (valid)
//
// With data_format="channels_first" the channels are dimension 1.
// See https://keras.io/api/layers/pooling_layers/average_pooling1d/.
var averagePooling1DLayer = define1("AveragePooling1D", poolDefaults, pooling(1, graph.AveragePool))

// averagePooling2DLayer takes the mean over windows of pool_size; padding is not counted.
//
//	x       (batch, h, w, c)
//	result  (batch, h', w', c)    n' = ⌈n/strides⌉ (same) or ⌊(n - pool_size)/strides⌋ + 1 (valid)
//
// With data_format="channels_first" the channels are dimension 1.
// See https://keras.io/api/layers/pooling_layers/average_pooling2d/.
var averagePooling2DLayer = define1("AveragePooling2D", poolDefaults, pooling(2, graph.AveragePool))

// averagePooling3DLayer takes the mean over windows of pool_size; padding is not counted.
//
//	x       (batch, d, h, w, c)
//	result  (batch, d', h', w', c)    n' = ⌈n/strides⌉ (same) or ⌊(n - pool_size)/strides⌋ + 1 (valid)
//
// With data_format="channels_first" the channels are dimension 1.
// See https://keras.io/api/layers/pooling_layers/average_pooling3d/.
var averagePooling3DLayer = define1("AveragePooling3D", poolDefaults, pooling(3, graph.AveragePool))

type globalPoolConfig struct {
	DataFormat dataFormat `json:"data_format"`
	KeepDims   bool       `json:"keepdims"`
}

var globalPoolDefaults = globalPoolConfig{DataFormat: channelsLast}

// globalPooling lowers a pooling over all of rank spatial axes.
func globalPooling(rank int, f graph.ReduceFunc) func(*scope, globalPoolConfig, graph.Value) graph.Value {
	return func(s *scope, c globalPoolConfig, x graph.Value) graph.Value {
		if !s.rank(x, rank+2) {
			return none()
		}
		if f == graph.ReduceMean && !x.DType.Floating() {
			if s.version.Major < 3 {
				s.Failf("%w: mean of %v, which Keras 2 rounds", keras.ErrUnsupported, x.DType)
			}
			x = s.floating(x)
		}
		axes := []int{1, 2, 3}[:rank]
		y := s.Apply(graph.Reduce{Func: f, Axes: axes, KeepDims: c.KeepDims}, s.toLast(c.DataFormat, x))
		if c.KeepDims {
			y = s.fromLast(c.DataFormat, y)
		}
		return y
	}
}

// globalMaxPooling1DLayer takes the maximum over the spatial axis.
//
//	x       (batch, n, c)    (batch, c, n) with data_format="channels_first"
//	result  (batch, c)       the axis stays as 1 with keepdims
//
// See https://keras.io/api/layers/pooling_layers/global_max_pooling1d/.
var globalMaxPooling1DLayer = define1("GlobalMaxPooling1D", globalPoolDefaults, globalPooling(1, graph.ReduceMax))

// globalMaxPooling2DLayer takes the maximum over the spatial axes.
//
//	x       (batch, h, w, c)    (batch, c, h, w) with data_format="channels_first"
//	result  (batch, c)          the axes stay as 1 with keepdims
//
// See https://keras.io/api/layers/pooling_layers/global_max_pooling2d/.
var globalMaxPooling2DLayer = define1("GlobalMaxPooling2D", globalPoolDefaults, globalPooling(2, graph.ReduceMax))

// globalMaxPooling3DLayer takes the maximum over the spatial axes.
//
//	x       (batch, d, h, w, c)    (batch, c, d, h, w) with data_format="channels_first"
//	result  (batch, c)             the axes stay as 1 with keepdims
//
// See https://keras.io/api/layers/pooling_layers/global_max_pooling3d/.
var globalMaxPooling3DLayer = define1("GlobalMaxPooling3D", globalPoolDefaults, globalPooling(3, graph.ReduceMax))

// globalAveragePooling1DLayer takes the mean over the spatial axis, of the
// positions that mask selects.
//
//	x       (batch, n, c)    (batch, c, n) with data_format="channels_first"
//	mask    (batch, n)       optional
//	result  (batch, c)       the axis stays as 1 with keepdims
//
// See https://keras.io/api/layers/pooling_layers/global_average_pooling1d/.
var globalAveragePooling1DLayer = define1("GlobalAveragePooling1D", globalPoolDefaults, func(s *scope, c globalPoolConfig, x graph.Value) graph.Value {
	mask, masked := s.inputMask([]graph.Value{x})
	if !masked {
		return globalPooling(1, graph.ReduceMean)(s, c, x)
	}
	if x = s.floating(x); !s.rank(x, 3) {
		return none()
	}
	weights := s.Apply(graph.Reshape{Dims: []int{graph.KeepDim(0), graph.KeepDim(1), 1}}, s.cast(mask, x.DType))
	sum := graph.Reduce{Func: graph.ReduceSum, Axes: []int{1}, KeepDims: c.KeepDims}
	y := s.Apply(graph.Binary{Func: graph.Mul}, s.toLast(c.DataFormat, x), weights)
	y = s.Apply(graph.Binary{Func: graph.Div}, s.Apply(sum, y), s.Apply(sum, weights))
	if c.KeepDims {
		y = s.fromLast(c.DataFormat, y)
	}
	return y
})

// globalAveragePooling2DLayer takes the mean over the spatial axes.
//
//	x       (batch, h, w, c)    (batch, c, h, w) with data_format="channels_first"
//	result  (batch, c)          the axes stay as 1 with keepdims
//
// See https://keras.io/api/layers/pooling_layers/global_average_pooling2d/.
var globalAveragePooling2DLayer = define1("GlobalAveragePooling2D", globalPoolDefaults, globalPooling(2, graph.ReduceMean))

// globalAveragePooling3DLayer takes the mean over the spatial axes.
//
//	x       (batch, d, h, w, c)    (batch, c, d, h, w) with data_format="channels_first"
//	result  (batch, c)             the axes stay as 1 with keepdims
//
// See https://keras.io/api/layers/pooling_layers/global_average_pooling3d/.
var globalAveragePooling3DLayer = define1("GlobalAveragePooling3D", globalPoolDefaults, globalPooling(3, graph.ReduceMean))

type adaptivePoolConfig struct {
	OutputSize whole      `json:"output_size"`
	DataFormat dataFormat `json:"data_format"`
}

var adaptivePoolDefaults = adaptivePoolConfig{DataFormat: channelsLast}

// adaptivePooling lowers a pooling to a given number of windows along each of
// rank spatial axes. Windows of equal size, side by side, are those of an
// ordinary pooling; others are taken one by one, axis by axis.
func adaptivePooling(rank int, kind graph.PoolKind) func(*scope, adaptivePoolConfig, graph.Value) graph.Value {
	reduce := map[graph.PoolKind]graph.ReduceFunc{graph.MaxPool: graph.ReduceMax, graph.AveragePool: graph.ReduceMean}[kind]
	return func(s *scope, c adaptivePoolConfig, x graph.Value) graph.Value {
		if !s.rank(x, rank+2) {
			return none()
		}
		sizes := s.each("output_size", c.OutputSize, rank, 1)
		x = s.toLast(c.DataFormat, s.floating(x))
		if s.Err() != nil {
			return none()
		}
		even := make([]int, rank)
		equal := true
		for i, out := range sizes {
			in := x.Dim(1 + i)
			if in == graph.Dyn || in < 1 || in > maxWindows || out > maxWindows {
				s.Failf("%w: output_size is %v for an input %v", graph.ErrShape, c.OutputSize, x.Shape)
				return none()
			}
			even[i] = max(in/out, 1)
			equal = equal && in%out == 0
		}
		if equal {
			x = s.Apply(graph.Pool{Kind: kind, Size: even, Strides: even, Padding: s.padding(graph.Valid, false)}, x)
			return s.fromLast(c.DataFormat, x)
		}
		for i, out := range sizes {
			in := x.Dim(1 + i)
			if in == out {
				continue
			}
			parts := make([]graph.Value, out)
			for k := range parts {
				cut := make([]graph.Range, rank+2)
				for j := range cut {
					cut[j].Step = 1
				}
				cut[1+i] = graph.Range{Start: k * in / out, HasStart: true, Stop: ((k+1)*in + out - 1) / out, HasStop: true, Step: 1}
				parts[k] = s.Apply(graph.Reduce{Func: reduce, Axes: []int{1 + i}, KeepDims: true}, s.Apply(graph.Slice{Ranges: cut}, x))
			}
			x = s.Apply(graph.Concat{Axis: 1 + i}, parts...)
		}
		return s.fromLast(c.DataFormat, x)
	}
}

// maxWindows bounds the windows along an axis of an adaptive pooling, each of
// which is a node.
const maxWindows = 1 << 12

// adaptiveAveragePooling1DLayer takes the mean over as many windows as output_size
// says: window i of n' covers the cells from ⌊i·n/n'⌋ to ⌈(i+1)·n/n'⌉ - 1.
//
//	x       (batch, n, c)
//	result  (batch, n', c)    the primed ones are output_size
//
// With data_format="channels_first" the channels are dimension 1.
// See https://keras.io/api/layers/pooling_layers/adaptive_average_pooling1d/.
var adaptiveAveragePooling1DLayer = define1("AdaptiveAveragePooling1D", adaptivePoolDefaults, adaptivePooling(1, graph.AveragePool))

// adaptiveAveragePooling2DLayer takes the mean over as many windows as output_size
// says: window i of n' covers the cells from ⌊i·n/n'⌋ to ⌈(i+1)·n/n'⌉ - 1.
//
//	x       (batch, h, w, c)
//	result  (batch, h', w', c)    the primed ones are output_size
//
// With data_format="channels_first" the channels are dimension 1.
// See https://keras.io/api/layers/pooling_layers/adaptive_average_pooling2d/.
var adaptiveAveragePooling2DLayer = define1("AdaptiveAveragePooling2D", adaptivePoolDefaults, adaptivePooling(2, graph.AveragePool))

// adaptiveAveragePooling3DLayer takes the mean over as many windows as output_size
// says: window i of n' covers the cells from ⌊i·n/n'⌋ to ⌈(i+1)·n/n'⌉ - 1.
//
//	x       (batch, d, h, w, c)
//	result  (batch, d', h', w', c)    the primed ones are output_size
//
// With data_format="channels_first" the channels are dimension 1.
// See https://keras.io/api/layers/pooling_layers/adaptive_average_pooling3d/.
var adaptiveAveragePooling3DLayer = define1("AdaptiveAveragePooling3D", adaptivePoolDefaults, adaptivePooling(3, graph.AveragePool))

// adaptiveMaxPooling1DLayer takes the maximum over as many windows as output_size
// says: window i of n' covers the cells from ⌊i·n/n'⌋ to ⌈(i+1)·n/n'⌉ - 1.
//
//	x       (batch, n, c)
//	result  (batch, n', c)    the primed ones are output_size
//
// With data_format="channels_first" the channels are dimension 1.
// See https://keras.io/api/layers/pooling_layers/adaptive_max_pooling1d/.
var adaptiveMaxPooling1DLayer = define1("AdaptiveMaxPooling1D", adaptivePoolDefaults, adaptivePooling(1, graph.MaxPool))

// adaptiveMaxPooling2DLayer takes the maximum over as many windows as output_size
// says: window i of n' covers the cells from ⌊i·n/n'⌋ to ⌈(i+1)·n/n'⌉ - 1.
//
//	x       (batch, h, w, c)
//	result  (batch, h', w', c)    the primed ones are output_size
//
// With data_format="channels_first" the channels are dimension 1.
// See https://keras.io/api/layers/pooling_layers/adaptive_max_pooling2d/.
var adaptiveMaxPooling2DLayer = define1("AdaptiveMaxPooling2D", adaptivePoolDefaults, adaptivePooling(2, graph.MaxPool))

// adaptiveMaxPooling3DLayer takes the maximum over as many windows as output_size
// says: window i of n' covers the cells from ⌊i·n/n'⌋ to ⌈(i+1)·n/n'⌉ - 1.
//
//	x       (batch, d, h, w, c)
//	result  (batch, d', h', w', c)    the primed ones are output_size
//
// With data_format="channels_first" the channels are dimension 1.
// See https://keras.io/api/layers/pooling_layers/adaptive_max_pooling3d/.
var adaptiveMaxPooling3DLayer = define1("AdaptiveMaxPooling3D", adaptivePoolDefaults, adaptivePooling(3, graph.MaxPool))
