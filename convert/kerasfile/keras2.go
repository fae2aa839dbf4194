package kerasfile

import (
	"slices"
	"strings"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/layers/operation"
)

// version2 is the Keras 2 whose files are written: that of TensorFlow 2.15 and
// tf_keras, whose files older ones read too as far as they know the layers.
const version2 = "2.15.0"

// An architect2 makes the architecture of Keras 2, as .h5 files have it.
type architect2 struct {
	*architect
	// functions reports that functions of TensorFlow can be written, as TFOpLambda layers.
	functions bool
}

func object2(class string, config *keras.Value) *keras.Value {
	return keras.NewObject().With("class_name", keras.NewString(class)).With("config", config)
}

func (a architect2) model(l *keras.Layer, name string) *keras.Value {
	config := keras.NewObject().With("name", keras.NewString(name))
	if v := l.Config.Get("trainable"); v != nil {
		config = config.With("trainable", v)
	}
	if l.Graph.Sequential {
		var list []*keras.Value
		for _, in := range l.Graph.Layers {
			list = append(list, a.layer(in, in.Name, nil))
		}
		return object2("Sequential", config.With("layers", keras.NewArray(list...)))
	}
	n := nodes2{a}
	var list []*keras.Value
	for _, in := range a.layersOf(l.Graph) {
		o, calls := n.function(in)
		if o == nil {
			o, calls = a.layer(in, in.Name, nil), n.calls(in)
			o = o.With("config", n.attentionShapes(in, o.Get("config")))
		}
		list = append(list, o.With("name", keras.NewString(in.Name)).With("inbound_nodes", keras.NewArray(calls...)))
	}
	return object2("Functional", config.With("layers", keras.NewArray(list...)).
		With("input_layers", n.structure(l.Graph.Inputs, true)).With("output_layers", n.structure(l.Graph.Outputs, true)))
}

// layer makes the object of a layer; owner is as in architect.layer.
func (a architect2) layer(l *keras.Layer, name string, owner *keras.Layer) *keras.Value {
	if l.Graph != nil {
		return a.model(l, name)
	}
	if owner == nil {
		owner = l
	}
	config := l.Config
	for key, inner := range l.Inner {
		var list []*keras.Value
		for _, in := range inner {
			list = append(list, a.layer(in, in.Name, owner))
		}
		if config.Get(key).Kind() == keras.Array {
			config = config.With(key, keras.NewArray(list...))
		} else {
			config = config.With(key, list[0])
		}
	}
	if config.Has("name") {
		config = config.With("name", keras.NewString(name))
	}
	return object2(l.Class, a.config(l, a.withBoundaries(l, config), owner))
}

// renamed2 are keys that Keras 2 called otherwise, by class.
var renamed2 = map[string][2]string{
	"InputLayer": {"batch_shape", "batch_input_shape"},
	"LeakyReLU":  {"negative_slope", "alpha"},
}

// config brings a config to the form of Keras 2, whatever era it is of.
func (a architect2) config(l *keras.Layer, config *keras.Value, owner *keras.Layer) *keras.Value {
	class := l.Class
	taken, ok := keras2Keys[class]
	if !ok {
		a.j.Refuse(a.path(l), "Keras 2 has no %s", class)
		return config
	}
	if r, ok := renamed2[class]; ok && config.Has(r[0]) {
		config = config.With(r[1], config.Get(r[0])).Without(r[0])
	}
	if name, ok := config.Get("dtype").Get("config").Get("name").Str(); ok {
		config = config.With("dtype", keras.NewString(name))
	}
	if a.j.Arch.Version.Major == 1 { // whose objects Keras 2 does not read
		config = a.modernTrainingKeys(l, config)
	}
	a.refuse2(l, config, owner)
	config = a.words2(l, config)
	for _, key := range []string{"activation", "recurrent_activation"} {
		name, isName := config.Get(key).Str()
		switch {
		case !isName && config.Get(key).Kind() == keras.Object:
			a.j.Refuse(a.path(l), "%s is an object, in Keras 2 it is a name", key)
		case name == "silu":
			config = config.With(key, keras.NewString("swish"))
		case name == "hard_sigmoid" && a.j.Arch.Version.Major >= 3:
			a.scaleBefore(l, key, owner)
		case isName && !slices.Contains(strings.Fields(keras2Activations), name):
			a.j.Refuse(a.path(l), "%s %q, which Keras 2 does not have", key, name)
		}
	}
	allowed := strings.Fields(taken)
	if slices.Contains(allowed, "return_sequences") {
		allowed = append(allowed, "zero_output_for_mask") // which its constructor takes without naming it
	}
	unread := map[string]bool{} // keys that say nothing beside others
	if padded, _ := config.Get("pad_to_aspect_ratio").Bool(); !padded {
		unread["fill_mode"], unread["fill_value"] = true, true
	}
	if n, ok := config.Get("num_oov_indices").Int(); ok && n <= 1 {
		unread["oov_method"] = true
	}
	for _, key := range config.Keys() {
		v := config.Get(key)
		if v.Kind() == keras.Object && strings.HasSuffix(key, "_initializer") {
			config = config.With(key, initializer2(v))
		}
		if !slices.Contains(allowed, key) {
			if !neutral2(key, v) && !unread[key] {
				a.j.Refuse(a.path(l), "%s = %s, which Keras 2 does not have", key, v.JSON())
			}
			config = config.Without(key)
		}
	}
	return config
}

