package graph

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBuilderCast(t *testing.T) {
	b := NewBuilder()
	x := b.Input("x", Type{Int32, Shape{Dyn, 3}})
	require.Equal(t, x, b.Cast(x, Int32)) // no node
	y := b.Cast(x, Float32)
	require.Equal(t, Type{Float32, Shape{Dyn, 3}}, y.Type)
	require.Len(t, b.g.Nodes, 1)

	b.Fail(errors.New("earlier"))
	require.Equal(t, Value{-1, Type{Float16, Shape{Dyn, 3}}}, b.Cast(x, Float16))
	require.Len(t, b.g.Nodes, 1)
	require.EqualError(t, b.Err(), "earlier")
}
