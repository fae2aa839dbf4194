package step

import (
	"math"
	"math/rand"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// pooledTrial is a trial of a convolution with one or two spatial axes, and a
// max pooling that fits its result.
func pooledTrial(t testing.TB, r *rand.Rand, trials func(*rand.Rand, bool) trial, big bool) (trial, graph.Pool) {
	for {
		tr := trials(r, big)
		x := tr.in[0]
		rank := len(x.Shape) - 2
		if rank > 2 {
			continue
		}
		y := tr.spec(t).Out[0].Shape
		size, strides, _ := window(r, y[1:1+rank], ones(rank))
		return tr, graph.Pool{Kind: graph.MaxPool, Size: size, Strides: strides, Padding: padding(r, rank, size)}
	}
}

// TestFusedPooling compares a convolution that pools with a convolution and a
// pooling, bit by bit.
func TestFusedPooling(t *testing.T) {
	for name, trials := range map[string]func(*rand.Rand, bool) trial{"Conv": convTrial, "DepthwiseConv": depthwiseTrial} {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewSource(11))
			most, shared := 0, 0
			for k := range 400 {
				tr, op := pooledTrial(t, r, trials, k%15 == 0)
				switch x := tr.in[0]; {
				case k%10 == 1:
					for i := range tr.in {
						tr.in[i] = tr.in[i].Cast(graph.Float64)
					}
				case k%3 == 0: // NaN never wins
					x.SetFloat(r.Intn(x.Len()), math.NaN())
				}
				after := trial{op: op, in: []graph.Tensor{tr.run(t, false)}}
				want := after.run(t, false)
				tr.epi.Pool = &op
				for _, reversed := range []bool{false, true} {
					require.Equal(t, bits(want), bits(tr.run(t, reversed)), "%#v of %v: %#v", tr.op, tr.spec(t).In, op)
				}
				require.Equal(t, bits(want), bits(tr.runAll(t)), "%#v of %v: %#v", tr.op, tr.spec(t).In, op)
				s, err := New(tr.spec(t), nil)
				require.NoError(t, err)
				most = max(most, s.Chunks())
				if p, ok := s.(*pooledConvolution); ok && p.lines < p.axis.out && p.axis.stride < p.axis.taps {
					shared++
				}
			}
			require.Greater(t, most, 1, "no trial had more than one chunk")
			require.Positive(t, shared, "no two blocks of a trial shared lines")
		})
	}
}

func TestFusedPoolingAllocates(t *testing.T) {
	r := rand.New(rand.NewSource(12))
	for range 20 {
		tr, op := pooledTrial(t, r, convTrial, false)
		tr.epi.Pool = &op
		spec := tr.spec(t)
		s, err := New(spec, nil)
		require.NoError(t, err)
		a, scratch := tr.operands(spec), make([]float32, s.Info().Scratch)
		require.Zero(t, testing.AllocsPerRun(3, func() {
			if err := s.Run(a, 0, scratch); err != nil {
				panic(err)
			}
		}), "%#v of %v", tr.op, spec.In)
	}
}

// TestWinogradPools is TestFusedPooling for Winograd's method. Where 3 rows or
// columns are left for the last tile, pooling leaves one out, and the tile is a
// smaller one with other roundings.
func TestWinogradPools(t *testing.T) {
	r := rand.New(rand.NewSource(13))
	pool := graph.Pool{Kind: graph.MaxPool, Size: []int{2, 2}, Strides: []int{2, 2}, Padding: graph.Padding{Mode: graph.Valid}}
	pooled := 0
	for range 150 {
		tr := winogradTrial(r, 2)
		if x := tr.in[0]; r.Intn(3) == 0 {
			x.SetFloat(r.Intn(x.Len()), math.NaN())
		}
		whole := tr.run(t, false)
		if whole.Shape[1]%4 == 3 || whole.Shape[2]%4 == 3 {
			continue
		}
		after := trial{op: pool, in: []graph.Tensor{whole}}
		want := after.run(t, false)
		tr.epi.Pool = &pool
		if !strings.HasPrefix(tr.kernel(t), "winograd/") {
			require.False(t, PoolsFaster(tr.op, tr.in[1].Shape, tr.epi), "%+v", tr.epi)
			continue
		}
		require.True(t, PoolsFaster(tr.op, tr.in[1].Shape, tr.epi), "%+v", tr.epi)
		for _, reversed := range []bool{false, true} {
			require.Equal(t, bits(want), bits(tr.run(t, reversed)), "%v", tr.in[0].Shape)
		}
		require.Equal(t, bits(want), bits(tr.runAll(t)), "%v", tr.in[0].Shape)
		pooled++
	}
	require.Greater(t, pooled, 5)
}

func TestPoolsFaster(t *testing.T) {
	pool := func(size, stride int, mode graph.PadMode) Epilogue {
		return Epilogue{Pool: &graph.Pool{Kind: graph.MaxPool, Size: []int{size, size}, Strides: []int{stride, stride}, Padding: graph.Padding{Mode: mode}}}
	}
	conv := graph.Conv{Strides: []int{1, 1}, Dilation: []int{1, 1}, Groups: 1}
	for _, c := range []struct {
		kernel graph.Shape
		e      Epilogue
		want   bool
	}{
		{graph.Shape{3, 3, 32, 32}, pool(2, 2, graph.Valid), true},
		{graph.Shape{3, 3, 32, 32}, pool(2, 2, graph.Same), false},
		{graph.Shape{3, 3, 32, 32}, pool(3, 3, graph.Valid), false},
		{graph.Shape{3, 3, 3, 32}, pool(3, 3, graph.Same), true},
		{graph.Shape{3, 3, 3, 32}, pool(3, 2, graph.Same), true},
		{graph.Shape{5, 5, 3, 32}, pool(3, 2, graph.Same), false},
		{graph.Shape{5, 5, 3, 32}, pool(2, 2, graph.Same), true},
	} {
		require.Equal(t, c.want, PoolsFaster(conv, c.kernel, c.e), "%v %+v", c.kernel, c.e.Pool)
	}
	silu := pool(2, 2, graph.Valid)
	silu.Act = &graph.Activation{Func: graph.SiLU}
	require.False(t, PoolsFaster(conv, graph.Shape{3, 3, 32, 32}, silu))
	require.True(t, PoolsFaster(graph.DepthwiseConv{}, graph.Shape{3, 3, 32, 1}, pool(3, 2, graph.Valid)))
}
