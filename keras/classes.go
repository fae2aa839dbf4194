package keras

import "strings"

// knownClasses are the layer classes of Keras 2 and 3, by today's names. A
// custom class of the same name is told apart by its package.
var knownClasses = func() map[string]struct{} {
	m := map[string]struct{}{}
	for _, name := range strings.Fields(classNames) {
		m[name] = struct{}{}
	}
	return m
}()

// withoutTrainable are the layer classes of Keras 3 whose config lacks the key
// trainable, and so looks like an operation's.
var withoutTrainable = []string{
	"Discretization", "Functional", "HashedCrossing", "InputLayer", "Pipeline", "Sequential",
	"SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D",
}

const classNames = `
	AbstractRNNCell Activation ActivityRegularization AdaptiveAveragePooling1D AdaptiveAveragePooling2D
	AdaptiveAveragePooling3D AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add
	AdditiveAttention AlphaDropout Attention AugMix AutoContrast Average AveragePooling1D
	AveragePooling2D AveragePooling3D BatchNormalization Bidirectional CategoryEncoding CenterCrop
	Concatenate ContrastLimitedAdaptiveHistogramEqualization Conv1D Conv1DTranspose Conv2D
	Conv2DTranspose Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D Cropping1D Cropping2D
	Cropping3D CutMix Dense DenseFeatures DepthwiseConv1D DepthwiseConv2D Discretization Dot Dropout ELU
	EinsumDense Embedding Equalization Flatten FlaxLayer GRU GRUCell GaussianDropout GaussianNoise
	GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling1D
	GlobalMaxPooling2D GlobalMaxPooling3D GroupNormalization GroupQueryAttention HashedCrossing Hashing
	Identity InputLayer IntegerLookup JaxLayer LSTM LSTMCell Lambda LayerNormalization LeakyReLU
	LocallyConnected1D LocallyConnected2D Masking MaxNumBoundingBoxes MaxPooling1D MaxPooling2D
	MaxPooling3D Maximum MelSpectrogram Minimum MixUp MultiHeadAttention Multiply Normalization PReLU
	Permute Pipeline RMSNormalization RNN RandAugment RandomBrightness RandomColorDegeneration
	RandomColorJitter RandomContrast RandomCrop RandomElasticTransform RandomErasing RandomFlip
	RandomGaussianBlur RandomGrayscale RandomHeight RandomHue RandomInvert RandomPerspective
	RandomPosterization RandomRotation RandomSaturation RandomSharpness RandomShear RandomTranslation
	RandomWidth RandomZoom ReLU RepeatVector Rescaling Reshape Resizing ReversibleEmbedding
	STFTSpectrogram SeparableConv1D SeparableConv2D SimpleRNN SimpleRNNCell Softmax Solarization
	SpatialDropout1D SpatialDropout2D SpatialDropout3D SpectralNormalization StackedRNNCells
	StringLookup Subtract TFSMLayer TextVectorization ThresholdedReLU TimeDistributed TorchModuleWrapper
	UnitNormalization UpSampling1D UpSampling2D UpSampling3D Wrapper ZeroPadding1D ZeroPadding2D
	ZeroPadding3D
`
