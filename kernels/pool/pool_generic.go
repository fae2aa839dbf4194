package pool

import "math"

// window is the part of a window that lies inside the image along one axis.
func window(o, stride, pad, size, in int) (from, to int) {
	from = o*stride - pad
	return max(from, 0), min(from+size, in)
}

func (s *Shape) strides() (src, dst int) {
	src, dst = s.SrcStride, s.DstStride
	if src == 0 {
		src = s.C
	}
	if dst == 0 {
		dst = s.C
	}
	return src, dst
}

func maxRows(s *Shape, dst, src []float32, y0, y1 int) {
	srcStride, dstStride := s.strides()
	for y := y0; y < y1; y++ {
		top, bottom := window(y, s.StrideH, s.PadTop, s.KH, s.InH)
		for x := 0; x < s.OutW; x++ {
			left, right := window(x, s.StrideW, s.PadLeft, s.KW, s.InW)
			d := dst[(y*s.OutW+x)*dstStride:][:s.C]
			fill(d, -math.MaxFloat32)
			for iy := top; iy < bottom; iy++ {
				for ix := left; ix < right; ix++ {
					maxInto(d, src[(iy*s.InW+ix)*srcStride:])
				}
			}
		}
	}
}

// maxIntoGeneric raises dst to src where src is larger; NaNs of src are passed over.
func maxIntoGeneric(dst, src []float32) {
	for i, v := range src[:len(dst)] {
		if v > dst[i] {
			dst[i] = v
		}
	}
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
	srcStride, dstStride := s.strides()
	var block [sumBlock]float64
	for y := y0; y < y1; y++ {
		top, bottom := window(y, s.StrideH, s.PadTop, s.KH, s.InH)
		for x := 0; x < s.OutW; x++ {
			left, right := window(x, s.StrideW, s.PadLeft, s.KW, s.InW)
			d := dst[(y*s.OutW+x)*dstStride:][:s.C]
			if top >= bottom || left >= right {
				fill(d, 0)
				continue
			}
			scale := 1 / float64((bottom-top)*(right-left))
			for c := 0; c < s.C; c += sumBlock {
				sum := block[:min(sumBlock, s.C-c)]
				clear(sum)
				for iy := top; iy < bottom; iy++ {
					for ix := left; ix < right; ix++ {
						for i, v := range src[(iy*s.InW+ix)*srcStride+c:][:len(sum)] {
							sum[i] += float64(v)
						}
					}
				}
				for i, v := range sum {
					d[c+i] = float32(v * scale)
				}
			}
		}
	}
}

func fill(d []float32, v float32) {
	for i := range d {
		d[i] = v
	}
}
