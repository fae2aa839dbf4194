package npy_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/runtime/npy"
)

func grid[T any](v ...T) any { return v }

// written holds what python/goldens_npy.py wrote with NumPy.
var written = map[string]npy.Array{
	"f4":        {DType: npy.Float32, Shape: []int{2, 3}, Data: grid[float32](0, .25, .5, .75, 1, 1.25)},
	"f4_big":    {DType: npy.Float32, Shape: []int{2, 3}, Data: grid[float32](0, .25, .5, .75, 1, 1.25)},
	"f8":        {DType: npy.Float64, Shape: []int{2, 3}, Data: grid(0, .25, .5, .75, 1, 1.25)},
	"f8_big":    {DType: npy.Float64, Shape: []int{2, 3}, Data: grid(0, .25, .5, .75, 1, 1.25)},
	"f2":        {DType: npy.Float16, Shape: []int{2, 3}, Data: grid[uint16](0, 0x3c00, 0x4000, 0x4200, 0x4400, 0x4500)},
	"f2_big":    {DType: npy.Float16, Shape: []int{2, 3}, Data: grid[uint16](0, 0x3c00, 0x4000, 0x4200, 0x4400, 0x4500)},
	"i1":        {DType: npy.Int8, Shape: []int{2, 3}, Data: grid[int8](-3, -2, -1, 0, 1, 2)},
	"i2_big":    {DType: npy.Int16, Shape: []int{2, 3}, Data: grid[int16](-3, -2, -1, 0, 1, 2)},
	"i4":        {DType: npy.Int32, Shape: []int{2, 3}, Data: grid[int32](-3, -2, -1, 0, 1, 2)},
	"i8_big":    {DType: npy.Int64, Shape: []int{2, 3}, Data: grid[int64](-3<<40, -2<<40, -1<<40, 0, 1<<40, 2<<40)},
	"u1":        {DType: npy.Uint8, Shape: []int{2, 3}, Data: grid[uint8](250, 251, 252, 253, 254, 255)},
	"u2":        {DType: npy.Uint16, Shape: []int{2, 3}, Data: grid[uint16](65530, 65531, 65532, 65533, 65534, 65535)},
	"u4_big":    {DType: npy.Uint32, Shape: []int{2, 3}, Data: grid[uint32](1<<32-6, 1<<32-5, 1<<32-4, 1<<32-3, 1<<32-2, 1<<32-1)},
	"u8":        {DType: npy.Uint64, Shape: []int{2, 3}, Data: grid[uint64](1<<64-6, 1<<64-5, 1<<64-4, 1<<64-3, 1<<64-2, 1<<64-1)},
	"bool":      {DType: npy.Bool, Shape: []int{2, 3}, Data: grid(true, false, true, false, true, false)},
	"U":         {DType: npy.String, Shape: []int{4}, Data: grid("", "a", "héé", "日本😀")},
	"U_big":     {DType: npy.String, Shape: []int{2}, Data: grid("a", "日本")},
	"S":         {DType: npy.String, Shape: []int{3}, Data: grid("", "ab", "\xff\x00c")},
	"fortran_U": {DType: npy.String, Shape: []int{2, 2}, Data: grid("a", "b", "c", "d")},
	"fortran": {DType: npy.Int32, Shape: []int{2, 3, 4}, Data: grid[int32](
		0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23)},
	"scalar":   {DType: npy.Float32, Shape: []int{}, Data: grid[float32](1.5)},
	"empty":    {DType: npy.Float64, Shape: []int{0, 3}, Data: []float64{}},
	"vector":   {DType: npy.Int64, Shape: []int{5}, Data: grid[int64](0, 1, 2, 3, 4)},
	"version2": {DType: npy.Float32, Shape: []int{2, 3}, Data: grid[float32](0, .25, .5, .75, 1, 1.25)},
	"version3": {DType: npy.Float32, Shape: []int{2, 3}, Data: grid[float32](0, .25, .5, .75, 1, 1.25)},
}

func golden(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	return b
}

