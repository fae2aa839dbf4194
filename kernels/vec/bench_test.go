package vec

import (
	"math/rand"
	"testing"

	"github.com/kerasrun/kerasrun/kernels/kerneltest"
)

func BenchmarkElementwise(b *testing.B) {
	src := kerneltest.Random(rand.New(rand.NewSource(1)), 4096)
	dst := make([]float32, len(src))
	for _, c := range []struct {
		name string
		f    func()
	}{
		{"ReLU", func() { ReLU(dst, src, 0, inf32, 0) }},
		{"LeakyReLU", func() { LeakyReLU(dst, src, 0.3) }},
		{"HardSigmoid", func() { HardSigmoid(dst, src) }},
		{"HardSiLU", func() { HardSiLU(dst, src) }},
		{"Exp", func() { Exp(dst, src) }},
		{"Sigmoid", func() { Sigmoid(dst, src) }},
		{"SiLU", func() { SiLU(dst, src) }},
		{"Tanh", func() { Tanh(dst, src) }},
		{"GELU", func() { GELU(dst, src) }},
		{"GELUTanh", func() { GELUTanh(dst, src) }},
		{"ELU", func() { ELU(dst, src, 1) }},
		{"SELU", func() { SELU(dst, src) }},
		{"Softplus", func() { Softplus(dst, src) }},
		{"Softsign", func() { Softsign(dst, src) }},
		{"Mish", func() { Mish(dst, src) }},
		{"Sqrt", func() { Sqrt(dst, src) }},
		{"Add", func() { Add(dst, src, src) }},
		{"Div", func() { Div(dst, src, src) }},
		{"Max", func() { Max(dst, src, src) }},
		{"MulScalar", func() { MulScalar(dst, src, 3) }},
		{"MulRow3", func() { MulRow(dst, src[:4095], src[:3]) }},
		{"MulRow24", func() { MulRow(dst, src, src[:24]) }},
		{"MulRow64", func() { MulRow(dst, src, src[:64]) }},
		{"ScaleShift", func() { ScaleShift(dst, src, src[:64], src[:64]) }},
		{"Softmax", func() { Softmax(dst, src, 4, 1024, 1) }},
		{"SoftmaxInner", func() { Softmax(dst, src, 4, 64, 16) }},
		{"LayerNorm", func() { LayerNorm(dst, src, src[:256], src[:256], 256, 1e-3) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			for i := 0; i < b.N; i++ {
				c.f()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(src)), "ns/element")
		})
	}
}
