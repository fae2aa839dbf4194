package tfjs

import (
	"strings"

	"github.com/kerasrun/kerasrun/keras"
)

// A class is what TensorFlow.js knows of a layer.
type class struct {
	read string // the keys of its config that are read
	// only are the values of keys, as JSON, that are computed as Keras does.
	only map[string]string
	// check refuses what else differs, and returns the config as TensorFlow.js wants it.
	check func(c *checker, path string, config *keras.Value) *keras.Value
}

// activations are those of TensorFlow.js 4.22 that Keras 2 has too.
const activations = "elu gelu hard_sigmoid linear mish relu selu sigmoid softmax softplus softsign swish tanh"

const (
	last      = `"channels_last"`
	recurrent = "units activation recurrent_activation use_bias dropout recurrent_dropout unit_forget_bias reset_after"
	sequence  = " return_sequences return_state go_backwards stateful"
	convolved = "filters kernel_size strides padding data_format dilation_rate activation use_bias"
)

// paddings are those of convolutions: causal is not implemented.
var paddings = map[string]string{"padding": `"valid"|"same"`}

// known are the layers of TensorFlow.js 4.22.
var known = map[string]class{
	"InputLayer": {read: "sparse"},
	"Activation": {read: "activation"}, "AlphaDropout": {read: "rate noise_shape"}, "Dropout": {read: "rate noise_shape"},
	"GaussianDropout": {read: "rate"}, "GaussianNoise": {read: "stddev"}, "SpatialDropout1D": {read: "rate"},
	"Add": {}, "Average": {}, "Maximum": {}, "Minimum": {}, "Multiply": {},
	"Concatenate":        {read: "axis", check: concatenate},
	"Dot":                {read: "axes normalize", check: dot},
	"AveragePooling1D":   {read: "pool_size strides padding"},
	"AveragePooling2D":   {read: "pool_size strides padding data_format"},
	"AveragePooling3D":   {read: "pool_size strides padding data_format", check: strided3D},
	"MaxPooling1D":       {read: "pool_size strides padding"},
	"MaxPooling2D":       {read: "pool_size strides padding data_format"},
	"MaxPooling3D":       {read: "pool_size strides padding data_format", check: strided3D},
	"BatchNormalization": {read: "axis epsilon center scale momentum", check: batchNormalization},
	"LayerNormalization": {read: "axis epsilon center scale", check: layerNormalization},
	"Bidirectional":      {read: "layer backward_layer merge_mode", check: bidirectional},
	"TimeDistributed":    {read: "layer"},
	"Conv1D":             {read: convolved, only: map[string]string{"padding": paddings["padding"], "data_format": last}},
	"Conv2D":             {read: convolved, only: paddings},
	"Conv3D":             {read: convolved, only: paddings, check: strided3D},
	"Conv2DTranspose":    {read: convolved, only: map[string]string{"dilation_rate": "[1,1]"}},
	"Conv3DTranspose":    {read: convolved, only: map[string]string{"dilation_rate": "[1,1,1]"}, check: strided3D},
	"DepthwiseConv2D":    {read: convolved + " depth_multiplier", only: map[string]string{"dilation_rate": "[1,1]", "padding": paddings["padding"]}},
	"SeparableConv2D":    {read: convolved + " depth_multiplier", only: map[string]string{"data_format": last}},
	"ConvLSTM2D":         {read: convolved + " recurrent_activation dropout recurrent_dropout unit_forget_bias" + sequence, only: paddings},
	"Cropping2D":         {read: "cropping data_format"},
	"ZeroPadding2D":      {read: "padding data_format"},
	"UpSampling2D":       {read: "size data_format interpolation", only: map[string]string{"interpolation": `"nearest"`}},
	"Dense":              {read: "units activation use_bias"},
	"ELU":                {read: "alpha", only: map[string]string{"alpha": "1.0|1"}},
	"LeakyReLU":          {read: "alpha"},
	"PReLU":              {read: "shared_axes"},
	"ReLU":               {read: "max_value"},
	"Softmax":            {read: "axis", check: softmax},
	"ThresholdedReLU":    {read: "theta"},
	"Embedding":          {read: "input_dim output_dim mask_zero input_length"},
	"Flatten":            {read: "data_format", check: flatten},
	"GRU":                {read: recurrent + sequence, only: map[string]string{"reset_after": "false"}},
	"LSTM":               {read: recurrent + sequence},
	"SimpleRNN":          {read: recurrent + sequence},
	"RNN":                {read: "cell" + sequence},
	"GRUCell":            {read: recurrent, only: map[string]string{"reset_after": "false"}},
	"LSTMCell":           {read: recurrent},
	"SimpleRNNCell":      {read: recurrent},
	"StackedRNNCells":    {read: "cells"},

	"GlobalAveragePooling1D": {}, "GlobalMaxPooling1D": {},
	"GlobalAveragePooling2D": {read: "data_format"}, "GlobalMaxPooling2D": {read: "data_format"},
	"Masking": {read: "mask_value"}, "Permute": {read: "dims"}, "RepeatVector": {read: "n"}, "Reshape": {read: "target_shape"},
	"Rescaling": {read: "scale offset", check: rescaling},
}