func TestReadNumPy(t *testing.T) {
	for name, want := range written {
		t.Run(name, func(t *testing.T) {
			r := bytes.NewReader(append(golden(t, name+".npy"), 42))
			got, err := npy.Read(r, 0)
			require.NoError(t, err)
			require.Equal(t, want, got)
			require.Equal(t, 1, r.Len(), "the reader stands behind the array")

			f, err := os.Open("testdata/" + name + ".npy")
			require.NoError(t, err)
			defer f.Close()
			got, err = npy.Read(f, 0)
			require.NoError(t, err)
			require.Equal(t, want, got)

			one, err := npy.Read(iotest.OneByteReader(bytes.NewReader(golden(t, name+".npy"))), 0)
			require.NoError(t, err)
			require.Equal(t, want, one)
		})
	}
}

func TestReadTruncated(t *testing.T) {
	for name, a := range written {
		b := golden(t, name+".npy")
		for n := range b {
			_, err := npy.Read(bytes.NewReader(b[:n]), 0)
			require.ErrorIs(t, err, npy.ErrFormat, "%s (%s) cut at %d", name, a.DType, n)
		}
	}
}

func TestReadUnsupported(t *testing.T) {
	for name, why := range map[string]string{
		"object": "pickled", "struct": "structured", "complex": "<c8", "date": `"<M8[s]"`, "bfloat16": "bfloat16", "void": "bfloat16",
	} {
		_, err := npy.Read(bytes.NewReader(golden(t, name+".npy")), 0)
		require.ErrorIs(t, err, npy.ErrUnsupported, name)
		require.ErrorContains(t, err, why)
	}
}

func TestReadBFloat16(t *testing.T) {
	a, err := npy.ReadBFloat16(bytes.NewReader(golden(t, "bfloat16.npy")), 0)
	require.NoError(t, err)
	require.Equal(t, npy.Array{DType: npy.BFloat16, Shape: []int{3}, Data: grid[uint16](0x3f80, 0xc000, 0x3f00)}, a)

	a, err = npy.ReadBFloat16(bytes.NewReader(golden(t, "void.npy")), 0)
	require.NoError(t, err)
	require.Equal(t, grid[uint16](0x3f80), a.Data)

	a, err = npy.ReadBFloat16(bytes.NewReader(golden(t, "f4.npy")), 0)
	require.NoError(t, err)
	require.Equal(t, written["f4"], a)
}

// file makes an npy file of any header text.
func file(version byte, dict string, payload ...byte) []byte {
	b := append([]byte("\x93NUMPY"), version, 0)
	if version == 1 {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(dict)))
	} else {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(dict)))
	}
	return append(append(b, dict...), payload...)
}

func TestReadHeaderForms(t *testing.T) {
	want := npy.Array{DType: npy.Uint8, Shape: []int{2}, Data: []uint8{7, 8}}
	for _, dict := range []string{
		"{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }\n",
		"{'descr':'|u1','fortran_order':False,'shape':(2,)}",
		` { "shape" : ( 2 , ) , "fortran_order" : True , "descr" : "<u1" , } ` + "\n",
		"{'shape': (2L,), 'descr': '>u1', 'fortran_order': False}",
	} {
		for version := byte(1); version <= 3; version++ {
			got, err := npy.Read(bytes.NewReader(file(version, dict, 7, 8)), 0)
			require.NoError(t, err, dict)
			require.Equal(t, want, got, dict)
		}
	}
}

