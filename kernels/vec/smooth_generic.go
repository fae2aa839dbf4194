package vec

import "math"

func exp(x float32) float32 { return float32(math.Exp(float64(x))) }

func sigmoid(x float32) float32 { return float32(sigmoid64(float64(x))) }

func sigmoid64(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func logSigmoid(x float32) float32 { return float32(-softplus64(-float64(x))) }

func tanh(x float32) float32 { return float32(math.Tanh(float64(x))) }

func tanhShrink(x float32) float32 {
	v := float64(x)
	return float32(v - math.Tanh(v))
}

// silu of -Inf is NaN in TensorFlow too: -Inf times 0.
func silu(x float32) float32 {
	v := float64(x)
	return float32(v * sigmoid64(v))
}

func mish(x float32) float32 {
	v := float64(x)
	return float32(v * math.Tanh(softplus64(v)))
}

func softplus(x float32) float32 { return float32(softplus64(float64(x))) }

// softplus64 keeps e^x from overflowing.
func softplus64(x float64) float64 {
	if x > 0 {
		return x + math.Log1p(math.Exp(-x))
	}
	return math.Log1p(math.Exp(x))
}

func softsign(x float32) float32 {
	v := float64(x)
	return float32(v / (1 + math.Abs(v)))
}

func squareplus(dst, src []float32, b float32) {
	dst = dst[:len(src)]
	for i, x := range src {
		v := float64(x)
		dst[i] = float32((v + math.Sqrt(v*v+float64(b))) / 2)
	}
}

func gelu(x float32) float32 {
	v := float64(x)
	return float32(0.5 * v * math.Erfc(-v/math.Sqrt2))
}

// geluTanh is x·(1+tanh(u))/2, written so that no digits are lost where the tanh is near -1.
func geluTanh(x float32) float32 {
	const sqrt2OverPi = 0.79788456080286535587989211986876
	v := float64(x)
	return float32(v * sigmoid64(2*sqrt2OverPi*(v+0.044715*v*v*v)))
}

func elu(dst, src []float32, alpha float32) {
	dst = dst[:len(src)]
	for i, x := range src {
		if !(x > 0) {
			x = float32(float64(alpha) * math.Expm1(float64(x)))
		}
		dst[i] = x
	}
}

func selu(x float32) float32 {
	const (
		scale      = 1.0507009873554804934193349852946
		scaleAlpha = 1.7580993408473768599402175208123
	)
	if x > 0 {
		return float32(scale * float64(x))
	}
	return float32(scaleAlpha * math.Expm1(float64(x)))
}

func celu(dst, src []float32, alpha float32) {
	dst = dst[:len(src)]
	for i, x := range src {
		if !(x > 0) {
			a := float64(alpha)
			x = float32(a * math.Expm1(float64(x)/a))
		}
		dst[i] = x
	}
}

func abs(x float32) float32 { return math.Float32frombits(math.Float32bits(x) &^ (1 << 31)) }

func square(x float32) float32 { return x * x }

func sqrt(x float32) float32 { return float32(math.Sqrt(float64(x))) }

func glu(dst, a, b []float32) {
	dst, b = dst[:len(a)], b[:len(a)]
	for i, x := range a {
		dst[i] = float32(float64(x) * sigmoid64(float64(b[i])))
	}
}
