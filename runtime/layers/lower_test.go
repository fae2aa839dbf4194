package layers

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// Small classes stand in for Keras's, so that these tests are about models.
var testClasses = []class{
	define1("Dense", struct {
		Units int `json:"units"`
	}{}, func(s *scope, c struct {
		Units int `json:"units"`
	}, x graph.Value) graph.Value {
		k, b := s.Weight("kernel", x.Dim(-1), c.Units), s.Weight("bias", c.Units)
		return s.Apply(graph.AddBias{}, s.Apply(graph.MatMul{}, s.floating(x), k), b)
	}),
	dropoutLayer,
	define1("BatchNormalization", struct{}{}, func(s *scope, _ struct{}, x graph.Value) graph.Value {
		n := x.Dim(-1)
		g, b, m, v := s.Weight("gamma", n), s.Weight("beta", n), s.State("moving_mean", n), s.State("moving_variance", n)
		return s.Apply(graph.BatchNorm{Axes: []int{-1}, Epsilon: 1e-3, Scale: true, Center: true}, x, g, b, m, v)
	}),
	define("Add", struct{}{}, func(s *scope, _ struct{}, in []graph.Value) []graph.Value {
		return []graph.Value{s.Apply(graph.Binary{Func: graph.Add}, in[0], in[1])}
	}),
	define("Halves", struct{}{}, func(s *scope, _ struct{}, in []graph.Value) []graph.Value {
		n := in[0].Dim(-1) / 2
		return []graph.Value{
			s.Apply(graph.Slice{Ranges: []graph.Range{{Step: 1}, {Stop: n, HasStop: true, Step: 1}}}, in[0]),
			s.Apply(graph.Slice{Ranges: []graph.Range{{Step: 1}, {Start: n, HasStart: true, Step: 1}}}, in[0]),
		}
	}),
}

func config(t *testing.T, text string) *keras.Value {
	t.Helper()
	v, err := keras.ParseJSON([]byte(text), keras.Limits{})
	require.NoError(t, err)
	return v
}

func layer(t *testing.T, class, name, text string) *keras.Layer {
	return &keras.Layer{Class: class, FileClass: class, Name: name, Config: config(t, text)}
}

func dense(t *testing.T, name, units string) *keras.Layer {
	return layer(t, "Dense", name, `{"name":"`+name+`","units":`+units+`}`)
}

func input(t *testing.T, name, shape string) *keras.Layer {
	return layer(t, "InputLayer", name, `{"batch_shape":`+shape+`,"dtype":"float32","sparse":false}`)
}

func tensor(l *keras.Layer, at ...int) *keras.Arg {
	a := &keras.Arg{Kind: keras.ArgTensor, Layer: l}
	if len(at) > 0 {
		a.Node = at[0]
	}
	if len(at) > 1 {
		a.Tensor = at[1]
	}
	return a
}

func list(items ...*keras.Arg) *keras.Arg { return &keras.Arg{Kind: keras.ArgList, Items: items} }

func constant(t *testing.T, text string) *keras.Arg {
	return &keras.Arg{Kind: keras.ArgConst, Const: config(t, text)}
}

func calls(args ...*keras.Arg) []keras.Call {
	var out []keras.Call
	for _, a := range args {
		out = append(out, keras.Call{Args: []*keras.Arg{a}})
	}
	return out
}

func sequential(t *testing.T, layers ...*keras.Layer) *keras.Layer {
	l := layer(t, "Sequential", "sequential", `{}`)
	l.Graph = &keras.Graph{Sequential: true, Layers: layers}
	return l
}

func functional(t *testing.T, name string, in, out *keras.Arg, layers ...*keras.Layer) *keras.Layer {
	l := layer(t, "Functional", name, `{}`)
	l.Graph = &keras.Graph{Layers: layers, Inputs: in, Outputs: out}
	return l
}

func lowerTest(root *keras.Layer, o Options) (*Program, error) {
	return lower(&keras.Model{Root: root, Version: keras.Version{Major: 3}}, o, testClasses)
}

