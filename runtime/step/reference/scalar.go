package reference

import (
	"math"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// Activation returns the function that a describes, nil when its name is unknown.
func Activation(a graph.Activation) func(float64) float64 {
	switch a.Func {
	case graph.ReLU:
		return func(x float64) float64 { return relu(x, a.A, a.B, a.C) }
	case graph.ELU:
		return func(x float64) float64 { return elu(x, 1, a.A, 1) }
	case graph.SELU:
		return func(x float64) float64 { return elu(x, 1.0507009873554804934, 1.7580993408473768599, 1) }
	case graph.CELU:
		return func(x float64) float64 { return elu(x, 1, a.A, a.A) }
	case graph.Sigmoid:
		return sigmoid
	case graph.HardSigmoid:
		return func(x float64) float64 { return clip(a.A*x+a.B, 0, 1) }
	case graph.SiLU:
		return func(x float64) float64 { return x * sigmoid(x) }
	case graph.HardSiLU:
		return func(x float64) float64 { return x * clip(x+3, 0, 6) / 6 }
	case graph.GELU:
		return func(x float64) float64 { return x / 2 * math.Erfc(-x/math.Sqrt2) }
	case graph.GELUTanh:
		return func(x float64) float64 {
			return x / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
		}
	case graph.Tanh:
		return math.Tanh
	case graph.HardTanh:
		return func(x float64) float64 { return clip(x, -1, 1) }
	case graph.TanhShrink:
		return func(x float64) float64 { return x - math.Tanh(x) }
	case graph.HardShrink:
		return func(x float64) float64 {
			if math.Abs(x) > a.A {
				return x
			}
			return 0 // NaN too, as in Keras
		}
	case graph.SoftShrink:
		return func(x float64) float64 { return softShrink(x, a.A) }
	case graph.Softplus:
		return softplus
	case graph.Softsign:
		return func(x float64) float64 { return x / (1 + math.Abs(x)) }
	case graph.LogSigmoid:
		return func(x float64) float64 { return -softplus(-x) }
	case graph.Mish:
		return func(x float64) float64 { return x * math.Tanh(softplus(x)) }
	case graph.Squareplus:
		return func(x float64) float64 { return (x + math.Sqrt(x*x+a.A)) / 2 }
	case graph.SparsePlus:
		return sparsePlus
	case graph.SparseSigmoid:
		return func(x float64) float64 { return clip((x+1)/2, 0, 1) }
	case graph.Threshold:
		return func(x float64) float64 {
			if x > a.A {
				return x
			}
			return a.B
		}
	case graph.Clip:
		return func(x float64) float64 { return clip(x, a.A, a.B) }
	case graph.Exponential:
		return math.Exp
	}
	return nil
}

// relu is Keras's: what passes the threshold is limited to [0, top] when there
// is a top, and the slope applies below the threshold. NaN stays, except that a
// threshold alone stops it.
func relu(x, slope, top, threshold float64) float64 {
	switch {
	case x <= threshold || x != x && threshold != 0:
		if slope == 0 {
			return 0
		}
		return slope * (x - threshold)
	case x != x:
		return x
	}
	if math.IsInf(top, 1) {
		return x
	}
	return clip(x, 0, top)
}

// elu is scale·x above 0 and alpha·(exp(x/width) - 1) below.
func elu(x, scale, alpha, width float64) float64 {
	if x > 0 {
		return scale * x
	}
	return alpha * math.Expm1(x/width)
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// softplus keeps exp from overflowing.
func softplus(x float64) float64 {
	if x > 0 {
		return x + math.Log1p(math.Exp(-x))
	}
	return math.Log1p(math.Exp(x))
}

func softShrink(x, by float64) float64 {
	switch {
	case x > by:
		return x - by
	case x < -by:
		return x + by
	}
	return 0 // NaN too, as in Keras
}

func sparsePlus(x float64) float64 {
	switch {
	case x <= -1:
		return 0
	case x < 1:
		return (x + 1) * (x + 1) / 4
	}
	return x
}

// clip limits x to [lo, hi]; hi wins when they cross, and NaN stays.
func clip(x, lo, hi float64) float64 {
	if x < lo {
		x = lo
	}
	if x > hi {
		x = hi
	}
	return x
}

// Unary returns the function that f names, nil for an unknown one. A truth
// value is 1 or 0.
func Unary(f graph.UnaryFunc) func(float64) float64 {
	switch f {
	case graph.Neg:
		return func(x float64) float64 { return -x }
	case graph.Abs:
		return math.Abs
	case graph.Sign:
		return sign
	case graph.Square:
		return func(x float64) float64 { return x * x }
	case graph.Sqrt:
		return math.Sqrt
	case graph.Rsqrt:
		return func(x float64) float64 { return 1 / math.Sqrt(x) }
	case graph.Reciprocal:
		return func(x float64) float64 { return 1 / x }
	case graph.Exp:
		return math.Exp
	case graph.Expm1:
		return math.Expm1
	case graph.Log:
		return math.Log
	case graph.Log1p:
		return math.Log1p
	case graph.Log2:
		return math.Log2
	case graph.Log10:
		return math.Log10
	case graph.Sin:
		return math.Sin
	case graph.Cos:
		return math.Cos
	case graph.Tan:
		return math.Tan
	case graph.Asin:
		return math.Asin
	case graph.Acos:
		return math.Acos
	case graph.Atan:
		return math.Atan
	case graph.Sinh:
		return math.Sinh
	case graph.Cosh:
		return math.Cosh
	case graph.Asinh:
		return math.Asinh
	case graph.Acosh:
		return math.Acosh
	case graph.Atanh:
		return math.Atanh
	case graph.Erf:
		return math.Erf
	case graph.Floor:
		return math.Floor
	case graph.Ceil:
		return math.Ceil
	case graph.Round:
		return math.RoundToEven
	case graph.Float8:
		return float8
	case graph.LogicalNot:
		return func(x float64) float64 { return truth(x == 0) }
	case graph.IsNaN:
		return func(x float64) float64 { return truth(x != x) }
	case graph.IsInf:
		return func(x float64) float64 { return truth(math.IsInf(x, 0)) }
	case graph.IsFinite:
		return func(x float64) float64 { return truth(x-x == 0) }
	}
	return nil
}

func sign(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return x // a zero or NaN
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Binary computes f of two floating numbers. A truth value is 1 or 0.
func Binary(f graph.BinaryFunc, a, b float64) float64 {
	switch f {
	case graph.Add:
		return a + b
	case graph.Sub:
		return a - b
	case graph.Mul:
		return a * b
	case graph.Div:
		return a / b
	case graph.FloorDiv:
		return math.Floor(a / b)
	case graph.Mod:
		m := math.Mod(a, b)
		if m != 0 && (m < 0) != (b < 0) {
			m += b
		}
		return m
	case graph.Pow:
		return math.Pow(a, b)
	case graph.Maximum:
		return max(a, b)
	case graph.Minimum:
		return min(a, b)
	case graph.Atan2:
		return math.Atan2(a, b)
	case graph.Equal:
		return truth(a == b)
	case graph.NotEqual:
		return truth(a != b)
	case graph.Less:
		return truth(a < b)
	case graph.LessEqual:
		return truth(a <= b)
	case graph.Greater:
		return truth(a > b)
	case graph.GreaterEqual:
		return truth(a >= b)
	}
	return math.NaN()
}

// float8 rounds to 3 bits after the leading one, subnormals to multiples of
// 2^-9. The largest number is 448; 480 would be, but is NaN.
func float8(x float64) float64 {
	if math.Abs(x) > 464 || x != x {
		return math.NaN()
	}
	_, exp := math.Frexp(x) // |x| is at least 2^(exp-1)
	unit := math.Ldexp(1, max(exp-1, -6)-3)
	return math.RoundToEven(x/unit) * unit
}
