package operation

import (
	"maps"
	"slices"
	"strings"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// A tfRow translates a TensorFlow function to a class of keras.ops. params
// lists the function's parameters in order, each as name or name=name there.
type tfRow struct {
	class  string
	params string
}

// Parameter lists that many functions share.
const (
	xy        = "x=x1 y=x2"
	xOnly     = "x"
	features  = "features=x"
	reduceTo  = "input_tensor=x axis keepdims"
	logicalXY = "x=x1 y=x2"
)

// tfFunctions are the functions that tf.keras writes as TFOpLambda layers when
// TensorFlow is called on Keras tensors. Names follow
// https://www.tensorflow.org/api_docs/python/tf; operators such as x + y are
// methods of __operators__ where TensorFlow has no function of that name.
var tfFunctions = map[string]tfRow{
	"math.add":                  {"Add", xy},
	"add":                       {"Add", xy},
	"__operators__.add":         {"Add", xy},
	"math.subtract":             {"Subtract", xy},
	"__operators__.sub":         {"Subtract", xy},
	"math.multiply":             {"Multiply", xy},
	"__operators__.mul":         {"Multiply", xy},
	"math.divide":               {"Divide", xy},
	"math.truediv":              {"Divide", xy},
	"__operators__.truediv":     {"Divide", xy},
	"math.floordiv":             {"FloorDivide", xy},
	"math.floormod":             {"Mod", xy},
	"math.pow":                  {"Power", xy},
	"math.maximum":              {"Maximum", xy},
	"math.minimum":              {"Minimum", xy},
	"math.atan2":                {"Arctan2", "y=x1 x=x2"},
	"math.equal":                {"Equal", xy},
	"__operators__.eq":          {"Equal", "self=x1 other=x2"},
	"math.not_equal":            {"NotEqual", xy},
	"__operators__.ne":          {"NotEqual", "self=x1 other=x2"},
	"math.less":                 {"Less", xy},
	"math.less_equal":           {"LessEqual", xy},
	"math.greater":              {"Greater", xy},
	"math.greater_equal":        {"GreaterEqual", xy},
	"math.logical_and":          {"LogicalAnd", logicalXY},
	"__operators__.logical_and": {"LogicalAnd", logicalXY},
	"math.logical_or":           {"LogicalOr", logicalXY},
	"__operators__.logical_or":  {"LogicalOr", logicalXY},
	"math.logical_xor":          {"LogicalXor", logicalXY},
	"__operators__.logical_xor": {"LogicalXor", logicalXY},
	"math.logical_not":          {"LogicalNot", xOnly},
	"__operators__.logical_not": {"LogicalNot", xOnly},

	"math.negative":   {"Negative", xOnly},
	"math.abs":        {"Abs", xOnly},
	"math.sign":       {"Sign", xOnly},
	"math.square":     {"Square", xOnly},
	"math.sqrt":       {"Sqrt", xOnly},
	"math.rsqrt":      {"Rsqrt", xOnly},
	"math.reciprocal": {"Reciprocal", xOnly},
	"math.exp":        {"Exp", xOnly},
	"math.expm1":      {"Expm1", xOnly},
	"math.log":        {"Log", xOnly},
	"math.log1p":      {"Log1p", xOnly},
	"math.sin":        {"Sin", xOnly},
	"math.cos":        {"Cos", xOnly},
	"math.tan":        {"Tan", xOnly},
	"math.asin":       {"Arcsin", xOnly},
	"math.acos":       {"Arccos", xOnly},
	"math.atan":       {"Arctan", xOnly},
	"math.sinh":       {"Sinh", xOnly},
	"math.cosh":       {"Cosh", xOnly},
	"math.tanh":       {"Tanh", xOnly},
	"math.erf":        {"Erf", xOnly},
	"math.floor":      {"Floor", xOnly},
	"math.ceil":       {"Ceil", xOnly},
	"math.round":      {"Round", xOnly},
	"math.is_nan":     {"Isnan", xOnly},
	"math.is_inf":     {"Isinf", xOnly},
	"math.is_finite":  {"Isfinite", xOnly},
	"clip_by_value":   {"Clip", "t=x clip_value_min=x_min clip_value_max=x_max"},
	"where":           {"Where", "condition x=x1 y=x2"},
	"cast":            {"Cast", "x dtype"},
	"zeros_like":      {"ZerosLike", "input=x dtype"},
	"ones_like":       {"OnesLike", "input=x dtype"},
	"identity":        {"Copy", "input=x"},
	"stop_gradient":   {"StopGradient", "input=variable"},

	"math.sigmoid":      {"Sigmoid", xOnly},
	"nn.sigmoid":        {"Sigmoid", xOnly},
	"nn.tanh":           {"Tanh", xOnly},
	"nn.relu":           {"Relu", features},
	"nn.relu6":          {"Relu6", features},
	"nn.leaky_relu":     {"LeakyRelu", "features=x alpha=negative_slope"},
	"nn.elu":            {"Elu", features},
	"nn.selu":           {"Selu", features},
	"nn.silu":           {"Silu", features},
	"nn.swish":          {"Silu", features},
	"nn.gelu":           {"Gelu", "features=x approximate"},
	"nn.softplus":       {"Softplus", features},
	"math.softplus":     {"Softplus", features},
	"nn.softsign":       {"Softsign", features},
	"math.log_sigmoid":  {"LogSigmoid", xOnly},
	"nn.softmax":        {"Softmax", "logits=x axis"},
	"nn.log_softmax":    {"LogSoftmax", "logits=x axis"},
	"math.l2_normalize": {"Normalize", "x axis epsilon"},
	"nn.l2_normalize":   {"Normalize", "x axis epsilon"},
	"nn.bias_add":       {"Add", "value=x1 bias=x2"},

	"math.reduce_sum":       {"Sum", reduceTo},
	"math.reduce_mean":      {"Mean", reduceTo},
	"math.reduce_max":       {"Max", reduceTo},
	"math.reduce_min":       {"Min", reduceTo},
	"math.reduce_prod":      {"Prod", reduceTo},
	"math.reduce_all":       {"All", reduceTo},
	"math.reduce_any":       {"Any", reduceTo},
	"math.reduce_variance":  {"Var", reduceTo},
	"math.reduce_std":       {"Std", reduceTo},
	"math.reduce_logsumexp": {"Logsumexp", reduceTo},
	"norm":                  {"Norm", "tensor=x ord axis keepdims"},
	"linalg.matmul":         {"Matmul", "a=x1 b=x2 transpose_a transpose_b"},
	"matmul":                {"Matmul", "a=x1 b=x2 transpose_a transpose_b"},

	"reshape":      {"Reshape", "tensor=x shape=newshape"},
	"transpose":    {"Transpose", "a=x perm=axes conjugate"},
	"expand_dims":  {"ExpandDims", "input=x axis"},
	"squeeze":      {"Squeeze", "input=x axis"},
	"concat":       {"Concatenate", "values=xs axis"},
	"stack":        {"Stack", "values=x axis"},
	"unstack":      {"Unstack", "value=x num axis"},
	"repeat":       {"Repeat", "input=x repeats axis"},
	"tile":         {"Tile", "input=x multiples=repeats"},
	"reverse":      {"Flip", "tensor=x axis"},
	"roll":         {"Roll", "input=x shift axis"},
	"gather":       {"Take", "params=x indices validate_indices axis"},
	"broadcast_to": {"BroadcastTo", "input=x shape"},
	"pad":          {"Pad", "tensor=x paddings=pad_width mode constant_values"},
	"image.resize": {"Resize", "images size method=interpolation preserve_aspect_ratio antialias"},

	"__operators__.getitem": {"GetItem", "tensor=x slice_spec=key"},
}

// FromTF translates a call of a TensorFlow function, as a TFOpLambda or
// SlicingOpLambda layer names it, to a class of keras.ops: its name, and the call
// with every argument named as there. ok is false for a function that is not known.
func FromTF(function string, c keras.Call) (class string, args []keras.NamedArg, ok bool) {
	f, order, renamed, ok := fromTF(function, c)
	if !ok || len(renamed.Args) > len(order) {
		return "", nil, false
	}
	for i, a := range renamed.Args {
		args = append(args, keras.NamedArg{Name: order[i], Arg: a})
	}
	return f, append(args, renamed.Kwargs...), true
}

// fromTF gives keyword arguments the names that the operation uses; order are
// the names of the positional ones.
func fromTF(function string, c keras.Call) (class string, order []string, renamed keras.Call, ok bool) {
	f, ok := tfFunctions[strings.TrimPrefix(function, "compat.v1.")]
	rename := map[string]string{}
	for _, p := range strings.Fields(f.params) {
		from, to, ok := strings.Cut(p, "=")
		if !ok {
			to = from
		}
		order = append(order, to)
		rename[from] = to
	}
	renamed.Args = c.Args
	for _, k := range c.Kwargs {
		to, ok := rename[k.Name]
		if !ok {
			to = k.Name
		}
		arg := k.Arg
		if to == "mode" && arg.Kind == keras.ArgConst { // TensorFlow writes "CONSTANT"
			text, _ := arg.Const.Str()
			arg = &keras.Arg{Kind: keras.ArgConst, Const: keras.NewString(strings.ToLower(text))}
		}
		renamed.Kwargs = append(renamed.Kwargs, keras.NamedArg{Name: to, Arg: arg})
	}
	return f.class, order, renamed, ok
}

// LowerTF writes a TFOpLambda or SlicingOpLambda layer, whose config names a
// function of TensorFlow. n.Class does not matter. It fails as [Lower] does;
// operands of different dtypes are an error, as in TensorFlow.
func LowerTF(b *graph.Builder, n Node) []graph.Value {
	name, _ := n.Config.Get("function").Str()
	class, order, args, ok := fromTF(name, n.Call)
	r, known := find(class)
	if !ok || !known {
		b.Failf("%w: TensorFlow function %q", keras.ErrUnsupported, name)
		return nil
	}
	r.params = strings.Join(order, " ")
	return r.run(b, Node{Call: args, Value: n.Value}, tfRule)
}

// TFFunctions lists the functions that [LowerTF] knows, sorted, without "tf.".
func TFFunctions() []string { return slices.Sorted(maps.Keys(tfFunctions)) }

// ToTF names the TensorFlow function that a class of keras.ops is in files of
// Keras 2, and its parameters in order, each as its name there and as here. ok is
// false where there is none.
func ToTF(class string) (function string, params [][2]string, ok bool) {
	for _, name := range TFFunctions() {
		if tfFunctions[name].class == class && (function == "" || len(name) < len(function)) {
			function = name
		}
	}
	for _, p := range strings.Fields(tfFunctions[function].params) {
		there, here, renamed := strings.Cut(p, "=")
		if !renamed {
			here = there
		}
		params = append(params, [2]string{there, here})
	}
	return function, params, function != ""
}
