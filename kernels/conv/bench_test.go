package conv

import (
	"fmt"
	"testing"
	"time"

	"github.com/kerasrun/kerasrun/kernels/cpu"
)

// valid3x3 is a 3x3 convolution of stride 1 without padding that gives out x out.
func valid3x3(out, in, channels int) Shape {
	return Shape{
		InH: out + 2, InW: out + 2, InC: in, OutH: out, OutW: out, OutC: channels,
		KH: 3, KW: 3, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1, Groups: 1,
	}
}

// A layer is a row of the table of benchmarks.
type layer struct {
	name  string
	shape Shape
}

// same is a k x k convolution with Keras's padding "same" of an image of
// size x size.
func same(size, in, out, k, stride int) Shape {
	o := (size + stride - 1) / stride
	return Shape{
		InH: size, InW: size, InC: in, OutH: o, OutW: o, OutC: out, KH: k, KW: k, StrideH: stride, StrideW: stride,
		DilationH: 1, DilationW: 1, PadTop: max(0, (o-1)*stride+k-size) / 2, PadLeft: max(0, (o-1)*stride+k-size) / 2, Groups: 1,
	}
}

// pointwise is a 1x1 convolution, as the step makes it.
func pointwise(size, in, out int) Shape { return DenseShape(size*size, in, out) }

func with(s Shape, change func(s *Shape)) Shape {
	change(&s)
	return s
}

// layers are those of well-known nets: c of a small CNN on 224x224x3, r and p
// of ResNet50, m of MobileNetV2; then what is less common.
var layers = []layer{
	{"c1", valid3x3(222, 3, 32)},
	{"c2", valid3x3(109, 32, 64)},
	{"c3", valid3x3(52, 64, 128)},
	{"stem", same(224, 3, 64, 7, 2)},
	{"r56", same(56, 64, 64, 3, 1)},
	{"r28", same(28, 128, 128, 3, 1)},
	{"r14", same(14, 256, 256, 3, 1)},
	{"r7", same(7, 512, 512, 3, 1)},
	{"p56a", pointwise(56, 64, 256)},
	{"p56b", pointwise(56, 256, 64)},
	{"p28a", pointwise(28, 512, 128)},
	{"p14a", pointwise(14, 1024, 256)},
	{"p14b", pointwise(14, 256, 1024)},
	{"p7a", pointwise(7, 2048, 512)},
	{"p7b", pointwise(7, 512, 2048)},
	{"p56s2", same(56, 256, 512, 1, 2)},
	{"m_stem", same(224, 3, 32, 3, 2)},
	{"m112a", pointwise(112, 16, 96)},
	{"m112b", pointwise(112, 32, 16)},
	{"m56a", pointwise(56, 24, 144)},
	{"m56b", pointwise(56, 144, 24)},
	{"m28a", pointwise(28, 32, 192)},
	{"m28b", pointwise(28, 192, 32)},
	{"m14a", pointwise(14, 64, 384)},
	{"m14b", pointwise(14, 384, 64)},
	{"m14c", pointwise(14, 96, 576)},
	{"m7a", pointwise(7, 160, 960)},
	{"m7b", pointwise(7, 960, 160)},
	{"m7c", pointwise(7, 320, 1280)},
	{"vgg1", same(224, 3, 64, 3, 1)},
	{"vgg5", same(14, 512, 512, 3, 1)},
	{"out10", same(112, 32, 10, 3, 1)},
	{"out3", same(112, 32, 3, 3, 1)},
	{"mnist1", valid3x3(26, 1, 32)},
	{"conv1d1", Shape{InH: 1, InW: 1000, InC: 8, OutH: 1, OutW: 996, OutC: 64, KH: 1, KW: 5, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1, Groups: 1}},
	{"conv1d2", Shape{InH: 1, InW: 498, InC: 64, OutH: 1, OutW: 494, OutC: 64, KH: 1, KW: 5, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1, Groups: 1}},
	{"grouped", with(same(56, 128, 128, 3, 1), func(s *Shape) { s.Groups = 8 })},
	{"grouped32", with(same(28, 256, 256, 3, 1), func(s *Shape) { s.Groups = 8 })},
	{"dilated", with(same(28, 128, 128, 3, 1), func(s *Shape) { s.DilationH, s.DilationW, s.PadTop, s.PadLeft = 2, 2, 2, 2 })},
	{"batch32a", DenseShape(32, 784, 512)},
	{"batch32b", DenseShape(32, 512, 256)},
	{"batch32c", DenseShape(32, 256, 10)},
	{"batch32d", DenseShape(32, 1600, 128)},
}

