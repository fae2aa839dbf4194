package vec

import (
	"math"
	"slices"
)

func softmax(dst, src []float32, n, step int) {
	top := float64(maxLine(src, n, step))
	var sum float64
	for i := 0; i < n; i++ {
		sum += math.Exp(float64(src[i*step]) - top)
	}
	// The exponential is computed again rather than read back from dst, where
	// it would have been rounded.
	for i := 0; i < n; i++ {
		dst[i*step] = float32(math.Exp(float64(src[i*step])-top) / sum)
	}
}

func logSoftmax(dst, src []float32, n, step int) {
	top := float64(maxLine(src, n, step))
	var sum float64
	for i := 0; i < n; i++ {
		sum += math.Exp(float64(src[i*step]) - top)
	}
	log := math.Log(sum)
	for i := 0; i < n; i++ {
		dst[i*step] = float32(float64(src[i*step]) - top - log)
	}
}

// sparsemax decides the support in float32 and in Keras's order, because a
// different rounding could move its border.
func sparsemax(dst, src []float32, n, step int, sorted []float32) {
	for i := range sorted {
		sorted[i] = src[i*step]
	}
	slices.Sort(sorted)
	slices.Reverse(sorted)
	var sum, total float32
	var k int
	for i, x := range sorted {
		sum += x
		if x-(sum-1)/float32(i+1) > 0 {
			total += sum
			k++
		}
	}
	tau := (total - 1) / float32(k)
	for i := 0; i < n; i++ {
		dst[i*step] = max(src[i*step]-tau, 0)
	}
}
