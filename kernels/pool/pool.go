package pool

import "github.com/kerasrun/kerasrun/kernels/cpu"

// Shape describes the pooling of one image, or of one volume where the depths
// are not 0. A 1-D pooling has InH = OutH = KH = 1. Padding behind is implied by
// the output's size. All fields but the pads, the pixel strides and the depths
// must be at least 1.
type Shape struct {
	InD, InH, InW, C          int
	OutD, OutH, OutW          int
	KD, KH, KW                int
	StrideD, StrideH, StrideW int
	PadFront, PadTop, PadLeft int
	SrcStride, DstStride      int // floats from pixel to pixel; 0 means C
}

// complete fills in what may be left out.
func (s Shape) complete() Shape {
	if s.InD == 0 {
		s.InD, s.OutD, s.KD, s.StrideD, s.PadFront = 1, 1, 1, 1, 0
	}
	if s.SrcStride == 0 {
		s.SrcStride = s.C
	}
	if s.DstStride == 0 {
		s.DstStride = s.C
	}
	return s
}

// Max computes output rows y0 to y1-1 of a maximum pooling, of all planes'
// rows, one plane after the other. Padding does not take part. As in TensorFlow
// on a CPU, a maximum starts at -[math.MaxFloat32] and NaN never wins: a window
// of NaN, -Inf and padding alone gives -MaxFloat32.
func Max(s *Shape, dst, src []float32, y0, y1 int) {
	c := s.complete()
	if !poolVector(maximum, &c, dst, src, y0, y1) {
		maxRows(&c, dst, src, y0, y1)
	}
}

// MaxGrad computes the gradient dx of a maximum pooling of one image src, given
// dy, that of its result: what belongs to a window goes to its first maximum in
// row-major order, or, if all, to every pixel that equals it. As in TensorFlow, a NaN
// is the maximum only where it stands first. Pixels lie side by side in all three.
func MaxGrad(s *Shape, dx, src, dy []float32, all bool) {
	c := s.complete()
	maxGrad(&c, dx, src, dy, all)
}

// Average computes output rows y0 to y1-1 of an average pooling, summed in
// float64. Padding neither adds nor counts, as in Keras. A window that lies in
// the padding altogether gives 0.
func Average(s *Shape, dst, src []float32, y0, y1 int) {
	c := s.complete()
	if !poolVector(average, &c, dst, src, y0, y1) {
		averageRows(&c, dst, src, y0, y1)
	}
}

// GlobalMax computes the maximum of each of c channels over n pixels, srcStride
// floats apart, n at least 1. Keras takes it with another operation than
// [Max]: it may be -Inf, and NaN in a channel gives NaN.
func GlobalMax(dst, src []float32, n, c, srcStride int) {
	s := line(n, c, srcStride)
	if !poolVector(top, &s, dst, src, 0, 1) {
		globalMax(dst, src, n, c, srcStride)
	}
}

// GlobalAverage computes the mean of each of c channels over n pixels,
// srcStride floats apart, n at least 1, summed in float64.
func GlobalAverage(dst, src []float32, n, c, srcStride int) {
	s := line(n, c, srcStride)
	Average(&s, dst, src, 0, 1)
}

// line is one window over n pixels.
func line(n, c, srcStride int) Shape {
	return Shape{
		InH: 1, InW: n, C: c, OutH: 1, OutW: 1, KH: 1, KW: n,
		StrideH: 1, StrideW: 1, SrcStride: srcStride,
	}.complete()
}

// kind is what a pooling makes of a window.
type kind uint8

const (
	maximum kind = iota // NaN never wins
	average
	top // NaN wins
)

// use is the variant of this process; tests set it to try the others.
var use = cpu.Active()

// Variant is the variant that windows of c channels run on.
func Variant(c int) cpu.Variant {
	if lanes, _ := kernelFor(maximum, c, false); lanes == 0 {
		return cpu.Generic
	}
	return variantFor(c)
}
