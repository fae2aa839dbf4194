package input_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/cmd/kerasrun/internal/input"
)

func vector(d kerasrun.DType, shape ...int) []kerasrun.IO {
	return []kerasrun.IO{{Name: "x", DType: d, Shape: shape}}
}

func read(text string, inputs []kerasrun.IO) (input.Group, error) {
	r := &input.Reader{Inputs: inputs, Stdin: strings.NewReader(text)}
	return r.Read(context.Background(), input.Stdin)
}

func TestTable(t *testing.T) {
	for _, text := range []string{
		"1,2\n3,4\n", "1,2\r\n3,4", "a,b\n1,2\n3,4\n", "\xef\xbb\xbf1,2\n3,4\n", "x\ty\n1\t2\n3\t4\n", "1;2\n3;4\n", "1, 2\n\n\"3\",4\n",
	} {
		g, err := read(text, vector(kerasrun.Float32, -1, 2))
		require.NoError(t, err, text)
		require.Equal(t, []float64{1, 2, 3, 4}, g.Tensors[0].Data, text)
		require.Equal(t, kerasrun.Shape{2, 2}, g.Tensors[0].Shape)
		require.False(t, g.Single)
	}
	g, err := read("1,2,3,4\n", vector(kerasrun.Float32, -1, 2, 2, 1))
	require.NoError(t, err)
	require.Equal(t, kerasrun.Shape{1, 2, 2, 1}, g.Tensors[0].Shape)
	g, err = read("1,2,3\n", vector(kerasrun.Float32, -1, -1))
	require.NoError(t, err)
	require.Equal(t, kerasrun.Shape{1, 3}, g.Tensors[0].Shape)
}

func TestTableErrors(t *testing.T) {
	for text, want := range map[string]string{
		"1,2\n3,NaN\n":      "line 2, column 2: NaN, want a number",
		"a,b\n1,2\n3,\n":    "line 3, column 2: nothing, want a number",
		"1,2\n3,cat\n":      `line 2, column 2: "cat", want a number`,
		"1,cat\n3,4\n":      `line 1, column 2: "cat", want a number`,
		"1,2\n3,inf\n":      "line 2, column 2: inf, want a finite float32",
		"1,2\n3,1e39\n":     "line 2, column 2: 1e39, want a finite float32",
		"1,2\n3,4,5\n":      "line 2: 3 values, want 2 as in the lines before",
		"1,2,3\n":           `line 1: 3 values, want 2: input "x" is (None, 2)`,
		"a,b\n":             "no row of numbers",
		"1,2\n3,\"4\n":      "line 2",
		"1,2\n\n\n5,\"x\"y": "line 4, column",
	} {
		_, err := read(text, vector(kerasrun.Float32, -1, 2))
		require.ErrorIs(t, err, kerasrun.ErrInput, text)
		require.ErrorContains(t, err, want, text)
		require.ErrorContains(t, err, "standard input: ", text)
	}
	_, err := read("1,2.5\n", vector(kerasrun.Int32, -1, 2))
	require.ErrorContains(t, err, "line 1, column 2: 2.5, want an integer (int32)")
	_, err = read("1,2\n", vector(kerasrun.Float32, -1, -1, 2))
	require.ErrorContains(t, err, "a table has no shape for it")
	_, err = read("1,2\n", vector(kerasrun.Float32))
	require.ErrorContains(t, err, "no batch")
}

func TestJSON(t *testing.T) {
	for text, single := range map[string]bool{
		"[[1,2],[3,4]]": false, ` {"x": [[1,2],[3,4]]}`: false, `{"input_0": [[1,2],[3,4]]}`: false, `{"x": [[true,false],[0,-1.5e3]], "y": ["a"]}`: false,
		"[1,2]": true,
	} {
		g, err := read(text, vector(kerasrun.Float32, -1, 2))
		require.NoError(t, err, text)
		require.Equal(t, single, g.Single, text)
		require.Equal(t, 2, g.Tensors[0].Shape[1])
	}
	g, err := read(`["a","b"]`, vector(kerasrun.String, -1))
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, g.Tensors[0].Data)
	g, err = read(`[1,2]`, vector(kerasrun.Float32, -1, 1))
	require.NoError(t, err)
	require.Equal(t, kerasrun.Shape{2, 1}, g.Tensors[0].Shape)
}

func TestJSONErrors(t *testing.T) {
	for text, want := range map[string]string{
		"[[1,2],[3]]":                  "at [1]: 1 elements, want 2 as before",
		"[[1,2],3]":                    "at [1]: 3, want an array as before",
		"[[1,2],[[3],4]]":              "at [1][0]: an array, want an element as before",
		"[[1,NaN]]":                    "invalid character 'N'",
		"[[1,null]]":                   "at [0][1]: null, want a number",
		`[[1,"2"]]`:                    "at [0][1]: 2, want a number",
		`[["a",2]]`:                    "at [0][1]: 2, want a string",
		"[[1,2]":                       "the JSON ends early",
		"[[1,2]] [3]":                  "more than one value",
		`{"x":[[1,2]],"x":[[1,2]]}`:    `the name "x" stands twice`,
		`{"x":{"y":1}}`:                `"x": at the top: an object, want a number`,
		`{"y":[[1,2]]}`:                `no array for input "x": want "x" or "input_0", found y`,
		"{}":                           "no array",
		strings.Repeat("[", 1_000_000): "arrays nested deeper than 16",
		"[[1,2,3]]":                    `input "x": shape (1, 3), want (None, 2)`,
		"[[1,1e999]]":                  "1e999",
	} {
		_, err := read(text, vector(kerasrun.Float32, -1, 2))
		require.ErrorIs(t, err, kerasrun.ErrInput, text[:min(len(text), 40)])
		require.ErrorContains(t, err, want)
	}
	_, err := read("[[1,2.5]]", vector(kerasrun.Int64, -1, 2))
	require.ErrorContains(t, err, "element 1 is 2.5, want an integer (int64)")
	_, err = read(`[["a","b"]]`, vector(kerasrun.Float32, -1, 2))
	require.ErrorContains(t, err, "elements of type string, want float32")
}

