//go:build cgo && libhdf5

package hdf5load

import (
	"errors"
	"io/fs"
	"math"
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

func compareTrees(t *testing.T, a, b Object, refused *int) {
	type pair struct {
		path string
		a, b Object
	}
	seen := map[Object]Object{}
	for todo := []pair{{"/", a, b}}; len(todo) > 0; {
		p := todo[0]
		todo = todo[1:]
		if other, ok := seen[p.a]; ok {
			require.Equal(t, other, p.b, p.path)
			continue
		}
		seen[p.a] = p.b
		require.Equal(t, p.a.Kind(), p.b.Kind(), p.path)
		require.Equal(t, p.a.Shape(), p.b.Shape(), p.path)
		require.Equal(t, p.a.DType(), p.b.DType(), p.path)
		require.Equal(t, p.a.ElemSize(), p.b.ElemSize(), p.path)
		compareAttrs(t, p.path, p.a, p.b)
		if p.a.Kind() == Dataset {
			compareValues(t, p.path, p.a, p.b, refused)
		}
		links, err := p.a.Links()
		require.NoError(t, err, p.path)
		theirs, err := p.b.Links()
		require.NoError(t, err, p.path)
		require.Equal(t, links, theirs, p.path)
		for _, name := range links {
			a, errA := p.a.Open(name)
			b, errB := p.b.Open(name)
			if errors.Is(errA, ErrUnsupported) {
				require.EqualError(t, errB, errA.Error())
				continue
			}
			require.NoError(t, errA)
			require.NoError(t, errB)
			todo = append(todo, pair{p.path + name + "/", a, b})
		}
		_, errA := p.a.Open("no such link")
		_, errB := p.b.Open("no such link")
		require.EqualError(t, errB, errA.Error())
	}
}

func compareAttrs(t *testing.T, path string, a, b Object) {
	names, err := a.Attrs()
	require.NoError(t, err, path)
	theirs, err := b.Attrs()
	require.NoError(t, err, path)
	require.Equal(t, names, theirs, path)
	for _, name := range names {
		x, err := a.Attr(name)
		require.NoError(t, err, path)
		y, err := b.Attr(name)
		require.NoError(t, err, path)
		require.Equal(t, x.DType, y.DType, "%s %s", path, name)
		require.Equal(t, x.Shape, y.Shape, "%s %s", path, name)
		require.Equal(t, x.strings, y.strings, "%s %s", path, name)
		require.Equal(t, append([]byte{}, x.raw...), append([]byte{}, y.raw...), "%s %s", path, name)
	}
	_, err = b.Attr("no such attribute")
	require.ErrorIs(t, err, ErrNotFound)
}

func compareValues(t *testing.T, path string, a, b Object, refused *int) {
	n := elements(a)
	if a.DType() == String {
		x, y := make([]string, n), make([]string, n)
		require.NoError(t, a.Read(x), path)
		require.NoError(t, b.Read(y), path)
		require.Equal(t, x, y, path)
		return
	}
	x, y := make([]byte, n*a.ElemSize()), make([]byte, n*a.ElemSize())
	err := a.ReadRaw(x)
	if errors.Is(err, ErrUnsupported) { // TestCorpus has the list of them
		*refused++
		return
	}
	require.NoError(t, err, path)
	if err = b.ReadRaw(y); err != nil { // LZF is h5py's own filter
		require.Contains(t, t.Name()+path, "lzf", err.Error())
		return
	}
	require.Equal(t, x, y, path)
	f, g := make([]float32, n), make([]float32, n)
	err = a.Read(f)
	if err != nil {
		require.ErrorIs(t, err, ErrUnsupported, path)
		require.ErrorIs(t, b.Read(g), ErrUnsupported, path)
		return
	}
	require.NoError(t, b.Read(g), path)
	for i := range f {
		if f[i] == f[i] || g[i] == g[i] {
			require.Equal(t, math.Float32bits(f[i]), math.Float32bits(g[i]), "%s[%d]", path, i)
		}
	}
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
