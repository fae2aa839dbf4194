package layers

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// A refusal is a layer that must fail with an error that wraps is and names a
// key. Those that wrap ErrUnsupported stand in docs/LAYERS.md.
type refusal struct {
	class, config, in string
	is                error
	names             string
}

// refusals are those of a file of Keras 3.
var refusals = []refusal{
	// config
	{"Dense", `{}`, "[null,4]", graph.ErrAttr, "units is 0"},
	{"Dense", `{"units":-3}`, "[null,4]", graph.ErrAttr, "units is -3"},
	{"Dense", `{"units":1000000000}`, "[null,4]", graph.ErrAttr, "units"},
	{"Dense", `{"units":"3"}`, "[null,4]", keras.ErrFormat, `"units"`},
	{"Dense", `{"units":3,"rank":4}`, "[null,4]", keras.ErrUnsupported, `"rank" = 4`},
	{"Dense", `{"units":3,"quantization_config":{"a":1}}`, "[null,4]", keras.ErrFormat, `"quantization_config"`},
	{"Dense", `{"units":3,"quantization_config":{"class_name":"Int2QuantizationConfig","config":{}}}`, "[null,4]", keras.ErrUnsupported, `class "Int2QuantizationConfig"`},
	{"Dense", `{"units":3,"quantization_config":{"class_name":"Int8QuantizationConfig","config":{"activation_quantizer":{"class_name":"Mine"}}}}`, "[null,4]", keras.ErrUnsupported, `activation_quantizer of class "Mine"`},
	{"Dense", `{"units":3,"quantization_config":{"class_name":"Int8QuantizationConfig","config":{"activation_quantizer":{"class_name":"AbsMaxQuantizer","config":{"value_range":[1,500]}}}}}`, "[null,4]", keras.ErrFormat, "value_range is [1,500]"},
	{"Dense", `{"units":3,"quantization_config":{"class_name":"Int8QuantizationConfig","config":{"activation_quantizer":{"class_name":"AbsMaxQuantizer","config":{"output_dtype":"uint8"}}}}}`, "[null,4]", keras.ErrUnsupported, `output_dtype "uint8"`},
	{"Dense", `{"units":3,"quantization_config":{"class_name":"Int4QuantizationConfig","config":{"block_size":0}}}`, "[null,4]", keras.ErrFormat, "block_size is 0"},
	{"Dense", `{"units":3,"dtype":"int2_from_float32"}`, "[null,4]", keras.ErrUnsupported, `quantization mode "int2"`},
	{"Dense", `{"units":3,"dtype":"int4/0_from_float32"}`, "[null,4]", keras.ErrFormat, `quantization mode "int4/0"`},
	{"Dense", `{"units":3,"dtype":"gptq/5/8_from_float32"}`, "[null,4]", keras.ErrFormat, `quantization mode "gptq/5/8"`},
	{"Dense", `{"units":3,"dtype":"int8_from_float32"}`, "int32[null,4]", keras.ErrUnsupported, "int32 input of a layer with quantized weights"},
	{"EinsumDense", `{"equation":"...x,xy->...y","output_shape":3,"dtype":"int8_from_float32"}`, "[null,4,5]", keras.ErrUnsupported, "quantized weights for an equation with ..."},
	{"EinsumDense", `{"equation":"ab,bcde->acde","output_shape":[2,3,4],"dtype":"gptq/4/8_from_float32"}`, "[null,4]", keras.ErrUnsupported, "quantized kernel (4, 2, 3, 4)"},
	{"Embedding", `{"input_dim":3,"output_dim":4,"dtype":"float8_from_float32"}`, "int32[null,4]", keras.ErrUnsupported, `quantization mode "float8" of embeddings`},
	{"Dense", `{"units":3,"activation":3}`, "[null,4]", keras.ErrFormat, `"activation"`},
	{"Embedding", `{"input_dim":0,"output_dim":4}`, "int32[null,4]", graph.ErrAttr, "input_dim"},
	{"ReLU", `{"max_value":-1}`, "[null,4]", graph.ErrAttr, "max_value"},
	{"ReLU", `{"alpha":0.1}`, "[null,4]", keras.ErrUnsupported, `"alpha"`},
	{"PReLU", `{"shared_axes":[0]}`, "[null,4]", graph.ErrAttr, "shared_axes"},
	{"PReLU", `{}`, "[null,null,4]", graph.ErrShape, `"alpha"`},
	{"ThresholdedReLU", `{"theta":-1}`, "[null,4]", graph.ErrAttr, "theta"},
	{"Softmax", `{"axis":[]}`, "[null,4]", graph.ErrAttr, "axis"},
	{"Softmax", `{"axis":5}`, "[null,4]", graph.ErrAttr, "axis"},
	{"Softmax", `{"axis":"last"}`, "[null,4]", keras.ErrFormat, `"axis"`},
	{"Softmax", `{}`, "[null,3,4] mask:[null,5]", graph.ErrShape, "mask"},
	{"Hashing", `{"num_bins":0}`, "int32[null,4]", graph.ErrAttr, "num_bins is 0"},
	{"Hashing", `{"num_bins":5,"salt":[1,2,3]}`, "int32[null,4]", graph.ErrAttr, "salt is [1,2,3]"},
	{"Hashing", `{"num_bins":5,"mask_value":"a"}`, "int32[null,4]", graph.ErrAttr, `mask_value is "a"`},
	{"HashedCrossing", `{"num_bins":5}`, "int32[null,1]", graph.ErrShape, "1 inputs"},
	{"IntegerLookup", `{}`, "int32[null,4]", keras.ErrUnsupported, "vocabulary is not in the file"},
	{"IntegerLookup", `{"vocabulary":[]}`, "int32[null,4]", keras.ErrFormat, "vocabulary is empty"},
	{"IntegerLookup", `{"vocabulary":[3,3]}`, "int32[null,4]", keras.ErrFormat, `"3" twice`},
	{"IntegerLookup", `{"vocabulary":["a"]}`, "int32[null,4]", keras.ErrFormat, `vocabulary has "a"`},
	{"IntegerLookup", `{"vocabulary":[3],"output_mode":"tf_idf"}`, "int32[null,4]", keras.ErrFormat, "0 idf_weights"},
	{"StringLookup", `{"vocabulary":["a"]}`, "int32[null,4]", graph.ErrDType, "input is int32"},
	{"StringLookup", `{"vocabulary":["a"],"encoding":"utf-16"}`, "int32[null,4]", keras.ErrUnsupported, "encoding"},
	{"TextVectorization", `{"output_sequence_length":4}`, "string[null,1]", keras.ErrUnsupported, "vocabulary is not in the file"},
	{"TextVectorization", `{"vocabulary":["a"]}`, "string[null,1]", keras.ErrUnsupported, "no output_sequence_length"},
	{"TextVectorization", `{"vocabulary":["a"],"output_sequence_length":4}`, "string[null,2]", graph.ErrShape, "last dimension of 1"},
	{"TextVectorization", `{"vocabulary":["a"],"output_sequence_length":4}`, "int32[null,1]", graph.ErrDType, "want strings"},
	{"TextVectorization", `{"vocabulary":["a"],"ragged":true}`, "string[null,1]", keras.ErrUnsupported, "ragged"},
	{"TextVectorization", `{"vocabulary":["a"],"output_mode":"count","sparse":true}`, "string[null,1]", keras.ErrUnsupported, "sparse"},
	{"TextVectorization", `{"vocabulary":["a"],"standardize":{"class_name":"function","config":"f"}}`, "string[null,1]", keras.ErrUnsupported, "standardize is Python code"},
	{"TextVectorization", `{"vocabulary":["a"],"split":{"class_name":"function","config":"f"}}`, "string[null,1]", keras.ErrUnsupported, "split is Python code"},
	{"TextVectorization", `{"vocabulary":["a"],"standardize":"upper"}`, "string[null,1]", graph.ErrAttr, "standardize"},
	{"TextVectorization", `{"vocabulary":["a"],"split":"word"}`, "string[null,1]", graph.ErrAttr, "split"},
	{"TextVectorization", `{"vocabulary":["a"],"ngrams":0}`, "string[null,1]", graph.ErrAttr, "ngrams"},
	{"TextVectorization", `{"vocabulary":["a"],"output_mode":"counts"}`, "string[null,1]", graph.ErrAttr, "output_mode"},
	{"TextVectorization", `{"vocabulary":["a"],"output_mode":"one_hot"}`, "string[null,1]", keras.ErrUnsupported, "with a split"},
	{"TextVectorization", `{"vocabulary":["a"],"split":null,"ngrams":2}`, "string[null]", keras.ErrUnsupported, "the batch would be one text"},
	{"TextVectorization", `{"vocabulary":["a"],"output_mode":"count","max_tokens":1}`, "string[null,1]", graph.ErrAttr, "max_tokens"},
	{"Conv2D", `{"filters":0,"kernel_size":3}`, "[null,8,9,6]", graph.ErrAttr, "filters"},
	{"Conv2D", `{"filters":4}`, "[null,8,9,6]", graph.ErrAttr, "kernel_size"},
	{"Conv2D", `{"filters":4,"kernel_size":[3]}`, "[null,8,9,6]", graph.ErrAttr, "kernel_size is [3]"},
	{"Conv2D", `{"filters":4,"kernel_size":[3,0]}`, "[null,8,9,6]", graph.ErrAttr, "kernel_size is [3,0]"},
	{"Conv2D", `{"filters":4,"kernel_size":3,"strides":0}`, "[null,8,9,6]", graph.ErrAttr, "strides"},
	{"Conv2D", `{"filters":4,"kernel_size":3,"dilation_rate":[1,1,1]}`, "[null,8,9,6]", graph.ErrAttr, "dilation_rate"},
	{"Conv2D", `{"filters":4,"kernel_size":3,"groups":4}`, "[null,8,9,6]", graph.ErrAttr, "groups is 4"},
	{"Conv2D", `{"filters":4,"kernel_size":3,"groups":0}`, "[null,8,9,6]", graph.ErrAttr, "groups is 0"},
	{"Conv2D", `{"filters":4,"kernel_size":3,"padding":"causal"}`, "[null,8,9,6]", graph.ErrAttr, "padding"},
	{"Conv2D", `{"filters":4,"kernel_size":3,"padding":"explicit"}`, "[null,8,9,6]", graph.ErrAttr, "padding"},
	{"Conv2D", `{"filters":4,"kernel_size":3,"data_format":"nchw"}`, "[null,8,9,6]", keras.ErrFormat, `"data_format"`},
	{"Conv2D", `{"filters":4,"kernel_size":3}`, "[null,8,9]", graph.ErrShape, "4 dimensions"},
	{"Conv2D", `{"filters":4,"kernel_size":9}`, "[null,8,9,6]", graph.ErrShape, "window of 9"},
	{"Conv2D", `{"filters":4,"kernel_size":3}`, "[null,8,9,null]", graph.ErrShape, `"kernel"`},
	{"DepthwiseConv2D", `{"kernel_size":3,"depth_multiplier":0}`, "[null,8,9,6]", graph.ErrAttr, "depth_multiplier"},
	{"DepthwiseConv2D", `{"kernel_size":3,"groups":2}`, "[null,8,9,6]", keras.ErrUnsupported, `"groups"`},
	{"SeparableConv2D", `{"kernel_size":3}`, "[null,8,9,6]", graph.ErrAttr, "filters"},
	{"Conv2DTranspose", `{"filters":4,"kernel_size":3,"strides":2,"output_padding":2}`, "[null,8,9,6]", graph.ErrAttr, "output_padding"},
	{"Conv2DTranspose", `{"filters":4,"kernel_size":3,"output_padding":[-1,0]}`, "[null,8,9,6]", graph.ErrAttr, "output_padding"},
	{"ConvLSTM2D", `{"filters":4,"kernel_size":3}`, "[null,8,9,6]", graph.ErrShape, "5 dimensions"},
	{"ConvLSTM2D", `{"filters":4,"kernel_size":3}`, "[null,5,8,9,6] mask:[null,5,8,9]", keras.ErrUnsupported, "a mask"},
	{"ConvLSTM2D", `{"filters":4,"kernel_size":3,"activation":"softmax"}`, "[null,5,8,9,6]", keras.ErrUnsupported, "inside a recurrent layer"},
	{"ConvLSTM1D", `{"filters":4,"kernel_size":3,"padding":"causal"}`, "[null,5,8,6]", graph.ErrAttr, "padding"},
	{"MaxPooling2D", `{"pool_size":0}`, "[null,8,9,6]", graph.ErrAttr, "pool_size"},
	{"MaxPooling1D", `{"padding":"causal"}`, "[null,8,6]", graph.ErrAttr, "padding"},
	{"MaxPooling2D", `{}`, "[null,8,6]", graph.ErrShape, "4 dimensions"},
	{"GlobalAveragePooling2D", `{"keepdims":2}`, "[null,8,9,6]", keras.ErrFormat, `"keepdims"`},
	{"BatchNormalization", `{"axis":4}`, "[null,8,9,6]", graph.ErrAttr, "axis"},
	{"BatchNormalization", `{"axis":[3,-1]}`, "[null,8,9,6]", graph.ErrAttr, "axis"},
	{"BatchNormalization", `{"scale":2}`, "[null,6]", keras.ErrFormat, `"scale"`},
	{"BatchNormalization", `{"mode":3}`, "[null,6]", graph.ErrAttr, "mode is 3"},
	{"LayerNormalization", `{"axis":[]}`, "[null,6]", graph.ErrAttr, "axis"},
	{"LayerNormalization", `{"axis":1}`, "[null,null]", graph.ErrShape, `"gamma"`},
	{"GroupNormalization", `{"groups":4}`, "[null,8,9,6]", graph.ErrAttr, "groups is 4"},
	{"GroupNormalization", `{"groups":0}`, "[null,8,9,6]", graph.ErrAttr, "groups is 0"},
	{"GroupNormalization", `{"groups":2,"axis":0}`, "[2,8,9,6]", graph.ErrAttr, "axis"},
	{"Normalization", `{"mean":1.0}`, "[null,6]", graph.ErrAttr, "variance"},
	{"Normalization", `{"mean":[1.0,2.0],"variance":1.0}`, "[null,6]", graph.ErrAttr, "mean"},
	{"Normalization", `{"mean":[[1.0],2.0],"variance":1.0}`, "[null,6]", keras.ErrFormat, `"mean"`},
	{"Rescaling", `{}`, "[null,6]", graph.ErrAttr, "scale"},
	{"Rescaling", `{"scale":[1.0,2.0]}`, "[null,6]", graph.ErrAttr, "scale"},
	{"Resizing", `{"height":0,"width":5}`, "[null,8,9,3]", graph.ErrAttr, "height"},
	{"Resizing", `{"height":4,"width":5,"interpolation":"cubic"}`, "[null,8,9,3]", graph.ErrAttr, "interpolation"},
	{"Resizing", `{"height":4,"width":5,"fill_mode":"reflect"}`, "[null,8,9,3]", graph.ErrAttr, "fill_mode"},
	{"Resizing", `{"height":4,"width":5,"crop_to_aspect_ratio":true,"pad_to_aspect_ratio":true}`, "[null,8,9,3]", graph.ErrAttr, "pad_to_aspect_ratio"},
	{"CenterCrop", `{"height":4,"width":-5}`, "[null,8,9,3]", graph.ErrAttr, "width"},
	{"MaxNumBoundingBoxes", `{"max_number":3}`, "[null,8,9,3] [null,5,4]", keras.ErrUnsupported, "bounding boxes"},
	{"AutoContrast", `{"value_range":[0]}`, "[null,8,9,3]", graph.ErrAttr, "value_range"},
	{"AutoContrast", `{"dtype":"uint8"}`, "uint8[null,8,9,3]", keras.ErrUnsupported, "dtype uint8"},
	{"ContrastLimitedAdaptiveHistogramEqualization", `{"tile_grid_size":[2]}`, "[null,8,9,3]", graph.ErrAttr, "tile_grid_size"},
	{"ContrastLimitedAdaptiveHistogramEqualization", `{}`, "[null,3,9,3]", graph.ErrShape, "8 tiles of 3 pixels"},
	{"Pipeline", `{"layers":[]}`, "[null,8,9,3]", keras.ErrFormat, "0 layers"},
	{"MelSpectrogram", `{"fft_length":64,"sequence_length":65}`, "[null,800]", graph.ErrAttr, "sequence_length"},
	{"MelSpectrogram", `{"fft_length":64}`, "[null,32]", graph.ErrShape, "32 samples"},
	{"MelSpectrogram", `{"fft_length":64,"window":"kaiser"}`, "[null,800]", graph.ErrAttr, "window"},
	{"MelSpectrogram", `{"fft_length":100000}`, "[null,800]", keras.ErrUnsupported, "fft_length"},
	{"MelSpectrogram", `{}`, "[null,8000,1]", graph.ErrShape, "2 dimensions"},
	{"Reshape", `{"target_shape":[-2]}`, "[null,6]", graph.ErrAttr, "target_shape"},
	{"Reshape", `{"target_shape":[4]}`, "[null,6]", graph.ErrShape, "reshape"},
	{"Permute", `{"dims":[1,1]}`, "[null,6,7]", graph.ErrAttr, "permutation"},
	{"Permute", `{"dims":[0,1]}`, "[null,6,7]", graph.ErrAttr, "dims"},
	{"RepeatVector", `{"n":0}`, "[null,6]", graph.ErrAttr, "n is 0"},
	{"Cropping2D", `{"cropping":4}`, "[null,8,9,6]", graph.ErrShape, "cropping"},
	{"Cropping2D", `{"cropping":[1,2,3]}`, "[null,8,9,6]", keras.ErrFormat, `"cropping"`},
	{"Cropping2D", `{"cropping":-1}`, "[null,8,9,6]", graph.ErrAttr, "cropping"},
	{"ZeroPadding2D", `{"padding":[[1,2],[3]]}`, "[null,8,9,6]", keras.ErrFormat, `"padding"`},
	{"ZeroPadding2D", `{"padding":[[1,-2],[3,0]]}`, "[null,8,9,6]", graph.ErrAttr, "padding"},
	{"UpSampling2D", `{"size":0}`, "[null,8,9,6]", graph.ErrAttr, "size"},
	{"UpSampling2D", `{"interpolation":"cubic"}`, "[null,8,9,6]", graph.ErrAttr, "interpolation"},
	{"UpSampling1D", `{"interpolation":"bilinear"}`, "[null,8,6]", graph.ErrAttr, "interpolation"},
	{"Add", `{}`, "[null,4] [null,3]", graph.ErrShape, "broadcast"},
	{"Add", `{}`, "[null,3,4] [null,3]", graph.ErrShape, "broadcast"},
	{"Subtract", `{}`, "[null,4] [null,4] [null,4]", graph.ErrShape, "want 2"},
	{"Concatenate", `{}`, "[null,4] [null,3,4]", graph.ErrShape, "inputs"},
	{"Concatenate", `{"axis":3}`, "[null,4] [null,4]", graph.ErrAttr, "axis 3"},
	{"LayerScale", `{"init_values":1}`, "[null,4]", graph.ErrAttr, "projection_dim"},
	{"CustomScaleLayer", `{"scale":1}`, "[null,4]", graph.ErrShape, "want 2"},
	{"CategoryEncoding", `{"num_tokens":5,"sparse":true}`, "int32[null,4]", keras.ErrUnsupported, "sparse"},
	{"Discretization", `{"bin_boundaries":[0.5],"sparse":true}`, "[null,4]", keras.ErrUnsupported, "sparse"},
	{"Discretization", `{"num_bins":4}`, "[null,4]", keras.ErrUnsupported, "no bin_boundaries"},
	{"Hashing", `{"num_bins":5,"sparse":true}`, "int32[null,4]", keras.ErrUnsupported, "sparse"},
	{"HashedCrossing", `{"num_bins":5,"sparse":true}`, "int32[null,1] int32[null,1]", keras.ErrUnsupported, "sparse"},
	{"IntegerLookup", `{"vocabulary":[3],"sparse":true,"output_mode":"count"}`, "int32[null,4]", keras.ErrUnsupported, "sparse"},
	{"IntegerLookup", `{"vocabulary":[3],"vocabulary_dtype":"uint8"}`, "int32[null,4]", keras.ErrUnsupported, "vocabulary_dtype"},
	{"StringLookup", `{"vocabulary":["a"],"sparse":true,"output_mode":"count"}`, "string[null,4]", keras.ErrUnsupported, "sparse"},
	{"LSTM", `{"units":3,"activation":"softmax"}`, "[null,5,4]", keras.ErrUnsupported, "inside a recurrent layer"},
	{"LSTM", `{"units":3,"time_major":true}`, "[null,5,4]", keras.ErrUnsupported, `"time_major" = true`},
	{"GRU", `{"units":3,"activation":"softmax"}`, "[null,5,4]", keras.ErrUnsupported, "inside a recurrent layer"},
	{"SimpleRNN", `{"units":3,"activation":"log_softmax"}`, "[null,5,4]", keras.ErrUnsupported, "inside a recurrent layer"},
	{"RNN", `{"cell":{"class_name":"MinimalCell","config":{}}}`, "[null,5,4]", keras.ErrUnsupported, `a cell of class "MinimalCell"`},
	{"Bidirectional", `{"layer":{"class_name":"Dense","config":{"units":3}}}`, "[null,5,4]", keras.ErrUnsupported, "Bidirectional of Dense"},
	{"TimeDistributed", `{"layer":{"class_name":"LSTM","config":{"units":3}}}`, "[null,5,6,4] mask:bool[null,5]", keras.ErrUnsupported, "a mask on the time steps"},
	{"TimeDistributed", `{"layer":{"class_name":"LSTM","config":{"units":3,"return_state":true}}}`, "[null,5,6,4]", keras.ErrUnsupported, "returns 3 tensors"},
	{"SpectralNormalization", `{"layer":{"class_name":"PReLU","config":{}}}`, "[null,5]", keras.ErrUnsupported, "SpectralNormalization of PReLU"},
	// activations
	{"Activation", `{"activation":"threshold"}`, "[null,4]", keras.ErrUnsupported, `"threshold"`},
	{"Activation", `{"activation":"RELU"}`, "[null,4]", keras.ErrUnsupported, `"RELU"`},
	{"Activation", `{"activation":{"class_name":"function","config":"MyPkg>act","module":"builtins"}}`, "[null,4]", keras.ErrUnsupported, "MyPkg>act"},
	{"Activation", `{"activation":{"class_name":"PReLU","config":{}}}`, "[null,4]", keras.ErrUnsupported, "PReLU"},
	{"Activation", `{"activation":{"class_name":"ReLU","config":{},"registered_name":"My>ReLU"}}`, "[null,4]", keras.ErrUnsupported, "My>ReLU"},
	{"Activation", `{"activation":{"class_name":"__lambda__","config":{"code":""}}}`, "[null,4]", keras.ErrUnsupported, "__lambda__"},
	{"Activation", `{"activation":"glu"}`, "[null,5]", graph.ErrShape, "glu"},
}

