package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRefusals(t *testing.T) {
	listed, err := readRefusals("refusals.txt")
	require.NoError(t, err)
	require.Equal(t, "Lambda bytecode", listed["lambda_.h5"])

	for text, want := range map[string]string{
		"a.h5\ttoo hard\n":                            ":1: want a name, a tab and one of custom Python code",
		"# why\n\na.h5 corrupt file\n":                ":3: want a name",
		"a.h5\tcorrupt file\na.h5\tLambda bytecode\n": ":2: a.h5 stands there twice",
	} {
		path := filepath.Join(t.TempDir(), "list")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := readRefusals(path)
		require.ErrorContains(t, err, want)
	}
}

func TestHold(t *testing.T) {
	listed := map[string]string{"a.h5": "corrupt file"}
	for _, c := range []struct {
		name      string
		got, want verdict
	}{
		{"a.h5", refused, refused}, {"a.h5", invalid, invalid}, {"a.h5", agrees, stale}, {"a.h5", fails, fails},
		{"b.h5", refused, unlisted}, {"b.h5", invalid, unlisted}, {"b.h5", runs, runs},
	} {
		e := entry{name: c.name, verdict: c.got}
		e.hold(listed)
		require.Equal(t, c.want, e.verdict, "%s %s", c.name, c.got)
	}
}

// Files that belong together are tried as such.
func TestPairs(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.arch.json", "a.h5", "a.weights.h5", "a_sharded.weights.json", "b.weights.h5", "c.json", "d.weights_pair.h5"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "index.json"), []byte(`[{"name":"c.json","weights_file":"d.weights_pair.h5"},{"name":"a.h5"}]`), 0o600))
	weights, err := pairs(dir)
	require.NoError(t, err)
	at := func(name string) string { return filepath.Join(dir, name) }
	require.Equal(t, map[string][]string{
		at("a.arch.json"): {at("a.weights.h5"), at("a_sharded.weights.json"), at("a.h5")},
		at("c.json"):      {at("d.weights_pair.h5")},
	}, weights)
	var models []string
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, f := range files {
		if isModel(at(f.Name()), weights) {
			models = append(models, f.Name())
		}
	}
	require.Equal(t, []string{"a.arch.json", "a.h5", "b.weights.h5", "c.json"}, models)
}
