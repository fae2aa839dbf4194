package conv

import (
	"testing"
)

// valid3x3 is a 3x3 convolution of stride 1 without padding that gives out x out.
func valid3x3(out, in, channels int) Shape {
	return Shape{
		InH: out + 2, InW: out + 2, InC: in, OutH: out, OutW: out, OutC: channels,
		KH: 3, KW: 3, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1, Groups: 1,
	}
}

func benchmarkRun(b *testing.B, s Shape) {
	src := make([]float32, s.InH*s.InW*s.InC)
	dst := make([]float32, s.OutH*s.OutW*s.OutC)
	packed := make([]float32, PackedLen(&s))
	bias := make([]float32, s.OutC)
	for i := range src {
		src[i] = float32(i%17) / 16
	}
	for i := range packed {
		packed[i] = float32(i%13)/13 - 0.5
	}
	epi := &Epilogue{Bias: bias, Clamp: true, Hi: 6}
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		Run(&s, dst, src, packed, epi, 0, s.OutH)
	}
	b.ReportMetric(2*float64(s.Multiplications())*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
}

func BenchmarkConv224x3to32(b *testing.B)  { benchmarkRun(b, valid3x3(222, 3, 32)) }
func BenchmarkConv111x32to64(b *testing.B) { benchmarkRun(b, valid3x3(109, 32, 64)) }
func BenchmarkConv54x64to128(b *testing.B) { benchmarkRun(b, valid3x3(52, 64, 128)) }
func BenchmarkConv7x512to512(b *testing.B) { benchmarkRun(b, valid3x3(7, 512, 512)) }
func BenchmarkPointwise56x64to256(b *testing.B) {
	s := DenseShape(56*56, 64, 256)
	benchmarkRun(b, s)
}
func BenchmarkPointwise112x16to96(b *testing.B) { benchmarkRun(b, DenseShape(112*112, 16, 96)) }
func BenchmarkDenseBatch1(b *testing.B)         { benchmarkRun(b, DenseShape(1, 4096, 1024)) }

func BenchmarkTransposed28x64to32(b *testing.B) {
	s := TransposedShape{
		InH: 28, InW: 28, InC: 64, OutH: 56, OutW: 56, OutC: 32, KH: 4, KW: 4,
		StrideH: 2, StrideW: 2, DilationH: 1, DilationW: 1, CropTop: 1, CropLeft: 1,
	}
	src, dst := make([]float32, 28*28*64), make([]float32, 56*56*32)
	packed := make([]float32, TransposedPackedLen(&s))
	for i := 0; i < b.N; i++ {
		RunTransposed(&s, dst, src, packed, nil, 0, s.OutH)
	}
	b.ReportMetric(2*float64(28*28*16*64*32)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
}
