package step

import (
	"math/rand"
	"testing"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// BenchmarkStep runs steps of the sizes that the models of keras.applications have.
func BenchmarkStep(b *testing.B) {
	r := rand.New(rand.NewSource(8))
	same := graph.Padding{Mode: graph.Same}
	one, relu := []int{1, 1}, &graph.Activation{Func: graph.ReLU, B: inf}
	for _, c := range []struct {
		name string
		tr   trial
	}{
		{"conv 28x28x64", trial{op: graph.Conv{Strides: one, Dilation: one, Groups: 1, Padding: same},
			in: []graph.Tensor{random(r, 1, 28, 28, 64), random(r, 3, 3, 64, 64), random(r, 64)}, fixed: []int{1, 2}, epi: Epilogue{Bias: true, Act: relu}}},
		{"pointwise 7x7x512", trial{op: graph.Conv{Strides: one, Dilation: one, Groups: 1, Padding: same},
			in: []graph.Tensor{random(r, 1, 7, 7, 512), random(r, 1, 1, 512, 512)}, fixed: []int{1}}},
		{"depthwise 56x56x128", trial{op: graph.DepthwiseConv{Strides: one, Dilation: one, Padding: same},
			in: []graph.Tensor{random(r, 1, 56, 56, 128), random(r, 3, 3, 128, 1)}, fixed: []int{1}}},
		{"dense 4096x1024", trial{op: graph.MatMul{}, in: []graph.Tensor{random(r, 1, 4096), random(r, 4096, 1024)}, fixed: []int{1}}},
		{"product 8x64x64x64", trial{op: graph.MatMul{}, in: []graph.Tensor{random(r, 8, 64, 64), random(r, 8, 64, 64)}}},
		{"add 56x56x256", trial{op: graph.Binary{Func: graph.Add}, in: []graph.Tensor{random(r, 1, 56, 56, 256), random(r, 1, 56, 56, 256)}, epi: Epilogue{Act: relu}}},
		{"squeeze-excite 56x56x64", trial{op: graph.Binary{Func: graph.Mul}, in: []graph.Tensor{random(r, 1, 56, 56, 64), random(r, 1, 1, 1, 64)}}},
		{"squeeze-excite 8x28x28x24", trial{op: graph.Binary{Func: graph.Mul}, in: []graph.Tensor{random(r, 8, 28, 28, 24), random(r, 8, 1, 1, 24)}}},
		{"cast 224x224x3", trial{op: graph.Cast{To: graph.Float32}, in: []graph.Tensor{integers(r, graph.Uint8, 0, 256, 1, 224, 224, 3)}}},
		{"affine 224x224x3", trial{op: graph.BatchNorm{Axes: []int{-1}}, in: []graph.Tensor{random(r, 1, 224, 224, 3), random(r, 3), positive(r, 3)}, fixed: []int{1, 2}}},
		{"mean 7x7x2048", trial{op: graph.Reduce{Func: graph.ReduceMean, Axes: []int{1, 2}}, in: []graph.Tensor{random(r, 1, 7, 7, 2048)}}},
		{"sum 56x56x64", trial{op: graph.Reduce{Func: graph.ReduceSum, Axes: []int{1, 2}}, in: []graph.Tensor{random(r, 1, 56, 56, 64)}}},
		{"max pool 112x112x64", trial{op: graph.Pool{Kind: graph.MaxPool, Size: []int{3, 3}, Strides: []int{2, 2}, Padding: same}, in: []graph.Tensor{random(r, 1, 112, 112, 64)}}},
		{"transpose 224x224x3", trial{op: graph.Transpose{Perm: []int{0, 3, 1, 2}}, in: []graph.Tensor{random(r, 1, 224, 224, 3)}}},
		{"transpose 56x56x64", trial{op: graph.Transpose{Perm: []int{0, 3, 1, 2}}, in: []graph.Tensor{random(r, 1, 56, 56, 64)}}},
		{"concat 28x28", trial{op: graph.Concat{Axis: -1}, in: []graph.Tensor{random(r, 1, 28, 28, 96), random(r, 1, 28, 28, 32)}}},
		{"pad 112x112x64", trial{op: graph.Pad{Before: []int{0, 1, 1, 0}, After: []int{0, 1, 1, 0}, Mode: graph.FillConstant}, in: []graph.Tensor{random(r, 1, 112, 112, 64)}}},
		{"where 56x56x64", trial{op: graph.Where{}, in: []graph.Tensor{integers(r, graph.Bool, 0, 2, 1, 56, 56, 1), random(r, 1, 56, 56, 64), random(r, 1)}}},
		{"softmax 1000", trial{op: graph.Softmax{Axes: []int{-1}}, in: []graph.Tensor{random(r, 1, 1000)}}},
	} {
		b.Run(c.name, func(b *testing.B) {
			spec := c.tr.spec(b)
			s, err := New(spec, nil)
			if err != nil {
				b.Fatal(err)
			}
			a, scratch := c.tr.operands(spec), make([]float32, s.Info().Scratch)
			b.SetBytes(s.Info().Bytes)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				for i := range s.Chunks() {
					if err := s.Run(a, i, scratch); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(s.Info().FLOPs)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
		})
	}
}
