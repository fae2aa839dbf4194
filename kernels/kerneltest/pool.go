package kerneltest

import "math"

// Pooling describes a pooling; its fields are those of pool.Shape.
type Pooling struct {
	InD, InH, InW, C          int
	OutD, OutH, OutW          int
	KD, KH, KW                int
	StrideD, StrideH, StrideW int
	PadFront, PadTop, PadLeft int
	SrcStride, DstStride      int
}

// Pool computes the maximum and the average of every window, (OutD, OutH, OutW, C).
func Pool(s Pooling, src []float32) (maximum, average []float64) {
	if s.InD == 0 {
		s.InD, s.OutD, s.KD = 1, 1, 1
	}
	n := s.OutD * s.OutH * s.OutW * s.C
	maximum, average = make([]float64, n), make([]float64, n)
	count := make([]float64, n)
	for i := range maximum {
		maximum[i] = math.Inf(-1)
	}
	for od := range s.OutD {
		for kd := range s.KD {
			id := od*s.StrideD - s.PadFront + kd
			if id < 0 || id >= s.InD {
				continue
			}
			forTaps(s.OutH, s.OutW, s.KH, s.KW, func(y, x, kh, kw int) {
				iy, ix := y*s.StrideH-s.PadTop+kh, x*s.StrideW-s.PadLeft+kw
				if iy < 0 || iy >= s.InH || ix < 0 || ix >= s.InW {
					return
				}
				for c := 0; c < s.C; c++ {
					v := float64(src[((id*s.InH+iy)*s.InW+ix)*stride(s.SrcStride, s.C)+c])
					at := ((od*s.OutH+y)*s.OutW+x)*s.C + c
					maximum[at] = math.Max(maximum[at], v)
					average[at] += v
					count[at]++
				}
			})
		}
	}
	for i := range average {
		if count[i] > 0 {
			average[i] /= count[i]
		}
	}
	return maximum, average
}
