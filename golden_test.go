package kerasrun_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/internal/verify"
	"github.com/stretchr/testify/require"
)

// goldenCase is a case.json, as python/golden.py writes it.
type goldenCase struct {
	Name, Keras, Model, Weights string
}

// TestGolden holds every case of testdata/models to Keras's own error.
func TestGolden(t *testing.T) { checkFolder(t, "testdata/models") }

// checkFolder holds every case of a folder, loaded with options, to Keras's own error.
func checkFolder(t *testing.T, folder string, options ...kerasrun.Option) {
	files, err := filepath.Glob(folder + "/*/case.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			var c goldenCase
			require.NoError(t, json.Unmarshal(text, &c))
			checkGolden(t, dir, c, 3, options...)
			checkGolden(t, dir, c, 2, append(slices.Clone(options), kerasrun.WithExact())...)
		})
	}
}

// checkGolden allows factor times Keras's own error.
func checkGolden(t *testing.T, dir string, c goldenCase, factor float64, options ...kerasrun.Option) {
	t.Helper()
	if c.Weights != "" {
		options = append(options, kerasrun.WithWeights(filepath.Join(dir, c.Weights)))
	}
	m, err := kerasrun.Load(filepath.Join(dir, c.Model), options...)
	require.NoError(t, err)
	defer m.Close()
	cs, err := verify.ReadCase(filepath.Join(dir, "expect.npz"), m)
	require.NoError(t, err)
	results, err := cs.Run(context.Background(), m, verify.DefaultTolerance, &verify.Exact{Factor: factor})
	require.NoError(t, err)
	require.NotEmpty(t, results)
	for _, r := range results {
		require.True(t, r.OK, "%s: %s", r.Name, r.Reason)
	}
}