// refuse2 refuses options that Keras 2 does not take together, or not for such inputs as Keras 3 does.
func (a architect2) refuse2(l *keras.Layer, config *keras.Value, owner *keras.Layer) {
	if above1(config.Get("strides")) && above1(config.Get("dilation_rate")) {
		a.j.Refuse(a.path(owner), "strides and dilation_rate above 1, which Keras 2 does not take together")
	}
	if mode, _ := config.Get("output_mode").Str(); l.Class == "CategoryEncoding" && mode == "one_hot" && !a.old {
		if info := a.info[l]; info != nil && len(info.Calls) > 0 && len(info.Calls[0]) > 0 {
			if s := info.Calls[0][0].Type.Shape; len(s) > 1 && s[len(s)-1] != 1 {
				a.j.Refuse(a.path(owner), "one_hot of inputs %v, which Keras 2 does not take", s)
			}
		}
	}
}

// above1 reports whether a number, or one of a list, is above 1.
func above1(v *keras.Value) bool {
	if n, ok := v.Int(); ok {
		return n > 1
	}
	return slices.ContainsFunc(v.Items(), above1)
}

// words2 brings the config of a layer of words to the form of Keras 2: its vocabulary
// stands there, and dtype is the type of the results, where Keras 3 has the policy of
// floating-point numbers.
func (a architect2) words2(l *keras.Layer, config *keras.Value) *keras.Value {
	if a.inline {
		config = a.withVocabulary(l, config)
	}
	mode, _ := config.Get("output_mode").Str()
	if mode == "tf_idf" && config.Get("vocabulary").Len() > 0 && config.Get("idf_weights").Len() == 0 {
		a.j.Refuse(a.path(l), "output_mode \"tf_idf\" whose inverse document frequencies were learnt: they cannot be written yet")
	}
	invert, _ := config.Get("invert").Bool()
	switch {
	case l.Class == "TextVectorization":
		if config.Get("ngrams").Kind() == keras.Array {
			a.j.Refuse(a.path(l), "ngrams of several sizes, which Keras 2 does not read from a file")
		}
		if mode == "one_hot" {
			a.j.Refuse(a.path(l), "output_mode %q, which Keras 2 does not have", mode)
		}
		return config.With("dtype", keras.NewString("string"))
	case l.Class == "StringLookup" && mode == "int" && invert:
		return config.With("dtype", keras.NewString("string"))
	case (l.Class == "StringLookup" || l.Class == "IntegerLookup") && mode == "int":
		return config.With("dtype", keras.NewString("int64"))
	case l.Class == "Discretization" && config.Get("bin_boundaries").Kind() == keras.Array: // refused beside num_bins
		return config.With("num_bins", keras.NewNull())
	}
	return config
}

// initializer2 makes an initializer of Keras 2: members of its config that are null are
// left out, and the names are those that both Kerases have.
func initializer2(v *keras.Value) *keras.Value {
	if class, _ := v.Get("class_name").Str(); class == "OrthogonalInitializer" || class == "IdentityInitializer" { // of early Kerases 3
		v = v.With("class_name", keras.NewString(strings.TrimSuffix(class, "Initializer")))
	}
	config := v.Get("config")
	for _, key := range config.Keys() {
		if config.Get(key).IsNull() && key != "seed" {
			config = config.Without(key)
		}
	}
	return v.With("config", config)
}

