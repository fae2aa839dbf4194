package runtime

import (
	"testing"

	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/stretchr/testify/require"
)

func TestMatchRank(t *testing.T) {
	for _, c := range []struct {
		got, want, result graph.Shape
	}{
		{graph.Shape{2, 5}, graph.Shape{-1, 5}, graph.Shape{2, 5}},
		{graph.Shape{2, 5, 1}, graph.Shape{-1, 5}, graph.Shape{2, 5}},
		{graph.Shape{2, 5}, graph.Shape{-1, 5, 1}, graph.Shape{2, 5, 1}},
		{graph.Shape{2, 5}, graph.Shape{-1, 5, -1}, nil},
		{graph.Shape{2, 1, 5}, graph.Shape{-1, 5}, nil},
		{graph.Shape{2, 4}, graph.Shape{-1, 5}, nil},
	} {
		got, ok := matchRank(c.got, c.want)
		require.Equal(t, c.result != nil, ok, "%v for %v", c.got, c.want)
		require.Equal(t, c.result, got)
	}
}
