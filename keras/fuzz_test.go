package keras

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// typed fails unless err wraps one of the package's sentinels.
func typed(t *testing.T, err error) {
	t.Helper()
	if err != nil && !errors.Is(err, ErrFormat) && !errors.Is(err, ErrUnsupported) && !errors.Is(err, ErrLimit) {
		t.Fatalf("error of no kind: %v", err)
	}
}

func FuzzParseJSON(f *testing.F) {
	for _, s := range []string{`{"a": [1, -2.5e3, NaN, Infinity, -Infinity, null, true], "b": "\u00e9\ud83d\ude00\\\n"}`, `[[[]]]`, `"{\"a\": 1}"`, "\ufeff0", `{"a": 1, "a": 2}`, "\"\xff\""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := ParseJSON(data, Limits{JSONNodes: 10000})
		typed(t, err)
		if err != nil {
			return
		}
		// What was read is written so that it is read as the same.
		text := v.JSON()
		again, err := ParseJSON([]byte(text), Limits{JSONSize: 1 << 30})
		require.NoError(t, err)
		require.Equal(t, text, again.JSON())
		_, err = v.Embedded(Limits{})
		typed(t, err)
		v.Brief()
	})
}

func FuzzParseArchitecture(f *testing.F) {
	files, err := filepath.Glob("testdata/arch/*.json")
	require.NoError(f, err)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(f, err)
		if len(data) < 3000 {
			f.Add(data, filepath.Base(file)[:5])
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, version string) {
		m, err := ParseArchitecture(data, Hint{Version: version}, Limits{})
		typed(t, err)
		if err != nil {
			return
		}
		describe(m)
		check(t, m.Root)
	})
}

// check fails unless the promises of Layer hold for l and all layers in it.
func check(t *testing.T, l *Layer) {
	require.NotNil(t, l.Config)
	require.NotEmpty(t, l.Class)
	for _, layers := range l.Inner {
		for _, in := range layers {
			check(t, in)
		}
	}
	if l.Graph == nil {
		return
	}
	inside, names := map[*Layer]bool{}, map[string]bool{}
	for _, in := range l.Graph.Layers {
		require.NotEmpty(t, in.Name)
		require.False(t, names[in.Name], in.Name)
		inside[in], names[in.Name] = true, true
		check(t, in)
	}
	tensors := l.Graph.Outputs.Tensors(l.Graph.Inputs.Tensors(nil))
	for _, in := range l.Graph.Layers {
		for i := range in.Calls {
			tensors = append(tensors, in.Calls[i].Tensors()...)
		}
	}
	for _, a := range tensors {
		require.True(t, inside[a.Layer])
		require.GreaterOrEqual(t, a.Tensor, 0)
		require.Less(t, a.Node, max(1, len(a.Layer.Calls)))
	}
}

func FuzzArchive(f *testing.F) {
	f.Add(archive(f, metadataEntry, configEntry, weightsEntry))
	deflated := weightsEntry
	deflated.method = 8
	f.Add(archive(f, configEntry, deflated))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := openBytes(data, Limits{Inflated: 1 << 20})
		typed(t, err)
		if err != nil {
			return
		}
		r, n, err := a.Weights()
		typed(t, err)
		if err == nil {
			require.LessOrEqual(t, n, int64(max(1<<20, len(data))))
			if _, err := io.Copy(io.Discard, io.NewSectionReader(r, 0, n)); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range a.Assets {
			_, err := a.ReadFile(name, 1<<16)
			typed(t, err)
		}
	})
}
