package layers

import (
	"slices"
	"strconv"
	"strings"

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
// integer one it is rounded and clipped.
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
		y = s.Apply(graph.Cast{To: s.compute, Saturate: true}, y)
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
	all := graph.NewTensor(x.DType, graph.Shape{depth})
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
	NumBins       keras.TrainingOnly `json:"num_bins"`
	Epsilon       keras.TrainingOnly `json:"epsilon"`
	OutputMode    string             `json:"output_mode"`
	Sparse        bool               `json:"sparse"`
}

// discretizationLayer numbers the bin of each element: how many of
// bin_boundaries are not above it; NaN is in the last bin. Other output modes are
// those of CategoryEncoding over the numbers. Boundaries that Keras 2 learnt are
// not in its files.
//
//	x       (batch, ...)
//	result  (batch, ...)    whole numbers with output_mode "int"
//
// See https://keras.io/api/layers/preprocessing_layers/numerical/discretization/.
var discretizationLayer = define1("Discretization", discretizationConfig{OutputMode: "int"},
	func(s *scope, c discretizationConfig, x graph.Value) graph.Value {
		if len(c.BinBoundaries) == 0 {
			s.Failf("%w: no bin_boundaries", keras.ErrUnsupported)
			return none()
		}
		if !x.DType.Floating() {
			x = s.cast(x, graph.Float64)
		} else if x.DType != graph.Float64 {
			x = s.cast(x, graph.Float32)
		}
		at := graph.NewTensor(x.DType, graph.Shape{len(c.BinBoundaries)})
		for i, b := range c.BinBoundaries {
			at.SetFloat(i, b)
		}
		below := s.Apply(graph.Binary{Func: graph.Less}, s.insertAxis(x, x.Rank()), s.Const(at))
		under := s.Apply(graph.Reduce{Func: graph.ReduceSum, Axes: []int{-1}}, s.cast(below, graph.Int32))
		total := s.Scalar(graph.Int32, float64(len(c.BinBoundaries)))
		bin := s.Apply(graph.Binary{Func: graph.Sub}, total, under)
		d := s.compute
		if c.OutputMode == "int" && s.version.Major >= 3 {
			d = graph.Int32
		}
		return s.categories(bin, c.OutputMode, len(c.BinBoundaries)+1, d, c.Sparse, nil)
	})

type hashingConfig struct {
	NumBins    int          `json:"num_bins"`
	MaskValue  *keras.Value `json:"mask_value"`
	Salt       whole        `json:"salt"`
	OutputMode string       `json:"output_mode"`
	Sparse     bool         `json:"sparse"`
}

// hashingLayer numbers the bin of each string or integer by the hash of its
// text: FarmHash, or SipHash with a salt. A mask_value has bin 0 to itself.
// Other output modes are those of CategoryEncoding over the bins.
//
//	x       (batch, ...)    strings or whole numbers
//	result  (batch, ...)    whole numbers with output_mode "int"
//
// See https://keras.io/api/layers/preprocessing_layers/categorical/hashing/.
var hashingLayer = define1("Hashing", hashingConfig{OutputMode: "int"},
	func(s *scope, c hashingConfig, x graph.Value) graph.Value {
		bins := s.size("num_bins", c.NumBins)
		if s.Err() != nil {
			return none()
		}
		if s.version.Major >= 3 && c.OutputMode == "one_hot" && x.Rank() > 1 && x.Dim(-1) == 1 {
			x = s.dropLast(x)
		}
		masked := !c.MaskValue.IsNull() && bins > 1
		var mask graph.Value
		if masked {
			bins--
			mask = s.Apply(graph.Binary{Func: graph.Equal}, x, s.element("mask_value", c.MaskValue, x.DType))
		}
		if x.DType.Floating() && s.version.Major >= 3 {
			x = s.cast(x, graph.Int64)
		}
		y := s.hash(x, bins, c.Salt)
		if masked {
			y = s.Apply(graph.Binary{Func: graph.Add}, y, s.Scalar(graph.Int64, 1))
			y = s.Apply(graph.Where{}, mask, s.Scalar(graph.Int64, 0), y)
		}
		return s.categories(y, c.OutputMode, c.NumBins, s.indexType(c.OutputMode), c.Sparse, nil)
	})

// hash numbers bins by FarmHash, or by SipHash with a salt.
func (s *scope) hash(x graph.Value, bins int, salt whole) graph.Value {
	op := graph.Hash{Bins: bins, Strong: salt.list != nil}
	switch {
	case salt.list == nil:
	case salt.scalar:
		op.Key = [2]uint64{uint64(salt.list[0]), uint64(salt.list[0])}
	case len(salt.list) == 2:
		op.Key = [2]uint64{uint64(salt.list[0]), uint64(salt.list[1])}
	default:
		s.Failf("%w: salt is %v, want a number or two", graph.ErrAttr, salt)
	}
	return s.Apply(op, x)
}

