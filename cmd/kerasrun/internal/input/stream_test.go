package input

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun"
)

// rowFiles writes n files with a row each, of numbers from 0.
func rowFiles(t *testing.T, n int) []string {
	t.Helper()
	dir := t.TempDir()
	files := make([]string, n)
	for i := range files {
		files[i] = filepath.Join(dir, fmt.Sprintf("%04d.csv", i))
		require.NoError(t, os.WriteFile(files[i], fmt.Appendf(nil, "%d\n", i), 0o666))
	}
	return files
}

func rowReader() *Reader {
	return &Reader{Inputs: []kerasrun.IO{{Name: "x", DType: kerasrun.Float32, Shape: kerasrun.Shape{-1, 1}}}}
}

func TestStreamKeepsOrder(t *testing.T) {
	files := rowFiles(t, 50)
	for _, ahead := range []int{0, 1, 3, 100} {
		var got []float64
		err := rowReader().Stream(context.Background(), files, ahead, func(g Group) error {
			got = append(got, g.Tensors[0].Float(0))
			return nil
		})
		require.NoError(t, err)
		require.Len(t, got, len(files))
		for i, v := range got {
			require.Equal(t, float64(i), v)
		}
	}
	require.NoError(t, rowReader().Stream(context.Background(), nil, 4, nil))
}

// TestStreamStops holds that the first error in the order of the files is returned, and nothing after it used.
func TestStreamStops(t *testing.T) {
	files := rowFiles(t, 30)
	require.NoError(t, os.WriteFile(files[7], []byte("a,b\nc,d\n"), 0o666))
	require.NoError(t, os.Remove(files[8]))
	used := 0
	err := rowReader().Stream(context.Background(), files, 20, func(Group) error { used++; return nil })
	require.ErrorContains(t, err, "0007.csv")
	require.Equal(t, 7, used)

	ours := errors.New("ours")
	err = rowReader().Stream(context.Background(), files, 20, func(Group) error { return ours })
	require.ErrorIs(t, err, ours)

	ctx, stop := context.WithCancel(context.Background())
	err = rowReader().Stream(ctx, files[:7], 2, func(Group) error { stop(); return nil })
	require.ErrorIs(t, err, context.Canceled)
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b.png", "a.JPG", "sub/c.wav", ".hidden/d.png", ".e.png", "notes.md", "x[1].csv", "empty/readme.md"} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
		require.NoError(t, os.WriteFile(path, []byte("1"), 0o666))
	}
	at := func(names ...string) []string {
		for i, n := range names {
			names[i] = filepath.Join(dir, n)
		}
		return names
	}
	got, err := Find(append(at("b.png"), dir, Stdin))
	require.NoError(t, err)
	require.Equal(t, append(at("b.png", "a.JPG", "b.png", "sub/c.wav", "x[1].csv"), Stdin), got)
	got, err = Find(at("*.png", "x[1].csv", "gone.png"))
	require.NoError(t, err)
	require.Equal(t, at("b.png", "x[1].csv", "gone.png"), withoutHidden(got))
	_, err = Find(at("*.tiff"))
	require.ErrorContains(t, err, "no file has such a name")
	_, err = Find(at("empty"))
	require.ErrorContains(t, err, "no file to read in this folder")
}

// withoutHidden drops what a pattern finds among hidden files.
func withoutHidden(names []string) []string {
	var out []string
	for _, n := range names {
		if filepath.Base(n)[0] != '.' {
			out = append(out, n)
		}
	}
	return out
}
