package hdf5load

import (
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// compareTrees requires that two groups hold the same, and adds up the datasets
// that this reader refuses.
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
