package layers

import (
	"fmt"
	"maps"
	"slices"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/layers/operation"
)

// A LayerFunc lowers a layer that Keras does not define. It writes the layer's
// mathematics as nodes of the graph, or calls Go code with [LayerBuilder.Call],
// and returns its results. It is called once for each call of the layer, perhaps
// twice in all, and must be safe for concurrent use when models are opened
// concurrently.
//
// config is the config object of the file. Operands have the dtypes they were
// made with; weights are float32 unless the layer's dtype policy says otherwise.
// A layer whose function does not read the masks of its operands is refused when
// they have some, and so is one that is called with keyword arguments that it
// does not read.
type LayerFunc func(b *LayerBuilder, config *keras.Value, in []graph.Value) ([]graph.Value, error)

// An ActivationFunc lowers an activation that Keras does not define, for x as
// [LayerFunc] does for the operands of a layer. b is that of the layer around it.
type ActivationFunc func(b *LayerBuilder, x graph.Value) (graph.Value, error)

// A LayerBuilder is where a [LayerFunc] writes. After an error its methods do
// nothing; the error is reported when the function returns.
type LayerBuilder struct {
	s    *scope
	read *readings
}

// readings are what the function of a supplied layer asked for, and the order of
// the objects that hold its weights.
type readings struct {
	masks    bool
	training bool
	keywords map[string]bool
	order    []string
}

func (s *scope) builder() *LayerBuilder {
	c := *s
	c.supplied = s.file + "/"
	return &LayerBuilder{&c, &readings{keywords: map[string]bool{}}}
}

// Path returns the layer's path by names: "encoder/my_layer".
func (b *LayerBuilder) Path() string { return b.s.path }

// Registered returns the name that the layer's class is registered by, with its
// package, "MyPackage>MyLayer", or "" where the file does not say.
func (b *LayerBuilder) Registered() string { return b.s.layer.Registered }

// Version returns the version of the Keras that wrote the file.
func (b *LayerBuilder) Version() keras.Version { return b.s.version }

// DType returns the type that the layer computes in by its dtype policy.
func (b *LayerBuilder) DType() graph.DType { return b.s.compute }

// Weight declares a trained weight and returns its value in the layer's compute
// dtype. Weights must be declared in the order in which the layer made them, by
// which files find them; a layer that is called again gets the same weights.
func (b *LayerBuilder) Weight(name string, shape ...int) graph.Value {
	return b.s.Weight(name, shape...)
}

// State declares a weight that is not trained.
func (b *LayerBuilder) State(name string, shape ...int) graph.Value { return b.s.State(name, shape...) }

// Sub returns a builder whose weights are those of an object that the layer
// keeps in the Python attribute name, such as a layer of its own: a .weights.h5
// file has them in the group name below the layer's.
func (b *LayerBuilder) Sub(name string) *LayerBuilder { return &LayerBuilder{b.s.sub(name), b.read} }

// Layer lowers a layer of a class of Keras that the layer keeps in the Python
// attribute name, and returns its results. config is its config as JSON, keys
// and defaults those of today's Keras: `{"units": 3, "activation": "relu"}`.
func (b *LayerBuilder) Layer(name, class, config string, in ...graph.Value) []graph.Value {
	c, err := keras.ParseJSON([]byte(config), keras.Limits{})
	if err != nil || c.Kind() != keras.Object {
		b.s.Failf("%w: config of %s is %s, want a JSON object", graph.ErrAttr, name, config)
		return nil
	}
	if _, ok := b.s.classes[class]; !ok {
		b.s.Failf("%w: unknown layer class %q", keras.ErrUnsupported, class)
		return nil
	}
	if !c.Has("dtype") {
		c = c.With("dtype", b.s.layer.Config.Get("dtype"))
	}
	l := &keras.Layer{Name: name, Class: class, FileClass: class, Config: c.With("trainable", keras.NewBool(!b.s.frozen))}
	b.s.index[l] = b.s.index[b.s.layer] // its weights are the supplied layer's
	s := b.s.child(l, name)
	defer s.Enter(s.Enter(s.path))
	out := s.apply(in)
	s.annotate()
	delete(b.s.index, l)
	return out
}

