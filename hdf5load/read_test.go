package hdf5load

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFloat16(t *testing.T) {
	for h := range 1 << 16 {
		sign, exp, man := 1-2*float64(h>>15), h>>10&31, float64(h&1023)
		want := sign * man * 0x1p-24
		switch {
		case exp == 31 && man != 0:
			want = math.NaN()
		case exp == 31:
			want = math.Inf(int(sign))
		case exp > 0:
			want = math.Ldexp(sign*(1+man/1024), exp-15)
		}
		got := float16(uint16(h))
		if want != want {
			require.True(t, got != got)
			continue
		}
		require.Equal(t, want, float64(got), "%#x", h)
		require.Equal(t, math.Signbit(want) || h>>15 == 1, math.Signbit(float64(got)), "%#x", h)
	}
}

// TestConversions reads every number type of a file into every type of slice.
func TestConversions(t *testing.T) {
	root := openFile(t, "adv__dtypes.h5").Root()
	names, err := root.Links()
	require.NoError(t, err)
	for _, name := range names {
		o, err := root.Open(name)
		require.NoError(t, err)
		n := elements(o)
		want := make([]float64, n)
		if err := o.Read(want); err != nil {
			require.Equal(t, Other, o.DType())
			continue
		}
		isInt := o.DType() >= Int8 && o.DType() <= Bool
		checkInts(t, o, want, isInt, make([]int8, n), math.MinInt8, math.MaxInt8)
		checkInts(t, o, want, isInt, make([]int16, n), math.MinInt16, math.MaxInt16)
		checkInts(t, o, want, isInt, make([]int32, n), math.MinInt32, math.MaxInt32)
		checkInts(t, o, want, isInt, make([]int64, n), math.MinInt64, math.MaxInt64)
		checkInts(t, o, want, isInt, make([]uint8, n), 0, math.MaxUint8)
		checkInts(t, o, want, isInt || o.DType() == Float16, make([]uint16, n), 0, math.MaxUint16)
		checkInts(t, o, want, isInt, make([]uint32, n), 0, math.MaxUint32)
		checkInts(t, o, want, isInt, make([]uint64, n), 0, math.MaxUint64)
		bools := make([]bool, n)
		if err := o.Read(bools); o.DType() == Bool {
			require.NoError(t, err)
			for i, b := range bools {
				require.Equal(t, want[i] == 1, b)
			}
		} else {
			require.ErrorIs(t, err, ErrUnsupported)
		}
		require.ErrorIs(t, o.Read(make([]string, n)), ErrUnsupported)
		require.ErrorIs(t, o.Read(make([]complex64, n)), ErrUnsupported)
		require.ErrorIs(t, o.Read(want[0]), ErrUnsupported)
		require.ErrorContains(t, o.Read(make([]float32, n+1)), fmt.Sprintf("destination of %d elements, want %d", n+1, n))
		require.Error(t, o.ReadRaw(make([]byte, n*o.ElemSize()-1)))
	}
}

func checkInts[T int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64](t *testing.T, o Object, want []float64, allowed bool, dst []T, least, most float64) {
	err := o.Read(dst)
	if !allowed {
		require.ErrorIs(t, err, ErrUnsupported)
		return
	}
	if o.DType() == Float16 {
		require.NoError(t, err)
		for i, b := range dst {
			if got := float16(uint16(b)); want[i] == want[i] {
				require.Equal(t, want[i], float64(got))
			}
		}
		return
	}
	for _, x := range want {
		if x < least || x > most {
			require.ErrorIs(t, err, ErrUnsupported, "%v into %T", want, dst)
			require.ErrorContains(t, err, "does not fit")
			return
		}
	}
	if err != nil { // a 64-bit value just beyond the range, equal to its bound as a float
		require.Contains(t, want, most)
		return
	}
	for i, x := range want {
		require.Equal(t, x, float64(dst[i]))
	}
}

func TestConcurrent(t *testing.T) {
	for _, name := range []string{"k3_cnn_fit.h5", "var__k2shared_latest_gz_multi.h5", "adv__small_many.h5"} {
		f := openFile(t, name)
		var wg sync.WaitGroup
		sums := make([]float64, 16)
		for i := range sums {
			wg.Add(1)
			go func() {
				defer wg.Done()
				seen := map[Object]bool{}
				for todo := []Object{f.Root()}; len(todo) > 0; {
					o := todo[len(todo)-1]
					todo = todo[:len(todo)-1]
					if seen[o] {
						continue
					}
					seen[o] = true
					attrs, _ := o.Attrs()
					for _, a := range attrs {
						if v, err := o.Attr(a); err == nil {
							s, _ := v.Strings()
							sums[i] += float64(len(s))
						}
					}
					if o.Kind() == Dataset {
						v := make([]float32, elements(o))
						if err := o.Read(v); err != nil {
							sums[i] = math.Inf(1)
						}
						for _, x := range v {
							sums[i] += float64(x)
						}
					}
					links, _ := o.Links()
					for _, l := range links {
						if c, err := o.Open(l); err == nil {
							todo = append(todo, c)
						}
					}
				}
			}()
		}
		wg.Wait()
		for _, s := range sums {
			require.Equal(t, sums[0], s, name)
			require.False(t, math.IsInf(s, 0), name)
			require.NotZero(t, s, name)
		}
	}
}

func TestIdentity(t *testing.T) {
	root := openFile(t, "adv__links.h5").Root()
	b, err := root.Open("a/b")
	require.NoError(t, err)
	for _, path := range []string{"/hard", "hard", "a/b/", "./a//b", "a/b/loop/b", "hard/."} {
		o, err := root.Open(path)
		require.NoError(t, err, path)
		require.True(t, o == b, path)
	}
	o, err := b.Open("/")
	require.NoError(t, err)
	require.True(t, o == root)
	_, err = b.Open("c/d")
	require.ErrorIs(t, err, ErrNotFound)
}