func dump(t *testing.T, root *keras.Layer) (*Program, string) {
	t.Helper()
	p, err := lowerTest(root, Options{})
	require.NoError(t, err)
	return p, p.Graph.Dump()
}

func TestSequential(t *testing.T) {
	frozen := layer(t, "BatchNormalization", "bn", `{"trainable":false}`)
	p, text := dump(t, sequential(t, input(t, "in", "[null,4]"), dense(t, "a", "3"), frozen, layer(t, "Dropout", "drop", "{}")))
	require.Equal(t, `input  %0 in float32 (None, 4)
param  %1 a/kernel float32 (4, 3)
param  %2 a/bias float32 (3,)
param  %5 bn/gamma float32 (3,)
param  %6 bn/beta float32 (3,)
param  %7 bn/moving_mean float32 (3,)
param  %8 bn/moving_variance float32 (3,)
%3 = MatMul %0 %1 : float32 (None, 3) # a
%4 = AddBias %3 %2 : float32 (None, 3) # a
%9 = BatchNorm{Axes:[-1] Epsilon:0.001 Scale:true Center:true} %4 %5 %6 %7 %8 : float32 (None, 3) # bn
output %9 drop
`, text)
	var flags []string
	for _, w := range p.Graph.Params {
		f := w.Path + " " + w.Name
		if w.Trainable {
			f += " trainable"
		}
		if w.Frozen {
			f += " frozen"
		}
		flags = append(flags, f)
	}
	require.Equal(t, []string{
		"layers/dense kernel trainable", "layers/dense bias trainable", "layers/batch_normalization gamma frozen",
		"layers/batch_normalization beta frozen", "layers/batch_normalization moving_mean", "layers/batch_normalization moving_variance",
	}, flags)
	require.Equal(t, []int{2, 3, 4, 5}, p.Layers[2].Params)
	require.False(t, p.Layers[2].Trainable)
	require.Equal(t, "drop", p.Outputs.Layer.Name)
}

func TestFrozenModel(t *testing.T) {
	root := sequential(t, input(t, "in", "[null,4]"), dense(t, "a", "3"))
	root.Config = config(t, `{"trainable":false}`)
	p, _ := dump(t, root)
	require.True(t, p.Graph.Params[0].Frozen)
	require.False(t, p.Graph.Params[0].Trainable)
}

// The layers stand in another order in the file than they run in.
func TestFunctionalShared(t *testing.T) {
	x, y := input(t, "x", "[null,4]"), input(t, "y", "[null,4]")
	shared, last, add := dense(t, "shared", "3"), dense(t, "last", "2"), layer(t, "Add", "add", "{}")
	shared.Calls = calls(tensor(x), tensor(y))
	add.Calls = calls(list(tensor(shared, 0), tensor(shared, 1)))
	last.Calls = calls(tensor(add))
	p, text := dump(t, functional(t, "m", list(tensor(y), tensor(x)), tensor(last), last, x, y, shared, add))
	require.Equal(t, `input  %0 y float32 (None, 4)
input  %1 x float32 (None, 4)
param  %9 last/kernel float32 (3, 2)
param  %10 last/bias float32 (2,)
param  %2 shared/kernel float32 (4, 3)
param  %3 shared/bias float32 (3,)
%4 = MatMul %1 %2 : float32 (None, 3) # shared
%5 = AddBias %4 %3 : float32 (None, 3) # shared
%6 = MatMul %0 %2 : float32 (None, 3) # shared
%7 = AddBias %6 %3 : float32 (None, 3) # shared
%8 = Binary{Func:add} %5 %7 : float32 (None, 3) # add
%11 = MatMul %8 %9 : float32 (None, 2) # last
%12 = AddBias %11 %10 : float32 (None, 2) # last
output %12 last
`, text)
	require.Len(t, p.Layers[3].Calls, 2)
	require.Equal(t, []string{"x[0][0]", "y[0][0]"}, p.Layers[3].Inbound)
	require.Equal(t, []int{0, 1}, p.Layers[0].Params)
	require.Equal(t, []int{2, 3}, p.Layers[3].Params)
	for i, w := range p.Graph.Params {
		require.Equal(t, i, p.Graph.ParamOf[w.Value])
	}
}

