package kerasfile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kerasrun/kerasrun/convert/target"
	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/layers"
)

// version is the Keras whose files are written.
const version = "3.15.1"

// An architect makes the architecture of Keras 3.
type architect struct {
	j    *target.Job
	old  bool // the source is of Keras 1 or 2
	info map[*keras.Layer]*layers.LayerInfo
	// scales are changes of weights, by parameter.
	scales map[int]scale
	// rewritten are layers of the model that are other ops in Keras 3, to the same effect.
	rewritten map[*keras.Layer]bool
	// inline puts vocabularies into configs, for files that have no place for them.
	inline bool
}

func newArchitect(j *target.Job, inline bool) *architect {
	a := &architect{j: j, inline: inline, old: j.Arch.Version.Major < 3, info: map[*keras.Layer]*layers.LayerInfo{}, scales: map[int]scale{}, rewritten: map[*keras.Layer]bool{}}
	for i := range j.Program.Layers {
		l := &j.Program.Layers[i]
		a.info[l.Layer] = l
	}
	return a
}

// path names a layer for messages.
func (a *architect) path(l *keras.Layer) string {
	if i := a.info[l]; i != nil {
		return i.Path
	}
	return l.Name
}

// object makes the object that stands for an instance of a class.
func object(module, class, registered string, config *keras.Value) *keras.Value {
	v := keras.NewObject().With("module", keras.NewString(module)).With("class_name", keras.NewString(class)).With("config", config)
	if registered == "" {
		return v.With("registered_name", keras.NewNull())
	}
	return v.With("registered_name", keras.NewString(registered))
}

// model makes the object of a model with its layers.
func (a *architect) model(l *keras.Layer) *keras.Value {
	config := keras.NewObject().With("name", keras.NewString(cleanName(l.Name)))
	for _, key := range []string{"trainable", "dtype"} {
		if v := l.Config.Get(key); v != nil {
			config = config.With(key, a.plainPolicy(key, v))
		}
	}
	if l.Graph.Sequential {
		return object("keras", "Sequential", "", a.sequential(l.Graph, config))
	}
	return object("keras.src.models.functional", "Functional", "Functional", a.functional(l.Graph, config))
}

// plainPolicy writes the dtype policy of Keras 2 by its name.
func (a *architect) plainPolicy(key string, v *keras.Value) *keras.Value {
	if key == "dtype" && a.old {
		if name, ok := v.Get("config").Get("name").Str(); ok {
			return keras.NewString(name)
		}
	}
	return v
}

func (a *architect) sequential(g *keras.Graph, config *keras.Value) *keras.Value {
	var list []*keras.Value
	names := rename(g)
	for _, l := range g.Layers {
		list = append(list, a.layer(l, names[l], nil))
	}
	return config.With("layers", keras.NewArray(list...))
}

func (a *architect) functional(g *keras.Graph, config *keras.Value) *keras.Value {
	n := nodes{a, rename(g)}
	var list []*keras.Value
	for _, l := range a.layersOf(g) {
		o, calls := a.operation(l, n)
		if o == nil {
			o, calls = a.layer(l, n.names[l], nil), n.calls(l)
		}
		list = append(list, o.With("name", keras.NewString(n.names[l])).With("inbound_nodes", keras.NewArray(calls...)))
	}
	return config.With("layers", keras.NewArray(list...)).
		With("input_layers", n.structure(g.Inputs)).With("output_layers", n.structure(g.Outputs))
}

// rename returns the names of the layers of a model: those of the file, with
// slashes, which Keras 3 refuses, replaced.
func rename(g *keras.Graph) map[*keras.Layer]string {
	names := map[*keras.Layer]string{}
	used := map[string]bool{}
	for _, l := range g.Layers {
		if cleanName(l.Name) == l.Name {
			names[l] = l.Name
			used[l.Name] = true
		}
	}
	for _, l := range g.Layers {
		if names[l] != "" {
			continue
		}
		name := cleanName(l.Name)
		for k := 1; used[name]; k++ {
			name = fmt.Sprintf("%s_%d", cleanName(l.Name), k)
		}
		names[l] = name
		used[name] = true
	}
	return names
}

