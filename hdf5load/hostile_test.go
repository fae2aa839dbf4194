package hdf5load

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// strict are limits that keep what a hostile file can cost small.
var strict = Limits{Objects: 5000, Links: 5000, Metadata: 4 << 20, Attribute: 1 << 20, Data: 4 << 20}

// exercise opens the file in b and reads everything in it, elements up to a
// budget. The sum of the results tells two readings apart.
func exercise(b []byte) (sum uint64, err error) {
	f, err := Open(bytes.NewReader(b), int64(len(b)), strict)
	if err != nil {
		return 0, err
	}
	mix := func(s string) {
		for i := range len(s) {
			sum = sum*1099511628211 + uint64(s[i]) + 1
		}
		sum++
	}
	budget := 4 << 20 // elements
	seen := map[Object]bool{}
	var errs []error
	for todo := []Object{f.Root()}; len(todo) > 0; {
		o := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[o] {
			continue
		}
		seen[o] = true
		names, err := o.Attrs()
		errs = append(errs, err)
		for _, name := range names {
			mix(name)
			a, err := o.Attr(name)
			errs = append(errs, err)
			if err != nil {
				continue
			}
			if s, err := a.Strings(); err == nil {
				for _, x := range s {
					mix(x)
				}
			} else if v, err := a.Floats(); err == nil {
				for _, x := range v {
					sum = sum*31 + uint64(int64(x))
				}
			}
		}
		if o.Kind() == Dataset {
			n := elements(o)
			if budget -= n; n < 0 || budget < 0 {
				return sum, errors.Join(append(errs, ErrLimit)...)
			}
			errs = append(errs, readSum(o, n, mix))
		}
		links, err := o.Links()
		errs = append(errs, err)
		for _, name := range links {
			mix(name)
			c, err := o.Open(name)
			errs = append(errs, err)
			if err == nil {
				todo = append(todo, c)
			}
		}
	}
	_, err = LegacyLayers(f.Root())
	if !errors.Is(err, ErrNotFound) {
		errs = append(errs, err)
	}
	_, err = VarsGroups(f.Root())
	errs = append(errs, err)
	return sum, errors.Join(errs...)
}

func readSum(o Object, n int, mix func(string)) error {
	switch o.DType() {
	case String:
		s := make([]string, n)
		err := o.Read(s)
		for _, x := range s {
			mix(x)
		}
		return err
	case Opaque, Other:
		b := make([]byte, n*o.ElemSize())
		err := o.ReadRaw(b)
		mix(string(b))
		return err
	}
	v := make([]float32, n)
	err := o.Read(v)
	mix(string(memory(v)))
	return err
}

// knownError demands that an error is one of the package's own.
func knownError(t testing.TB, err error) {
	if err == nil || errors.Is(err, ErrFormat) || errors.Is(err, ErrUnsupported) || errors.Is(err, ErrLimit) || errors.Is(err, ErrNotFound) {
		return
	}
	require.NoError(t, err, "an error without a sentinel")
}

func TestTruncated(t *testing.T) {
	for _, name := range []string{"k2_bnemb.w.h5", "var__k3bnemb_latest_gz_multi.h5", "var__k3bnemb_ub_latest.h5"} {
		b, err := os.ReadFile(filepath.Join(corpus, name))
		require.NoError(t, err)
		want, err := exercise(b)
		require.NoError(t, err)
		for n := range b {
			got, err := exercise(b[:n])
			knownError(t, err)
			if err == nil {
				require.Equal(t, want, got, "%s cut to %d bytes", name, n)
			}
		}
	}
}

// TestMutants damages files at random. What matters is that nothing panics, and
// that memory stays bounded.
func TestMutants(t *testing.T) {
	var files [][]byte
	for _, path := range corpusFiles(t) {
		if b, err := os.ReadFile(path); err == nil && len(b) < 40_000 {
			files = append(files, b)
		}
	}
	require.NotEmpty(t, files)
	rng := rand.New(rand.NewSource(7))
	refused := 0
	const mutants = 2000
	for range mutants {
		b := bytes.Clone(files[rng.Intn(len(files))])
		switch k := rng.Intn(10); {
		case k < 2:
			b = b[:rng.Intn(len(b))]
		case k < 7:
			b[rng.Intn(len(b))] ^= 1 << rng.Intn(8)
		default:
			for range 2 + rng.Intn(7) {
				b[rng.Intn(len(b))] = []byte{0, 0x7f, 0x80, 0xff, byte(rng.Intn(256))}[rng.Intn(5)]
			}
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := exercise(b)
		runtime.ReadMemStats(&after)
		knownError(t, err)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<20))
		if err != nil {
			refused++
		}
	}
	require.Greater(t, refused, mutants/4)
}

