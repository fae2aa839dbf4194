package graph

import (
	"fmt"
	"slices"
)

// ActivationFunc names an activation of one variable.
type ActivationFunc string

// The activations. x is the operand, A, B and C the parameters of [Activation].
// Sources: https://keras.io/api/layers/activations/ and the Keras version named.
const (
	ReLU          ActivationFunc = "relu"         // x > C: min(x, B); else A·(x - C). Max value B is +Inf for none
	ELU           ActivationFunc = "elu"          // x > 0: x; else A·(exp(x) - 1)
	SELU          ActivationFunc = "selu"         // 1.05070098·elu with alpha 1.67326324
	CELU          ActivationFunc = "celu"         // max(x, 0) + min(0, A·(exp(x/A) - 1))
	Sigmoid       ActivationFunc = "sigmoid"      // 1 / (1 + exp(-x))
	HardSigmoid   ActivationFunc = "hard_sigmoid" // clip(A·x + B, 0, 1): Keras 3 has A = 1/6, Keras 1 and 2 A = 0.2; B = 0.5
	SiLU          ActivationFunc = "silu"         // x·sigmoid(x), also called swish
	HardSiLU      ActivationFunc = "hard_silu"    // x·clip(x/6 + 0.5, 0, 1)
	GELU          ActivationFunc = "gelu"         // x/2·(1 + erf(x/√2))
	GELUTanh      ActivationFunc = "gelu_tanh"    // x/2·(1 + tanh(√(2/π)·(x + 0.044715 x³)))
	Tanh          ActivationFunc = "tanh"
	HardTanh      ActivationFunc = "hard_tanh"      // clip(x, -1, 1)
	TanhShrink    ActivationFunc = "tanh_shrink"    // x - tanh(x)
	HardShrink    ActivationFunc = "hard_shrink"    // |x| > A: x; else 0
	SoftShrink    ActivationFunc = "soft_shrink"    // sign(x)·max(|x| - A, 0)
	Softplus      ActivationFunc = "softplus"       // log(1 + exp(x))
	Softsign      ActivationFunc = "softsign"       // x / (1 + |x|)
	LogSigmoid    ActivationFunc = "log_sigmoid"    // -softplus(-x)
	Mish          ActivationFunc = "mish"           // x·tanh(softplus(x))
	Squareplus    ActivationFunc = "squareplus"     // (x + √(x² + A)) / 2
	SparsePlus    ActivationFunc = "sparse_plus"    // x <= -1: 0; x < 1: (x+1)²/4; else x
	SparseSigmoid ActivationFunc = "sparse_sigmoid" // clip((x+1)/2, 0, 1)
	Threshold     ActivationFunc = "threshold"      // x > A: x; else B
	Clip          ActivationFunc = "clip"           // min(max(x, A), B)
	Exponential   ActivationFunc = "exponential"    // exp(x)
)

// ActivationFuncs lists every ActivationFunc.
var ActivationFuncs = []ActivationFunc{
	ReLU, ELU, SELU, CELU, Sigmoid, HardSigmoid, SiLU, HardSiLU, GELU, GELUTanh, Tanh, HardTanh, TanhShrink, HardShrink,
	SoftShrink, Softplus, Softsign, LogSigmoid, Mish, Squareplus, SparsePlus, SparseSigmoid, Threshold, Clip, Exponential,
}

// Activation applies an activation to every element.
type Activation struct {
	Func    ActivationFunc
	A, B, C float64
}

// Infer implements [Op].
func (a Activation) Infer(in []Type) ([]Type, error) {
	if err := operands(in, 1); err != nil {
		return nil, err
	}
	if !slices.Contains(ActivationFuncs, a.Func) {
		return nil, fmt.Errorf("%w: activation %q", ErrAttr, a.Func)
	}
	if !in[0].DType.Floating() && a.Func != ReLU && a.Func != Clip {
		return nil, fmt.Errorf("%w: %s of %v", ErrDType, a.Func, in[0].DType)
	}
	return one(in[0].DType, in[0].Shape)
}

// UnaryFunc names a mathematical function of one variable.
type UnaryFunc string

