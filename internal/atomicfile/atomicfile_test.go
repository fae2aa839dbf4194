package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
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
		return Write(path, func(w io.Writer) error {
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
	require.Error(t, Write(filepath.Join(dir, "no", "x"), func(io.Writer) error { return nil }))
}

func TestSet(t *testing.T) {
	for _, named := range []bool{false, true} {
		t.Run(fmt.Sprint("named ", named), func(t *testing.T) { testSet(t, named) })
	}
}

func testSet(t *testing.T, named bool) {
	dir := t.TempDir()
	NewSet := func(overwrite bool) *Set { return &Set{overwrite: overwrite, named: named} }
	put := func(s *Set, name string) {
		w, err := s.Create(filepath.Join(dir, name))
		require.NoError(t, err)
		_, err = io.WriteString(w, name)
		require.NoError(t, err)
		require.NoError(t, w.Close())
	}
	s := NewSet(false)
	put(s, "a")
	put(s, "b")
	for _, name := range []string{"a", "b"} {
		text, err := fs.ReadFile(s.Pending(dir), name)
		require.NoError(t, err)
		require.Equal(t, name, string(text))
	}
	_, err := fs.ReadFile(s.Pending(dir), "c")
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = fs.ReadFile(s.Pending(filepath.Join(dir, "d")), "../a")
	require.ErrorIs(t, err, fs.ErrNotExist)
	s.Abort()
	require.Empty(t, entries(t, dir))

	s = NewSet(false)
	put(s, "a")
	put(s, "b")
	require.NoError(t, s.Commit())
	s.Abort()
	require.Equal(t, []string{"a", "b"}, entries(t, dir))
	require.Equal(t, "b", content(t, filepath.Join(dir, "b")))

	s = NewSet(false)
	_, err = s.Create(filepath.Join(dir, "a"))
	require.ErrorIs(t, err, fs.ErrExist)
	put(s, "c")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "c"), []byte("came in between"), 0o666))
	require.ErrorIs(t, s.Commit(), fs.ErrExist)
	s.Abort()
	require.Equal(t, "came in between", content(t, filepath.Join(dir, "c")))
	require.Equal(t, []string{"a", "b", "c"}, entries(t, dir))

	s = NewSet(true)
	put(s, "a")
	put(s, "d")
	require.NoError(t, s.Commit())
	s.Abort()
	require.Equal(t, []string{"a", "b", "c", "d"}, entries(t, dir))

	s = NewSet(true)
	_, err = s.Create(filepath.Join(dir, "open"))
	require.NoError(t, err)
	require.ErrorContains(t, s.Commit(), "was not closed")
	s.Abort()
	require.NotContains(t, entries(t, dir), "open")
	_, err = s.Create(dir)
	require.ErrorContains(t, err, "is a directory")
}

// Nothing stays of what a process was writing when it was killed.
func TestKilled(t *testing.T) {
	if dir := os.Getenv("ATOMICFILE_DIR"); dir != "" {
		s := NewSet(true)
		w, err := s.Create(filepath.Join(dir, "old"))
		require.NoError(t, err)
		_, err = w.Write(make([]byte, 3<<20))
		require.NoError(t, err)
		require.NoError(t, w.Close())
		self, err := os.FindProcess(os.Getpid())
		require.NoError(t, err)
		require.NoError(t, self.Kill())
		select {}
	}
	dir := t.TempDir()
	if f, err := createNameless(dir); err != nil {
		t.Skip("files have temporary names here: ", err)
	} else {
		f.Close()
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "old"), []byte("old"), 0o666))
	c := exec.Command(os.Args[0], "-test.run", "^TestKilled$")
	c.Env = append(os.Environ(), "ATOMICFILE_DIR="+dir)
	out, err := c.CombinedOutput()
	require.ErrorContains(t, err, "killed", string(out))
	require.Equal(t, []string{"old"}, entries(t, dir))
	require.Equal(t, "old", content(t, filepath.Join(dir, "old")))
}
