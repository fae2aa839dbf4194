package convert_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/convert"
	"github.com/kerasrun/kerasrun/convert/smaller"
	"github.com/kerasrun/kerasrun/internal/verify"
	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/weight"
)

func edit(t testing.TB, m *kerasrun.Source, e convert.Edits, o convert.Options) *convert.Edited {
	t.Helper()
	edited, err := convert.Edit(context.Background(), m, e, o)
	require.NoError(t, err)
	return edited
}

// TestRounded stores weights in 16 bits: what comes back are the rounded ones,
// and the report has their difference.
func TestRounded(t *testing.T) {
	m := open(t, "cnn/model.keras")
	plain := len(write(t, m, "keras", convert.Options{}))
	for form, to := range map[smaller.Form]graph.DType{smaller.F16: graph.Float16, smaller.BF16: graph.BFloat16} {
		e := edit(t, m, convert.Edits{Weights: form}, convert.Options{})
		o := convert.Options{}
		o.Stored = e.Weights.Stored
		for _, format := range []string{"keras", "h5"} {
			if format == "h5" && form == smaller.BF16 {
				var b bytes.Buffer
				err := convert.Write(context.Background(), &b, e.Model, format, o)
				require.ErrorIs(t, err, kerasrun.ErrUnsupported)
				require.ErrorContains(t, err, "bfloat16, which Keras does not read from an .h5")
				continue
			}
			b := write(t, e.Model, format, o)
			require.Equal(t, b, write(t, e.Model, format, o), "written twice")
			require.Less(t, len(b), plain*6/10+12000, "%s %s", form, format)
			after, err := kerasrun.LoadReader(bytes.NewReader(b), int64(len(b)))
			require.NoError(t, err)
			defer after.Close()
			values, err := after.WeightValues()
			require.NoError(t, err)
			for i, p := range m.Program.Graph.Params {
				was, err := m.Weights[i].Tensor()
				require.NoError(t, err)
				require.Equal(t, was.Cast(to).Cast(graph.Float32), values[i], "%s %s %s/%s", form, format, p.Layer, p.Name)
			}
		}
		largest, apart := 0.0, 0.0
		kernel, err := m.Weights[0].Tensor()
		require.NoError(t, err)
		for i, x := range kernel.Float32s() {
			largest = max(largest, math.Abs(float64(x)))
			apart = max(apart, math.Abs(float64(x)-kernel.Cast(to).Float(i)))
		}
		require.GreaterOrEqual(t, e.Weights.Layers[0].Error, apart/largest)
		require.Equal(t, to.String(), e.Weights.Layers[0].Form)
		require.Equal(t, e.Weights.Layers[0].Before, 2*e.Weights.Layers[0].After)
		for _, format := range []string{"onnx", "tflite"} {
			err := convert.ToPath(context.Background(), filepath.Join(t.TempDir(), "x"), e.Model, format, o)
			require.ErrorIs(t, err, convert.ErrOptions)
			require.ErrorContains(t, err, "does not store float32 weights as")
		}
	}
}

// TestBeyondHalf leaves weights that float16 does not reach.
func TestBeyondHalf(t *testing.T) {
	m := open(t, "cnn/model.keras")
	big, err := m.Weights[0].Tensor()
	require.NoError(t, err)
	big.Data.([]float32)[1] = 65520
	weights := append([]*weight.Value{weight.Of(big)}, m.Weights[1:]...)
	e := edit(t, m.Edited(m.Arch, m.Program, weights, nil), convert.Edits{Weights: smaller.F16}, convert.Options{})
	require.Equal(t, graph.Float32, e.Weights.Stored[0])
	require.Equal(t, graph.Float16, e.Weights.Stored[1])
	require.Equal(t, "kernel has numbers that float16 does not reach", e.Weights.Layers[0].Why)
	e = edit(t, m.Edited(m.Arch, m.Program, weights, nil), convert.Edits{Weights: smaller.BF16}, convert.Options{})
	require.Equal(t, graph.BFloat16, e.Weights.Stored[0])
}

