package operation

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// A tfOpRow says which function of TensorFlow an op of its graphs stems from.
// inputs names the op's operands in order; "values..." takes all that are not
// named after it, as one list. attrs lists attributes as name or name=parameter.
type tfOpRow struct{ function, inputs, attrs string }

// Rows that several ops share.
var (
	batchMatMul = tfOpRow{"matmul", "a b", "adj_x=transpose_a adj_y=transpose_b"}
	toEnd       = tfOpRow{"concat", "values... axis", ""}
)

func reduces(function string) tfOpRow {
	return tfOpRow{"math." + function, "input_tensor axis", "keep_dims=keepdims"}
}

// tfOps are the ops of the graphs that tf.keras of TensorFlow 1.13 to 2.3 cut
// into TensorFlowOpLayer layers when TensorFlow was called on its tensors. Names
// and attributes are those of https://www.tensorflow.org/api_docs/python/tf/raw_ops.
var tfOps = map[string]tfOpRow{
	"Add": {"math.add", "x y", ""}, "AddV2": {"math.add", "x y", ""}, "BiasAdd": {"nn.bias_add", "value bias", "data_format"},
	"Sub": {"math.subtract", "x y", ""}, "Mul": {"math.multiply", "x y", ""}, "RealDiv": {"math.divide", "x y", ""},
	"FloorDiv": {"math.floordiv", "x y", ""}, "FloorMod": {"math.floormod", "x y", ""}, "Pow": {"math.pow", "x y", ""},
	"Maximum": {"math.maximum", "x y", ""}, "Minimum": {"math.minimum", "x y", ""},
	"Equal": {"math.equal", "x y", "incompatible_shape_error"}, "NotEqual": {"math.not_equal", "x y", "incompatible_shape_error"},
	"Less": {"math.less", "x y", ""}, "LessEqual": {"math.less_equal", "x y", ""},
	"Greater": {"math.greater", "x y", ""}, "GreaterEqual": {"math.greater_equal", "x y", ""},
	"LogicalAnd": {"math.logical_and", "x y", ""}, "LogicalOr": {"math.logical_or", "x y", ""}, "LogicalNot": {"math.logical_not", "x", ""},

	"Neg": {"math.negative", "x", ""}, "Abs": {"math.abs", "x", ""}, "Sign": {"math.sign", "x", ""}, "Square": {"math.square", "x", ""},
	"Sqrt": {"math.sqrt", "x", ""}, "Rsqrt": {"math.rsqrt", "x", ""}, "Reciprocal": {"math.reciprocal", "x", ""},
	"Exp": {"math.exp", "x", ""}, "Expm1": {"math.expm1", "x", ""}, "Log": {"math.log", "x", ""}, "Log1p": {"math.log1p", "x", ""},
	"Sin": {"math.sin", "x", ""}, "Cos": {"math.cos", "x", ""}, "Tan": {"math.tan", "x", ""}, "Erf": {"math.erf", "x", ""},
	"Floor": {"math.floor", "x", ""}, "Ceil": {"math.ceil", "x", ""}, "Round": {"math.round", "x", ""},
	"Identity": {"identity", "input", ""}, "StopGradient": {"stop_gradient", "input", ""}, "Cast": {"cast", "x", "DstT=dtype Truncate"},
	"ZerosLike": {"zeros_like", "input", ""}, "OnesLike": {"ones_like", "input", ""},
	"ClipByValue": {"clip_by_value", "t clip_value_min clip_value_max", ""}, "SelectV2": {"where", "condition x y", ""},

	"Sigmoid": {"math.sigmoid", "x", ""}, "Tanh": {"math.tanh", "x", ""}, "Relu": {"nn.relu", "features", ""},
	"Relu6": {"nn.relu6", "features", ""}, "LeakyRelu": {"nn.leaky_relu", "features", "alpha"}, "Elu": {"nn.elu", "features", ""},
	"Selu": {"nn.selu", "features", ""}, "Softplus": {"nn.softplus", "features", ""}, "Softsign": {"nn.softsign", "features", ""},
	"Softmax": {"nn.softmax", "logits", ""}, "LogSoftmax": {"nn.log_softmax", "logits", ""},

	"Sum": reduces("reduce_sum"), "Mean": reduces("reduce_mean"), "Max": reduces("reduce_max"), "Min": reduces("reduce_min"),
	"Prod": reduces("reduce_prod"), "All": reduces("reduce_all"), "Any": reduces("reduce_any"),
	"MatMul": {"matmul", "a b", "transpose_a transpose_b"}, "BatchMatMul": batchMatMul, "BatchMatMulV2": batchMatMul, "BatchMatMulV3": batchMatMul,

	"Reshape": {"reshape", "tensor shape", ""}, "Transpose": {"transpose", "a perm", ""}, "ExpandDims": {"expand_dims", "input axis", ""},
	"Squeeze": {"squeeze", "input", "squeeze_dims=axis"}, "ConcatV2": toEnd, "Pack": {"stack", "values...", "axis"},
	"Unpack": {"unstack", "value", "num axis"}, "Tile": {"tile", "input multiples", ""}, "ReverseV2": {"reverse", "tensor axis", ""},
	"GatherV2": {"gather", "params indices axis", "batch_dims"}, "BroadcastTo": {"broadcast_to", "input shape", ""},
	"Pad": {"pad", "tensor paddings", ""}, "PadV2": {"pad", "tensor paddings constant_values", ""},
}