// The unary functions.
const (
	Neg        UnaryFunc = "neg"
	Abs        UnaryFunc = "abs"
	Sign       UnaryFunc = "sign"
	Square     UnaryFunc = "square"
	Sqrt       UnaryFunc = "sqrt"
	Rsqrt      UnaryFunc = "rsqrt"
	Reciprocal UnaryFunc = "reciprocal"
	Exp        UnaryFunc = "exp"
	Expm1      UnaryFunc = "expm1"
	Log        UnaryFunc = "log"
	Log1p      UnaryFunc = "log1p"
	Log2       UnaryFunc = "log2"
	Log10      UnaryFunc = "log10"
	Sin        UnaryFunc = "sin"
	Cos        UnaryFunc = "cos"
	Tan        UnaryFunc = "tan"
	Asin       UnaryFunc = "asin"
	Acos       UnaryFunc = "acos"
	Atan       UnaryFunc = "atan"
	Sinh       UnaryFunc = "sinh"
	Cosh       UnaryFunc = "cosh"
	Asinh      UnaryFunc = "asinh"
	Acosh      UnaryFunc = "acosh"
	Atanh      UnaryFunc = "atanh"
	Erf        UnaryFunc = "erf"
	Floor      UnaryFunc = "floor"
	Ceil       UnaryFunc = "ceil"
	Round      UnaryFunc = "round" // to even
	LogicalNot UnaryFunc = "logical_not"
	IsNaN      UnaryFunc = "isnan"
	IsInf      UnaryFunc = "isinf"
	IsFinite   UnaryFunc = "isfinite"
	Float8     UnaryFunc = "float8_e4m3fn" // the nearest float8_e4m3fn, to even; NaN beyond 464
)

// UnaryFuncs lists every UnaryFunc.
var UnaryFuncs = []UnaryFunc{
	Neg, Abs, Sign, Square, Sqrt, Rsqrt, Reciprocal, Exp, Expm1, Log, Log1p, Log2, Log10, Sin, Cos, Tan, Asin, Acos, Atan,
	Sinh, Cosh, Asinh, Acosh, Atanh, Erf, Floor, Ceil, Round, LogicalNot, IsNaN, IsInf, IsFinite, Float8,
}

// Unary applies a function to every element. LogicalNot, IsNaN, IsInf and IsFinite yield Bool.
type Unary struct{ Func UnaryFunc }

// Infer implements [Op].
func (u Unary) Infer(in []Type) ([]Type, error) {
	if err := operands(in, 1); err != nil {
		return nil, err
	}
	d := in[0].DType
	switch u.Func {
	case LogicalNot:
		if d != Bool {
			return nil, fmt.Errorf("%w: logical_not of %v", ErrDType, d)
		}
	case IsNaN, IsInf, IsFinite:
		d = Bool
	case Neg, Abs, Sign, Square:
		if d == Bool || d == String {
			return nil, fmt.Errorf("%w: %s of %v", ErrDType, u.Func, d)
		}
	default:
		if !slices.Contains(UnaryFuncs, u.Func) {
			return nil, fmt.Errorf("%w: function %q", ErrAttr, u.Func)
		}
		if !d.Floating() {
			return nil, fmt.Errorf("%w: %s of %v", ErrDType, u.Func, d)
		}
	}
	return one(d, in[0].Shape)
}

// BinaryFunc names a function of two variables.
type BinaryFunc string

// The binary functions. Comparisons and logic yield Bool.
const (
	Add          BinaryFunc = "add"
	Sub          BinaryFunc = "sub"
	Mul          BinaryFunc = "mul"
	Div          BinaryFunc = "div" // floating types
	FloorDiv     BinaryFunc = "floor_div"
	Mod          BinaryFunc = "mod" // sign of the divisor, as Python's %
	Pow          BinaryFunc = "pow"
	Maximum      BinaryFunc = "maximum" // NaN if either is NaN
	Minimum      BinaryFunc = "minimum"
	Atan2        BinaryFunc = "atan2"
	Equal        BinaryFunc = "equal"
	NotEqual     BinaryFunc = "not_equal"
	Less         BinaryFunc = "less"
	LessEqual    BinaryFunc = "less_equal"
	Greater      BinaryFunc = "greater"
	GreaterEqual BinaryFunc = "greater_equal"
	LogicalAnd   BinaryFunc = "logical_and"
	LogicalOr    BinaryFunc = "logical_or"
	LogicalXor   BinaryFunc = "logical_xor"
)

// BinaryFuncs lists every BinaryFunc.
var BinaryFuncs = []BinaryFunc{
	Add, Sub, Mul, Div, FloorDiv, Mod, Pow, Maximum, Minimum, Atan2, Equal, NotEqual, Less, LessEqual, Greater,
	GreaterEqual, LogicalAnd, LogicalOr, LogicalXor,
}

// Binary applies a function to two operands of one dtype, which broadcast by NumPy's rule.
type Binary struct{ Func BinaryFunc }