// neutral2 reports the value of a key of Keras 3 that Keras 2 has no other than.
func neutral2(key string, v *keras.Value) bool {
	if v.IsNull() || v.Kind() == keras.Array && v.Len() == 0 {
		return true
	}
	if on, isBool := v.Bool(); isBool && !on {
		return true
	}
	switch key {
	case "groups", "seed", "batch_shape", "trainable", "dtype", "implementation", "input_length", "activity_regularizer", "value_range",
		"vocabulary_size": // that of the vocabulary
		return true
	case "oov_method":
		how, _ := v.Str()
		return how == "farmhash"
	case "data_format":
		format, _ := v.Str()
		return format == "channels_last"
	}
	return false
}

// nodes2 writes the calls of a Functional model of Keras 2.
type nodes2 struct{ architect2 }

// positional2 are the names of the arguments after the first.
var positional2 = map[string][]string{"MultiHeadAttention": {"value", "key"}}

// attentionShapes adds the shapes of its operands, which the config of a
// MultiHeadAttention of Keras 2 has.
func (n nodes2) attentionShapes(l *keras.Layer, config *keras.Value) *keras.Value {
	if l.Class != "MultiHeadAttention" || len(l.Calls) == 0 || len(l.Calls[0].Args) == 0 {
		return config
	}
	c := l.Calls[0]
	of := map[string]*keras.Arg{"query": c.Args[0]}
	for i, a := range c.Args[1:] {
		if names := positional2[l.Class]; i < len(names) {
			of[names[i]] = a
		}
	}
	for _, k := range c.Kwargs {
		of[k.Name] = k.Arg
	}
	if of["key"] == nil {
		of["key"] = of["value"]
	}
	for _, name := range []string{"query", "key", "value"} {
		a := of[name]
		if a == nil || a.Kind != keras.ArgTensor {
			n.j.Refuse(n.path(l), "its argument %q is no tensor", name)
			return config
		}
		config = config.With(name+"_shape", shapeValue(nodes{architect: n.architect}.typeOf(a).Shape))
	}
	return config
}

// calls makes the inbound nodes of l: [[["a", 0, 0, {...}], ...], ...].
func (n nodes2) calls(l *keras.Layer) []*keras.Value {
	var out []*keras.Value
	for _, c := range l.Calls {
		kwargs := keras.NewObject()
		for _, k := range c.Kwargs {
			if k.Name == "training" && n.j.Arch.Version.Major >= 3 {
				continue // which predict of Keras 3 does not heed
			}
			kwargs = kwargs.With(k.Name, n.arg(k.Arg))
		}
		names := positional2[l.Class]
		if len(c.Args) == 0 || len(c.Args) > 1+len(names) {
			n.j.Refuse(n.path(l), "called with %d positional arguments", len(c.Args))
			continue
		}
		for i, a := range c.Args[1:] {
			kwargs = kwargs.With(names[i], n.arg(a))
		}
		var list []*keras.Value
		for _, t := range c.Args[0].Tensors(nil) {
			list = append(list, n.history(t, kwargs))
		}
		out = append(out, keras.NewArray(list...))
	}
	return out
}

func (n nodes2) history(a *keras.Arg, kwargs *keras.Value) *keras.Value {
	node := a.Node
	// A model made from its input has a node of its own before those of its calls.
	if g := a.Layer.Graph; g != nil && len(g.Layers) > 0 && (!g.Sequential || g.Layers[0].Class == "InputLayer") {
		node++
	}
	items := []*keras.Value{keras.NewString(a.Layer.Name), keras.NewInt(node), keras.NewInt(a.Tensor)}
	if kwargs != nil {
		items = append(items, kwargs)
	}
	return keras.NewArray(items...)
}

// arg makes a keyword argument.
func (n nodes2) arg(a *keras.Arg) *keras.Value {
	var items []*keras.Value
	for _, it := range a.Items {
		items = append(items, n.arg(it))
	}
	switch a.Kind {
	case keras.ArgTensor:
		return n.history(a, nil)
	case keras.ArgList:
		return keras.NewArray(items...)
	case keras.ArgSlice:
		return keras.NewObject().With("start", items[0]).With("stop", items[1]).With("step", items[2])
	case keras.ArgEllipsis:
		return object2("__ellipsis__", keras.NewObject())
	}
	return a.Const
}

