package kerasrun_test

import (
	"archive/zip"
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/stretchr/testify/require"
)

// A class that Keras does not have is an error that names it; WithLayer supplies it.
func TestWithLayer(t *testing.T) {
	archive, err := os.ReadFile("testdata/models/identity/model.keras")
	require.NoError(t, err)
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	require.NoError(t, err)
	r, err := z.Open("config.json")
	require.NoError(t, err)
	config, err := io.ReadAll(r)
	require.NoError(t, err)
	changed := strings.Replace(string(config), `"class_name": "Identity"`, `"class_name": "Doubled"`, 1)
	require.NotEqual(t, string(config), changed)
	data := rezip(t, archive, []byte(changed))

	_, err = kerasrun.LoadReader(bytes.NewReader(data), int64(len(data)))
	require.ErrorIs(t, err, kerasrun.ErrUnsupported)
	require.ErrorContains(t, err, `unknown layer class "Doubled"; supply it with WithLayer("Doubled", ...)`)

	double := func(b *kerasrun.LayerBuilder, _ *keras.Value, in []graph.Value) ([]graph.Value, error) {
		return []graph.Value{b.Apply(graph.Binary{Func: graph.Add}, in[0], in[0])}, nil
	}
	m, err := kerasrun.LoadReader(bytes.NewReader(data), int64(len(data)), kerasrun.WithLayer("Doubled", double))
	require.NoError(t, err)
	x := pattern(append(kerasrun.Shape{2}, m.Inputs()[0].Shape[1:]...)...)
	out, err := m.Predict(context.Background(), x)
	require.NoError(t, err)
	for i, v := range x.Float32s() {
		require.Equal(t, 2*v, out[0].Float32s()[i])
	}
}
