package kerasrun_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/internal/verify"
	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/stretchr/testify/require"
)

// A class that Keras does not have is an error that names it; WithLayer supplies it.
func TestWithLayer(t *testing.T) {
	archive, err := os.ReadFile("testdata/models/identity/model.keras")
	require.NoError(t, err)
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	require.NoError(t, err)
	r, err := z.Open("config.json")
	require.NoError(t, err)
	config, err := io.ReadAll(r)
	require.NoError(t, err)
	changed := strings.Replace(string(config), `"class_name": "Identity"`, `"class_name": "Doubled"`, 1)
	require.NotEqual(t, string(config), changed)
	data := rezip(t, archive, []byte(changed))

	_, err = kerasrun.LoadReader(bytes.NewReader(data), int64(len(data)))
	require.ErrorIs(t, err, kerasrun.ErrUnsupported)
	require.ErrorContains(t, err, `unknown layer class "Doubled"; supply it with WithLayer("Doubled", ...)`)
	require.NotContains(t, err.Error(), "WithThirdPartyLayers")

	double := func(b *kerasrun.LayerBuilder, _ *keras.Value, in []graph.Value) ([]graph.Value, error) {
		return []graph.Value{b.Apply(graph.Binary{Func: graph.Add}, in[0], in[0])}, nil
	}
	m, err := kerasrun.LoadReader(bytes.NewReader(data), int64(len(data)), kerasrun.WithLayer("Doubled", double))
	require.NoError(t, err)
	x := pattern(append(kerasrun.Shape{2}, m.Inputs()[0].Shape[1:]...)...)
	out, err := m.Predict(context.Background(), x)
	require.NoError(t, err)
	for i, v := range x.Float32s() {
		require.Equal(t, 2*v, out[0].Float32s()[i])
	}
}

// own supplies what the cases of testdata/custom ask for.
var own = []kerasrun.Option{
	kerasrun.WithLambda("square", func(b *kerasrun.LayerBuilder, _ *keras.Value, in []kerasrun.Value) ([]kerasrun.Value, error) {
		y := b.Apply(graph.Binary{Func: graph.Mul}, in[0], in[0])
		return []kerasrun.Value{b.Apply(graph.Binary{Func: graph.Add}, y, b.Scalar(y.DType, 1))}, b.Err()
	}),
	kerasrun.WithLambda("space_to_depth", func(b *kerasrun.LayerBuilder, _ *keras.Value, in []kerasrun.Value) ([]kerasrun.Value, error) {
		return b.Call(spaceToDepth, in...), b.Err()
	}),
	kerasrun.WithLambda("times", func(b *kerasrun.LayerBuilder, config *keras.Value, in []kerasrun.Value) ([]kerasrun.Value, error) {
		by, ok := config.Get("arguments").Get("by").Float()
		if !ok {
			return nil, errors.New("no argument by")
		}
		return []kerasrun.Value{b.Apply(graph.Binary{Func: graph.Mul}, in[0], b.Scalar(in[0].DType, by))}, b.Err()
	}),
	kerasrun.WithLambda("double", func(b *kerasrun.LayerBuilder, _ *keras.Value, in []kerasrun.Value) ([]kerasrun.Value, error) {
		return []kerasrun.Value{b.Apply(graph.Binary{Func: graph.Add}, in[0], in[0])}, b.Err()
	}),
	kerasrun.WithLayer("Mine>Shift", shift),
	kerasrun.WithLayer("Mine>TransformerBlock", transformerBlock),
	kerasrun.WithActivation("curve", func(b *kerasrun.LayerBuilder, x kerasrun.Value) (kerasrun.Value, error) {
		y := b.Apply(graph.Binary{Func: graph.Mul}, x, b.Scalar(x.DType, 1.5))
		return b.Apply(graph.Binary{Func: graph.Mul}, x, b.Apply(graph.Activation{Func: graph.Sigmoid}, y)), nil
	}),
}

