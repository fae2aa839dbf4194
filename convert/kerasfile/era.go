package kerasfile

import (
	"slices"
	"strings"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/weight"
)

// A scale multiplies columns of a weight: elements of its last axis.
type scale struct {
	factor float32
	// blocks are the parts of the last axis that are scaled, of as many as of: for
	// an LSTM, gates 0, 1 and 3 of 4. No blocks are all of it.
	blocks []int
	of     int
}

// hardSigmoid is what makes Keras 2's hard_sigmoid, clip(0.2 x + 0.5), of
// Keras 3's, clip(x/6 + 0.5): the factor of x.
const hardSigmoid = 1.2

// modern makes the object of a layer of Keras 1 or 2 for Keras 3.
func (a *architect) modern(l *keras.Layer, config *keras.Value, owner *keras.Layer) *keras.Value {
	class := l.Class
	config = config.With("dtype", a.plainPolicy("dtype", config.Get("dtype")))
	if config.Get("dtype").IsNull() {
		config = config.Without("dtype")
	}
	if class != "InputLayer" {
		config = config.Without("batch_shape", "ragged", "sparse")
	}
	config = a.modernTrainingKeys(l, config)
	config = eraDType(class, config).Without(strings.Fields(dropped[class])...)
	for _, key := range []string{"activation", "recurrent_activation"} {
		if v, ok := config.Get(key).Str(); ok && v == "hard_sigmoid" {
			if class == "Activation" {
				a.rewritten[owner], a.rewritten[l] = true, true
				return a.scaledActivation(config)
			}
			a.scaleBefore(l, key, owner)
		}
	}
	if refused := gone[class]; refused != "" {
		a.j.Refuse(a.path(l), "Keras 3 has no %s: %s", class, refused)
	}
	if module := applicationLayers[class]; module != "" {
		return object(module, class, class, config)
	}
	if l.Registered != "" || !known(class) {
		return object(l.Module, class, l.Registered, config)
	}
	if class == "RandomCrop" || class == "ThresholdedReLU" {
		a.rewritten[owner], a.rewritten[l] = true, true
	}
	a.refuseOptions(l, config)
	named := keras.NewObject().With("name", config.Get("name"))
	switch {
	case slices.Contains(identities, class):
		return object("keras.layers", "Identity", "", named)
	case class == "RandomCrop": // at inference Keras 2 resizes, Keras 3 does nothing
		for _, key := range []string{"height", "width"} {
			named = named.With(key, config.Get(key))
		}
		return object("keras.layers", "Resizing", "", named.With("crop_to_aspect_ratio", keras.NewBool(true)))
	case class == "ThresholdedReLU":
		return a.thresholded(owner, config)
	}
	return object("keras.layers", class, "", config)
}

// eraDType returns the config with the dtype of today where a layer of Keras 2
// computes in another one than its config says.
func eraDType(class string, config *keras.Value) *keras.Value {
	dtype, _ := config.Get("dtype").Str()
	// The weights of a BatchNormalization are float32 beside small types.
	if class == "BatchNormalization" && (dtype == "float16" || dtype == "bfloat16") {
		return config.With("dtype", keras.NewString("mixed_"+dtype))
	}
	// That of a Discretization was of its results; Keras 3 makes its operands of it, and int32 results.
	if class == "Discretization" && (dtype == "int32" || dtype == "int64") {
		return config.With("dtype", keras.NewString("float32"))
	}
	return config
}

// thresholded is ThresholdedReLU, which Keras 3 lacks: x where it is above theta.
func (a *architect) thresholded(l *keras.Layer, config *keras.Value) *keras.Value {
	theta := config.Get("theta")
	if theta == nil {
		theta = keras.NewNumber(1)
	}
	in := &keras.Layer{Class: "InputLayer", Name: "input", Config: keras.NewObject()}
	greater := &keras.Layer{Class: "Greater", Name: "greater", Operation: true, Config: keras.NewObject()}
	product := &keras.Layer{Class: "Multiply", Name: "multiply", Operation: true, Config: keras.NewObject()}
	x := &keras.Arg{Kind: keras.ArgTensor, Layer: in}
	greater.Calls = []keras.Call{{Args: []*keras.Arg{x, {Kind: keras.ArgConst, Const: theta}}}}
	product.Calls = []keras.Call{{Args: []*keras.Arg{x, {Kind: keras.ArgTensor, Layer: greater}}}}
	out := &keras.Arg{Kind: keras.ArgTensor, Layer: product}
	if info := a.info[l]; info != nil && len(info.Calls) > 0 && len(info.Calls[0]) > 0 {
		t := info.Calls[0][0].Type
		in.Config = in.Config.With("batch_shape", shapeValue(t.Shape)).With("dtype", keras.NewString(t.DType.String())).With("name", keras.NewString(in.Name))
	}
	model := &keras.Layer{Class: "Functional", Config: keras.NewObject(), Graph: &keras.Graph{
		Layers: []*keras.Layer{in, greater, product}, Inputs: x, Outputs: out,
	}}
	model.Name, _ = config.Get("name").Str()
	today := *a
	today.old = false
	return today.model(model)
}

