package pool

import "math"

// window is the part of a window that lies inside the image along one axis.
func window(o, stride, pad, size, in int) (from, to int) {
	from = o*stride - pad
	return max(from, 0), min(from+size, in)
}

// windows calls f for every window of output rows y0 to y1-1 with its pixel of
// dst and the part of it inside the image: planes d0 to d1-1 and so on.
func (s *Shape) windows(y0, y1 int, f func(pixel, d0, d1, h0, h1, w0, w1 int)) {
	for y := y0; y < y1; y++ {
		d0, d1 := window(y/s.OutH, s.StrideD, s.PadFront, s.KD, s.InD)
		h0, h1 := window(y%s.OutH, s.StrideH, s.PadTop, s.KH, s.InH)
		for x := range s.OutW {
			w0, w1 := window(x, s.StrideW, s.PadLeft, s.KW, s.InW)
			f(y*s.OutW+x, d0, d1, h0, h1, w0, w1)
		}
	}
}

func maxRows(s *Shape, dst, src []float32, y0, y1 int) {
	s.windows(y0, y1, func(pixel, d0, d1, h0, h1, w0, w1 int) {
		out := dst[pixel*s.DstStride:][:s.C]
		fill(out, -math.MaxFloat32)
		for d := d0; d < d1; d++ {
			for h := h0; h < h1; h++ {
				for w := w0; w < w1; w++ {
					maxInto(out, src[((d*s.InH+h)*s.InW+w)*s.SrcStride:])
				}
			}
		}
	})
}

// maxInto raises dst to src where src is larger; NaNs of src are passed over.
func maxInto(dst, src []float32) {
	for i, v := range src[:len(dst)] {
		if v > dst[i] {
			dst[i] = v
		}
	}
}

// gradBlock is the number of channels whose maxima are sought at a time.
const gradBlock = 64

func maxGrad(s *Shape, dx, src, dy []float32, all bool) {
	clear(dx[:s.InD*s.InH*s.InW*s.C])
	var block [gradBlock]int
	s.windows(0, s.OutD*s.OutH, func(pixel, d0, d1, h0, h1, w0, w1 int) {
		if d0 >= d1 || h0 >= h1 || w0 >= w1 {
			return
		}
		first := ((d0*s.InH+h0)*s.InW + w0) * s.C
		for c := 0; c < s.C; c += gradBlock {
			best := block[:min(gradBlock, s.C-c)]
			for i := range best {
				best[i] = first + c + i
			}
			for d := d0; d < d1; d++ {
				for h := h0; h < h1; h++ {
					for w := w0; w < w1; w++ {
						at := ((d*s.InH+h)*s.InW+w)*s.C + c
						for i, v := range src[at:][:len(best)] {
							if v > src[best[i]] {
								best[i] = at + i
							}
						}
					}
				}
			}
			grad := dy[pixel*s.C+c:][:len(best)]
			if !all {
				for i, at := range best {
					dx[at] += grad[i]
				}
				continue
			}
			for d := d0; d < d1; d++ {
				for h := h0; h < h1; h++ {
					for w := w0; w < w1; w++ {
						at := ((d*s.InH+h)*s.InW+w)*s.C + c
						for i, v := range src[at:][:len(best)] {
							if v == src[best[i]] {
								dx[at+i] += grad[i]
							}
						}
					}
				}
			}
		}
	})
}

func globalMax(dst, src []float32, n, c, srcStride int) {
	d := dst[:c]
	copy(d, src)
	for p := 1; p < n; p++ {
		for i, v := range src[p*srcStride:][:len(d)] {
			d[i] = max(d[i], v)
		}
	}
}

// sumBlock is the number of channels averaged at a time.
const sumBlock = 64

func averageRows(s *Shape, dst, src []float32, y0, y1 int) {
	var block [sumBlock]float64
	s.windows(y0, y1, func(pixel, d0, d1, h0, h1, w0, w1 int) {
		out := dst[pixel*s.DstStride:][:s.C]
		if d0 >= d1 || h0 >= h1 || w0 >= w1 {
			fill(out, 0)
			return
		}
		scale := 1 / float64((d1-d0)*(h1-h0)*(w1-w0))
		for c := 0; c < s.C; c += sumBlock {
			sum := block[:min(sumBlock, s.C-c)]
			clear(sum)
			for d := d0; d < d1; d++ {
				for h := h0; h < h1; h++ {
					for w := w0; w < w1; w++ {
						for i, v := range src[((d*s.InH+h)*s.InW+w)*s.SrcStride+c:][:len(sum)] {
							sum[i] += float64(v)
						}
					}
				}
			}
			for i, v := range sum {
				out[c+i] = float32(v * scale)
			}
		}
	})
}

func fill(d []float32, v float32) {
	for i := range d {
		d[i] = v
	}
}
