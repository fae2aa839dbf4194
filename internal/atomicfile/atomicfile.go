// Package atomicfile writes files whole or not at all: to temporary files in the
// same folder, which are synced and renamed when all of them are complete.
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
	var random [6]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, err
	}
	dir, base := filepath.Split(path)
	temp := filepath.Join(dir, "."+base+"."+hex.EncodeToString(random[:])+".tmp")
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, err
	}
	w := &file{File: f, b: bufio.NewWriterSize(f, 1<<20), temp: temp, path: path}
	s.files = append(s.files, w)
	return w, nil
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
	case !s.overwrite:
		return fmt.Errorf("%s: %w", path, fs.ErrExist)
	}
	return nil
}

// Temporary returns where the file that was created first lies until Commit.
func (s *Set) Temporary() string { return s.files[0].temp }

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
		f := s.files[i]
		if err := s.free(f.path); err != nil {
			return err
		}
		if err := os.Rename(f.temp, f.path); err != nil {
			return err
		}
		f.temp = ""
	}
	return nil
}

// Abort removes what was not committed. After Commit it does nothing.
func (s *Set) Abort() {
	for _, f := range s.files {
		if f.temp != "" {
			if !f.closed {
				f.File.Close()
			}
			os.Remove(f.temp)
			f.temp = ""
		}
	}
}

// A file is written through a buffer.
type file struct {
	*os.File
	b          *bufio.Writer
	temp, path string
	closed     bool
	err        error
}

func (f *file) Write(p []byte) (int, error) { return f.b.Write(p) }

// Close flushes, syncs and closes.
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
	if err := f.File.Close(); f.err == nil {
		f.err = err
	}
	return f.err
}