// refuseOptions refuses values of options that Keras 3 does not have.
func (a *architect) refuseOptions(l *keras.Layer, config *keras.Value) {
	if how, _ := config.Get("interpolation").Str(); how == "gaussian" || how == "mitchellcubic" {
		a.j.Refuse(a.path(l), "interpolation %q, which Keras 3 does not have", how)
	}
	if padding, _ := config.Get("padding").Str(); padding == "causal" && strings.HasPrefix(l.Class, "Separable") {
		a.j.Refuse(a.path(l), "%s with padding \"causal\", which Keras 3 does not take", l.Class)
	}
	if mode, _ := config.Get("mode").Int(); l.Class == "BatchNormalization" && mode != 0 {
		a.j.Refuse(a.path(l), "BatchNormalization of mode %d of Keras 1", mode)
	}
	if l.Class == "BatchNormalization" && config.Get("axis").Kind() == keras.Array {
		a.j.Refuse(a.path(l), "BatchNormalization over several axes")
	}
	if l.Class == "Bidirectional" {
		// Keras 3 makes the second layer one that goes backwards, whatever the first does.
		f, _ := config.Get("layer").Get("config").Get("go_backwards").Bool()
		b := true
		if back := config.Get("backward_layer"); back.Kind() == keras.Object {
			b, _ = back.Get("config").Get("go_backwards").Bool()
		}
		if b == f {
			a.j.Refuse(a.path(l), "two layers of one direction, which Keras 3 refuses")
		}
	}
	if l.Class == "HashedCrossing" {
		for _, c := range l.Calls {
			if n := len(c.Tensors()); n != 2 {
				a.j.Refuse(a.path(l), "HashedCrossing of %d inputs, Keras 3 takes 2", n)
			}
		}
	}
}

// known reports a class that has no package of its own.
func known(class string) bool {
	for _, r := range class {
		if r == '>' {
			return false
		}
	}
	return true
}

// applicationLayers are layers that keras.applications define, and their modules.
var applicationLayers = map[string]string{
	"CustomScaleLayer": "keras.src.applications.inception_resnet_v2",
	"LayerScale":       "keras.src.applications.convnext",
}

// dropped are config keys that classes of Keras 3 do not take and that say
// nothing: Keras 2 wrote what their base classes had.
var dropped = map[string]string{
	"SeparableConv1D": "kernel_initializer kernel_regularizer kernel_constraint", "SeparableConv2D": "kernel_initializer kernel_regularizer kernel_constraint",
	"Discretization": "trainable", "SpatialDropout1D": "trainable", "SpatialDropout2D": "trainable", "SpatialDropout3D": "trainable",
}

// gone are classes that Keras 3 has no form of.
var gone = map[string]string{
	"LocallyConnected1D": "no layer of it has a kernel for each place",
	"LocallyConnected2D": "no layer of it has a kernel for each place",
	"Lambda":             "its Python code is not read",
	"Highway":            "it was a layer of Keras 1",
	"MaxoutDense":        "it was a layer of Keras 1",
	"ParametricSoftplus": "it was a layer of Keras 1",
	"SReLU":              "it was a layer of Keras 1",
	"TensorFlowOpLayer":  "its op is a node of TensorFlow's graph",
}

// identities are classes that act in training alone and that Keras 3 lacks.
var identities = []string{"RandomHeight", "RandomWidth"}

// scaledActivation is Keras 2's hard_sigmoid as a layer.
func (a *architect) scaledActivation(config *keras.Value) *keras.Value {
	part := func(class string, config *keras.Value) *keras.Value {
		return object("keras.layers", class, "", config.With("name", keras.NewString(keras.SnakeCase(class))))
	}
	scaled := keras.NewObject().With("scale", keras.NewNumber(hardSigmoid)).With("offset", keras.NewNumber(0))
	list := keras.NewArray(part("Rescaling", scaled), part("Activation", keras.NewObject().With("activation", keras.NewString("hard_sigmoid"))))
	return object("keras", "Sequential", "", keras.NewObject().With("name", config.Get("name")).With("layers", list))
}

// A gating says which weights make what an activation of a layer is applied to,
// and which of the blocks of their last axis.
type gating struct {
	classes []string
	key     string
	weights []string
	blocks  []int
	of      int
}

