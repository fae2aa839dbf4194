package onnx

import (
	"math"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// activation applies a to x of type d.
func (e *emitter) activation(a graph.Activation, x string, d graph.DType) string {
	s := func(v float64) string { return e.scalar(d, v) }
	switch a.Func {
	case graph.ReLU:
		return e.relu(a, x, d)
	case graph.ELU:
		return e.apply("Elu", list(x), with("alpha", a.A))
	case graph.SELU:
		return e.apply("Selu", list(x), with("alpha", 1.67326324235437728481), with("gamma", 1.0507009873554804934))
	case graph.CELU:
		return e.bin("Mul", e.apply("Elu", list(e.bin("Div", x, s(a.A))), with("alpha", 1.0)), s(a.A))
	case graph.Sigmoid:
		return e.un("Sigmoid", x)
	case graph.HardSigmoid:
		return e.apply("HardSigmoid", list(x), with("alpha", a.A), with("beta", a.B))
	case graph.SiLU:
		return e.bin("Mul", x, e.un("Sigmoid", x))
	case graph.HardSiLU:
		return e.un("HardSwish", x)
	case graph.GELU:
		phi := e.bin("Add", e.un("Erf", e.bin("Div", x, s(math.Sqrt2))), s(1))
		return e.bin("Mul", e.bin("Mul", x, phi), s(0.5))
	case graph.GELUTanh:
		cubic := e.bin("Mul", e.bin("Mul", e.bin("Mul", x, x), x), s(0.044715))
		phi := e.bin("Add", e.un("Tanh", e.bin("Mul", e.bin("Add", x, cubic), s(math.Sqrt(2/math.Pi)))), s(1))
		return e.bin("Mul", e.bin("Mul", x, phi), s(0.5))
	case graph.Tanh:
		return e.un("Tanh", x)
	case graph.HardTanh:
		return e.clip(x, -1, 1, d)
	case graph.TanhShrink:
		return e.bin("Sub", x, e.un("Tanh", x))
	case graph.HardShrink:
		return e.apply("Where", list(e.bin("Greater", e.un("Abs", x), s(a.A)), x, s(0)))
	case graph.SoftShrink:
		return e.apply("Shrink", list(x), with("lambd", a.A), with("bias", a.A))
	case graph.Softplus:
		return e.un("Softplus", x)
	case graph.Softsign:
		return e.un("Softsign", x)
	case graph.LogSigmoid:
		return e.un("Neg", e.un("Softplus", e.un("Neg", x)))
	case graph.Mish:
		return e.bin("Mul", x, e.un("Tanh", e.un("Softplus", x)))
	case graph.Squareplus:
		root := e.un("Sqrt", e.bin("Add", e.bin("Mul", x, x), s(a.A)))
		return e.bin("Mul", e.bin("Add", x, root), s(0.5))
	case graph.SparsePlus:
		up := e.bin("Add", x, s(1))
		middle := e.bin("Mul", e.bin("Mul", up, up), s(0.25))
		above := e.apply("Where", list(e.bin("Less", x, s(1)), middle, x))
		return e.apply("Where", list(e.bin("LessOrEqual", x, s(-1)), s(0), above))
	case graph.SparseSigmoid:
		return e.clip(e.bin("Mul", e.bin("Add", x, s(1)), s(0.5)), 0, 1, d)
	case graph.Threshold:
		return e.apply("Where", list(e.bin("Greater", x, s(a.A)), x, s(a.B)))
	case graph.Clip:
		return e.clip(x, a.A, a.B, d)
	case graph.Exponential:
		return e.un("Exp", x)
	}
	return x // the identity
}

func (e *emitter) clip(x string, lo, hi float64, d graph.DType) string {
	bound := func(v float64) string {
		if r, ok := intRanges[d]; ok {
			v = min(max(v, r[0]), r[1])
			if d == graph.Int64 && v == r[1] { // 2^63 is no int64
				t := graph.NewTensor(d, graph.Shape{})
				t.Data.([]int64)[0] = math.MaxInt64
				return e.tensor(t)
			}
		}
		return e.scalar(d, v)
	}
	return e.apply("Clip", list(x, bound(lo), bound(hi)))
}

func (e *emitter) relu(a graph.Activation, x string, d graph.DType) string {
	bounded := !math.IsInf(a.B, 1)
	switch {
	case a.C == 0 && !bounded && a.A == 0:
		if !d.Floating() {
			return e.bin("Max", x, e.scalar(d, 0))
		}
		return e.un("Relu", x)
	case a.C == 0 && !bounded && d.Floating():
		return e.apply("LeakyRelu", list(x), with("alpha", a.A))
	case a.C == 0 && a.A == 0:
		return e.clip(x, 0, a.B, d)
	}
	above := x
	if bounded {
		above = e.clip(x, 0, a.B, d)
	}
	below := e.scalar(d, 0)
	if a.A != 0 {
		below = e.bin("Mul", e.bin("Sub", x, e.scalar(d, a.C)), e.scalar(d, a.A))
	}
	return e.apply("Where", list(e.bin("Greater", x, e.scalar(d, a.C)), above, below))
}

// sameName are the functions that ONNX calls so.
var sameName = map[graph.UnaryFunc]string{
	graph.Neg: "Neg", graph.Abs: "Abs", graph.Sign: "Sign", graph.Sqrt: "Sqrt", graph.Reciprocal: "Reciprocal", graph.Exp: "Exp", graph.Log: "Log",
	graph.Sin: "Sin", graph.Cos: "Cos", graph.Tan: "Tan", graph.Asin: "Asin", graph.Acos: "Acos", graph.Atan: "Atan",
	graph.Sinh: "Sinh", graph.Cosh: "Cosh", graph.Asinh: "Asinh", graph.Acosh: "Acosh", graph.Atanh: "Atanh", graph.Erf: "Erf",
	graph.Floor: "Floor", graph.Ceil: "Ceil", graph.Round: "Round", graph.LogicalNot: "Not",
}

// unary applies f to x of type d, or refuses it and returns "".
func (e *emitter) unary(n *graph.Node, f graph.UnaryFunc, x string, d graph.DType) string {
	if op := sameName[f]; op != "" {
		return e.un(op, x)
	}
	float := func() (string, graph.DType) { // of a type that has NaN
		if d.Floating() {
			return x, d
		}
		return e.cast(x, d, graph.Float32), graph.Float32
	}
	switch f {
	case graph.Square:
		return e.bin("Mul", x, x)
	case graph.Rsqrt:
		return e.un("Reciprocal", e.un("Sqrt", x))
	case graph.Expm1: // (exp(x) + 1)·tanh(x/2), exact near 0
		return e.bin("Mul", e.bin("Add", e.un("Exp", x), e.scalar(d, 1)), e.un("Tanh", e.bin("Mul", x, e.scalar(d, 0.5))))
	case graph.Log1p:
		return e.un("Log", e.bin("Add", x, e.scalar(d, 1)))
	case graph.Log2:
		return e.bin("Div", e.un("Log", x), e.scalar(d, math.Ln2))
	case graph.Log10:
		return e.bin("Div", e.un("Log", x), e.scalar(d, math.Ln10))
	case graph.IsNaN:
		x, _ := float()
		return e.un("IsNaN", x)
	case graph.IsInf, graph.IsFinite:
		x, d := float()
		op := "Equal"
		if f == graph.IsFinite {
			op = "Less"
		}
		return e.bin(op, e.un("Abs", x), e.scalar(d, math.Inf(1)))
	case graph.Float8:
		if e.opset < 19 {
			e.refuse(n, "float8 came with operator set 19")
			return ""
		}
		small := e.apply("Cast", list(x), with("to", 17), with("saturate", 0))
		return e.apply("Cast", list(small), with("to", elemTypes[d]))
	}
	e.refuse(n, "function %q", f)
	return ""
}

var binaryNames = map[graph.BinaryFunc]string{
	graph.Add: "Add", graph.Sub: "Sub", graph.Mul: "Mul", graph.Div: "Div", graph.Pow: "Pow", graph.Maximum: "Max", graph.Minimum: "Min",
	graph.Equal: "Equal", graph.Less: "Less", graph.LessEqual: "LessOrEqual", graph.Greater: "Greater", graph.GreaterEqual: "GreaterOrEqual",
	graph.LogicalAnd: "And", graph.LogicalOr: "Or", graph.LogicalXor: "Xor",
}

// binary applies f to operands of type d.
func (e *emitter) binary(f graph.BinaryFunc, x, y string, d graph.DType) string {
	if op := binaryNames[f]; op != "" {
		return e.bin(op, x, y)
	}
	zero := func() string { return e.scalar(d, 0) }
	switch f {
	case graph.NotEqual:
		return e.un("Not", e.bin("Equal", x, y))
	case graph.FloorDiv:
		if d.Floating() {
			return e.un("Floor", e.bin("Div", x, y))
		}
		return e.bin("Div", e.bin("Sub", x, e.bin("Mod", x, y)), y)
	case graph.Mod:
		if !d.Floating() {
			return e.bin("Mod", x, y)
		}
		m := e.apply("Mod", list(x, y), with("fmod", 1)) // of the sign of x
		other := e.bin("Xor", e.bin("Less", m, zero()), e.bin("Less", y, zero()))
		wrong := e.bin("And", e.un("Not", e.bin("Equal", m, zero())), other)
		return e.apply("Where", list(wrong, e.bin("Add", m, y), m))
	}
	// Atan2: by the quadrant.
	angle := e.un("Atan", e.bin("Div", x, y))
	half := e.apply("Where", list(e.bin("Less", x, zero()), e.scalar(d, -math.Pi), e.scalar(d, math.Pi)))
	turned := e.apply("Where", list(e.bin("Less", y, zero()), e.bin("Add", angle, half), angle))
	origin := e.bin("And", e.bin("Equal", x, zero()), e.bin("Equal", y, zero()))
	return e.apply("Where", list(origin, zero(), turned))
}
