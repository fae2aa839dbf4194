package hdf5load

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const corpus = "../testdata/hdf5"

// golden is a dump by h5py: of an attribute, or of strings.
type goldenValue struct {
	T     string   `json:"t"` // "s" strings, "n" numbers
	Shape []int    `json:"shape"`
	V     []string `json:"v"`
}

// goldenObject is a dump by h5py of one path.
type goldenObject struct {
	Kind  string                 `json:"kind"`
	Attrs map[string]goldenValue `json:"attrs"`
	Shape []int                  `json:"shape"`
	DType string                 `json:"dtype"`
	Sha   string                 `json:"sha"` // of the values as float64
	Raw   string                 `json:"raw"` // of opaque bytes
	V     *goldenValue           `json:"v"`   // of strings
}

func corpusFiles(t testing.TB) []string {
	files, err := filepath.Glob(filepath.Join(corpus, "*.h5"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 100)
	return files
}

func openBytes(t testing.TB, b []byte) *File {
	f, err := Open(bytes.NewReader(b), int64(len(b)), Limits{})
	require.NoError(t, err)
	return f
}

// openFile opens a file of the corpus.
func openFile(t testing.TB, name string) *File {
	b, err := os.ReadFile(filepath.Join(corpus, name))
	require.NoError(t, err)
	return openBytes(t, b)
}

// elements is the number of elements of o.
func elements(o Object) int {
	n := 1
	for _, d := range o.Shape() {
		n *= d
	}
	return n
}

func shortHash(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:8])
}

// hashFloats is the hash the dumps have of numbers: of float64, one kind of NaN.
func hashFloats(v []float64) string {
	b := make([]byte, 0, 8*len(v))
	for _, x := range v {
		u := math.Float64bits(x)
		if x != x {
			u = 0x7ff8000000000000
		}
		b = binary.LittleEndian.AppendUint64(b, u)
	}
	return shortHash(b)
}

// refusals are the values that may be refused, by file and path, and the name
// the error must have for the reason.
var refusals = map[string]map[string]string{
	"adv__small_refused.h5":       {"/scale_offset": "filter scale-offset", "/external": "external storage", "/virtual": "virtual dataset"},
	"adv__small_refused_order.h5": {"/scale_offset": "filter scale-offset", "/external": "external storage", "/virtual": "virtual dataset"},
	"adv__small_refused_v110.h5": {"/scale_offset": "filter scale-offset", "/external": "external storage", "/virtual": "virtual dataset",
		"/extensible": "extensible-array chunk index", "/tree2": "B-tree version 2 chunk index"},
}

// szipSkipped are the arrays too small for szip, whose chunks skip the filter.
var szipSkipped = map[string]bool{"/layers/dense/vars/0": true, "/layers/embedding/vars/0": true}

// TestCorpus demands that every file gives what h5py gives: objects, attributes
// and values, or, for the features listed, a refusal by name.
func TestCorpus(t *testing.T) {
	for _, path := range corpusFiles(t) {
		name := filepath.Base(path)
		t.Run(name, func(t *testing.T) {
			var want map[string]goldenObject
			b, err := os.ReadFile(path + ".json")
			require.NoError(t, err)
			require.NoError(t, json.Unmarshal(b, &want))
			root := openFile(t, name).Root()
			for p, w := range want {
				refused := refusals[name][p]
				if name == "var__k3bnemb_rep_szip.h5" && w.Sha != "" && !szipSkipped[p] {
					refused = "filter szip"
				}
				checkObject(t, root, p, w, refused)
			}
			require.Equal(t, len(want), countPaths(t, root), "paths")
		})
	}
}

func checkObject(t *testing.T, root Object, path string, want goldenObject, refused string) {
	o, err := root.Open(path)
	if link, ok := strings.CutPrefix(want.Kind, "link:"); ok {
		require.ErrorIs(t, err, ErrUnsupported, path)
		require.ErrorContains(t, err, strings.ToLower(strings.TrimSuffix(link, "Link"))+" link", path)
		return
	}
	require.NoError(t, err, path)
	switch want.Kind {
	case "group", "cycle":
		require.Equal(t, Group, o.Kind(), path)
		require.Equal(t, Invalid, o.DType(), path)
	case "dataset":
		require.Equal(t, Dataset, o.Kind(), path)
	case "type":
		require.Equal(t, NamedType, o.Kind(), path)
		return
	default:
		require.Fail(t, "kind", want.Kind)
	}
	if want.Kind == "cycle" {
		return
	}
	names, err := o.Attrs()
	require.NoError(t, err, path)
	require.Len(t, names, len(want.Attrs), path)
	for name, w := range want.Attrs {
		checkAttr(t, o, name, w)
	}
	if want.Kind == "dataset" {
		checkValues(t, o, path, want, refused)
	}
}

