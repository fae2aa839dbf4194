package runtime

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

// Profile times every step of the plan and gives the outputs of Run.
func TestProfile(t *testing.T) {
	for name, batch := range map[string]int{"net_unet": 2, chained: 8} {
		t.Run(name, func(t *testing.T) { testProfile(t, name, batch) })
	}
}

func testProfile(t *testing.T, name string, batch int) {
	m, x := openGolden(t, name, batch, 2)
	in, shape := []Tensor{x}, x.Shape
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
		require.Equal(t, batch > 2, times[0].Parts > 1, "a chain")
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
