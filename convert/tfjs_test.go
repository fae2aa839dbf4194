package convert_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/convert"
	"github.com/kerasrun/kerasrun/internal/verify"
)

// TestTFJS converts golden cases to layers models of TensorFlow.js, which read by
// this package must give the results that their own Keras gave. That TensorFlow.js
// computes the same is for make parity-convert.
func TestTFJS(t *testing.T) {
	agreed := 0
	eachCase(t, func(t *testing.T, dir string, m *kerasrun.Source) {
		to := filepath.Join(t.TempDir(), "model.json")
		if err := convert.ToPath(context.Background(), to, m, "tfjs", convert.Options{}); err != nil {
			require.ErrorIs(t, err, kerasrun.ErrUnsupported)
			return
		}
		after, err := kerasrun.Load(to, kerasrun.WithExact())
		require.NoError(t, err)
		defer after.Close()
		checkModel(t, after, filepath.Join(dir, "expect.npz"), "tfjs")
		agreed++
	})
	require.NotZero(t, agreed)
}

// The same model gives the same files.
func TestTFJSFiles(t *testing.T) {
	m := open(t, "cnn/model.keras")
	written := func() map[string]string {
		dir := t.TempDir()
		require.NoError(t, convert.ToPath(context.Background(), filepath.Join(dir, "small.tfjs.json"), m, "", convert.Options{}))
		files := map[string]string{}
		list, err := os.ReadDir(dir)
		require.NoError(t, err)
		for _, e := range list {
			b, err := os.ReadFile(filepath.Join(dir, e.Name()))
			require.NoError(t, err)
			files[e.Name()] = string(b)
		}
		return files
	}
	first := written()
	require.Equal(t, first, written())
	require.Len(t, first, 2)
	require.Contains(t, first, "small-group1-shard1of1.bin")
	require.Contains(t, first["small.tfjs.json"], `"paths":["small-group1-shard1of1.bin"]`)
}

// dense is a layers model as TensorFlow.js itself saves one, with a manifest.
func dense(manifest string) string {
	return `{"modelTopology":{"class_name":"Sequential","config":{"name":"sequential_1","layers":[{"class_name":"Dense","config":{` +
		`"units":2,"activation":"linear","use_bias":true,"kernel_initializer":{"class_name":"VarianceScaling","config":{"scale":1,"mode":"fan_avg","distribution":"normal","seed":null}},` +
		`"bias_initializer":{"class_name":"Zeros","config":{}},"kernel_regularizer":null,"bias_regularizer":null,"activity_regularizer":null,"kernel_constraint":null,"bias_constraint":null,` +
		`"name":"d","trainable":true,"batch_input_shape":[null,2],"dtype":"float32"}}]},"keras_version":"tfjs-layers 4.22.0","backend":"tensor_flow.js"},` +
		`"weightsManifest":` + manifest + `}`
}

