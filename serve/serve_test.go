package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/keras"
)

const digits = "../testdata/models/digits/model.keras"

// An input of a model that writeModel writes.
type input struct {
	name, dtype string
	shape       []any // nil is free
}

// writeModel writes the architecture of a model, of the file's name, that calls the class on each input; an output has
// the name of its input and "_out".
func writeModel(t testing.TB, path, class string, config map[string]any, inputs ...input) string {
	t.Helper()
	type object = map[string]any
	var layers, in, out []any
	for _, i := range inputs {
		layers = append(layers, object{"module": "keras.layers", "class_name": "InputLayer", "name": i.name, "inbound_nodes": []any{},
			"config": object{"batch_shape": i.shape, "dtype": i.dtype, "name": i.name}})
		own := object{"name": i.name + "_out", "dtype": i.dtype}
		for k, v := range config {
			own[k] = v
		}
		tensor := object{"class_name": "__keras_tensor__", "config": object{"shape": i.shape, "dtype": i.dtype, "keras_history": []any{i.name, 0, 0}}}
		layers = append(layers, object{"module": "keras.layers", "class_name": class, "name": i.name + "_out", "config": own,
			"inbound_nodes": []any{object{"args": []any{tensor}, "kwargs": object{}}}})
		in, out = append(in, []any{i.name, 0, 0}), append(out, []any{i.name + "_out", 0, 0})
	}
	name := strings.TrimSuffix(filepath.Base(path), ".json")
	text, err := json.Marshal(object{"module": "keras", "class_name": "Functional",
		"config": object{"name": name, "trainable": true, "layers": layers, "input_layers": in, "output_layers": out}})
	require.NoError(t, err)
	// whole or not at all, as a file that is watched should be written
	require.NoError(t, os.WriteFile(path+".new", text, 0o666))
	require.NoError(t, os.Rename(path+".new", path))
	return path
}

// halfPlusTwo writes the model of TensorFlow Serving's documentation, y = x·scale + 2.
func halfPlusTwo(t testing.TB, path string, scale float64) string {
	return writeModel(t, path, "Rescaling", map[string]any{"scale": scale, "offset": 2.0}, input{"x", "float32", []any{nil}})
}

