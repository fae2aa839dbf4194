package plan

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

func TestTogether(t *testing.T) {
	lstm := func(in, out int) *node { return &node{op: graph.LSTM{}, in: []int{in}, out: []int{out}} }
	p := &program{nodes: []*node{
		lstm(0, 1), lstm(0, 2), // two directions
		lstm(0, 3), // not the third
		{op: graph.Reshape{}, in: []int{3}, out: []int{4}},
		lstm(4, 5), lstm(5, 6), // one after the other
		lstm(5, 7),
	}}
	var pairs []int
	for i := range p.nodes {
		if p.together(i) {
			pairs = append(pairs, i)
		}
	}
	require.Equal(t, []int{0, 5}, pairs)
}
