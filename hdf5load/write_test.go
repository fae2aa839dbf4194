package hdf5load

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func written(t testing.TB, tree *Tree) []byte {
	var b bytes.Buffer
	require.NoError(t, Write(&b, tree))
	return b.Bytes()
}

// values returns a function that writes v, little-endian.
func values(v any) func(io.Writer) error {
	return func(w io.Writer) error { return binary.Write(w, binary.LittleEndian, v) }
}

// TestRewrite copies files that Keras wrote and finds the same in the copies.
func TestRewrite(t *testing.T) {
	copied := 0
	for _, path := range corpusFiles(t) {
		name := filepath.Base(path)
		if !strings.HasPrefix(name, "k") {
			continue // changed by other tools: kinds of objects that are not written
		}
		t.Run(name, func(t *testing.T) {
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			root := openBytes(t, b).Root()
			tree := NewTree()
			copyGroup(t, tree, root)
			refused := 0
			out := written(t, tree)
			compareTrees(t, root, openBytes(t, out).Root(), &refused)
			require.Zero(t, refused)
			require.Equal(t, out, written(t, tree), "written twice")
		})
		copied++
	}
	require.Greater(t, copied, 20)
}

func copyGroup(t *testing.T, to *Tree, from Object) {
	copyAttrs(t, to, from)
	links, err := from.Links()
	require.NoError(t, err)
	for _, name := range links {
		o, err := from.Open(name)
		require.NoError(t, err)
		if o.Kind() == Group {
			copyGroup(t, to.Group(name), o)
			continue
		}
		dtype := o.DType()
		if dtype == Opaque {
			t.Skip("opaque data is not written")
		}
		to.Dataset(name, dtype, o.Shape(), func(w io.Writer) error {
			raw := make([]byte, elements(o)*o.ElemSize())
			if err := o.ReadRaw(raw); err != nil {
				return err
			}
			_, err := w.Write(raw)
			return err
		})
	}
}

func copyAttrs(t *testing.T, to *Tree, from Object) {
	names, err := from.Attrs()
	require.NoError(t, err)
	for _, name := range names {
		a, err := from.Attr(name)
		require.NoError(t, err)
		switch {
		case a.DType == String && len(a.Shape) == 0:
			to.Attr(name, a.strings[0])
		case a.DType == String && a.typ.varLen:
			to.Attr(name, a.strings)
		case a.DType == String:
			to.Attr(name, FixedStrings(a.strings))
		case a.DType == Float64:
			v, err := a.Floats()
			require.NoError(t, err)
			to.Attr(name, v)
		default:
			t.Fatalf("attribute %s of %s", name, a.DType)
		}
	}
}

// writtenTrees are trees with everything that can be written.
func writtenTrees(t testing.TB) map[string]*Tree {
	types := NewTree()
	types.Dataset("float32", Float32, []int{2, 3}, values([]float32{1, -2, 3.5, 0, 1e-40, 6}))
	types.Dataset("deep/er/float64", Float64, []int{2}, values([]float64{1, -2e300}))
	types.Dataset("deep/float16", Float16, []int{2}, values([]uint16{0x3c00, 0xfc00}))
	types.Dataset("bfloat16", BFloat16, []int{1, 2}, values([]uint16{0x3f80, 0xc000}))
	types.Dataset("int8", Int8, []int{3}, values([]int8{-128, 0, 127}))
	types.Dataset("int16", Int16, []int{1}, values([]int16{-2}))
	types.Dataset("int32", Int32, nil, values(int32(-3)))
	types.Dataset("int64", Int64, nil, values(int64(-1<<40)))
	types.Dataset("uint8", Uint8, []int{5}, values([]uint8{1, 2, 3, 4, 255}))
	types.Dataset("uint16", Uint16, []int{1}, values([]uint16{65535}))
	types.Dataset("uint32", Uint32, []int{1}, values([]uint32{1 << 31}))
	types.Dataset("uint64", Uint64, []int{1}, values([]uint64{1 << 63}))
	types.Dataset("bool", Bool, []int{2}, values([]uint8{1, 0}))
	types.Dataset("empty", Float32, []int{0, 4}, values([]float32{}))
	types.Group("no members")

	attrs := NewTree()
	attrs.Attr("text", "κέρας ∙ horn")
	attrs.Attr("empty text", "")
	attrs.Attr("long", strings.Repeat("0123456789", 50_000))
	attrs.Attr("list", []string{"a", "", "ccc"})
	attrs.Attr("empty list", []string{})
	attrs.Attr("fixed", FixedStrings{"a", "", "ccc"})
	attrs.Attr("int", int64(-7))
	attrs.Attr("float", 2.5)
	attrs.Attr("ints", []int64{1, -2})
	attrs.Attr("floats", []float64{})

	large := NewTree()
	var names []string
	for i := range 9000 { // three levels of B-tree nodes
		names = append(names, fmt.Sprintf("layer_%d", i*7919%9000))
	}
	large.Names("layer_names", names)
	for i, name := range names {
		g := large.Group("model_weights/" + name)
		g.Attr("name", strings.Repeat(name, 3)) // several collections of strings
		if i%100 == 0 {
			g.Dataset("0", Float32, []int{2}, values([]float32{float32(i), 1}))
		}
	}
	return map[string]*Tree{"types": types, "attributes": attrs, "large": large, "nothing": NewTree()}
}