func TestReadBadHeaders(t *testing.T) {
	const head = "{'descr': '<f4', 'fortran_order': False, 'shape': "
	for dict, want := range map[string]error{
		"":                                npy.ErrFormat,
		"{":                               npy.ErrFormat,
		"{}":                              npy.ErrFormat,
		"\n":                              npy.ErrFormat,
		head:                              npy.ErrFormat,
		head + "(2":                       npy.ErrFormat,
		head + "(2,":                      npy.ErrFormat,
		head + "(2,)":                     npy.ErrFormat,
		head + "(2)}":                     npy.ErrFormat,
		head + "(2 2)}":                   npy.ErrFormat,
		head + "(-1,)}":                   npy.ErrFormat,
		head + "(-1,-1)}":                 npy.ErrFormat,
		head + "(1.5,)}":                  npy.ErrFormat,
		head + "(1e3,)}":                  npy.ErrFormat,
		head + "(,)}":                     npy.ErrFormat,
		head + "[2]}":                     npy.ErrFormat,
		head + "None}":                    npy.ErrFormat,
		head + "(2,)} {":                  npy.ErrFormat,
		head + "(2,), 'shape': (2,)}":     npy.ErrFormat,
		head + "(2,), 'more': 1}":         npy.ErrFormat,
		head + "(99999999999999999999,)}": npy.ErrFormat,
		head + "(4294967296, 4294967296, 4294967296)}":                            npy.ErrFormat,
		head + "(0, 9223372036854775807, 9223372036854775807)}":                   npy.ErrFormat,
		head + "(" + strings.Repeat("1,", 65) + ")}":                              npy.ErrFormat,
		head + "(1000000000,)}":                                                   npy.ErrLimit,
		head + "(536870912,)}":                                                    npy.ErrLimit,
		head + "(1000000,)}":                                                      npy.ErrFormat, // no such data
		"{'descr': '<f4', 'fortran_order': Maybe, 'shape': (2,)}":                 npy.ErrFormat,
		"{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}":                     npy.ErrFormat,
		"{'descr': '<f4\\'', 'fortran_order': False, 'shape': (2,)}":              npy.ErrFormat,
		"{'descr': \"<f4', 'shape': (1,)\", 'fortran_order': False, 'shape': ()}": npy.ErrFormat,
		"{'descr': 4, 'fortran_order': False, 'shape': (2,)}":                     npy.ErrFormat,
		"{'descr': '', 'fortran_order': False, 'shape': (2,)}":                    npy.ErrFormat,
		"{'descr': '<', 'fortran_order': False, 'shape': (2,)}":                   npy.ErrFormat,
		"{'descr': '=f4', 'fortran_order': False, 'shape': (2,)}":                 npy.ErrUnsupported,
		"{'descr': 'float32', 'fortran_order': False, 'shape': (2,)}":             npy.ErrUnsupported,
		"{'descr': '|f4', 'fortran_order': False, 'shape': (2,)}":                 npy.ErrUnsupported,
		"{'descr': '<f3', 'fortran_order': False, 'shape': (2,)}":                 npy.ErrUnsupported,
		"{'descr': '<f16', 'fortran_order': False, 'shape': (2,)}":                npy.ErrUnsupported,
		"{'descr': '<f-4', 'fortran_order': False, 'shape': (2,)}":                npy.ErrFormat,
		"{'descr': '|O', 'fortran_order': False, 'shape': (2,)}":                  npy.ErrUnsupported,
		"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}":        npy.ErrUnsupported,
		"{'descr': '<U0', 'fortran_order': False, 'shape': (1000000000,)}":        npy.ErrUnsupported,
		"{'descr': '|S0', 'fortran_order': False, 'shape': (1000000000,)}":        npy.ErrUnsupported,
		"{'descr': '<U2147483647', 'fortran_order': False, 'shape': (1,)}":        npy.ErrFormat,
		"{'descr': '<U500000000', 'fortran_order': False, 'shape': (1,)}":         npy.ErrFormat,
		"{'descr': '|S2000000000', 'fortran_order': False, 'shape': (1,)}":        npy.ErrFormat,
		"{'descr': '|S1', 'fortran_order': False, 'shape': (2000000000,)}":        npy.ErrLimit,
	} {
		_, err := npy.Read(bytes.NewReader(file(1, dict, 1, 2, 3)), 0)
		require.ErrorIs(t, err, want, dict)
	}
	_, err := npy.Read(bytes.NewReader(file(4, "{}")), 0)
	require.ErrorIs(t, err, npy.ErrUnsupported)
	_, err = npy.Read(bytes.NewReader(append([]byte("\x93NUMPY\x02\x00"), 255, 255, 255, 255, '{')), 0)
	require.ErrorIs(t, err, npy.ErrLimit)
	_, err = npy.Read(strings.NewReader("PK\x03\x04 not an array"), 0)
	require.ErrorIs(t, err, npy.ErrFormat)
}

// A character beyond Unicode must not turn into another one.
func TestReadBadCharacter(t *testing.T) {
	for _, c := range []uint32{0x110000, 0xd800, 0xffffffff} {
		b := binary.LittleEndian.AppendUint32(nil, c)
		_, err := npy.Read(bytes.NewReader(file(1, "{'descr': '<U1', 'fortran_order': False, 'shape': ()}", b...)), 0)
		require.ErrorIs(t, err, npy.ErrFormat)
	}
}