func TestLimits(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(corpus, "adv__small_many.h5"))
	require.NoError(t, err)
	for _, test := range []struct {
		lim  Limits
		want bool
	}{
		{Limits{}, false},
		{Limits{Objects: 3}, false},
		{Limits{Objects: 2}, true},
		{Limits{Links: 400}, false},
		{Limits{Links: 399}, true},
		{Limits{Metadata: 4000}, true},
		{Limits{Data: 7}, true},
		{Limits{Rank: 1}, false},
	} {
		f, err := Open(bytes.NewReader(b), int64(len(b)), test.lim)
		for _, path := range []string{"value", "links/link_0007"} {
			if err == nil {
				_, err = f.Root().Open(path)
			}
		}
		if test.want {
			require.ErrorIs(t, err, ErrLimit, "%+v", test.lim)
		} else {
			require.NoError(t, err, "%+v", test.lim)
		}
	}
	b, err = os.ReadFile(filepath.Join(corpus, "adv__small_chunks.h5"))
	require.NoError(t, err)
	f, err := Open(bytes.NewReader(b), int64(len(b)), Limits{Rank: 2, Depth: 1})
	require.NoError(t, err)
	_, err = f.Root().Open("edge")
	require.ErrorIs(t, err, ErrLimit)
	_, err = f.Root().Open("single")
	require.NoError(t, err)
	f, err = Open(bytes.NewReader(b), int64(len(b)), Limits{Attribute: 40})
	require.NoError(t, err)
	_, err = f.Root().Open("strings_gz")
	require.ErrorIs(t, err, ErrLimit)
}

// TestLyingSizes patches the declared sizes of an array: nothing is to be
// believed that the file does not hold.
func TestLyingSizes(t *testing.T) {
	name := "k2_bnemb.w.h5"
	b, err := os.ReadFile(filepath.Join(corpus, name))
	require.NoError(t, err)
	o, err := openBytes(t, b).Root().Open("bn/bn/gamma:0")
	require.NoError(t, err)
	addr := int(o.(*object).addr)
	header := b[addr : addr+256]
	at := bytes.Index(header, []byte{8, 0, 0, 0, 0, 0, 0, 0})
	require.Positive(t, at)
	for _, dim := range []byte{0x7f, 0xff} {
		for i := range 8 {
			m := bytes.Clone(b)
			m[addr+at+i] = dim
			_, err := openBytes(t, m).Root().Open("bn/bn/gamma:0")
			require.Error(t, err, "dimension byte %d", i)
			knownError(t, err)
		}
	}
}

func TestExtents(t *testing.T) {
	var e extents
	for _, i := range []uint64{5, 3, 9, 1, 7} {
		for j := range uint64(700) { // several pages
			require.NoError(t, e.add(100*(10*j+i), 100, i))
		}
	}
	require.NoError(t, e.add(700, 100, 7), "the same again")
	require.NoError(t, e.add(750, 0, 1))
	for _, x := range []extent{{700, 800, 8}, {700, 701, 7}, {699, 701, 7}, {799, 801, 7}, {0, 1 << 40, 1}, {250, 310, 2}, {690_000, 690_101, 2}} {
		require.ErrorIs(t, e.add(x.start, x.end-x.start, x.owner), ErrFormat, "%v", x)
	}
	require.NoError(t, e.add(800, 100, 8))
	require.NoError(t, e.add(0, 100, 8))
	require.NoError(t, e.add(1<<40, 100, 8))
}

func TestNames(t *testing.T) {
	require.Equal(t, "float32", Float32.String())
	require.Equal(t, "other", Other.String())
	require.Equal(t, "DType(99)", DType(99).String())
	require.Equal(t, "dataset", Dataset.String())
	require.Equal(t, DefaultLimits(), Limits{}.withDefaults())
	_, err := Open(bytes.NewReader(nil), 0, Limits{})
	require.ErrorIs(t, err, ErrFormat)
	_, err = Open(bytes.NewReader([]byte("PK\x03\x04 not HDF5 but a zip")), 25, Limits{})
	require.ErrorIs(t, err, ErrFormat)
}

// TestReadAllocates demands that float32 goes straight into the destination, where the host's order of bytes is the file's.
func TestReadAllocates(t *testing.T) {
	o, err := openFile(t, "k2_cnn.h5").Root().Open("model_weights/fc1/fc1/kernel:0")
	require.NoError(t, err)
	dst := make([]float32, elements(o))
	require.NoError(t, o.Read(dst))
	most := 3.0
	if !littleEndianHost {
		most += 2 // the bytes to be swapped
	}
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() { _ = o.Read(dst) }), most)
}

// TestParts reads numbers of every type part by part.
func TestParts(t *testing.T) {
	seen := 0
	root := openFile(t, "adv__dtypes.h5").Root()
	names, err := root.Links()
	require.NoError(t, err)
	for _, name := range names {
		o, err := root.Open(name)
		require.NoError(t, err)
		parts, ok := Parts(o)
		n := elements(o)
		want, got := make([]float32, n), make([]float32, n)
		if !ok || o.Read(want) != nil {
			continue
		}
		for at := n; at > 0; {
			from := max(0, at-3)
			require.NoError(t, parts.ReadPart(got[from:at], from))
			at = from
		}
		for i := range want {
			require.Equal(t, math.Float32bits(want[i]), math.Float32bits(got[i]), "%s[%d]", name, i)
		}
		require.Error(t, parts.ReadPart(got, 1))
		require.Error(t, parts.ReadPart(got[:1], -1))
		seen++
	}
	require.NotZero(t, seen)
}
