package conv

// DepthwiseShape describes a 2-D depthwise convolution of one image: output
// channel c*Multiplier+m is the convolution of input channel c with its own
// kernel m. Fields are as in [Shape].
type DepthwiseShape struct {
	InH, InW, InC        int
	OutH, OutW           int
	Multiplier           int
	KH, KW               int
	StrideH, StrideW     int
	DilationH, DilationW int
	PadTop, PadLeft      int
	SrcStride, DstStride int // floats from pixel to pixel; 0 means InC and InC*Multiplier
}

// DepthwisePackedLen is the length of the packed weights of s.
func DepthwisePackedLen(s *DepthwiseShape) int { return s.KH * s.KW * s.InC * s.Multiplier }

// PackDepthwise packs Keras's kernel (kh, kw, in, multiplier) into dst, which
// has length DepthwisePackedLen(s).
func PackDepthwise(dst, kernel []float32, s *DepthwiseShape) {
	copy(dst[:DepthwisePackedLen(s)], kernel)
}

// RunDepthwise computes output rows y0 to y1-1 of a depthwise convolution. dst
// and src are whole images, packed comes from [PackDepthwise]. epi may be nil.
func RunDepthwise(s *DepthwiseShape, dst, src, packed []float32, epi *Epilogue, y0, y1 int) {
	runDepthwise(s, dst, src, packed, epi, y0, y1)
}