func TestReadLimit(t *testing.T) {
	b := golden(t, "f4.npy")
	_, err := npy.Read(bytes.NewReader(b), 23)
	require.ErrorIs(t, err, npy.ErrLimit)
	require.EqualError(t, err, "npy array float32 [2 3]: 6 elements of 4 bytes, want at most 23 bytes: npy data exceeds the limit")
	_, err = npy.Read(bytes.NewReader(b), 24)
	require.NoError(t, err)
}

// The reader's own error is neither a format error nor lost.
func TestReadReaderError(t *testing.T) {
	broken := errors.New("cable cut")
	b := golden(t, "f4.npy")
	for _, n := range []int{3, 9, 40, len(b) - 1} {
		_, err := npy.Read(io.MultiReader(bytes.NewReader(b[:n]), iotest.ErrReader(broken)), 0)
		require.ErrorIs(t, err, broken)
		require.NotErrorIs(t, err, npy.ErrFormat)
	}
}

// A header that promises 2 GB in front of three bytes costs next to nothing.
func TestReadAllocatesWhatIsThere(t *testing.T) {
	for _, dict := range []string{
		"{'descr': '<f4', 'fortran_order': True, 'shape': (500, 1000000)}",
		"{'descr': '<U100000000', 'fortran_order': False, 'shape': (4,)}",
		"{'descr': '|S1', 'fortran_order': False, 'shape': (100000000,)}",
	} {
		b := file(1, dict, 1, 2, 3)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := npy.Read(bytes.NewReader(b), 0)
		runtime.ReadMemStats(&after)
		require.ErrorIs(t, err, npy.ErrFormat, dict)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(8<<20), dict)
	}
}

// Arrays above the chunk size, with elements on both sides of each border.
func TestReadLarge(t *testing.T) {
	const n = 1<<19 + 3
	data := make([]float64, n)
	names := make([]string, 70_000)
	for i := range data {
		data[i] = float64(i) * 1.5
	}
	for i := range names {
		names[i] = strings.Repeat("ab", i%5)
	}
	for _, a := range []npy.Array{
		{DType: npy.Float64, Shape: []int{n, 1}, Data: data},
		{DType: npy.String, Shape: []int{700, 100}, Data: names},
		{DType: npy.String, Shape: []int{2}, Data: []string{strings.Repeat("x", 100_000), "y"}},
	} {
		var b bytes.Buffer
		require.NoError(t, npy.Write(&b, a))
		got, err := npy.Read(&b, 0)
		require.NoError(t, err)
		require.Equal(t, a, got)
	}
}

func FuzzRead(f *testing.F) {
	for name := range written {
		f.Add(golden(f, name+".npy"))
	}
	for _, name := range []string{"object", "struct", "bfloat16"} {
		f.Add(golden(f, name+".npy"))
	}
	f.Add(file(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (99999,)}", 1))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := npy.ReadBFloat16(bytes.NewReader(data), 1<<20)
		if err != nil {
			return
		}
		n := 1
		for _, d := range a.Shape {
			n *= d
		}
		require.Equal(t, n, a.Len())
		var b bytes.Buffer
		if err := npy.Write(&b, a); err != nil {
			require.Equal(t, npy.String, a.DType) // bytes that are no UTF-8
			return
		}
		again, err := npy.ReadBFloat16(bytes.NewReader(b.Bytes()), 0)
		require.NoError(t, err)
		var c bytes.Buffer
		require.NoError(t, npy.Write(&c, again))
		require.Equal(t, b.Bytes(), c.Bytes())
	})
}

func BenchmarkRead100MB(b *testing.B) {
	var file bytes.Buffer
	require.NoError(b, npy.Write(&file, npy.Array{DType: npy.Float32, Shape: []int{25_000_000}, Data: make([]float32, 25_000_000)}))
	b.SetBytes(int64(file.Len()))
	for i := 0; i < b.N; i++ {
		_, err := npy.Read(bytes.NewReader(file.Bytes()), 0)
		require.NoError(b, err)
	}
}