// A model inside a model inside a model, called twice, once on a tensor whose
// last axis it lacks.
func TestNested(t *testing.T) {
	x := input(t, "x", "[null,1]")
	deep := sequential(t, input(t, "deep_in", "[null,1]"), dense(t, "d", "1"))
	deep.Name = "deep"
	in := input(t, "in", "[null,1]")
	deep.Calls = calls(tensor(in))
	block := functional(t, "block", tensor(in), tensor(deep), in, deep)
	flat := layer(t, "Flat", "flat", "{}")
	flat.Calls = calls(tensor(x))
	block.Calls = calls(tensor(x), tensor(flat))
	add := layer(t, "Add", "add", "{}")
	add.Calls = calls(list(tensor(block, 0), tensor(block, 1)))
	root := functional(t, "m", tensor(x), tensor(add), x, flat, block, add)
	p, err := lowerTest(root, Options{Layers: map[string]LayerFunc{
		"Flat": func(b *LayerBuilder, _ *keras.Value, in []graph.Value) ([]graph.Value, error) {
			return []graph.Value{b.Apply(graph.Reshape{Dims: []int{graph.KeepDim(0)}}, in[0])}, nil
		},
	}})
	require.NoError(t, err)
	require.Equal(t, `input  %0 x float32 (None, 1)
param  %2 block/deep/d/kernel float32 (1, 1)
param  %3 block/deep/d/bias float32 (1,)
%1 = Reshape{Dims:[-2]} %0 : float32 (None,) # flat
%4 = MatMul %0 %2 : float32 (None, 1) # block/deep/d
%5 = AddBias %4 %3 : float32 (None, 1) # block/deep/d
%6 = Reshape{Dims:[-2 1]} %1 : float32 (None, 1) # block/in
%7 = MatMul %6 %2 : float32 (None, 1) # block/deep/d
%8 = AddBias %7 %3 : float32 (None, 1) # block/deep/d
%9 = Binary{Func:add} %5 %8 : float32 (None, 1) # add
output %9 add
`, p.Graph.Dump())
	require.Equal(t, "layers/functional/layers/sequential/layers/dense", p.Graph.Params[0].Path)
	require.Equal(t, "block", p.Graph.Params[0].Top)
	var paths []string
	for _, l := range p.Layers {
		paths = append(paths, l.Path)
		require.Len(t, l.Calls, map[bool]int{true: 2, false: 1}[strings.HasPrefix(l.Path, "block")], l.Path)
		require.Equal(t, strings.Count(l.Path, "/"), l.Depth)
	}
	require.Equal(t, []string{"x", "flat", "block", "block/in", "block/deep", "block/deep/deep_in", "block/deep/d", "add"}, paths)
	require.Equal(t, []int{0, 1}, p.Layers[2].Params)
	require.Equal(t, []int{0, 1}, p.Layers[6].Params)
	require.Empty(t, p.Layers[7].Params)
}

func TestNames(t *testing.T) {
	a, b := input(t, "in_a", "[null,4]"), input(t, "in_b", "[null,4]")
	h := layer(t, "Halves", "h", "{}")
	h.Calls = calls(tensor(b))
	d := dense(t, "d", "1")
	d.Calls = calls(tensor(a))
	dict := func(keys []string, items ...*keras.Arg) *keras.Arg {
		return &keras.Arg{Kind: keras.ArgDict, Keys: keys, Items: items}
	}
	names := func(in, out *keras.Arg) (ins, outs []string) {
		p, err := lowerTest(functional(t, "m", in, out, a, b, h, d), Options{})
		require.NoError(t, err)
		for _, v := range p.Graph.Inputs {
			ins = append(ins, v.Name)
		}
		for _, v := range p.Graph.Outputs {
			outs = append(outs, v.Name)
		}
		require.Len(t, p.Outputs.Tensors(nil), len(outs))
		return ins, outs
	}
	in, out := names(list(tensor(b), tensor(a)), list(tensor(h, 0, 0), tensor(d), tensor(h, 0, 1)))
	require.Equal(t, []string{"in_b", "in_a"}, in)
	require.Equal(t, []string{"h", "d", "h_1"}, out)

	in, out = names(dict([]string{"q", "p"}, tensor(a), tensor(b)),
		dict([]string{"y", "x"}, dict([]string{"z"}, list(tensor(h, 0, 0), tensor(h, 0, 1))), tensor(d)))
	require.Equal(t, []string{"p", "q"}, in)
	require.Equal(t, []string{"x", "y/z/0", "y/z/1"}, out)
}

