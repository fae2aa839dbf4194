package serve

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun"
)

var update = flag.Bool("update", false, "rewrite the answers in testdata")

func pack(t testing.TB, encoding, text string) []byte {
	var b bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&b)
	if encoding == "deflate" {
		w = zlib.NewWriter(&b)
	}
	_, err := io.WriteString(w, text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

// protocolServer has the models of the tests of protocols: half, of TensorFlow Serving's documentation; named, with
// inputs of a string, a vector and a matrix, also from there; digits; and one input of each element type.
func protocolServer(t testing.TB) *Server {
	dir := t.TempDir()
	named := writeModel(t, filepath.Join(dir, "named.json"), "Identity", nil,
		input{"tag", "string", []any{nil}}, input{"signal", "float32", []any{nil, 5}}, input{"sensor", "float32", []any{nil, 2, 2}})
	var all []input
	for _, d := range datatypes {
		all = append(all, input{strings.ToLower(d.name), d.dtype.String(), []any{nil, 2}})
	}
	every := writeModel(t, filepath.Join(dir, "every.json"), "Identity", nil, all...)
	return newServer(t, Config{Models: []Model{{Name: "half", Path: halfPlusTwo(t, filepath.Join(dir, "half.json"), .5)},
		{Name: "named", Path: named}, {Name: "digits", Path: digits, Labels: strings.Fields("zero one two three four five six seven eight nine")}, {Name: "every", Path: every}}})
}

// TestTensorFlowServing sends the requests of TensorFlow Serving's documentation
// (https://www.tensorflow.org/tfx/serving/api_rest), and what it says about others.
func TestTensorFlowServing(t *testing.T) {
	s := protocolServer(t)
	for _, c := range []struct{ method, path, body, want string }{
		{"GET", "/v1/models/half", "", `{"model_version_status": [{"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}]}`},
		{"GET", "/v1/models/half/versions/1", "", `{"model_version_status": [{"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}]}`},
		{"GET", "/v1/models/half/metadata", "", `{"model_spec": {"name": "half", "signature_name": "", "version": "1"}, "metadata": {"signature_def": {"signature_def": {
			"serving_default": {"inputs": {"x": {"dtype": "DT_FLOAT", "tensor_shape": {"dim": [{"size": "-1", "name": ""}], "unknown_rank": false}, "name": "x:0"}},
			"outputs": {"x_out": {"dtype": "DT_FLOAT", "tensor_shape": {"dim": [{"size": "-1", "name": ""}], "unknown_rank": false}, "name": "x_out:0"}},
			"method_name": "tensorflow/serving/predict"}}}}}`},
		{"POST", "/v1/models/half:predict", `{"instances": [1.0, 2.0, 5.0]}`, `{"predictions": [2.5, 3.0, 4.5]}`},
		{"POST", "/v1/models/half/versions/1:predict", `{"signature_name": "serving_default", "instances": [1.0, 2.0, 5.0]}`, `{"predictions": [2.5, 3.0, 4.5]}`},
		{"POST", "/v1/models/half:predict", `{"instances": [{"x": 1.0}, {"x": 2.0}]}`, `{"predictions": [2.5, 3.0]}`},
		{"POST", "/v1/models/half:predict", `{"inputs": [1.0, 2.0, 5.0]}`, `{"outputs": [2.5, 3.0, 4.5]}`},
		{"POST", "/v1/models/half:predict", `{"inputs": {"x": [1.0]}, "signature_name": ""}`, `{"outputs": [2.5]}`},
		{"POST", "/v1/models/named:predict", `{"instances": [
			{"tag": "foo", "signal": [1, 2, 3, 4, 5], "sensor": [[1, 2], [3, 4]]},
			{"tag": "bar", "signal": [3, 4, 1, 2, 5], "sensor": [[4, 5], [6, 8]]}]}`,
			`{"predictions": [
			{"tag_out": "foo", "signal_out": [1.0, 2.0, 3.0, 4.0, 5.0], "sensor_out": [[1.0, 2.0], [3.0, 4.0]]},
			{"tag_out": "bar", "signal_out": [3.0, 4.0, 1.0, 2.0, 5.0], "sensor_out": [[4.0, 5.0], [6.0, 8.0]]}]}`},
		{"POST", "/v1/models/named:predict", `{"inputs": {"tag": ["foo", "bar"], "signal": [[1, 2, 3, 4, 5], [3, 4, 1, 2, 5]], "sensor": [[[1, 2], [3, 4]], [[4, 5], [6, 8]]]}}`,
			`{"outputs": {"tag_out": ["foo", "bar"], "signal_out": [[1.0, 2.0, 3.0, 4.0, 5.0], [3.0, 4.0, 1.0, 2.0, 5.0]], "sensor_out": [[[1.0, 2.0], [3.0, 4.0]], [[4.0, 5.0], [6.0, 8.0]]]}}`},
		{"POST", "/v1/models/named:predict", `{"instances": [{"tag": {"b64": "YWJj/w=="}, "signal": [1, 2, 3, 4, 5], "sensor": [[1, 2], [3, 4]]}]}`,
			`{"predictions": [{"tag_out": {"b64": "YWJj/w=="}, "signal_out": [1.0, 2.0, 3.0, 4.0, 5.0], "sensor_out": [[1.0, 2.0], [3.0, 4.0]]}]}`},
	} {
		w := call(s, c.method, c.path, c.body)
		require.Equal(t, 200, w.Code, "%s %s: %s", c.path, c.body, w.Body)
		require.Equal(t, "application/json", w.Header().Get("Content-Type"))
		require.JSONEq(t, c.want, w.Body.String(), "%s %s", c.path, c.body)
	}
	w := call(s, "POST", "/v1/models/half:predict", `{"instances": [NaN, Infinity, -Infinity, 1e-7, 3]}`)
	require.Equal(t, "{\"predictions\":[NaN,Infinity,-Infinity,2.0,3.5]}\n", w.Body.String())
}

// Every element type goes in and comes out as it is, by every way there is.
func TestElementTypes(t *testing.T) {
	s := protocolServer(t)
	values := map[string]string{"bool": "[true,false]", "uint8": "[0,255]", "uint16": "[1,65535]", "uint32": "[1,4294967295]", "uint64": "[1,18446744073709551615]",
		"int8": "[-128,127]", "int16": "[-32768,32767]", "int32": "[-2147483648,2147483647]", "int64": "[-9223372036854775808,9223372036854775807]",
		"fp16": "[0.5,65504.0]", "fp32": "[0.1,-3.4028235e+38]", "fp64": "[0.1,-1.7976931348623157e+308]", "bf16": "[0.5,-3.0]", "bytes": `["a\n\"ü","日本"]`}
	var row, v2, asked []string
	for _, d := range datatypes {
		name := strings.ToLower(d.name)
		row = append(row, fmt.Sprintf("%q:%s", name, values[name]))
		v2 = append(v2, fmt.Sprintf(`{"data":[%s],"name":%q,"datatype":%q,"shape":[1,2]}`, values[name], name, d.name)) // data first
		asked = append(asked, fmt.Sprintf(`{"name":"%s_out"}`, name))
	}
	w := call(s, "POST", "/v1/models/every:predict", `{"instances":[{`+strings.Join(row, ",")+`}]}`)
	require.Equal(t, 200, w.Code, w.Body)
	for name, value := range values {
		require.Contains(t, w.Body.String(), fmt.Sprintf(`"%s_out":%s`, name, value))
	}
	body := fmt.Sprintf(`{"id":"7","inputs":[%s],"outputs":[%s]}`, strings.Join(v2, ","), strings.Join(asked, ","))
	w = call(s, "POST", "/v2/models/every/infer", body)
	require.Equal(t, 200, w.Code, w.Body)
	require.True(t, json.Valid(w.Body.Bytes()))
	require.Contains(t, w.Body.String(), `{"id":"7","model_name":"every","model_version":"1","outputs":[`)
	for _, d := range datatypes {
		name := strings.ToLower(d.name)
		require.Contains(t, w.Body.String(), fmt.Sprintf(`{"name":"%s_out","datatype":%q,"shape":[1,2],"data":%s}`, name, d.name, values[name]))
	}
	// In binary form: what came out goes in again, and out again the same.
	body = strings.Replace(body, `{"id"`, `{"parameters":{"binary_data_output":true},"id"`, 1)
	w = call(s, "POST", "/v2/models/every/infer", body)
	require.Equal(t, 200, w.Code, w.Body)
	var n int
	fmt.Sscan(w.Header().Get(headerLength), &n)
	head, tail := w.Body.Bytes()[:n], w.Body.Bytes()[n:]
	var answer struct {
		Outputs []struct {
			Name, Datatype string
			Shape          []int
			Parameters     struct {
				Size int `json:"binary_data_size"`
			}
		}
	}
	require.NoError(t, json.Unmarshal(head, &answer), string(head))
	v2 = nil
	for _, o := range answer.Outputs {
		v2 = append(v2, fmt.Sprintf(`{"name":%q,"datatype":%q,"shape":[1,2],"parameters":{"binary_data_size":%d}}`, strings.TrimSuffix(o.Name, "_out"), o.Datatype, o.Parameters.Size))
	}
	text := fmt.Sprintf(`{"inputs":[%s],"parameters":{"binary_data_output":true}}`, strings.Join(v2, ","))
	w = call(s, "POST", "/v2/models/every/infer", text+string(tail), headerLength, fmt.Sprint(len(text)))
	require.Equal(t, 200, w.Code, w.Body)
	fmt.Sscan(w.Header().Get(headerLength), &n)
	require.Equal(t, tail, w.Body.Bytes()[n:])
	require.Equal(t, "application/octet-stream", w.Header().Get("Content-Type"))
	require.Contains(t, string(tail), "\x05\x00\x00\x00a\n\"ü")
	require.Contains(t, string(tail), string(binary.LittleEndian.AppendUint32(nil, math.Float32bits(.1))))
}

func TestOpenInference(t *testing.T) {
	s := protocolServer(t)
	for path, want := range map[string]string{
		"/v2":                          `{"name": "kerasrun", "version": "", "extensions": ["binary_tensor_data", "classification", "parameters", "model_repository"]}`,
		"/v2/":                         `{"name": "kerasrun", "version": "", "extensions": ["binary_tensor_data", "classification", "parameters", "model_repository"]}`,
		"/v2/models/half":              `{"name": "half", "versions": ["1"], "platform": "keras", "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1]}], "outputs": [{"name": "x_out", "datatype": "FP32", "shape": [-1]}]}`,
		"/v2/models/digits/versions/1": `{"name": "digits", "versions": ["1"], "platform": "keras", "inputs": [{"name": "image", "datatype": "FP32", "shape": [-1, 32, 32, 1]}], "outputs": [{"name": "digit", "datatype": "FP32", "shape": [-1, 10]}]}`,
		"/v2/models/half/config":       `{"name": "half", "platform": "keras", "backend": "kerasrun", "max_batch_size": 0, "input": [{"name": "x", "data_type": "TYPE_FP32", "dims": [-1]}], "output": [{"name": "x_out", "data_type": "TYPE_FP32", "dims": [-1]}]}`,
	} {
		w := call(s, "GET", path, "")
		require.Equal(t, 200, w.Code, path)
		require.JSONEq(t, want, w.Body.String(), path)
	}
	for path, status := range map[string]int{"/v2/health/live": 200, "/v2/health/ready": 200, "/v2/models/half/ready": 200, "/v2/models/half/versions/1/ready": 200,
		"/v2/models/half/versions/2/ready": 400, "/v2/models/nobody/ready": 400} {
		w := call(s, "GET", path, "")
		require.Equal(t, status, w.Code, path)
		require.Empty(t, w.Body.String(), path)
	}
	w := call(s, "POST", "/v2/repository/index", "")
	require.Contains(t, w.Body.String(), `{"name":"half","version":"1","state":"READY","reason":""}`)
	const x = `{"inputs":[{"name":"x","shape":[3],"datatype":"FP32","data":[1,2,5]}]`
	for body, want := range map[string]string{
		x + `}`:              `"data":[2.5,3.0,4.5]}]}`,
		x + `,"outputs":[]}`: `"data":[2.5,3.0,4.5]}]}`,
		x + `,"parameters":{"mine":"1","other":1.5}}`: `"data":[2.5,3.0,4.5]}]}`,
		x + `,"outputs":[{"name":"x_out"}]}`:          `"data":[2.5,3.0,4.5]}]}`,
		x + `,"outputs":[{"name":"x_out","parameters":{"binary_data":false}}],"parameters":{"binary_data_output":true}}`: `"data":[2.5,3.0,4.5]}]}`,
		x + `,"outputs":[{"name":"x_out","parameters":{"classification":2}}]}`:                                           `"datatype":"BYTES","shape":[2],"data":["4.500000:2","3.000000:1"]}]}`,
	} {
		w := call(s, "POST", "/v2/models/half/infer", body)
		require.Equal(t, 200, w.Code, "%s: %s", body, w.Body)
		require.Contains(t, w.Body.String(), want)
		require.Empty(t, w.Header().Get(headerLength))
	}
	// Classes have their labels.
	x7 := make([]string, 32*32)
	for i := range x7 {
		x7[i] = "0"
	}
	w = call(s, "POST", "/v2/models/digits/infer", `{"inputs":[{"name":"image","shape":[1,32,32,1],"datatype":"FP32","data":[`+strings.Join(x7, ",")+`]}],"outputs":[{"name":"digit","parameters":{"classification":1}}]}`)
	require.Equal(t, 200, w.Code, w.Body)
	require.Regexp(t, `"shape":\[1,1\],"data":\["0\.\d{6}:\d:[a-z]+"\]`, w.Body.String())
	s.Drain()
	require.Equal(t, 400, call(s, "GET", "/v2/health/ready", "").Code)
	require.Equal(t, 200, call(s, "GET", "/v2/health/live", "").Code)
}

// Images stand for pixels where a model takes images, and Infer gives the numbers that Predict gives.
func TestImages(t *testing.T) {
	s := protocolServer(t)
	picture, err := os.ReadFile("../testdata/images/digit_7.png")
	require.NoError(t, err)
	text := base64.StdEncoding.EncodeToString(picture)
	for _, body := range []string{`{"instances":[{"b64":"` + text + `"}]}`, `{"instances":[{"image":{"b64":"` + text + `"}}]}`, `{"inputs":[{"b64":"` + strings.TrimRight(text, "=") + `"}]}`} {
		w := call(s, "POST", "/v1/models/digits:predict", body)
		require.Equal(t, 200, w.Code, w.Body)
		var answer struct{ Predictions, Outputs [][]float64 }
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
		scores := append(answer.Predictions, answer.Outputs...)[0]
		require.Len(t, scores, 10)
		require.Greater(t, scores[7], .99)
	}
	m, err := kerasrun.Load(digits)
	require.NoError(t, err)
	x := kerasrun.NewTensor(kerasrun.Float32, kerasrun.Shape{2, 32, 32, 1})
	for i := range x.Len() {
		x.SetFloat(i, float64(i%251))
	}
	want, err := m.Predict(context.Background(), x)
	require.NoError(t, err)
	got, err := s.Infer(context.Background(), Request{Model: "digits", Inputs: []NamedTensor{{"image", x}}})
	require.NoError(t, err)
	require.Equal(t, want[0].Data, got.Outputs[0].Data)
	require.Equal(t, "1", got.Version)
	info, err := s.Describe("digits", "1")
	require.NoError(t, err)
	require.Equal(t, []string{"1"}, info.Versions)
	_, err = s.Describe("nobody", "")
	require.Equal(t, 404, asError(err).Status)
}

// malformed reads testdata/malformed.txt: requests, each a line "METHOD PATH [HEADER: VALUE]", a line with the body, as it
// is, as a Go string or - for none, and a line with the answer.
func malformed(t testing.TB) (lines [][4]string) {
	text, err := os.ReadFile("testdata/malformed.txt")
	require.NoError(t, err)
	for _, block := range strings.Split(strings.TrimSpace(string(text)), "\n\n") {
		parts := strings.Split(block, "\n")
		if strings.HasPrefix(parts[0], "#") {
			continue
		}
		for len(parts) < 3 {
			parts = append(parts, "")
		}
		body := parts[1]
		if body == "-" {
			body = ""
		}
		if strings.HasPrefix(body, `"`) {
			_, err := fmt.Sscanf(body, "%q", &body)
			require.NoError(t, err, parts[1])
		}
		lines = append(lines, [4]string{parts[0], body, parts[2], parts[1]})
	}
	return lines
}

// TestMalformed holds every wrong request to the answer in the table.
func TestMalformed(t *testing.T) {
	s := protocolServer(t)
	var out strings.Builder
	out.WriteString("# Requests that are wrong: method, path and a header; body; status and answer. go test -update rewrites the answers.\n")
	cases := malformed(t)
	require.Greater(t, len(cases), 200)
	for _, c := range cases {
		first, header, _ := strings.Cut(c[0], " [")
		method, path, _ := strings.Cut(first, " ")
		var headers []string
		if name, value, ok := strings.Cut(strings.TrimSuffix(header, "]"), ": "); ok {
			headers = []string{name, value}
		}
		w := call(s, method, path, c[1], headers...)
		answer := fmt.Sprintf("%d %s", w.Code, strings.TrimSpace(w.Body.String()))
		fmt.Fprintf(&out, "\n%s\n%s\n%s\n", c[0], c[3], answer)
		require.GreaterOrEqual(t, w.Code, 400, "%s: %s", c[0], c[3])
		require.Less(t, w.Code, 500, "%s: %s", c[0], c[3])
		var body map[string]string
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body), answer)
		require.Len(t, body, 1)
		require.NotEmpty(t, body["error"])
		if !*update {
			require.Equal(t, c[2], answer, "%s\n%s", c[0], c[3])
		}
	}
	if *update {
		require.NoError(t, os.WriteFile("testdata/malformed.txt", []byte(out.String()), 0o666))
	}
}

// FuzzBodies sends bodies to models whose inputs have every element type: every answer is one of the protocol.
func FuzzBodies(f *testing.F) {
	s := protocolServer(f)
	for _, c := range malformed(f) {
		f.Add(c[1], 0)
		f.Add(c[1], len(c[1]))
	}
	paths := []string{"/v1/models/half:predict", "/v1/models/named:predict", "/v1/models/every:predict", "/v1/models/digits:predict",
		"/v2/models/half/infer", "/v2/models/named/infer", "/v2/models/every/infer", "/v2/models/digits/infer"}
	f.Fuzz(func(t *testing.T, body string, length int) {
		for _, path := range paths {
			var headers []string
			if length != 0 {
				headers = []string{headerLength, fmt.Sprint(length)}
			}
			w := call(s, "POST", path, body, headers...)
			if w.Code != 200 && (w.Code < 400 || w.Code >= 500) {
				t.Fatalf("%s: status %d: %s", path, w.Code, w.Body)
			}
			var answer struct{ Error string }
			if w.Code != 200 && (json.Unmarshal(w.Body.Bytes(), &answer) != nil || answer.Error == "") {
				t.Fatalf("%s: answer %s", path, w.Body)
			}
		}
	})
}
