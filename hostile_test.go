package kerasrun_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math/rand"
	"os"
	"path/filepath"
	"sort"
	"testing"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/keras"
	"github.com/stretchr/testify/require"
)

// badValues are put in the place of config values.
var badValues = []any{-1, 0, 1, 2, float64(1 << 31), float64(1<<53 + 2), 1e308, -0.5, "x", "", "same", nil, true, []any{}, []any{-1, 2}, []any{0, 0}, map[string]any{}}

// mutate replaces one value below v, chosen by rng, and returns v.
func mutate(v any, rng *rand.Rand) any {
	switch v := v.(type) {
	case map[string]any:
		if len(v) > 0 && rng.Intn(12) > 0 {
			keys := make([]string, 0, len(v))
			for k := range v {
				keys = append(keys, k)
			}
			sort.Strings(keys)
			k := keys[rng.Intn(len(keys))]
			v[k] = mutate(v[k], rng)
			return v
		}
	case []any:
		if len(v) > 0 && rng.Intn(8) > 0 {
			i := rng.Intn(len(v))
			v[i] = mutate(v[i], rng)
			return v
		}
	}
	return badValues[rng.Intn(len(badValues))]
}

// rezip returns the archive with another config.json.
func rezip(t *testing.T, archive []byte, config []byte) []byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	require.NoError(t, err)
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range z.File {
		data := config
		if f.Name != "config.json" {
			r, err := f.Open()
			require.NoError(t, err)
			data, err = io.ReadAll(r)
			require.NoError(t, err)
		}
		o, err := w.CreateHeader(&zip.FileHeader{Name: f.Name, Method: zip.Store})
		require.NoError(t, err)
		_, err = o.Write(data)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return out.Bytes()
}

// A config with one wrong value is an error or another model, and never a panic,
// whether the model is loaded or run.
func TestMutatedConfigs(t *testing.T) {
	files, err := filepath.Glob("testdata/models/*/model.keras")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	rng := rand.New(rand.NewSource(11))
	rounds := 1500
	if testing.Short() {
		rounds = 100
	}
	limits := kerasrun.WithLimits(kerasrun.Limits{Activation: 8 << 20, Weights: 16 << 20})
	loaded := 0
	for range rounds {
		file := files[rng.Intn(len(files))]
		archive, err := os.ReadFile(file)
		require.NoError(t, err)
		if len(archive) > 200e3 {
			continue
		}
		z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
		require.NoError(t, err)
		r, err := z.Open("config.json")
		require.NoError(t, err)
		var config any
		d := json.NewDecoder(r)
		d.UseNumber()
		if d.Decode(&config) != nil { // Infinity, which encoding/json does not know
			continue
		}
		text, err := json.Marshal(mutate(config, rng))
		require.NoError(t, err)
		data := rezip(t, archive, text)
		require.NotPanics(t, func() {
			m, err := kerasrun.LoadReader(bytes.NewReader(data), int64(len(data)), limits)
			if err != nil {
				return
			}
			loaded++
			var in []kerasrun.Tensor
			for _, i := range m.Inputs() {
				shape := append(kerasrun.Shape{}, i.Shape...)
				n := 1
				for k, s := range shape {
					if s < 0 {
						shape[k] = 3
					}
					n *= shape[k]
				}
				if n > 1<<20 || i.DType == kerasrun.String {
					return
				}
				in = append(in, pattern(shape...).Cast(i.DType))
			}
			if _, err = m.Predict(context.Background(), in...); err != nil {
				require.NotContains(t, err.Error(), "internal error", "%s with %s", file, text)
			}
		}, "%s with %s", file, text)
	}
	require.NotZero(t, loaded)
}

// A bug met while a model is opened is an error that names the file, not the end of the process.
func TestPanicWhileOpening(t *testing.T) {
	_, err := kerasrun.Load("testdata/models/dense/model.keras", kerasrun.WithLayer("Dense",
		func(*kerasrun.LayerBuilder, *keras.Value, []kerasrun.Value) ([]kerasrun.Value, error) { panic("a bug") }))
	require.ErrorContains(t, err, "testdata/models/dense/model.keras: internal error: a bug")
}
