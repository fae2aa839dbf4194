package step

import (
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/weight"
)

// winogradTrial is a 3x3 convolution that Winograd's method is faster for,
// large enough for several chunks every other time.
func winogradTrial(r *rand.Rand, n int) trial {
	s := []int{n, between(r, 6, 17), between(r, 6, 17), between(r, 32, 70)}
	filters := between(r, 32, 70)
	if r.Intn(4) == 0 { // the channels are split
		s[1], s[2], filters = 8, 8, 300
	}
	p := padding(r, 2, []int{3, 3})
	op := graph.Conv{Strides: []int{1, 1}, Dilation: []int{1, 1}, Groups: 1, Padding: p}
	tr := trial{op: op, in: []graph.Tensor{random(r, s...), random(r, 3, 3, s[3], filters)}, terms: 9 * s[3], winograd: 1 << 30}
	tr = tr.finishConv(r)
	if !slices.Contains(tr.fixed, 1) {
		tr.fixed = append(tr.fixed, 1)
	}
	return tr
}

func (tr *trial) kernel(t testing.TB) string {
	t.Helper()
	s, err := New(tr.spec(t), nil)
	require.NoError(t, err)
	return s.Info().Kernel
}

// TestWinograd compares with float64, in both orders of the chunks, and demands
// the same bits of a batch and of its samples.
func TestWinograd(t *testing.T) {
	r := rand.New(rand.NewSource(11))
	chunks := map[bool]int{}
	for range 60 {
		tr := winogradTrial(r, 2)
		require.True(t, strings.HasPrefix(tr.kernel(t), "winograd/"), "%v is %s", tr.in[0].Shape, tr.kernel(t))
		tr.check(t)
		s, err := New(tr.spec(t), nil)
		require.NoError(t, err)
		chunks[s.Chunks() > 1]++

		whole := tr.run(t, false)
		for i := range 2 {
			one := tr
			one.in = slices.Clone(tr.in)
			one.in[0] = sampleOf(tr.in[0], i)
			if tr.epi.Residual {
				one.in[len(one.in)-1] = sampleOf(tr.in[len(tr.in)-1], i)
			}
			if strings.HasPrefix(one.kernel(t), "winograd/") {
				require.Equal(t, bits(sampleOf(whole, i)), bits(one.run(t, false)), "sample %d", i)
			}
		}
	}
	require.Len(t, chunks, 2, "some have one chunk, some have more")
}

// TestWinogradBudget holds that transformed weights stay within the budget, and
// that those that are there cost nothing.
func TestWinogradBudget(t *testing.T) {
	r := rand.New(rand.NewSource(12))
	tr := trial{
		op: graph.Conv{Strides: []int{1, 1}, Dilation: []int{1, 1}, Groups: 1, Padding: graph.Padding{Mode: graph.Same}},
		in: []graph.Tensor{random(r, 1, 16, 16, 32), random(r, 3, 3, 32, 64)}, fixed: []int{1},
	}
	other := tr
	other.in = []graph.Tensor{tr.in[0], random(r, 3, 3, 32, 64)}
	const size = 36 * 32 * 64 * 4
	packs := weight.NewPacks(1)
	first, second := tr.spec(t), other.spec(t)
	kernel := func(spec Spec, budget int64) string {
		spec.Winograd = budget
		s, err := New(spec, packs)
		require.NoError(t, err)
		return s.Info().Kernel[:4]
	}
	require.Equal(t, "conv", kernel(first, 0))
	require.Equal(t, "conv", kernel(first, size-1))
	require.Equal(t, "wino", kernel(first, size))
	require.Equal(t, "wino", kernel(first, size))
	require.Equal(t, "conv", kernel(second, 2*size-1))
	require.Equal(t, "wino", kernel(second, 2*size))
}
