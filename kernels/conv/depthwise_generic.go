package conv

// depthwiseBlock is the number of channels summed at a time: the sums stay in
// the first-level cache and dst is written once, so it may be the residual.
const depthwiseBlock = 64

func runDepthwise(s *DepthwiseShape, dst, src, packed []float32, epi *Epilogue, y0, y1 int) {
	h := newAxis(s.InH, s.OutH, s.KH, s.StrideH, s.DilationH, s.PadTop)
	w := newAxis(s.InW, s.OutW, s.KW, s.StrideW, s.DilationW, s.PadLeft)
	out := s.InC * s.Multiplier
	srcStride, dstStride := orElse(s.SrcStride, s.InC), orElse(s.DstStride, out)
	e := epi.orNone(dstStride)

	var block [depthwiseBlock]float32
	for y := y0; y < y1; y++ {
		rows := h.span(y)
		for x := 0; x < s.OutW; x++ {
			cols := w.span(x)
			for c := 0; c < out; c += depthwiseBlock {
				sum := block[:min(depthwiseBlock, out-c)]
				clear(sum)
				for i := 0; i < rows.n && cols.n > 0; i++ {
					from := ((rows.pos+i*rows.move)*s.InW + cols.pos) * srcStride
					tap := ((rows.first+i)*s.KW+cols.first)*out + c
					if s.Multiplier == 1 {
						depthwiseRow(sum, src[from+c:], packed[tap:], cols.n, cols.move*srcStride, out)
					} else {
						depthwiseRowMultiplied(sum, src[from:], packed[tap:], cols.n, cols.move*srcStride, out, c, s.Multiplier)
					}
				}
				e.storeRow(dst, sum, y*s.OutW+x, dstStride, c)
			}
		}
	}
}

// depthwiseRow adds the n taps of one kernel row to sum: three at a time, as
// most kernels have three, which reads and writes sum once for them.
func depthwiseRow(sum, src, weights []float32, n, srcStep, weightStep int) {
	for ; n >= 3; n -= 3 {
		x0, x1, x2 := src[:len(sum)], src[srcStep:][:len(sum)], src[2*srcStep:][:len(sum)]
		w0, w1, w2 := weights[:len(sum)], weights[weightStep:][:len(sum)], weights[2*weightStep:][:len(sum)]
		for c := range sum {
			sum[c] += x0[c]*w0[c] + x1[c]*w1[c] + x2[c]*w2[c]
		}
		if n == 3 {
			return
		}
		src, weights = src[3*srcStep:], weights[3*weightStep:]
	}
	for ; n > 0; n-- {
		x, w := src[:len(sum)], weights[:len(sum)]
		for c := range sum {
			sum[c] += x[c] * w[c]
		}
		if n > 1 {
			src, weights = src[srcStep:], weights[weightStep:]
		}
	}
}

// depthwiseRowMultiplied is depthwiseRow for a depth multiplier: sum holds
// output channels from c on, src starts at channel 0.
func depthwiseRowMultiplied(sum, src, weights []float32, n, srcStep, weightStep, c, multiplier int) {
	for t := 0; t < n; t++ {
		in, m := c/multiplier, c%multiplier
		for i, w := range weights[t*weightStep:][:len(sum)] {
			sum[i] += src[t*srcStep+in] * w
			if m++; m == multiplier {
				in, m = in+1, 0
			}
		}
	}
}
