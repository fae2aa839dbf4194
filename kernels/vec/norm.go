package vec

// LayerNorm normalizes rows of n elements to mean 0 and variance 1:
//
//	y = (x - mean) / sqrt(variance + epsilon) * gamma + beta
//
// gamma and beta have n elements, or are nil for 1 and 0.
func LayerNorm(dst, src, gamma, beta []float32, n int, epsilon float32) {
	for i := 0; n > 0 && i+n <= len(src); i += n {
		layerNorm(dst[i:i+n], src[i:i+n], gamma, beta, epsilon)
	}
}

// RMSNorm divides rows of n elements by their root mean square:
//
//	y = x / sqrt(mean(x²) + epsilon) * scale
//
// scale has n elements, or is nil for 1.
func RMSNorm(dst, src, scale []float32, n int, epsilon float32) {
	for i := 0; n > 0 && i+n <= len(src); i += n {
		rmsNorm(dst[i:i+n], src[i:i+n], scale, epsilon)
	}
}

// GroupNorm normalizes one sample of (pixels, channels) in groups of
// channels/groups neighbouring channels, each over all pixels, as [LayerNorm]
// does a row. gamma and beta have one element per channel, or are nil;
// groups divides channels.
func GroupNorm(dst, src, gamma, beta []float32, pixels, channels, groups int, epsilon float32) {
	if pixels == 0 {
		return
	}
	width := channels / groups
	for c := 0; width > 0 && c < channels; c += width {
		groupNorm(dst, src, gamma, beta, pixels, channels, c, width, epsilon)
	}
}
