package vec

import "math"

// each applies f to every element.
func each(dst, src []float32, f func(float32) float32) {
	dst = dst[:len(src)]
	for i, x := range src {
		dst[i] = f(x)
	}
}

func relu(dst, src []float32, negativeSlope, maxValue, threshold float32) {
	dst = dst[:len(src)]
	limited := !math.IsInf(float64(maxValue), 1)
	for i, x := range src {
		y := x
		switch {
		case threshold != 0 && !(x > threshold): // NaN too, as tf.where
			y = 0
		case threshold == 0 && x < 0:
			y = 0
		}
		if limited {
			y = clampTo(y, 0, maxValue)
		}
		if negativeSlope != 0 && !(x > threshold) {
			y -= negativeSlope * (threshold - x)
		}
		dst[i] = y
	}
}

func clip(dst, src []float32, lo, hi float32) {
	dst = dst[:len(src)]
	for i, x := range src {
		dst[i] = clampTo(x, lo, hi)
	}
}

// clampTo limits x to [lo, hi]; NaN stays NaN.
func clampTo(x, lo, hi float32) float32 { return min(max(x, lo), hi) }

func leakyReLU(dst, src []float32, negativeSlope float32) {
	dst = dst[:len(src)]
	for i, x := range src {
		if x <= 0 {
			x *= negativeSlope
		}
		dst[i] = x
	}
}

func prelu(dst, src, slope []float32) {
	dst, slope = dst[:len(src)], slope[:len(src)]
	for i, x := range src {
		if x <= 0 {
			x *= slope[i]
		}
		dst[i] = x
	}
}

func hardSigmoid(x float32) float32 { return clampTo(x+3, 0, 6) / 6 }

func hardSigmoid2(x float32) float32 { return clampTo(0.2*x+0.5, 0, 1) }

func hardSiLU(x float32) float32 { return x * hardSigmoid(x) }

func hardShrink(dst, src []float32, threshold float32) {
	dst = dst[:len(src)]
	for i, x := range src {
		if !(x > threshold || x < -threshold) {
			x = 0
		}
		dst[i] = x
	}
}

func softShrink(dst, src []float32, threshold float32) {
	dst = dst[:len(src)]
	for i, x := range src {
		switch {
		case x > threshold:
			x -= threshold
		case x < -threshold:
			x += threshold
		default:
			x = 0
		}
		dst[i] = x
	}
}

func thresholded(dst, src []float32, threshold, value float32) {
	dst = dst[:len(src)]
	for i, x := range src {
		if !(x > threshold) {
			x = value
		}
		dst[i] = x
	}
}

func sparsePlus(x float32) float32 {
	switch {
	case x <= -1:
		return 0
	case x < 1:
		return 0.25 * (x + 1) * (x + 1)
	}
	return x
}

func sparseSigmoid(x float32) float32 {
	switch {
	case x <= -1:
		return 0
	case x >= 1:
		return 1
	}
	return 0.5 * (x + 1)
}
