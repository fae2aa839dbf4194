package cost_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/internal/cost"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// of returns the cost of the layers of testdata's model of that name, by hand below.
func of(t *testing.T, file string, shapes ...graph.Shape) map[string]cost.Layer {
	t.Helper()
	src, err := kerasrun.Open("../../testdata/models/" + file)
	require.NoError(t, err)
	defer src.Close()
	c, err := cost.Of(src.Program.Graph, shapes)
	require.NoError(t, err)
	return c
}

func TestOfDigits(t *testing.T) {
	c := of(t, "digits/model.keras", graph.Shape{2, 32, 32, 1})
	require.EqualValues(t, 2*30*30*32*3*3, c["conv2d"].MACs)
	require.GreaterOrEqual(t, c["conv2d"].Bytes, int64(4*2*30*30*32))
	require.EqualValues(t, 2*13*13*64*3*3*32, c["conv2d_1"].MACs)
	require.Zero(t, c["max_pooling2d"].MACs)
	require.EqualValues(t, 4*2*15*15*32, c["max_pooling2d"].Bytes)
	require.EqualValues(t, 2*128*10, c["digit"].MACs)
}

func TestOfWrongShape(t *testing.T) {
	src, err := kerasrun.Open("../../testdata/models/digits/model.keras")
	require.NoError(t, err)
	defer src.Close()
	_, err = cost.Of(src.Program.Graph, nil)
	require.ErrorIs(t, err, graph.ErrShape)
	_, err = cost.Of(src.Program.Graph, []graph.Shape{{2, 32, 32, 3}})
	require.ErrorIs(t, err, graph.ErrShape)
	require.ErrorContains(t, err, "conv2d")
}
