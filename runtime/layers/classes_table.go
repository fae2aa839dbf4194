package layers

// builtinClasses are the supported classes, in the order of https://keras.io/api/layers/.
var builtinClasses = []class{
	// Core.
	denseLayer,
	einsumDenseLayer,
	activationLayer,
	embeddingLayer,
	reversibleEmbeddingLayer,
	identityLayer,
	maskingLayer,

	// Activation.
	reluLayer,
	softmaxLayer,
	leakyReLULayer,
	preluLayer,
	eluLayer,
	thresholdedReLULayer,

	// Convolution.
	conv1DLayer,
	conv2DLayer,
	conv3DLayer,
	separableConv1DLayer,
	separableConv2DLayer,
	depthwiseConv1DLayer,
	depthwiseConv2DLayer,
	conv1DTransposeLayer,
	conv2DTransposeLayer,
	conv3DTransposeLayer,
	locallyConnected1DLayer,
	locallyConnected2DLayer,

	// Pooling.
	maxPooling1DLayer,
	maxPooling2DLayer,
	maxPooling3DLayer,
	averagePooling1DLayer,
	averagePooling2DLayer,
	averagePooling3DLayer,
	adaptiveAveragePooling1DLayer,
	adaptiveAveragePooling2DLayer,
	adaptiveAveragePooling3DLayer,
	adaptiveMaxPooling1DLayer,
	adaptiveMaxPooling2DLayer,
	adaptiveMaxPooling3DLayer,
	globalMaxPooling1DLayer,
	globalMaxPooling2DLayer,
	globalMaxPooling3DLayer,
	globalAveragePooling1DLayer,
	globalAveragePooling2DLayer,
	globalAveragePooling3DLayer,

	// Recurrent.
	lstmLayer,
	gruLayer,
	simpleRNNLayer,
	convLSTM1DLayer,
	convLSTM2DLayer,
	convLSTM3DLayer,
	rnnLayer,
	timeDistributedLayer,
	bidirectionalLayer,

	// Preprocessing: numerical features.
	normalizationLayer,
	discretizationLayer,
	hashingLayer,
	hashedCrossingLayer,
	integerLookupLayer,
	stringLookupLayer,

	// Preprocessing: text.
	textVectorizationLayer,

	// Preprocessing: categories.
	categoryEncodingLayer,

	// Preprocessing: audio.
	stftSpectrogramLayer,
	melSpectrogramLayer,

	// Preprocessing: images.
	resizingLayer,
	rescalingLayer,
	centerCropLayer,
	maxNumBoundingBoxesLayer,
	pipelineLayer,

	// Preprocessing: image augmentation.
	randomCropLayer,
	randomFlipLayer,
	randomTranslationLayer,
	randomRotationLayer,
	randomZoomLayer,
	randomHeightLayer,
	randomWidthLayer,
	randomContrastLayer,
	randomBrightnessLayer,
	randomShearLayer,
	randomHueLayer,
	randomErasingLayer,
	randomGrayscaleLayer,
	randomInvertLayer,
	solarizationLayer,
	randomPosterizationLayer,
	randomSharpnessLayer,
	randomSaturationLayer,
	randomColorDegenerationLayer,
	randomColorJitterLayer,
	randomGaussianBlurLayer,
	randomPerspectiveLayer,
	randomElasticTransformLayer,
	randAugmentLayer,
	augMixLayer,
	cutMixLayer,
	mixUpLayer,
	autoContrastLayer,
	equalizationLayer,
	claheLayer,

	// Normalization.
	batchNormalizationLayer,
	layerNormalizationLayer,
	unitNormalizationLayer,
	spectralNormalizationLayer,
	groupNormalizationLayer,
	rmsNormalizationLayer,

	// Regularization.
	dropoutLayer,
	spatialDropout1DLayer,
	spatialDropout2DLayer,
	spatialDropout3DLayer,
	gaussianDropoutLayer,
	alphaDropoutLayer,
	gaussianNoiseLayer,
	activityRegularizationLayer,

	// Attention.
	multiHeadAttentionLayer,
	attentionLayer,
	additiveAttentionLayer,
	groupQueryAttentionLayer,

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
	minimumLayer,
	addLayer,
	subtractLayer,
	multiplyLayer,
	dotLayer,

	// Applications.
	layerScaleLayer,
	customScaleLayer,
}
