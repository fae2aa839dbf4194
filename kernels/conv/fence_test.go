package conv

import (
	"math/rand"
	"testing"

	"github.com/kerasrun/kerasrun/kernels/kerneltest"
)

// fenced copies src to just before an inaccessible page.
func fenced(t *testing.T, src []float32) []float32 {
	t.Helper()
	s := kerneltest.Fenced(t, len(src))
	copy(s, src)
	return s
}

// Kernels read and write nothing behind the ends of their slices, which the
// Go twins cannot and assembly can.
func TestFenced(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		r := rand.New(rand.NewSource(1))
		for i := 0; i < 150; i++ {
			s := randomShape(r)
			s.InC, s.OutC, s.SrcStride, s.DstStride = 1+r.Intn(17), 1+r.Intn(17), 0, 0
			packed := make([]float32, PackedLen(&s))
			Pack(packed, kerneltest.Random(r, s.KH*s.KW*s.InC*s.OutC), &s)
			dst := kerneltest.Fenced(t, s.OutH*s.OutW*s.OutC)
			epi := &Epilogue{Bias: fenced(t, kerneltest.Random(r, s.OutC)), Residual: dst}
			Run(&s, dst, fenced(t, kerneltest.Random(r, s.InH*s.InW*s.InC)), fenced(t, packed), epi, 0, s.OutH)

			d := depthwise(s, s.InC, 1+r.Intn(2))
			dst = kerneltest.Fenced(t, d.OutH*d.OutW*d.InC*d.Multiplier)
			epi = &Epilogue{Bias: fenced(t, kerneltest.Random(r, d.InC*d.Multiplier)), Residual: dst}
			RunDepthwise(&d, dst, fenced(t, kerneltest.Random(r, d.InH*d.InW*d.InC)),
				fenced(t, kerneltest.Random(r, DepthwisePackedLen(&d))), epi, 0, d.OutH)

			u := randomTransposed(r)
			u.SrcStride, u.DstStride = 0, 0
			dst = kerneltest.Fenced(t, u.OutH*u.OutW*u.OutC)
			epi = &Epilogue{Bias: fenced(t, kerneltest.Random(r, u.OutC)), Residual: dst}
			RunTransposed(&u, dst, fenced(t, kerneltest.Random(r, u.InH*u.InW*u.InC)),
				fenced(t, kerneltest.Random(r, TransposedPackedLen(&u))), epi, 0, u.OutH)
		}
	})
}
