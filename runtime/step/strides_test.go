package step

import (
	"math"
	"math/rand"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// apart returns the elements of t with pixels stride floats apart and a value
// that nothing computes in the gaps.
func apart(t graph.Tensor, stride int) graph.Tensor {
	c := t.Shape[len(t.Shape)-1]
	src := t.Data.([]float32)
	n := len(src) / c
	dst := make([]float32, (n-1)*stride+c)
	for i := range dst {
		dst[i] = gap
	}
	for i := range n {
		copy(dst[i*stride:], src[i*c:][:c])
	}
	return graph.Tensor{DType: t.DType, Shape: t.Shape, Data: dst}
}

const gap = -123456.5

// together is the inverse of apart. It demands that the gaps are as they were.
func together(t *testing.T, x graph.Tensor, stride int) graph.Tensor {
	t.Helper()
	c := x.Shape[len(x.Shape)-1]
	y := graph.NewTensor(x.DType, x.Shape)
	src, dst := x.Data.([]float32), y.Data.([]float32)
	for i, v := range src {
		if k := i % stride; k < c {
			dst[i/stride*c+k] = v
		} else {
			require.Equal(t, float32(gap), v, "the gap behind pixel %d was written", i/stride)
		}
	}
	return y
}

// TestStrided compares steps on parts of wider tensors with steps on whole ones.
func TestStrided(t *testing.T) {
	kinds := map[string]func(r *rand.Rand, big bool) trial{
		"Winograd": func(r *rand.Rand, _ bool) trial { return winogradTrial(r, 2) },
		"Conv and Pool": func(r *rand.Rand, big bool) trial {
			tr, op := pooledTrial(t, r, convTrial, big)
			tr.epi.Pool = &op
			return tr
		},
	}
	for _, name := range []string{"Conv", "DepthwiseConv", "ConvTranspose", "MatMul", "Pool", "Activation", "BatchNorm", "Reduce", "Concat"} {
		kinds[name] = trials[name]
	}
	for name, trials := range kinds {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewSource(21))
			in, out := 0, 0
			count := map[string]int{"Winograd": 40, "Reduce": 1500}[name] // few reductions are over what lies between batch and channels
			for k := range max(count, 100-count) {
				tr := trials(r, k%50 == 49)
				want := tr.run(t, false)
				spec := tr.spec(t)
				a := tr.operands(spec)
				spec.InStride = make([]int, len(spec.In))
				for i, x := range tr.in {
					if spec.Const[i] == nil && r.Intn(3) > 0 && Strided(&spec, i) {
						spec.InStride[i] = x.Shape[len(x.Shape)-1] + r.Intn(5)
						a.In[i] = apart(x, spec.InStride[i])
						in++
					}
				}
				if r.Intn(3) > 0 && Strided(&spec, -1) {
					spec.OutStride = want.Shape[len(want.Shape)-1] + r.Intn(5)
					a.Out[0] = apart(a.Out[0], spec.OutStride)
					out++
				}
				s, err := New(spec, nil)
				require.NoError(t, err, "%#v of %v", tr.op, spec.In)
				scratch := make([]float32, s.Info().Scratch)
				for i := range scratch {
					scratch[i] = float32(math.NaN())
				}
				for c := s.Chunks() - 1; c >= 0; c-- {
					require.NoError(t, s.Run(a, c, scratch))
				}
				got := a.Out[0]
				if spec.OutStride != 0 {
					got = together(t, got, spec.OutStride)
				}
				require.Equal(t, bits(want), bits(got), "%#v of %v, pixels %v and %d apart", tr.op, spec.In, spec.InStride, spec.OutStride)
			}
			require.Greater(t, in, 10)
			require.True(t, name == "Reduce" || out > 10, "%d results", out)
		})
	}
}

// TestNotStrided refuses strides that a step does not take.
func TestNotStrided(t *testing.T) {
	f := func(s ...int) graph.Type { return graph.Type{DType: graph.Float32, Shape: s} }
	for _, s := range []Spec{
		{Op: graph.Softmax{Axes: []int{-1}}, In: []graph.Type{f(2, 3)}, Out: []graph.Type{f(2, 3)}, InStride: []int{4}},
		{Op: graph.Softmax{Axes: []int{-1}}, In: []graph.Type{f(2, 3)}, Out: []graph.Type{f(2, 3)}, OutStride: 4},
		{Op: graph.Activation{Func: graph.Tanh}, In: []graph.Type{f(2, 3)}, Out: []graph.Type{f(2, 3)}, OutStride: 2},
		{Op: graph.Activation{Func: graph.Tanh}, In: []graph.Type{f(2, 3)}, Out: []graph.Type{f(2, 3)}, InStride: []int{2}},
	} {
		_, err := New(s, nil)
		require.ErrorIs(t, err, graph.ErrAttr)
	}
}
