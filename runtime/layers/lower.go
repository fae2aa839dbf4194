package layers

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/layers/operation"
)

// A Program is a lowered model.
type Program struct {
	Graph *graph.Graph
	// Layers lists every layer and operation node in the order of the file; the
	// layers inside a nested model or wrapper follow it.
	Layers []LayerInfo
	// Outputs is the structure that the model returns: a tensor, list or dict
	// (in the order of its sorted keys). Its tensors are Graph.Outputs, in order.
	Outputs *keras.Arg
	// Masks are the masks that hang on Graph.Outputs, (batch, time) Bool; nil where there is none.
	Masks []*graph.Value
	// Version is the Keras whose semantics the program has.
	Version keras.Version
	// Funcs holds the functions that the Calls of Graph run, by name.
	Funcs map[string]graph.Func
}

// LayerInfo describes a layer of a Program.
type LayerInfo struct {
	Path  string // by names, from the outermost model inwards: "encoder/dense_1"
	Name  string
	Class string
	Depth int // 0 for the layers of the outermost model
	// File is the layer's group in a .weights.h5 file: "layers/dense_1".
	File string
	// Operation reports a keras.ops node.
	Operation bool
	// Calls holds the results of each call, in call order.
	Calls [][]graph.Value
	// Params indexes Graph.Params: the layer's own weights and those of the layers inside it, in order of creation.
	Params []int
	// Inbound names the layers that feed each call, as Keras's summary does: "conv2d[0][0]".
	Inbound []string
	// Trainable is the config's trainable flag.
	Trainable bool
	// Layer is the layer as the file describes it.
	Layer *keras.Layer
}

// Options change how a model is lowered.
type Options struct {
	// AllowUnknownKeys loads configs with keys that this package does not know.
	AllowUnknownKeys bool
	// InputShapes replaces the shapes of the inputs by position, for models whose file does not say (batch included).
	InputShapes []graph.Shape
	// Layers lowers layers that Keras does not define, by path ("encoder/lambda_1"),
	// registered name ("MyPackage>MyLayer") or class ("MyLayer"), in this order.
	Layers map[string]LayerFunc
	// Lambdas lowers Lambda layers, by path or name.
	Lambdas map[string]LayerFunc
	// Activations lowers activations that Keras does not define, or replaces some, by name.
	Activations map[string]ActivationFunc
	// Vocabularies holds the texts of vocabulary files by the path of their layer
	// in the weights: "layers/string_lookup".
	Vocabularies map[string]string
	// Adapters says that LoRA adapters are stored beside the weights that they
	// adapt, as in a whole-model .h5, and not merged into them.
	Adapters bool
	// Stopped returns an error that ends the lowering; nil never does.
	Stopped func() error
}

// ErrUnknownClass is in the error about a layer of a class that Keras does not
// have and that no option supplies.
var ErrUnknownClass = errors.New("unknown layer class")

// An Error says which layer could not be lowered. It is attached once, at the
// innermost layer.
type Error struct {
	Path  string // by names, from the outermost model inwards: "encoder/dense_1"
	Class string
	Err   error
}

// Error returns "layer encoder/dense_1 (Dense): ...".
func (e *Error) Error() string { return fmt.Sprintf("layer %s (%s): %v", e.Path, e.Class, e.Err) }

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// Lower translates a model into a graph of primitive ops and declares its
// weights. It wraps [keras.ErrUnsupported] for what this package does not do,
// [keras.ErrFormat] for what Keras would not have written, and the errors of
// package graph; an [Error] in the chain names the layer.
//
// Inputs are named by their InputLayers, those of a dict by its keys; outputs by
// the layers that make them (a name that comes again gets a number, as in
// Keras 2), those of a dict by its keys. Dicts are in the order of their sorted
// keys, as in Keras, and a path into nested ones is joined with "/".
//
// A batch size that an InputLayer gives is not binding, as in Keras, unless the
// model cannot be lowered without it.
func Lower(m *keras.Model, o Options) (*Program, error) {
	return lower(m, o, builtinClasses)
}

func lower(m *keras.Model, o Options, classes []class) (*Program, error) {
	p, fixed, err := lowerOnce(m, o, classes, false)
	if err == nil || !fixed {
		return p, err
	}
	if q, _, err := lowerOnce(m, o, classes, true); err == nil {
		return q, nil
	}
	return nil, err
}

