package conv

// Epilogue is what happens to a sum before it is stored, in this order: the
// bias is added, the residual is added, the result is clamped. The zero
// Epilogue and a nil *Epilogue do nothing.
type Epilogue struct {
	// Bias has one value per output channel, or is nil.
	Bias []float32
	// Residual is an image of the size of dst, or nil. It may be dst itself,
	// which makes the call add to dst: so a 3-D convolution is the sum of the
	// 2-D convolutions of its depth taps.
	Residual []float32
	// ResidualStride is Residual's distance from pixel to pixel; 0 means
	// that of dst.
	ResidualStride int
	// Clamp limits the result to [Lo, Hi]: 0, +Inf is ReLU; 0, 6 is ReLU6.
	// NaN passes through, as in Keras.
	Clamp  bool
	Lo, Hi float32
}

// orNone is a copy of e, or of an Epilogue that does nothing, with the
// residual's stride filled in.
func (e *Epilogue) orNone(dstStride int) Epilogue {
	var c Epilogue
	if e != nil {
		c = *e
	}
	c.ResidualStride = orElse(c.ResidualStride, dstStride)
	return c
}

// storeRow finishes the sums of channels c to c+len(sum)-1 of one pixel. It
// overwrites sum.
func (e *Epilogue) storeRow(dst, sum []float32, pixel, stride, c int) {
	if e.Bias != nil {
		for i, b := range e.Bias[c:][:len(sum)] {
			sum[i] += b
		}
	}
	if e.Residual != nil {
		for i, v := range e.Residual[pixel*e.ResidualStride+c:][:len(sum)] {
			sum[i] += v
		}
	}
	d := dst[pixel*stride+c:][:len(sum)]
	if !e.Clamp {
		copy(d, sum)
		return
	}
	for i, v := range sum {
		d[i] = clamp(v, e.Lo, e.Hi)
	}
}

// clamp limits x to [lo, hi]; NaN stays NaN.
func clamp(x, lo, hi float32) float32 { return min(max(x, lo), hi) }
