package vec

import "math"

// The functions below reduce a line of n elements, step apart.

// Where they are side by side, assembly takes the first of them.

func sum64(src []float32, n, step int) float64 {
	var sum float64
	var i int
	if step == 1 {
		sum, i = sumBlocks(src[:n])
	}
	for ; i < n; i++ {
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
	top, i := float32(math.Inf(-1)), 0
	if step == 1 {
		top, _, i = extremeBlocks(src[:n])
	}
	for ; i < n; i++ {
		top = max(top, src[i*step])
	}
	return top
}

func minLine(src []float32, n, step int) float32 {
	low, i := float32(math.Inf(1)), 0
	if step == 1 {
		_, low, i = extremeBlocks(src[:n])
	}
	for ; i < n; i++ {
		low = min(low, src[i*step])
	}
	return low
}

func momentsLine(src []float32, n, step int) (mean, variance float64) {
	mean = sum64(src, n, step) / float64(n)
	return mean, squares64(src, n, step, mean) / float64(n)
}

// squares64 adds up the squared distances from mean.
func squares64(src []float32, n, step int, mean float64) float64 {
	var sum float64
	var i int
	if step == 1 {
		sum, i = squareBlocks(src[:n], mean)
	}
	for ; i < n; i++ {
		d := float64(src[i*step]) - mean
		sum += d * d
	}
	return sum
}
