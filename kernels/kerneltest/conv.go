package kerneltest

// Conv2D describes a convolution; its fields are those of conv.Shape, which
// converts to it.
type Conv2D struct {
	InH, InW, InC        int
	OutH, OutW, OutC     int
	KH, KW               int
	StrideH, StrideW     int
	DilationH, DilationW int
	PadTop, PadLeft      int
	Groups               int
	SrcStride, DstStride int
}

// Conv computes (OutH, OutW, OutC) with kernel (kh, kw, in/groups, out).
func Conv(s Conv2D, src, kernel []float32) Sums {
	sums := newSums(s.OutH * s.OutW * s.OutC)
	in, out := s.InC/s.Groups, s.OutC/s.Groups
	forTaps(s.OutH, s.OutW, s.KH, s.KW, func(y, x, kh, kw int) {
		iy, ix := y*s.StrideH-s.PadTop+kh*s.DilationH, x*s.StrideW-s.PadLeft+kw*s.DilationW
		if iy < 0 || iy >= s.InH || ix < 0 || ix >= s.InW {
			return
		}
		for oc := 0; oc < s.OutC; oc++ {
			for c := 0; c < in; c++ {
				sums.add((y*s.OutW+x)*s.OutC+oc,
					src[(iy*s.InW+ix)*stride(s.SrcStride, s.InC)+oc/out*in+c],
					kernel[((kh*s.KW+kw)*in+c)*s.OutC+oc])
			}
		}
	})
	return sums
}

// Depthwise2D describes a depthwise convolution; its fields are those of
// conv.DepthwiseShape.
type Depthwise2D struct {
	InH, InW, InC        int
	OutH, OutW           int
	Multiplier           int
	KH, KW               int
	StrideH, StrideW     int
	DilationH, DilationW int
	PadTop, PadLeft      int
	SrcStride, DstStride int
}

// Depthwise computes (OutH, OutW, InC*Multiplier) with kernel
// (kh, kw, in, multiplier).
func Depthwise(s Depthwise2D, src, kernel []float32) Sums {
	out := s.InC * s.Multiplier
	sums := newSums(s.OutH * s.OutW * out)
	forTaps(s.OutH, s.OutW, s.KH, s.KW, func(y, x, kh, kw int) {
		iy, ix := y*s.StrideH-s.PadTop+kh*s.DilationH, x*s.StrideW-s.PadLeft+kw*s.DilationW
		if iy < 0 || iy >= s.InH || ix < 0 || ix >= s.InW {
			return
		}
		for oc := 0; oc < out; oc++ {
			sums.add((y*s.OutW+x)*out+oc,
				src[(iy*s.InW+ix)*stride(s.SrcStride, s.InC)+oc/s.Multiplier],
				kernel[(kh*s.KW+kw)*out+oc])
		}
	})
	return sums
}

// Transposed2D describes a transposed convolution; its fields are those of
// conv.TransposedShape.
type Transposed2D struct {
	InH, InW, InC        int
	OutH, OutW, OutC     int
	KH, KW               int
	StrideH, StrideW     int
	DilationH, DilationW int
	CropTop, CropLeft    int
	SrcStride, DstStride int
}

// Transposed computes (OutH, OutW, OutC) with kernel (kh, kw, out, in) by
// scattering every input pixel.
func Transposed(s Transposed2D, src, kernel []float32) Sums {
	sums := newSums(s.OutH * s.OutW * s.OutC)
	forTaps(s.InH, s.InW, s.KH, s.KW, func(y, x, kh, kw int) {
		oy, ox := y*s.StrideH+kh*s.DilationH-s.CropTop, x*s.StrideW+kw*s.DilationW-s.CropLeft
		if oy < 0 || oy >= s.OutH || ox < 0 || ox >= s.OutW {
			return
		}
		for oc := 0; oc < s.OutC; oc++ {
			for c := 0; c < s.InC; c++ {
				sums.add((oy*s.OutW+ox)*s.OutC+oc,
					src[(y*s.InW+x)*stride(s.SrcStride, s.InC)+c],
					kernel[((kh*s.KW+kw)*s.OutC+oc)*s.InC+c])
			}
		}
	})
	return sums
}

// MatMul computes a(m,k)·b, where b is (k, n), or (n, k) when transposed.
func MatMul(a, b []float32, m, k, n int, transposed bool) Sums {
	sums := newSums(m * n)
	for i := 0; i < m; i++ {
		for j := 0; j < n; j++ {
			for l := 0; l < k; l++ {
				at := l*n + j
				if transposed {
					at = j*k + l
				}
				sums.add(i*n+j, a[i*k+l], b[at])
			}
		}
	}
	return sums
}

func forTaps(h, w, kh, kw int, f func(y, x, kh, kw int)) {
	for y := 0; y < h; y++ {
		for x := 0; x < w; x++ {
			for i := 0; i < kh; i++ {
				for j := 0; j < kw; j++ {
					f(y, x, i, j)
				}
			}
		}
	}
}

func stride(s, channels int) int {
	if s == 0 {
		return channels
	}
	return s
}
