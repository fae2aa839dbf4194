package source

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/hdf5load"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

const twoLayers = `{"class_name":"Sequential","config":{"name":"m","layers":[
 {"class_name":"InputLayer","config":{"batch_shape":[null,2],"dtype":"float32","name":"in"}},
 {"class_name":"Dense","config":{"name":"a","units":3}},
 {"class_name":"Dense","config":{"name":"b","units":1,"use_bias":false}}]},"keras_version":"3.15.1","module":"keras"}`

// safetensorsFile makes a file of a header and elements.
func safetensorsFile(header string, data []byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), data...)
}

func openNamed(t *testing.T, file string, data []byte) (*Model, error) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "m.json"), []byte(twoLayers), 0o644))
	path := filepath.Join(dir, file)
	require.NoError(t, os.WriteFile(path, data, 0o644))
	m, err := Open(filepath.Join(dir, "m.json"), path, Options{})
	if err == nil {
		t.Cleanup(m.Close)
	}
	return m, err
}

// goodHeader describes 6 float16, 3 bfloat16 and 3 float32.
const goodHeader = `{"__metadata__":{"format":"pt"},"a/bias":{"dtype":"BF16","shape":[3],"data_offsets":[12,18]},` +
	`"a/kernel":{"dtype":"F16","shape":[2,3],"data_offsets":[0,12]},"b/kernel":{"dtype":"F32","shape":[3,1],"data_offsets":[18,30]}}`

func goodData() []byte {
	var b []byte
	for i := range 6 {
		b = binary.LittleEndian.AppendUint16(b, graph.FloatToHalf(float64(i)+0.5))
	}
	for i := range 3 {
		b = binary.LittleEndian.AppendUint16(b, graph.FloatToBFloat(-float64(i)))
	}
	for i := range 3 {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(i)/3))
	}
	return b
}

// TestSafetensors reads weights of three floating types, whole and in parts.
func TestSafetensors(t *testing.T) {
	m, err := openNamed(t, "w.safetensors", safetensorsFile(goodHeader, goodData()))
	require.NoError(t, err)
	for i, want := range [][]float32{{0.5, 1.5, 2.5, 3.5, 4.5, 5.5}, {0, -1, -2}, {0, 1.0 / 3, 2.0 / 3}} {
		got, err := m.Weights[i].Tensor()
		require.NoError(t, err)
		require.Equal(t, want, got.Data)
		last := m.Weights[i].Shape[len(m.Weights[i].Shape)-1]
		part := make([]float32, last)
		require.NoError(t, m.Weights[i].Floats(part, len(want)-last))
		require.Equal(t, want[len(want)-last:], part)
	}
}

// TestSafetensorsRefused has files that are not what they say, or of another model.
func TestSafetensorsRefused(t *testing.T) {
	change := func(old, to string) []byte {
		require.Contains(t, goodHeader, old)
		return safetensorsFile(strings.Replace(goodHeader, old, to, 1), goodData())
	}
	for name, c := range map[string]struct {
		data []byte
		kind error
		want string
	}{
		"missing":  {change(`"a/kernel"`, `"c/kernel"`), ErrNotFound, `1 missing: layer a (Dense): weight "a/kernel", float32 (2, 3); 1 of no layer: c/kernel`},
		"shape":    {change(`[2,3]`, `[3,2]`), ErrShape, `layer a (Dense): weight "a/kernel" is (3, 2), want (2, 3)`},
		"integers": {change(`"BF16"`, `"I16"`), ErrShape, `layer a (Dense): weight "a/bias" is I16, want float32`},
		"float8":   {change(`"BF16"`, `"F8_E5M2"`), ErrShape, `weight "a/bias" is F8_E5M2`},
		"offsets":  {change(`[18,30]`, `[18,31]`), ErrFormat, `weight "b/kernel": invalid model file: data_offsets [18,31] in 30 bytes`},
		"length":   {change(`[12,18]`, `[12,16]`), ErrFormat, `weight "a/bias": invalid model file: data_offsets [12,16] for BF16 (3,)`},
		"overlap":  {change(`[12,18]`, `[10,16]`), ErrFormat, "overlap or leave bytes out"},
		"huge":     {change(`[3,1]`, `[3000000000,3000000000]`), ErrFormat, "shape"},
		"gap":      {safetensorsFile(goodHeader, append(goodData(), 0)), ErrFormat, "overlap or leave bytes out"},
		"short":    {safetensorsFile(goodHeader, goodData()[:20]), ErrFormat, "data_offsets"},
		"header":   {append(binary.LittleEndian.AppendUint64(nil, 1<<30), `{"`...), ErrFormat, "a safetensors header of 1073741824 bytes in a file of 10"},
		"json":     {safetensorsFile(`{"a":`, nil), ErrFormat, "safetensors header"},
		"list":     {append(binary.LittleEndian.AppendUint64(nil, 2), `{]`...), ErrFormat, "safetensors header"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := openNamed(t, "w.safetensors", c.data)
			require.ErrorIs(t, err, c.kind)
			require.ErrorContains(t, err, c.want)
		})
	}
}

