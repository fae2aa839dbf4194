package vec

// ReLU computes Keras's general ReLU:
//
//	y = min(x, maxValue)                       x > threshold
//	y = negativeSlope * (x - threshold)        otherwise
//
// where the first line is never negative when maxValue is finite or threshold
// is 0. maxValue = +Inf means none. The usual ReLU is
// ReLU(dst, src, 0, +Inf, 0).
func ReLU(dst, src []float32, negativeSlope, maxValue, threshold float32) {
	if threshold == 0 && negativeSlope == 0 {
		Clip(dst, src, 0, maxValue)
		return
	}
	relu(dst, src, negativeSlope, maxValue, threshold)
}

// ReLU6 computes min(max(x, 0), 6).
func ReLU6(dst, src []float32) { Clip(dst, src, 0, 6) }

// Clip limits x to [lo, hi]. NaN stays NaN.
func Clip(dst, src []float32, lo, hi float32) {
	if !map1(mapClip, dst, src, lo, hi) {
		clip(dst, src, lo, hi)
	}
}

// LeakyReLU computes x for x > 0 and negativeSlope*x otherwise.
func LeakyReLU(dst, src []float32, negativeSlope float32) {
	withScalar(mapLeakyReLU, dst, src, negativeSlope, leakyReLU)
}

// PReLURow is [LeakyReLU] with a slope for each position of the last axis:
// len(src) is a multiple of len(slope).
func PReLURow(dst, src, slope []float32) {
	rows(mapPrelu, dst, src, slope, prelu)
}

// HardTanh computes min(max(x, -1), 1).
func HardTanh(dst, src []float32) { Clip(dst, src, -1, 1) }

// HardSigmoid computes Keras 3's min(max(x+3, 0), 6)/6.
func HardSigmoid(dst, src []float32) { smooth(mapHardSigmoid, dst, src, hardSigmoid) }

// HardSigmoid2 computes the hard sigmoid of Keras 1 and 2:
// min(max(0.2*x+0.5, 0), 1).
func HardSigmoid2(dst, src []float32) { smooth(mapHardSigmoid2, dst, src, hardSigmoid2) }

// HardSiLU computes x times Keras 3's hard sigmoid of x, also known as hard
// swish.
func HardSiLU(dst, src []float32) { smooth(mapHardSilu, dst, src, hardSiLU) }

// HardShrink computes x for |x| > threshold and 0 otherwise.
func HardShrink(dst, src []float32, threshold float32) {
	withScalar(mapHardShrink, dst, src, threshold, hardShrink)
}

// SoftShrink moves x towards 0 by threshold, and to 0 when it is nearer.
func SoftShrink(dst, src []float32, threshold float32) {
	withScalar(mapSoftShrink, dst, src, threshold, softShrink)
}

// Threshold computes x for x > threshold and value otherwise.
func Threshold(dst, src []float32, threshold, value float32) {
	if !map1(mapThreshold, dst, src, threshold, value) {
		thresholded(dst, src, threshold, value)
	}
}

// SparsePlus computes 0 for x <= -1, (x+1)²/4 for -1 < x < 1, x above.
func SparsePlus(dst, src []float32) { each(dst, src, sparsePlus) }

// SparseSigmoid computes 0 for x <= -1, (x+1)/2 for -1 < x < 1, 1 above.
func SparseSigmoid(dst, src []float32) { each(dst, src, sparseSigmoid) }
