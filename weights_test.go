package kerasrun_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/kerasrun/kerasrun"
	"github.com/stretchr/testify/require"
)

// The weights as they are come from the file, or from memory where the file
// cannot be opened again; either way they are the same.
func TestWeightValues(t *testing.T) {
	data, err := os.ReadFile(digits)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "model.keras")
	require.NoError(t, os.WriteFile(path, data, 0o666))
	lean, kept := load(t, path), load(t, path, kerasrun.WithKeptWeights())
	read, err := kerasrun.LoadReader(bytes.NewReader(data), int64(len(data)))
	require.NoError(t, err)
	want, err := lean.WeightValues()
	require.NoError(t, err)
	require.Len(t, want, len(lean.Weights()))
	for i, w := range lean.Weights() {
		require.Equal(t, w.Shape, want[i].Shape)
		require.Equal(t, w.Len(), want[i].Len())
	}
	for _, m := range []*kerasrun.Model{kept, read} {
		got, err := m.WeightValues()
		require.NoError(t, err)
		require.Equal(t, want, got)
	}

	// The file changes: predictions do not need it.
	x := pattern(2, 28, 28, 1)
	if in := lean.Inputs()[0].Shape; in[1] > 0 {
		x = pattern(2, in[1], in[2], in[3])
	}
	layer := []string{lean.Layers()[1].Path}
	_, before, err := lean.PredictLayers(context.Background(), layer, x)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, append(data, 0), 0o666))
	_, err = lean.WeightValues()
	require.ErrorIs(t, err, kerasrun.ErrNotFound)
	require.ErrorContains(t, err, "changed")
	_, _, err = lean.PredictLayers(context.Background(), layer, x)
	require.ErrorContains(t, err, "changed")
	require.NoError(t, os.Remove(path))
	_, err = lean.WeightValues()
	require.ErrorIs(t, err, kerasrun.ErrNotFound)
	var outs [][]kerasrun.Tensor
	for _, m := range []*kerasrun.Model{lean, kept, read} {
		out, err := m.Predict(context.Background(), x)
		require.NoError(t, err)
		outs = append(outs, out)
	}
	require.Equal(t, outs[0], outs[1])
	require.Equal(t, outs[0], outs[2])
	for _, m := range []*kerasrun.Model{kept, read} {
		_, after, err := m.PredictLayers(context.Background(), layer, x)
		require.NoError(t, err)
		require.Equal(t, before, after)
	}
}
