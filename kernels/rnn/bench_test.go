package rnn

import (
	"fmt"
	"math/rand"
	"testing"

	"github.com/kerasrun/kerasrun/kernels/kerneltest"
)

// BenchmarkStep is one step; the work is 2·units·gates·units operations a sample.
func BenchmarkStep(b *testing.B) {
	for _, kind := range []Kind{LSTM, GRU} {
		for _, units := range []int{16, 32, 64, 128, 256} {
			for _, n := range []int{1, 4, 7} {
				b.Run(fmt.Sprintf("%d/%dx%d", kind, n, units), func(b *testing.B) {
					r := rand.New(rand.NewSource(1))
					c := New(kind, units)
					state := func() State {
						return State{kerneltest.Random(r, n*c.Padded()), kerneltest.Random(r, n*c.Padded())}
					}
					s := Step{
						Now: state(), Next: state(), Z: kerneltest.Random(r, n*c.Wide()), N: n,
						Weights: kerneltest.Random(r, c.PackedLen()), Bias: kerneltest.Random(r, c.Padded()), Room: make([]float32, n*c.Room()),
					}
					for i := range s.Weights {
						s.Weights[i] *= 0.05
					}
					var w Worker
					b.ResetTimer()
					for range b.N {
						c.Run(&w, &s)
						s.Now, s.Next, s.Down = s.Next, s.Now, !s.Down
					}
					b.ReportMetric(float64(2*n*units*units*c.gates)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
				})
			}
		}
	}
}
