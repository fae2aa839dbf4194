package runtime

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// Profile times every step of the plan and gives the outputs of Run.
func TestProfile(t *testing.T) {
	m, err := OpenPath("../testdata/models/net_unet/model.keras", "", Options{Threads: 2})
	require.NoError(t, err)
	defer m.Close()
	shape := m.Inputs()[0].Shape.Clone()
	shape[0] = 2
	n, _ := shape.Elems()
	data := make([]float32, n)
	for i := range data {
		data[i] = float32(i%17) / 17
	}
	in := []Tensor{{DType: graph.Float32, Shape: shape, Data: data}}
	s, err := m.NewSession(shape)
	require.NoError(t, err)
	want, got := s.Outputs(), s.Outputs()
	require.NoError(t, s.Run(context.Background(), in, want))
	info, err := m.PlanInfo(shape)
	require.NoError(t, err)
	for range 2 {
		times, err := s.Profile(context.Background(), in, got)
		require.NoError(t, err)
		require.Equal(t, want, got)
		require.Len(t, times, len(info.Steps))
		for i, st := range times {
			require.Equal(t, info.Steps[i], st.PlanStep)
			require.Positive(t, st.Time)
		}
	}
	require.NoError(t, s.Run(context.Background(), in, got))
	require.Equal(t, want, got)

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = s.Profile(ctx, in, got)
	require.ErrorIs(t, err, context.Canceled)
	_, err = s.Profile(context.Background(), nil, got)
	require.ErrorIs(t, err, ErrInput)
}
