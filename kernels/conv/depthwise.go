package conv

import "github.com/kerasrun/kerasrun/kernels/cpu"

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

// maxGathered is how many floats of the source are gathered at most where its
// channels do not lie side by side; larger windows are left to the plain loop.
const maxGathered = 4096

// gathered returns how many rows and columns of the source the windows of rows
// times up to 8 outputs lie on.
func (s *DepthwiseShape) gathered(rows int) (h, w int) {
	return (rows-1)*s.StrideH + (s.KH-1)*s.DilationH + 1, 7*s.StrideW + (s.KW-1)*s.DilationW + 1
}

// depthwiseLanes is the number of channels of a group of the packed weights, or
// 0 where the plain loop runs.
func depthwiseLanes(s *DepthwiseShape) int {
	lanes := 0
	switch {
	case use.name == cpu.AVX512 && s.InC*s.Multiplier >= 16:
		lanes = 16
	case use.name == cpu.AVX512 || use.name == cpu.AVX2:
		lanes = 8
	case use.name == cpu.NEON:
		lanes = 4
	}
	if h, w := s.gathered(1); (s.Multiplier > 1 || s.InC < lanes) && h*w*lanes > maxGathered {
		return 0
	}
	return lanes
}

// DepthwisePackedLen is the length of the packed weights of s.
func DepthwisePackedLen(s *DepthwiseShape) int {
	out := s.InC * s.Multiplier
	if lanes := depthwiseLanes(s); lanes > 0 {
		out = (out + lanes - 1) / lanes * lanes
	}
	return s.KH * s.KW * out
}

// PackDepthwise packs Keras's kernel (kh, kw, in, multiplier) into dst, which
// has length DepthwisePackedLen(s): as it is for the plain loop, and else in
// groups of a register of channels, (group, kh, kw, lane). The last group ends
// at the last channel and may overlap the one before; if it is the only one it is
// filled up with zeros.
func PackDepthwise(dst, kernel []float32, s *DepthwiseShape) {
	lanes := depthwiseLanes(s)
	if lanes == 0 {
		copy(dst[:DepthwisePackedLen(s)], kernel)
		return
	}
	out := s.InC * s.Multiplier
	for c := 0; c < out; c += lanes {
		from := max(min(c, out-lanes), 0)
		for t := range s.KH * s.KW {
			clear(dst[copy(dst[:lanes], kernel[t*out+from:][:min(lanes, out)]):lanes])
			dst = dst[lanes:]
		}
	}
}

// RunDepthwise computes output rows y0 to y1-1 of a depthwise convolution. dst
// and src are whole images, packed comes from [PackDepthwise]. epi may be nil.
func RunDepthwise(s *DepthwiseShape, dst, src, packed []float32, epi *Epilogue, y0, y1 int) {
	switch {
	case y0 >= y1 || s.OutW == 0 || s.InC == 0:
	case depthwiseLanes(s) > 0:
		runDepthwiseVector(s, dst, src, packed, epi, y0, y1)
	default:
		runDepthwise(s, dst, src, packed, epi, y0, y1)
	}
}

// DepthwiseVariant is the variant that [RunDepthwise] runs on.
func DepthwiseVariant(s *DepthwiseShape) cpu.Variant {
	switch depthwiseLanes(s) {
	case 16:
		return cpu.AVX512
	case 8:
		return cpu.AVX2
	case 4:
		return cpu.NEON
	}
	return cpu.Generic
}