func TestWrite(t *testing.T) {
	trees := writtenTrees(t)
	root := openBytes(t, written(t, trees["types"])).Root()
	read := func(path string, dtype DType, want, into any) {
		o, err := root.Open(path)
		require.NoError(t, err)
		require.Equal(t, dtype, o.DType())
		require.NoError(t, o.Read(into))
		require.Equal(t, want, into)
	}
	read("float32", Float32, []float32{1, -2, 3.5, 0, 1e-40, 6}, make([]float32, 6))
	read("deep/er/float64", Float64, []float64{1, -2e300}, make([]float64, 2))
	read("bfloat16", BFloat16, []float32{1, -2}, make([]float32, 2))
	read("int64", Int64, []int64{-1 << 40}, make([]int64, 1))
	read("uint64", Uint64, []uint64{1 << 63}, make([]uint64, 1))
	read("bool", Bool, []bool{true, false}, make([]bool, 2))
	read("empty", Float32, []float32{}, make([]float32, 0))

	root = openBytes(t, written(t, trees["attributes"])).Root()
	text, err := AttrString(root, "long")
	require.NoError(t, err)
	require.Equal(t, strings.Repeat("0123456789", 50_000), text)
	list, err := AttrStrings(root, "empty list")
	require.NoError(t, err)
	require.Empty(t, list)

	root = openBytes(t, written(t, trees["large"])).Root()
	list, err = AttrStrings(root, "layer_names")
	require.NoError(t, err)
	require.Len(t, list, 9000)
	for i, name := range list {
		g, err := root.Open("model_weights/" + name)
		require.NoError(t, err)
		text, err := AttrString(g, "name")
		require.NoError(t, err)
		require.Equal(t, strings.Repeat(name, 3), text)
		if i%100 == 0 {
			o, err := g.Open("0")
			require.NoError(t, err)
			v := make([]float32, 2)
			require.NoError(t, o.Read(v))
			require.Equal(t, []float32{float32(i), 1}, v)
		}
	}
}

func TestWriteErrors(t *testing.T) {
	two := values([]float32{1, 2})
	for want, describe := range map[string]func(*Tree){
		`two members are named "a/b"`:           func(r *Tree) { r.Group("a/b"); r.Dataset("a/b", Float32, nil, two) },
		`"a" is a dataset, want a group`:        func(r *Tree) { r.Dataset("a", Float32, nil, two); r.Group("a") },
		`dataset "a" of string`:                 func(r *Tree) { r.Dataset("a", String, nil, two) },
		`dataset "a" with shape [-1]`:           func(r *Tree) { r.Dataset("a", Float32, []int{-1}, two) },
		`dataset "a" with shape [1073741824 1`:  func(r *Tree) { r.Dataset("a", Float32, []int{1 << 30, 1 << 30, 1 << 30}, two) },
		`link name ""`:                          func(r *Tree) { r.Group("a//b") },
		`link name "."`:                         func(r *Tree) { r.Group(".") },
		`link name "a\x00"`:                     func(r *Tree) { r.Group("a\x00") },
		`attribute name ""`:                     func(r *Tree) { r.Attr("", "x") },
		`two attributes are named "x"`:          func(r *Tree) { r.Attr("x", "x"); r.Attr("x", 1.0) },
		`attribute "x" of Go type int`:          func(r *Tree) { r.Group("g").Attr("x", 1) },
		`attribute "x" of 80040 bytes`:          func(r *Tree) { r.Attr("x", FixedStrings{strings.Repeat("x", 80000)}) },
		`dataset "a": 8 bytes written, want 12`: func(r *Tree) { r.Dataset("a", Float32, []int{3}, two) },
		`dataset "a": more bytes than`:          func(r *Tree) { r.Dataset("a", Float32, []int{1}, two) },
		`groups nested more than 256 deep`:      func(r *Tree) { r.Group("a" + strings.Repeat("/a", 300)) },
	} {
		r := NewTree()
		describe(r)
		err := Write(io.Discard, r)
		require.ErrorContains(t, err, want)
	}

	fail := errors.New("disk full")
	r := NewTree()
	r.Dataset("a", Float32, []int{2}, two)
	for after := range 2 {
		require.ErrorIs(t, Write(&failing{after, fail}, r), fail)
	}
}

// failing is a Writer that works n times.
type failing struct {
	n   int
	err error
}

func (f *failing) Write(b []byte) (int, error) {
	if f.n--; f.n < 0 {
		return 0, f.err
	}
	return len(b), nil
}