// lowerOnce lowers with the batch size of the file or with any. fixed reports
// that the file gives one.
func lowerOnce(m *keras.Model, o Options, classes []class, keepBatch bool) (p *Program, fixed bool, err error) {
	root := m.Root
	if root == nil || root.Graph == nil {
		return nil, false, fmt.Errorf("%w: the file describes no Sequential or Functional model", keras.ErrUnsupported)
	}
	b := graph.NewBuilder()
	s := &scope{
		Builder: b,
		shared: &shared{
			classes: map[string]class{}, options: o, version: m.Version,
			params: map[string]graph.Value{}, index: map[*keras.Layer]int{}, keepBatch: keepBatch,
			funcs: map[string]graph.Func{}, orders: map[int][]string{}, memory: map[string]*memory{}, masks: map[int]graph.Value{}, backward: map[*keras.Layer]*keras.Layer{},
		},
		layer: root, class: root.Class, depth: -1,
		trainable: trainable(root.Config), frozen: !trainable(root.Config),
	}
	for _, c := range classes {
		s.classes[c.name] = c
	}
	s.register(root.Graph, "", 0)
	in := s.rootInputs(root.Graph)
	out := s.model(root.Graph, in)
	outputs := s.rootOutputs(root.Graph, out)
	g, err := b.Graph()
	if err != nil {
		return nil, s.fixedBatch, err
	}
	s.sortParams(g)
	masks := make([]*graph.Value, len(out))
	for i, v := range out {
		if m, ok := s.masks[v.ID]; ok {
			masks[i] = &m
		}
	}
	return &Program{Graph: g, Layers: s.shared.layers, Outputs: outputs, Masks: masks, Version: m.Version, Funcs: s.funcs}, s.fixedBatch, nil
}

// register lists the layers of g in the order of the file, each followed by
// those inside it. The depth of the JSON document bounds the recursion.
func (s *scope) register(g *keras.Graph, prefix string, depth int) {
	for _, l := range g.Layers {
		s.registerLayer(l, prefix, depth)
	}
}

func (s *scope) registerLayer(l *keras.Layer, prefix string, depth int) {
	info := LayerInfo{
		Path: join(prefix, l.Name), Name: l.Name, Class: l.Class, Depth: depth,
		Operation: l.Operation, Trainable: trainable(l.Config), Layer: l,
	}
	for _, c := range l.Calls {
		for _, t := range callTensors(c) {
			info.Inbound = append(info.Inbound, fmt.Sprintf("%s[%d][%d]", t.Layer.Name, t.Node, t.Tensor))
		}
	}
	s.index[l] = len(s.layers)
	s.layers = append(s.layers, info)
	if l.Graph != nil {
		s.register(l.Graph, info.Path, depth+1)
	}
	var keys []string
	for k := range l.Inner {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	slices.Reverse(keys) // layer before backward_layer, as Keras lists them
	for _, k := range keys {
		for _, inner := range l.Inner[k] {
			s.registerLayer(inner, info.Path, depth+1)
		}
	}
	if in := l.Inner["layer"]; l.Class == "Bidirectional" && len(in) == 1 && len(l.Inner["backward_layer"]) == 0 {
		s.backward[l] = mirrored(in[0])
		s.registerLayer(s.backward[l], info.Path, depth+1)
	}
}

// callTensors returns the tensors of a call, those passed by keyword last.
func callTensors(c keras.Call) []*keras.Arg {
	var out []*keras.Arg
	for _, a := range c.Args {
		out = sortKeys(a).Tensors(out)
	}
	for _, k := range c.Kwargs {
		out = sortKeys(k.Arg).Tensors(out)
	}
	return out
}

// sortKeys returns a with all dicts in the order of their sorted keys, in which
// Keras flattens them. An Arg is as deep as the JSON document at most.
func sortKeys(a *keras.Arg) *keras.Arg {
	if a == nil || len(a.Items) == 0 {
		return a
	}
	c := *a
	c.Items = make([]*keras.Arg, len(a.Items))
	order := make([]int, len(a.Items))
	for i := range order {
		order[i] = i
	}
	if a.Kind == keras.ArgDict {
		slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(a.Keys[i], a.Keys[j]) })
		c.Keys = make([]string, len(order))
	}
	for i, k := range order {
		c.Items[i] = sortKeys(a.Items[k])
		if c.Keys != nil {
			c.Keys[i] = a.Keys[k]
		}
	}
	return &c
}