// A wrapper's own weights come before those of the layer inside it.
func TestWrapper(t *testing.T) {
	wrapper := define1("Wrapper", struct {
		Layer keras.TrainingOnly `json:"layer"`
	}{}, func(s *scope, _ struct {
		Layer keras.TrainingOnly `json:"layer"`
	}, x graph.Value) graph.Value {
		y := s.inner(s.layer.Inner["layer"][0], "layer", x)
		if s.Err() != nil {
			return none()
		}
		return s.Apply(graph.AddBias{}, y[0], s.sub("scale").Weight("v", y[0].Dim(-1)))
	})
	w := layer(t, "Wrapper", "w", `{"layer":{}}`)
	w.Inner = map[string][]*keras.Layer{"layer": {dense(t, "d", "3")}}
	m := &keras.Model{Root: sequential(t, input(t, "in", "[null,4]"), w)}
	p, err := lower(m, Options{}, append([]class{wrapper}, testClasses...))
	require.NoError(t, err)
	var got []string
	for _, q := range p.Graph.Params {
		got = append(got, q.Layer+" "+q.Name+" "+q.Path+" "+q.Top)
	}
	require.Equal(t, []string{"w v layers/wrapper/scale w", "w/d kernel layers/wrapper/layer w", "w/d bias layers/wrapper/layer w"}, got)
	require.Equal(t, []int{0, 1, 2}, p.Layers[1].Params)
	require.Equal(t, []int{1, 2}, p.Layers[2].Params)
	require.Equal(t, 1, p.Layers[2].Depth)

	w.Inner["layer"][0] = layer(t, "Strange", "s", "{}")
	_, err = lower(m, Options{}, append([]class{wrapper}, testClasses...))
	require.ErrorContains(t, err, "layer w/s (Strange)")
	require.Equal(t, 1, strings.Count(err.Error(), "layer w"))
}

func TestInputShapes(t *testing.T) {
	root := sequential(t, dense(t, "a", "3"))
	_, err := lowerTest(root, Options{})
	require.ErrorIs(t, err, keras.ErrUnsupported)
	require.ErrorContains(t, err, "InputShapes")
	p, err := lowerTest(root, Options{InputShapes: []graph.Shape{{graph.Dyn, 7}}})
	require.NoError(t, err)
	require.Equal(t, graph.Shape{7, 3}, p.Graph.Params[0].Shape)

	root = sequential(t, input(t, "in", "[null,null]"), dense(t, "a", "3"))
	_, err = lowerTest(root, Options{})
	require.ErrorIs(t, err, graph.ErrShape)
	_, err = lowerTest(root, Options{InputShapes: []graph.Shape{{graph.Dyn, 7}}})
	require.NoError(t, err)
	_, err = lowerTest(root, Options{InputShapes: []graph.Shape{{7}}})
	require.ErrorIs(t, err, graph.ErrShape)
	_, err = lowerTest(root, Options{InputShapes: []graph.Shape{{1, 7}, {1, 7}}})
	require.ErrorIs(t, err, graph.ErrShape)
}

func TestFixedBatch(t *testing.T) {
	in := func() *keras.Layer { return input(t, "in", "[3,4]") }
	p, err := lowerTest(sequential(t, in(), dense(t, "a", "2")), Options{})
	require.NoError(t, err)
	require.Equal(t, graph.Shape{graph.Dyn, 2}, p.Graph.Outputs[0].Shape)

	x, op := in(), layer(t, "Split", "op", `{"axis":0,"indices_or_sections":3}`)
	op.Operation = true
	op.Calls = calls(tensor(x))
	p, err = lowerTest(functional(t, "m", tensor(x), tensor(op, 0, 2), x, op), Options{})
	require.NoError(t, err)
	require.Equal(t, graph.Shape{3, 4}, p.Graph.Inputs[0].Shape)
	require.Equal(t, graph.Shape{1, 4}, p.Graph.Outputs[0].Shape)

	op.Config = config(t, `{"axis":7,"indices_or_sections":3}`)
	_, err = lowerTest(functional(t, "m", tensor(x), tensor(op), x, op), Options{})
	require.ErrorIs(t, err, graph.ErrAttr)
}