func cleanName(name string) string { return strings.ReplaceAll(name, "/", "_") }

// layer makes the object of a layer. owner is the layer of the model that it
// is a part of, when it is inside a wrapper.
func (a *architect) layer(l *keras.Layer, name string, owner *keras.Layer) *keras.Value {
	if l.Graph != nil {
		m := a.model(l)
		return m.With("config", m.Get("config").With("name", keras.NewString(name)))
	}
	if owner == nil {
		owner = l
	}
	config := l.Config
	for key, inner := range l.Inner {
		config = config.With(key, a.inner(config.Get(key), inner, owner))
	}
	if config.Has("name") {
		config = config.With("name", keras.NewString(name))
	}
	if a.inline {
		config = a.withVocabulary(l, config)
		config = a.merged(l, config, owner)
	}
	config = a.withBoundaries(l, config)
	if mode, _ := config.Get("output_mode").Str(); mode == "tf_idf" {
		a.j.Refuse(a.path(l), "%s with output_mode \"tf_idf\": its inverse document frequencies cannot be written yet", l.Class)
	}
	if a.old {
		return a.modern(l, config, owner)
	}
	module := l.Module
	if module == "" {
		module = "keras.layers"
	}
	return object(module, l.Class, l.Registered, config)
}

// merged leaves the adapters of LoRA out of the config of a layer whose stored
// kernel has them merged in, as in .keras files: an .h5 would hold them apart.
func (a *architect) merged(l *keras.Layer, config *keras.Value, owner *keras.Layer) *keras.Value {
	info := a.info[owner]
	if own := a.info[l]; own != nil {
		info = own
	}
	if info == nil || slices.ContainsFunc(info.Params, func(p int) bool { return strings.HasPrefix(a.j.Program.Graph.Params[p].Name, "lora_") }) {
		return config
	}
	return config.Without("lora_rank", "lora_alpha")
}

// withVocabulary adds the vocabulary that a layer learnt to its config, one
// word a line of its text.
func (a *architect) withVocabulary(l *keras.Layer, config *keras.Value) *keras.Value {
	info := a.info[l]
	if info == nil || config.Get("vocabulary").Len() > 0 {
		return config
	}
	text, ok := a.j.Vocabularies[info.File]
	if !ok {
		return config
	}
	var words []*keras.Value
	for _, word := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if n, err := strconv.Atoi(word); err == nil && l.Class == "IntegerLookup" {
			words = append(words, keras.NewInt(n))
		} else {
			words = append(words, keras.NewString(word))
		}
	}
	return config.With("vocabulary", keras.NewArray(words...))
}

// withBoundaries adds the boundaries that a Discretization of Keras 2 learnt to its
// config, where both Kerases find them.
func (a *architect) withBoundaries(l *keras.Layer, config *keras.Value) *keras.Value {
	info := a.info[l]
	if info == nil || l.Class != "Discretization" || len(info.Params) == 0 || a.j.Weights == nil {
		return config
	}
	t, err := a.j.Weights[info.Params[0]].Tensor()
	if err != nil {
		a.j.Refuse(a.path(l), "its boundaries: %v", err)
		return config
	}
	var at []*keras.Value
	for i := range t.Len() {
		at = append(at, keras.NewNumber(t.Float(i)))
	}
	return config.With("bin_boundaries", keras.NewArray(at...)).With("num_bins", keras.NewNull())
}

// inner makes what a wrapper holds under a key: a layer or a list of them.
func (a *architect) inner(v *keras.Value, inner []*keras.Layer, owner *keras.Layer) *keras.Value {
	var list []*keras.Value
	for _, l := range inner {
		list = append(list, a.layer(l, cleanName(l.Name), owner))
	}
	if v.Kind() == keras.Array {
		return keras.NewArray(list...)
	}
	return list[0]
}