// Order gives the names of [LayerBuilder.Sub] and [LayerBuilder.Layer] in the
// order in which the Python class sets these attributes, which is that of their
// weights in an .h5 file. Without it their weights are in the order in which they
// are declared. The layer's own weights come first in any case.
func (b *LayerBuilder) Order(names ...string) { b.read.order = names }

// Inner lowers the layers that the config holds under key ("layer", "cell"), one
// after the other, and returns the results of the last. segment is the Python
// attribute that the layer keeps them in.
func (b *LayerBuilder) Inner(key, segment string, in ...graph.Value) []graph.Value {
	inner := b.s.layer.Inner[key]
	if len(inner) == 0 {
		b.s.Failf("%w: no layer in its %q", keras.ErrFormat, key)
		return nil
	}
	for _, l := range inner {
		in = b.s.inner(l, segment, in...)
	}
	return in
}

// Const adds a constant.
func (b *LayerBuilder) Const(t graph.Tensor) graph.Value {
	if err := t.Check(); err != nil {
		b.s.Fail(err)
		return none()
	}
	return b.s.Const(t)
}

// Scalar adds a constant of rank 0.
func (b *LayerBuilder) Scalar(d graph.DType, x float64) graph.Value { return b.s.Scalar(d, x) }

// Apply appends an op of one result.
func (b *LayerBuilder) Apply(op graph.Op, in ...graph.Value) graph.Value { return b.s.Apply(op, in...) }

// ApplyN appends an op and returns its results, nil after an error.
func (b *LayerBuilder) ApplyN(op graph.Op, in ...graph.Value) []graph.Value {
	return b.s.ApplyN(op, in...)
}

// Cast returns v with elements of type d.
func (b *LayerBuilder) Cast(v graph.Value, d graph.DType) graph.Value { return b.s.Cast(v, d) }

// Operation appends a call of an operation of keras.ops, or of a function of
// TensorFlow where n.Config names one as "function", and returns its results.
func (b *LayerBuilder) Operation(n operation.Node) ([]graph.Value, error) {
	if b.s.Err() != nil {
		return nil, b.s.Err()
	}
	lower := operation.Lower
	if n.Config.Has("function") {
		lower = operation.LowerTF
	}
	out := lower(b.s.Builder, n)
	return out, b.s.Err()
}

// Call appends Go code that runs on the operands in, which can be weights, at
// each prediction, and returns its results, nil after an error. See [graph.Func]
// for what it must keep to.
func (b *LayerBuilder) Call(f graph.Func, in ...graph.Value) []graph.Value {
	if b.s.Err() != nil {
		return nil
	}
	name := b.s.path
	for n := 2; ; n++ {
		if _, taken := b.s.funcs[name]; !taken {
			break
		}
		name = fmt.Sprintf("%s#%d", b.s.path, n)
	}
	types := make([]graph.Type, len(in))
	for i, v := range in {
		types[i] = v.Type
	}
	op, err := f.Call(name, types)
	if err != nil {
		b.s.Fail(err)
		return nil
	}
	b.s.funcs[name] = f
	return b.s.ApplyN(op, in...)
}

// Activate applies the activation that a config holds, by name or as an object,
// to x; null is none. Its meaning is that of the Keras that wrote the file.
func (b *LayerBuilder) Activate(activation *keras.Value, x graph.Value) graph.Value {
	var a activationArg
	if err := a.UnmarshalKeras(activation); err != nil {
		b.s.Fail(err)
		return none()
	}
	return b.s.activate(a, x)
}

// Decode reads the layer's config into dst, a pointer to a struct with json tags
// that holds the defaults. A key that the struct lacks is an error.
func (b *LayerBuilder) Decode(dst any) error { return b.s.decode(b.s.layer.Config, dst) }

// Mask returns the mask, Bool, that hangs on the operand v, or the one that the
// layer is called with as mask=, if any.
func (b *LayerBuilder) Mask(v graph.Value) (mask graph.Value, ok bool) {
	b.read.masks = true
	b.read.keywords["mask"] = true
	return b.s.inputMask([]graph.Value{v})
}

// Masked returns v with the given mask, for the layers that come after.
func (b *LayerBuilder) Masked(v, mask graph.Value) graph.Value {
	b.read.masks = true
	if b.s.Err() != nil {
		return none()
	}
	return b.s.masked(v, mask)
}