func TestSeveralInputs(t *testing.T) {
	inputs := []kerasrun.IO{{Name: "a", Shape: kerasrun.Shape{-1, 2}}, {Name: "b", Shape: kerasrun.Shape{-1, 1}}}
	g, err := read(`{"b":[[5],[6]],"a":[[1,2],[3,4]]}`, inputs)
	require.NoError(t, err)
	require.Equal(t, []float64{1, 2, 3, 4}, g.Tensors[0].Data)
	require.Equal(t, []float64{5, 6}, g.Tensors[1].Data)
	for text, want := range map[string]string{
		"1,2\n":                         "the model has 2 inputs (a, b): give --input NAME=FILE",
		"[[1,2]]":                       "one array, but the model has 2 inputs",
		`{"a":[[1,2]]}`:                 `no array for input "b"`,
		`{"a":[[1,2]],"b":[[5],[6]]}`:   `input "b" has 2 examples, input "a" has 1`,
		"\x89PNG\r\n\x1a\n":             "the model has 2 inputs",
		"\x00\x01\x02 what is this":     "the model has 2 inputs",
		`{"a":[[1,2]],"b":[[[[[5]]]]]}`: `input "b": shape`,
	} {
		_, err := read(text, inputs)
		require.ErrorIs(t, err, kerasrun.ErrInput, text)
		require.ErrorContains(t, err, want)
	}
}

func TestUnknown(t *testing.T) {
	_, err := read("\x00\x01\x02", vector(kerasrun.Float32, -1, 2))
	require.ErrorContains(t, err, "of no known format")
	_, err = read("", vector(kerasrun.Float32, -1, 2))
	require.ErrorContains(t, err, "the file is empty")
	r := &input.Reader{Inputs: vector(kerasrun.Float32, -1, 2)}
	_, err = r.Read(context.Background(), t.TempDir())
	require.ErrorContains(t, err, "no regular file")
}

// An npz gives the arrays that are asked for, by name or by position.
func TestNpz(t *testing.T) {
	var b bytes.Buffer
	x, y := kerasrun.Floats([]float32{1, 2}, 1, 2), kerasrun.Floats([]float32{9}, 1)
	require.NoError(t, kerasrun.WriteNpz(&b, []string{"output_0", "x"}, []kerasrun.Tensor{y, x}))
	g, err := read(b.String(), vector(kerasrun.Float32, -1, 2))
	require.NoError(t, err)
	require.Equal(t, []float32{1, 2}, g.Tensors[0].Data)
	_, err = read(b.String(), []kerasrun.IO{{Name: "z", Shape: kerasrun.Shape{-1, 2}}})
	require.ErrorContains(t, err, `no array for input "z": want "z" or "input_0", found output_0, x`)
}

func TestLabels(t *testing.T) {
	dir := t.TempDir()
	labels := func(text string) ([]string, error) {
		path := filepath.Join(dir, "labels")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return input.ReadLabels(path)
	}
	for _, text := range []string{
		"cat\ndog\n", "cat\r\ndog", "\xef\xbb\xbfcat\ndog\n\n", `["cat","dog"]`, `{"1":"dog","0":"cat"}`, `{"0":["n01","cat"],"1":["n02","dog"]}`,
	} {
		got, err := labels(text)
		require.NoError(t, err, text)
		require.Equal(t, []string{"cat", "dog"}, got, text)
	}
	for text, want := range map[string]string{"": "no labels", `["a"`: "unexpected end", `{"7":"a"}`: `the index "7", want 0 to 0`, `{"x":"a"}`: `the index "x"`} {
		_, err := labels(text)
		require.ErrorIs(t, err, kerasrun.ErrInput, text)
		require.ErrorContains(t, err, want)
	}
	_, err := input.ReadLabels(filepath.Join(dir, "missing"))
	require.ErrorContains(t, err, "missing: no such file")
}

// FuzzRead holds that no bytes make the readers panic or return arrays that the
// model's input does not fit.
func FuzzRead(f *testing.F) {
	for _, s := range []string{"1,2\n3,4\n", "a,b\n1,2\n", "[[1,2],[3,4]]", `{"x":[[1,2]]}`, `{"x":[true,"a"]}`, "\x93NUMPY\x01\x00", "PK\x03\x04", "1;2\n\"3\";4\n", "GIF89a", "BM"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		in := vector(kerasrun.Float32, -1, 2)
		r := &input.Reader{Inputs: in, Stdin: bytes.NewReader(data)}
		g, err := r.Read(context.Background(), input.Stdin)
		if err != nil {
			return
		}
		require.True(t, in[0].Shape.Fits(g.Tensors[0].Shape))
		require.NoError(t, g.Tensors[0].Check())
	})
}
