package convert_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/convert"
	"github.com/kerasrun/kerasrun/convert/target"
	"github.com/kerasrun/kerasrun/runtime/source"
)

const models = "../testdata/models/"

func open(t testing.TB, name string) *kerasrun.Source {
	m, err := kerasrun.Open(models + name)
	require.NoError(t, err)
	t.Cleanup(m.Close)
	return m
}

func write(t testing.TB, m *kerasrun.Source, format string, o convert.Options) []byte {
	var b bytes.Buffer
	require.NoError(t, convert.Write(context.Background(), &b, m, format, o))
	return b.Bytes()
}

func TestNpz(t *testing.T) {
	m := open(t, "cnn/model.keras")
	b := write(t, m, "npz", convert.Options{})
	require.Equal(t, b, write(t, m, "npz", convert.Options{}), "written twice")
	z, err := kerasrun.OpenNpz(bytes.NewReader(b), int64(len(b)), 0)
	require.NoError(t, err)
	names := source.WeightNames(m.Program.Graph.Params)
	require.Equal(t, names, z.Names())
	for i, name := range names {
		got, err := z.Read(name)
		require.NoError(t, err)
		want, err := m.Weights[i].Tensor()
		require.NoError(t, err)
		require.Equal(t, want, got, name)
	}
}

func TestSafetensors(t *testing.T) {
	m := open(t, "cnn/model.keras")
	b := write(t, m, "safetensors", convert.Options{})
	n := binary.LittleEndian.Uint64(b)
	require.Zero(t, n%8)
	var header map[string]struct {
		DType   string `json:"dtype"`
		Shape   []int  `json:"shape"`
		Offsets [2]int `json:"data_offsets"`
	}
	require.NoError(t, json.Unmarshal(bytes.Replace(b[8:8+n], []byte(`"__metadata__":{"format":"keras"},`), nil, 1), &header))
	data := b[8+n:]
	total := 0
	for i, name := range source.WeightNames(m.Program.Graph.Params) {
		h := header[name]
		want, err := m.Weights[i].Tensor()
		require.NoError(t, err)
		require.Equal(t, "F32", h.DType)
		require.Equal(t, []int(want.Shape), h.Shape)
		for k, x := range want.Data.([]float32) {
			require.Equal(t, x, math.Float32frombits(binary.LittleEndian.Uint32(data[h.Offsets[0]+4*k:])))
		}
		require.Equal(t, want.Len()*4, h.Offsets[1]-h.Offsets[0])
		total += want.Len() * 4
	}
	require.Len(t, data, total)
	require.Len(t, header, len(m.Weights))
}

func TestOf(t *testing.T) {
	for _, f := range convert.Formats() {
		require.NotEmpty(t, f.About, f.Name)
		byName, err := convert.Of(f.Name, "")
		require.NoError(t, err)
		byEnding, err := convert.Of("", "/some/where/X"+f.Ending)
		require.NoError(t, err)
		require.Equal(t, f.Name, byName.Name)
		require.Equal(t, f.Name, byEnding.Name)
	}
	_, err := convert.Of("", "model.pkl")
	require.ErrorIs(t, err, convert.ErrFormat)
	_, err = convert.Of("nonsense", "x.npz")
	require.ErrorIs(t, err, convert.ErrFormat)
}

func TestToPath(t *testing.T) {
	ctx := context.Background()
	m := open(t, "cnn/model.keras")
	dir := t.TempDir()
	path := filepath.Join(dir, "w.npz")
	files := func() (names []string) {
		list, err := os.ReadDir(dir)
		require.NoError(t, err)
		for _, e := range list {
			names = append(names, e.Name())
		}
		return names
	}
	broken := errors.New("broken")
	o := convert.Options{Check: func(fsys fs.FS, name string) error {
		require.Equal(t, "w.npz", name)
		st, err := fs.Stat(fsys, name)
		require.NoError(t, err)
		require.Positive(t, st.Size())
		return broken
	}}
	require.ErrorIs(t, convert.ToPath(ctx, path, m, "", o), broken)
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	require.ErrorIs(t, convert.ToPath(canceled, path, m, "", convert.Options{}), context.Canceled)
	require.Empty(t, files())
	require.NoError(t, convert.ToPath(ctx, path, m, "", convert.Options{}))
	require.ErrorIs(t, convert.ToPath(ctx, path, m, "", convert.Options{}), fs.ErrExist)
	require.NoError(t, convert.ToPath(ctx, path, m, "safetensors", convert.Options{Overwrite: true}))
	require.Equal(t, []string{"w.npz"}, files())
	require.ErrorIs(t, convert.ToPath(ctx, filepath.Join(dir, "no", "w.npz"), m, "", convert.Options{}), fs.ErrNotExist)
}

func TestRefused(t *testing.T) {
	j := &target.Job{}
	require.NoError(t, j.Refused())
	j.Refuse("a/b", "op %s", "Hash")
	j.Refuse("a/b", "op %s", "Hash")
	j.Refuse("c", "op Lookup")
	err := fmt.Errorf("to onnx: %w", j.Refused())
	require.ErrorIs(t, err, kerasrun.ErrUnsupported)
	require.EqualError(t, err, "to onnx: the target cannot express layer a/b: op Hash; layer c: op Lookup")
}
