package conv

// Shape describes a 2-D convolution of one image. A 1-D convolution has
// InH = OutH = KH = 1; Dense is [DenseShape].
//
// Padding at the bottom and right is implied by OutH and OutW. All fields but
// the pads and the pixel strides must be at least 1; Groups divides InC and
// OutC.
type Shape struct {
	InH, InW, InC        int
	OutH, OutW, OutC     int
	KH, KW               int
	StrideH, StrideW     int
	DilationH, DilationW int
	PadTop, PadLeft      int
	Groups               int
	SrcStride, DstStride int // floats from pixel to pixel; 0 means InC and OutC
}

// DenseShape is the convolution that computes dst(m,n) = src(m,k)·kernel(k,n):
// an image of m rows and one column, so that row ranges split m.
func DenseShape(m, k, n int) Shape {
	return Shape{
		InH: m, InW: 1, InC: k, OutH: m, OutW: 1, OutC: n,
		KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1, Groups: 1,
	}
}

// Multiplications is the number of multiplications of a whole image, padding
// counted as if it were there; twice that is the customary FLOP count.
func (s *Shape) Multiplications() int {
	return s.OutH * s.OutW * s.OutC * s.KH * s.KW * (s.InC / s.Groups)
}

// PackedLen is the length of the packed weights of s.
func PackedLen(s *Shape) int {
	return packedLen(s.KH*s.KW, s.InC/s.Groups, s.OutC/s.Groups, s.Groups)
}

// Pack packs Keras's kernel (kh, kw, in/groups, out) into dst, which has
// length PackedLen(s).
func Pack(dst, kernel []float32, s *Shape) {
	PackRows(dst, kernel, s, 0, s.rows())
}

// Panels is the number of column panels the output channels of s are packed
// into: the unit in which [RunPanels] splits the channels.
func Panels(s *Shape) int { return s.Groups * panelsOf(s.OutC/s.Groups) }

// Run computes output rows y0 to y1-1:
//
//	dst = clamp(conv(src, kernel) + bias + residual)
//
// dst and src are whole images, packed comes from [Pack]. epi may be nil.
func Run(s *Shape, dst, src, packed []float32, epi *Epilogue, y0, y1 int) {
	RunPanels(s, dst, src, packed, epi, y0, y1, 0, Panels(s))
}

// RunPanels is [Run] for the output channels of panels p0 to p1-1 only. It
// splits what has too few rows to split, such as Dense on one sample.
func RunPanels(s *Shape, dst, src, packed []float32, epi *Epilogue, y0, y1, p0, p1 int) {
	var j job
	j.convolution(s, epi)
	run(&j, dst, src, packed, y0, y1, p0, p1)
}
