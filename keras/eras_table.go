package keras

// The era table. Rows apply from top to bottom, so that a row sees the names
// that earlier rows gave. Sources: keras/legacy/interfaces.py of Keras 2.0 to
// 2.2 (what Keras 1 called things), the get_config methods of tf_keras 2.21 and
// Keras 3, and https://github.com/keras-team/keras/releases.
//
// What is missing here on purpose: training-only keys that Keras 3 writes too
// (seed, momentum, dropout). Layers declare those, and converters write them back.

// Class names that only occur as aliases or in old files.
var classRows = []classRow{
	{eras: keras1, old: "AtrousConvolution1D", now: "Conv1D"},
	{eras: keras1, old: "AtrousConvolution2D", now: "Conv2D"},
	{eras: keras1, old: "Deconvolution2D", now: "Conv2DTranspose"},
	{eras: keras1, old: "Deconvolution3D", now: "Conv3DTranspose"},
	// Dense works on the last axis of any rank, which is what this class was for.
	{eras: keras1, old: "TimeDistributedDense", now: "Dense"},

	// The cuDNN classes had no activation keys, and the GRU the newer equations.
	{eras: oldEras, old: "CuDNNLSTM", now: "LSTM", set: map[string]*Value{
		"activation": NewString("tanh"), "recurrent_activation": NewString("sigmoid"),
	}},
	{eras: oldEras, old: "CuDNNGRU", now: "GRU", set: map[string]*Value{
		"activation": NewString("tanh"), "recurrent_activation": NewString("sigmoid"), "reset_after": NewBool(true),
	}},
	{eras: keras2, old: "UnifiedLSTM", now: "LSTM"},
	{eras: keras2, old: "UnifiedGRU", now: "GRU"},
	{eras: keras2, old: "BatchNormalizationV1", now: "BatchNormalization"},
	{eras: keras2, old: "BatchNormalizationV2", now: "BatchNormalization"},
	{eras: keras2, old: "SyncBatchNormalization", now: "BatchNormalization"},

	{eras: anyEra, old: "AvgPool1D", now: "AveragePooling1D"},
	{eras: anyEra, old: "AvgPool2D", now: "AveragePooling2D"},
	{eras: anyEra, old: "AvgPool3D", now: "AveragePooling3D"},
	{eras: anyEra, old: "MaxPool1D", now: "MaxPooling1D"},
	{eras: anyEra, old: "MaxPool2D", now: "MaxPooling2D"},
	{eras: anyEra, old: "MaxPool3D", now: "MaxPooling3D"},
	{eras: anyEra, old: "GlobalAvgPool1D", now: "GlobalAveragePooling1D"},
	{eras: anyEra, old: "GlobalAvgPool2D", now: "GlobalAveragePooling2D"},
	{eras: anyEra, old: "GlobalAvgPool3D", now: "GlobalAveragePooling3D"},
	{eras: anyEra, old: "GlobalMaxPool1D", now: "GlobalMaxPooling1D"},
	{eras: anyEra, old: "GlobalMaxPool2D", now: "GlobalMaxPooling2D"},
	{eras: anyEra, old: "GlobalMaxPool3D", now: "GlobalMaxPooling3D"},
	{eras: anyEra, old: "Convolution1D", now: "Conv1D"},
	{eras: anyEra, old: "Convolution2D", now: "Conv2D"},
	{eras: anyEra, old: "GroupedQueryAttention", now: "GroupQueryAttention"},
	{eras: anyEra, old: "Convolution3D", now: "Conv3D"},
	{eras: anyEra, old: "Convolution1DTranspose", now: "Conv1DTranspose"},
	{eras: anyEra, old: "Convolution2DTranspose", now: "Conv2DTranspose"},
	{eras: anyEra, old: "Convolution3DTranspose", now: "Conv3DTranspose"},
	{eras: anyEra, old: "SeparableConvolution1D", now: "SeparableConv1D"},
	{eras: anyEra, old: "SeparableConvolution2D", now: "SeparableConv2D"},
}

// Groups of classes, for the column classes.
const (
	rnnClasses       = "LSTM GRU SimpleRNN"
	cellClasses      = "LSTMCell GRUCell SimpleRNNCell"
	convLSTMClasses  = "ConvLSTM1D ConvLSTM2D ConvLSTM3D"
	convClasses      = "Conv1D Conv2D Conv3D"
	transposeClasses = "Conv1DTranspose Conv2DTranspose Conv3DTranspose"
	separableClasses = "SeparableConv1D SeparableConv2D"
	depthwiseClasses = "DepthwiseConv1D DepthwiseConv2D"
	maxoutClasses    = "MaxoutDense Highway" // of Keras 1, whose names they keep
	localClasses     = "LocallyConnected1D LocallyConnected2D"
	pool1DClasses    = "MaxPooling1D AveragePooling1D"
	allConvClasses   = convClasses + " " + transposeClasses + " " + separableClasses + " " + depthwiseClasses + " " + localClasses
)