// Floating operands arrive in the compute dtype, others as they are; weights
// are kept in the variable dtype.
func TestDTypes(t *testing.T) {
	in := input(t, "in", "[null,4]")
	in.Config = config(t, `{"batch_shape":[null,4],"dtype":"uint8"}`)
	first := dense(t, "first", "3")
	half := layer(t, "Dense", "half", `{"units":2,"dtype":{"class_name":"DTypePolicy","config":{"name":"mixed_float16"}}}`)
	_, text := dump(t, sequential(t, in, layer(t, "Dropout", "drop", "{}"), first, half))
	require.Equal(t, `input  %0 in uint8 (None, 4)
param  %1 first/kernel float32 (4, 3)
param  %2 first/bias float32 (3,)
param  %7 half/kernel float32 (3, 2)
param  %9 half/bias float32 (2,)
%3 = Cast %0 : float32 (None, 4) # first
%4 = MatMul %3 %1 : float32 (None, 3) # first
%5 = AddBias %4 %2 : float32 (None, 3) # first
%6 = Cast{To:float16} %5 : float16 (None, 3) # half
%8 = Cast{To:float16} %7 : float16 (3, 2) # half
%10 = Cast{To:float16} %9 : float16 (2,) # half
%11 = MatMul %6 %8 : float16 (None, 2) # half
%12 = AddBias %11 %10 : float16 (None, 2) # half
output %12 half
`, text)
}