// structure makes input_layers or output_layers: a list also of one tensor.
func (n nodes2) structure(a *keras.Arg, top bool) *keras.Value {
	switch {
	case a.Kind == keras.ArgTensor && top:
		return keras.NewArray(n.history(a, nil))
	case a.Kind == keras.ArgTensor:
		return n.history(a, nil)
	case a.Kind == keras.ArgDict:
		v := keras.NewObject()
		for i, k := range a.Keys {
			v = v.With(k, n.structure(a.Items[i], false))
		}
		return v
	}
	var items []*keras.Value
	for _, it := range a.Items {
		items = append(items, n.structure(it, false))
	}
	return keras.NewArray(items...)
}

// function makes the layer that calls a function of TensorFlow for an
// operation, or nil for a layer.
func (n nodes2) function(l *keras.Layer) (*keras.Value, []*keras.Value) {
	old := l.Class == "TFOpLambda" || l.Class == "SlicingOpLambda"
	if !l.Operation && !old {
		return nil, nil
	}
	n.rewritten[l] = true
	if !n.functions {
		n.j.Refuse(n.path(l), "operation %s: there are layers only", l.Class)
		return keras.NewObject(), nil
	}
	class, name := l.Class, ""
	if old {
		name, _ = l.Config.Get("function").Str()
		class, _, _ = operation.FromTF(name, keras.Call{})
	}
	function, params, ok := operation.ToTF(class)
	if !ok {
		n.j.Refuse(n.path(l), "operation %s, for which Keras 2 has no function", l.Class)
		return keras.NewObject(), nil
	}
	var calls []*keras.Value
	for _, c := range l.Calls {
		args, ok := n.named(l, c)
		if !ok {
			return keras.NewObject(), nil
		}
		kwargs := keras.NewObject()
		var first *keras.Arg
		for i, p := range params {
			arg := args[p[1]]
			delete(args, p[1])
			switch {
			case i == 0:
				first = arg
			case arg != nil:
				kwargs = kwargs.With(p[0], n.arg(arg))
			}
		}
		for k, arg := range args {
			if !arg.Neutral() && k != "name" {
				n.j.Refuse(n.path(l), "argument %q of operation %s", k, l.Class)
			}
		}
		switch {
		case first == nil:
			n.j.Refuse(n.path(l), "operation %s without its first argument", l.Class)
		case first.Kind == keras.ArgTensor:
			calls = append(calls, n.history(first, kwargs))
		case first.Kind == keras.ArgConst:
			calls = append(calls, keras.NewArray(keras.NewString("_CONSTANT_VALUE"), keras.NewInt(-1), first.Const, kwargs))
		default:
			var list []*keras.Value
			for _, t := range first.Tensors(nil) {
				list = append(list, n.history(t, kwargs))
			}
			calls = append(calls, keras.NewArray(list...))
		}
	}
	made := "TFOpLambda"
	if class == "GetItem" {
		made = "SlicingOpLambda"
	}
	config := keras.NewObject().With("name", keras.NewString(l.Name)).With("trainable", keras.NewBool(true)).
		With("dtype", keras.NewString("float32")).With("function", keras.NewString(function))
	return object2(made, config), calls
}

// named are the arguments of a call of an operation by their names in keras.ops.
func (n nodes2) named(l *keras.Layer, c keras.Call) (map[string]*keras.Arg, bool) {
	args := map[string]*keras.Arg{}
	if !l.Operation {
		name, _ := l.Config.Get("function").Str()
		_, list, ok := operation.FromTF(name, c)
		for _, k := range list {
			args[k.Name] = k.Arg
		}
		if !ok {
			n.j.Refuse(n.path(l), "TensorFlow function %q", name)
		}
		return args, ok
	}
	for _, key := range l.Config.Keys() {
		if key != "name" {
			args[key] = &keras.Arg{Kind: keras.ArgConst, Const: l.Config.Get(key)}
		}
	}
	params := strings.Fields(operations[l.Class].call)
	for i, a := range c.Args {
		if i >= len(params) {
			n.j.Refuse(n.path(l), "operation %s with %d arguments", l.Class, len(c.Args))
			return nil, false
		}
		args[params[i]] = a
	}
	for _, k := range c.Kwargs {
		args[k.Name] = k.Arg
	}
	return args, true
}
