package vec

import "github.com/kerasrun/kerasrun/kernels/cpu"

// Softmax computes e^(x-max) / Σ e^(x-max) along the axis. As in TensorFlow,
// an axis with +Inf or NaN in it, or with -Inf only, gives NaN. Assembly, along
// the last axis, stays within 2 steps of the float32 grid.
func Softmax(dst, src []float32, outer, axis, inner int) {
	if inner == 1 && axis > 0 && use != cpu.Generic {
		for i := 0; i < outer*axis; i += axis {
			softmaxRow(dst[i:i+axis], src[i:i+axis])
		}
		return
	}
	alongAxis(dst, src, outer, axis, inner, softmax)
}

// softmaxRow computes a softmax of elements side by side with kernels.
func softmaxRow(dst, src []float32) {
	map1(mapExpLess, dst, src, maxLine(src, len(src), 1))
	map1(mapDivScalar, dst, dst, float32(sum64(dst, len(dst), 1)))
}

// LogSoftmax computes x - max - log Σ e^(x-max) along the axis.
func LogSoftmax(dst, src []float32, outer, axis, inner int) {
	alongAxis(dst, src, outer, axis, inner, logSoftmax)
}

// Sparsemax computes Keras's sparsemax along the axis. It differs from the
// projection of Martins and Astudillo (2016): Keras adds up the cumulative
// sums of the support where the paper takes the last one, so that
// [0.5, 0.4] gives [0.3, 0.2]; this does as Keras does. sorted is scratch of
// length axis.
func Sparsemax(dst, src []float32, outer, axis, inner int, sorted []float32) {
	sorted = sorted[:axis]
	alongAxis(dst, src, outer, axis, inner, func(dst, src []float32, n, step int) {
		sparsemax(dst, src, n, step, sorted)
	})
}

// alongAxis calls f for each line along the axis: its n elements lie step
// apart from the start of dst and src on.
func alongAxis(dst, src []float32, outer, axis, inner int, f func(dst, src []float32, n, step int)) {
	if axis == 0 {
		return
	}
	for o := 0; o < outer; o++ {
		for i := 0; i < inner; i++ {
			at := o*axis*inner + i
			f(dst[at:], src[at:], axis, inner)
		}
	}
}