func TestRefused(t *testing.T) {
	training := func(l *keras.Layer, value string) *keras.Layer {
		l.Calls[0].Kwargs = []keras.NamedArg{{Name: "training", Arg: constant(t, value)}}
		return l
	}
	// model puts one layer between an input and the output.
	model := func(l *keras.Layer, edit func(l, in *keras.Layer)) *keras.Layer {
		in := input(t, "in", "[null,4]")
		l.Calls = calls(tensor(in))
		if edit != nil {
			edit(l, in)
		}
		return functional(t, "m", tensor(in), tensor(l), in, l)
	}
	on := func(l, _ *keras.Layer) { training(l, "true") }
	inner := func() *keras.Layer {
		return sequential(t, input(t, "i", "[null,4]"), layer(t, "Dropout", "drop", `{"rate":0.5}`))
	}
	registered := layer(t, "Dense", "mine", `{"units":1}`)
	registered.Registered = "MyPackage>Dense"
	for name, c := range map[string]struct {
		root *keras.Layer
		is   error
		want string // "" for no error
	}{
		"class":            {model(layer(t, "Strange", "s", "{}"), nil), keras.ErrUnsupported, `layer s (Strange): unsupported: unknown layer class "Strange"; supply it with WithLayer("Strange", ...)`},
		"registered":       {model(registered, nil), keras.ErrUnsupported, `layer mine (Dense): unsupported: unknown layer class "MyPackage>Dense"; supply it with WithLayer("MyPackage>Dense", ...)`},
		"lambda":           {model(layer(t, "Lambda", "l", "{}"), nil), keras.ErrUnsupported, `layer l (Lambda): unsupported: it holds Python code, which is never run; say what it computes`},
		"training":         {model(layer(t, "Dropout", "d", `{"rate":0.5}`), on), keras.ErrUnsupported, `layer d (Dropout): unsupported: called with training=true, which makes the result random`},
		"training nested":  {model(inner(), on), keras.ErrUnsupported, `layer sequential/drop (Dropout): unsupported: called with training=true, which makes the result random`},
		"training false":   {model(layer(t, "Dropout", "d", "{}"), func(l, _ *keras.Layer) { training(l, "false") }), nil, ""},
		"training dense":   {model(dense(t, "d", "1"), on), nil, ""},
		"training no rate": {model(layer(t, "Dropout", "d", `{"rate":0}`), on), nil, ""},
		"frozen bn":        {model(layer(t, "BatchNormalization", "bn", `{"trainable":false}`), on), nil, ""},
		"keyword": {model(dense(t, "d", "1"), func(l, in *keras.Layer) {
			l.Calls[0].Kwargs = []keras.NamedArg{{Name: "state", Arg: tensor(in)}}
		}), keras.ErrUnsupported, `layer d (Dense): unsupported: called with keyword argument "state"`},
		"mask of bn": {model(layer(t, "BatchNormalization", "bn", "{}"), func(l, in *keras.Layer) {
			l.Calls[0].Kwargs = []keras.NamedArg{{Name: "mask", Arg: tensor(in)}}
		}), nil, ""},
		"constant": {model(dense(t, "d", "1"), func(l, _ *keras.Layer) {
			l.Calls[0].Args = append(l.Calls[0].Args, constant(t, "3"))
		}), keras.ErrUnsupported, "called with argument 3"},
		"config": {model(layer(t, "Dense", "d", `{"units":1,"strange":2}`), nil), keras.ErrUnsupported, `config key "strange"`},
		"cycle": {model(dense(t, "d", "4"), func(l, _ *keras.Layer) {
			l.Calls = calls(tensor(l, 1), tensor(l, 0))
		}), keras.ErrFormat, `layers "d" and "d" need each other`},
		"node":          {model(dense(t, "d", "4"), func(l, _ *keras.Layer) { l.Calls = calls(tensor(l, 7)) }), keras.ErrFormat, "call 7"},
		"tensor":        {model(dense(t, "d", "4"), func(l, in *keras.Layer) { l.Calls = calls(tensor(in, 0, 1)) }), keras.ErrFormat, `result 1 of layer "in", which has 1`},
		"foreign input": {model(dense(t, "d", "4"), func(l, _ *keras.Layer) { l.Calls = calls(tensor(input(t, "other", "[1]"))) }), keras.ErrFormat, `"other"`},
		"sparse":        {sequential(t, layer(t, "InputLayer", "in", `{"batch_shape":[null,4],"sparse":true,"ragged":true}`), dense(t, "d", "1")), nil, ""},
		"bad shape":     {sequential(t, layer(t, "InputLayer", "in", `{"batch_shape":[null,-4]}`), dense(t, "d", "1")), keras.ErrFormat, "[null"},
		"dtype":         {model(layer(t, "Dense", "d", `{"units":1,"dtype":"complex64"}`), nil), keras.ErrUnsupported, "complex64"},
		"quantized":     {model(layer(t, "BatchNormalization", "d", `{"dtype":"int8_from_float32"}`), nil), keras.ErrUnsupported, `layer d (BatchNormalization): unsupported: policy int8_from_float32: Keras does not quantize this class`},
		"empty":         {sequential(t), keras.ErrUnsupported, ""},
		"subclass":      {layer(t, "MyModel", "m", "{}"), keras.ErrUnsupported, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := lower(&keras.Model{Root: c.root, Version: keras.Version{Major: 2}}, Options{}, testClasses)
			if c.is == nil {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, c.is)
			require.ErrorContains(t, err, c.want)
			require.LessOrEqual(t, strings.Count(err.Error(), "layer "), 2)
		})
	}
}

// Layers that training makes random are refused, the others are not; Keras 3
// does not heed what a call says.
func TestCalledWithTraining(t *testing.T) {
	for _, c := range []struct {
		keras        int
		config, want string
	}{
		{2, `{"units":2}`, ""},
		{2, `{"units":2,"dropout":0.5}`, "makes the result random"},
		{2, `{"units":2,"recurrent_dropout":0.5}`, "makes the result random"},
		{3, `{"units":2,"dropout":0.5}`, ""},
	} {
		in, l := input(t, "in", "[null,5,4]"), layer(t, "LSTM", "l", c.config)
		l.Calls = calls(tensor(in))
		l.Calls[0].Kwargs = []keras.NamedArg{{Name: "training", Arg: constant(t, "true")}}
		_, err := Lower(&keras.Model{Root: functional(t, "m", tensor(in), tensor(l), in, l), Version: keras.Version{Major: c.keras}}, Options{})
		if c.want == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, keras.ErrUnsupported)
		require.ErrorContains(t, err, c.want)
	}
}

