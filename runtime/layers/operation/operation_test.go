package operation

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// An opTest is one call of an operation. Tensor arguments are named x (None, 4,
// 6), y (4, 6), v (6), i int32 (None, 4), u uint8 (4, 6), b bool (4, 6) and h
// float16 (4, 6); everything else is JSON, tuples of tensors stand in "[x,y]".
type opTest struct {
	class, config, args string // args are separated by spaces, keywords as k=v
	want                string // of the dump: the nodes and constants, without types of inputs
}

var opInputs = []struct {
	name string
	graph.Type
}{
	{"x", graph.Type{DType: graph.Float32, Shape: graph.Shape{graph.Dyn, 4, 6}}},
	{"y", graph.Type{DType: graph.Float32, Shape: graph.Shape{4, 6}}},
	{"v", graph.Type{DType: graph.Float32, Shape: graph.Shape{6}}},
	{"i", graph.Type{DType: graph.Int32, Shape: graph.Shape{graph.Dyn, 4}}},
	{"u", graph.Type{DType: graph.Uint8, Shape: graph.Shape{4, 6}}},
	{"b", graph.Type{DType: graph.Bool, Shape: graph.Shape{4, 6}}},
	{"h", graph.Type{DType: graph.Float16, Shape: graph.Shape{4, 6}}},
}

func config(t *testing.T, text string) *keras.Value {
	t.Helper()
	v, err := keras.ParseJSON([]byte(text), keras.Limits{})
	require.NoError(t, err)
	return v
}

func tensor(name string) *keras.Arg {
	return &keras.Arg{Kind: keras.ArgTensor, Layer: &keras.Layer{Name: name}}
}

func list(items ...*keras.Arg) *keras.Arg { return &keras.Arg{Kind: keras.ArgList, Items: items} }

func constant(t *testing.T, text string) *keras.Arg {
	return &keras.Arg{Kind: keras.ArgConst, Const: config(t, text)}
}

// lowerInputs lowers a node whose tensors are inputs.
func lowerInputs(n Node, tf bool) (*graph.Graph, []graph.Value, error) {
	b := graph.NewBuilder()
	values := map[string]graph.Value{}
	for _, in := range opInputs {
		values[in.name] = b.Input(in.name, in.Type)
	}
	n.Value = func(a *keras.Arg) graph.Value { return values[a.Layer.Name] }
	lower := Lower
	if tf {
		lower = LowerTF
	}
	out := lower(b, n)
	g, err := b.Graph()
	return g, out, err
}

// argument reads an argument of an opTest.
func argument(t *testing.T, s string) *keras.Arg {
	for _, in := range opInputs {
		if s == in.name {
			return tensor(s)
		}
	}
	if strings.HasPrefix(s, "[") && strings.ContainsAny(s, "xyvubh") && !strings.Contains(s, `"`) {
		var items []*keras.Arg
		for _, p := range strings.Split(strings.Trim(s, "[]"), ",") {
			items = append(items, argument(t, p))
		}
		return list(items...)
	}
	return constant(t, s)
}

