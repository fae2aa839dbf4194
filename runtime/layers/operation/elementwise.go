package operation

import (
	"math"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// elementwiseOps are the operations of numpy, math and core on single elements.
var elementwiseOps = map[string]row{
	"Add":         {"x1 x2", binary(graph.Add)},
	"Subtract":    {"x1 x2", binary(graph.Sub)},
	"Multiply":    {"x1 x2", binary(graph.Mul)},
	"Divide":      {"x1 x2", divide},
	"TrueDivide":  {"x1 x2", divide},
	"FloorDivide": {"x1 x2", binary(graph.FloorDiv)},
	"Mod":         {"x1 x2", binary(graph.Mod)},
	"Power":       {"x1 x2", binary(graph.Pow)},
	"Maximum":     {"x1 x2", binary(graph.Maximum)},
	"Minimum":     {"x1 x2", binary(graph.Minimum)},
	"Arctan2":     {"x1 x2", binary(graph.Atan2)},

	"Equal":        {"x1 x2", binary(graph.Equal)},
	"NotEqual":     {"x1 x2", binary(graph.NotEqual)},
	"Less":         {"x1 x2", binary(graph.Less)},
	"LessEqual":    {"x1 x2", binary(graph.LessEqual)},
	"Greater":      {"x1 x2", binary(graph.Greater)},
	"GreaterEqual": {"x1 x2", binary(graph.GreaterEqual)},
	"LogicalAnd":   {"x1 x2", logical(graph.LogicalAnd)},
	"LogicalOr":    {"x1 x2", logical(graph.LogicalOr)},
	"LogicalXor":   {"x1 x2", logical(graph.LogicalXor)},
	"LogicalNot": {"x", func(o *call) []graph.Value {
		return o.one(o.Apply(graph.Unary{Func: graph.LogicalNot}, o.Cast(o.tensor("x"), graph.Bool)))
	}},

	"Negative": {"x", unary(graph.Neg)},
	"Abs":      {"x", absolute},
	"Absolute": {"x", absolute},
	"Fabs":     {"x", unaryFloat(graph.Abs)},
	"Sign":     {"x", unary(graph.Sign)},
	"Square":   {"x", unary(graph.Square)},
	"Sqrt":     {"x", unaryFloat(graph.Sqrt)},
	"Rsqrt":    {"x", unaryFloat(graph.Rsqrt)},
	"Exp":      {"x", unaryFloat(graph.Exp)},
	"Expm1":    {"x", unaryFloat(graph.Expm1)},
	"Log":      {"x", unaryFloat(graph.Log)},
	"Log1p":    {"x", unaryFloat(graph.Log1p)},
	"Log2":     {"x", unaryFloat(graph.Log2)},
	"Log10":    {"x", unaryFloat(graph.Log10)},
	"Sin":      {"x", unaryFloat(graph.Sin)},
	"Cos":      {"x", unaryFloat(graph.Cos)},
	"Tan":      {"x", unaryFloat(graph.Tan)},
	"Arcsin":   {"x", unaryFloat(graph.Asin)},
	"Arccos":   {"x", unaryFloat(graph.Acos)},
	"Arctan":   {"x", unaryFloat(graph.Atan)},
	"Sinh":     {"x", unaryFloat(graph.Sinh)},
	"Cosh":     {"x", unaryFloat(graph.Cosh)},
	"Arcsinh":  {"x", unaryFloat(graph.Asinh)},
	"Arccosh":  {"x", unaryFloat(graph.Acosh)},
	"Arctanh":  {"x", unaryFloat(graph.Atanh)},
	"Erf":      {"x", unaryFloat(graph.Erf)},
	"Floor":    {"x", unaryFloat(graph.Floor)},
	"Ceil":     {"x", unaryFloat(graph.Ceil)},
	"Round": {"x", func(o *call) []graph.Value {
		if n := o.int("decimals", 0); n != 0 {
			o.Failf("%w: argument \"decimals\" is %d", keras.ErrUnsupported, n)
		}
		return unaryFloat(graph.Round)(o)
	}},
	"Isnan":    {"x", unaryFloat(graph.IsNaN)},
	"Isinf":    {"x", unaryFloat(graph.IsInf)},
	"Isfinite": {"x", unaryFloat(graph.IsFinite)},
	"Reciprocal": {"x", func(o *call) []graph.Value {
		return o.one(o.Apply(graph.Unary{Func: graph.Reciprocal}, o.float32ed(o.tensor("x"))))
	}},

	"Clip": {"x x_min x_max", func(o *call) []graph.Value {
		x := o.notBool(o.tensor("x"))
		lo, hi := o.float("x_min", math.Inf(-1)), o.float("x_max", math.Inf(1))
		return o.one(o.Apply(graph.Activation{Func: graph.Clip, A: lo, B: hi}, x))
	}},
	"Where": {"condition x1 x2", func(o *call) []graph.Value {
		c := o.Cast(o.tensor("condition"), graph.Bool)
		v := o.operands("x1", "x2")
		return o.one(o.Apply(graph.Where{}, c, v[0], v[1]))
	}},
	"Cast": {"x dtype", func(o *call) []graph.Value {
		d, _ := o.dtypeArg("dtype")
		return o.one(o.Cast(o.tensor("x"), d))
	}},
	"SaturateCast": {"x dtype", saturateCast},
	"ZerosLike":    {"x dtype", like(0)},
	"OnesLike":     {"x dtype", like(1)},

	"StopGradient":    {"variable", identity("variable")},
	"Copy":            {"x", identity("x")},
	"ConvertToTensor": {"x dtype", convert},
	"Array":           {"x dtype", convert},
}

// one returns v as the only result.
func (o *call) one(v graph.Value) []graph.Value { return []graph.Value{v} }

// bin applies a function of two operands of one type.
func (o *call) bin(f graph.BinaryFunc, a, b graph.Value) graph.Value {
	return o.Apply(graph.Binary{Func: f}, a, b)
}

func binary(f graph.BinaryFunc) func(*call) []graph.Value {
	return func(o *call) []graph.Value {
		v := o.operands("x1", "x2")
		if f == graph.Mod {
			v[0], v[1] = o.notBool(v[0]), o.notBool(v[1])
		}
		return o.one(o.bin(f, v[0], v[1]))
	}
}

// divide is true division: integers become floating, float32 in Keras, what
// tf.truediv makes of them in TensorFlow.
func divide(o *call) []graph.Value {
	v := o.operands("x1", "x2")
	for i := range v {
		if wide := v[i].DType == graph.Int32 || v[i].DType == graph.Int64; o.rule == tfRule && wide {
			v[i] = o.Cast(v[i], graph.Float64)
		}
		v[i] = o.float32ed(v[i])
	}
	return o.one(o.bin(graph.Div, v[0], v[1]))
}

func logical(f graph.BinaryFunc) func(*call) []graph.Value {
	return func(o *call) []graph.Value {
		a, b := o.Cast(o.tensor("x1"), graph.Bool), o.Cast(o.tensor("x2"), graph.Bool)
		return o.one(o.bin(f, a, b))
	}
}

// float32ed returns v as float32 when it is an integer or Bool.
func (o *call) float32ed(v graph.Value) graph.Value {
	if v.DType.Floating() {
		return v
	}
	return o.Cast(v, graph.Float32)
}

// notBool returns v as int32 when it is Bool.
func (o *call) notBool(v graph.Value) graph.Value {
	if v.DType != graph.Bool {
		return v
	}
	return o.Cast(v, graph.Int32)
}

func unary(f graph.UnaryFunc) func(*call) []graph.Value {
	return func(o *call) []graph.Value {
		return o.one(o.Apply(graph.Unary{Func: f}, o.notBool(o.tensor("x"))))
	}
}

// unaryFloat makes integers float32 first, as Keras does.
func unaryFloat(f graph.UnaryFunc) func(*call) []graph.Value {
	return func(o *call) []graph.Value {
		return o.one(o.Apply(graph.Unary{Func: f}, o.float32ed(o.tensor("x"))))
	}
}

func absolute(o *call) []graph.Value {
	x := o.tensor("x")
	switch x.DType {
	case graph.Bool, graph.Uint8, graph.Uint16, graph.Uint32, graph.Uint64:
		return o.one(x)
	}
	return o.one(o.Apply(graph.Unary{Func: graph.Abs}, x))
}

func saturateCast(o *call) []graph.Value {
	x := o.tensor("x")
	d, _ := o.dtypeArg("dtype")
	if x.DType.Floating() && d.Integer() {
		// Keras clips and truncates; the op's saturation would round.
		lo, hi, ok := integerRange(d)
		if !ok {
			o.Failf("%w: saturating cast to %v", keras.ErrUnsupported, d)
			return nil
		}
		x = o.Apply(graph.Activation{Func: graph.Clip, A: lo, B: hi}, x)
	} else if x.DType != d && d.Integer() {
		o.Failf("%w: saturating cast of %v to %v", keras.ErrUnsupported, x.DType, d)
		return nil
	}
	return o.one(o.Cast(x, d))
}

// integerRange returns the limits of an integer type that float32 holds exactly.
func integerRange(d graph.DType) (lo, hi float64, ok bool) {
	switch d {
	case graph.Uint8:
		return 0, math.MaxUint8, true
	case graph.Int8:
		return math.MinInt8, math.MaxInt8, true
	case graph.Uint16:
		return 0, math.MaxUint16, true
	case graph.Int16:
		return math.MinInt16, math.MaxInt16, true
	}
	return 0, 0, false
}

// like makes a tensor of x's shape that is c everywhere, also where x is NaN.
func like(c float64) func(*call) []graph.Value {
	return func(o *call) []graph.Value {
		x := o.tensor("x")
		d, ok := o.dtypeArg("dtype")
		if !ok {
			d = x.DType
		}
		if x.DType == graph.String || d == graph.String {
			o.Failf("%w: operand is %v", graph.ErrDType, graph.String)
			return nil
		}
		same := o.bin(graph.Equal, x, x) // for its shape alone
		k := o.Scalar(d, c)
		return o.one(o.Apply(graph.Where{}, same, k, k))
	}
}

func identity(name string) func(*call) []graph.Value {
	return func(o *call) []graph.Value { return o.one(o.tensor(name)) }
}

func convert(o *call) []graph.Value {
	x := o.tensor("x")
	if d, ok := o.dtypeArg("dtype"); ok {
		x = o.Cast(x, d)
	}
	return o.one(x)
}