// TestCrashers reads files that crash or hang libhdf5 1.10.8.
func TestCrashers(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(corpus, "crashers", "*.h5"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 50)
	for _, path := range files {
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		_, err = exercise(b)
		knownError(t, err)
	}
}

// TestLargeFile reads data beyond 4 GiB, in a sparse file.
func TestLargeFile(t *testing.T) {
	small, err := os.ReadFile(filepath.Join(corpus, "k2_bnemb.w.h5"))
	require.NoError(t, err)
	const at int64 = 5 << 30
	w, err := os.Create(filepath.Join(t.TempDir(), "large.h5"))
	require.NoError(t, err)
	defer w.Close()
	want := []float32{1, 2, 3, 4, 5, 6, 7, 8}
	values, err := binary.Append(nil, binary.LittleEndian, want)
	require.NoError(t, err)
	end := at + int64(len(values))
	// move the data of an array to 5 GiB, by its layout message
	b := bytes.Clone(small)
	o, err := openBytes(t, small).Root().Open("bn/bn/gamma:0")
	require.NoError(t, err)
	l := o.(*object).data.layout
	require.Equal(t, []int{len(want)}, o.Shape())
	old := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, l.addr), l.size)
	moved := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, uint64(at)), l.size)
	require.Equal(t, 1, bytes.Count(b, old))
	b = bytes.Replace(b, old, moved, 1)
	binary.LittleEndian.PutUint64(b[40:], uint64(end)) // end of file, in the superblock
	_, err = w.WriteAt(b, 0)
	require.NoError(t, err)
	require.NoError(t, w.Truncate(end))
	_, err = w.WriteAt(values, at)
	require.NoError(t, err)

	f, err := Open(w, end, Limits{})
	require.NoError(t, err)
	o, err = f.Root().Open("bn/bn/gamma:0")
	require.NoError(t, err)
	got := make([]float32, len(want))
	require.NoError(t, o.Read(got))
	require.Equal(t, want, got)
}

// flaky fails, or reads short, after some calls.
type flaky struct {
	r     io.ReaderAt
	left  int
	short bool
}

var errDisk = errors.New("disk on fire")

func (f *flaky) ReadAt(p []byte, off int64) (int, error) {
	if f.left--; f.left < 0 {
		if f.short {
			n, _ := f.r.ReadAt(p[:len(p)/2], off)
			return n, io.ErrUnexpectedEOF
		}
		return 0, errDisk
	}
	return f.r.ReadAt(p, off)
}

func TestReadErrors(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(corpus, "k2_bnemb.w.h5"))
	require.NoError(t, err)
	for _, short := range []bool{false, true} {
		want := errDisk
		if short {
			want = io.ErrUnexpectedEOF
		}
		for calls := 0; ; calls++ {
			f, err := Open(&flaky{bytes.NewReader(b), calls, short}, int64(len(b)), Limits{})
			var layers []LayerWeights
			if err == nil {
				layers, err = LegacyLayers(f.Root())
			}
			if err == nil {
				require.NotEmpty(t, layers)
				break
			}
			require.ErrorIs(t, err, want)
		}
	}
}

func FuzzOpen(f *testing.F) {
	for _, path := range corpusFiles(f) {
		if b, err := os.ReadFile(path); err == nil && len(b) < 30_000 {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_, err := exercise(b)
		knownError(t, err)
	})
}

// TestExpansion opens chunked datasets until their sum is out of proportion to
// the file.
func TestExpansion(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(corpus, "adv__small_chunks_v110.h5"))
	require.NoError(t, err)
	f, err := Open(bytes.NewReader(b), int64(len(b)), Limits{Expansion: 1})
	require.NoError(t, err)
	names, err := f.Root().Links()
	require.NoError(t, err)
	refused, sum := 0, 0
	for _, name := range names {
		o, err := f.Root().Open(name)
		if err != nil {
			require.ErrorIs(t, err, ErrLimit)
			refused++
			continue
		}
		sum += elements(o) * o.ElemSize()
	}
	require.Positive(t, refused)
	require.LessOrEqual(t, sum, len(b))
}
