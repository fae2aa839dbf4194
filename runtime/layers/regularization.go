package layers

import "github.com/kerasrun/kerasrun/keras"

// The layers of https://keras.io/api/layers/regularization_layers/ do nothing
// at inference. A call with training=true is refused before it gets here.

type dropoutConfig struct {
	Rate       keras.TrainingOnly `json:"rate"`
	Seed       keras.TrainingOnly `json:"seed"`
	NoiseShape keras.TrainingOnly `json:"noise_shape"`
	DataFormat keras.TrainingOnly `json:"data_format"`
}

// dropoutLayer returns its input.
//
//	x       (batch, ...)
//	result  (batch, ...)
//
// See https://keras.io/api/layers/regularization_layers/dropout/.
var dropoutLayer = define1("Dropout", dropoutConfig{}, same[dropoutConfig])

// spatialDropout1DLayer returns its input.
//
//	x       (batch, n, c)
//	result  (batch, n, c)
//
// See https://keras.io/api/layers/regularization_layers/spatial_dropout1d/.
var spatialDropout1DLayer = define1("SpatialDropout1D", dropoutConfig{}, same[dropoutConfig])

// spatialDropout2DLayer returns its input.
//
//	x       (batch, h, w, c)
//	result  (batch, h, w, c)
//
// See https://keras.io/api/layers/regularization_layers/spatial_dropout2d/.
var spatialDropout2DLayer = define1("SpatialDropout2D", dropoutConfig{}, same[dropoutConfig])

// spatialDropout3DLayer returns its input.
//
//	x       (batch, d, h, w, c)
//	result  (batch, d, h, w, c)
//
// See https://keras.io/api/layers/regularization_layers/spatial_dropout3d/.
var spatialDropout3DLayer = define1("SpatialDropout3D", dropoutConfig{}, same[dropoutConfig])

// alphaDropoutLayer returns its input.
//
//	x       (batch, ...)
//	result  (batch, ...)
//
// See https://keras.io/api/layers/regularization_layers/alpha_dropout/.
var alphaDropoutLayer = define1("AlphaDropout", dropoutConfig{}, same[dropoutConfig])

// gaussianDropoutLayer returns its input.
//
//	x       (batch, ...)
//	result  (batch, ...)
//
// See https://keras.io/api/layers/regularization_layers/gaussian_dropout/.
var gaussianDropoutLayer = define1("GaussianDropout", dropoutConfig{}, same[dropoutConfig])

type gaussianNoiseConfig struct {
	StdDev keras.TrainingOnly `json:"stddev"`
	Seed   keras.TrainingOnly `json:"seed"`
}

// gaussianNoiseLayer returns its input.
//
//	x       (batch, ...)
//	result  (batch, ...)
//
// See https://keras.io/api/layers/regularization_layers/gaussian_noise/.
var gaussianNoiseLayer = define1("GaussianNoise", gaussianNoiseConfig{}, same[gaussianNoiseConfig])

type activityRegularizationConfig struct {
	L1 keras.TrainingOnly `json:"l1"`
	L2 keras.TrainingOnly `json:"l2"`
}

// activityRegularizationLayer returns its input.
//
//	x       (batch, ...)
//	result  (batch, ...)
//
// See https://keras.io/api/layers/regularization_layers/activity_regularization/.
var activityRegularizationLayer = define1("ActivityRegularization", activityRegularizationConfig{}, same[activityRegularizationConfig])
