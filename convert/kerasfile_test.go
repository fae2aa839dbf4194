package convert_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/convert"
	"github.com/kerasrun/kerasrun/convert/kerasfile"
	"github.com/kerasrun/kerasrun/convert/target"
	"github.com/kerasrun/kerasrun/internal/verify"
)

// TestKerasFiles converts golden cases to files of Keras 3, which must give the
// results that their own Keras gave.
func TestKerasFiles(t *testing.T) {
	agreed := 0
	eachCase(t, func(t *testing.T, dir string, m *kerasrun.Source) {
		for _, format := range []string{"keras", "h5"} {
			var b bytes.Buffer
			if err := convert.Write(context.Background(), &b, m, format, convert.Options{}); err != nil {
				require.ErrorIs(t, err, kerasrun.ErrUnsupported, "%s", format)
				continue
			}
			checkResult(t, b.Bytes(), filepath.Join(dir, "expect.npz"), format)
			agreed++
		}
	})
	require.NotZero(t, agreed)
}

// TestToday holds that the archive of a model in the form of Keras 3 is that of the model itself.
func TestToday(t *testing.T) {
	eachCase(t, func(t *testing.T, _ string, m *kerasrun.Source) {
		var want bytes.Buffer
		err := convert.Write(context.Background(), &want, m, "keras", convert.Options{})
		today, refused := kerasfile.Today(&target.Job{Model: m, Context: context.Background(), Note: func(string, ...any) {}})
		if err != nil {
			require.EqualError(t, refused, err.Error())
			return
		}
		require.NoError(t, refused)
		for _, l := range m.Program.Layers {
			if l.Class == "ThresholdedReLU" {
				return // a model of operations, whose files repeat shapes as far as they were known
			}
		}
		require.True(t, bytes.Equal(want.Bytes(), write(t, today, "keras", convert.Options{})))
	})
}

// TestNamedWeights writes architectures, and their weights by name, and opens both together.
func TestNamedWeights(t *testing.T) {
	agreed := 0
	eachCase(t, func(t *testing.T, dir string, m *kerasrun.Source) {
		var arch bytes.Buffer
		if err := convert.Write(context.Background(), &arch, m, "json", convert.Options{}); err != nil {
			require.ErrorIs(t, err, kerasrun.ErrUnsupported)
			return
		}
		today, err := kerasfile.Today(&target.Job{Model: m, Context: context.Background(), Note: func(string, ...any) {}})
		require.NoError(t, err)
		for _, format := range []string{"safetensors", "npz"} {
			fsys := fstest.MapFS{"m.json": {Data: arch.Bytes()}, "w": {Data: write(t, today, format, convert.Options{})}}
			after, err := kerasrun.LoadFS(fsys, "m.json", kerasrun.WithWeights("w"), kerasrun.WithExact())
			require.NoError(t, err)
			checkModel(t, after, filepath.Join(dir, "expect.npz"), format)
			after.Close()
			agreed++
		}
	})
	require.NotZero(t, agreed)
}

// eachCase calls f with the folder and the model of each golden case, in -short of one in seven.
func eachCase(t *testing.T, f func(t *testing.T, dir string, m *kerasrun.Source)) {
	cases, err := filepath.Glob(models + "*/case.json")
	require.NoError(t, err)
	require.NotEmpty(t, cases)
	for i, file := range cases {
		if testing.Short() && i%7 != 0 {
			continue
		}
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			var about struct{ Model, Weights string }
			require.NoError(t, json.Unmarshal(text, &about))
			var options []kerasrun.Option
			if about.Weights != "" {
				options = append(options, kerasrun.WithWeights(filepath.Join(dir, about.Weights)))
			}
			m, err := kerasrun.Open(filepath.Join(dir, about.Model), options...)
			if errors.Is(err, kerasrun.ErrUnsupported) {
				t.Skip("a custom class")
			}
			require.NoError(t, err)
			defer m.Close()
			f(t, dir, m)
		})
	}
}

func checkResult(t *testing.T, b []byte, expect, format string) {
	after, err := kerasrun.LoadReader(bytes.NewReader(b), int64(len(b)), kerasrun.WithExact())
	require.NoError(t, err, format)
	defer after.Close()
	checkModel(t, after, expect, format)
}

// checkModel holds a model to what its case expects.
func checkModel(t *testing.T, after *kerasrun.Model, expect, format string) {
	recorded, err := verify.ReadCase(expect, after)
	require.NoError(t, err, format)
	results, err := recorded.Run(context.Background(), after, verify.DefaultTolerance, &verify.Exact{Factor: 3})
	require.NoError(t, err, format)
	require.NotEmpty(t, results, format)
	for _, r := range results {
		require.True(t, r.OK, "%s: %s: %s", format, r.Name, r.Reason)
	}
}