// A stateful layer that is called twice begins a run with what it remembers, and
// its second call where the first ended.
func TestStateful(t *testing.T) {
	in, g := input(t, "in", "[null,3,4]"), layer(t, "SimpleRNN", "g", `{"units":2,"use_bias":false,"stateful":true}`)
	g.Calls = append(calls(tensor(in)), calls(tensor(in))...)
	p, err := Lower(&keras.Model{Version: keras3, Root: functional(t, "m", tensor(in), tensor(g, 1), in, g)}, Options{})
	require.NoError(t, err)
	require.Equal(t, `input  %0 in float32 (None, 3, 4)
param  %1 g/kernel float32 (4, 2)
param  %2 g/recurrent_kernel float32 (2, 2)
state  %3 g/h float32 (None, 2), then %7
%4 %5 = SimpleRNN{Recurrence:{Activation:{Func:tanh} State:true}} %0 %1 %2 %3 : float32 (None, 2), float32 (None, 2) # g
%6 %7 = SimpleRNN{Recurrence:{Activation:{Func:tanh} State:true}} %0 %1 %2 %5 : float32 (None, 2), float32 (None, 2) # g
output %6 g
`, p.Graph.Dump())

	inner := layer(t, "SimpleRNN", "g", `{"units":2,"stateful":true}`)
	each := layer(t, "TimeDistributed", "each", "{}")
	each.Inner = map[string][]*keras.Layer{"layer": {inner}}
	_, err = Lower(&keras.Model{Version: keras3, Root: sequential(t, input(t, "in", "[null,5,3,4]"), each)}, Options{})
	require.ErrorIs(t, err, keras.ErrUnsupported)
	require.ErrorContains(t, err, "layer each/g (SimpleRNN): unsupported: stateful inside TimeDistributed")

	images := layer(t, "ConvLSTM1D", "images", `{"filters":2,"kernel_size":3,"stateful":true}`)
	_, err = Lower(&keras.Model{Version: keras3, Root: sequential(t, input(t, "in", "[null,3,null,4]"), images)}, Options{})
	require.ErrorIs(t, err, keras.ErrUnsupported)
	require.ErrorContains(t, err, "stateful with states (None, None, 2), whose size is not known")
}

// A class that Keras did not have when the file was written is not Keras's.
func TestClassesThatCameLater(t *testing.T) {
	for _, c := range []struct {
		version, class string
		known          bool
	}{
		{"2.2.4", "GroupNormalization", false}, {"2.10.0", "GroupNormalization", false}, {"2.11.0", "GroupNormalization", true},
		{"3.0.0", "GroupNormalization", true}, {"2.2.4", "LayerNormalization", false}, {"2.2.4-tf", "LayerNormalization", true},
		{"2.2.4-tf", "SpectralNormalization", false}, {"2.3.1", "Attention", false}, {"2.4.3", "Attention", true}, {"", "Attention", true},
		{"2.3.0-tf", "MultiHeadAttention", false}, {"2.8.0", "UnitNormalization", false}, {"2.2.4", "Dense", true},
	} {
		v := keras.ParseVersion(c.version)
		if c.version == "" {
			v = keras.Version{Major: 2}
		}
		l := layer(t, c.class, "l", "{}")
		_, err := Lower(&keras.Model{Version: v, Root: sequential(t, input(t, "in", "[null,4,8]"), l)}, Options{})
		if c.known {
			if err != nil {
				require.NotContains(t, err.Error(), "had no class", c)
			}
			continue
		}
		require.ErrorIs(t, err, keras.ErrUnsupported, c)
		require.ErrorContains(t, err, "Keras "+c.version+" had no class \""+c.class+"\"", c)
	}
}

