package runtime

import (
	"context"
	"math"
	"testing"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/stretchr/testify/require"
)

// TestCheckFinite finds the layer that makes the first infinity, though a later
// one hides it, and an input that has one already.
func TestCheckFinite(t *testing.T) {
	m, err := openArchitecture([]byte(`{"class_name":"Sequential","config":{"name":"s","layers":[
		{"class_name":"InputLayer","config":{"name":"in","batch_shape":[null,2],"dtype":"float32"}},
		{"class_name":"Rescaling","config":{"name":"small","scale":0.5}},
		{"class_name":"Activation","config":{"name":"large","activation":"exponential"}},
		{"class_name":"ReLU","config":{"name":"hidden","max_value":1.0}}]}}`), keras.Hint{Version: "3.15.1"}, nil, Options{Threads: 1})
	require.NoError(t, err)
	ctx := context.Background()
	n, err := m.CheckFinite(ctx, graph.Floats([]float32{1, 2, 3, 4}, 2, 2))
	require.NoError(t, err)
	require.Nil(t, n)
	n, err = m.CheckFinite(ctx, graph.Floats([]float32{1, 2, 300, 4}, 2, 2))
	require.NoError(t, err)
	require.Equal(t, &NotFinite{Layer: "large", Class: "Activation", Shape: Shape{2, 2}, At: []int{1, 0}, Value: math.Inf(1), Count: 1}, n)
	require.Equal(t, "layer large (Activation) has 1 of 4 values that are not finite, the first +Inf at [1 0] of (2, 2)", n.String())
	n, err = m.CheckFinite(ctx, graph.Floats([]float32{1, 2, 3, float32(math.NaN())}, 2, 2))
	require.NoError(t, err)
	require.Contains(t, n.String(), `input "in" has 1 of 4 values that are not finite, the first NaN at [1 1]`)
	_, err = m.CheckFinite(ctx)
	require.ErrorIs(t, err, ErrInput)
	require.NoError(t, m.Close())
	_, err = m.CheckFinite(ctx, graph.Floats([]float32{1, 2}, 1, 2))
	require.ErrorIs(t, err, ErrClosed)
}