// indexType is the type of the results of a layer that numbers elements: the
// compute dtype, unless that is none of indices.
func (s *scope) indexType(mode string) graph.DType {
	if mode == "int" && !s.compute.Integer() {
		return graph.Int64
	}
	return s.compute
}

// element is the value of a config key as a scalar of type d.
func (s *scope) element(key string, v *keras.Value, d graph.DType) graph.Value {
	text, isText := v.Str()
	n, isNumber := v.Float()
	switch {
	case isText && d == graph.String:
		return s.Const(graph.Tensor{DType: d, Shape: graph.Shape{}, Data: []string{text}})
	case isNumber && d != graph.String:
		return s.Scalar(d, n)
	}
	s.Failf("%w: %s is %s for elements of type %v", graph.ErrAttr, key, v.JSON(), d)
	return none()
}

// dropLast drops the last axis, which is 1.
func (s *scope) dropLast(x graph.Value) graph.Value {
	var dims []int
	for i := range x.Rank() - 1 {
		dims = append(dims, graph.KeepDim(i))
	}
	return s.Apply(graph.Reshape{Dims: dims}, x)
}

type hashedCrossingConfig struct {
	NumBins    int    `json:"num_bins"`
	OutputMode string `json:"output_mode"`
	Sparse     bool   `json:"sparse"`
}

// hashedCrossingLayer numbers the bin of each combination of its inputs'
// elements by a hash, as tf.sparse.cross_hashed does.
//
//	x...    (batch,) or (batch, 1)    strings or whole numbers
//	result  the same; (batch, num_bins) with output_mode "one_hot"
//
// See https://keras.io/api/layers/preprocessing_layers/categorical/hashed_crossing/.
var hashedCrossingLayer = define("HashedCrossing", hashedCrossingConfig{OutputMode: "int"},
	func(s *scope, c hashedCrossingConfig, in []graph.Value) []graph.Value {
		if c.OutputMode != "int" && c.OutputMode != "one_hot" {
			s.Failf("%w: output_mode is %q", graph.ErrAttr, c.OutputMode)
		}
		if len(in) < 2 {
			s.Failf("%w: %d inputs, want 2 or more", graph.ErrShape, len(in))
		}
		bins := s.size("num_bins", c.NumBins)
		if s.Err() != nil {
			return nil
		}
		for _, x := range in {
			if r := x.Rank(); r > 2 || r < 1 || r == 2 && x.Dim(-1) != 1 {
				s.Failf("%w: input is %v, want (batch) or (batch, 1)", graph.ErrShape, x.Shape)
				return nil
			}
		}
		y := s.Apply(graph.CrossHash{Bins: bins}, in...)
		return []graph.Value{s.categories(y, c.OutputMode, bins, s.indexType(c.OutputMode), c.Sparse, nil)}
	})

type lookupConfig struct {
	Invert          bool               `json:"invert"`
	MaxTokens       *int               `json:"max_tokens"`
	NumOOVIndices   int                `json:"num_oov_indices"`
	OOVToken        *keras.Value       `json:"oov_token"`
	MaskToken       *keras.Value       `json:"mask_token"`
	OutputMode      string             `json:"output_mode"`
	Sparse          bool               `json:"sparse"`
	PadToMaxTokens  bool               `json:"pad_to_max_tokens"`
	VocabularyDType string             `json:"vocabulary_dtype"`
	IDFWeights      numbers            `json:"idf_weights"`
	Vocabulary      *keras.Value       `json:"vocabulary"`
	VocabularySize  keras.TrainingOnly `json:"vocabulary_size"`
	OOVMethod       string             `json:"oov_method"`
	Salt            whole              `json:"salt"`
	Encoding        string             `json:"encoding"`
}

// integerLookupLayer numbers whole numbers by their place in a vocabulary,
// after a place for mask_token and num_oov_indices for the numbers that are not
// in it. Other output modes are those of CategoryEncoding over the places, without
// one for mask_token; "tf_idf" weighs counts. invert turns places into numbers.
//
//	x       (batch, ...)    whole numbers
//	result  (batch, ...)    places with output_mode "int"
//
// See https://keras.io/api/layers/preprocessing_layers/categorical/integer_lookup/.
var integerLookupLayer = define1("IntegerLookup", lookupConfig{OutputMode: "int", NumOOVIndices: 1, OOVMethod: "floormod", VocabularyDType: "int64", Encoding: "utf-8", OOVToken: keras.NewInt(-1)},
	func(s *scope, c lookupConfig, x graph.Value) graph.Value { return s.lookup(c, x) })