// Infer implements [Op].
func (b Binary) Infer(in []Type) ([]Type, error) {
	if err := operands(in, 2); err != nil {
		return nil, err
	}
	if err := sameDType(in); err != nil {
		return nil, err
	}
	s, err := Broadcast(in[0].Shape, in[1].Shape)
	if err != nil {
		return nil, err
	}
	d := in[0].DType
	switch b.Func {
	case Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual:
		return one(Bool, s)
	case LogicalAnd, LogicalOr, LogicalXor:
		if d != Bool {
			return nil, fmt.Errorf("%w: %s of %v", ErrDType, b.Func, d)
		}
		return one(d, s)
	case Div, Atan2:
		if !d.Floating() {
			return nil, fmt.Errorf("%w: %s of %v", ErrDType, b.Func, d)
		}
	default:
		if !slices.Contains(BinaryFuncs, b.Func) {
			return nil, fmt.Errorf("%w: function %q", ErrAttr, b.Func)
		}
		if d == Bool || d == String {
			return nil, fmt.Errorf("%w: %s of %v", ErrDType, b.Func, d)
		}
	}
	return one(d, s)
}

// AddBias adds a vector along the last axis.
//
//	x       (..., c)
//	bias    (c)
//	result  (..., c)
type AddBias struct{}

// Infer implements [Op].
func (AddBias) Infer(in []Type) ([]Type, error) {
	if err := operands(in, 2); err != nil {
		return nil, err
	}
	if err := floating(in); err != nil {
		return nil, err
	}
	x, b := in[0].Shape, in[1].Shape
	if len(x) == 0 || len(b) != 1 || !sameDim(x[len(x)-1], b[0]) {
		return nil, fmt.Errorf("%w: bias %v on %v", ErrShape, b, x)
	}
	return one(in[0].DType, x)
}

// PReLU is max(x, 0) + alpha·min(x, 0), where alpha broadcasts to x.
type PReLU struct{}

// Infer implements [Op].
func (PReLU) Infer(in []Type) ([]Type, error) {
	if err := operands(in, 2); err != nil {
		return nil, err
	}
	if err := floating(in); err != nil {
		return nil, err
	}
	s, err := Broadcast(in[0].Shape, in[1].Shape)
	if err != nil {
		return nil, err
	}
	if len(s) != len(in[0].Shape) {
		return nil, fmt.Errorf("%w: alpha %v on %v", ErrShape, in[1].Shape, in[0].Shape)
	}
	return one(in[0].DType, in[0].Shape)
}

// Where selects a where cond is true and b elsewhere; all three broadcast.
//
//	operands  cond (Bool), a, b
type Where struct{}

// Infer implements [Op].
func (Where) Infer(in []Type) ([]Type, error) {
	if err := operands(in, 3); err != nil {
		return nil, err
	}
	if in[0].DType != Bool {
		return nil, fmt.Errorf("%w: condition is %v", ErrDType, in[0].DType)
	}
	if err := sameDType(in[1:]); err != nil {
		return nil, err
	}
	s, err := Broadcast(in[1].Shape, in[2].Shape)
	if err != nil {
		return nil, err
	}
	if s, err = Broadcast(in[0].Shape, s); err != nil {
		return nil, err
	}
	return one(in[1].DType, s)
}

// Cast converts elements: to floating types by rounding to nearest even, to
// integers by truncation towards zero, to Bool by comparison with zero. With
// Saturate, values are first rounded to nearest even and clipped to the range
// of an integer type (TensorFlow's saturate_cast after a resize).
type Cast struct {
	To       DType
	Saturate bool
}

// Infer implements [Op].
func (c Cast) Infer(in []Type) ([]Type, error) {
	if err := operands(in, 1); err != nil {
		return nil, err
	}
	if (in[0].DType == String) != (c.To == String) || c.To >= numDTypes {
		return nil, fmt.Errorf("%w: %v to %v", ErrDType, in[0].DType, c.To)
	}
	return one(c.To, in[0].Shape)
}

// Softmax is exp(x - max)/sum over Axes, or its logarithm.
type Softmax struct {
	Axes []int // negative ones count from the end
	Log  bool
}

// Infer implements [Op].
func (s Softmax) Infer(in []Type) ([]Type, error) {
	if err := operands(in, 1); err != nil {
		return nil, err
	}
	if err := floating(in); err != nil {
		return nil, err
	}
	if _, err := Axes(s.Axes, len(in[0].Shape)); err != nil {
		return nil, err
	}
	return one(in[0].DType, in[0].Shape)
}

// Sparsemax is Keras's sparsemax over the last axis, with the arithmetic of
// Keras 3, which differs from the published definition (Martins and Astudillo,
// 2016): it sums cumulative sums.
type Sparsemax struct{}

// Infer implements [Op].
func (Sparsemax) Infer(in []Type) ([]Type, error) {
	if err := operands(in, 1); err != nil {
		return nil, err
	}
	if err := floating(in); err != nil {
		return nil, err
	}
	if len(in[0].Shape) == 0 {
		return nil, fmt.Errorf("%w: sparsemax of a scalar", ErrShape)
	}
	return one(in[0].DType, in[0].Shape)
}
