package atomicfile_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/internal/atomicfile"
)

func content(t *testing.T, path string) string {
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

func entries(t *testing.T, dir string) (names []string) {
	list, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

// A file that could not be written whole leaves the old one and no other.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.json")
	write := func(text string, err error) error {
		return atomicfile.Write(path, func(w io.Writer) error {
			_, writeErr := io.WriteString(w, text)
			return errors.Join(writeErr, err)
		})
	}
	require.NoError(t, write("old", nil))
	broken := errors.New("broken")
	require.ErrorIs(t, write("new", broken), broken)
	require.Equal(t, "old", content(t, path))
	require.NoError(t, write("new", nil))
	require.Equal(t, "new", content(t, path))
	require.Equal(t, []string{"x.json"}, entries(t, dir))
	require.Error(t, atomicfile.Write(filepath.Join(dir, "no", "x"), func(io.Writer) error { return nil }))
}

func TestSet(t *testing.T) {
	dir := t.TempDir()
	put := func(s *atomicfile.Set, name string) {
		w, err := s.Create(filepath.Join(dir, name))
		require.NoError(t, err)
		_, err = io.WriteString(w, name)
		require.NoError(t, err)
		require.NoError(t, w.Close())
	}
	s := atomicfile.NewSet(false)
	put(s, "a")
	put(s, "b")
	s.Abort()
	require.Empty(t, entries(t, dir))

	s = atomicfile.NewSet(false)
	put(s, "a")
	put(s, "b")
	require.NoError(t, s.Commit())
	s.Abort()
	require.Equal(t, []string{"a", "b"}, entries(t, dir))
	require.Equal(t, "b", content(t, filepath.Join(dir, "b")))

	s = atomicfile.NewSet(false)
	_, err := s.Create(filepath.Join(dir, "a"))
	require.ErrorIs(t, err, fs.ErrExist)
	put(s, "c")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "c"), []byte("came in between"), 0o666))
	require.ErrorIs(t, s.Commit(), fs.ErrExist)
	s.Abort()
	require.Equal(t, "came in between", content(t, filepath.Join(dir, "c")))
	require.Equal(t, []string{"a", "b", "c"}, entries(t, dir))

	s = atomicfile.NewSet(true)
	_, err = s.Create(filepath.Join(dir, "open"))
	require.NoError(t, err)
	require.ErrorContains(t, s.Commit(), "was not closed")
	s.Abort()
	require.NotContains(t, entries(t, dir), "open")
	_, err = s.Create(dir)
	require.ErrorContains(t, err, "is a directory")
}
