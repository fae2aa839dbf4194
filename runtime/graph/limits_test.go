package graph

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBuilderLimits(t *testing.T) {
	b := NewBuilder()
	z, ok := b.Zeros(Float32, 3, 4)
	require.True(t, ok)
	require.Equal(t, 12, z.Len())
	for range 4 { // each is below the limit, all together are not
		_, ok = b.Zeros(Int64, 1<<20, 10)
	}
	require.False(t, ok)
	require.ErrorIs(t, b.Err(), ErrLimit)
	_, ok = b.Zeros(Float32, 1)
	require.False(t, ok, "after an error")

	b = NewBuilder()
	_, ok = b.Zeros(Float32, 1<<30, 1<<30)
	require.False(t, ok)
	require.ErrorIs(t, b.Err(), ErrLimit)

	b = NewBuilder()
	x := b.Input("x", Type{Float32, Shape{2}})
	for range maxValues {
		x = b.Apply(Unary{Func: Neg}, x)
	}
	require.ErrorIs(t, b.Err(), ErrLimit)

	b = NewBuilder()
	b.Input("x", Type{Float32, make(Shape, maxRank+1)})
	require.ErrorIs(t, b.Err(), ErrLimit)
}
