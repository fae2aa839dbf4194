package pool

// Shape describes the pooling of one image. A 1-D pooling has
// InH = OutH = KH = 1. Padding at the bottom and right is implied by OutH and
// OutW. All fields but the pads and the pixel strides must be at least 1.
type Shape struct {
	InH, InW, C          int
	OutH, OutW           int
	KH, KW               int
	StrideH, StrideW     int
	PadTop, PadLeft      int
	SrcStride, DstStride int // floats from pixel to pixel; 0 means C
}

// Max computes output rows y0 to y1-1 of a maximum pooling. Padding does not
// take part. As in TensorFlow on a CPU, a maximum starts at -[math.MaxFloat32]
// and NaN never wins: a window of NaN, -Inf and padding alone gives
// -MaxFloat32.
func Max(s *Shape, dst, src []float32, y0, y1 int) { maxRows(s, dst, src, y0, y1) }

// Average computes output rows y0 to y1-1 of an average pooling, summed in
// float64. Padding neither adds nor counts, as in Keras. A window that lies in
// the padding altogether gives 0.
func Average(s *Shape, dst, src []float32, y0, y1 int) { averageRows(s, dst, src, y0, y1) }

// GlobalMax computes the maximum of each of c channels over n pixels, srcStride
// floats apart, n at least 1. Keras takes it with another operation than
// [Max]: it may be -Inf, and NaN in a channel gives NaN.
func GlobalMax(dst, src []float32, n, c, srcStride int) { globalMax(dst, src, n, c, srcStride) }

// GlobalAverage computes the mean of each of c channels over n pixels,
// srcStride floats apart, n at least 1, summed in float64.
func GlobalAverage(dst, src []float32, n, c, srcStride int) {
	averageRows(&Shape{
		InH: 1, InW: n, C: c, OutH: 1, OutW: 1, KH: 1, KW: n,
		StrideH: 1, StrideW: 1, SrcStride: srcStride,
	}, dst, src, 0, 1)
}