func TestReadTFJS(t *testing.T) {
	const bias = `{"name":"d/bias","shape":[2],"dtype":"float32"}`
	floats := func(x ...float32) (b []byte) {
		for _, v := range x {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		return b
	}
	kernels := []struct {
		spec string
		raw  []byte
	}{
		{`{"name":"d/kernel","shape":[2,2],"dtype":"float32"}`, floats(1, 2, 3, 4)},
		{`{"name":"d/inner_cell/kernel","shape":[2,2],"dtype":"float32"}`, floats(1, 2, 3, 4)},
		{`{"name":"d/kernel","shape":[2,2],"dtype":"float32","quantization":{"dtype":"uint8","scale":0.5,"min":1}}`, []byte{0, 2, 4, 6}},
		{`{"name":"d/kernel","shape":[2,2],"dtype":"float32","quantization":{"dtype":"uint16","scale":0.5,"min":-127}}`, []byte{0, 1, 2, 1, 4, 1, 6, 1}},
		{`{"name":"d/kernel","shape":[2,2],"dtype":"float32","quantization":{"dtype":"float16"}}`, []byte{0, 0x3c, 0, 0x40, 0, 0x42, 0, 0x44}},
	}
	for _, k := range kernels {
		raw := append(append([]byte{}, k.raw...), floats(10, 20)...)
		fsys := fstest.MapFS{
			"m/model.json": {Data: []byte(dense(`[{"paths":["a.bin","sub/b.bin"],"weights":[` + k.spec + "," + bias + `]}]`))},
			"m/a.bin":      {Data: raw[:3]}, "m/sub/b.bin": {Data: raw[3:]},
		}
		m, err := kerasrun.LoadFS(fsys, "m/model.json")
		require.NoError(t, err, k.spec)
		y, err := m.Predict(context.Background(), kerasrun.Floats([]float32{1, 1}, 1, 2))
		require.NoError(t, err)
		require.Equal(t, []float32{14, 26}, y[0].Float32s(), k.spec)
		m.Close()
	}
}

func TestReadTFJSRefused(t *testing.T) {
	const kernel, bias = `{"name":"d/kernel","shape":[2,2],"dtype":"float32"}`, `{"name":"d/bias","shape":[2],"dtype":"float32"}`
	one := func(path, weights string) string {
		return dense(`[{"paths":[` + path + `],"weights":[` + weights + `]}]`)
	}
	for _, c := range []struct {
		text, want string
		is         error
	}{
		{`{"format":"graph-model","modelTopology":{"node":[]}}`, "graph model", kerasrun.ErrUnsupported},
		{one(`"../w.bin"`, kernel+","+bias), "beside the model", kerasrun.ErrFormat},
		{one(`"/etc/w.bin"`, kernel+","+bias), "beside the model", kerasrun.ErrFormat},
		{one(`"https://x.org/w.bin"`, kernel+","+bias), "beside the model", kerasrun.ErrFormat},
		{one(`7`, kernel+","+bias), "beside the model", kerasrun.ErrFormat},
		{one(`"w.bin","w.bin"`, kernel+","+bias), "named twice", kerasrun.ErrFormat},
		{one(`"none.bin"`, kernel+","+bias), "none.bin", kerasrun.ErrNotFound},
		{one(`"w.bin"`, kernel), "have 24 bytes, want 16", kerasrun.ErrFormat},
		{one(`"w.bin"`, kernel+","+bias+","+bias), "more than the files hold", kerasrun.ErrFormat},
		{one(`"w.bin"`, `{"name":"d/kernel","shape":[4611686018427387904,4],"dtype":"float32"}`), "shape", kerasrun.ErrFormat},
		{one(`"w.bin"`, `{"name":"d/kernel","shape":[-2],"dtype":"float32"}`), "shape", kerasrun.ErrFormat},
		{one(`"w.bin"`, `{"name":"d/kernel","dtype":"float32"}`), "no shape", kerasrun.ErrFormat},
		{one(`"w.bin"`, `{"name":"d/kernel","shape":[6],"dtype":"string"}`), "dtype", kerasrun.ErrUnsupported},
		{one(`"w.bin"`, `{"name":"d/kernel","shape":[6],"dtype":"float32","quantization":{"dtype":"uint4"}}`), "uint4", kerasrun.ErrUnsupported},
		{one(`"w.bin"`, `{"name":"d/kernel","shape":[12],"dtype":"float32","quantization":{"dtype":"uint16"}}`), "without scale", kerasrun.ErrFormat},
		{one(`"w.bin"`, kernel+`,{"name":"e/bias","shape":[2],"dtype":"float32"}`), `no weight "d/bias"`, kerasrun.ErrNotFound},
		{one(`"w.bin"`, kernel+","+`{"name":"d/kernel","shape":[2],"dtype":"float32"}`), "two weights", kerasrun.ErrFormat},
		{one(`"w.bin"`, `{"name":"d/kernel","shape":[4],"dtype":"float32"},`+bias), "shape", kerasrun.ErrShape},
		{one(`"w.bin"`, `{"name":"d/kernel","shape":[1,2],"dtype":"float32"},`+bias+`,{"name":"x/y","shape":[2],"dtype":"float32"}`), "no layer", kerasrun.ErrFormat},
	} {
		fsys := fstest.MapFS{"model.json": {Data: []byte(c.text)}, "w.bin": {Data: make([]byte, 24)}}
		_, err := kerasrun.LoadFS(fsys, "model.json")
		require.ErrorIs(t, err, c.is, c.text)
		require.ErrorContains(t, err, c.want, c.text)
	}
	text := one(`"w.bin"`, kernel+","+bias)
	_, err := kerasrun.LoadReader(strings.NewReader(text), int64(len(text)))
	require.ErrorIs(t, err, kerasrun.ErrNotFound)
	require.ErrorContains(t, err, "by the name of its file")
}

// FuzzReadTFJS holds that no manifest makes the reader panic or allocate more than the files hold.
func FuzzReadTFJS(f *testing.F) {
	f.Add(`[{"paths":["w.bin"],"weights":[{"name":"d/kernel","shape":[2,2],"dtype":"float32"},{"name":"d/bias","shape":[2],"dtype":"float32"}]}]`, make([]byte, 24))
	f.Add(`[{"paths":["w.bin"],"weights":[{"name":"d/kernel","shape":[2,2],"dtype":"float32","quantization":{"dtype":"uint8","scale":1,"min":0}},{"name":"d/c/bias","shape":[2],"dtype":"int32"}]}]`, make([]byte, 12))
	f.Fuzz(func(t *testing.T, manifest string, weights []byte) {
		fsys := fstest.MapFS{"model.json": {Data: []byte(dense(manifest))}, "w.bin": {Data: weights}}
		if m, err := kerasrun.LoadFS(fsys, "model.json"); err == nil {
			m.Close()
		}
	})
}

// TestReadTFJSOwn reads what TensorFlow.js saved (python/tfjs_make.mjs), to its results.
func TestReadTFJSOwn(t *testing.T) {
	text, err := os.ReadFile("testdata/tfjs/io.json")
	require.NoError(t, err)
	var io struct {
		Inputs [][]float32
		Output []float32
	}
	require.NoError(t, json.Unmarshal(text, &io))
	m, err := kerasrun.Load("testdata/tfjs/model.json")
	require.NoError(t, err)
	defer m.Close()
	y, err := m.Predict(context.Background(), kerasrun.Floats(io.Inputs[0], 3, 6, 5, 2), kerasrun.Floats(io.Inputs[1], 3, 4))
	require.NoError(t, err)
	want := kerasrun.Floats(io.Output, 3, 3)
	d := verify.DefaultTolerance.Compare(y[0], want)
	require.True(t, d.OK, d.Reason)
}