// TestInt8 makes of a model what Keras makes of it (python/goldens_int8.py).
func TestInt8(t *testing.T) {
	m, err := kerasrun.Open("testdata/int8/model.keras")
	require.NoError(t, err)
	defer m.Close()
	e := edit(t, m, convert.Edits{Weights: smaller.Int8}, convert.Options{})
	want, err := kerasrun.Open("testdata/int8/quantized.keras")
	require.NoError(t, err)
	defer want.Close()
	require.Equal(t, want.Program.Graph.Params, e.Model.Program.Graph.Params)
	for i, p := range want.Program.Graph.Params {
		a, err := want.Weights[i].Tensor()
		require.NoError(t, err)
		b, err := e.Model.Weights[i].Tensor()
		require.NoError(t, err)
		require.Equal(t, a, b, "%s/%s", p.Layer, p.Name)
	}
	for _, format := range []string{"keras", "h5"} {
		b := write(t, e.Model, format, convert.Options{})
		after, err := kerasrun.LoadReader(bytes.NewReader(b), int64(len(b)))
		require.NoError(t, err)
		defer after.Close()
		golden, err := kerasrun.Load("testdata/int8/quantized.keras")
		require.NoError(t, err)
		defer golden.Close()
		ids := kerasrun.Tensor{DType: kerasrun.Int32, Shape: []int{2, 4}, Data: []int32{0, 3, 10, 1, 5, 5, 2, 7}}
		x, err := golden.Predict(context.Background(), ids)
		require.NoError(t, err)
		y, err := after.Predict(context.Background(), ids)
		require.NoError(t, err)
		require.Equal(t, x, y)
	}
	why := map[string]string{}
	for _, l := range e.Weights.Layers {
		why[l.Path] = l.Why
		if l.Form != "" {
			require.Less(t, l.Error, 0.5001/127, l.Path)
			require.Greater(t, l.Error, 0.3/127, l.Path)
		}
	}
	require.Equal(t, "Keras does not run its equation in int8", why["einsum_dense_2"])
	require.Equal(t, "Keras has no int8 form of Conv1D", why["conv1d"])
	require.Empty(t, why["dense"])

	_, err = convert.Edit(context.Background(), m, convert.Edits{Weights: smaller.Int8}, func() (o convert.Options) { o.Keras = 2; return o }())
	require.ErrorIs(t, err, kerasrun.ErrUnsupported)
	again := edit(t, e.Model, convert.Edits{Weights: smaller.Int8}, convert.Options{})
	require.Equal(t, "it is quantized already", again.Weights.Layers[0].Why)
}

// TestFold folds BatchNormalizations of golden cases: what is left computes the same.
func TestFold(t *testing.T) {
	for name, want := range map[string]struct{ folded, left int }{
		"batch_norm_after_active_conv": {0, 1}, "batch_norm_after_biased_conv": {1, 0}, "batch_norm_after_conv": {1, 0},
		"batch_norm_after_conv_k2_h5": {1, 0}, "batch_norm_after_dense": {1, 0}, "batch_norm_after_depthwise": {1, 0},
		"batch_norm_after_separable": {1, 0}, "batch_norm_after_transpose": {1, 0}, "batch_norm_no_center": {0, 1},
		"batch_norm_used_twice": {0, 2}, "batch_norm_channels_first": {0, 1}, "net_mobile": {5, 0}, "net_dense_block": {2, 3},
		"shared_batch_norm": {0, 1}, "batch_norm_padded_conv": {0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			file := "model.keras"
			if strings.HasSuffix(name, "_h5") {
				file = "model.h5"
			}
			m := ended(t, open(t, name+"/"+file))
			e := edit(t, m, convert.Edits{Fold: true}, convert.Options{})
			folded := 0
			for _, f := range e.Folded {
				if f.Why == "" {
					folded++
				}
			}
			require.Equal(t, want.folded, folded, "%+v", e.Folded)
			require.Len(t, e.Folded, want.folded+want.left)
			require.Len(t, e.Model.Program.Layers, len(m.Program.Layers)-folded)
			for _, format := range []string{"keras", "h5"} {
				b := write(t, e.Model, format, convert.Options{})
				after, err := kerasrun.LoadReader(bytes.NewReader(b), int64(len(b)))
				require.NoError(t, err)
				defer after.Close()
				recorded, err := verify.ReadCase(models+name+"/expect.npz", after)
				require.NoError(t, err)
				results, err := recorded.Run(context.Background(), after, verify.DefaultTolerance, nil)
				require.NoError(t, err)
				for _, r := range results {
					require.True(t, r.OK, "%s: %s", r.Name, r.Reason)
				}
			}
		})
	}
}

// ended returns m with an Activation behind each output, so that no other layer names one.
func ended(t *testing.T, m *kerasrun.Source) *kerasrun.Source {
	g := m.Arch.Root.Graph
	end := func(name string) *keras.Layer {
		config := keras.NewObject().With("name", keras.NewString(name)).With("activation", keras.NewString("linear"))
		return &keras.Layer{Class: "Activation", FileClass: "Activation", Name: name, Config: config}
	}
	if g.Sequential {
		g.Layers = append(g.Layers, end("end"))
	} else {
		for i, out := range g.Outputs.Tensors(nil) {
			l := end(fmt.Sprint("end_", i))
			was := *out
			l.Calls = []keras.Call{{Args: []*keras.Arg{&was}}}
			out.Layer, out.Node, out.Tensor = l, 0, 0
			g.Layers = append(g.Layers, l)
		}
	}
	program, err := m.Lower(m.Arch)
	require.NoError(t, err)
	return m.Edited(m.Arch, program, m.Weights, nil)
}