func shift(b *kerasrun.LayerBuilder, _ *keras.Value, in []kerasrun.Value) ([]kerasrun.Value, error) {
	c := struct {
		By float64 `json:"by"`
	}{By: 1}
	if err := b.Decode(&c); err != nil {
		return nil, err
	}
	n := in[0].Dim(-1)
	offset := b.State("offset", n)
	y := b.Apply(graph.Binary{Func: graph.Mul}, in[0], b.Weight("scale", n))
	y = b.Apply(graph.Binary{Func: graph.Add}, y, offset)
	y = b.Apply(graph.Binary{Func: graph.Mul}, y, b.Scalar(y.DType, c.By))
	if gain, ok := b.Keyword("gain"); ok {
		y = b.Apply(graph.Binary{Func: graph.Mul}, y, gain)
	}
	return []kerasrun.Value{y}, b.Err()
}

func transformerBlock(b *kerasrun.LayerBuilder, _ *keras.Value, in []kerasrun.Value) ([]kerasrun.Value, error) {
	var c struct {
		EmbedDim int `json:"embed_dim"`
		NumHeads int `json:"num_heads"`
		FFDim    int `json:"ff_dim"`
	}
	if err := b.Decode(&c); err != nil {
		return nil, err
	}
	one := func(name, class, config string, in ...kerasrun.Value) kerasrun.Value {
		if out := b.Layer(name, class, config, in...); len(out) == 1 {
			return out[0]
		}
		return kerasrun.Value{ID: -1}
	}
	b.Order("att", "ffn1", "ffn2", "norm1", "norm2")
	x := in[0]
	y := one("att", "MultiHeadAttention", fmt.Sprintf(`{"num_heads": %d, "key_dim": %d}`, c.NumHeads, c.EmbedDim), x, x)
	x = one("norm1", "LayerNormalization", `{"epsilon": 1e-6}`, b.Apply(graph.Binary{Func: graph.Add}, x, y))
	y = one("ffn1", "Dense", fmt.Sprintf(`{"units": %d, "activation": "relu"}`, c.FFDim), x)
	y = one("ffn2", "Dense", fmt.Sprintf(`{"units": %d}`, c.EmbedDim), y)
	return []kerasrun.Value{one("norm2", "LayerNormalization", `{"epsilon": 1e-6}`, b.Apply(graph.Binary{Func: graph.Add}, x, y))}, b.Err()
}

// spaceToDepth makes channels of blocks of 2x2 pixels, in Go.
var spaceToDepth = kerasrun.Func{
	Infer: func(in []kerasrun.Type) ([]kerasrun.Type, error) {
		s := in[0].Shape
		if len(s) != 4 || s[1]%2 != 0 || s[2]%2 != 0 {
			return nil, fmt.Errorf("%w: no blocks of 2x2 in %v", kerasrun.ErrShape, s)
		}
		return []kerasrun.Type{{DType: in[0].DType, Shape: kerasrun.Shape{s[0], s[1] / 2, s[2] / 2, 4 * s[3]}}}, nil
	},
	Run: func(in, out []kerasrun.Tensor) error {
		s, x, y := in[0].Shape, in[0].Float32s(), out[0].Float32s()
		h, w, c := s[1], s[2], s[3]
		for i := range s[0] * h * w {
			n, row, col := i/(h*w), i/w%h, i%w
			to := ((n*(h/2)+row/2)*(w/2)+col/2)*4*c + (row%2*2+col%2)*c
			copy(y[to:to+c], x[i*c:])
		}
		return nil
	},
}

// TestGoldenCustom holds supplied layers to what real Keras computed with the same classes in Python.
func TestGoldenCustom(t *testing.T) {
	checkFolder(t, "testdata/custom", append(slices.Clone(own), kerasrun.WithThirdPartyLayers())...)
}