// lowerOp lowers one call and returns the lines of its constants and nodes.
// Inputs are written by name.
func lowerOp(t *testing.T, c opTest, tf bool) (string, error) {
	t.Helper()
	n := Node{Class: c.class, Config: config(t, "{}")}
	switch {
	case tf:
		n.Class, n.Config = "TFOpLambda", config(t, `{"name":"op","trainable":true,"dtype":"float32","function":"`+c.class+`"}`)
	case c.config != "":
		n.Config = config(t, c.config)
	}
	for _, a := range strings.Fields(c.args) {
		if k, v, ok := strings.Cut(a, "="); ok {
			n.Call.Kwargs = append(n.Call.Kwargs, keras.NamedArg{Name: k, Arg: argument(t, v)})
			continue
		}
		n.Call.Args = append(n.Call.Args, argument(t, a))
	}
	g, out, err := lowerInputs(n, tf)
	if err != nil {
		require.Nil(t, out)
		return "", err
	}
	require.NotEmpty(t, out)
	var lines []string
	for _, line := range strings.Split(g.Dump(), "\n") {
		for k, in := range opInputs {
			line = regexp.MustCompile(` %`+strconv.Itoa(k)+`\b`).ReplaceAllString(line, " "+in.name)
		}
		line, _, _ = strings.Cut(line, " # ")
		if strings.HasPrefix(line, "%") || strings.HasPrefix(line, "const") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n"), nil
}

func checkOps(t *testing.T, tf bool, tests []opTest) {
	for _, c := range tests {
		t.Run(strings.TrimSpace(c.class+" "+c.config+" "+c.args), func(t *testing.T) {
			got, err := lowerOp(t, c, tf)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

func TestElementwiseOperations(t *testing.T) {
	checkOps(t, false, []opTest{
		{"Add", `{"name":"add"}`, "x v", "%7 = Binary{Func:add} x v : float32 (None, 4, 6)"},
		{"Add", "", "x 2", "const  %7 float32 () [2]\n%8 = Binary{Func:add} x %7 : float32 (None, 4, 6)"},
		{"Subtract", "", "1.5 h", "const  %7 float16 () [1.5]\n%8 = Binary{Func:sub} %7 h : float16 (4, 6)"},
		{"Subtract", "", "x1=y x2=v", "%7 = Binary{Func:sub} y v : float32 (4, 6)"},
		{"Multiply", "", "u 2", "const  %7 uint8 () [2]\n%8 = Binary{Func:mul} u %7 : uint8 (4, 6)"},
		{"Multiply", "", "u 2.0", "const  %8 float32 () [2]\n%7 = Cast u : float32 (4, 6)\n%9 = Binary{Func:mul} %7 %8 : float32 (4, 6)"},
		{"Multiply", "", "h y", "%7 = Cast h : float32 (4, 6)\n%8 = Binary{Func:mul} %7 y : float32 (4, 6)"},
		{"Divide", "", "u u", "%7 = Cast u : float32 (4, 6)\n%8 = Cast u : float32 (4, 6)\n%9 = Binary{Func:div} %7 %8 : float32 (4, 6)"},
		{"Add", "", "v [1,2,3,4,5,6]", "const  %7 float32 (6,) [1 2 3 4 5 6]\n%8 = Binary{Func:add} v %7 : float32 (6,)"},
		{"Power", "", "x 2", "const  %7 float32 () [2]\n%8 = Binary{Func:pow} x %7 : float32 (None, 4, 6)"},
		{"Mod", "", "i 3", "const  %7 int32 () [3]\n%8 = Binary{Func:mod} i %7 : int32 (None, 4)"},
		{"NotEqual", "", "i 0", "const  %7 int32 () [0]\n%8 = Binary{Func:not_equal} i %7 : bool (None, 4)"},
		{"LogicalAnd", "", "b y", "%7 = Cast{To:bool} y : bool (4, 6)\n%8 = Binary{Func:logical_and} b %7 : bool (4, 6)"},
		{"Negative", "", "x", "%7 = Unary{Func:neg} x : float32 (None, 4, 6)"},
		{"Absolute", "", "u", ""},
		{"Sqrt", "", "i", "%7 = Cast i : float32 (None, 4)\n%8 = Unary{Func:sqrt} %7 : float32 (None, 4)"},
		{"Clip", `{"x_min":0,"x_max":6.0}`, "x", "%7 = Activation{Func:clip B:6} x : float32 (None, 4, 6)"},
		{"Where", "", "b y 0", "const  %7 float32 () [0]\n%8 = Where b y %7 : float32 (4, 6)"},
		{"Cast", `{"dtype":"float16"}`, "x", "%7 = Cast{To:float16} x : float16 (None, 4, 6)"},
		{"OnesLike", "", "i", "const  %8 int32 () [1]\n%7 = Binary{Func:equal} i i : bool (None, 4)\n%9 = Where %7 %8 %8 : int32 (None, 4)"},
		{"StopGradient", "", "x", ""},
		{"SaturateCast", `{"dtype":"uint8"}`, "y", "%7 = Activation{Func:clip B:255} y : float32 (4, 6)\n%8 = Cast{To:uint8} %7 : uint8 (4, 6)"},
	})
}

func TestReduceOperations(t *testing.T) {
	checkOps(t, false, []opTest{
		{"Sum", `{"axis":[1,2],"keepdims":true}`, "x", "%7 = Reduce{Func:sum Axes:[1 2] KeepDims:true} x : float32 (None, 1, 1)"},
		{"Sum", `{"axis":null,"keepdims":false}`, "u", "%7 = Cast{To:uint32} u : uint32 (4, 6)\n%8 = Reduce{Func:sum Axes:[0 1]} %7 : uint32 ()"},
		{"Mean", `{"axis":-1}`, "i", "%7 = Cast i : float32 (None, 4)\n%8 = Reduce{Func:mean Axes:[1]} %7 : float32 (None,)"},
		{"Max", `{"axis":0,"initial":null}`, "b", "%7 = Reduce{Func:any Axes:[0]} b : bool (6,)"},
		{"Any", `{"axis":1}`, "y", "%7 = Cast{To:bool} y : bool (4, 6)\n%8 = Reduce{Func:any Axes:[1]} %7 : bool (4,)"},
		{"Std", `{"axis":1}`, "y", `%7 = Reduce{Func:mean Axes:[1] KeepDims:true} y : float32 (4, 1)
%8 = Binary{Func:sub} y %7 : float32 (4, 6)
%9 = Unary{Func:square} %8 : float32 (4, 6)
%10 = Reduce{Func:mean Axes:[1]} %9 : float32 (4,)
%11 = Unary{Func:sqrt} %10 : float32 (4,)`},
		{"Argmax", `{"axis":-1,"keepdims":false}`, "x", "%7 = ArgReduce{Axis:2} x : int32 (None, 4)"},
		{"Argmin", `{"axis":null}`, "y", "%7 = Reshape{Dims:[-1]} y : float32 (24,)\n%8 = ArgReduce{Min:true} %7 : int32 ()"},
		{"Matmul", "", "x v", "%7 = Reshape{Dims:[-2 1]} v : float32 (6, 1)\n%8 = MatMul x %7 : float32 (None, 4, 1)\n%9 = Reshape{Dims:[-2 -3]} %8 : float32 (None, 4)"},
		{"Norm", `{"axis":-1,"ord":null}`, "y", "%7 = Unary{Func:square} y : float32 (4, 6)\n%8 = Reduce{Func:sum Axes:[1]} %7 : float32 (4,)\n%9 = Unary{Func:sqrt} %8 : float32 (4,)"},
	})
}

func TestEinsum(t *testing.T) {
	checkOps(t, false, []opTest{
		{"Einsum", `{"subscripts":"ij->ji"}`, "y", "%7 = Transpose{Perm:[1 0]} y : float32 (6, 4)"},
		{"Einsum", `{"subscripts":"bij->jb"}`, "x", "%7 = Reduce{Func:sum Axes:[1]} x : float32 (None, 6)\n%8 = Transpose{Perm:[1 0]} %7 : float32 (6, None)"},
		{"Einsum", `{"subscripts":"bij,ij->b"}`, "x y", `%7 = Reshape{Dims:[-2 24]} x : float32 (None, 24)
%8 = Reshape{Dims:[24 1]} y : float32 (24, 1)
%9 = MatMul %7 %8 : float32 (None, 1)
%10 = Reshape{Dims:[-2]} %9 : float32 (None,)`},
		{"Einsum", `{"subscripts":"bij,bkj->bki"}`, "x x", `%7 = Transpose{Perm:[0 2 1]} x : float32 (None, 6, 4)
%8 = MatMul x %7 : float32 (None, 4, 4)
%9 = Transpose{Perm:[0 2 1]} %8 : float32 (None, 4, 4)`},
		{"Einsum", `{"subscripts":"ij,bkj->bik"}`, "y x", `%7 = Transpose{Perm:[0 2 1]} x : float32 (None, 6, 4)
%8 = Reshape{Dims:[1 -2 -3]} y : float32 (1, 4, 6)
%9 = MatMul %8 %7 : float32 (None, 4, 4)`},
	})
}

func TestLayoutOperations(t *testing.T) {
	checkOps(t, false, []opTest{
		{"Reshape", `{"newshape":[-1,12]}`, "x", "%7 = Reshape{Dims:[-1 12]} x : float32 (None, 12)"},
		{"Transpose", `{"axes":[0,2,1]}`, "x", "%7 = Transpose{Perm:[0 2 1]} x : float32 (None, 6, 4)"},
		{"Transpose", `{"axes":null}`, "y", "%7 = Transpose{Perm:[1 0]} y : float32 (6, 4)"},
		{"Swapaxes", `{"axis1":-1,"axis2":1}`, "x", "%7 = Transpose{Perm:[0 2 1]} x : float32 (None, 6, 4)"},
		{"Moveaxis", `{"source":[0],"destination":[-1]}`, "x", "%7 = Transpose{Perm:[1 2 0]} x : float32 (4, 6, None)"},
		{"ExpandDims", `{"axis":-1}`, "x", "%7 = Reshape{Dims:[-2 -3 -4 1]} x : float32 (None, 4, 6, 1)"},
		{"ExpandDims", `{"axis":[0,2]}`, "v", "%7 = Reshape{Dims:[1 -2]} v : float32 (1, 6)\n%8 = Reshape{Dims:[-2 -3 1]} %7 : float32 (1, 6, 1)"},
		{"Concatenate", `{"axis":-1}`, "[y,u]", "%7 = Cast u : float32 (4, 6)\n%8 = Concat{Axis:-1} y %7 : float32 (4, 12)"},
		{"Stack", `{"axis":1}`, "[y,y]", "%7 = Reshape{Dims:[-2 1 -3]} y : float32 (4, 1, 6)\n%8 = Reshape{Dims:[-2 1 -3]} y : float32 (4, 1, 6)\n%9 = Concat{Axis:1} %7 %8 : float32 (4, 2, 6)"},
		{"Split", `{"indices_or_sections":2,"axis":1}`, "x", "%7 = Slice{Ranges:[{Step:1} {Stop:2 Step:1 HasStart:true HasStop:true}]} x : float32 (None, 2, 6)\n%8 = Slice{Ranges:[{Step:1} {Start:2 Stop:4 Step:1 HasStart:true HasStop:true}]} x : float32 (None, 2, 6)"},
		{"Repeat", `{"repeats":2,"axis":1}`, "x", "%7 = Repeat{Axis:1 N:2} x : float32 (None, 8, 6)"},
		{"Tile", `{"repeats":[2,1]}`, "x", "%7 = Tile{Reps:[1 2 1]} x : float32 (None, 8, 6)"},
		{"Flip", `{"axis":-1}`, "v", "%7 = Slice{Ranges:[{Step:-1}]} v : float32 (6,)"},
		{"Roll", `{"shift":-1,"axis":0}`, "v", "%7 = Slice{Ranges:[{Start:1 Stop:6 Step:1 HasStart:true HasStop:true}]} v : float32 (5,)\n%8 = Slice{Ranges:[{Stop:1 Step:1 HasStart:true HasStop:true}]} v : float32 (1,)\n%9 = Concat %7 %8 : float32 (6,)"},
		{"Pad", `{"pad_width":[[0,0],[1,2]],"mode":"constant"}`, "y", "%7 = Pad{Before:[0 1] After:[0 2] Mode:constant} y : float32 (4, 9)"},
		{"Take", `{"axis":-1}`, "x [0,-1]", "const  %7 int32 (2,) [0 5]\n%8 = Transpose{Perm:[2 0 1]} x : float32 (6, None, 4)\n%9 = Gather %8 %7 : float32 (2, None, 4)\n%10 = Transpose{Perm:[1 2 0]} %9 : float32 (None, 4, 2)"},
		{"BroadcastTo", `{"shape":[3,6]}`, "v", "%7 = Reshape{Dims:[1 -2]} v : float32 (1, 6)\n%8 = Tile{Reps:[3 1]} %7 : float32 (3, 6)"},
	})
}

func TestNNOperations(t *testing.T) {
	checkOps(t, false, []opTest{
		{"Relu6", "", "y", "%7 = Activation{Func:relu B:6} y : float32 (4, 6)"},
		{"Relu", "", "y", "%7 = Activation{Func:relu B:+Inf} y : float32 (4, 6)"},
		{"LeakyRelu", `{"negative_slope":0.1}`, "y", "%7 = Activation{Func:relu A:0.1 B:+Inf} y : float32 (4, 6)"},
		{"Gelu", "", "y", "%7 = Activation{Func:gelu_tanh} y : float32 (4, 6)"},
		{"Gelu", `{"approximate":false}`, "y", "%7 = Activation{Func:gelu} y : float32 (4, 6)"},
		{"Softmax", `{"axis":-1}`, "x", "%7 = Softmax{Axes:[2]} x : float32 (None, 4, 6)"},
		{"Softmax", `{"axis":null}`, "y", "%7 = Softmax{Axes:[0 1]} y : float32 (4, 6)"},
		{"LogSoftmax", "", "x", "%7 = Softmax{Axes:[-1] Log:true} x : float32 (None, 4, 6)"},
		{"Sparsemax", `{"axis":1}`, "x", "%7 = Transpose{Perm:[0 2 1]} x : float32 (None, 6, 4)\n%8 = Sparsemax %7 : float32 (None, 6, 4)\n%9 = Transpose{Perm:[0 2 1]} %8 : float32 (None, 4, 6)"},
		{"MaxPool", `{"pool_size":2,"strides":null,"padding":"same","data_format":"channels_last"}`, "x", "%7 = Pool{Kind:max Size:[2] Strides:[2] Padding:{Mode:same}} x : float32 (None, 2, 6)"},
		{"OneHot", `{"num_classes":3,"axis":-1,"dtype":"float32","sparse":false}`, "i", `const  %9 int64 (3,) [0 1 2]
%7 = Cast{To:int64} i : int64 (None, 4)
%8 = Reshape{Dims:[-2 -3 1]} %7 : int64 (None, 4, 1)
%10 = Binary{Func:equal} %8 %9 : bool (None, 4, 3)
%11 = Cast %10 : float32 (None, 4, 3)`},
		{"Resize", `{"size":[8,9],"interpolation":"nearest","antialias":false,"crop_to_aspect_ratio":false,"pad_to_aspect_ratio":false,"fill_mode":"constant","fill_value":0.0,"data_format":null}`, "x",
			"%7 = Reshape{Dims:[1 -2 -3 -4]} x : float32 (1, None, 4, 6)\n%8 = Resize{Height:8 Width:9 Interpolation:nearest} %7 : float32 (1, 8, 9, 6)\n%9 = Reshape{Dims:[-3 -4 -5]} %8 : float32 (8, 9, 6)"},
	})
}

func TestGetItem(t *testing.T) {
	slice := func(start, stop, step string) *keras.Arg {
		return &keras.Arg{Kind: keras.ArgSlice, Items: []*keras.Arg{constant(t, start), constant(t, stop), constant(t, step)}}
	}
	none := constant(t, "null")
	dots := &keras.Arg{Kind: keras.ArgEllipsis}
	all := slice("null", "null", "null")
	for _, c := range []struct {
		key   *keras.Arg
		shape graph.Shape
		nodes string
	}{
		{list(all, slice("1", "3", "null")), graph.Shape{-1, 2, 6}, "Slice{Ranges:[{Step:1} {Start:1 Stop:3 Step:1 HasStart:true HasStop:true}]}"},
		{list(all, constant(t, "-1")), graph.Shape{-1, 6}, "Slice{Ranges:[{Step:1} {Start:-1 Step:1 Index:true}]}"},
		{list(dots, constant(t, "0")), graph.Shape{-1, 4}, "Slice{Ranges:[{Step:1} {Step:1} {Step:1 Index:true}]}"},
		{list(dots, none), graph.Shape{-1, 4, 6, 1}, "Reshape{Dims:[-2 -3 -4 1]}"},
		{none, graph.Shape{1, -1, 4, 6}, "Reshape{Dims:[1 -2 -3 -4]}"},
		{list(all, none, constant(t, "1"), slice("null", "null", "-2")), graph.Shape{-1, 1, 3}, "Slice{Ranges:[{Step:1} {Start:1 Step:1 Index:true} {Step:-2}]} Reshape{Dims:[-2 1 -3]}"},
		{constant(t, "0"), graph.Shape{4, 6}, "Slice{Ranges:[{Step:1 Index:true}]}"},
		{all, graph.Shape{-1, 4, 6}, ""},
		{constant(t, `[{"start":null,"stop":null,"step":null},{"start":1,"stop":null,"step":2}]`), graph.Shape{-1, 2, 6}, "Slice{Ranges:[{Step:1} {Start:1 Step:2 HasStart:true}]}"},
	} {
		g, out, err := lowerInputs(Node{Class: "GetItem", Call: keras.Call{Args: []*keras.Arg{tensor("x"), c.key}}}, false)
		require.NoError(t, err)
		require.Equal(t, c.shape, out[0].Shape)
		var nodes []string
		for _, n := range g.Nodes {
			nodes = append(nodes, graph.Describe(n.Op))
		}
		require.Equal(t, c.nodes, strings.Join(nodes, " "))
	}
	for _, key := range []*keras.Arg{list(tensor("x")), list(dots, dots), constant(t, `"a"`), list(constant(t, "0"), all, all, all), constant(t, "1.5")} {
		_, _, err := lowerInputs(Node{Class: "GetItem", Call: keras.Call{Args: []*keras.Arg{tensor("x"), key}}}, false)
		require.Error(t, err)
	}
}

func TestOperationsRefused(t *testing.T) {
	for _, c := range []struct {
		test opTest
		is   error
		want string
	}{
		{opTest{class: "Sort", args: "y"}, keras.ErrUnsupported, `operation "Sort"`},
		{opTest{class: "Einsum", config: `{"subscripts":"ii->i"}`, args: "y"}, keras.ErrUnsupported, `subscripts "ii->i"`},
		{opTest{class: "Einsum", config: `{"subscripts":"i...,jk->ijk..."}`, args: "y x"}, graph.ErrShape, `subscripts`},
		{opTest{class: "Einsum", config: `{"subscripts":"ij->ik"}`, args: "y"}, keras.ErrUnsupported, `subscripts`},
		{opTest{class: "Einsum", config: `{"subscripts":"ijk->i"}`, args: "y"}, graph.ErrShape, `subscripts`},
		{opTest{class: "Add", config: `{"strange":1}`, args: "y y"}, keras.ErrUnsupported, `argument "strange"`},
		{opTest{class: "Add", args: "y"}, keras.ErrFormat, `argument "x2" is missing`},
		{opTest{class: "Add", args: "y y y"}, keras.ErrFormat, "3 arguments, want 2"},
		{opTest{class: "Add", args: `y "a"`}, keras.ErrUnsupported, `is "a"`},
		{opTest{class: "Add", args: "y [[1],[2,3]]"}, keras.ErrUnsupported, "is [[1]"},
		{opTest{class: "Add", args: "y [1,2]"}, graph.ErrShape, "Binary"},
		{opTest{class: "Sum", config: `{"axis":5}`, args: "y"}, graph.ErrAttr, "axis 5"},
		{opTest{class: "Reshape", config: `{"newshape":[5,-1]}`, args: "y"}, graph.ErrShape, ""},
		{opTest{class: "Squeeze", config: `{"axis":1}`, args: "x"}, graph.ErrShape, ""},
		{opTest{class: "Squeeze", args: "x"}, keras.ErrUnsupported, ""},
		{opTest{class: "Roll", config: `{"shift":1,"axis":0}`, args: "x"}, keras.ErrUnsupported, ""},
		{opTest{class: "Split", config: `{"indices_or_sections":5,"axis":1}`, args: "x"}, graph.ErrAttr, ""},
		{opTest{class: "Clip", args: "x y y"}, keras.ErrUnsupported, `argument "x_min"`},
		{opTest{class: "Cast", config: `{"dtype":"complex64"}`, args: "x"}, keras.ErrUnsupported, "complex64"},
	} {
		_, err := lowerOp(t, c.test, false)
		require.ErrorIs(t, err, c.is, c.test.class)
		require.ErrorContains(t, err, c.want)
	}
}

// Every function of TensorFlow leads to an operation that exists, and every
// operation survives a call without arguments.
func TestOperationTables(t *testing.T) {
	for name, f := range tfFunctions {
		_, ok := find(f.class)
		require.True(t, ok, name)
		_, err := lowerOp(t, opTest{class: name}, true)
		require.Error(t, err, name)
	}
	seen := map[string]bool{}
	for _, table := range tables() {
		for class := range table {
			require.False(t, seen[class], class)
			seen[class] = true
			_, err := lowerOp(t, opTest{class: class}, false)
			require.Error(t, err, class)
			for _, args := range []string{"x", "v v", `"a"`, "1 1 1"} { // whatever comes, it is an error or a graph
				_, _ = lowerOp(t, opTest{class: class, args: args}, false)
			}
		}
	}
}