// unimportantAttrs are attributes that say nothing beyond the operands' types,
// or have the only value that this package knows.
var unimportantAttrs = map[string]string{
	"incompatible_shape_error": "true", "Truncate": "false", "batch_dims": "0", "data_format": "NHWC",
}

// LowerTFOp writes a TensorFlowOpLayer, whose config holds an op of a TensorFlow
// graph and those of its operands that are constants. It fails as [LowerTF] does.
func LowerTFOp(b *graph.Builder, n Node) []graph.Value {
	def := n.Config.Get("node_def")
	name, _ := def.Get("op").Str()
	operands, ok := tfOperands(n, def)
	if !ok {
		b.Failf("%w: the constants of TensorFlow op %q do not fit its inputs", keras.ErrFormat, name)
		return nil
	}
	if name == "StridedSlice" {
		return lowerStridedSlice(b, n, def, operands)
	}
	r, known := tfOps[name]
	if !known {
		b.Failf("%w: TensorFlow op %q", keras.ErrUnsupported, name)
		return nil
	}
	var call keras.Call
	inputs := strings.Fields(r.inputs)
	for i, input := range inputs {
		count := 1
		variadic := strings.HasSuffix(input, "...")
		if variadic {
			count = len(operands) - (len(inputs) - 1 - i)
		}
		if count < 1 || count > len(operands) {
			b.Failf("%w: TensorFlow op %q has too few inputs", keras.ErrFormat, name)
			return nil
		}
		arg := operands[0]
		if variadic {
			arg = &keras.Arg{Kind: keras.ArgList, Items: operands[:count]}
		}
		operands = operands[count:]
		call.Kwargs = append(call.Kwargs, keras.NamedArg{Name: strings.TrimSuffix(input, "..."), Arg: arg})
	}
	for _, a := range strings.Fields(r.attrs) {
		from, to, renamed := strings.Cut(a, "=")
		if !renamed {
			to = from
		}
		v := attrValue(def.Get("attr").Get(from))
		if only, idle := unimportantAttrs[from]; idle {
			if text := strings.Trim(v.JSON(), `"`); v != nil && text != only {
				b.Failf("%w: TensorFlow op %q with %s=%s", keras.ErrUnsupported, name, from, text)
				return nil
			}
			continue
		}
		if v != nil && !(v.Kind() == keras.Array && v.Len() == 0) {
			call.Kwargs = append(call.Kwargs, keras.NamedArg{Name: to, Arg: &keras.Arg{Kind: keras.ArgConst, Const: v}})
		}
	}
	config := keras.NewObject().With("function", keras.NewString(r.function))
	return LowerTF(b, Node{Config: config, Call: call, Value: n.Value})
}

// tfOperands returns the op's operands in order: the tensors it is called on,
// with the constants of the config in between.
func tfOperands(n Node, def *keras.Value) ([]*keras.Arg, bool) {
	operands := n.Call.Tensors()
	constants := n.Config.Get("constants")
	var at []int
	for _, k := range constants.Keys() {
		i, err := strconv.Atoi(k)
		if err != nil {
			return nil, false
		}
		at = append(at, i)
	}
	slices.Sort(at)
	for _, i := range at {
		if i < 0 || i > len(operands) {
			return nil, false
		}
		operands = slices.Insert(operands, i, &keras.Arg{Kind: keras.ArgConst, Const: constants.Get(strconv.Itoa(i))})
	}
	inputs := 0 // of the op, without those that only order it
	for _, in := range def.Get("input").Items() {
		if s, _ := in.Str(); !strings.HasPrefix(s, "^") {
			inputs++
		}
	}
	return operands, inputs == len(operands)
}

