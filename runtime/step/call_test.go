package step

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// A Call runs its function on the operands, constants among them, and allocates
// nothing beside it; what the function does to its tensors stays with it.
func TestCall(t *testing.T) {
	x := vector(1, 2, 3)
	shift := func(in, out []graph.Tensor) error {
		if in[1].Float(0) == 0 {
			return errors.New("no shift")
		}
		for i, v := range in[0].Float32s() {
			out[0].Float32s()[i] = v + in[1].Float32s()[0]
			out[1].Data.([]bool)[i] = v > 1
		}
		in[0], out[0].Shape = graph.Tensor{}, nil
		return nil
	}
	types := []graph.Type{{DType: graph.Float32, Shape: graph.Shape{3}}, {DType: graph.Bool, Shape: graph.Shape{3}}}
	spec := Spec{
		Op: graph.Call{Name: "shift", Results: types}, Func: graph.Func{Run: shift},
		In: []graph.Type{types[0], {DType: graph.Float32, Shape: graph.Shape{1}}}, Out: types,
	}
	s, err := New(spec, nil)
	require.NoError(t, err)
	require.Equal(t, 1, s.Chunks())
	a := &Args{In: []graph.Tensor{x, vector(10)}, Out: []graph.Tensor{graph.NewTensor(types[0].DType, types[0].Shape), graph.NewTensor(types[1].DType, types[1].Shape)}}
	allocations := testing.AllocsPerRun(5, func() {
		if err := s.Run(a, 0, nil); err != nil {
			panic(err)
		}
	})
	if !raceDetector {
		require.Zero(t, allocations)
	}
	require.Equal(t, []float32{11, 12, 13}, a.Out[0].Float32s())
	require.Equal(t, []bool{false, true, true}, a.Out[1].Data)
	require.Equal(t, x, a.In[0])
	require.Equal(t, graph.Shape{3}, a.Out[0].Shape)

	a.In[1] = vector(0)
	require.ErrorContains(t, s.Run(a, 0, nil), "no shift")

	spec.Func.Run = func(in, out []graph.Tensor) error { out[1].Data = []bool{true, true, true}; return nil }
	s, err = New(spec, nil)
	require.NoError(t, err)
	require.ErrorContains(t, s.Run(a, 0, nil), "replaced result 1")

	spec.Func.Run = nil
	_, err = New(spec, nil)
	require.ErrorContains(t, err, `no function "shift"`)
}