// newServer starts a server whose log is discarded.
func newServer(t testing.TB, c Config) *Server {
	t.Helper()
	if c.Logger == nil {
		c.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	s, err := New(c)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// call sends a request to a handler; headers are pairs of names and values.
func call(h http.Handler, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// slowModel is a model whose layer runs f at each prediction and returns its operand.
func slowModel(t testing.TB, name string, f func(x kerasrun.Tensor) error, shape ...any) Model {
	path := writeModel(t, filepath.Join(t.TempDir(), name+".json"), "Mine>Slow", nil, input{"x", "float32", shape})
	return Model{Name: name, Path: path, Options: []kerasrun.Option{kerasrun.WithLayer("Mine>Slow",
		func(b *kerasrun.LayerBuilder, _ *keras.Value, in []kerasrun.Value) ([]kerasrun.Value, error) {
			return b.Call(kerasrun.Func{Run: func(in, out []kerasrun.Tensor) error {
				copy(out[0].Float32s(), in[0].Float32s())
				return f(in[0])
			}}, in...), b.Err()
		})}}
}

func TestQueue(t *testing.T) {
	started, goOn := make(chan struct{}, 100), make(chan struct{})
	var warm atomic.Bool
	s := newServer(t, Config{Concurrency: 1, Queue: 2, Timeout: time.Minute, Models: []Model{slowModel(t, "slow", func(kerasrun.Tensor) error {
		if warm.Load() {
			started <- struct{}{}
			<-goOn
		}
		return nil
	}, nil, 1)}})
	warm.Store(true)
	answers := make(chan *httptest.ResponseRecorder, 10)
	send := func() { answers <- call(s, "POST", "/v1/models/slow:predict", `{"instances": [[7]]}`) }
	go send()
	<-started // it runs
	go send()
	go send()
	require.Eventually(t, func() bool { return s.gate.waiting.Load() == 2 }, time.Minute, time.Millisecond)
	w := call(s, "POST", "/v1/models/slow:predict", `{"instances": [[7]]}`)
	require.Equal(t, 503, w.Code)
	require.Equal(t, "1", w.Header().Get("Retry-After"))
	require.JSONEq(t, `{"error": "the queue is full"}`, w.Body.String())
	w = call(s, "POST", "/v2/models/slow/infer", `{"inputs":[{"name":"x","shape":[1,1],"datatype":"FP32","data":[7]}]}`)
	require.Equal(t, 503, w.Code)
	close(goOn)
	for range 3 {
		w := <-answers
		require.Equal(t, 200, w.Code, w.Body)
		require.JSONEq(t, `{"predictions": [[7.0]]}`, w.Body.String())
	}
}

func TestDeadlines(t *testing.T) {
	var warm atomic.Bool
	goOn := make(chan struct{})
	s := newServer(t, Config{Concurrency: 1, Timeout: 50 * time.Millisecond, Models: []Model{slowModel(t, "slow", func(kerasrun.Tensor) error {
		if warm.Load() {
			<-goOn
		}
		return nil
	}, nil, 1)}})
	warm.Store(true)
	first := make(chan int)
	go func() { first <- call(s, "POST", "/v1/models/slow:predict", `{"instances": [[7]]}`).Code }()
	require.Eventually(t, func() bool { return len(s.gate.slots) == 1 }, time.Minute, time.Millisecond)
	w := call(s, "POST", "/v1/models/slow:predict", `{"instances": [[7]]}`) // its time ends in the queue
	require.Equal(t, 504, w.Code)
	require.JSONEq(t, `{"error": "the request was not answered in time"}`, w.Body.String())
	w = call(s, "POST", "/v2/models/slow/infer", `{"parameters":{"timeout":1000},"inputs":[{"name":"x","shape":[1,1],"datatype":"FP32","data":[7]}]}`)
	require.Equal(t, 504, w.Code)
	_, err := s.Infer(context.Background(), Request{Model: "slow", Timeout: time.Millisecond, Inputs: []NamedTensor{{"x", kerasrun.Floats([]float32{1}, 1, 1)}}})
	require.Equal(t, 504, asError(err).Status)
	close(goOn)
	<-first
}

// A layer that fails or panics is an internal error: the client gets a number, the log the reason.
func TestInternalErrors(t *testing.T) {
	var log bytes.Buffer
	var warm atomic.Bool
	s := newServer(t, Config{Logger: slog.New(slog.NewTextHandler(&log, nil)), Models: []Model{slowModel(t, "slow", func(x kerasrun.Tensor) error {
		if warm.Load() {
			if x.Float(0) == 1 {
				panic("too bad")
			}
			return fmt.Errorf("no luck")
		}
		return nil
	}, nil, 1)}})
	warm.Store(true)
	for x, why := range map[string]string{"1": "too bad", "2": "no luck"} {
		w := call(s, "POST", "/v1/models/slow:predict", `{"instances": [[`+x+`]]}`)
		require.Equal(t, 500, w.Code)
		var answer struct{ Error string }
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
		id, ok := strings.CutPrefix(answer.Error, "internal error ")
		require.True(t, ok, answer.Error)
		require.NotContains(t, answer.Error, why)
		require.Contains(t, log.String(), id)
		require.Contains(t, log.String(), why)
	}
}

// A panic outside of layers is answered too, and the server goes on.
func TestPanic(t *testing.T) {
	s := newServer(t, Config{Models: []Model{{Name: "half", Path: halfPlusTwo(t, filepath.Join(t.TempDir(), "half.json"), .5)}}})
	in, err := s.repo.acquire("half", "")
	require.NoError(t, err)
	model := in.model
	in.model = nil
	w := call(s, "POST", "/v1/models/half:predict", `{"instances": [1]}`)
	require.Equal(t, 500, w.Code)
	require.Contains(t, w.Body.String(), `{"error":"internal error `)
	in.model = model
	in.release()
	require.Equal(t, 200, call(s, "POST", "/v1/models/half:predict", `{"instances": [1]}`).Code)
	require.Contains(t, call(s, "GET", "/metrics", "").Body.String(), "\nkerasrun_panics_total 1\n")
}

func TestBodies(t *testing.T) {
	s := newServer(t, Config{MaxBody: 1000, MaxBodies: 1500, Models: []Model{{Name: "half", Path: halfPlusTwo(t, filepath.Join(t.TempDir(), "half.json"), .5)}}})
	server := httptest.NewServer(s)
	defer server.Close()
	post := func(body io.Reader, headers ...string) (int, string) {
		r, err := http.NewRequest("POST", server.URL+"/v1/models/half:predict", body)
		require.NoError(t, err)
		for i := 0; i+1 < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		a, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer a.Body.Close()
		text, err := io.ReadAll(a.Body)
		require.NoError(t, err)
		return a.StatusCode, string(text)
	}
	long := `{"instances": [` + strings.Repeat(" ", 2000) + `1]}`
	const tooLarge = `{"error":"the body has more than 1000 bytes"}` + "\n"
	status, text := post(strings.NewReader(long))
	require.Equal(t, 413, status)
	require.Equal(t, tooLarge, text)
	status, text = post(io.MultiReader(strings.NewReader(long))) // chunked
	require.Equal(t, 413, status)
	require.Equal(t, tooLarge, text)
	// What unpacks to more is too large too.
	packed := pack(t, "gzip", long)
	require.Less(t, len(packed), 1000)
	status, text = post(bytes.NewReader(packed), "Content-Encoding", "gzip")
	require.Equal(t, 413, status)
	require.Equal(t, tooLarge, text)
	for _, encoding := range []string{"gzip", "deflate"} {
		status, text = post(bytes.NewReader(pack(t, encoding, `{"instances": [1.0, 2.0, 5.0]}`)), "Content-Encoding", encoding)
		require.Equal(t, 200, status, text)
		require.JSONEq(t, `{"predictions": [2.5, 3.0, 4.5]}`, text)
	}
	// All bodies together are bounded.
	s.bodies.Add(1490)
	status, text = post(strings.NewReader(`{"instances": [1.0, 2.0, 5.0]}`))
	require.Equal(t, 503, status)
	require.JSONEq(t, `{"error": "too many large requests at a time"}`, text)
	s.bodies.Add(-1490)
	require.Eventually(t, func() bool { return s.bodies.Load() == 0 }, time.Minute, time.Millisecond)
}

// The description has every path that the server has, and only those.
func TestOpenAPI(t *testing.T) {
	s := newServer(t, Config{Models: []Model{{Name: "half", Path: halfPlusTwo(t, filepath.Join(t.TempDir(), "half.json"), .5)}}})
	w := call(s, "GET", "/openapi.json", "")
	require.Equal(t, "application/json", w.Header().Get("Content-Type"))
	var doc struct {
		OpenAPI string
		Paths   map[string]map[string]any
	}
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &doc))
	require.Equal(t, "3.1.0", doc.OpenAPI)
	bodies := map[string]string{"predict": `{"instances":[1]}`, "infer": `{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[7]}]}`}
	for path, methods := range doc.Paths {
		for method := range methods {
			at := strings.NewReplacer("{model}", "half", "{version}", "1").Replace(path)
			body := ""
			for end, b := range bodies {
				if strings.HasSuffix(at, end) {
					body = b
				}
			}
			w := call(s, strings.ToUpper(method), at, body)
			require.Equal(t, 200, w.Code, "%s %s: %s", method, at, w.Body)
		}
	}
	require.Len(t, doc.Paths, 20)
}
