package grad

import (
	"math"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// activation multiplies by the slope at x.
func activation(n *node, op graph.Activation, dy graph.Value) graph.Value {
	x, y := n.x[0], n.y
	inf := math.Inf(1)
	switch op.Func {
	case graph.ReLU:
		return n.relu(op, dy)
	case graph.ELU:
		return n.either(n.is(x, graph.Greater, 0), dy, n.scale(n.unary(graph.Exp, x), op.A))
	case graph.SELU:
		const scale, alpha = 1.0507009873554804934, 1.7580993408473768599
		slope := n.where(n.is(x, graph.Less, 0), n.scale(n.unary(graph.Exp, x), alpha), n.number(scale, x))
		return n.mul(dy, slope)
	case graph.CELU: // max(x, 0) + A·expm1(min(x, 0)/A): at 0, each of the two passes the gradient
		slope := n.where(n.is(x, graph.Less, 0), n.unary(graph.Exp, n.scale(x, 1/op.A)), n.number(1, x))
		return n.mul(dy, n.where(n.is(x, graph.Equal, 0), n.number(2, x), slope))
	case graph.Sigmoid:
		return n.mul(dy, n.mul(y, n.minus(1, y)))
	case graph.HardSigmoid:
		// Keras 3 computes relu6(x + 3)/6, Keras 2 clips x/5 + 1/2.
		closed := op.A == 0.2
		return n.gate(n.between(-op.B/op.A, (1-op.B)/op.A, x, closed), n.scale(dy, op.A))
	case graph.SiLU:
		s := n.activate(graph.Sigmoid, x)
		return n.mul(dy, n.mul(s, n.plus(n.mul(x, n.minus(1, s)), 1)))
	case graph.HardSiLU: // x·relu6(x + 3)/6
		slope := n.plus(n.scale(x, 1./3), 0.5)
		return n.either(n.is(x, graph.GreaterEqual, 3), dy, n.gate(n.is(x, graph.Greater, -3), slope))
	case graph.GELU: // Φ(x) + x·φ(x)
		cdf := n.scale(n.plus(n.unary(graph.Erf, n.scale(x, 1/math.Sqrt2)), 1), 0.5)
		pdf := n.scale(n.unary(graph.Exp, n.scale(n.unary(graph.Square, x), -0.5)), 1/math.Sqrt(2*math.Pi))
		return n.mul(dy, n.add(cdf, n.mul(x, pdf)))
	case graph.GELUTanh: // with u = √(2/π)(x + 0.044715x³): (1 + tanh u)/2 + x/2·(1 - tanh²u)·u'
		c := math.Sqrt(2 / math.Pi)
		square := n.unary(graph.Square, x)
		th := n.activate(graph.Tanh, n.scale(n.mul(x, n.plus(n.scale(square, 0.044715), 1)), c))
		inner := n.scale(n.plus(n.scale(square, 3*0.044715), 1), c)
		slope := n.mul(n.mul(x, n.minus(1, n.unary(graph.Square, th))), inner)
		return n.mul(dy, n.scale(n.plus(n.add(th, slope), 1), 0.5))
	case graph.Tanh:
		return n.mul(dy, n.minus(1, n.unary(graph.Square, y)))
	case graph.HardTanh:
		return n.gate(n.between(-1, 1, x, true), dy)
	case graph.TanhShrink:
		return n.mul(dy, n.unary(graph.Square, n.activate(graph.Tanh, x)))
	case graph.HardShrink, graph.SoftShrink:
		return n.gate(n.is(n.unary(graph.Abs, x), graph.Greater, op.A), dy)
	case graph.Softplus:
		return n.mul(dy, n.activate(graph.Sigmoid, x))
	case graph.Softsign:
		return n.div(dy, n.unary(graph.Square, n.plus(n.unary(graph.Abs, x), 1)))
	case graph.LogSigmoid:
		return n.mul(dy, n.activate(graph.Sigmoid, n.unary(graph.Neg, x)))
	case graph.Mish: // with t = tanh(softplus(x)): t + x·(1 - t²)·sigmoid(x)
		th := n.activate(graph.Tanh, n.activate(graph.Softplus, x))
		slope := n.mul(n.mul(x, n.minus(1, n.unary(graph.Square, th))), n.activate(graph.Sigmoid, x))
		return n.mul(dy, n.add(th, slope))
	case graph.Squareplus:
		root := n.unary(graph.Sqrt, n.plus(n.unary(graph.Square, x), op.A))
		return n.mul(dy, n.scale(n.plus(n.div(x, root), 1), 0.5))
	case graph.SparsePlus:
		slope := n.scale(n.plus(x, 1), 0.5)
		return n.either(n.is(x, graph.GreaterEqual, 1), dy, n.gate(n.is(x, graph.Greater, -1), slope))
	case graph.SparseSigmoid:
		return n.gate(n.between(-1, 1, x, false), n.scale(dy, 0.5))
	case graph.Threshold:
		return n.gate(n.between(op.A, inf, x, false), dy)
	case graph.Clip:
		return n.gate(n.between(op.A, op.B, x, true), dy)
	case graph.Exponential:
		return n.mul(dy, y)
	}
	return n.cannot(string(op.Func))
}

// either is dy where cond is true, else dy·slope.
func (t *tape) either(cond, dy, slope graph.Value) graph.Value {
	return t.mul(dy, t.where(cond, t.number(1, dy), slope))
}

// relu is that of Keras in its parts: min(x, max value) above the threshold,
// and slope·(x - threshold) below. Where Keras calls one of TensorFlow's fused
// forms (relu, relu6, leaky_relu), kinks are that form's.
func (t *node) relu(op graph.Activation, dy graph.Value) graph.Value {
	x := t.x[0]
	slope, top, threshold := op.A, op.B, op.C
	capped := !math.IsInf(top, 1)
	pass := t.is(x, graph.Greater, threshold)
	if capped {
		below := graph.LessEqual // clip
		if top == 6 && threshold == 0 {
			below = graph.Less // relu6
		}
		pass = t.b.Apply(graph.Binary{Func: graph.LogicalAnd}, pass, t.is(x, below, top))
		if threshold < 0 { // what is clipped at 0
			pass = t.b.Apply(graph.Binary{Func: graph.LogicalAnd}, pass, t.is(x, graph.GreaterEqual, 0))
		}
	}
	if slope == 0 {
		return t.gate(pass, dy)
	}
	under := t.is(x, graph.Less, threshold)
	if !capped && threshold == 0 {
		under = t.is(x, graph.LessEqual, 0) // leaky_relu
	}
	return t.where(pass, dy, t.gate(under, t.scale(dy, slope)))
}

func unary(n *node, op graph.Unary, dy graph.Value) graph.Value {
	x, y := n.x[0], n.y
	over := func(d graph.Value) graph.Value { return n.div(dy, d) }
	square := func() graph.Value { return n.unary(graph.Square, x) }
	switch op.Func {
	case graph.Neg:
		return n.unary(graph.Neg, dy)
	case graph.Abs:
		return n.mul(dy, n.unary(graph.Sign, x))
	case graph.Square:
		return n.mul(dy, n.scale(x, 2))
	case graph.Sqrt:
		return over(n.scale(y, 2))
	case graph.Rsqrt:
		return n.mul(dy, n.scale(n.mul(n.unary(graph.Square, y), y), -0.5))
	case graph.Reciprocal:
		return n.mul(dy, n.unary(graph.Neg, n.unary(graph.Square, y)))
	case graph.Exp:
		return n.mul(dy, y)
	case graph.Expm1:
		return n.mul(dy, n.unary(graph.Exp, x))
	case graph.Log:
		return over(x)
	case graph.Log1p:
		return over(n.plus(x, 1))
	case graph.Log2:
		return over(n.scale(x, math.Ln2))
	case graph.Log10:
		return over(n.scale(x, math.Ln10))
	case graph.Sin:
		return n.mul(dy, n.unary(graph.Cos, x))
	case graph.Cos:
		return n.mul(dy, n.unary(graph.Neg, n.unary(graph.Sin, x)))
	case graph.Tan:
		return n.mul(dy, n.plus(n.unary(graph.Square, y), 1))
	case graph.Asin:
		return over(n.unary(graph.Sqrt, n.minus(1, square())))
	case graph.Acos:
		return n.unary(graph.Neg, over(n.unary(graph.Sqrt, n.minus(1, square()))))
	case graph.Atan:
		return over(n.plus(square(), 1))
	case graph.Sinh:
		return n.mul(dy, n.unary(graph.Cosh, x))
	case graph.Cosh:
		return n.mul(dy, n.unary(graph.Sinh, x))
	case graph.Asinh:
		return over(n.unary(graph.Cosh, y))
	case graph.Acosh:
		return over(n.unary(graph.Sinh, y))
	case graph.Atanh:
		return over(n.minus(1, square()))
	case graph.Erf:
		return n.mul(dy, n.scale(n.unary(graph.Exp, n.unary(graph.Neg, square())), 2/math.Sqrt(math.Pi)))
	}
	return n.cannot(string(op.Func))
}

func binary(n *node, op graph.Binary, dy graph.Value) []graph.Value {
	a, b := n.x[0], n.x[1]
	// of calls f where the gradient of operand i is wanted.
	of := func(i int, f func() graph.Value) graph.Value {
		if !n.wants[i] {
			return none
		}
		return n.sumTo(f(), n.x[i].Shape)
	}
	both := func(da, db func() graph.Value) []graph.Value { return []graph.Value{of(0, da), of(1, db)} }
	same := func() graph.Value { return dy }
	switch op.Func {
	case graph.Add:
		return both(same, same)
	case graph.Sub:
		return both(same, func() graph.Value { return n.unary(graph.Neg, dy) })
	case graph.Mul:
		return both(func() graph.Value { return n.mul(dy, b) }, func() graph.Value { return n.mul(dy, a) })
	case graph.Div:
		return both(func() graph.Value { return n.div(dy, b) },
			func() graph.Value { return n.mul(dy, n.div(n.div(n.unary(graph.Neg, a), b), b)) })
	case graph.Maximum, graph.Minimum: // the first of equals
		first := graph.GreaterEqual
		if op.Func == graph.Minimum {
			first = graph.LessEqual
		}
		mask := n.compare(first, a, b)
		return both(func() graph.Value { return n.gate(mask, dy) },
			func() graph.Value { return n.where(mask, n.number(0, dy), dy) })
	case graph.Pow:
		return both(func() graph.Value {
			return n.mul(dy, n.mul(b, n.b.Apply(graph.Binary{Func: graph.Pow}, a, n.plus(b, -1))))
		}, func() graph.Value {
			log := n.unary(graph.Log, n.where(n.is(a, graph.Greater, 0), a, n.number(1, a))) // 0 where it has none
			return n.mul(dy, n.mul(n.y, log))
		})
	case graph.Mod:
		return both(same, func() graph.Value {
			return n.mul(dy, n.unary(graph.Neg, n.b.Apply(graph.Binary{Func: graph.FloorDiv}, a, b)))
		})
	case graph.Atan2:
		d := n.div(dy, n.add(n.unary(graph.Square, a), n.unary(graph.Square, b)))
		return both(func() graph.Value { return n.mul(d, b) }, func() graph.Value { return n.unary(graph.Neg, n.mul(d, a)) })
	}
	d := n.cannot(string(op.Func))
	return []graph.Value{d, d}
}

func addBias(n *node, _ graph.AddBias, dy graph.Value) []graph.Value {
	if !n.wants[1] {
		return []graph.Value{dy}
	}
	return []graph.Value{dy, n.sumTo(dy, n.x[1].Shape)}
}

// prelu is relu(x) - alpha·relu(-x), and so passes nothing at 0.
func prelu(n *node, _ graph.PReLU, dy graph.Value) []graph.Value {
	x, alpha := n.x[0], n.x[1]
	under := n.is(x, graph.Less, 0)
	d := []graph.Value{n.where(n.is(x, graph.Greater, 0), dy, n.gate(under, n.mul(dy, alpha)))}
	if n.wants[1] {
		d = append(d, n.sumTo(n.gate(under, n.mul(dy, x)), alpha.Shape))
	}
	return d
}

func where(n *node, _ graph.Where, dy graph.Value) []graph.Value {
	cond, zero := n.x[0], n.number(0, dy)
	d := []graph.Value{none, none, none}
	if n.wants[1] {
		d[1] = n.sumTo(n.where(cond, dy, zero), n.x[1].Shape)
	}
	if n.wants[2] {
		d[2] = n.sumTo(n.where(cond, zero, dy), n.x[2].Shape)
	}
	return d
}

func cast(n *node, _ graph.Cast, dy graph.Value) graph.Value { return n.b.Cast(dy, n.x[0].DType) }

func softmax(n *node, op graph.Softmax, dy graph.Value) graph.Value {
	if op.Log {
		sum := n.tape.reduce(graph.ReduceSum, dy, op.Axes, true)
		return n.sub(dy, n.mul(sum, n.unary(graph.Exp, n.y)))
	}
	sum := n.tape.reduce(graph.ReduceSum, n.mul(dy, n.y), op.Axes, true)
	return n.mul(n.sub(dy, sum), n.y)
}

// cannot refuses what stands at n and returns a value in the place of the gradient.
func (n *node) cannot(why string) graph.Value {
	n.refuse(n.Node, why)
	return n.x[0]
}
