package keras

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestModernize(t *testing.T) {
	for _, c := range []struct {
		era           eraSet
		class, config string
		now, want     string
	}{
		{keras1, "Convolution2D",
			`{"name": "c", "batch_input_shape": [null, 8, 8, 3], "input_dtype": "float32", "nb_filter": 4, "nb_row": 3, "nb_col": 5, "init": "he", "activation": "relu", "border_mode": "same", "subsample": [2, 2], "dim_ordering": "th", "bias": true, "W_regularizer": null, "b_constraint": null}`,
			"Conv2D",
			`{"name":"c","batch_shape":[null,8,8,3],"filters":4,"kernel_initializer":"he","activation":"relu","padding":"same","strides":[2,2],"data_format":"channels_first","use_bias":true,"kernel_regularizer":null,"bias_constraint":null,"kernel_size":[3,5]}`},
		{keras1, "Convolution1D", `{"nb_filter": 6, "filter_length": 3, "subsample_length": 2, "border_mode": "valid", "input_dim": null, "input_length": null}`,
			"Conv1D", `{"filters":6,"padding":"valid","kernel_size":[3],"strides":[2]}`},
		{keras1, "Convolution3D", `{"kernel_dim1": 1, "kernel_dim2": 2, "kernel_dim3": 3}`, "Conv3D", `{"kernel_size":[1,2,3]}`},
		{keras1, "AtrousConvolution2D", `{"atrous_rate": [2, 2]}`, "Conv2D", `{"dilation_rate":[2,2]}`},
		{keras1, "Deconvolution2D", `{"output_shape": [null, 14, 14, 64]}`, "Conv2DTranspose", `{"output_shape":[null,14,14,64]}`},
		{keras1, "Deconvolution2D", `{"output_shape": [null, 14, 15, 64], "nb_row": 3, "nb_col": 2, "border_mode": "same", "subsample": [1, 1]}`, "Conv2DTranspose", `{"padding":"same","strides":[1,1],"kernel_size":[3,2]}`},
		{keras1, "Deconvolution2D", `{"output_shape": [null, 28, 27, 64], "nb_row": 3, "nb_col": 3, "border_mode": "same", "subsample": [2, 2]}`, "Conv2DTranspose", `{"padding":"same","strides":[2,2],"kernel_size":[3,3],"output_padding":[1,0]}`},
		{keras1, "Deconvolution2D", `{"output_shape": [null, 28, 28, 64], "nb_row": 2, "nb_col": 2, "border_mode": "valid", "subsample": [2, 2]}`, "Conv2DTranspose", `{"padding":"valid","strides":[2,2],"kernel_size":[2,2]}`},
		{keras1, "Deconvolution2D", `{"output_shape": [null, 3, 8, 9], "nb_row": 3, "nb_col": 3, "border_mode": "valid", "subsample": [2, 2], "dim_ordering": "th"}`, "Conv2DTranspose", `{"padding":"valid","strides":[2,2],"data_format":"channels_first","kernel_size":[3,3],"output_padding":[1,0]}`},
		{keras1, "Deconvolution2D", `{"output_shape": [null, null, 8, 9], "nb_row": 3, "nb_col": 3, "border_mode": "valid"}`, "Conv2DTranspose", `{"output_shape":[null,null,8,9],"padding":"valid","kernel_size":[3,3]}`},
		{keras1, "SeparableConvolution2D", `{"init": "a", "depth_multiplier": 1}`, "SeparableConv2D", `{"depthwise_initializer":"a","depth_multiplier":1}`},
		{keras1, "MaxPooling1D", `{"pool_length": 2, "stride": 3, "border_mode": "valid"}`, "MaxPooling1D", `{"padding":"valid","pool_size":[2],"strides":[3]}`},
		{keras1, "MaxPooling1D", `{"stride": null}`, "MaxPooling1D", `{"strides":null}`},
		{keras1, "ZeroPadding2D", `{"padding": [1, 2, 3, 4], "dim_ordering": "default"}`, "ZeroPadding2D", `{"padding":[[1,2],[3,4]]}`},
		{keras1, "ZeroPadding2D", `{"padding": {"top_pad": 1, "right_pad": 2}}`, "ZeroPadding2D", `{"padding":[[1,0],[0,2]]}`},
		{keras1, "ZeroPadding1D", `{"padding": {"left_pad": 1, "right_pad": 2}}`, "ZeroPadding1D", `{"padding":[1,2]}`},
		{keras1, "ZeroPadding2D", `{"padding": [1, 2]}`, "ZeroPadding2D", `{"padding":[1,2]}`},
		{keras1, "UpSampling1D", `{"length": 2}`, "UpSampling1D", `{"size":2}`},
		{keras1, "Dense", `{"output_dim": 3, "input_dim": 4}`, "Dense", `{"units":3}`},
		{keras1, "TimeDistributedDense", `{"output_dim": 3, "input_length": null}`, "Dense", `{"units":3}`},
		{keras1, "Embedding", `{"input_dim": 9, "output_dim": 3, "input_length": 5, "init": "u", "W_constraint": null, "dropout": 0.5}`,
			"Embedding", `{"input_dim":9,"output_dim":3,"embeddings_initializer":"u","embeddings_constraint":null}`},
		{keras1, "LSTM", `{"output_dim": 3, "inner_activation": "sigmoid", "inner_init": "o", "forget_bias_init": "one", "dropout_W": 0.1, "dropout_U": 0.2, "consume_less": "cpu", "U_regularizer": null}`,
			"LSTM", `{"units":3,"recurrent_activation":"sigmoid","recurrent_initializer":"o","dropout":0.1,"recurrent_dropout":0.2,"recurrent_regularizer":null}`},
		{keras1, "ConvLSTM2D", `{"nb_filter": 3, "nb_row": 1, "nb_col": 2, "inner_activation": "sigmoid", "forget_bias_init": "one", "border_mode": "same", "dim_ordering": "th"}`,
			"ConvLSTM2D", `{"filters":3,"recurrent_activation":"sigmoid","padding":"same","data_format":"channels_first","kernel_size":[1,2]}`},
		{keras1, "GRU", `{"output_dim": 3}`, "GRU", `{"units":3,"reset_after":false,"recurrent_activation":"hard_sigmoid"}`},
		{keras1, "Dropout", `{"p": 0.5}`, "Dropout", `{"rate":0.5}`},
		{keras1, "GaussianNoise", `{"sigma": 0.5}`, "GaussianNoise", `{"stddev":0.5}`},
		{keras1, "BatchNormalization", `{"mode": 0, "gamma_init": "one", "axis": 1}`, "BatchNormalization", `{"mode":0,"gamma_initializer":"one","axis":1}`},
		{keras1, "BatchNormalization", `{"mode": 2}`, "BatchNormalization", `{"mode":2}`},
		{keras1, "InputLayer", `{"batch_input_shape": [null, 4], "input_dtype": "int32"}`, "InputLayer", `{"batch_shape":[null,4],"dtype":"int32"}`},
		{keras1, "Merge", `{"mode": "concat", "mode_type": "raw", "concat_axis": 3, "dot_axes": -1, "output_shape": null, "arguments": {}}`, "Concatenate", `{"axis":3}`},
		{keras1, "Merge", `{"mode": "dot", "dot_axes": [1, 2], "concat_axis": -1}`, "Dot", `{"axes":[1,2]}`},
		{keras1, "Merge", `{"mode": "ave"}`, "Average", `{}`},
		{keras1, "Merge", `{"mode": "cos"}`, "Merge", `{"mode":"cos"}`},
		{keras1, "Merge", `{"mode": "sum", "mode_type": "lambda"}`, "Merge", `{"mode":"sum","mode_type":"lambda"}`},
		{keras1, "MaxoutDense", `{"output_dim": 3}`, "MaxoutDense", `{"units":3}`},

		{keras2, "Conv2D", `{"nb_filter": 4}`, "Conv2D", `{"nb_filter":4}`}, // not of this era: strict decoding refuses it
		{keras2, "GRU", `{"reset_after": true, "recurrent_activation": "sigmoid", "time_major": false, "implementation": 2}`, "GRU", `{"reset_after":true,"recurrent_activation":"sigmoid"}`},
		{keras2, "Merge", `{"mode": "sum"}`, "Add", `{}`},
		{keras2, "Embedding", `{"input_dim": 9, "dtype": "int32", "input_length": 5}`, "Embedding", `{"input_dim":9}`},
		{keras2, "Embedding", `{"input_dim": 9, "dtype": "float16"}`, "Embedding", `{"input_dim":9,"dtype":"float16"}`},
		{keras2, "MaxoutDense", `{"output_dim": 3, "nb_feature": 2, "bias": false, "init": "u", "input_dim": 7}`, "MaxoutDense", `{"units":3,"nb_feature":2,"use_bias":false}`},
		{keras2, "Highway", `{"transform_bias": -2, "bias": true}`, "Highway", `{"use_bias":true}`},
		{keras2, "LSTM", `{"time_major": true}`, "LSTM", `{"time_major":true,"recurrent_activation":"hard_sigmoid"}`},
		{keras2, "CuDNNLSTM", `{"units": 3}`, "LSTM", `{"units":3,"activation":"tanh","recurrent_activation":"sigmoid"}`},
		{keras2, "CuDNNGRU", `{"units": 3}`, "GRU", `{"units":3,"activation":"tanh","recurrent_activation":"sigmoid","reset_after":true}`},
		{keras2, "LeakyReLU", `{"alpha": 0.2}`, "LeakyReLU", `{"negative_slope":0.2}`},
		{keras2, "LeakyReLU", `{"alpha": {"type": "ndarray", "value": 0.2}}`, "LeakyReLU", `{"negative_slope":0.2}`},
		{keras2, "ELU", `{"alpha": 0.2}`, "ELU", `{"alpha":0.2}`},
		{keras2, "BatchNormalizationV1", `{"axis": [3]}`, "BatchNormalization", `{"axis":3}`},
		{keras2, "BatchNormalization", `{"axis": [1, 2]}`, "BatchNormalization", `{"axis":[1,2]}`},
		{keras2, "DepthwiseConv2D", `{"groups": 1}`, "DepthwiseConv2D", `{}`},
		{keras2, "DepthwiseConv2D", `{"groups": 2}`, "DepthwiseConv2D", `{"groups":2}`},
		{keras2, "Conv2D", `{"groups": 1}`, "Conv2D", `{"groups":1}`},
		{keras2, "RandomFlip", `{"rng_type": "stateful", "mode": "horizontal", "seed": 1}`, "RandomFlip", `{"mode":"horizontal","seed":1}`},
		{keras2, "MultiHeadAttention", `{"query_shape": {"class_name": "TensorShape", "items": [null, 4]}, "softmax_robust_masking": false}`, "MultiHeadAttention", `{}`},
		{keras2, "Dense", `{"activation": {"class_name": "LeakyReLU", "config": {"alpha": 0.1}}}`, "Dense", `{"activation":{"class_name":"LeakyReLU","config":{"negative_slope":0.1}}}`},
		{keras2, "MaxPool2D", `{}`, "MaxPooling2D", `{}`},

		{keras3, "LeakyReLU", `{"alpha": 0.2}`, "LeakyReLU", `{"alpha":0.2}`},
		{keras3, "Normalization", `{"mean": {"class_name": "__numpy__", "config": {"value": [1.0], "dtype": "float32"}}}`, "Normalization", `{"mean":[1.0]}`},
		{keras3, "GRU", `{}`, "GRU", `{}`},
	} {
		now, got := modernize(c.class, parse(t, c.config), c.era)
		require.Equal(t, c.now, now, c.config)
		require.Equal(t, c.want, got.JSON(), c.class+" "+c.config)
	}
}

