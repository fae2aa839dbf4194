package layers

import (
	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// The layers of https://keras.io/api/layers/preprocessing_layers/image_augmentation/
// return their input at inference. A call with training=true is refused before it gets here.

// randomConfig has the keys of all layers that augment images in training.
type randomConfig struct {
	AdditionFactor   keras.TrainingOnly `json:"addition_factor"`
	AllOps           keras.TrainingOnly `json:"all_ops"`
	Alpha            keras.TrainingOnly `json:"alpha"`
	BrightnessFactor keras.TrainingOnly `json:"brightness_factor"`
	ChainDepth       keras.TrainingOnly `json:"chain_depth"`
	ContrastFactor   keras.TrainingOnly `json:"contrast_factor"`
	DataFormat       keras.TrainingOnly `json:"data_format"`
	Factor           keras.TrainingOnly `json:"factor"`
	FillMode         keras.TrainingOnly `json:"fill_mode"`
	FillValue        keras.TrainingOnly `json:"fill_value"`
	HeightFactor     keras.TrainingOnly `json:"height_factor"`
	HueFactor        keras.TrainingOnly `json:"hue_factor"`
	Interpolation    keras.TrainingOnly `json:"interpolation"`
	KernelSize       keras.TrainingOnly `json:"kernel_size"`
	Mode             keras.TrainingOnly `json:"mode"`
	NumChains        keras.TrainingOnly `json:"num_chains"`
	NumOps           keras.TrainingOnly `json:"num_ops"`
	RngType          keras.TrainingOnly `json:"rng_type"`
	SaturationFactor keras.TrainingOnly `json:"saturation_factor"`
	Scale            keras.TrainingOnly `json:"scale"`
	Seed             keras.TrainingOnly `json:"seed"`
	Sigma            keras.TrainingOnly `json:"sigma"`
	ThresholdFactor  keras.TrainingOnly `json:"threshold_factor"`
	ValueRange       keras.TrainingOnly `json:"value_range"`
	WidthFactor      keras.TrainingOnly `json:"width_factor"`
	XFactor          keras.TrainingOnly `json:"x_factor"`
	YFactor          keras.TrainingOnly `json:"y_factor"`
}

// augmentation returns its input in the compute dtype.
func augmentation[C any](s *scope, _ C, x graph.Value) graph.Value { return s.cast(x, s.compute) }

// randomFlipLayer returns its input, integers as numbers of the compute dtype.
//
//	x       (batch, h, w, c)
//	result  (batch, h, w, c)
//
// See https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_flip/.
var randomFlipLayer = define1("RandomFlip", randomConfig{}, augmentation)

// randomTranslationLayer returns its input, integers as numbers of the compute dtype.
//
//	x       (batch, h, w, c)
//	result  (batch, h, w, c)
//
// See https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_translation/.
var randomTranslationLayer = define1("RandomTranslation", randomConfig{}, augmentation)

// randomRotationLayer returns its input, integers as numbers of the compute dtype.
//
//	x       (batch, h, w, c)
//	result  (batch, h, w, c)
//
// See https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_rotation/.
var randomRotationLayer = define1("RandomRotation", randomConfig{}, augmentation)

// randomZoomLayer returns its input, integers as numbers of the compute dtype.
//
//	x       (batch, h, w, c)
//	result  (batch, h, w, c)
//
// See https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_zoom/.
var randomZoomLayer = define1("RandomZoom", randomConfig{}, augmentation)

// randomContrastLayer returns its input, integers as numbers of the compute dtype.
//
//	x       (batch, h, w, c)
//	result  (batch, h, w, c)
//
// See https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_contrast/.
var randomContrastLayer = define1("RandomContrast", randomConfig{}, augmentation)

// randomBrightnessLayer returns its input, integers as numbers of the compute dtype.
//
//	x       (batch, h, w, c)
//	result  (batch, h, w, c)
//
// See https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_brightness/.
var randomBrightnessLayer = define1("RandomBrightness", randomConfig{}, augmentation)

// randomShearLayer returns its input, integers as numbers of the compute dtype.
//
//	x       (batch, h, w, c)
//	result  (batch, h, w, c)
//
// See https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_shear/.
var randomShearLayer = define1("RandomShear", randomConfig{}, augmentation)

// randomHueLayer returns its input, integers as numbers of the compute dtype.
//
//	x       (batch, h, w, c)
//	result  (batch, h, w, c)
//
// See https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_hue/.
var randomHueLayer = define1("RandomHue", randomConfig{}, augmentation)

// randomErasingLayer returns its input, integers as numbers of the compute dtype.
//
//	x       (batch, h, w, c)
//	result  (batch, h, w, c)
//
// See https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_erasing/.
var randomErasingLayer = define1("RandomErasing", randomConfig{}, augmentation)

// randomGrayscaleLayer returns its input, integers as numbers of the compute dtype.
//
//	x       (batch, h, w, c)
//	result  (batch, h, w, c)
//
// See https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_grayscale/.
var randomGrayscaleLayer = define1("RandomGrayscale", randomConfig{}, augmentation)

// randomInvertLayer returns its input, integers as numbers of the compute dtype.
//
//	x       (batch, h, w, c)
//	result  (batch, h, w, c)
//
// See https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_invert/.
var randomInvertLayer = define1("RandomInvert", randomConfig{}, augmentation)

// solarizationLayer returns its input, integers as numbers of the compute dtype.
//
//	x       (batch, h, w, c)
//	result  (batch, h, w, c)
//
// See https://keras.io/api/layers/preprocessing_layers/image_augmentation/solarization/.
var solarizationLayer = define1("Solarization", randomConfig{}, augmentation)

// randomPosterizationLayer returns its input, integers as numbers of the compute dtype.
//
//	x       (batch, h, w, c)
//	result  (batch, h, w, c)
//
// See https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_posterization/.
var randomPosterizationLayer = define1("RandomPosterization", randomConfig{}, augmentation)

// randomSharpnessLayer returns its input, integers as numbers of the compute dtype.
//
//	x       (batch, h, w, c)
//	result  (batch, h, w, c)
//
// See https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_sharpness/.
var randomSharpnessLayer = define1("RandomSharpness", randomConfig{}, augmentation)

// randomSaturationLayer returns its input, integers as numbers of the compute dtype.
//
//	x       (batch, h, w, c)
//	result  (batch, h, w, c)
//
// See https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_saturation/.
var randomSaturationLayer = define1("RandomSaturation", randomConfig{}, augmentation)

// randomColorDegenerationLayer returns its input, integers as numbers of the compute dtype.
//
//	x       (batch, h, w, c)
//	result  (batch, h, w, c)
//
// See https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_color_degeneration/.
var randomColorDegenerationLayer = define1("RandomColorDegeneration", randomConfig{}, augmentation)

// randomColorJitterLayer returns its input, integers as numbers of the compute dtype.
//
//	x       (batch, h, w, c)
//	result  (batch, h, w, c)
//
// See https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_color_jitter/.
var randomColorJitterLayer = define1("RandomColorJitter", randomConfig{}, augmentation)

// randomGaussianBlurLayer returns its input, integers as numbers of the compute dtype.
//
//	x       (batch, h, w, c)
//	result  (batch, h, w, c)
//
// See https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_gaussian_blur/.
var randomGaussianBlurLayer = define1("RandomGaussianBlur", randomConfig{}, augmentation)

// randomPerspectiveLayer returns its input, integers as numbers of the compute dtype.
//
//	x       (batch, h, w, c)
//	result  (batch, h, w, c)
//
// See https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_perspective/.
var randomPerspectiveLayer = define1("RandomPerspective", randomConfig{}, augmentation)

// randomElasticTransformLayer returns its input, integers as numbers of the compute dtype.
//
//	x       (batch, h, w, c)
//	result  (batch, h, w, c)
//
// See https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_elastic_transform/.
var randomElasticTransformLayer = define1("RandomElasticTransform", randomConfig{}, augmentation)

// randAugmentLayer returns its input, integers as numbers of the compute dtype.
//
//	x       (batch, h, w, c)
//	result  (batch, h, w, c)
//
// See https://keras.io/api/layers/preprocessing_layers/image_augmentation/rand_augment/.
var randAugmentLayer = define1("RandAugment", randomConfig{}, augmentation)

// augMixLayer returns its input, integers as numbers of the compute dtype.
//
//	x       (batch, h, w, c)
//	result  (batch, h, w, c)
//
// See https://keras.io/api/layers/preprocessing_layers/image_augmentation/aug_mix/.
var augMixLayer = define1("AugMix", randomConfig{}, augmentation)

// cutMixLayer returns its input, integers as numbers of the compute dtype.
//
//	x       (batch, h, w, c)
//	result  (batch, h, w, c)
//
// See https://keras.io/api/layers/preprocessing_layers/image_augmentation/cut_mix/.
var cutMixLayer = define1("CutMix", randomConfig{}, augmentation)

// mixUpLayer returns its input, integers as numbers of the compute dtype.
//
//	x       (batch, h, w, c)
//	result  (batch, h, w, c)
//
// See https://keras.io/api/layers/preprocessing_layers/image_augmentation/mix_up/.
var mixUpLayer = define1("MixUp", randomConfig{}, augmentation)

// randomHeightLayer returns its input. Keras 3 lacks it.
//
//	x       (batch, h, w, c)
//	result  (batch, h, w, c)
//
// See https://keras.io/2.15/api/layers/preprocessing_layers/image_augmentation/random_height/.
var randomHeightLayer = define1("RandomHeight", randomConfig{}, same[randomConfig])

// randomWidthLayer returns its input. Keras 3 lacks it.
//
//	x       (batch, h, w, c)
//	result  (batch, h, w, c)
//
// See https://keras.io/2.15/api/layers/preprocessing_layers/image_augmentation/random_width/.
var randomWidthLayer = define1("RandomWidth", randomConfig{}, same[randomConfig])

type equalizationConfig struct {
	ValueRange keras.TrainingOnly `json:"value_range"`
	Bins       keras.TrainingOnly `json:"bins"`
	DataFormat keras.TrainingOnly `json:"data_format"`
}

// equalizationLayer returns its input, integers as numbers of the compute dtype:
// Keras equalizes histograms in training only.
//
//	x       (batch, h, w, c)
//	result  (batch, h, w, c)
//
// See https://keras.io/api/layers/preprocessing_layers/image_augmentation/equalization/.
var equalizationLayer = define1("Equalization", equalizationConfig{}, augmentation)

type maxNumBoundingBoxesConfig struct {
	MaxNumber  keras.TrainingOnly `json:"max_number"`
	FillValue  keras.TrainingOnly `json:"fill_value"`
	DataFormat keras.TrainingOnly `json:"data_format"`
}

// maxNumBoundingBoxesLayer returns images, integers as numbers of the compute dtype. A dict of images and
// bounding boxes is refused.
//
//	x       (batch, h, w, c)
//	result  (batch, h, w, c)
//
// See https://keras.io/api/layers/preprocessing_layers/image_preprocessing/max_num_bounding_boxes/.
var maxNumBoundingBoxesLayer = define("MaxNumBoundingBoxes", maxNumBoundingBoxesConfig{},
	func(s *scope, _ maxNumBoundingBoxesConfig, in []graph.Value) []graph.Value {
		if len(in) != 1 {
			s.Failf("%w: bounding boxes", keras.ErrUnsupported)
			return nil
		}
		return []graph.Value{s.cast(in[0], s.compute)}
	})
