//go:build cgo && libhdf5

package hdf5load

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAgainstLibHDF5 walks every file through both backends, and libhdf5's both
// by path and as an image.
func TestAgainstLibHDF5(t *testing.T) {
	refused := 0
	for _, path := range corpusFiles(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			if strings.HasSuffix(path, "_newest.h5") {
				t.Skip("written in versions newer than the libhdf5 1.10 this test must run with")
			}
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			ours := openBytes(t, b)
			byPath, err := OpenLibHDF5(path)
			require.NoError(t, err)
			image, err := OpenLibHDF5Image(b)
			require.NoError(t, err)
			for _, theirs := range []*LibHDF5File{byPath, image} {
				compareTrees(t, ours.Root(), theirs.Root(), &refused)
				require.NoError(t, theirs.Close())
				_, err := theirs.Root().Links()
				require.Error(t, err)
			}
		})
	}
	require.Positive(t, refused)
}

// TestLibHDF5Szip reads with libhdf5 what our reader refuses.
func TestLibHDF5Szip(t *testing.T) {
	plain := openFile(t, "var__k3bnemb_rep_plain.h5")
	szip, err := OpenLibHDF5(filepath.Join(corpus, "var__k3bnemb_rep_szip.h5"))
	require.NoError(t, err)
	defer szip.Close()
	want, err := VarsGroups(plain.Root())
	require.NoError(t, err)
	require.NotEmpty(t, want)
	got, err := VarsGroups(szip.Root())
	require.NoError(t, err)
	require.Len(t, got, len(want))
	for i, l := range want {
		require.Equal(t, l.Path, got[i].Path)
		require.Len(t, got[i].Weights, len(l.Weights))
		for j, w := range l.Weights {
			require.Equal(t, w.Name, got[i].Weights[j].Name)
			x, y := make([]float32, elements(w)), make([]float32, elements(w))
			require.NoError(t, w.Read(x))
			require.NoError(t, got[i].Weights[j].Read(y))
			require.Equal(t, x, y)
		}
	}
}

// TestLibHDF5ReadsWritten reads what Write writes.
func TestLibHDF5ReadsWritten(t *testing.T) {
	refused := 0
	for name, tree := range writtenTrees(t) {
		t.Run(name, func(t *testing.T) {
			b := written(t, tree)
			theirs, err := OpenLibHDF5Image(b)
			require.NoError(t, err)
			compareTrees(t, openBytes(t, b).Root(), theirs.Root(), &refused)
			require.NoError(t, theirs.Close())
		})
	}
	require.Zero(t, refused)
}

func TestLibHDF5Concurrent(t *testing.T) {
	f, err := OpenLibHDF5(filepath.Join(corpus, "k3_cnn.h5"))
	require.NoError(t, err)
	defer f.Close()
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Add(1)
		go func() {
			defer wg.Done()
			layers, err := LegacyLayers(f.Root())
			for _, l := range layers {
				for _, w := range l.Weights {
					err = errors.Join(err, w.Read(make([]float32, elements(w))))
				}
			}
			errs[i] = err
		}()
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
}

func TestLibHDF5Errors(t *testing.T) {
	_, err := OpenLibHDF5(filepath.Join(t.TempDir(), "absent.h5"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	for _, b := range [][]byte{nil, []byte("not HDF5 at all")} {
		_, err := OpenLibHDF5Image(b)
		require.ErrorIs(t, err, ErrFormat)
	}
}
