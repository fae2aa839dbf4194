package npy_test

import (
	"bytes"
	"testing"

	"github.com/sbinet/npyio"
	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/runtime/npy"
)

func write(t testing.TB, a npy.Array) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, npy.Write(&b, a))
	return b.Bytes()
}

// Files that NumPy wrote in its native order come out of Write byte by byte as NumPy wrote them.
func TestWriteSameBytesAsNumPy(t *testing.T) {
	for _, name := range []string{
		"f4", "f8", "f2", "i1", "i4", "u1", "u2", "u8", "bool", "U", "scalar", "empty", "vector", "bfloat16",
	} {
		a, err := npy.ReadBFloat16(bytes.NewReader(golden(t, name+".npy")), 0)
		require.NoError(t, err)
		require.Equal(t, golden(t, name+".npy"), write(t, a), name)
	}
}

func TestWriteReadsBack(t *testing.T) {
	for name, a := range written {
		if name == "S" {
			continue // its bytes are not UTF-8, see TestWriteErrors
		}
		got, err := npy.Read(bytes.NewReader(write(t, a)), 0)
		require.NoError(t, err)
		require.Equal(t, a, got, name)
	}
}

// npyio reads what Write wrote.
func TestWriteReadByNpyio(t *testing.T) {
	check := func(a npy.Array, got any) {
		t.Helper()
		require.NoError(t, npyio.Read(bytes.NewReader(write(t, a)), got))
	}
	shape := []int{2, 2}
	var f4 []float32
	check(npy.Array{DType: npy.Float32, Shape: shape, Data: []float32{1, 2.5, -3, 4}}, &f4)
	require.Equal(t, []float32{1, 2.5, -3, 4}, f4)
	var f8 []float64
	check(npy.Array{DType: npy.Float64, Shape: shape, Data: []float64{1, 2.5, -3, 4}}, &f8)
	require.Equal(t, []float64{1, 2.5, -3, 4}, f8)
	var i8 []int8
	check(npy.Array{DType: npy.Int8, Shape: shape, Data: []int8{1, 2, -3, 4}}, &i8)
	require.Equal(t, []int8{1, 2, -3, 4}, i8)
	var i64 []int64
	check(npy.Array{DType: npy.Int64, Shape: shape, Data: []int64{1, 2, -3 << 50, 4}}, &i64)
	require.Equal(t, []int64{1, 2, -3 << 50, 4}, i64)
	var u16 []uint16
	check(npy.Array{DType: npy.Uint16, Shape: shape, Data: []uint16{1, 2, 3, 65535}}, &u16)
	require.Equal(t, []uint16{1, 2, 3, 65535}, u16)
	var u32 []uint32
	check(npy.Array{DType: npy.Uint32, Shape: shape, Data: []uint32{1, 2, 3, 1 << 31}}, &u32)
	require.Equal(t, []uint32{1, 2, 3, 1 << 31}, u32)
	var flags []bool
	check(npy.Array{DType: npy.Bool, Shape: shape, Data: []bool{true, false, false, true}}, &flags)
	require.Equal(t, []bool{true, false, false, true}, flags)

	r, err := npyio.NewReader(bytes.NewReader(write(t, npy.Array{DType: npy.Float32, Shape: shape, Data: f4})))
	require.NoError(t, err)
	require.Equal(t, shape, r.Header.Descr.Shape)
}

// What npyio writes is read.
func TestReadWrittenByNpyio(t *testing.T) {
	for _, want := range []npy.Array{
		{DType: npy.Float32, Shape: []int{3}, Data: []float32{1, 2, 3}},
		{DType: npy.Float64, Shape: []int{2}, Data: []float64{1, 2}},
		{DType: npy.Int32, Shape: []int{2}, Data: []int32{-1, 2}},
		{DType: npy.Uint64, Shape: []int{2}, Data: []uint64{1, 1 << 63}},
		{DType: npy.Bool, Shape: []int{2}, Data: []bool{false, true}},
	} {
		var b bytes.Buffer
		require.NoError(t, npyio.Write(&b, want.Data))
		got, err := npy.Read(&b, 0)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestWriteErrors(t *testing.T) {
	for _, c := range []struct {
		a    npy.Array
		want error
	}{
		{npy.Array{DType: npy.Float32, Shape: []int{2}, Data: []float32{1}}, npy.ErrFormat},
		{npy.Array{DType: npy.Float32, Shape: []int{1}, Data: []float64{1}}, npy.ErrFormat},
		{npy.Array{DType: npy.Float32, Shape: []int{0}}, npy.ErrFormat},
		{npy.Array{DType: npy.Float32, Shape: []int{-1, -1}, Data: []float32{1}}, npy.ErrFormat},
		{npy.Array{DType: 99, Shape: []int{1}, Data: []float32{1}}, npy.ErrFormat},
		{npy.Array{DType: npy.Float32, Shape: make([]int, 65), Data: []float32{}}, npy.ErrFormat},
		{npy.Array{DType: npy.String, Shape: []int{1}, Data: []string{"\xff"}}, npy.ErrUnsupported},
		{npy.Array{DType: npy.String, Shape: []int{1}, Data: []string{"a\x00"}}, npy.ErrUnsupported},
	} {
		var b bytes.Buffer
		require.ErrorIs(t, npy.Write(&b, c.a), c.want)
		require.Empty(t, b.Bytes())
	}
}

func TestDTypeNames(t *testing.T) {
	names := map[npy.DType]string{
		npy.Float32: "float32", npy.Float64: "float64", npy.Float16: "float16", npy.BFloat16: "bfloat16",
		npy.Int8: "int8", npy.Int16: "int16", npy.Int32: "int32", npy.Int64: "int64",
		npy.Uint8: "uint8", npy.Uint16: "uint16", npy.Uint32: "uint32", npy.Uint64: "uint64",
		npy.Bool: "bool", npy.String: "string",
	}
	for d, want := range names {
		require.Equal(t, want, d.String())
	}
	require.Equal(t, "DType(99)", npy.DType(99).String())
}
