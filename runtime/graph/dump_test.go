package graph_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

func TestDump(t *testing.T) {
	b := graph.NewBuilder()
	x := b.Input("x", graph.Type{DType: graph.Float32, Shape: graph.Shape{graph.Dyn, 4, 4, 2}})
	b.Enter("block/conv")
	k := b.Param(graph.Param{Layer: "block/conv", Name: "kernel", Type: graph.Type{DType: graph.Float32, Shape: graph.Shape{3, 3, 2, 5}}})
	y := b.Apply(graph.Conv{Strides: []int{1, 1}, Dilation: []int{1, 1}, Groups: 1, Padding: graph.Padding{Mode: graph.Same}}, x, k)
	b.Enter("times")
	y = b.Apply(graph.Binary{Func: graph.Mul}, y, b.Scalar(graph.Float32, 2))
	y = b.Apply(graph.Sparsemax{}, y)
	b.Output("y", y)
	g, err := b.Graph()
	require.NoError(t, err)
	const want = `input  %0 x float32 (None, 4, 4, 2)
param  %1 block/conv/kernel float32 (3, 3, 2, 5)
const  %3 float32 () [2]
%2 = Conv{Strides:[1 1] Dilation:[1 1] Groups:1 Padding:{Mode:same}} %0 %1 : float32 (None, 4, 4, 5) # block/conv
%4 = Binary{Func:mul} %2 %3 : float32 (None, 4, 4, 5) # times
%5 = Sparsemax %4 : float32 (None, 4, 4, 5) # times
output %5 y
`
	require.Equal(t, want, g.Dump())
	require.Equal(t, want, g.Dump())
}

func TestDumpConsts(t *testing.T) {
	b := graph.NewBuilder()
	b.Const(graph.Tensor{DType: graph.String, Shape: graph.Shape{1}, Data: []string{"a b"}})
	b.Const(graph.NewTensor(graph.Int8, graph.Shape{3, 3}))
	g, err := b.Graph()
	require.NoError(t, err)
	require.Equal(t, "const  %0 string (1,) [\"a b\"]\nconst  %1 int8 (3, 3) [0 0 0 0 0 0 0 0 ...]\n", g.Dump())
}
