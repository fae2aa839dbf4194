package layers

import (
	"math"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

type flattenConfig struct {
	DataFormat dataFormat `json:"data_format"`
}

// flattenLayer joins all axes but the batch. With data_format="channels_first"
// the channels are moved to the end first.
//
//	x       (batch, ...)
//	result  (batch, product of the others)
//
// See https://keras.io/api/layers/reshaping_layers/flatten/.
var flattenLayer = define1("Flatten", flattenConfig{DataFormat: channelsLast}, func(s *scope, c flattenConfig, x graph.Value) graph.Value {
	if x.Rank() == 1 {
		return s.Apply(graph.Reshape{Dims: []int{graph.KeepDim(0), 1}}, x)
	}
	return s.Apply(graph.Reshape{Dims: []int{graph.KeepDim(0), graph.Infer1}}, s.toLast(c.DataFormat, x))
})

type reshapeConfig struct {
	TargetShape []int `json:"target_shape"`
}

// reshapeLayer gives each sample another shape; one dimension may be -1.
//
//	x       (batch, ...)
//	result  (batch, target_shape...)
//
// See https://keras.io/api/layers/reshaping_layers/reshape/.
var reshapeLayer = define1("Reshape", reshapeConfig{}, func(s *scope, c reshapeConfig, x graph.Value) graph.Value {
	dims := []int{graph.KeepDim(0)}
	for _, n := range c.TargetShape {
		if n < graph.Infer1 || n > math.MaxInt32 {
			s.Failf("%w: target_shape is %v", graph.ErrAttr, c.TargetShape)
			return none()
		}
		dims = append(dims, n)
	}
	return s.Apply(graph.Reshape{Dims: dims}, x)
})

type permuteConfig struct {
	Dims []int `json:"dims"`
}

// permuteLayer permutes the axes of each sample; dims counts from 1.
//
//	x       (batch, n1, n2, ...)
//	result  (batch, n of dims[0], n of dims[1], ...)
//
// See https://keras.io/api/layers/reshaping_layers/permute/.
var permuteLayer = define1("Permute", permuteConfig{}, func(s *scope, c permuteConfig, x graph.Value) graph.Value {
	perm := []int{0}
	for _, d := range c.Dims {
		if d < 1 || d >= x.Rank() {
			s.Failf("%w: dims is %v for an input %v", graph.ErrAttr, c.Dims, x.Shape)
			return none()
		}
		perm = append(perm, d)
	}
	return s.Apply(graph.Transpose{Perm: perm}, x)
})

type repeatVectorConfig struct {
	N int `json:"n"`
}

// repeatVectorLayer repeats each sample n times along a new axis.
//
//	x       (batch, c)
//	result  (batch, n, c)
//
// See https://keras.io/api/layers/reshaping_layers/repeat_vector/.
var repeatVectorLayer = define1("RepeatVector", repeatVectorConfig{}, func(s *scope, c repeatVectorConfig, x graph.Value) graph.Value {
	if !s.rank(x, 2) {
		return none()
	}
	y := s.Apply(graph.Reshape{Dims: []int{graph.KeepDim(0), 1, graph.KeepDim(1)}}, x)
	return s.Apply(graph.Repeat{Axis: 1, N: s.size("n", c.N)}, y)
})

type croppingConfig[T [1][2]int | [2][2]int | [3][2]int] struct {
	Cropping   borders[T] `json:"cropping"`
	DataFormat dataFormat `json:"data_format"`
}

// cropping removes cells around the spatial axes. Keras 3 refuses to remove all
// of them; in Keras 2 the result is empty.
func cropping[T [1][2]int | [2][2]int | [3][2]int](s *scope, c croppingConfig[T], x graph.Value) graph.Value {
	cut := c.Cropping.list(s, "cropping")
	if !s.rank(x, len(cut)+2) {
		return none()
	}
	x = s.toLast(c.DataFormat, x)
	ranges := []graph.Range{{Step: 1}}
	for i, b := range cut {
		if n := x.Dim(1 + i); n != graph.Dyn && b[0]+b[1] >= n && s.version.Major >= 3 {
			s.Failf("%w: cropping %v leaves nothing of an input %v", graph.ErrShape, c.Cropping, x.Shape)
			return none()
		}
		ranges = append(ranges, graph.Range{Step: 1, Start: b[0], HasStart: b[0] > 0, Stop: -b[1], HasStop: b[1] > 0})
	}
	return s.fromLast(c.DataFormat, s.Apply(graph.Slice{Ranges: ranges}, x))
}

// cropping1DLayer removes cells at the ends of the spatial axis.
//
//	x       (batch, n, c)
//	result  (batch, n - before - after, c)
//
// See https://keras.io/api/layers/reshaping_layers/cropping1d/.
var cropping1DLayer = define1("Cropping1D",
	croppingConfig[[1][2]int]{borders[[1][2]int]{[1][2]int{{1, 1}}}, channelsLast}, cropping[[1][2]int])

// cropping2DLayer removes cells around the spatial axes: cropping is ((top,
// bottom), (left, right)).
//
//	x       (batch, h, w, c)    (batch, c, h, w) with data_format="channels_first"
//	result  (batch, h - top - bottom, w - left - right, c)
//
// See https://keras.io/api/layers/reshaping_layers/cropping2d/.
var cropping2DLayer = define1("Cropping2D",
	croppingConfig[[2][2]int]{borders[[2][2]int]{}, channelsLast}, cropping[[2][2]int])

// cropping3DLayer removes cells around the spatial axes.
//
//	x       (batch, d, h, w, c)    (batch, c, d, h, w) with data_format="channels_first"
//	result  (batch, d', h', w', c)    n' = n - before - after
//
// See https://keras.io/api/layers/reshaping_layers/cropping3d/.
var cropping3DLayer = define1("Cropping3D",
	croppingConfig[[3][2]int]{borders[[3][2]int]{[3][2]int{{1, 1}, {1, 1}, {1, 1}}}, channelsLast}, cropping[[3][2]int])

type zeroPaddingConfig[T [1][2]int | [2][2]int | [3][2]int] struct {
	Padding    borders[T] `json:"padding"`
	DataFormat dataFormat `json:"data_format"`
}

// zeroPadding adds zeros around the spatial axes.
func zeroPadding[T [1][2]int | [2][2]int | [3][2]int](s *scope, c zeroPaddingConfig[T], x graph.Value) graph.Value {
	cells := c.Padding.list(s, "padding")
	if !s.rank(x, len(cells)+2) {
		return none()
	}
	op := graph.Pad{Before: []int{0}, After: []int{0}, Mode: graph.FillConstant}
	for _, b := range cells {
		op.Before, op.After = append(op.Before, b[0]), append(op.After, b[1])
	}
	op.Before, op.After = append(op.Before, 0), append(op.After, 0)
	return s.fromLast(c.DataFormat, s.Apply(op, s.toLast(c.DataFormat, x)))
}

// zeroPadding1DLayer adds zeros at the ends of the spatial axis.
//
//	x       (batch, n, c)    (batch, c, n) with data_format="channels_first"
//	result  (batch, before + n + after, c)
//
// See https://keras.io/api/layers/reshaping_layers/zero_padding1d/.
var zeroPadding1DLayer = define1("ZeroPadding1D",
	zeroPaddingConfig[[1][2]int]{borders[[1][2]int]{[1][2]int{{1, 1}}}, channelsLast}, zeroPadding[[1][2]int])

// zeroPadding2DLayer adds zeros around the spatial axes: padding is ((top,
// bottom), (left, right)).
//
//	x       (batch, h, w, c)    (batch, c, h, w) with data_format="channels_first"
//	result  (batch, top + h + bottom, left + w + right, c)
//
// See https://keras.io/api/layers/reshaping_layers/zero_padding2d/.
var zeroPadding2DLayer = define1("ZeroPadding2D",
	zeroPaddingConfig[[2][2]int]{borders[[2][2]int]{[2][2]int{{1, 1}, {1, 1}}}, channelsLast}, zeroPadding[[2][2]int])

// zeroPadding3DLayer adds zeros around the spatial axes.
//
//	x       (batch, d, h, w, c)    (batch, c, d, h, w) with data_format="channels_first"
//	result  (batch, d', h', w', c)    n' = before + n + after
//
// See https://keras.io/api/layers/reshaping_layers/zero_padding3d/.
var zeroPadding3DLayer = define1("ZeroPadding3D",
	zeroPaddingConfig[[3][2]int]{borders[[3][2]int]{[3][2]int{{1, 1}, {1, 1}, {1, 1}}}, channelsLast}, zeroPadding[[3][2]int])

type upSamplingConfig struct {
	Size          whole      `json:"size"`
	DataFormat    dataFormat `json:"data_format"`
	Interpolation string     `json:"interpolation"`
}

var upSamplingDefaults = upSamplingConfig{Size: number(2), DataFormat: channelsLast, Interpolation: "nearest"}

// upSampling makes images larger by whole factors.
func upSampling(rank int) func(*scope, upSamplingConfig, graph.Value) graph.Value {
	return func(s *scope, c upSamplingConfig, x graph.Value) graph.Value {
		size := s.each("size", c.Size, rank, 1)
		if !s.rank(x, rank+2) {
			return none()
		}
		x = s.toLast(c.DataFormat, x)
		switch {
		case c.Interpolation == "nearest":
			for i, n := range size {
				if n != 1 {
					x = s.Apply(graph.Repeat{Axis: 1 + i, N: n}, x)
				}
			}
		case rank != 2:
			s.Failf("%w: interpolation is %q", graph.ErrAttr, c.Interpolation)
			return none()
		default:
			x = s.resize(graph.Resize{ScaleH: size[0], ScaleW: size[1], Interpolation: c.Interpolation}, s.floating(x))
		}
		return s.fromLast(c.DataFormat, x)
	}
}

// upSampling1DLayer repeats each step size times.
//
//	x       (batch, n, c)
//	result  (batch, n·size, c)
//
// See https://keras.io/api/layers/reshaping_layers/up_sampling1d/.
var upSampling1DLayer = define1("UpSampling1D", upSamplingDefaults, upSampling(1))

// upSampling2DLayer enlarges images by repeating cells or by interpolation with
// half-pixel centres.
//
//	x       (batch, h, w, c)    (batch, c, h, w) with data_format="channels_first"
//	result  (batch, h·size[0], w·size[1], c)
//
// See https://keras.io/api/layers/reshaping_layers/up_sampling2d/.
var upSampling2DLayer = define1("UpSampling2D", upSamplingDefaults, upSampling(2))

// upSampling3DLayer repeats each cell.
//
//	x       (batch, d, h, w, c)    (batch, c, d, h, w) with data_format="channels_first"
//	result  (batch, d·size[0], h·size[1], w·size[2], c)
//
// See https://keras.io/api/layers/reshaping_layers/up_sampling3d/.
var upSampling3DLayer = define1("UpSampling3D", upSamplingDefaults, upSampling(3))
