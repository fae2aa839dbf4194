package keras

import (
	"fmt"
	"strings"
)

// nodeParser reads the inbound nodes of the layers of a Functional model, in
// the dialects of three generations:
//
//	[["a", 0, 0], ["b", 0, 0]]           Keras 1: tensors as [layer, node, index]
//	[["a", 0, 0, {"training": false}]]   Keras 2: and keyword arguments
//	["a", 0, 0, {"y": ["b", 1, 0]}]      Keras 2: functions of TensorFlow, a level shallower
//	{"args": [...], "kwargs": {...}}     Keras 3
type nodeParser struct {
	layers map[string]*Layer
	era    eraSet
	path   string // of the model
	refs   []reference
	from   *Layer // the layer whose calls are being read
	output bool   // input_layers and output_layers are being read
}

// A reference is a tensor whose node is numbered as in the file.
type reference struct {
	arg    *Arg
	from   *Layer // nil in input_layers and output_layers
	output bool
	args   bool // in the dialect of Keras 3
}

// calls reads the inbound nodes of l.
func (n *nodeParser) calls(l *Layer, nodes *Value) error {
	if nodes.IsNull() {
		return nil
	}
	if nodes.Kind() != Array {
		return fmt.Errorf("%w: inbound_nodes is %s, want a list", ErrFormat, nodes.Brief())
	}
	n.from = l
	for _, node := range nodes.list.items {
		read := n.oldCall
		if node.Has("args") || node.Has("kwargs") {
			read = n.call
		}
		c, err := read(node)
		if err != nil {
			return err
		}
		l.Calls = append(l.Calls, c)
	}
	return nil
}

// Tensors returns the tensors among the arguments of c, positional ones first.
func (c *Call) Tensors() []*Arg {
	var out []*Arg
	for _, a := range c.Args {
		out = a.Tensors(out)
	}
	for _, k := range c.Kwargs {
		out = k.Arg.Tensors(out)
	}
	return out
}

// call reads a node of Keras 3.
func (n *nodeParser) call(node *Value) (Call, error) {
	var c Call
	args, kwargs := node.Get("args"), node.Get("kwargs")
	if args.Kind() != Array && !args.IsNull() {
		return c, fmt.Errorf("%w: args of a node is %s, want a list", ErrFormat, args.Brief())
	}
	for _, v := range args.Items() {
		a, err := n.arg(v)
		if err != nil {
			return c, err
		}
		c.Args = append(c.Args, a)
	}
	return c, n.kwargs(&c, kwargs, n.arg)
}

// kwargs reads keyword arguments with read. Null and empty ones say nothing and are left out.
func (n *nodeParser) kwargs(c *Call, kwargs *Value, read func(*Value) (*Arg, error)) error {
	if kwargs.Kind() != Object && !kwargs.IsNull() {
		return fmt.Errorf("%w: keyword arguments of a node are %s, want an object", ErrFormat, kwargs.Brief())
	}
	for i, k := range kwargs.Keys() {
		v := kwargs.list.items[i]
		if s, isString := v.Str(); v.IsNull() || isString && s == "" || (v.Kind() == Array || v.Kind() == Object) && v.Len() == 0 {
			continue
		}
		a, err := read(v)
		if err != nil {
			return fmt.Errorf("argument %q: %w", k, err)
		}
		c.Kwargs = append(c.Kwargs, NamedArg{Name: k, Arg: a})
	}
	return nil
}

// arg reads an argument of Keras 3.
func (n *nodeParser) arg(v *Value) (*Arg, error) {
	if v.Kind() == Array {
		return list(v.list.items, n.arg)
	}
	if v.Kind() != Object {
		return &Arg{Kind: ArgConst, Const: v}, nil
	}
	class, ok := v.Get("class_name").Str()
	if !ok {
		return n.dict(v, n.arg)
	}
	config := v.Get("config")
	switch class {
	case "__keras_tensor__":
		h := config.Get("keras_history")
		if !isTriple(h) {
			return nil, fmt.Errorf("%w: keras_history is %s, want [layer, node, index]", ErrFormat, h.Brief())
		}
		return n.tensor(h, true)
	case "__slice__":
		return list([]*Value{config.Get("start"), config.Get("stop"), config.Get("step")}, n.arg, ArgSlice)
	case "__ellipsis__":
		return &Arg{Kind: ArgEllipsis}, nil
	case "__numpy__", "__tensor__":
		dtype, _ := config.Get("dtype").Str()
		return &Arg{Kind: ArgConst, Const: config.Get("value"), DType: dtype}, nil
	case "__tuple__":
		return list(v.Get("items").Items(), n.arg)
	}
	return &Arg{Kind: ArgConst, Const: v}, nil
}