var recurrentWeights = []string{"kernel", "recurrent_kernel", "bias"}

var gatings = []gating{
	{[]string{"LSTM", "LSTMCell", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"}, "recurrent_activation", recurrentWeights, []int{0, 1, 3}, 4},
	{[]string{"GRU", "GRUCell"}, "recurrent_activation", recurrentWeights, []int{0, 1}, 3},
	{[]string{"GRU", "GRUCell"}, "activation", recurrentWeights, []int{2}, 3},
	{[]string{"SimpleRNN", "SimpleRNNCell"}, "activation", recurrentWeights, nil, 0},
	{[]string{"Dense", "EinsumDense", "Conv1D", "Conv2D", "Conv3D", "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"}, "activation", []string{"kernel", "bias"}, nil, 0},
	{[]string{"DepthwiseConv1D", "DepthwiseConv2D"}, "activation", []string{"depthwise_kernel", "kernel", "bias"}, nil, 0},
	{[]string{"SeparableConv1D", "SeparableConv2D"}, "activation", []string{"pointwise_kernel", "bias"}, nil, 0},
}

// scaleBefore scales the weights before an activation that is Keras 2's hard_sigmoid.
func (a *architect) scaleBefore(l *keras.Layer, key string, owner *keras.Layer) {
	for _, g := range gatings {
		if g.key != key || !slices.Contains(g.classes, l.Class) {
			continue
		}
		info := a.info[owner]
		// Both directions of a Bidirectional are made from one config.
		if own := a.info[l]; own != nil && len(own.Params) > 0 && owner.Class != "Bidirectional" {
			info = own
		}
		for _, p := range info.Params {
			if slices.Contains(g.weights, a.j.Program.Graph.Params[p].Name) {
				factor := float32(hardSigmoid)
				if !a.old { // to Keras 2
					factor = 1 / factor
				}
				a.scale(p, scale{factor, g.blocks, g.of})
			}
		}
		return
	}
	a.j.Refuse(a.path(l), "%s hard_sigmoid, which is another function in Keras 2 than in Keras 3", key)
}

// scale notes a change of a parameter; blocks of several changes add up.
func (a *architect) scale(p int, s scale) {
	if was, ok := a.scales[p]; ok {
		if s.of == 0 || was.of == 0 {
			return // all of it, from another call of the same layer
		}
		for _, b := range was.blocks {
			if !slices.Contains(s.blocks, b) {
				s.blocks = append(slices.Clone(s.blocks), b)
			}
		}
	}
	a.scales[p] = s
}

// scaled returns the elements of a weight, scaled.
func (s scale) scaled(v *weight.Value) (graph.Tensor, error) {
	t, err := v.Tensor()
	if err != nil {
		return t, err
	}
	elements := slices.Clone(t.Float32s())
	s.apply(elements, t.Shape[len(t.Shape)-1])
	return graph.Tensor{DType: graph.Float32, Shape: t.Shape, Data: elements}.Cast(t.DType), nil
}

// apply scales elements of whole rows in place; row is the length of the last axis.
func (s scale) apply(elements []float32, row int) {
	if s.of == 0 {
		for i := range elements {
			elements[i] *= s.factor
		}
		return
	}
	width := row / s.of
	for at := 0; at+row <= len(elements); at += row {
		for _, b := range s.blocks {
			part := elements[at+b*width:][:width]
			for i := range part {
				part[i] *= s.factor
			}
		}
	}
}

// modernCall brings a call of Keras 1 or 2 to the form of Keras 3: recurrent
// layers took their initial states in a list with the sequence, and an argument
// training was heeded.
func (a *architect) modernCall(l *keras.Layer, c keras.Call) keras.Call {
	var kwargs []keras.NamedArg
	for _, k := range c.Kwargs {
		if k.Name != "training" {
			kwargs = append(kwargs, k)
			continue
		}
		trainable, given := l.Config.Get("trainable").Bool()
		if l.Class == "BatchNormalization" && !k.Arg.Neutral() && (trainable || !given) {
			a.j.Refuse(a.path(l), "called with training=True, which Keras 3 does not heed")
		}
	}
	recurrent := slices.Contains([]string{"LSTM", "GRU", "SimpleRNN", "RNN", "Bidirectional", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"}, l.Class)
	if !recurrent || len(c.Args) != 1 || c.Args[0].Kind != keras.ArgList || len(c.Args[0].Items) < 2 {
		return keras.Call{Args: c.Args, Kwargs: kwargs}
	}
	items := c.Args[0].Items
	states := &keras.Arg{Kind: keras.ArgList, Items: items[1:]}
	return keras.Call{Args: items[:1], Kwargs: append(kwargs, keras.NamedArg{Name: "initial_state", Arg: states})}
}