var keyRows = []keyRow{
	// Keras 1: convolution.
	{eras: keras1, classes: allConvClasses + " " + convLSTMClasses, key: "nb_filter", to: "filters"},
	{eras: keras1, classes: allConvClasses + " " + convLSTMClasses, key: "nb_row", rewrite: joinKeys("kernel_size", "nb_row", "nb_col")},
	{eras: keras1, classes: allConvClasses, key: "kernel_dim1", rewrite: joinKeys("kernel_size", "kernel_dim1", "kernel_dim2", "kernel_dim3")},
	{eras: keras1, classes: allConvClasses, key: "filter_length", rewrite: joinKeys("kernel_size", "filter_length")},
	{eras: keras1, classes: allConvClasses, key: "subsample_length", rewrite: joinKeys("strides", "subsample_length")},
	{eras: keras1, classes: allConvClasses + " " + convLSTMClasses, key: "subsample", to: "strides"},
	{eras: keras1, classes: allConvClasses, key: "atrous_rate", to: "dilation_rate"},

	// Keras 1: pooling and reshaping.
	{eras: keras1, classes: pool1DClasses, key: "pool_length", rewrite: joinKeys("pool_size", "pool_length")},
	{eras: keras1, classes: pool1DClasses, key: "stride", rewrite: joinKeys("strides", "stride")},
	{eras: keras1, classes: "UpSampling1D", key: "length", to: "size"},
	{eras: keras1, classes: "ZeroPadding2D ZeroPadding1D", key: "padding", rewrite: paddingSides},
	{eras: keras1, classes: "*", key: "border_mode", to: "padding"},
	{eras: keras1, classes: "*", key: "dim_ordering", neutral: []string{`"default"`}},
	{eras: keras1, classes: "*", key: "dim_ordering", to: "data_format", values: map[string]string{
		`"tf"`: `"channels_last"`, `"th"`: `"channels_first"`,
	}},
	{eras: keras1, classes: transposeClasses, key: "output_shape", rewrite: outputPadding},

	// Keras 1: dense and recurrent layers.
	{eras: keras1, classes: "Dense " + rnnClasses, key: "output_dim", to: "units"},
	{eras: oldEras, classes: "MaxoutDense", key: "output_dim", to: "units"},
	{eras: keras1, classes: "*", key: "bias", to: "use_bias"},
	{eras: oldEras, classes: "Highway", key: "transform_bias", neutral: []string{"*"}}, // the stored bias has it
	{eras: keras2, classes: maxoutClasses, key: "bias", to: "use_bias"},
	{eras: keras2, classes: maxoutClasses, key: "init", neutral: []string{"*"}},
	{eras: keras2, classes: maxoutClasses, key: "input_dim", neutral: []string{"*"}},
	{eras: keras1, classes: rnnClasses + " " + convLSTMClasses, key: "inner_activation", to: "recurrent_activation"},
	{eras: keras1, classes: rnnClasses + " " + convLSTMClasses, key: "inner_init", to: "recurrent_initializer"},
	{eras: keras1, classes: rnnClasses + " " + convLSTMClasses, key: "forget_bias_init", neutral: []string{"*"}}, // the stored bias has it
	{eras: keras1, classes: rnnClasses + " " + convLSTMClasses, key: "dropout_W", to: "dropout"},
	{eras: keras1, classes: rnnClasses + " " + convLSTMClasses, key: "dropout_U", to: "recurrent_dropout"},
	{eras: keras1, classes: rnnClasses, key: "consume_less", neutral: []string{"*"}}, // order of computation
	{eras: keras1, classes: "Embedding", key: "dropout", neutral: []string{"*"}},     // training only

	// Keras 1: regularization and normalization.
	{eras: keras1, classes: "Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D GaussianDropout AlphaDropout", key: "p", to: "rate"},
	{eras: keras1, classes: "GaussianNoise", key: "sigma", to: "stddev"},
	{eras: keras1, classes: "BatchNormalization", key: "gamma_init", to: "gamma_initializer"},
	{eras: keras1, classes: "BatchNormalization", key: "beta_init", to: "beta_initializer"},

	// Keras 1: initializers, regularizers, constraints.
	{eras: keras1, classes: "Embedding", key: "init", to: "embeddings_initializer"},
	{eras: keras1, classes: "Embedding", key: "W_regularizer", to: "embeddings_regularizer"},
	{eras: keras1, classes: "Embedding", key: "W_constraint", to: "embeddings_constraint"},
	{eras: keras1, classes: "PReLU", key: "init", to: "alpha_initializer"},
	{eras: keras1, classes: separableClasses, key: "init", to: "depthwise_initializer"},
	{eras: keras1, classes: "*", key: "init", to: "kernel_initializer"},
	{eras: keras1, classes: "*", key: "W_regularizer", to: "kernel_regularizer"},
	{eras: keras1, classes: "*", key: "U_regularizer", to: "recurrent_regularizer"},
	{eras: keras1, classes: "*", key: "b_regularizer", to: "bias_regularizer"},
	{eras: keras1, classes: "*", key: "W_constraint", to: "kernel_constraint"},
	{eras: keras1, classes: "*", key: "b_constraint", to: "bias_constraint"},

	// Keras 1 and 2: input shapes, which layers noted when they came first. The
	// other spellings repeat batch_input_shape.
	{eras: keras1, classes: "InputLayer", key: "input_dtype", to: "dtype"},
	{eras: keras1, classes: "*", key: "input_dtype", neutral: []string{"*"}},
	{eras: keras1, classes: "Embedding", key: "input_length", neutral: []string{"*"}},
	{eras: keras1, classes: "Dense Conv1D LocallyConnected1D " + maxoutClasses + " " + rnnClasses, key: "input_dim", neutral: []string{"*"}},
	{eras: keras1, classes: "Dense Conv1D LocallyConnected1D " + rnnClasses, key: "input_length", neutral: []string{"*"}},
	{eras: keras2, classes: "Embedding", key: "input_length", neutral: []string{"*"}},
	// Keras 2.0 to 2.2 called the type of the input so.
	{eras: keras2, classes: "Embedding", key: "dtype", neutral: []string{`"int32"`, `"int64"`, `"int16"`, `"int8"`, `"uint8"`}},
	{eras: oldEras, classes: "*", key: "batch_input_shape", to: "batch_shape"},

	// Keras 1 and 2: defaults of their time, where a file does not say.
	{eras: oldEras, classes: "GRU GRUCell", key: "reset_after", absent: NewBool(false)},
	{eras: oldEras, classes: "LSTM GRU LSTMCell GRUCell " + convLSTMClasses, key: "recurrent_activation", absent: NewString("hard_sigmoid")},

	// Keras 1 and 2: other names.
	{eras: oldEras, classes: "LeakyReLU", key: "alpha", to: "negative_slope"},
	{eras: keras2, classes: "Discretization", key: "bins", to: "bin_boundaries"},
	{eras: oldEras, classes: "BatchNormalization", key: "axis", rewrite: singleAxis},

	// Keras 2: keys that Keras 3 has not, at the value that is its only behaviour.
	{eras: keras2, classes: "RNN Bidirectional TimeDistributed " + rnnClasses + " " + convLSTMClasses, key: "time_major", neutral: []string{"false"}},
	{eras: keras2, classes: "RNN " + rnnClasses + " " + cellClasses + " " + convLSTMClasses, key: "implementation", neutral: []string{"*"}}, // order of computation
	{eras: keras2, classes: transposeClasses + " " + separableClasses + " " + depthwiseClasses, key: "groups", neutral: []string{"1"}},
	{eras: keras2, classes: "Embedding CategoryEncoding", key: "sparse", neutral: []string{"false"}},
	{eras: keras2, classes: "MultiHeadAttention", key: "query_shape", neutral: []string{"*"}}, // the weights have these shapes
	{eras: keras2, classes: "MultiHeadAttention", key: "key_shape", neutral: []string{"*"}},
	{eras: keras2, classes: "MultiHeadAttention", key: "value_shape", neutral: []string{"*"}},
	{eras: keras2, classes: "MultiHeadAttention", key: "softmax_robust_masking", neutral: []string{"false"}},
	{eras: keras2, classes: "Attention AdditiveAttention", key: "causal", neutral: []string{"false"}},
	{eras: keras2, classes: "*", key: "rng_type", neutral: []string{"*"}}, // training only
	{eras: keras2, classes: "SpatialDropout1D SpatialDropout2D SpatialDropout3D", key: "noise_shape", neutral: []string{"*"}},
}

// singleAxis turns a list of one axis, which Keras 2 writes once a layer is built, into the axis.
func singleAxis(config, value *Value) *Value {
	if value.Kind() == Array && value.Len() == 1 {
		return config.With("axis", value.list.items[0])
	}
	return config
}
