// Package atomicfile writes files whole or not at all: to temporary files in the
// same folder, which are synced and get their names when all of them are complete.
// On Linux they have no name until then, so that nothing stays when the process
// is killed; elsewhere they are called .NAME.RANDOM.tmp.
package atomicfile

import (
	"bufio"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Write calls write with a writer and puts what it wrote at path, in place of
// what is there. A path that exists and is no regular file (a pipe, a device)
// is written to directly.
func Write(path string, write func(io.Writer) error) error {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if st, err := os.Stat(path); err == nil && !st.Mode().IsRegular() {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		w := &file{File: f, b: bufio.NewWriterSize(f, 1<<16)}
		err = write(w)
		return errors.Join(err, w.Close())
	}
	s := NewSet(true)
	defer s.Abort()
	w, err := s.Create(path)
	if err != nil {
		return err
	}
	if err := write(w); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return s.Commit()
}

// A Set is a number of files that appear together. It is not safe for
// concurrent use.
type Set struct {
	overwrite bool
	named     bool // files have temporary names, for tests
	files     []*file
}

// NewSet returns an empty set. Unless overwrite is set, it is an error if one
// of the files exists.
func NewSet(overwrite bool) *Set { return &Set{overwrite: overwrite} }

// Create begins the file at path. It must be closed before Commit.
func (s *Set) Create(path string) (io.WriteCloser, error) {
	if err := s.free(path); err != nil {
		return nil, err
	}
	dir := filepath.Dir(path)
	w := &file{path: path}
	var err error
	if !s.named {
		w.File, err = createNameless(dir)
	}
	if s.named || err != nil {
		if w.temp, err = tempName(path); err != nil {
			return nil, err
		}
		if w.File, err = os.OpenFile(w.temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666); err != nil {
			return nil, err
		}
	}
	w.b = bufio.NewWriterSize(w.File, 1<<20)
	s.files = append(s.files, w)
	return w, nil
}

// tempName is a name beside path that nothing has.
func tempName(path string) (string, error) {
	var random [6]byte
	if _, err := rand.Read(random[:]); err != nil {
		return "", err
	}
	dir, base := filepath.Split(path)
	return filepath.Join(dir, "."+base+"."+hex.EncodeToString(random[:])+".tmp"), nil
}

// free returns an error if a file may not be put at path.
func (s *Set) free(path string) error {
	st, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case st.IsDir():
		return fmt.Errorf("%s is a directory", path)
	case !st.Mode().IsRegular() && st.Mode().Type() != fs.ModeSymlink: // a device would be replaced
		return fmt.Errorf("%s is no regular file", path)
	case !s.overwrite:
		return fmt.Errorf("%s: %w", path, fs.ErrExist)
	}
	return nil
}

// Pending returns the files in the folder dir under the names that Commit will
// give them. It serves to open them by name until then.
func (s *Set) Pending(dir string) fs.FS { return pending{s, dir} }

type pending struct {
	set *Set
	dir string
}

func (p pending) Open(name string) (fs.File, error) {
	for _, f := range p.set.files {
		if f.path != filepath.Join(p.dir, filepath.FromSlash(name)) || !fs.ValidPath(name) {
			continue
		}
		if f.temp == "" {
			return os.Open(procPath(f.File))
		}
		return os.Open(f.temp)
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// Commit gives all files their names, the one that was created first last.
func (s *Set) Commit() error {
	for _, f := range s.files {
		if !f.closed {
			return fmt.Errorf("%s was not closed", f.path)
		}
		if f.err != nil {
			return f.err
		}
	}
	for i := len(s.files) - 1; i >= 0; i-- {
		if err := s.place(s.files[i]); err != nil {
			return err
		}
	}
	return nil
}

// place gives a complete file its name.
func (s *Set) place(f *file) error {
	if err := s.free(f.path); err != nil {
		return err
	}
	if f.temp == "" {
		if err := giveName(f.File, f.path); !errors.Is(err, fs.ErrExist) {
			f.placed = err == nil
			return err
		}
		if !s.overwrite {
			return fmt.Errorf("%s: %w", f.path, fs.ErrExist)
		}
		// A link replaces nothing: rename does.
		temp, err := tempName(f.path)
		if err != nil {
			return err
		}
		if err := giveName(f.File, temp); err != nil {
			return err
		}
		f.temp = temp
	}
	if err := os.Rename(f.temp, f.path); err != nil {
		return err
	}
	f.placed = true
	return nil
}

// Abort removes what was not committed, and closes what was. It must be called.
func (s *Set) Abort() {
	for _, f := range s.files {
		f.File.Close()
		if f.temp != "" && !f.placed {
			os.Remove(f.temp)
		}
	}
	s.files = nil
}

// A file is written through a buffer.
type file struct {
	*os.File
	b      *bufio.Writer
	path   string
	temp   string // its name so far, "" for none
	closed bool
	placed bool
	err    error
}

func (f *file) Write(p []byte) (int, error) { return f.b.Write(p) }

// Close flushes and syncs. A file without a name stays open until Abort.
func (f *file) Close() error {
	if f.closed {
		return f.err
	}
	f.closed = true
	f.err = f.b.Flush()
	if f.err == nil {
		if st, err := f.Stat(); err == nil && st.Mode().IsRegular() {
			f.err = f.Sync()
		}
	}
	if f.temp != "" || f.path == "" {
		if err := f.File.Close(); f.err == nil {
			f.err = err
		}
	}
	return f.err
}