// sortParams brings the parameters, which were declared in the order of
// execution, into the order of the layers, and lists them by layer. Those of a
// supplied layer come first, then those of its objects in the order it gives.
func (s *scope) sortParams(g *graph.Graph) {
	order := make([]int, len(g.Params))
	for i := range order {
		order[i] = i
	}
	rank := func(i int) int {
		names := s.orders[s.owner[i]]
		if s.object[i] == "" {
			return -1
		}
		if k := slices.Index(names, s.object[i]); k >= 0 {
			return k
		}
		return len(names)
	}
	slices.SortStableFunc(order, func(i, j int) int {
		return cmp.Or(s.owner[i]-s.owner[j], rank(i)-rank(j))
	})
	params := make([]graph.Param, len(order))
	for i, k := range order {
		params[i] = g.Params[k]
		g.ParamOf[params[i].Value] = i
	}
	g.Params = params

	// A layer is followed by those inside it: the open ones form a stack.
	var open []int
	next := 0
	for i := range s.layers {
		for len(open) > 0 && s.layers[open[len(open)-1]].Depth >= s.layers[i].Depth {
			open = open[:len(open)-1]
		}
		open = append(open, i)
		for ; next < len(order) && s.owner[order[next]] == i; next++ {
			for _, k := range open {
				s.layers[k].Params = append(s.layers[k].Params, next)
			}
		}
	}
}

// Unsupported lists the classes of m that [Lower] does not know, sorted, with
// the number of layers where there are several: "GRU (2)". A class that is
// known can still be refused for its options.
func Unsupported(m *keras.Model, o Options) []string {
	classes := map[string]class{}
	for _, c := range builtinClasses {
		classes[c.name] = c
	}
	operations := operation.Classes()
	count := map[string]int{}
	shared := &shared{classes: classes, options: o, version: m.Version}
	type inside struct {
		layer *keras.Layer
		path  string
	}
	todo := []inside{{m.Root, ""}}
	for len(todo) > 0 {
		at := todo[0]
		todo = todo[1:]
		var below []*keras.Layer
		if at.layer.Graph != nil {
			below = at.layer.Graph.Layers
		}
		for _, key := range slices.Sorted(maps.Keys(at.layer.Inner)) {
			below = append(below, at.layer.Inner[key]...)
		}
		for _, l := range below {
			path := join(at.path, l.Name)
			todo = append(todo, inside{l, path})
			s := &scope{Builder: graph.NewBuilder(), shared: shared, layer: l, class: l.Class, path: path}
			switch {
			case s.custom() != nil, l.Class == "InputLayer", s.known():
			case l.Operation:
				if !slices.Contains(operations, l.Class) {
					count["operation "+l.Class]++
				}
			case l.Class == "TFOpLambda", l.Class == "SlicingOpLambda", l.Class == "TensorFlowOpLayer":
			case strings.HasSuffix(l.Class, "Cell"): // of a wrapper that is counted
			default:
				count[l.Class]++
			}
		}
	}
	var out []string
	for _, c := range slices.Sorted(maps.Keys(count)) {
		if count[c] > 1 {
			c = fmt.Sprintf("%s (%d)", c, count[c])
		}
		out = append(out, c)
	}
	return out
}

// maxCalls bounds the calls of layers in all calls of all models.
const maxCalls = 1 << 16

// model lowers the inside of a model that is called on in. A model called
// several times is lowered for each call; its weights are declared once.
//
// An implicit mask would travel beside each graph.Value here: no class that is
// supported yet makes one.
func (s *scope) model(g *keras.Graph, in []graph.Value) []graph.Value {
	if s.Err() != nil {
		return nil
	}
	if s.calls += len(g.Layers); s.calls > maxCalls { // models in models, each called twice, would be twice as many
		s.Failf("%w: more than %d calls of layers", graph.ErrLimit, maxCalls)
		return nil
	}
	segments := keras.FilePaths(g)
	if g.Sequential {
		return s.sequential(g, segments, in)
	}
	return s.functional(g, segments, in)
}