// oldRefusals are those of files of other versions.
var oldRefusals = []struct {
	version keras.Version
	refusal
}{
	{keras2, refusal{"GlobalAveragePooling1D", `{}`, "uint8[null,8,3]", keras.ErrUnsupported, "mean of uint8"}},
	{keras2, refusal{"GlobalAveragePooling2D", `{}`, "uint8[null,8,9,3]", keras.ErrUnsupported, "mean of uint8"}},
	{keras2, refusal{"GlobalAveragePooling3D", `{}`, "uint8[null,8,9,7,3]", keras.ErrUnsupported, "mean of uint8"}},
	{keras2, refusal{"LSTM", `{"units":3,"time_major":true}`, "[5,4]", graph.ErrShape, "3 dimensions"}},
	{keras2, refusal{"Bidirectional", `{"layer":{"class_name":"LSTM","config":{"units":3,"time_major":true}},"backward_layer":{"class_name":"LSTM","config":{"units":3,"go_backwards":true}}}`, "[null,5,4]", keras.ErrUnsupported, "time_major in one of"}},
	{keras2, refusal{"Discretization", `{"num_bins":1}`, "[null,4]", keras.ErrUnsupported, "num_bins is 1"}},
	{keras224, refusal{"UpSampling2D", `{"interpolation":"bilinear"}`, "[null,8,9,3]", keras.ErrUnsupported, "interpolation"}},
	{keras333, refusal{"RandomCrop", `{"height":4,"width":5}`, "[null,8,9,3]", keras.ErrUnsupported, "RandomCrop of Keras 3.3.3"}},
}