// list makes an Arg of items; its kind is ArgList unless given.
func list(items []*Value, read func(*Value) (*Arg, error), kind ...ArgKind) (*Arg, error) {
	a := &Arg{Kind: ArgList}
	if len(kind) > 0 {
		a.Kind = kind[0]
	}
	for _, it := range items {
		if it == nil {
			it = NewNull()
		}
		item, err := read(it)
		if err != nil {
			return nil, err
		}
		a.Items = append(a.Items, item)
	}
	return a, nil
}

func (n *nodeParser) dict(v *Value, read func(*Value) (*Arg, error)) (*Arg, error) {
	a, err := list(v.list.items, read, ArgDict)
	if err == nil {
		a.Keys = v.Keys()
	}
	return a, err
}

// constantValue stands for the name of a layer where tf.keras was called on a constant.
const constantValue = "_CONSTANT_VALUE"

// oldCall reads a node of Keras 1 or 2: the first argument of the call, whose
// tensors each carry the other arguments by name.
func (n *nodeParser) oldCall(node *Value) (Call, error) {
	var c Call
	var kwargs *Value
	arg, err := n.oldArg(node, &kwargs)
	if err != nil {
		return c, err
	}
	// A call on one tensor is written as a list of one, except for functions of TensorFlow.
	if arg.Kind == ArgList && len(arg.Items) == 1 && arg.Items[0].Kind <= ArgConst && !strings.HasSuffix(n.from.Class, "OpLambda") && n.from.Class != "ClassMethod" {
		arg = arg.Items[0]
	}
	if arg.Kind == ArgList && len(arg.Items) == 0 {
		return c, fmt.Errorf("%w: a node without tensors", ErrFormat)
	}
	c.Args = []*Arg{arg}
	return c, n.kwargs(&c, kwargs, n.oldKwarg)
}

func (n *nodeParser) oldArg(v *Value, kwargs **Value) (*Arg, error) {
	read := func(v *Value) (*Arg, error) { return n.oldArg(v, kwargs) }
	switch {
	case isTriple(v):
		if k := v.list.items[3:]; len(k) > 0 && *kwargs == nil {
			*kwargs = k[0]
		}
		return n.tensor(v, false)
	case v.Kind() == Array && v.Len() >= 3 && v.list.items[0].Kind() == String && v.list.items[0].text == constantValue:
		if k := v.list.items[3:]; len(k) > 0 && *kwargs == nil {
			*kwargs = k[0]
		}
		return n.oldKwarg(v.list.items[2])
	case v.Kind() == Array:
		return list(v.list.items, read)
	case v.Kind() == Object:
		return n.dict(v, read)
	}
	return nil, fmt.Errorf("%w: a node is %s, want [layer, node, index]", ErrFormat, v.Brief())
}

// oldKwarg reads a keyword argument of Keras 2, where a tensor is a list like any other.
func (n *nodeParser) oldKwarg(v *Value) (*Arg, error) {
	switch {
	case isTriple(v) && v.Len() == 3 && n.layers[v.list.items[0].text] != nil:
		return n.tensor(v, false)
	case v.Kind() == Array:
		return list(v.list.items, n.oldKwarg)
	case v.Kind() == Object && v.Len() == 3 && v.Has("start") && v.Has("stop") && v.Has("step"):
		return list([]*Value{v.Get("start"), v.Get("stop"), v.Get("step")}, n.oldKwarg, ArgSlice)
	case v.Kind() == Object && v.Has("class_name"):
		if class, _ := v.Get("class_name").Str(); class == "__ellipsis__" {
			return &Arg{Kind: ArgEllipsis}, nil
		}
		if p := plain(v); p != v {
			return n.oldKwarg(p)
		}
	case v.Kind() == Object:
		return n.dict(v, n.oldKwarg)
	}
	return &Arg{Kind: ArgConst, Const: v}, nil
}

