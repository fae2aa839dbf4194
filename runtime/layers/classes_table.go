package layers

// builtinClasses are the supported classes, in the order of https://keras.io/api/layers/,
// each with the releases that first had it where those are not Keras 1.0, 2.0 and
// 3.0: as far as releases were looked at, 1.0.8, 1.1.2, 1.2.2, 2.0 to 2.3, 2.6 to 2.15
// (2.6 is the first of tf.keras in a package of its own) and 3.0 to 3.15.
var builtinClasses = []class{
	// Core.
	denseLayer,
	maxoutDenseLayer.since("1.0 2.0"),
	highwayLayer.since("1.0 2.0"),
	einsumDenseLayer.since("2.6 3.0"),
	activationLayer,
	embeddingLayer,
	reversibleEmbeddingLayer.since("3.12"),
	identityLayer.since("2.12 3.0"),
	maskingLayer,

	// Activation.
	reluLayer.since("2.2 3.0"),
	softmaxLayer.since("2.1 3.0"),
	leakyReLULayer,
	preluLayer,
	eluLayer,
	parametricSoftplusLayer.since("1.0"),
	sreluLayer.since("1.0"),
	thresholdedReLULayer.since("1.0 2.0"),

	// Convolution.
	conv1DLayer,
	conv2DLayer,
	conv3DLayer,
	separableConv1DLayer.since("2.1 3.0"),
	separableConv2DLayer,
	depthwiseConv1DLayer.since("2.7 3.0"),
	depthwiseConv2DLayer.since("2.0 3.0"),
	conv1DTransposeLayer.since("2.6 3.0"),
	conv2DTransposeLayer,
	conv3DTransposeLayer.since("2.0 3.0"),
	locallyConnected1DLayer.since("1.0 2.0"),
	locallyConnected2DLayer.since("1.0 2.0"),

	// Pooling.
	maxPooling1DLayer,
	maxPooling2DLayer,
	maxPooling3DLayer,
	averagePooling1DLayer,
	averagePooling2DLayer,
	averagePooling3DLayer,
	adaptiveAveragePooling1DLayer.since("3.13"),
	adaptiveAveragePooling2DLayer.since("3.13"),
	adaptiveAveragePooling3DLayer.since("3.13"),
	adaptiveMaxPooling1DLayer.since("3.13"),
	adaptiveMaxPooling2DLayer.since("3.13"),
	adaptiveMaxPooling3DLayer.since("3.13"),
	globalMaxPooling1DLayer.since("1.1 2.0 3.0"),
	globalMaxPooling2DLayer.since("1.1 2.0 3.0"),
	globalMaxPooling3DLayer.since("1.1 2.0 3.0"),
	globalAveragePooling1DLayer.since("1.1 2.0 3.0"),
	globalAveragePooling2DLayer.since("1.1 2.0 3.0"),
	globalAveragePooling3DLayer.since("1.1 2.0 3.0"),

	// Recurrent.
	lstmLayer,
	gruLayer,
	simpleRNNLayer,
	convLSTM1DLayer.since("2.6 3.0"),
	convLSTM2DLayer.since("1.1 2.0 3.0"),
	convLSTM3DLayer.since("2.6 3.0"),
	rnnLayer.since("2.0 3.0"),
	timeDistributedLayer,
	bidirectionalLayer,

	// Preprocessing: numerical features.
	normalizationLayer.since("2.6 3.0"),
	discretizationLayer.since("2.6 3.0"),
	hashingLayer.since("2.6 3.0"),
	hashedCrossingLayer.since("2.8 3.0"),
	integerLookupLayer.since("2.6 3.0"),
	stringLookupLayer.since("2.6 3.0"),

	// Preprocessing: text.
	textVectorizationLayer.since("2.6 3.0"),

	// Preprocessing: categories.
	categoryEncodingLayer.since("2.6 3.0"),

	// Preprocessing: audio.
	stftSpectrogramLayer.since("3.7"),
	melSpectrogramLayer.since("3.1"),

	// Preprocessing: images.
	resizingLayer.since("2.6 3.0"),
	rescalingLayer.since("2.6 3.0"),
	centerCropLayer.since("2.6 3.0"),
	maxNumBoundingBoxesLayer.since("3.7"),
	pipelineLayer.since("3.6"),

	// Preprocessing: image augmentation.
	randomCropLayer.since("2.6 3.0"),
	randomFlipLayer.since("2.6 3.0"),
	randomTranslationLayer.since("2.6 3.0"),
	randomRotationLayer.since("2.6 3.0"),
	randomZoomLayer.since("2.6 3.0"),
	randomHeightLayer.since("2.6"),
	randomWidthLayer.since("2.6"),
	randomContrastLayer.since("2.6 3.0"),
	randomBrightnessLayer.since("2.9 3.0"),
	randomShearLayer.since("3.6"),
	randomHueLayer.since("3.8"),
	randomErasingLayer.since("3.9"),
	randomGrayscaleLayer.since("3.8"),
	randomInvertLayer.since("3.9"),
	solarizationLayer.since("3.6"),
	randomPosterizationLayer.since("3.8"),
	randomSharpnessLayer.since("3.8"),
	randomSaturationLayer.since("3.8"),
	randomColorDegenerationLayer.since("3.8"),
	randomColorJitterLayer.since("3.8"),
	randomGaussianBlurLayer.since("3.9"),
	randomPerspectiveLayer.since("3.9"),
	randomElasticTransformLayer.since("3.10"),
	randAugmentLayer.since("3.8"),
	augMixLayer.since("3.9"),
	cutMixLayer.since("3.9"),
	mixUpLayer.since("3.8"),
	autoContrastLayer.since("3.6"),
	equalizationLayer.since("3.8"),
	claheLayer.since("3.14"),

	// Normalization.
	batchNormalizationLayer,
	layerNormalizationLayer.since("2.6 3.0"),
	unitNormalizationLayer.since("2.9 3.0"),
	spectralNormalizationLayer.since("2.13 3.0"),
	groupNormalizationLayer.since("2.11 3.0"),
	rmsNormalizationLayer.since("3.9"),

	// Regularization.
	dropoutLayer,
	spatialDropout1DLayer.since("1.1 2.0 3.0"),
	spatialDropout2DLayer,
	spatialDropout3DLayer,
	gaussianDropoutLayer,
	alphaDropoutLayer.since("2.0 3.0"),
	gaussianNoiseLayer,
	activityRegularizationLayer,

	// Attention.
	multiHeadAttentionLayer.since("2.6 3.0"),
	attentionLayer.since("2.6 3.0"),
	additiveAttentionLayer.since("2.6 3.0"),
	groupQueryAttentionLayer.since("3.0"),

	// Reshaping.
	reshapeLayer,
	flattenLayer,
	repeatVectorLayer,
	permuteLayer,
	cropping1DLayer,
	cropping2DLayer,
	cropping3DLayer,
	upSampling1DLayer,
	upSampling2DLayer,
	upSampling3DLayer,
	zeroPadding1DLayer,
	zeroPadding2DLayer,
	zeroPadding3DLayer,

	// Merging.
	concatenateLayer,
	averageLayer,
	maximumLayer,
	minimumLayer.since("2.0 3.0"),
	addLayer,
	subtractLayer.since("2.0 3.0"),
	multiplyLayer,
	dotLayer,

	// Applications.
	layerScaleLayer.since("2.10 3.0"),
	customScaleLayer.since("2.12 3.0"),
}
