package tflite

import (
	"math"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// unary applies an operator that keeps the type.
func (e *emitter) unary(code opcode, x tensor) tensor {
	return e.apply(code, options{}, e.typ(x), x)
}

// optionsOf are the options of operators that have a field for a fused
// activation, without one.
var optionsOf = map[opcode]optionTable{opAdd: addOptions, opSub: subOptions, opMul: mulOptions, opDiv: divOptions}

// binary applies an operator to operands of one type, which broadcast.
func (e *emitter) binary(code opcode, a, b tensor) tensor {
	d := e.typ(a).DType
	return e.binaryTo(code, d, a, b)
}

// compare applies an operator whose result is Bool.
func (e *emitter) compare(code opcode, a, b tensor) tensor {
	return e.binaryTo(code, graph.Bool, a, b)
}

func (e *emitter) binaryTo(code opcode, d graph.DType, a, b tensor) tensor {
	s, err := graph.Broadcast(e.typ(a).Shape, e.typ(b).Shape)
	if err != nil {
		e.refuse("%v", err)
	}
	return e.apply(code, options{table: optionsOf[code]}, graph.Type{DType: d, Shape: s}, a, b)
}

// number returns x as a scalar of the type of like.
func (e *emitter) number(like tensor, x float64) tensor { return e.scalar(e.typ(like).DType, x) }

func (e *emitter) add(a, b tensor) tensor          { return e.binary(opAdd, a, b) }
func (e *emitter) sub(a, b tensor) tensor          { return e.binary(opSub, a, b) }
func (e *emitter) mul(a, b tensor) tensor          { return e.binary(opMul, a, b) }
func (e *emitter) div(a, b tensor) tensor          { return e.binary(opDiv, a, b) }
func (e *emitter) plus(a tensor, x float64) tensor { return e.add(a, e.number(a, x)) }
func (e *emitter) times(a tensor, x float64) tensor {
	return e.mul(a, e.number(a, x))
}
func (e *emitter) atLeast(a tensor, x float64) tensor { return e.binary(opMaximum, a, e.number(a, x)) }
func (e *emitter) atMost(a tensor, x float64) tensor  { return e.binary(opMinimum, a, e.number(a, x)) }
func (e *emitter) clip(a tensor, lo, hi float64) tensor {
	if !math.IsInf(lo, -1) {
		a = e.atLeast(a, lo)
	}
	if !math.IsInf(hi, 1) {
		a = e.atMost(a, hi)
	}
	return a
}

// choose is a where cond holds and b elsewhere.
func (e *emitter) choose(cond, a, b tensor) tensor {
	s, err := graph.Broadcast(e.typ(a).Shape, e.typ(b).Shape)
	if err == nil {
		s, err = graph.Broadcast(e.typ(cond).Shape, s)
	}
	if err != nil {
		e.refuse("%v", err)
	}
	return e.apply(opSelectV2, options{}, graph.Type{DType: e.typ(a).DType, Shape: s}, cond, a, b)
}

// cast converts elements; of the same type, it copies.
func (e *emitter) cast(x tensor, d graph.DType) tensor {
	from := e.typ(x)
	o := options{castOptions, []field{{0, elementTypes[from.DType]}, {1, elementTypes[d]}}}
	return e.apply(opCast, o, graph.Type{DType: d, Shape: from.Shape}, x)
}

// softplus is log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)).
func (e *emitter) softplus(x tensor) tensor {
	small := e.unary(opExp, e.unary(opNeg, e.unary(opAbs, x)))
	return e.add(e.atLeast(x, 0), e.unary(opLog, e.plus(small, 1)))
}

func (e *emitter) activation(a graph.Activation) {
	e.set(e.activate(a, e.in(0)))
}

// activate writes an activation; none is the identity.
func (e *emitter) activate(a graph.Activation, x tensor) tensor {
	switch a.Func {
	case "":
		return x
	case graph.ReLU:
		return e.relu(a, x)
	case graph.ELU:
		if a.A == 1 {
			return e.unary(opElu, x)
		}
		return e.elu(x, 1, a.A)
	case graph.SELU:
		const scale, alpha = 1.05070098, 1.67326324
		return e.elu(x, scale, scale*alpha)
	case graph.CELU:
		negative := e.plus(e.unary(opExp, e.times(e.atMost(x, 0), 1/a.A)), -1)
		return e.add(e.atLeast(x, 0), e.times(negative, a.A))
	case graph.Sigmoid:
		return e.unary(opLogistic, x)
	case graph.HardSigmoid:
		return e.clip(e.plus(e.times(x, a.A), a.B), 0, 1)
	case graph.SiLU:
		return e.mul(x, e.unary(opLogistic, x))
	case graph.HardSiLU:
		return e.unary(opHardSwish, x)
	case graph.GELU, graph.GELUTanh:
		return e.apply(opGelu, options{geluOptions, []field{{0, a.Func == graph.GELUTanh}}}, e.typ(x), x)
	case graph.Tanh:
		return e.unary(opTanh, x)
	case graph.HardTanh:
		return e.clip(x, -1, 1)
	case graph.TanhShrink:
		return e.sub(x, e.unary(opTanh, x))
	case graph.HardShrink:
		return e.choose(e.compare(opGreater, e.unary(opAbs, x), e.number(x, a.A)), x, e.number(x, 0))
	case graph.SoftShrink:
		return e.mul(e.unary(opSign, x), e.atLeast(e.plus(e.unary(opAbs, x), -a.A), 0))
	case graph.Softplus:
		return e.softplus(x)
	case graph.Softsign:
		return e.div(x, e.plus(e.unary(opAbs, x), 1))
	case graph.LogSigmoid:
		return e.unary(opNeg, e.softplus(e.unary(opNeg, x)))
	case graph.Mish:
		return e.mul(x, e.unary(opTanh, e.softplus(x)))
	case graph.Squareplus:
		return e.times(e.add(x, e.unary(opSqrt, e.plus(e.mul(x, x), a.A))), 0.5)
	case graph.SparsePlus:
		middle := e.plus(x, 1)
		middle = e.times(e.mul(middle, middle), 0.25)
		rest := e.choose(e.compare(opLess, x, e.number(x, 1)), middle, x)
		return e.choose(e.compare(opLessEqual, x, e.number(x, -1)), e.number(x, 0), rest)
	case graph.SparseSigmoid:
		return e.clip(e.times(e.plus(x, 1), 0.5), 0, 1)
	case graph.Threshold:
		return e.choose(e.compare(opGreater, x, e.number(x, a.A)), x, e.number(x, a.B))
	case graph.Clip:
		return e.clip(x, a.A, a.B)
	case graph.Exponential:
		return e.unary(opExp, x)
	}
	e.refuse("activation %q", a.Func)
	return x
}

// relu is x > C: min(x, B); else A·(x - C).
func (e *emitter) relu(a graph.Activation, x tensor) tensor {
	if a.A == 0 && a.C == 0 && e.typ(x).DType == graph.Float32 {
		switch {
		case math.IsInf(a.B, 1):
			return e.unary(opRelu, x)
		case a.B == 6:
			return e.unary(opRelu6, x)
		}
	}
	if a.C == 0 && math.IsInf(a.B, 1) && e.typ(x).DType == graph.Float32 {
		return e.apply(opLeakyRelu, options{leakyReluOptions, []field{{0, float32(a.A)}}}, e.typ(x), x)
	}
	above := e.compare(opGreater, x, e.number(x, a.C))
	high := x
	if !math.IsInf(a.B, 1) {
		high = e.atMost(x, a.B)
	}
	low := e.number(x, 0)
	if a.A != 0 {
		low = e.times(e.plus(x, -a.C), a.A)
	}
	return e.choose(above, high, low)
}

// elu is x > 0: positive·x; else negative·(exp(x) - 1).
func (e *emitter) elu(x tensor, positive, negative float64) tensor {
	high := x
	if positive != 1 {
		high = e.times(x, positive)
	}
	low := e.times(e.unary(opElu, e.atMost(x, 0)), negative)
	return e.choose(e.compare(opGreater, x, e.number(x, 0)), high, low)
}

// unaryCodes are the functions that are one operator.
var unaryCodes = map[graph.UnaryFunc]opcode{
	graph.Neg: opNeg, graph.Abs: opAbs, graph.Sign: opSign, graph.Square: opSquare, graph.Sqrt: opSqrt, graph.Rsqrt: opRsqrt,
	graph.Exp: opExp, graph.Log: opLog, graph.Sin: opSin, graph.Cos: opCos, graph.Floor: opFloor, graph.Ceil: opCeil,
	graph.Round: opRound, graph.LogicalNot: opLogicalNot,
}

func (e *emitter) unaryOp(u graph.Unary) {
	x := e.in(0)
	d := e.typ(x).DType
	if code, ok := unaryCodes[u.Func]; ok {
		if d != graph.Float32 && code != opLogicalNot {
			e.set(e.integerUnary(u.Func, x))
			return
		}
		e.set(e.unary(code, x))
		return
	}
	one := func() tensor { return e.number(x, 1) }
	root := func(sign float64) tensor { return e.unary(opSqrt, e.plus(e.mul(x, x), sign)) } // √(x² ± 1)
	rest := func() tensor { return e.unary(opSqrt, e.sub(one(), e.mul(x, x))) }             // √(1 - x²)
	atan2 := func(a, b tensor) tensor { return e.binary(opAtan2, a, b) }
	exp := func() (tensor, tensor) { return e.unary(opExp, x), e.unary(opExp, e.unary(opNeg, x)) }
	switch u.Func {
	case graph.Reciprocal:
		e.set(e.div(one(), x))
	case graph.Expm1:
		e.set(e.plus(e.unary(opExp, x), -1))
	case graph.Log1p:
		e.set(e.unary(opLog, e.plus(x, 1)))
	case graph.Log2:
		e.set(e.times(e.unary(opLog, x), math.Log2E))
	case graph.Log10:
		e.set(e.times(e.unary(opLog, x), math.Log10E))
	case graph.Tan:
		e.set(e.div(e.unary(opSin, x), e.unary(opCos, x)))
	case graph.Asin:
		e.set(atan2(x, rest()))
	case graph.Acos:
		e.set(atan2(rest(), x))
	case graph.Atan:
		e.set(atan2(x, e.filled(x, 1)))
	case graph.Sinh:
		up, down := exp()
		e.set(e.times(e.sub(up, down), 0.5))
	case graph.Cosh:
		up, down := exp()
		e.set(e.times(e.add(up, down), 0.5))
	case graph.Asinh: // odd, and without cancellation for positive x
		a := e.unary(opAbs, x)
		e.set(e.mul(e.unary(opSign, x), e.unary(opLog, e.add(a, root(1)))))
	case graph.Acosh:
		e.set(e.unary(opLog, e.add(x, root(-1))))
	case graph.Atanh:
		e.set(e.times(e.unary(opLog, e.div(e.plus(x, 1), e.sub(one(), x))), 0.5))
	case graph.Erf: // gelu(x) = x/2·(1 + erf(x/√2))
		y := e.times(x, math.Sqrt2)
		g := e.apply(opGelu, options{table: geluOptions}, e.typ(x), y)
		erf := e.plus(e.div(e.times(g, 2), y), -1)
		e.set(e.choose(e.compare(opEqual, x, e.number(x, 0)), e.number(x, 0), erf))
	case graph.IsNaN:
		e.floatingOnly(u, x, func() tensor { return e.compare(opNotEqual, x, x) })
	case graph.IsInf:
		e.floatingOnly(u, x, func() tensor { return e.compare(opEqual, e.unary(opAbs, x), e.number(x, math.Inf(1))) })
	case graph.IsFinite:
		e.floatingOnly(u, x, func() tensor { return e.compare(opLess, e.unary(opAbs, x), e.number(x, math.Inf(1))) })
	default:
		e.refuse("LiteRT has no %s", u.Func)
	}
}

func (e *emitter) floatingOnly(u graph.Unary, x tensor, f func() tensor) {
	if !e.typ(x).DType.Floating() {
		e.refuse("%s of %v", u.Func, e.typ(x).DType)
		return
	}
	e.set(f())
}

// integerUnary writes what takes integers, too; LiteRT's operators do not all.
func (e *emitter) integerUnary(f graph.UnaryFunc, x tensor) tensor {
	d := e.typ(x).DType
	if d != graph.Int32 && d != graph.Int64 {
		e.refuse("%s of %v", f, d)
		return x
	}
	switch zero := e.number(x, 0); f {
	case graph.Neg:
		return e.unary(opNeg, x)
	case graph.Abs:
		return e.binary(opMaximum, x, e.unary(opNeg, x))
	case graph.Square:
		return e.mul(x, x)
	case graph.Sign:
		return e.sub(e.cast(e.compare(opGreater, x, zero), d), e.cast(e.compare(opLess, x, zero), d))
	}
	e.refuse("%s of %v", f, d)
	return x
}

// filled returns a tensor of the shape of x: LiteRT's atan2 does not broadcast.
func (e *emitter) filled(x tensor, v float64) tensor {
	return e.plus(e.mul(x, e.number(x, 0)), v)
}

// binaryCodes are the functions that are one operator.
var binaryCodes = map[graph.BinaryFunc]opcode{
	graph.Add: opAdd, graph.Sub: opSub, graph.Mul: opMul, graph.Div: opDiv, graph.FloorDiv: opFloorDiv, graph.Mod: opFloorMod,
	graph.Pow: opPow, graph.Maximum: opMaximum, graph.Minimum: opMinimum, graph.Atan2: opAtan2, graph.Equal: opEqual,
	graph.NotEqual: opNotEqual, graph.Less: opLess, graph.LessEqual: opLessEqual, graph.Greater: opGreater,
	graph.GreaterEqual: opGreaterEqual, graph.LogicalAnd: opLogicalAnd, graph.LogicalOr: opLogicalOr, graph.LogicalXor: opNotEqual,
}

func (e *emitter) binaryOp(b graph.Binary) {
	x, y := e.in(0), e.in(1)
	if b.Func == graph.Atan2 && e.typ(x).Shape.String() != e.typ(y).Shape.String() {
		e.refuse("LiteRT's atan2 of %v and %v: it does not broadcast", e.typ(x).Shape, e.typ(y).Shape)
		return
	}
	e.set(e.binaryTo(binaryCodes[b.Func], e.outType(0).DType, x, y))
}

func (e *emitter) addBias(graph.AddBias) { e.set(e.add(e.in(0), e.in(1))) }

func (e *emitter) prelu(graph.PReLU) {
	x := e.in(0)
	e.set(e.add(e.atLeast(x, 0), e.mul(e.in(1), e.atMost(x, 0))))
}

func (e *emitter) where(graph.Where) { e.set(e.choose(e.in(0), e.in(1), e.in(2))) }

// ranges are the least and largest values of integer types.
var ranges = map[graph.DType][2]float64{
	graph.Int8: {-128, 127}, graph.Uint8: {0, 255}, graph.Int16: {-1 << 15, 1<<15 - 1},
}

func (e *emitter) castOp(c graph.Cast) {
	x := e.in(0)
	if c.Saturate && e.typ(x).DType.Floating() && c.To.Integer() {
		r, ok := ranges[c.To]
		if !ok {
			e.refuse("saturating cast to %v", c.To)
			return
		}
		x = e.clip(e.unary(opRound, x), r[0], r[1])
	}
	e.set(e.cast(x, c.To))
}

func (e *emitter) softmax(s graph.Softmax) {
	x := e.in(0)
	rank := len(e.typ(x).Shape)
	axes, err := graph.Axes(s.Axes, rank)
	switch {
	case err != nil:
		e.refuse("%v", err)
	case len(axes) == 1 && axes[0] == rank-1 && s.Log:
		e.set(e.unary(opLogSoftmax, x))
	case len(axes) == 1 && axes[0] == rank-1:
		e.set(e.apply(opSoftmax, options{softmaxOptions, []field{{0, float32(1)}}}, e.typ(x), x))
	default:
		shifted := e.sub(x, e.reduceTo(opReduceMax, x, axes, true))
		exp := e.unary(opExp, shifted)
		sum := e.reduceTo(opSum, exp, axes, true)
		if s.Log {
			e.set(e.sub(shifted, e.unary(opLog, sum)))
		} else {
			e.set(e.div(exp, sum))
		}
	}
}