// nodes writes the calls of a Functional model.
type nodes struct {
	*architect
	names map[*keras.Layer]string
}

// calls makes the inbound nodes of l.
func (n nodes) calls(l *keras.Layer) []*keras.Value {
	var out []*keras.Value
	for _, c := range l.Calls {
		if n.old {
			c = n.modernCall(l, c)
		}
		kwargs := keras.NewObject()
		for _, k := range c.Kwargs {
			kwargs = kwargs.With(k.Name, n.arg(k.Arg))
		}
		out = append(out, n.node(c.Args, kwargs))
	}
	return out
}

func (n nodes) node(args []*keras.Arg, kwargs *keras.Value) *keras.Value {
	var list []*keras.Value
	for _, a := range args {
		list = append(list, n.arg(a))
	}
	return keras.NewObject().With("args", keras.NewArray(list...)).With("kwargs", kwargs)
}

// arg makes an argument of a call.
func (n nodes) arg(a *keras.Arg) *keras.Value {
	var items []*keras.Value
	for _, it := range a.Items {
		items = append(items, n.arg(it))
	}
	part := func(class string, config *keras.Value) *keras.Value {
		return keras.NewObject().With("class_name", keras.NewString(class)).With("config", config)
	}
	switch a.Kind {
	case keras.ArgTensor:
		t := n.typeOf(a)
		return part("__keras_tensor__", keras.NewObject().With("shape", shapeValue(t.Shape)).
			With("dtype", keras.NewString(t.DType.String())).With("keras_history", n.history(a)))
	case keras.ArgList:
		return keras.NewArray(items...)
	case keras.ArgDict:
		v := keras.NewObject()
		for i, k := range a.Keys {
			v = v.With(k, items[i])
		}
		return v
	case keras.ArgSlice:
		return part("__slice__", keras.NewObject().With("start", items[0]).With("stop", items[1]).With("step", items[2]))
	case keras.ArgEllipsis:
		return part("__ellipsis__", keras.NewObject())
	}
	if a.DType != "" {
		return part("__numpy__", keras.NewObject().With("value", a.Const).With("dtype", keras.NewString(a.DType)))
	}
	return a.Const
}

// typeOf is the type of a tensor, as far as it is known.
func (n nodes) typeOf(a *keras.Arg) graph.Type {
	if info := n.info[a.Layer]; info != nil && len(info.Calls) > 0 {
		results := info.Calls[min(a.Node, len(info.Calls)-1)]
		if a.Tensor < len(results) {
			return results[a.Tensor].Type
		}
	}
	return graph.Type{DType: graph.Float32, Shape: graph.Shape{graph.Dyn}}
}

func shapeValue(s graph.Shape) *keras.Value {
	var dims []*keras.Value
	for _, d := range s {
		if d < 0 {
			dims = append(dims, keras.NewNull())
		} else {
			dims = append(dims, keras.NewInt(d))
		}
	}
	return keras.NewArray(dims...)
}

// history names a tensor: [layer, node, index].
func (n nodes) history(a *keras.Arg) *keras.Value {
	return keras.NewArray(keras.NewString(n.names[a.Layer]), keras.NewInt(a.Node), keras.NewInt(a.Tensor))
}

// structure makes input_layers or output_layers. Keras 2 wrote a list also of
// one tensor.
func (n nodes) structure(a *keras.Arg) *keras.Value {
	switch a.Kind {
	case keras.ArgTensor:
		return n.history(a)
	case keras.ArgDict:
		v := keras.NewObject()
		for i, k := range a.Keys {
			v = v.With(k, n.structure(a.Items[i]))
		}
		return v
	}
	if n.old && len(a.Items) == 1 {
		return n.structure(a.Items[0])
	}
	var items []*keras.Value
	for _, it := range a.Items {
		items = append(items, n.structure(it))
	}
	return keras.NewArray(items...)
}