// TestEveryClass takes the config of every layer class of tf_keras 2.21, with
// its default values, through the era table: what is left are keys that Keras
// 3.15 writes for that class. Configs of Keras 3 pass unchanged.
func TestEveryClass(t *testing.T) {
	data, err := os.ReadFile("testdata/classes.json")
	require.NoError(t, err)
	table := parse(t, string(data))
	require.Greater(t, table.Len(), 130)
	for i, class := range table.Keys() {
		row := table.list.items[i]
		if three := row.Get("keras3"); three != nil {
			now, config := modernize(class, three, keras3)
			require.Equal(t, class, now)
			require.Equal(t, three.JSON(), config.JSON(), class)
		}
		if !row.Has("keras2") || !row.Has("keras3") {
			continue
		}
		now, config := modernize(class, row.Get("keras2"), keras2)
		require.Equal(t, class, now)
		for _, key := range config.Keys() {
			// Lambda is Python code in any era.
			if !row.Get("keras3").Has(key) && key != "batch_shape" && !config.Get(key).IsNull() && class != "Lambda" {
				t.Errorf("%s of Keras 2: key %q = %s is left", class, key, config.Get(key).JSON())
			}
		}
	}
}

// TestEraRows checks that a row of the table does one thing and names real classes.
func TestEraRows(t *testing.T) {
	for _, r := range keyRows {
		actions := 0
		for _, set := range []bool{r.to != "", r.neutral != nil, r.absent != nil, r.rewrite != nil} {
			if set {
				actions++
			}
		}
		require.Equal(t, 1, actions, r.key)
		require.NotZero(t, r.eras, r.key)
	}
	for _, r := range classRows {
		_, known := knownClasses[r.now]
		require.True(t, known, r.now)
	}
}
