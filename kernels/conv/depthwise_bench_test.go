package conv

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/kerasrun/kerasrun/kernels/cpu"
)

// BenchmarkDepthwise runs the depthwise layers of MobileNetV2 (3x3) and
// EfficientNetB0 (5x5), with Keras's "same" padding.
func BenchmarkDepthwise(b *testing.B) {
	for _, c := range []struct{ size, channels, k, stride int }{
		{112, 32, 3, 1}, {112, 96, 3, 2}, {56, 144, 3, 1}, {28, 192, 3, 1}, {14, 384, 3, 1}, {14, 576, 3, 1}, {7, 960, 3, 1},
		{56, 144, 5, 2}, {28, 240, 5, 1}, {14, 480, 5, 1}, {14, 672, 5, 2}, {7, 1152, 5, 1},
		{56, 96, 7, 1}, {19, 728, 3, 1},
	} {
		b.Run(fmt.Sprintf("%dx%d/%dx%ds%d", c.size, c.channels, c.k, c.k, c.stride), func(b *testing.B) {
			out := (c.size + c.stride - 1) / c.stride
			pad := max((out-1)*c.stride+c.k-c.size, 0) / 2
			benchmarkDepthwise(b, DepthwiseShape{
				InH: c.size, InW: c.size, InC: c.channels, OutH: out, OutW: out, Multiplier: 1, KH: c.k, KW: c.k,
				StrideH: c.stride, StrideW: c.stride, DilationH: 1, DilationW: 1, PadTop: pad, PadLeft: pad,
			})
		})
	}
}

// BenchmarkDepthwiseGathered runs layers whose channels are gathered.
func BenchmarkDepthwiseGathered(b *testing.B) {
	for _, c := range []struct{ size, channels, multiplier int }{{56, 32, 2}, {14, 256, 2}, {112, 3, 1}, {112, 3, 8}} {
		b.Run(fmt.Sprintf("%dx%d*%d", c.size, c.channels, c.multiplier), func(b *testing.B) {
			benchmarkDepthwise(b, DepthwiseShape{
				InH: c.size, InW: c.size, InC: c.channels, OutH: c.size, OutW: c.size, Multiplier: c.multiplier, KH: 3, KW: 3,
				StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1, PadTop: 1, PadLeft: 1,
			})
		})
	}
}

func benchmarkDepthwise(b *testing.B, s DepthwiseShape) {
	src, dst := make([]float32, s.InH*s.InW*s.InC), make([]float32, s.OutH*s.OutW*s.InC*s.Multiplier)
	packed := make([]float32, DepthwisePackedLen(&s))
	for i := range src {
		src[i] = float32(i % 17)
	}
	epi := &Epilogue{Bias: make([]float32, s.InC*s.Multiplier), Clamp: true, Hi: 6}
	best := math.Inf(1)
	b.ResetTimer()
	for range b.N {
		start := time.Now()
		RunDepthwise(&s, dst, src, packed, epi, 0, s.OutH)
		best = min(best, float64(time.Since(start).Nanoseconds()))
	}
	b.StopTimer()
	gflops := 2 * float64(len(dst)*s.KH*s.KW) / best
	b.ReportMetric(best/1000, "µs-min")
	b.ReportMetric(gflops, "GFLOP/s")
	b.ReportMetric(1e11*gflops/cpu.PeakFLOPS(), "%peak")
}