func TestAllowUnknownKeys(t *testing.T) {
	root := sequential(t, input(t, "in", "[null,4]"), layer(t, "Dense", "d", `{"units":1,"strange":2}`))
	_, err := lowerTest(root, Options{AllowUnknownKeys: true})
	require.NoError(t, err)
}

func TestCustomLayer(t *testing.T) {
	mine := layer(t, "Scale", "mine", `{"by":3}`)
	mine.Registered = "MyPackage>Scale"
	scale := func(b *LayerBuilder, c *keras.Value, in []graph.Value) ([]graph.Value, error) {
		var conf struct {
			By float64 `json:"by"`
		}
		if err := b.Decode(&conf); err != nil {
			return nil, err
		}
		by, ok := c.Get("by").Float()
		require.True(t, ok)
		require.Equal(t, conf.By, by)
		require.Equal(t, "mine", b.Path())
		y := b.Apply(graph.Binary{Func: graph.Mul}, in[0], b.Weight("scale", in[0].Dim(-1)))
		y = b.Apply(graph.Binary{Func: graph.Add}, y, b.State("offset", in[0].Dim(-1)))
		return []graph.Value{b.Apply(graph.Binary{Func: graph.Mul}, y, b.Scalar(graph.Float32, by))}, b.Err()
	}
	root := sequential(t, input(t, "in", "[null,4]"), mine)
	for _, key := range []string{"mine", "MyPackage>Scale", "Scale"} {
		p, err := lowerTest(root, Options{Layers: map[string]LayerFunc{key: scale}})
		require.NoError(t, err)
		require.Equal(t, `input  %0 in float32 (None, 4)
param  %1 mine/scale float32 (4,)
param  %3 mine/offset float32 (4,)
const  %5 float32 () [3]
%2 = Binary{Func:mul} %0 %1 : float32 (None, 4) # mine
%4 = Binary{Func:add} %2 %3 : float32 (None, 4) # mine
%6 = Binary{Func:mul} %4 %5 : float32 (None, 4) # mine
output %6 mine
`, p.Graph.Dump())
	}
	learning := functional(t, "m", tensor(root.Graph.Layers[0]), tensor(mine), root.Graph.Layers[0], mine)
	mine.Calls = calls(tensor(root.Graph.Layers[0]))
	mine.Calls[0].Kwargs = []keras.NamedArg{{Name: "training", Arg: constant(t, "true")}}
	old := &keras.Model{Version: keras2, Root: learning} // Keras 3's predict puts False in its place
	_, err := Lower(old, Options{Layers: map[string]LayerFunc{"Scale": scale}})
	require.ErrorIs(t, err, keras.ErrUnsupported)
	require.ErrorContains(t, err, "called with training=true, which its function does not ask for")
	_, err = Lower(old, Options{Layers: map[string]LayerFunc{"Scale": func(b *LayerBuilder, c *keras.Value, in []graph.Value) ([]graph.Value, error) {
		require.True(t, b.Training())
		return scale(b, c, in)
	}}})
	require.NoError(t, err)
	mine.Calls = nil

	_, err = lowerTest(root, Options{Layers: map[string]LayerFunc{"Scale": func(*LayerBuilder, *keras.Value, []graph.Value) ([]graph.Value, error) {
		return nil, nil
	}}})
	require.ErrorContains(t, err, "layer mine (Scale)")
	_, err = lowerTest(root, Options{Layers: map[string]LayerFunc{"Scale": func(b *LayerBuilder, _ *keras.Value, in []graph.Value) ([]graph.Value, error) {
		return in, b.Decode(&struct{}{})
	}}})
	require.ErrorIs(t, err, keras.ErrUnsupported)
	_, err = lowerTest(root, Options{Layers: map[string]LayerFunc{"Scale": func(b *LayerBuilder, _ *keras.Value, in []graph.Value) ([]graph.Value, error) {
		b.Const(graph.Tensor{DType: graph.Float32, Shape: graph.Shape{3}})
		return in, nil
	}}})
	require.ErrorIs(t, err, graph.ErrDType)
}
