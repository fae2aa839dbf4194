package vec

import "math"

// The functions below reduce a line of n elements, step apart.

func sum64(src []float32, n, step int) float64 {
	var sum float64
	for i := 0; i < n; i++ {
		sum += float64(src[i*step])
	}
	return sum
}

func sumLine(src []float32, n, step int) float32 { return float32(sum64(src, n, step)) }

func meanLine(src []float32, n, step int) float32 {
	return float32(sum64(src, n, step) / float64(n))
}

func prodLine(src []float32, n, step int) float32 {
	product := 1.0
	for i := 0; i < n; i++ {
		product *= float64(src[i*step])
	}
	return float32(product)
}

func maxLine(src []float32, n, step int) float32 {
	top := float32(math.Inf(-1))
	for i := 0; i < n; i++ {
		top = max(top, src[i*step])
	}
	return top
}

func minLine(src []float32, n, step int) float32 {
	low := float32(math.Inf(1))
	for i := 0; i < n; i++ {
		low = min(low, src[i*step])
	}
	return low
}

func momentsLine(src []float32, n, step int) (mean, variance float64) {
	mean = sum64(src, n, step) / float64(n)
	for i := 0; i < n; i++ {
		d := float64(src[i*step]) - mean
		variance += d * d
	}
	return mean, variance / float64(n)
}
