package step

import (
	"math/rand"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// A long image of one row is split between its pixels, whatever its padding,
// strides and epilogue.
func TestOneRowIsSplit(t *testing.T) {
	r := rand.New(rand.NewSource(12))
	split := map[bool]int{}
	for i := range 60 {
		cells := between(r, 28, 700)
		size, strides, dilation := window(r, []int{cells}, twos[:1])
		var tr trial
		if i%3 == 0 {
			c := between(r, 1, 70)
			op := graph.DepthwiseConv{Strides: strides, Dilation: dilation, Padding: padding(r, 1, size)}
			tr = trial{op: op, in: []graph.Tensor{random(r, 2, cells, c), random(r, size[0], c, 1)}, terms: size[0]}
		} else {
			c, filters := between(r, 1, 40), between(r, 1, 80)
			op := graph.Conv{Strides: strides, Dilation: dilation, Groups: 1, Padding: padding(r, 1, size)}
			tr = trial{op: op, in: []graph.Tensor{random(r, 2, cells, c), random(r, size[0], c, filters)}, terms: size[0] * c}
		}
		tr = tr.finishConv(r)
		s, err := New(tr.spec(t), nil)
		require.NoError(t, err)
		split[s.Chunks() > 2]++ // more than the images
		tr.check(t)
	}
	require.Greater(t, split[true], 10)
	require.Greater(t, split[false], 10)
}