// stringLookupLayer numbers strings by their place in a vocabulary, as
// IntegerLookup does whole numbers. The strings that are not in the vocabulary
// are spread over several num_oov_indices by their hash.
//
//	x       (batch, ...)    strings
//	result  (batch, ...)    places with output_mode "int"
//
// See https://keras.io/api/layers/preprocessing_layers/categorical/string_lookup/.
var stringLookupLayer = define1("StringLookup", lookupConfig{OutputMode: "int", NumOOVIndices: 1, OOVMethod: "floormod", VocabularyDType: "string", Encoding: "utf-8", OOVToken: keras.NewString("[UNK]")},
	func(s *scope, c lookupConfig, x graph.Value) graph.Value { return s.lookup(c, x) })

// lookup is IndexLookup, the base of the two classes.
func (s *scope) lookup(c lookupConfig, x graph.Value) graph.Value {
	d, ok := graph.ParseDType(c.VocabularyDType)
	if !ok || d != graph.String && d != graph.Int64 {
		s.Failf("%w: vocabulary_dtype is %q", keras.ErrUnsupported, c.VocabularyDType)
	}
	if c.Encoding != "utf-8" {
		s.Failf("%w: encoding is %q", keras.ErrUnsupported, c.Encoding)
	}
	if c.NumOOVIndices < 0 || c.NumOOVIndices > maxSize {
		s.Failf("%w: num_oov_indices is %d", graph.ErrAttr, c.NumOOVIndices)
	}
	if c.OOVMethod != "floormod" && c.OOVMethod != "farmhash" {
		s.Failf("%w: oov_method is %q", graph.ErrAttr, c.OOVMethod)
	}
	if c.Invert && c.OutputMode != "int" {
		s.Failf("%w: invert with output_mode %q", graph.ErrAttr, c.OutputMode)
	}
	first := 0 // place of the first index for others
	if !c.MaskToken.IsNull() && c.OutputMode == "int" {
		first = 1
	}
	start := first + c.NumOOVIndices
	words, given := s.vocabulary(c, d, first)
	if s.Err() != nil {
		return none()
	}
	if key := d; !c.Invert && key == graph.String && x.DType != graph.String || (c.Invert || key == graph.Int64) && !x.DType.Integer() {
		s.Failf("%w: input is %v", graph.ErrDType, x.DType)
		return none()
	}
	if x.DType != graph.String {
		x = s.cast(x, graph.Int64)
	}
	if c.Invert {
		return s.places(c, x, words, first)
	}

	number := func(n int) graph.Value { return s.Scalar(graph.Int64, float64(n)) }
	at := s.Apply(graph.Lookup{Strict: c.NumOOVIndices == 0 && c.MaskToken.IsNull()}, x, s.Const(words))
	y := s.Apply(graph.Binary{Func: graph.Add}, at, number(start))
	var other graph.Value
	switch {
	case c.NumOOVIndices <= 1:
		other = number(first)
	case d == graph.Int64 && c.OOVMethod == "floormod":
		other = s.Apply(graph.Binary{Func: graph.Mod}, x, number(c.NumOOVIndices))
		other = s.Apply(graph.Binary{Func: graph.Add}, other, number(first))
	default:
		other = s.Apply(graph.Binary{Func: graph.Add}, s.hash(x, c.NumOOVIndices, c.Salt), number(first))
	}
	if c.NumOOVIndices > 0 {
		y = s.Apply(graph.Where{}, s.Apply(graph.Binary{Func: graph.Less}, at, number(0)), other, y)
	} else if !c.MaskToken.IsNull() {
		s.Failf("%w: num_oov_indices is 0 and mask_token is %s", keras.ErrUnsupported, c.MaskToken.JSON())
	}
	if !c.MaskToken.IsNull() {
		place := 0
		if c.OutputMode != "int" {
			place = -1 // counts nowhere
		}
		mask := s.Apply(graph.Binary{Func: graph.Equal}, x, s.element("mask_token", c.MaskToken, d))
		y = s.Apply(graph.Where{}, mask, number(place), y)
	}

	depth := start + words.Len()
	if c.MaxTokens != nil && depth > s.size("max_tokens", *c.MaxTokens) {
		s.Failf("%w: max_tokens is %d with a vocabulary of %d", graph.ErrAttr, *c.MaxTokens, depth)
	}
	if c.PadToMaxTokens {
		if c.MaxTokens == nil {
			s.Failf("%w: pad_to_max_tokens without max_tokens", graph.ErrAttr)
			return none()
		}
		depth = *c.MaxTokens
	}
	result := graph.Int64
	if s.version.Major < 3 {
		result = s.indexType(c.OutputMode)
	}
	if c.OutputMode != "tf_idf" {
		return s.categories(y, c.OutputMode, depth, result, c.Sparse, nil)
	}
	if len(c.IDFWeights.data) != given {
		s.Failf("%w: %d idf_weights for a vocabulary of %d; those that adapt computed are not supported", keras.ErrUnsupported, len(c.IDFWeights.data), given)
		return none()
	}
	float := graph.Float32
	if s.version.Major < 3 {
		float = s.compute
	}
	counts := s.cast(s.categories(y, "count", depth, result, c.Sparse, nil), float)
	return s.Apply(graph.Binary{Func: graph.Mul}, counts, s.idf(c.IDFWeights.data, float, given == words.Len(), start, depth))
}