// TestNpz reads weights from arrays of NumPy, stored or compressed.
func TestNpz(t *testing.T) {
	member := func(z *zip.Writer, name, head string, data []byte, method uint16) {
		f, err := z.CreateHeader(&zip.FileHeader{Name: name + ".npy", Method: method})
		require.NoError(t, err)
		head += strings.Repeat(" ", 64-(10+len(head))%64-1) + "\n"
		_, err = f.Write(append(append([]byte("\x93NUMPY\x01\x00"), byte(len(head)), 0), head...))
		require.NoError(t, err)
		_, err = f.Write(data)
		require.NoError(t, err)
	}
	file := func(kernel string, method uint16) []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		d := goodData()
		member(z, "a/kernel", kernel, d[:12], method)
		member(z, "a/bias", "{'descr': '|V2', 'fortran_order': False, 'shape': (3,), }", d[12:18], method)
		member(z, "b/kernel", "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 1), }", d[18:], method)
		require.NoError(t, z.Close())
		return b.Bytes()
	}
	const kernel = "{'descr': '<f2', 'fortran_order': False, 'shape': (2, 3), }"
	for _, method := range []uint16{zip.Store, zip.Deflate} {
		m, err := openNamed(t, "w.npz", file(kernel, method))
		require.NoError(t, err)
		for i, want := range [][]float32{{0.5, 1.5, 2.5, 3.5, 4.5, 5.5}, {0, -1, -2}, {0, 1.0 / 3, 2.0 / 3}} {
			got, err := m.Weights[i].Tensor()
			require.NoError(t, err)
			require.Equal(t, want, got.Data)
		}
	}
	_, err := openNamed(t, "w.npz", file(strings.Replace(kernel, "(2, 3)", "(6,)", 1), zip.Store))
	require.ErrorIs(t, err, ErrShape)
	require.ErrorContains(t, err, `layer a (Dense): weight "a/kernel" is (6,), want (2, 3)`)
	_, err = openNamed(t, "w.npz", file(strings.Replace(kernel, "f2", "q2", 1), zip.Store))
	require.ErrorContains(t, err, `npz member "a/kernel"`)
	broken := file(kernel, zip.Store)
	broken[bytes.Index(broken, goodData()[:12])] ^= 1
	m, err := openNamed(t, "w.npz", broken)
	require.NoError(t, err)
	failed := false
	for _, w := range m.Weights {
		_, err := w.Tensor()
		failed = failed || err != nil
	}
	require.True(t, failed, "a damaged member")
}

// FuzzSafetensors holds that no file makes more of a header than it has.
func FuzzSafetensors(f *testing.F) {
	f.Add(safetensorsFile(goodHeader, goodData()))
	f.Add(safetensorsFile(strings.Replace(goodHeader, "[2,3]", "[]", 1), goodData()))
	f.Fuzz(func(t *testing.T, b []byte) {
		l := &loader{}
		l.options.Limits = l.options.Limits.withDefaults()
		s, err := l.safetensors(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		for _, a := range s.(namedStore) {
			if a.dtype != hdf5load.Other {
				x, err := a.load()
				require.NoError(t, err)
				require.NoError(t, x.Check())
			}
		}
	})
}