// Third-party classes need the option, what the caller supplies goes before it, and
// a class of another package is refused.
func TestThirdPartyLayers(t *testing.T) {
	const file = "testdata/custom/tp_instance_addons_last_k2_h5/model.h5"
	_, err := kerasrun.Load(file)
	require.ErrorIs(t, err, kerasrun.ErrUnsupported)
	require.ErrorContains(t, err, `unknown layer class "Addons>InstanceNormalization"; supply it with WithLayer("Addons>InstanceNormalization", ...), or with WithThirdPartyLayers`)
	_, err = kerasrun.Load(file, kerasrun.WithThirdPartyLayers())
	require.NoError(t, err)
	mine := func(*kerasrun.LayerBuilder, *keras.Value, []kerasrun.Value) ([]kerasrun.Value, error) {
		return nil, errors.New("mine")
	}
	_, err = kerasrun.Load(file, kerasrun.WithLayer("InstanceNormalization", mine), kerasrun.WithThirdPartyLayers())
	require.ErrorContains(t, err, "mine")

	data, err := os.ReadFile(file)
	require.NoError(t, err)
	data = bytes.ReplaceAll(data, []byte("Addons>InstanceNormalization"), []byte("Others>InstanceNormalization"))
	_, err = kerasrun.LoadReader(bytes.NewReader(data), int64(len(data)), kerasrun.WithThirdPartyLayers())
	require.ErrorIs(t, err, kerasrun.ErrUnsupported)
	require.ErrorContains(t, err, `InstanceNormalization of the package "Others" is none of those that are known`)
}

// Without its Go code a Lambda does not load; the error names it and shows how to supply it.
func TestLambdaError(t *testing.T) {
	for name, want := range map[string][]string{
		"lambda/model.keras":            {"layer square (Lambda): unsupported: it holds Python code, which is never run", `WithLambdaExpression("square", "2 * x")`},
		"lambda_k2_h5/model.h5":         {"layer square (Lambda): unsupported: it holds Python code, which is never run"},
		"lambda_function/model.keras":   {`layer space_to_depth (Lambda): unsupported: it calls the Python function "space_to_depth", which is not in the file`},
		"own_activation/model.keras":    {`activation "curve"; supply it with WithActivation("curve", ...)`},
		"own_activation_k2_h5/model.h5": {`activation "curve"; supply it with WithActivation("curve", ...)`},
		"own_layer_k2_h5/model.h5":      {`unknown layer class "Mine>Shift"; supply it with WithLayer("Mine>Shift", ...)`},
	} {
		_, err := kerasrun.Load("testdata/custom/" + name)
		require.ErrorIs(t, err, kerasrun.ErrUnsupported, name)
		for _, text := range want {
			require.ErrorContains(t, err, text, name)
		}
	}
}

// The expression of a Lambda gives what Keras computed.
func TestLambdaExpression(t *testing.T) {
	m, err := kerasrun.Load("testdata/custom/lambda/model.keras", kerasrun.WithLambdaExpression("square", "lambda v: v * v + 1.0"))
	require.NoError(t, err)
	defer m.Close()
	recorded, err := verify.ReadCase("testdata/custom/lambda/expect.npz", m)
	require.NoError(t, err)
	results, err := recorded.Run(context.Background(), m, verify.DefaultTolerance, &verify.Exact{Factor: 3})
	require.NoError(t, err)
	for _, r := range results {
		require.True(t, r.OK, r.Reason)
	}
}

