package vec

import "math"

func layerNorm(dst, src, gamma, beta []float32, epsilon float32) {
	mean, variance := momentsLine(src, len(src), 1)
	normalize(dst, src, gamma, beta, mean, 1/math.Sqrt(variance+float64(epsilon)))
}

// normalize computes (x-mean)*scale*gamma + beta, rounded once.
func normalize(dst, src, gamma, beta []float32, mean, scale float64) {
	dst = dst[:len(src)]
	for i := normalizeBlocks(dst, src, gamma, beta, mean, scale); i < len(src); i++ {
		y := (float64(src[i]) - mean) * scale
		if gamma != nil {
			y *= float64(gamma[i])
		}
		if beta != nil {
			y += float64(beta[i])
		}
		dst[i] = float32(y)
	}
}

func rmsNorm(dst, src, scale []float32, epsilon float32) {
	normalize(dst, src, scale, nil, 0, 1/math.Sqrt(squares64(src, len(src), 1, 0)/float64(len(src))+float64(epsilon)))
}

// groupNorm normalizes channels c to c+width-1.
func groupNorm(dst, src, gamma, beta []float32, pixels, channels, c, width int, epsilon float32) {
	var mean, variance float64
	for p := 0; p < pixels; p++ {
		mean += sum64(src[p*channels+c:], width, 1)
	}
	n := float64(pixels * width)
	mean /= n
	for p := 0; p < pixels; p++ {
		variance += squares64(src[p*channels+c:], width, 1, mean)
	}
	scale := 1 / math.Sqrt(variance/n+float64(epsilon))
	if gamma != nil {
		gamma = gamma[c : c+width]
	}
	if beta != nil {
		beta = beta[c : c+width]
	}
	for p := 0; p < pixels; p++ {
		at := p*channels + c
		normalize(dst[at:at+width], src[at:at+width], gamma, beta, mean, scale)
	}
}