// products counts the multiplications of s that are made: not those on padding.
func (s *Shape) products() int {
	count := func(in, out, taps, stride, dilation, pad int) (n int) {
		a := newAxis(in, out, taps, stride, dilation, pad)
		for o := range out {
			n += a.span(o).n
		}
		return n
	}
	return count(s.InH, s.OutH, s.KH, s.StrideH, s.DilationH, s.PadTop) *
		count(s.InW, s.OutW, s.KW, s.StrideW, s.DilationW, s.PadLeft) * s.InC / s.Groups * s.OutC
}

// measure runs f b.N times and reports the rate of the fastest run, of the
// given multiplications, beside the peak of the core in the same run.
func measure(b *testing.B, multiplications int, f func()) {
	peak := cpu.PeakFLOPS()
	best := time.Duration(1 << 62)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		start := time.Now()
		f()
		best = min(best, time.Since(start))
	}
	rate := 2 * float64(multiplications) / best.Seconds()
	b.ReportMetric(float64(best.Nanoseconds())/1000, "best-µs")
	b.ReportMetric(rate/1e9, "GFLOP/s")
	b.ReportMetric(100*rate/peak, "%peak")
}

func ramp(n, period int) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = float32(i%period)/float32(period) - 0.25
	}
	return s
}

// go test ./kernels/conv -bench Layers -benchtime 100x
func BenchmarkLayers(b *testing.B) {
	for _, l := range layers {
		b.Run(l.name, func(b *testing.B) {
			s := l.shape
			src, packed := ramp(s.InH*s.InW*s.InC, 17), ramp(PackedLen(&s), 13)
			dst := make([]float32, s.OutH*s.OutW*s.OutC)
			epi := &Epilogue{Bias: make([]float32, s.OutC), Clamp: true, Hi: 6}
			measure(b, s.products(), func() { Run(&s, dst, src, packed, epi, 0, s.OutH) })
		})
	}
}

func BenchmarkDenseBatch1(b *testing.B) {
	for _, n := range [][2]int{{784, 512}, {512, 256}, {256, 10}, {1600, 128}, {4096, 1024}, {1280, 1000}} {
		b.Run(fmt.Sprintf("%dx%d", n[0], n[1]), func(b *testing.B) {
			s := DenseShape(1, n[0], n[1])
			src, packed, dst := ramp(n[0], 17), ramp(PackedLen(&s), 13), make([]float32, n[1])
			epi := &Epilogue{Bias: make([]float32, n[1]), Clamp: true, Hi: 6}
			measure(b, s.products(), func() { Run(&s, dst, src, packed, epi, 0, 1) })
		})
	}
}

func BenchmarkTransposed(b *testing.B) {
	for _, s := range []TransposedShape{
		{InH: 28, InW: 28, InC: 64, OutH: 56, OutW: 56, OutC: 32, KH: 4, KW: 4, CropTop: 1, CropLeft: 1},
		{InH: 16, InW: 16, InC: 256, OutH: 32, OutW: 32, OutC: 128, KH: 2, KW: 2},
		{InH: 64, InW: 64, InC: 64, OutH: 128, OutW: 128, OutC: 32, KH: 2, KW: 2},
	} {
		s.StrideH, s.StrideW, s.DilationH, s.DilationW = 2, 2, 1, 1
		b.Run(fmt.Sprintf("%dx%dx%dto%dk%d", s.InH, s.InW, s.InC, s.OutC, s.KH), func(b *testing.B) {
			src, packed := ramp(s.InH*s.InW*s.InC, 17), ramp(TransposedPackedLen(&s), 13)
			dst := make([]float32, s.OutH*s.OutW*s.OutC)
			measure(b, s.InH*s.InW*s.KH*s.KW*s.InC*s.OutC, func() { RunTransposed(&s, dst, src, packed, nil, 0, s.OutH) })
		})
	}
}