// concatenate makes the axis positive: TensorFlow.js takes any negative one for the last.
func concatenate(c *checker, path string, config *keras.Value) *keras.Value {
	axis, _ := config.Get("axis").Int()
	if _, rank, _ := c.ranks(path); axis < -1 && rank > 0 {
		return config.With("axis", keras.NewInt(axis+rank))
	}
	return config
}

// batchNormalization makes the axis a number.
func batchNormalization(c *checker, path string, config *keras.Value) *keras.Value {
	if list := config.Get("axis"); list.Kind() == keras.Array && list.Len() == 1 {
		config = config.With("axis", list.Items()[0])
	} else if list.Kind() == keras.Array {
		c.j.Refuse(path, "axis = %s, of which TensorFlow.js takes one", list.JSON())
	}
	c.normalized(path, "BatchNormalization", config.Get("axis"))
	return config
}

// normalized refuses what its backends do not normalize as Keras does.
func (c *checker) normalized(path, class string, axis *keras.Value) {
	_, rank, _ := c.ranks(path)
	if rank > 4 {
		c.j.Refuse(path, "%s of rank %d, TensorFlow.js has it up to rank 4", class, rank)
	}
	if n, ok := axis.Int(); ok && n != -1 && n != rank-1 {
		c.j.Refuse(path, "axis = %d, TensorFlow.js computes the last one as Keras does", n)
	}
}

// strided3D refuses strides larger than the window with padding "same", where
// TensorFlow.js begins elsewhere.
func strided3D(c *checker, path string, config *keras.Value) *keras.Value {
	window := config.Get("kernel_size")
	if window == nil {
		window = config.Get("pool_size")
	}
	padding, _ := config.Get("padding").Str()
	for i, s := range config.Get("strides").Items() {
		stride, _ := s.Int()
		if w := window.Items(); padding == "same" && i < len(w) {
			if size, _ := w[i].Int(); stride > size {
				c.j.Refuse(path, "strides = %s with padding \"same\" and a window of %s, which TensorFlow.js places otherwise", config.Get("strides").JSON(), window.JSON())
				break
			}
		}
	}
	return config
}

// softmax refuses other axes than the last.
func softmax(c *checker, path string, config *keras.Value) *keras.Value {
	_, rank, _ := c.ranks(path)
	axes := config.Get("axis")
	for _, axis := range append(axes.Items(), axes) {
		if n, ok := axis.Int(); ok && n != -1 && n != rank-1 {
			c.j.Refuse(path, "axis = %s, TensorFlow.js computes the last one", axes.JSON())
		}
	}
	return config
}

// dot refuses ranks that TensorFlow.js does not have.
func dot(c *checker, path string, config *keras.Value) *keras.Value {
	for _, n := range c.program.Graph.Nodes {
		for _, v := range n.In {
			if rank := c.program.Graph.Values[v].Rank(); n.Layer == path && rank > 3 {
				c.j.Refuse(path, "Dot of rank %d, TensorFlow.js has it up to rank 3", rank)
			}
		}
	}
	return config
}

func layerNormalization(c *checker, path string, config *keras.Value) *keras.Value {
	axis := config.Get("axis")
	if axis.Kind() == keras.Array && axis.Len() == 1 {
		axis = axis.Items()[0]
	}
	c.normalized(path, "LayerNormalization", axis)
	return config
}

// flatten refuses shapes that TensorFlow.js does not flatten.
func flatten(c *checker, path string, config *keras.Value) *keras.Value {
	rank, _, known := c.ranks(path)
	switch {
	case rank == 1 || rank == 2:
		c.j.Refuse(path, "Flatten of rank %d, TensorFlow.js has it from rank 3 on", rank)
	case rank > 0 && !known:
		c.j.Refuse(path, "Flatten of dimensions that are not known, which TensorFlow.js does not take")
	}
	return config
}

// rescaling refuses lists of numbers.
func rescaling(c *checker, path string, config *keras.Value) *keras.Value {
	for _, key := range []string{"scale", "offset"} {
		if _, isNumber := config.Get(key).Float(); !isNumber {
			c.j.Refuse(path, "%s = %s, TensorFlow.js takes a number", key, config.Get(key).JSON())
		}
	}
	return config
}

// bidirectional drops the backward layer, which TensorFlow.js makes from the other.
func bidirectional(c *checker, path string, config *keras.Value) *keras.Value {
	backward := config.Get("backward_layer")
	if backward.IsNull() {
		return config
	}
	plain := func(v *keras.Value, flip bool) string {
		of := v.Get("config")
		goes, _ := of.Get("go_backwards").Bool()
		of = of.With("go_backwards", keras.NewBool(goes != flip)).Without("name", "dtype", "batch_input_shape")
		for _, key := range of.Keys() {
			if trainingOnly(key) {
				of = of.Without(key)
			}
		}
		class, _ := v.Get("class_name").Str()
		return strings.Join([]string{class, of.JSON()}, " ")
	}
	if plain(config.Get("layer"), true) != plain(backward, false) {
		c.j.Refuse(path, "a backward layer of its own, TensorFlow.js makes it from the other")
	}
	return config.Without("backward_layer")
}
