//go:build linux

package hostile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/convert"
	"github.com/stretchr/testify/require"
)

// A conversion is what a child does again and again until it is killed.
type conversion struct{ Model, Path string }

const conversionKey = "KERASRUN_HOSTILE_CONVERSION"

// run converts until it is killed.
func (c conversion) run() {
	for {
		m, err := kerasrun.Open(c.Model)
		if err != nil {
			panic(err)
		}
		if err := convert.ToPath(context.Background(), c.Path, m, "keras", convert.Options{Overwrite: true}); err != nil {
			panic(err)
		}
		m.Close()
		os.Stdout.Write([]byte{'.'})
	}
}

// A conversion that is killed at any moment leaves the old file or the new one,
// whole, and no part of a file: between the last two system calls the new one has a
// temporary name.
func TestKilledConversion(t *testing.T) {
	kills := 100
	if testing.Short() {
		kills = 20
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "model.keras")
	model := root + "testdata/models/conv2d_grid/model.keras"
	m, err := kerasrun.Open(model)
	require.NoError(t, err)
	require.NoError(t, convert.ToPath(context.Background(), path, m, "keras", convert.Options{}))
	m.Close()
	new, err := os.ReadFile(path)
	require.NoError(t, err)
	old := bytes.Repeat([]byte("an older file "), 1000)
	text, err := json.Marshal(conversion{model, path})
	require.NoError(t, err)
	rng := rand.New(rand.NewSource(9))
	kept := map[bool]int{}
	for range kills {
		require.NoError(t, os.WriteFile(path, old, 0o644))
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), conversionKey+"="+string(text))
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		if rng.Intn(2) == 0 { // in the second conversion or later
			_, err = io.ReadFull(out, make([]byte, 1))
			require.NoError(t, err)
		}
		time.Sleep(time.Duration(rng.Intn(12_000)) * time.Microsecond)
		require.NoError(t, cmd.Process.Signal(syscall.SIGKILL))
		_ = cmd.Wait()
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		require.True(t, bytes.Equal(got, old) || bytes.Equal(got, new), "%d bytes, want the old %d or the new %d", len(got), len(old), len(new))
		kept[bytes.Equal(got, old)]++
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		for _, e := range entries { // between its two names a file is whole
			if e.Name() == filepath.Base(path) {
				continue
			}
			left := filepath.Join(dir, e.Name())
			got, err := os.ReadFile(left)
			require.NoError(t, err)
			require.True(t, bytes.Equal(got, new), "%s has %d bytes, want nothing or all %d", e.Name(), len(got), len(new))
			require.NoError(t, os.Remove(left))
		}
	}
	require.Len(t, kept, 2, "all were killed before or after the file was written: %v", kept)
}

// A disk that is full leaves the old file and an error.
func TestFullDisk(t *testing.T) {
	m, err := kerasrun.Open(root + "testdata/models/conv2d_grid/model.keras")
	require.NoError(t, err)
	defer m.Close()
	path := filepath.Join(t.TempDir(), "model.npz")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o644))
	var was syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was))
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 1000, Max: was.Max}))
	err = convert.ToPath(context.Background(), path, m, "npz", convert.Options{Overwrite: true})
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was))
	require.ErrorIs(t, err, syscall.EFBIG)
	kept, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "old", string(kept))
	require.Error(t, convert.ToPath(context.Background(), "/dev/null", m, "npz", convert.Options{Overwrite: true}), "it would replace the device")
	full := errors.New("full")
	for _, name := range []string{"keras", "h5", "npz", "safetensors", "onnx", "tflite"} {
		var whole bytes.Buffer
		require.NoError(t, convert.Write(context.Background(), &whole, m, name, convert.Options{}), name)
		for part := range 5 {
			w := &shortWriter{left: whole.Len() * part / 5, err: full}
			require.ErrorIs(t, convert.Write(context.Background(), w, m, name, convert.Options{}), full, name)
		}
	}
}

// A shortWriter takes some bytes and then none.
type shortWriter struct {
	left int
	err  error
}

func (w *shortWriter) Write(p []byte) (int, error) {
	n := min(len(p), w.left)
	if w.left -= n; n < len(p) {
		return n, w.err
	}
	return n, nil
}

// A trouble is a reader that fails after some calls, gives less than was asked
// for, or gives other bytes than before.
type trouble struct {
	io.ReaderAt
	left int
	kind string
}

var errTrouble = errors.New("the disk is on fire")

func (r *trouble) ReadAt(p []byte, off int64) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if r.left--; r.left >= 0 {
		return r.ReaderAt.ReadAt(p, off)
	}
	switch r.kind {
	case "short":
		n, _ := r.ReaderAt.ReadAt(p[:len(p)/2], off)
		return n, io.ErrUnexpectedEOF
	case "other":
		n, err := r.ReaderAt.ReadAt(p, off)
		for i := range p[:n] {
			p[i] ^= byte(0x55 + i)
		}
		return n, err
	}
	return 0, errTrouble
}

// Readers that fail after each number of calls make loading fail, with their
// error, and those that change what they read are no worse than damaged files.
func TestTroubledReaders(t *testing.T) {
	for _, name := range []string{"dense/model.keras", "dense_k2_h5/model.h5", "integer_lookup_adapted/model.keras"} {
		data, err := os.ReadFile(root + "testdata/models/" + name)
		require.NoError(t, err)
		m, err := kerasrun.LoadReader(bytes.NewReader(data), int64(len(data)), options...)
		require.NoError(t, err)
		whole, err := predict(m)
		require.NoError(t, err)
		for kind, cause := range map[string]error{"fails": errTrouble, "short": io.ErrUnexpectedEOF, "other": nil} {
			calls, refused := 0, 0
			for ; ; calls++ {
				r, want := &trouble{bytes.NewReader(data), calls, kind}, cause
				m, err := kerasrun.LoadReader(r, int64(len(data)), options...)
				if err == nil {
					digest, err := predict(m)
					require.NoError(t, err)
					if kind == "short" { // it got all that it needed
						require.Equal(t, whole, digest)
						want = nil
					}
				} else {
					refused++
					require.NotContains(t, err.Error(), "internal error")
				}
				if r.left >= 0 { // it read to the end without trouble
					require.NoError(t, err)
					break
				}
				if want != nil {
					require.ErrorIs(t, err, want, "%s %s after %d calls", name, kind, calls)
				}
			}
			require.Greater(t, refused, calls/4, "%s %s", name, kind)
		}
	}
}
