package conv

// TransposedShape describes a 2-D transposed convolution of one image, the
// adjoint of a convolution: input pixel (y, x) adds to the output pixels
//
//	(y*StrideH + kh*DilationH - CropTop, x*StrideW + kw*DilationW - CropLeft)
//
// that lie inside OutH x OutW. The crop is what Keras's padding cuts off;
// output past the last input's reach (output_padding) is bias alone.
type TransposedShape struct {
	InH, InW, InC        int
	OutH, OutW, OutC     int
	KH, KW               int
	StrideH, StrideW     int
	DilationH, DilationW int
	CropTop, CropLeft    int
	SrcStride, DstStride int // floats from pixel to pixel; 0 means InC and OutC
}

// TransposedPackedLen is the length of the packed weights of s.
func TransposedPackedLen(s *TransposedShape) int {
	return packedLen(s.KH*s.KW, s.InC, s.OutC, 1)
}

// PackTransposed packs Keras's kernel (kh, kw, out, in) into dst, which has
// length TransposedPackedLen(s).
func PackTransposed(dst, kernel []float32, s *TransposedShape) {
	packTurned(dst, kernel, s.KH*s.KW, s.InC, s.OutC)
}

// UnpackTransposed is the inverse of [PackTransposed].
func UnpackTransposed(kernel, packed []float32, s *TransposedShape) {
	unpackTurned(kernel, packed, s.KH*s.KW, s.InC, s.OutC)
}

// RunTransposed computes output rows y0 to y1-1 of a transposed convolution.
// dst and src are whole images, packed comes from [PackTransposed]. epi may be
// nil.
func RunTransposed(s *TransposedShape, dst, src, packed []float32, epi *Epilogue, y0, y1 int) {
	var j job
	j.transposedConvolution(s, epi)
	run(&j, dst, src, packed, y0, y1, 0, panelsOf(s.OutC))
}