// idf returns the weights of depth places: when only words have one, their mean
// in front; zeros behind.
func (s *scope) idf(weights []float64, d graph.DType, words bool, start, depth int) graph.Value {
	all := graph.NewTensor(d, graph.Shape{depth})
	front := 0
	if words {
		front = start
	}
	mean := 0.0
	for i, w := range weights {
		mean += w
		all.SetFloat(front+i, w)
	}
	for i := range front {
		all.SetFloat(i, mean/float64(len(weights)))
	}
	return s.Const(all)
}

// vocabulary returns the words from the config or from the layer's file in the
// archive, without the special tokens that may stand in front, and how many
// there were with them.
func (s *scope) vocabulary(c lookupConfig, d graph.DType, masks int) (words graph.Tensor, given int) {
	var texts []string
	if c.Vocabulary.IsNull() {
		text, ok := s.options.Vocabularies[s.file]
		if !ok {
			s.Failf("%w: the vocabulary is not in the file; Keras keeps one that adapt learnt in .keras files only", keras.ErrUnsupported)
			return words, 0
		}
		if strings.ContainsAny(text, "\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029") {
			s.Failf("%w: a vocabulary with line separators other than newlines", keras.ErrUnsupported)
		}
		if s.version.Major >= 3 {
			text = strings.TrimRight(text, "\n")
		}
		texts = strings.Split(text, "\n")
	} else {
		for _, it := range c.Vocabulary.Items() {
			text, isText := it.Str()
			n, isNumber := it.Int()
			switch {
			case isText && d == graph.String:
				texts = append(texts, text)
			case isNumber && d == graph.Int64:
				texts = append(texts, strconv.Itoa(n))
			default:
				s.Failf("%w: vocabulary has %s, want elements of type %v", keras.ErrFormat, it.JSON(), d)
				return words, 0
			}
		}
	}
	given = len(texts)
	special := make([]string, 0, masks+len(texts))
	for range masks {
		special = append(special, plainText(c.MaskToken))
	}
	for range min(c.NumOOVIndices, len(texts)) {
		special = append(special, plainText(c.OOVToken))
	}
	if n := masks + c.NumOOVIndices; n <= len(texts) && slices.Equal(special[:n], texts[:n]) {
		texts = texts[n:]
	}
	if len(texts) == 0 {
		s.Failf("%w: the vocabulary is empty", keras.ErrFormat)
		return words, 0
	}
	words = graph.NewTensor(d, graph.Shape{len(texts)})
	seen := make(map[string]bool, len(texts))
	for i, t := range texts {
		if seen[t] {
			s.Failf("%w: the vocabulary has %q twice", keras.ErrFormat, t)
		}
		seen[t] = true
		if d == graph.String {
			words.Data.([]string)[i] = t
			continue
		}
		n, err := strconv.ParseInt(t, 10, 64)
		if err != nil {
			s.Failf("%w: vocabulary has %q, want whole numbers", keras.ErrFormat, t)
		}
		words.Data.([]int64)[i] = n
	}
	return words, given
}

// plainText is a token as a vocabulary file has it.
func plainText(v *keras.Value) string {
	if text, ok := v.Str(); ok {
		return text
	}
	return v.JSON()
}

// places turns places back into words: the table has oov_token in front, for
// numbers that are no places.
func (s *scope) places(c lookupConfig, x graph.Value, words graph.Tensor, masks int) graph.Value {
	other := s.element("oov_token", c.OOVToken, words.DType)
	if s.Err() != nil {
		return none()
	}
	one := func(v graph.Value) graph.Value { return s.Apply(graph.Reshape{Dims: []int{1}}, v) }
	rows := []graph.Value{one(other)}
	if masks > 0 {
		rows = append(rows, one(s.element("mask_token", c.MaskToken, words.DType)))
	}
	for range c.NumOOVIndices {
		rows = append(rows, one(other))
	}
	n := len(rows) - 1 + words.Len()
	known := graph.NewTensor(graph.Int64, graph.Shape{n})
	for i := range n {
		known.SetFloat(i, float64(i))
	}
	at := s.Apply(graph.Lookup{}, x, s.Const(known))
	at = s.Apply(graph.Binary{Func: graph.Add}, at, s.Scalar(graph.Int64, 1))
	return s.Apply(graph.Gather{}, s.Apply(graph.Concat{}, append(rows, s.Const(words))...), at)
}