// attrValue returns what an attribute holds, or nil: {"b": true}, {"i": "3"},
// {"f": 0.2}, {"type": "DT_FLOAT"}, {"list": {"i": ["1", "2"]}}.
func attrValue(a *keras.Value) *keras.Value {
	whole := func(v *keras.Value) *keras.Value {
		if s, ok := v.Str(); ok {
			if i, err := strconv.Atoi(s); err == nil {
				return keras.NewInt(i)
			}
		}
		return v
	}
	switch {
	case a.Has("i"):
		return whole(a.Get("i"))
	case a.Has("list"):
		var items []*keras.Value
		for _, v := range a.Get("list").Get("i").Items() {
			items = append(items, whole(v))
		}
		return keras.NewArray(items...)
	case a.Has("type"):
		s, _ := a.Get("type").Str()
		s = strings.ToLower(strings.TrimPrefix(s, "DT_"))
		if name, ok := map[string]string{"float": "float32", "double": "float64", "half": "float16"}[s]; ok {
			s = name
		}
		return keras.NewString(s)
	case a.Has("s"): // base64 of the only text that matters
		if s, _ := a.Get("s").Str(); s == "TkhXQw==" {
			return keras.NewString("NHWC")
		}
		return a.Get("s")
	case a.Has("b"):
		return a.Get("b")
	case a.Has("f"):
		return a.Get("f")
	}
	return nil
}

// lowerStridedSlice writes x[...] with constant bounds, whose masks say what
// each of them means.
func lowerStridedSlice(b *graph.Builder, n Node, def *keras.Value, operands []*keras.Arg) []graph.Value {
	mask := func(name string) int {
		i, _ := attrValue(def.Get("attr").Get(name)).Int()
		return i
	}
	if len(operands) != 4 || slices.ContainsFunc(operands[1:], func(a *keras.Arg) bool { return a.Kind != keras.ArgConst }) {
		b.Failf("%w: TensorFlow op \"StridedSlice\" with bounds that are no constants", keras.ErrUnsupported)
		return nil
	}
	constant := func(v *keras.Value) *keras.Arg { return &keras.Arg{Kind: keras.ArgConst, Const: v} }
	begin, end, strides := operands[1].Const.Items(), operands[2].Const.Items(), operands[3].Const.Items()
	if len(begin) != len(end) || len(begin) != len(strides) {
		b.Failf("%w: TensorFlow op \"StridedSlice\" with %d, %d and %d bounds", keras.ErrFormat, len(begin), len(end), len(strides))
		return nil
	}
	spec := &keras.Arg{Kind: keras.ArgList}
	for i := range begin {
		bit := 1 << i
		item := &keras.Arg{Kind: keras.ArgSlice, Items: []*keras.Arg{constant(begin[i]), constant(end[i]), constant(strides[i])}}
		switch {
		case mask("ellipsis_mask")&bit != 0:
			item = &keras.Arg{Kind: keras.ArgEllipsis}
		case mask("new_axis_mask")&bit != 0:
			item = constant(keras.NewNull())
		case mask("shrink_axis_mask")&bit != 0:
			item = constant(begin[i])
		default:
			if mask("begin_mask")&bit != 0 {
				item.Items[0] = constant(keras.NewNull())
			}
			if mask("end_mask")&bit != 0 {
				item.Items[1] = constant(keras.NewNull())
			}
		}
		spec.Items = append(spec.Items, item)
	}
	call := keras.Call{Kwargs: []keras.NamedArg{{Name: "tensor", Arg: operands[0]}, {Name: "slice_spec", Arg: spec}}}
	return LowerTF(b, Node{Config: keras.NewObject().With("function", keras.NewString("__operators__.getitem")), Call: call, Value: n.Value})
}

// TFOps lists the ops that [LowerTFOp] knows, sorted.
func TFOps() []string {
	return slices.Sorted(slices.Values(append(slices.Collect(maps.Keys(tfOps)), "StridedSlice")))
}