// What a supplied function does wrong is an error that names its layer.
func TestSuppliedErrors(t *testing.T) {
	load := func(f kerasrun.LayerFunc) (*kerasrun.Model, error) {
		return kerasrun.Load("testdata/custom/lambda/model.keras", kerasrun.WithLambda("square", f))
	}
	same := []kerasrun.Type{{DType: kerasrun.Float32, Shape: kerasrun.Shape{-1, 5, 6}}}
	for want, f := range map[string]kerasrun.LayerFunc{
		"layer square (Lambda): mine": func(*kerasrun.LayerBuilder, *keras.Value, []kerasrun.Value) ([]kerasrun.Value, error) {
			return nil, errors.New("mine")
		},
		"layer square (Lambda): shape mismatch: the layer's function has no result": func(*kerasrun.LayerBuilder, *keras.Value, []kerasrun.Value) ([]kerasrun.Value, error) {
			return nil, nil
		},
		`layer square (Lambda): Binary: shape mismatch: (None, 5, 6) and (7,) do not broadcast`: func(b *kerasrun.LayerBuilder, _ *keras.Value, in []kerasrun.Value) ([]kerasrun.Value, error) {
			return []kerasrun.Value{b.Apply(graph.Binary{}, in[0], b.Const(kerasrun.Floats(make([]float32, 7), 7)))}, nil
		},
		`layer square: Call: shape mismatch: result 0 is float32 (1, 6, 6) for operands of known shapes, but was float32 (None, 5, 6)`: func(b *kerasrun.LayerBuilder, _ *keras.Value, in []kerasrun.Value) ([]kerasrun.Value, error) {
			return b.Call(kerasrun.Func{Run: func(in, out []kerasrun.Tensor) error { return nil }, Infer: func(in []kerasrun.Type) ([]kerasrun.Type, error) {
				if in[0].Shape[0] < 0 {
					return same, nil
				}
				return []kerasrun.Type{{DType: kerasrun.Float32, Shape: kerasrun.Shape{1, 6, 6}}}, nil
			}}, in...), nil
		},
		`layer square (Lambda): attribute out of range: call of "square", which has no Run`: func(b *kerasrun.LayerBuilder, _ *keras.Value, in []kerasrun.Value) ([]kerasrun.Value, error) {
			return b.Call(kerasrun.Func{}, in...), nil
		},
	} {
		_, err := load(f)
		require.ErrorContains(t, err, want)
	}
	for want, run := range map[string]func(in, out []kerasrun.Tensor) error{
		"layer square: no luck": func(in, out []kerasrun.Tensor) error { return errors.New("no luck") },
		`layer square: the Go function "square" panicked: too bad`: func(in, out []kerasrun.Tensor) error { panic("too bad") },
	} {
		m, err := load(func(b *kerasrun.LayerBuilder, _ *keras.Value, in []kerasrun.Value) ([]kerasrun.Value, error) {
			return b.Call(kerasrun.Func{Run: run}, in...), nil
		})
		require.NoError(t, err)
		_, err = m.Predict(context.Background(), pattern(2, 5, 7))
		require.ErrorContains(t, err, want)
	}
}

// Go code in a model runs for many callers at once, in batches of any size, as a
// layer whose result PredictLayers gives out.
func TestCallConcurrently(t *testing.T) {
	m, err := kerasrun.Load("testdata/custom/lambda/model.keras", kerasrun.WithLambda("square",
		func(b *kerasrun.LayerBuilder, _ *keras.Value, in []kerasrun.Value) ([]kerasrun.Value, error) {
			return b.Call(kerasrun.Func{Run: func(in, out []kerasrun.Tensor) error {
				for i, v := range in[0].Float32s() {
					out[0].Float32s()[i] = float32(math.Sqrt(math.Abs(float64(v))))
				}
				return nil
			}}, in...), b.Err()
		}))
	require.NoError(t, err)
	want := make([][]float32, 5)
	for n := 1; n < len(want); n++ {
		_, layers, err := m.PredictLayers(context.Background(), []string{"dense", "square"}, pattern(n, 5, 7))
		require.NoError(t, err)
		for i, v := range layers["dense"].Float32s() {
			require.Equal(t, float32(math.Sqrt(math.Abs(float64(v)))), layers["square"].Float32s()[i])
		}
		out, err := m.Predict(context.Background(), pattern(n, 5, 7))
		require.NoError(t, err)
		want[n] = out[0].Float32s()
	}
	var all sync.WaitGroup
	for i := range 16 {
		all.Add(1)
		go func() {
			defer all.Done()
			n := 1 + i%4
			out, err := m.Predict(context.Background(), pattern(n, 5, 7))
			if err != nil || fmt.Sprint(out[0].Float32s()) != fmt.Sprint(want[n]) {
				t.Errorf("batch of %d: %v, error %v", n, out, err)
			}
		}()
	}
	all.Wait()
}
