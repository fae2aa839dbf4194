package layers

import (
	"math"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

type rescalingConfig struct {
	Scale  numbers `json:"scale"`
	Offset numbers `json:"offset"`
}

// rescalingLayer is x·scale + offset; lists count along the last axis.
//
//	x       (batch, ...)
//	result  (batch, ...)
//
// See https://keras.io/api/layers/preprocessing_layers/image_preprocessing/rescaling/.
var rescalingLayer = define1("Rescaling", rescalingConfig{Offset: numbers{data: []float64{0}}},
	func(s *scope, c rescalingConfig, x graph.Value) graph.Value {
		x = s.cast(x, s.compute)
		y := x
		for _, n := range []struct {
			key  string
			v    numbers
			f    graph.BinaryFunc
			none float64 // changes nothing
		}{{"scale", c.Scale, graph.Mul, 1}, {"offset", c.Offset, graph.Add, 0}} {
			if b, err := graph.Broadcast(x.Shape, n.v.shape); err != nil || len(b) != x.Rank() || n.v.data == nil {
				s.Failf("%w: %s is %v for an input %v", graph.ErrAttr, n.key, n.v, x.Shape)
				return none()
			}
			if len(n.v.shape) > 0 || n.v.data[0] != n.none {
				y = s.Apply(graph.Binary{Func: n.f}, y, s.constant(x.DType, n.v, func(x float64) float64 { return x }))
			}
		}
		return y
	})

type resizingConfig struct {
	Height            int        `json:"height"`
	Width             int        `json:"width"`
	Interpolation     string     `json:"interpolation"`
	CropToAspectRatio bool       `json:"crop_to_aspect_ratio"`
	PadToAspectRatio  bool       `json:"pad_to_aspect_ratio"`
	FillMode          string     `json:"fill_mode"`
	FillValue         float64    `json:"fill_value"`
	Antialias         bool       `json:"antialias"`
	DataFormat        dataFormat `json:"data_format"`
}

// resizingLayer samples images at another size with half-pixel centres, as
// tf.image.resize does. The result has the layer's compute dtype; for an
// integer one it is rounded and clipped, by Keras 2 cut off.
//
//	x       (batch, h, w, c)    (batch, c, h, w) with data_format="channels_first"
//	result  (batch, height, width, c)
//
// See https://keras.io/api/layers/preprocessing_layers/image_preprocessing/resizing/.
var resizingLayer = define1("Resizing", resizingConfig{Interpolation: "bilinear", FillMode: "constant", DataFormat: channelsLast},
	func(s *scope, c resizingConfig, x graph.Value) graph.Value {
		op := graph.Resize{
			Height: s.size("height", c.Height), Width: s.size("width", c.Width), Interpolation: c.Interpolation,
			Antialias: c.Antialias, FillValue: c.FillValue,
		}
		switch {
		case c.FillMode != "constant":
			s.Failf("%w: fill_mode is %q", graph.ErrAttr, c.FillMode)
		case c.CropToAspectRatio && c.PadToAspectRatio:
			s.Failf("%w: crop_to_aspect_ratio and pad_to_aspect_ratio are both true", graph.ErrAttr)
		case c.CropToAspectRatio:
			op.Aspect = graph.CropAspect
		case c.PadToAspectRatio:
			op.Aspect = graph.PadAspect
		}
		return s.resizeImages(op, c.DataFormat, x)
	})

// resizeImages resizes images that may be of an integer dtype and returns them in the compute dtype.
func (s *scope) resizeImages(op graph.Resize, f dataFormat, x graph.Value) graph.Value {
	if !s.rank(x, 4) {
		return none()
	}
	x = s.toLast(f, s.cast(x, s.compute))
	if s.compute.Integer() {
		x = s.cast(x, exactFloat(s.compute))
	}
	y := s.resize(op, x)
	if s.compute.Integer() {
		y = s.Apply(graph.Cast{To: s.compute, Saturate: s.version.Major >= 3}, y)
	}
	return s.fromLast(f, y)
}

// resize applies op to images of a floating dtype, half-precision ones in float32.
func (s *scope) resize(op graph.Resize, x graph.Value) graph.Value {
	if s.version.Major == 2 && !s.version.TF && s.version.Before(2, 4) && op.Interpolation != "nearest" {
		// Keras with TensorFlow 1 sampled at the corners of pixels, not their centres.
		s.Failf("%w: interpolation %q of Keras %s", keras.ErrUnsupported, op.Interpolation, s.version.Text)
		return none()
	}
	t, x := s.inFloat32(x)
	return s.cast(t.Apply(op, x), s.resultType(x))
}

// resultType is the dtype in which a layer returns what it calculated from x:
// the compute dtype where that is a half-precision one.
func (s *scope) resultType(x graph.Value) graph.DType {
	if s.compute == graph.Float16 || s.compute == graph.BFloat16 {
		return s.compute
	}
	return x.DType
}

type cropConfig struct {
	Height     int                `json:"height"`
	Width      int                `json:"width"`
	DataFormat dataFormat         `json:"data_format"`
	Seed       keras.TrainingOnly `json:"seed"`
	RngType    keras.TrainingOnly `json:"rng_type"`
}

// centerCropLayer cuts out the centre; the offset is (n - size)/2 rounded down.
// An image that is too small is cropped to the aspect ratio and resized
// bilinearly instead.
//
//	x       (batch, h, w, c)    (batch, c, h, w) with data_format="channels_first"
//	result  (batch, height, width, c)
//
// See https://keras.io/api/layers/preprocessing_layers/image_preprocessing/center_crop/.
var centerCropLayer = define1("CenterCrop", cropConfig{DataFormat: channelsLast}, func(s *scope, c cropConfig, x graph.Value) graph.Value {
	if !s.rank(x, 4) {
		return none()
	}
	x = s.toLast(c.DataFormat, s.cast(x, s.compute))
	op := graph.CenterCrop{Height: s.size("height", c.Height), Width: s.size("width", c.Width)}
	t, x := s.inFloat32(x)
	return s.fromLast(c.DataFormat, s.cast(t.Apply(op, x), s.compute))
})

// randomCropLayer returns its input in Keras 3. In Keras 2 it crops the centre
// to the aspect ratio and resizes it bilinearly.
//
//	x       (batch, h, w, c)
//	result  (batch, h, w, c), Keras 2 (batch, height, width, c)
//
// See https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_crop/.
var randomCropLayer = define1("RandomCrop", cropConfig{DataFormat: channelsLast}, func(s *scope, c cropConfig, x graph.Value) graph.Value {
	switch v := s.version; {
	case v.Major < 3:
		return s.resizeImages(graph.Resize{
			Height: s.size("height", c.Height), Width: s.size("width", c.Width), Interpolation: "bilinear", Aspect: graph.CropAspect,
		}, c.DataFormat, x)
	case v.Text != "" && v.Before(3, 8):
		s.Failf("%w: RandomCrop of Keras %s, which resizes at inference", keras.ErrUnsupported, v.Text)
		return none()
	}
	return s.cast(x, s.compute)
})

type categoryEncodingConfig struct {
	NumTokens  int    `json:"num_tokens"`
	OutputMode string `json:"output_mode"`
	Sparse     bool   `json:"sparse"`
}

// categoryEncodingLayer marks which whole numbers occur along the last axis
// (output_mode "multi_hot"), counts them ("count"), or encodes each by itself
// ("one_hot"). Numbers of num_tokens and more, or negative ones, count nowhere;
// Keras 2 stops at them. count_weights are summed instead of ones.
//
//	x              (batch, n)             whole numbers below num_tokens
//	count_weights  (batch, n); optional, with "count"
//	result         (batch, num_tokens)    (batch, n, num_tokens) with "one_hot", without an n of 1
//
// See https://keras.io/api/layers/preprocessing_layers/categorical/category_encoding/.
var categoryEncodingLayer = define1("CategoryEncoding", categoryEncodingConfig{OutputMode: "multi_hot"},
	func(s *scope, c categoryEncodingConfig, x graph.Value) graph.Value {
		depth := s.size("num_tokens", c.NumTokens)
		var weights *graph.Value
		if w, ok := s.kwargs["count_weights"]; ok {
			w = s.cast(w, s.compute)
			weights = &w
			if c.OutputMode != "count" {
				s.Failf("%w: count_weights with output_mode %q", graph.ErrAttr, c.OutputMode)
			}
		}
		if !x.DType.Integer() {
			x = s.cast(x, graph.Int64) // the data of Keras's own casts
		}
		return s.categories(x, c.OutputMode, depth, s.compute, c.Sparse, weights)
	})

// categories encodes whole numbers below depth, as encode_categorical_inputs of
// Keras does, in elements of type d. weights may be nil.
func (s *scope) categories(x graph.Value, mode string, depth int, d graph.DType, sparse bool, weights *graph.Value) graph.Value {
	if sparse {
		s.Failf("%w: sparse results", keras.ErrUnsupported)
	}
	if mode == "int" {
		return s.cast(x, d)
	}
	if s.Err() != nil {
		return none()
	}
	if x.Rank() < 1 || x.Rank() > 2 && s.version.Major < 3 {
		s.Failf("%w: output_mode %q of an input %v", graph.ErrShape, mode, x.Shape)
		return none()
	}
	if mode == "one_hot" && x.Rank() > 1 && x.Dim(-1) == 1 {
		x = s.dropLast(x)
	}
	all, ok := s.Zeros(x.DType, depth)
	if !ok {
		return none()
	}
	for i := range depth {
		all.SetFloat(i, float64(i))
	}
	hot := s.Apply(graph.Binary{Func: graph.Equal}, s.insertAxis(x, x.Rank()), s.Const(all))
	axis := graph.Reduce{Func: graph.ReduceSum, Axes: []int{min(1, x.Rank()-1)}} // of rank 3 too, in Keras
	switch mode {
	case "one_hot":
		return s.cast(hot, d)
	case "multi_hot":
		axis.Func = graph.ReduceAny
		return s.cast(s.Apply(axis, hot), d)
	case "count":
		hot = s.cast(hot, d)
		if weights != nil {
			hot = s.Apply(graph.Binary{Func: graph.Mul}, hot, s.insertAxis(*weights, weights.Rank()))
		}
		return s.Apply(axis, hot)
	}
	s.Failf("%w: output_mode is %q", graph.ErrAttr, mode)
	return none()
}

type discretizationConfig struct {
	BinBoundaries []float64          `json:"bin_boundaries"`
	NumBins       *int               `json:"num_bins"`
	Epsilon       keras.TrainingOnly `json:"epsilon"`
	OutputMode    string             `json:"output_mode"`
	Sparse        bool               `json:"sparse"`
}

// discretizationLayer numbers the bin of each element: how many of
// bin_boundaries are not above it; NaN is in the last bin. Other output modes are
// those of CategoryEncoding over the numbers. Files of Keras 2 have a summary of the
// data in the place of boundaries that were learnt, which is made into boundaries
// as adapt made it. (From its .keras files Keras 2 itself does not get them back, and
// puts everything into the first bin.)
//
//	x       (batch, ...)
//	summary (num_bins-1)    boundaries that Keras 2 learnt
//	result  (batch, ...)    whole numbers with output_mode "int"
//
// See https://keras.io/api/layers/preprocessing_layers/numerical/discretization/.
var discretizationLayer = define1("Discretization", discretizationConfig{OutputMode: "int"},
	func(s *scope, c discretizationConfig, x graph.Value) graph.Value {
		learnt := len(c.BinBoundaries) == 0
		if learnt && (s.version.Major >= 3 || c.NumBins == nil) {
			s.Failf("%w: no bin_boundaries, which adapt was to learn", keras.ErrUnsupported)
			return none()
		}
		if !x.DType.Floating() {
			x = s.cast(x, graph.Float64)
		} else if x.DType != graph.Float64 {
			x = s.cast(x, graph.Float32)
		}
		count := len(c.BinBoundaries)
		var at graph.Value
		if learnt {
			// A bin more than num_bins where 1/num_bins is rounded down.
			if count = int(math.Ceil(1/(1/float64(s.size("num_bins", *c.NumBins))))) - 1; count == 0 {
				s.Failf("%w: num_bins is 1", keras.ErrUnsupported)
				return none()
			}
			at = s.cast(s.declare("summary", false, graph.Float32, graph.Shape{count}), x.DType)
		} else {
			given := graph.NewTensor(x.DType, graph.Shape{count})
			for i, b := range c.BinBoundaries {
				given.SetFloat(i, b)
			}
			at = s.Const(given)
		}
		below := s.Apply(graph.Binary{Func: graph.Less}, s.insertAxis(x, x.Rank()), at)
		under := s.Apply(graph.Reduce{Func: graph.ReduceSum, Axes: []int{-1}}, s.cast(below, graph.Int32))
		total := s.Scalar(graph.Int32, float64(count))
		bin := s.Apply(graph.Binary{Func: graph.Sub}, total, under)
		d := s.compute
		if c.OutputMode == "int" && s.version.Major >= 3 {
			d = graph.Int32
		}
		return s.categories(bin, c.OutputMode, count+1, d, c.Sparse, nil)
	})

type pipelineConfig struct {
	Layers *keras.Value `json:"layers"`
}

// pipelineLayer calls layers one after the other.
//
//	x       (batch, ...)
//	result  that of the last layer
//
// See https://keras.io/api/layers/preprocessing_layers/image_preprocessing/pipeline/.
var pipelineLayer = define("Pipeline", pipelineConfig{}, func(s *scope, c pipelineConfig, x []graph.Value) []graph.Value {
	inner := s.layer.Inner["layers"]
	if len(inner) == 0 || len(inner) != c.Layers.Len() {
		s.Failf("%w: a Pipeline of %d layers has %d", keras.ErrFormat, c.Layers.Len(), len(inner))
		return nil
	}
	segments := keras.FilePaths(&keras.Graph{Layers: inner})
	for _, l := range inner {
		i := s.child(l, segments[l])
		i.training = false // predict turns it off
		x = i.site(func() []graph.Value { return i.apply(x) })
	}
	return x
})

type autoContrastConfig struct {
	ValueRange numbers            `json:"value_range"`
	DataFormat keras.TrainingOnly `json:"data_format"`
}

// autoContrastLayer stretches the values of each channel of an image over
// value_range; a channel of one value stays as it is.
//
//	x       (batch, h, w, c)
//	result  (batch, h, w, c)
//
// With data_format="channels_first" Keras takes the same axes 1 and 2.
// See https://keras.io/api/layers/preprocessing_layers/image_augmentation/auto_contrast/.
var autoContrastLayer = define1("AutoContrast", autoContrastConfig{ValueRange: pair(0, 255)}, func(s *scope, c autoContrastConfig, x graph.Value) graph.Value {
	from := s.valueRange(c.ValueRange)
	if s.compute.Integer() {
		s.Failf("%w: dtype %v", keras.ErrUnsupported, s.compute)
	}
	if !s.rank(x, 4) {
		return none()
	}
	x = s.cast(x, s.compute)
	all := [2]float64{0, 255}
	y := s.rescaled(x, from, all)
	most := s.Scalar(y.DType, 255)
	low := s.Apply(graph.Reduce{Func: graph.ReduceMin, Axes: []int{1, 2}, KeepDims: true}, y)
	high := s.Apply(graph.Reduce{Func: graph.ReduceMax, Axes: []int{1, 2}, KeepDims: true}, y)
	scale := s.Apply(graph.Binary{Func: graph.Div}, most, s.Apply(graph.Binary{Func: graph.Sub}, high, low))
	offset := s.Apply(graph.Binary{Func: graph.Mul}, s.Apply(graph.Unary{Func: graph.Neg}, low), scale)
	y = s.Apply(graph.Binary{Func: graph.Add}, s.Apply(graph.Binary{Func: graph.Mul}, y, scale), offset)
	y = s.rescaled(s.Apply(graph.Activation{Func: graph.Clip, A: 0, B: 255}, y), all, from)
	return s.Apply(graph.Where{}, s.Apply(graph.Unary{Func: graph.IsNaN}, y), x, y)
})

// pair is a list of two numbers.
func pair(a, b float64) numbers { return numbers{[]int{2}, []float64{a, b}} }

// valueRange returns the two numbers of value_range in ascending order.
func (s *scope) valueRange(n numbers) [2]float64 {
	if len(n.data) != 2 || n.data[0] == n.data[1] {
		s.Failf("%w: value_range is %v, want two numbers", graph.ErrAttr, n)
		return [2]float64{0, 255}
	}
	return [2]float64{n.data[0], n.data[1]}
}

// rescaled maps values from one range to another.
func (s *scope) rescaled(x graph.Value, from, to [2]float64) graph.Value {
	if from == to {
		return x
	}
	by := func(f graph.BinaryFunc, x graph.Value, n float64) graph.Value {
		return s.Apply(graph.Binary{Func: f}, x, s.Scalar(x.DType, n))
	}
	x = by(graph.Div, by(graph.Sub, x, from[0]), from[1]-from[0])
	return by(graph.Add, by(graph.Mul, x, to[1]-to[0]), to[0])
}

type claheConfig struct {
	ValueRange   numbers    `json:"value_range"`
	ClipLimit    float64    `json:"clip_limit"`
	TileGridSize whole      `json:"tile_grid_size"`
	DataFormat   dataFormat `json:"data_format"`
}

// claheLayer equalizes the distribution of values around every pixel (CLAHE): a
// bin of the distribution of one of tile_grid_size tiles counts clip_limit times
// its equal share at most.
//
//	x       (batch, h, w, c)    (batch, c, h, w) with data_format="channels_first"
//	result  (batch, h, w, c)
//
// See https://keras.io/api/layers/preprocessing_layers/image_augmentation/.
var claheLayer = define1("ContrastLimitedAdaptiveHistogramEqualization",
	claheConfig{ValueRange: pair(0, 255), ClipLimit: 4, TileGridSize: whole{list: []int{8, 8}}, DataFormat: channelsLast},
	func(s *scope, c claheConfig, x graph.Value) graph.Value {
		from, all := s.valueRange(c.ValueRange), [2]float64{0, 255}
		grid := s.each("tile_grid_size", c.TileGridSize, 2, 1)
		if !s.rank(x, 4) {
			return none()
		}
		y := s.cast(s.cast(x, s.compute), graph.Float32)
		y = s.rescaled(s.toLast(c.DataFormat, y), from, all)
		y = s.Apply(graph.Equalize{GridH: grid[0], GridW: grid[1], ClipLimit: max(c.ClipLimit, 0)}, y)
		return s.fromLast(c.DataFormat, s.cast(s.rescaled(y, all, from), s.compute))
	})
