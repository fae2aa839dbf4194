package output

import (
	"bufio"
	"crypto/rand"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
)

// ToFile calls write with a writer and puts what it wrote at path, whole or not
// at all: it writes a temporary file in the same folder and renames it. A path
// that exists and is no regular file (a pipe, a device) is written to directly.
func ToFile(path string, write func(io.Writer) error) error {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if st, err := os.Stat(path); err == nil && !st.Mode().IsRegular() {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return finish(f, write)
	}
	var random [6]byte
	if _, err := rand.Read(random[:]); err != nil {
		return err
	}
	dir, base := filepath.Split(path)
	temp := filepath.Join(dir, "."+base+"."+hex.EncodeToString(random[:])+".tmp")
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	if err = finish(f, write); err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		os.Remove(temp)
	}
	return err
}

// finish writes through a buffer, syncs and closes f.
func finish(f *os.File, write func(io.Writer) error) error {
	b := bufio.NewWriterSize(f, 1<<16)
	err := write(b)
	if err == nil {
		err = b.Flush()
	}
	if err == nil {
		if st, statErr := f.Stat(); statErr == nil && st.Mode().IsRegular() {
			err = f.Sync()
		}
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}
