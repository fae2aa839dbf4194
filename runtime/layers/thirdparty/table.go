package thirdparty

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/layers"
)

// A Class is a layer class of a package other than Keras.
type Class struct {
	// Name is the name of the class in files; a class that has the name of one of
	// Keras is with its package: "Addons>GroupNormalization".
	Name string
	// Packages are those that register the class, where it is registered.
	Packages []string
	// What says what the class computes and which config keys it must have.
	What string
	// Source is where the class is defined.
	Source string
	// lower is its lowering, once the package has been checked.
	lower layers.LayerFunc
}

const (
	addons  = "https://github.com/tensorflow/addons/blob/master/tensorflow_addons/layers/"
	contrib = "https://github.com/keras-team/keras-contrib/blob/master/keras_contrib/layers/"
)

// Classes are the classes of this package.
var Classes = []Class{
	{
		"InstanceNormalization", []string{"Addons"},
		"normalizes each sample over all axes but axis: (x - mean)/√(variance + epsilon)·gamma + beta with the key groups (TensorFlow Addons), (x - mean)/(deviation + epsilon)·gamma + beta without it (keras-contrib)",
		addons + "normalizations.py, " + contrib + "normalization/instancenormalization.py", instanceNormalization,
	},
	{
		"Addons>GroupNormalization", []string{"Addons"},
		"normalizes each sample within groups of the channels at axis; groups=-1 is one a channel",
		addons + "normalizations.py", addonsGroupNormalization,
	},
	{
		"Addons>AdaptiveAveragePooling1D", []string{"Addons"}, "averages output_size windows, whose borders are those of float32 arithmetic",
		addons + "adaptive_pooling.py", adaptivePooling(graph.ReduceMean, 1),
	},
	{
		"Addons>AdaptiveAveragePooling2D", []string{"Addons"}, "is AdaptiveAveragePooling1D of rows, then of columns",
		addons + "adaptive_pooling.py", adaptivePooling(graph.ReduceMean, 2),
	},
	{
		"Addons>AdaptiveMaxPooling1D", []string{"Addons"}, "is AdaptiveAveragePooling1D with the largest element",
		addons + "adaptive_pooling.py", adaptivePooling(graph.ReduceMax, 1),
	},
	{
		"Addons>AdaptiveMaxPooling2D", []string{"Addons"}, "is AdaptiveAveragePooling2D with the largest element",
		addons + "adaptive_pooling.py", adaptivePooling(graph.ReduceMax, 2),
	},
	{
		"StochasticDepth", []string{"Addons", "keras_cv", "Custom"},
		"is x0 + survival_probability·x1 of two inputs; of one input, with drop_path_rate or drop_prob, the input",
		addons + "stochastic_depth.py, https://github.com/keras-team/keras-cv/blob/master/keras_cv/layers/regularization/stochastic_depth.py", stochasticDepth,
	},
	{
		"DropPath", []string{"keras_cv", "Custom"}, "is its input: it drops samples of residual branches in training alone",
		"https://github.com/keras-team/keras-cv/blob/master/keras_cv/layers/regularization/drop_path.py", dropPath,
	},
	{
		"FixedDropout", nil, "is Dropout, of efficientnet and the models built on it",
		"https://github.com/qubvel/efficientnet/blob/master/efficientnet/model.py", fixedDropout,
	},
	{
		"Scale", nil, "is x·gamma + beta along axis, of the ports of DenseNet and ResNet-101 from Caffe",
		"https://github.com/flyyufelix/DenseNet-Keras/blob/master/custom_layers.py", scale,
	},
	{
		"LRN", nil, "is x/(bias + alpha·Σx²)^beta over the channels up to depth_radius (or radius) away, as tf.nn.local_response_normalization",
		"https://www.tensorflow.org/api_docs/python/tf/nn/local_response_normalization", localResponse,
	},
	{
		"SeqSelfAttention", nil, "weighs the time steps by additive or multiplicative attention among them, within attention_width; masked steps have no weight",
		"https://github.com/CyberZHG/keras-self-attention/blob/master/keras_self_attention/seq_self_attention.py", selfAttention,
	},
}

// Layers returns the lowerings of Classes by name.
func Layers() map[string]layers.LayerFunc {
	all := make(map[string]layers.LayerFunc, len(Classes))
	for _, c := range Classes {
		all[c.Name] = func(b *layers.LayerBuilder, config *keras.Value, in []graph.Value) ([]graph.Value, error) {
			if pkg, _, ok := strings.Cut(b.Registered(), ">"); ok && !slices.Contains(c.Packages, pkg) {
				return nil, fmt.Errorf("%w: %s of the package %q is none of those that are known (%s); supply it with WithLayer(%q, ...)",
					keras.ErrUnsupported, c.Name, pkg, c.Source, b.Registered())
			}
			return c.lower(b, config, in)
		}
	}
	return all
}

// An Activation is an activation function of a package other than Keras.
type Activation struct {
	Name, What, Source string
	lower              layers.ActivationFunc
}

// Activations are the activation functions of this package. Those that Keras
// calls by the same name (swish, mish, hard_swish, relu6) need no option.
var Activations = []Activation{
	{"softplus2", "is log(1 + eˣ) - log 2", "https://github.com/materialsvirtuallab/megnet/blob/master/megnet/activations.py", shiftedSoftplus},
	{"Addons>mish", "is x·tanh(log(1 + eˣ))", "https://github.com/tensorflow/addons/blob/master/tensorflow_addons/activations/mish.py", op(graph.Activation{Func: graph.Mish})},
	{"Addons>tanhshrink", "is x - tanh x", "https://github.com/tensorflow/addons/blob/master/tensorflow_addons/activations/tanhshrink.py", op(graph.Activation{Func: graph.TanhShrink})},
	{"Addons>lisht", "is x·tanh x", "https://github.com/tensorflow/addons/blob/master/tensorflow_addons/activations/lisht.py", lisht},
}

// ActivationFuncs returns the lowerings of Activations by name.
func ActivationFuncs() map[string]layers.ActivationFunc {
	all := make(map[string]layers.ActivationFunc, len(Activations))
	for _, a := range Activations {
		all[a.Name] = a.lower
	}
	return all
}

// op is an activation that is one op.
func op(o graph.Activation) layers.ActivationFunc {
	return func(b *layers.LayerBuilder, x graph.Value) (graph.Value, error) { return b.Apply(o, x), nil }
}

// shiftedSoftplus is softplus that goes through the origin.
func shiftedSoftplus(b *layers.LayerBuilder, x graph.Value) (graph.Value, error) {
	y := b.Apply(graph.Activation{Func: graph.Softplus}, x)
	return b.Apply(graph.Binary{Func: graph.Sub}, y, b.Scalar(y.DType, math.Ln2)), nil
}

func lisht(b *layers.LayerBuilder, x graph.Value) (graph.Value, error) {
	return b.Apply(graph.Binary{Func: graph.Mul}, x, b.Apply(graph.Activation{Func: graph.Tanh}, x)), nil
}
