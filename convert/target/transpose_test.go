package target

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// TestTransposed compares with indices written out.
func TestTransposed(t *testing.T) {
	for _, c := range []struct{ shape, perm []int }{
		{[]int{3, 5}, []int{1, 0}}, {[]int{3, 2, 19, 33}, []int{3, 2, 0, 1}}, {[]int{2, 3, 4}, []int{0, 1, 2}}, {[]int{2, 3, 4}, []int{1, 2, 0}},
		{[]int{2, 3, 2, 17, 5}, []int{4, 3, 0, 1, 2}}, {[]int{3, 0, 2}, []int{2, 1, 0}},
	} {
		in := graph.NewTensor(graph.Int32, c.shape)
		for i := range in.Len() {
			in.SetFloat(i, float64(i))
		}
		got := Transposed(in, c.perm)
		half := Transposed(in.Cast(graph.Float32), c.perm)
		index := make([]int, len(c.shape)) // of the result
		for i := range got.Len() {
			rest := i
			for a := len(index) - 1; a >= 0; a-- {
				index[a] = rest % got.Shape[a]
				rest /= got.Shape[a]
			}
			at := 0
			for a, n := range c.shape {
				at = at*n + index[slices.Index(c.perm, a)]
			}
			require.EqualValues(t, at, got.Float(i), "%v", c)
			require.EqualValues(t, at, half.Float(i), "%v", c)
		}
	}
}
