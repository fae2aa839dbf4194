package kerneltest

import "math"

// Pool2D describes a pooling; its fields are those of pool.Shape.
type Pool2D struct {
	InH, InW, C          int
	OutH, OutW           int
	KH, KW               int
	StrideH, StrideW     int
	PadTop, PadLeft      int
	SrcStride, DstStride int
}

// Pool computes the maximum and the average of every window, (OutH, OutW, C).
func Pool(s Pool2D, src []float32) (maximum, average []float64) {
	n := s.OutH * s.OutW * s.C
	maximum, average = make([]float64, n), make([]float64, n)
	count := make([]float64, n)
	for i := range maximum {
		maximum[i] = math.Inf(-1)
	}
	forTaps(s.OutH, s.OutW, s.KH, s.KW, func(y, x, kh, kw int) {
		iy, ix := y*s.StrideH-s.PadTop+kh, x*s.StrideW-s.PadLeft+kw
		if iy < 0 || iy >= s.InH || ix < 0 || ix >= s.InW {
			return
		}
		for c := 0; c < s.C; c++ {
			v := float64(src[(iy*s.InW+ix)*stride(s.SrcStride, s.C)+c])
			at := (y*s.OutW+x)*s.C + c
			maximum[at] = math.Max(maximum[at], v)
			average[at] += v
			count[at]++
		}
	})
	for i := range average {
		if count[i] > 0 {
			average[i] /= count[i]
		}
	}
	return maximum, average
}