// structure reads input_layers or output_layers: [layer, node, index], or a list or dict of them.
func (n *nodeParser) structure(v *Value, key string) (*Arg, error) {
	var read func(v *Value) (*Arg, error)
	read = func(v *Value) (*Arg, error) {
		switch {
		case isTriple(v):
			return n.tensor(v, n.era == keras3)
		case v.Kind() == Array:
			return list(v.list.items, read)
		case v.Kind() == Object:
			return n.dict(v, read)
		}
		return nil, fmt.Errorf("%w: %s has %s, want [layer, node, index]", ErrFormat, key, v.Brief())
	}
	a, err := read(v)
	if err != nil {
		return nil, err
	}
	if len(a.Tensors(nil)) == 0 {
		return nil, fmt.Errorf("%w: %s names no tensor", ErrFormat, key)
	}
	return a, nil
}

// isTriple reports [layer, node, index], or four with the keyword arguments.
func isTriple(v *Value) bool {
	if v.Kind() != Array || v.Len() < 3 || v.Len() > 4 {
		return false
	}
	it := v.list.items
	_, node := it[1].Int()
	_, index := it[2].Int()
	return it[0].Kind() == String && it[0].text != constantValue && node && index &&
		(len(it) == 3 || it[3].Kind() == Object || it[3].IsNull())
}

// tensor reads [layer, node, index, ...].
func (n *nodeParser) tensor(v *Value, args bool) (*Arg, error) {
	name := v.list.items[0].text
	node, _ := v.list.items[1].Int()
	index, _ := v.list.items[2].Int()
	l := n.layers[name]
	if l == nil {
		return nil, fmt.Errorf("%w: refers to layer %q, which is not in the model", ErrFormat, name)
	}
	if node < 0 || index < 0 {
		return nil, fmt.Errorf("%w: refers to output %d of call %d of layer %q", ErrFormat, index, node, name)
	}
	a := &Arg{Kind: ArgTensor, Layer: l, Node: node, Tensor: index}
	n.refs = append(n.refs, reference{arg: a, from: n.from, output: n.output, args: args})
	return a, nil
}

// resolve turns the numbers of nodes in the file into indexes of Layer.Calls.
//
// They are the same except for layers that are models: a model has a node of
// its own from when it was made, which some files count. Keras 1 and 2 count it
// everywhere; Keras 3 in input_layers and output_layers when the model is
// Functional, and 3.0 for a Sequential that was built by a call. As each call in
// a file has a user, the lowest number tells whether it is counted.
func (n *nodeParser) resolve() error {
	type usage struct {
		layer *Layer
		own   bool // numbered on their own, as outputs
	}
	usageOf := func(r reference) usage {
		return usage{r.arg.Layer, r.output && r.args && r.arg.Layer.Class == "Functional"}
	}
	lowest, highest := map[usage]int{}, map[usage]int{}
	for _, r := range n.refs {
		u := usageOf(r)
		if low, ok := lowest[u]; !ok || r.arg.Node < low {
			lowest[u] = r.arg.Node
		}
		highest[u] = max(highest[u], r.arg.Node)
	}
	for _, r := range n.refs {
		l := r.arg.Layer
		calls := len(l.Calls)
		base := 0
		if u := usageOf(r); l.Graph != nil {
			switch {
			case calls == 1:
				base = r.arg.Node // whatever it is, there is only one call to mean
			case lowest[u] == 0:
			case highest[u] >= calls, u.own, !r.args:
				base = 1
			}
		}
		r.arg.Node -= base
		if r.arg.Node < calls || calls == 0 && r.arg.Node == 0 && l.Class == "InputLayer" {
			continue
		}
		err := fmt.Errorf("%w: refers to call %d of layer %q, which is called %d times", ErrFormat, r.arg.Node, l.Name, calls)
		if r.from == nil {
			return err
		}
		return at(join(n.path, r.from.Name), r.from.Class, err)
	}
	return nil
}
