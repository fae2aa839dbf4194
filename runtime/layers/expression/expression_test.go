package expression_test

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/runtime/layers/expression"
	"github.com/stretchr/testify/require"
)

// model is a Functional model of Keras 2 with a Lambda layer of one or two inputs.
func model(two bool) string {
	input := func(name string) string {
		return `{"class_name": "InputLayer", "config": {"name": "` + name + `", "batch_input_shape": [null, 2, 3], "dtype": "float32"}, "name": "` + name + `", "inbound_nodes": []}`
	}
	ins, calls, outer := input("a"), `[["a", 0, 0, {}]]`, `[["a", 0, 0]]`
	if two {
		ins, calls, outer = ins+","+input("b"), `[["a", 0, 0, {}], ["b", 0, 0, {}]]`, `[["a", 0, 0], ["b", 0, 0]]`
	}
	return `{"class_name": "Functional", "keras_version": "2.15.0", "backend": "tensorflow", "config": {"name": "m", "layers": [` + ins + `,
		{"class_name": "Lambda", "config": {"name": "f", "function": ["4wEAAAA=", null, null], "function_type": "lambda", "arguments": {"k": 3}}, "name": "f", "inbound_nodes": [` + calls + `]}],
		"input_layers": ` + outer + `, "output_layers": [["f", 0, 0]]}}`
}

var (
	a = kerasrun.Floats([]float32{1, -2, 3, 4, 5, -6}, 1, 2, 3)
	b = kerasrun.Floats([]float32{2, 1, 0.5, -1, 4, 3}, 1, 2, 3)
)

func predict(t *testing.T, text string, two bool) (kerasrun.Tensor, error) {
	t.Helper()
	m, err := load(t, model(two), kerasrun.WithLambdaExpression("f", text))
	if err != nil {
		return kerasrun.Tensor{}, err
	}
	defer m.Close()
	in := []kerasrun.Tensor{a}
	if two {
		in = append(in, b)
	}
	out, err := m.Predict(context.Background(), in...)
	require.NoError(t, err)
	return out[0], nil
}

func TestExpressions(t *testing.T) {
	each := func(f func(x float64) float64) []float32 {
		var out []float32
		for _, x := range a.Data.([]float32) {
			out = append(out, float32(f(float64(x))))
		}
		return out
	}
	norm := float32(math.Sqrt(1 + 4 + 9))
	for _, c := range []struct {
		text  string
		shape []int
		want  []float32
	}{
		{"x / 127.5 - 1.0", []int{1, 2, 3}, each(func(x float64) float64 { return x/127.5 - 1 })},
		{"lambda v: 1 - -v * 2 ** 3", []int{1, 2, 3}, each(func(x float64) float64 { return 1 + 8*x })},
		{"lambda x, k: x * k", []int{1, 2, 3}, each(func(x float64) float64 { return 3 * x })},
		{"lambda x, k=5, j=2: x * k + j", []int{1, 2, 3}, each(func(x float64) float64 { return 3*x + 2 })},
		{"(x + 1) ** 2 // 1", []int{1, 2, 3}, each(func(x float64) float64 { return (x + 1) * (x + 1) })},
		{"K.abs(x)", []int{1, 2, 3}, each(math.Abs)},
		{"K.sqrt(x)", []int{1, 2, 3}, each(func(x float64) float64 { return math.Sqrt(max(x, 0)) })},
		{"tf.keras.backend.clip(x, -1, max_value=2)", []int{1, 2, 3}, each(func(x float64) float64 { return min(max(x, -1), 2) })},
		{"keras.ops.maximum(x, 0.5)", []int{1, 2, 3}, each(func(x float64) float64 { return max(x, 0.5) })},
		{"tf.cast(x > 0, tf.float32)", []int{1, 2, 3}, []float32{1, 0, 1, 1, 1, 0}},
		{"x[:, -1, :]", []int{1, 3}, []float32{4, 5, -6}},
		{"x[..., ::2]", []int{1, 2, 2}, []float32{1, 3, 4, -6}},
		{"x[:, 0, None, 1:]", []int{1, 1, 2}, []float32{-2, 3}},
		{"K.sum(x, axis=-1)", []int{1, 2}, []float32{2, 3}},
		{"tf.reduce_mean(x, axis=[1, 2], keepdims=True)", []int{1, 1, 1}, []float32{5. / 6}},
		{"K.expand_dims(x[:, 0])", []int{1, 3, 1}, []float32{1, -2, 3}},
		{"K.l2_normalize(x[:, 0], axis=1)", []int{1, 3}, []float32{1 / norm, -2 / norm, 3 / norm}},
		{"K.concatenate([x, x * 2], axis=1)[:, 2:]", []int{1, 2, 3}, []float32{2, -4, 6, 8, 10, -12}},
		{"K.reshape(x, (-1, x.shape[1] * K.int_shape(x)[2]))", []int{1, 6}, a.Data.([]float32)},
		{"tf.transpose(x, perm=[0, 2, 1])", []int{1, 3, 2}, []float32{1, 4, -2, 5, 3, -6}},
		{"x / (K.epsilon() + 1e0)", []int{1, 2, 3}, each(func(x float64) float64 { return x / 1.0000001 })},
	} {
		t.Run(c.text, func(t *testing.T) {
			got, err := predict(t, c.text, false)
			require.NoError(t, err)
			require.Equal(t, c.shape, []int(got.Shape))
			require.InDeltaSlice(t, c.want, got.Data, 1e-6)
		})
	}
	got, err := predict(t, "lambda tensors: K.abs(tensors[0] - tensors[1])", true)
	require.NoError(t, err)
	require.Equal(t, []float32{1, 3, 2.5, 5, 1, 9}, got.Data)
	got, err = predict(t, "x[0] * K.exp(0.5 * x[-1])", true)
	require.NoError(t, err)
	require.InDelta(t, math.Exp(1), float64(got.Data.([]float32)[0]), 1e-6)
}

func TestSyntaxErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                         `column 1: "the end", want an expression`,
		"x +":                      `column 4: "the end", want an expression`,
		"x if x else 0":            `column 3: "if", want an operator`,
		"lambda: 1":                `column 9: a lambda without parameters`,
		"(x":                       `column 3: "the end", want ","`,
		"x ? 1":                    `column 3: "?"`,
		"f(a=1, 2)":                `column 8: an argument without a name`,
		"'abc":                     `column 1: a string that does not end`,
		"1 < x < 2":                `column 7: two comparisons`,
		"not x":                    `column 5: Python's "not"`,
		string(make([]byte, 5000)): `5000 bytes`,
	} {
		_, err := expression.Parse(text)
		require.ErrorIs(t, err, expression.ErrSyntax, text)
		require.ErrorContains(t, err, want, text)
	}
	deep := ""
	for range 1000 {
		deep += "("
	}
	_, err := expression.Parse(deep)
	require.ErrorContains(t, err, "nested more than")
}

// What is read but cannot be lowered is an error that names the column.
func TestLoweringErrors(t *testing.T) {
	for text, want := range map[string]string{
		"y":                     `column 1: bad expression: unknown name "y"`,
		"5":                     `is no tensor of its operand`,
		"open('x')":             `unsupported: function "open"`,
		"K.mean(x, 1, True, 2)": `4 arguments`,
		"K.mean(x, wobble=1)":   `unknown argument "wobble"`,
		"x.numpy()":             `unsupported: function "x.numpy"`,
		"(x + 1).mean()":        `methods of tensors`,
		"x + 1 / 0":             `division by 0`,
		"x[x]":                  `a tensor for an index`,
		"lambda x, q: x":        `parameter q has no value`,
		"x + [x]":               `"+" of a list`,
		"x[:, 7]":               `index 7 of an axis of 2`,
	} {
		_, err := predict(t, text, false)
		require.ErrorContains(t, err, want, text)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"x / 127.5 - 1.0", "lambda x, k=2: K.abs(x[0][:, -1, ...] - x[1]) ** k", "tf.cast(x > 0, 'float32')", "((", "1e", "x[::"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := expression.Parse(text)
		if err != nil {
			require.ErrorIs(t, err, expression.ErrSyntax)
			return
		}
		require.Equal(t, text, e.String())
	})
}

func load(t *testing.T, text string, o kerasrun.Option) (*kerasrun.Model, error) {
	t.Helper()
	return kerasrun.LoadReader(strings.NewReader(text), int64(len(text)), o)
}