// sequential applies the layers of a Sequential one after the other.
func (s *scope) sequential(g *keras.Graph, segments map[*keras.Layer]string, in []graph.Value) []graph.Value {
	if len(g.Layers) == 0 {
		s.Failf("%w: a Sequential without layers", keras.ErrUnsupported)
		return nil
	}
	for i, l := range g.Layers {
		c := s.child(l, segments[l])
		in = c.site(func() []graph.Value {
			switch {
			case l.Class != inputLayer:
				return c.apply(in)
			case i > 0 || len(in) != 1:
				c.Failf("%w: an InputLayer with %d inputs as layer %d of a Sequential", keras.ErrFormat, len(in), i)
				return nil
			}
			return []graph.Value{c.enterInput(l, in[0])}
		})
		if s.Err() != nil {
			return nil
		}
	}
	return in
}

// A site is one call of a layer.
type site struct {
	layer *keras.Layer
	call  int
}

// functional runs the calls of a Functional model in an order in which every
// value is made before it is used.
func (s *scope) functional(g *keras.Graph, segments map[*keras.Layer]string, in []graph.Value) []graph.Value {
	inputs := sortKeys(g.Inputs).Tensors(nil)
	if len(inputs) != len(in) {
		s.Failf("%w: called on %d tensors, want %d", graph.ErrShape, len(in), len(inputs))
		return nil
	}
	results := map[site][]graph.Value{}
	for i, a := range inputs {
		l := a.Layer
		c := s.child(l, segments[l])
		results[site{l, 0}] = c.site(func() []graph.Value { return []graph.Value{c.enterInput(l, in[i])} })
	}
	order, err := schedule(g)
	if err != nil {
		s.Fail(err)
	}
	value := func(a *keras.Arg) graph.Value {
		node := a.Node
		if len(a.Layer.Calls) == 0 {
			node = 0
		}
		out, ok := results[site{a.Layer, node}]
		switch {
		case s.Err() != nil:
			return none()
		case !ok:
			s.Failf("%w: input layer %q is used but is no input of the model", keras.ErrFormat, a.Layer.Name)
			return none()
		case a.Tensor < 0 || a.Tensor >= len(out):
			s.Failf("%w: result %d of layer %q, which has %d", keras.ErrFormat, a.Tensor, a.Layer.Name, len(out))
			return none()
		}
		return out[a.Tensor]
	}
	for _, at := range order {
		if s.Err() != nil {
			return nil
		}
		c := s.child(at.layer, segments[at.layer])
		results[at] = c.site(func() []graph.Value { return c.call(at.layer.Calls[at.call], value) })
	}
	var out []graph.Value
	for _, a := range sortKeys(g.Outputs).Tensors(nil) {
		out = append(out, value(a))
	}
	return out
}

// schedule orders the calls of a Functional model: as in the file, but for
// calls that another one needs first.
func schedule(g *keras.Graph) ([]site, error) {
	const (
		unseen = iota
		open
		done
	)
	state := map[site]int{}
	var order []site
	var stack []site
	for _, l := range g.Layers {
		for i := range l.Calls {
			stack = append(stack[:0], site{l, i})
			for len(stack) > 0 {
				at := stack[len(stack)-1]
				if state[at] != unseen {
					stack = stack[:len(stack)-1]
					if state[at] == open {
						state[at] = done
						order = append(order, at)
					}
					continue
				}
				state[at] = open
				needs := callTensors(at.layer.Calls[at.call])
				for k := len(needs) - 1; k >= 0; k-- {
					n := needs[k]
					if len(n.Layer.Calls) == 0 {
						continue // an InputLayer
					}
					if n.Node < 0 || n.Node >= len(n.Layer.Calls) {
						return nil, fmt.Errorf("%w: call %d of layer %q, which has %d", keras.ErrFormat, n.Node, n.Layer.Name, len(n.Layer.Calls))
					}
					from := site{n.Layer, n.Node}
					switch state[from] {
					case open:
						return nil, fmt.Errorf("%w: layers %q and %q need each other", keras.ErrFormat, at.layer.Name, n.Layer.Name)
					case unseen:
						stack = append(stack, from)
					}
				}
			}
		}
	}
	return order, nil
}

// site runs one call of the layer of s: nodes and errors made by f carry its
// path, and the results are recorded.
func (s *scope) site(f func() []graph.Value) []graph.Value {
	if s.Err() != nil {
		return nil
	}
	if s.options.Stopped != nil {
		if err := s.options.Stopped(); err != nil {
			s.Fail(err)
			return nil
		}
	}
	former := s.Enter(s.path)
	out := f()
	s.annotate()
	s.Enter(former)
	if s.Err() != nil {
		return nil
	}
	info := &s.layers[s.index[s.layer]]
	info.Calls, info.File = append(info.Calls, out), s.file
	return out
}