// Training reports whether the layer, or a model around it, is called with
// training=True. One whose function does not ask is refused then.
func (b *LayerBuilder) Training() bool {
	b.read.training = true
	return b.s.training
}

// Keyword returns the tensor that the layer is called with as the keyword
// argument name, if any.
func (b *LayerBuilder) Keyword(name string) (v graph.Value, ok bool) {
	b.read.keywords[name] = true
	v, ok = b.s.kwargs[name]
	return v, ok
}

// Argument returns what the layer is called with as the keyword argument name
// when that is no tensor, and null otherwise.
func (b *LayerBuilder) Argument(name string) *keras.Value {
	b.read.keywords[name] = true
	if c := b.s.constants[name]; c != nil {
		return c
	}
	return keras.NewNull()
}

// Failf records an error made by [fmt.Errorf], unless there is one already.
func (b *LayerBuilder) Failf(format string, args ...any) { b.s.Failf(format, args...) }

// Err returns the first error.
func (b *LayerBuilder) Err() error { return b.s.Err() }

// custom returns the caller's function for the layer of s, or nil.
func (s *scope) custom() LayerFunc {
	if s.layer.Class == "Lambda" {
		for _, key := range []string{s.path, s.layer.Name} {
			if f := s.options.Lambdas[key]; f != nil {
				return f
			}
		}
	}
	for _, key := range []string{s.path, s.layer.Registered, s.layer.Class} {
		if f := s.options.Layers[key]; f != nil && key != "" {
			return f
		}
	}
	return nil
}

func (s *scope) applyCustom(f LayerFunc, in []graph.Value) []graph.Value {
	b := s.builder()
	out, err := f(b, s.layer.Config, in)
	if err != nil {
		s.Fail(err)
		return nil
	}
	if s.Err() == nil && len(out) == 0 {
		s.Failf("%w: the layer's function has no result", graph.ErrShape)
	}
	for i, v := range out {
		if v.ID < 0 {
			s.Failf("%w: result %d of the layer's function is no value", graph.ErrShape, i)
		}
	}
	for _, name := range slices.Concat(slices.Sorted(maps.Keys(s.kwargs)), slices.Sorted(maps.Keys(s.constants))) {
		if !b.read.keywords[name] && (name != "mask" || s.class != "Lambda") { // a Lambda's function need not take it
			s.Failf("%w: called with keyword argument %q, which its function does not read", keras.ErrUnsupported, name)
		}
	}
	if s.training && !b.read.training {
		s.Failf("%w: called with training=true, which its function does not ask for", keras.ErrUnsupported)
	}
	s.orders[s.index[s.layer]] = b.read.order
	if s.Err() != nil || b.read.masks {
		return out
	}
	return s.customMask(in, out)
}

// activateCustom applies an activation that the caller supplies.
func (s *scope) activateCustom(f ActivationFunc, name string, x graph.Value) graph.Value {
	y, err := f(s.builder(), x)
	switch {
	case err != nil:
		s.Fail(fmt.Errorf("activation %q: %w", name, err))
	case s.Err() == nil && y.ID < 0:
		s.Failf("%w: activation %q: its function returned no value", graph.ErrShape, name)
	case s.Err() == nil && !x.Shape.Fits(y.Shape):
		s.Failf("%w: activation %q: its function returned %v for %v", graph.ErrShape, name, y.Shape, x.Shape)
	}
	return y
}

// lambdaError says how to supply the layer of s, a Lambda.
func (s *scope) lambdaError() error {
	what := "it holds Python code, which is never run"
	function := s.layer.Config.Get("function")
	name, ok := function.Str()
	if !ok {
		if class, _ := function.Get("class_name").Str(); class == "function" {
			name, ok = function.Get("config").Str()
		}
	}
	if kind, _ := s.layer.Config.Get("function_type").Str(); ok && kind != "lambda" {
		what = fmt.Sprintf("it calls the Python function %q, which is not in the file", name)
	}
	return fmt.Errorf("%w: %s; say what it computes, here 2x: WithLambdaExpression(%[3]q, \"2 * x\") or WithLambda in Go, --lambda '%[3]s=2 * x' on the command line", keras.ErrUnsupported, what, s.path)
}