func TestClassesRefuse(t *testing.T) {
	check := func(v keras.Version, c refusal) {
		t.Run(v.Text+" "+c.class+" "+c.config, func(t *testing.T) {
			_, err := lowerClass(t, v, classTest{class: c.class, config: c.config, in: c.in})
			require.ErrorIs(t, err, c.is)
			require.ErrorContains(t, err, c.names)
			require.ErrorContains(t, err, "layer l")
			require.ErrorContains(t, err, "("+c.class+"): ")
		})
	}
	for _, c := range refusals {
		check(keras3, c)
	}
	for _, c := range oldRefusals {
		check(c.version, c.refusal)
	}
}

// The layer inside is the one that is refused.
func TestTimeMajorDistributed(t *testing.T) {
	_, err := lowerClass(t, keras2, classTest{class: "TimeDistributed", config: `{"layer":{"class_name":"GRU","config":{"units":3,"time_major":true}}}`, in: "[null,5,6,4]"})
	require.ErrorIs(t, err, keras.ErrUnsupported)
	require.EqualError(t, err, "layer l/inner (GRU): unsupported: time_major inside TimeDistributed")
}

// Every class knows the keys of every layer, and refuses one that it does not know.
func TestClassesAreStrict(t *testing.T) {
	names := map[string]bool{}
	for _, c := range builtinClasses {
		require.False(t, names[c.name], "%s stands twice", c.name)
		names[c.name] = true
		common := config(t, `{"name":"a","trainable":false,"dtype":"float32","kernel_initializer":{"class_name":"Zeros"},"future":null}`)
		require.NoError(t, keras.DecodeConfig(common, c.config()), c.name)
		require.ErrorIs(t, keras.DecodeConfig(config(t, `{"future":1}`), c.config()), keras.ErrUnsupported, c.name)
	}
}
