package vec

// Exp computes e^x.
func Exp(dst, src []float32) { smooth(mapExp, dst, src, exp) }

// Sigmoid computes 1/(1+e^-x).
func Sigmoid(dst, src []float32) { smooth(mapSigmoid, dst, src, sigmoid) }

// LogSigmoid computes -softplus(-x).
func LogSigmoid(dst, src []float32) { smooth(mapLogSigmoid, dst, src, logSigmoid) }

// Tanh computes the hyperbolic tangent.
func Tanh(dst, src []float32) { smooth(mapTanh, dst, src, tanh) }

// TanhShrink computes x - tanh(x).
func TanhShrink(dst, src []float32) { each(dst, src, tanhShrink) }

// SiLU computes x*sigmoid(x), also known as swish.
func SiLU(dst, src []float32) { smooth(mapSilu, dst, src, silu) }

// SigmoidRows computes [Sigmoid] in place, of the first n of every stride elements.
func SigmoidRows(d []float32, n, stride int) { inPlace(mapSigmoid, d, n, stride, sigmoid) }

// SiLURows computes [SiLU] in place, of the first n of every stride elements.
func SiLURows(d []float32, n, stride int) { inPlace(mapSilu, d, n, stride, silu) }

// TanhRows computes [Tanh] in place, of the first n of every stride elements.
func TanhRows(d []float32, n, stride int) { inPlace(mapTanh, d, n, stride, tanh) }

// GELURows computes [GELU] in place, of the first n of every stride elements.
func GELURows(d []float32, n, stride int) { inPlace(mapGelu, d, n, stride, gelu) }

// Mish computes x*tanh(softplus(x)).
func Mish(dst, src []float32) { smooth(mapMish, dst, src, mish) }

// Softplus computes log(1+e^x).
func Softplus(dst, src []float32) { smooth(mapSoftplus, dst, src, softplus) }

// Softsign computes x/(1+|x|).
func Softsign(dst, src []float32) { smooth(mapSoftsign, dst, src, softsign) }

// Squareplus computes (x+sqrt(x²+b))/2. Keras's b is 4.
func Squareplus(dst, src []float32, b float32) { squareplus(dst, src, b) }

// GELU computes x*Φ(x) with the exact normal distribution function
// (Keras's approximate=False).
func GELU(dst, src []float32) { smooth(mapGelu, dst, src, gelu) }

// GELUTanh computes the GELU with Φ approximated by a tanh
// (Keras's approximate=True).
func GELUTanh(dst, src []float32) { smooth(mapGeluTanh, dst, src, geluTanh) }

// ELU computes x for x > 0 and alpha*(e^x-1) otherwise. TensorFlow subtracts 1
// after rounding e^x to float32, so that it loses digits near 0; this does not.
func ELU(dst, src []float32, alpha float32) { withScalar(mapElu, dst, src, alpha, elu) }

// SELU is the scaled [ELU] of Klambauer et al. (2017); the note on rounding
// there holds here.
func SELU(dst, src []float32) { smooth(mapSelu, dst, src, selu) }

// CELU computes max(x, 0) + alpha*(e^(min(x, 0)/alpha)-1).
func CELU(dst, src []float32, alpha float32) { withScalar(mapCelu, dst, src, alpha, celu) }

// Abs computes |x|.
func Abs(dst, src []float32) { smooth(mapAbs, dst, src, abs) }

// Square computes x².
func Square(dst, src []float32) { smooth(mapSquare, dst, src, square) }

// Sqrt computes the square root.
func Sqrt(dst, src []float32) { smooth(mapSqrt, dst, src, sqrt) }

// GLU computes a*sigmoid(b) for two halves a and b of a tensor.
func GLU(dst, a, b []float32) { pairs(mapGlu, dst, a, b, glu) }

// smooth runs a kernel, or its plain form on every element.
func smooth(k mapKernel, dst, src []float32, plain func(float32) float32) {
	if !map1(k, dst, src) {
		each(dst, src, plain)
	}
}