func checkAttr(t *testing.T, o Object, name string, want goldenValue) {
	a, err := o.Attr(name)
	require.NoError(t, err, name)
	if want.T == "null" {
		require.Equal(t, []int{0}, a.Shape, name)
		return
	}
	require.Equal(t, want.Shape, a.Shape, name)
	switch want.T {
	case "s":
		got, err := a.Strings()
		require.NoError(t, err, name)
		require.Equal(t, want.V, append([]string{}, got...), name)
		_, err = a.Ints()
		require.ErrorIs(t, err, ErrUnsupported, name)
	case "n":
		got, err := a.Floats()
		require.NoError(t, err, name)
		require.Len(t, got, len(want.V), name)
		for i, s := range want.V {
			x, err := strconv.ParseFloat(s, 64)
			require.NoError(t, err)
			require.Equal(t, math.Float64bits(x), math.Float64bits(got[i]), "%s %s", name, s)
		}
		if ints, err := a.Ints(); a.DType >= Int8 && a.DType <= Bool {
			require.NoError(t, err, name)
			for i, x := range ints {
				require.Equal(t, got[i], float64(x), name)
			}
		} else {
			require.ErrorIs(t, err, ErrUnsupported, name)
		}
	default:
		require.Fail(t, "attribute", "%s of type %s", name, want.T)
	}
}

func checkValues(t *testing.T, o Object, path string, want goldenObject, refused string) {
	require.Equal(t, want.Shape, o.Shape(), path)
	dtype := strings.TrimLeft(want.DType, "<>|")
	if long, ok := map[string]string{"f2": "float16", "f4": "float32", "f8": "float64", "i2": "int16", "i4": "int32", "i8": "int64",
		"u2": "uint16", "u4": "uint32", "u8": "uint64", "complex64": "other"}[dtype]; ok {
		dtype = long
	}
	switch dtype {
	case "V2":
		require.Contains(t, []string{"opaque", "bfloat16"}, o.DType().String(), path)
	case "object", "S3", "S4", "S5": // variable-length and fixed strings
		require.Equal(t, String, o.DType(), path)
	default:
		require.Equal(t, dtype, o.DType().String(), path)
	}
	n := elements(o)
	switch {
	case refused != "":
		for _, err := range []error{o.Read(make([]float64, n)), o.ReadRaw(make([]byte, n*o.ElemSize()))} {
			require.ErrorIs(t, err, ErrUnsupported, path)
			require.ErrorContains(t, err, refused, path)
		}
	case want.Sha != "":
		v := make([]float64, n)
		require.NoError(t, o.Read(v), path)
		require.Equal(t, want.Sha, hashFloats(v), path)
		single := make([]float32, n)
		require.NoError(t, o.Read(single), path)
		for i, x := range v {
			if x == x {
				require.Equal(t, math.Float32bits(float32(x)), math.Float32bits(single[i]), path)
			} else {
				require.True(t, single[i] != single[i], path)
			}
		}
	case want.Raw != "":
		b := make([]byte, n*o.ElemSize())
		require.NoError(t, o.ReadRaw(b), path)
		require.Equal(t, want.Raw, shortHash(b), path)
		bits := make([]uint16, n)
		require.NoError(t, o.Read(bits), path)
		for i, x := range bits {
			require.Equal(t, binary.LittleEndian.Uint16(b[2*i:]), x, path)
		}
	case want.V != nil:
		s := make([]string, n)
		require.NoError(t, o.Read(s), path)
		require.Equal(t, want.V.V, s, path)
	case n == 0: // null dataspace
	default: // h5py has no hash of it: compound
		require.Equal(t, Other, o.DType(), path)
		require.ErrorIs(t, o.Read(make([]float32, n)), ErrUnsupported, path)
		require.NoError(t, o.ReadRaw(make([]byte, n*o.ElemSize())), path)
	}
}

// countPaths counts the paths as the dumps do: no further than a group that is
// its own ancestor.
func countPaths(t testing.TB, root Object) int {
	n := 0
	var walk func(o Object, above []Object)
	walk = func(o Object, above []Object) {
		n++
		for _, a := range above {
			if a == o {
				return
			}
		}
		if o.Kind() != Group {
			return
		}
		names, err := o.Links()
		require.NoError(t, err)
		for _, name := range names {
			c, err := o.Open(name)
			if errors.Is(err, ErrUnsupported) && strings.Contains(err.Error(), " link ") {
				n++
				continue
			}
			require.NoError(t, err)
			walk(c, append(above[:len(above):len(above)], o))
		}
	}
	walk(root, nil)
	return n
}
