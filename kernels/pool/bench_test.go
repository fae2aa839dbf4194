package pool

import (
	"fmt"
	"math"
	"testing"
	"time"
)

// bench reports the shortest time of run a call and an input element.
func bench(b *testing.B, elements int, run func()) {
	best := math.Inf(1)
	for range b.N {
		start := time.Now()
		run()
		best = min(best, float64(time.Since(start).Nanoseconds()))
	}
	b.ReportMetric(best/1000, "µs-min")
	b.ReportMetric(best/float64(elements), "ns/element")
}

func BenchmarkWindows(b *testing.B) {
	for _, c := range []struct{ size, channels, k, stride, pad int }{
		{112, 64, 3, 2, 0}, {111, 32, 2, 2, 0}, {54, 128, 2, 2, 0}, {28, 256, 2, 2, 0}, {35, 192, 3, 1, 1}, {14, 512, 2, 2, 0},
	} {
		out := (c.size+2*c.pad-c.k)/c.stride + 1
		s := Shape{
			InH: c.size, InW: c.size, C: c.channels, OutH: out, OutW: out, KH: c.k, KW: c.k,
			StrideH: c.stride, StrideW: c.stride, PadTop: c.pad, PadLeft: c.pad,
		}
		src, dst := make([]float32, c.size*c.size*c.channels), make([]float32, out*out*c.channels)
		name := fmt.Sprintf("%dx%d/%dx%ds%d", c.size, c.channels, c.k, c.k, c.stride)
		b.Run("max/"+name, func(b *testing.B) { bench(b, len(src), func() { Max(&s, dst, src, 0, out) }) })
		b.Run("average/"+name, func(b *testing.B) { bench(b, len(src), func() { Average(&s, dst, src, 0, out) }) })
	}
}

func BenchmarkGlobal(b *testing.B) {
	for _, c := range []struct{ pixels, channels int }{{49, 1280}, {49, 2048}, {784, 240}, {12544, 32}} {
		src, dst := make([]float32, c.pixels*c.channels), make([]float32, c.channels)
		name := fmt.Sprintf("%dx%d", c.pixels, c.channels)
		b.Run("max/"+name, func(b *testing.B) {
			bench(b, len(src), func() { GlobalMax(dst, src, c.pixels, c.channels, c.channels) })
		})
		b.Run("average/"+name, func(b *testing.B) {
			bench(b, len(src), func() { GlobalAverage(dst, src, c.pixels, c.channels, c.channels) })
		})
	}
}
