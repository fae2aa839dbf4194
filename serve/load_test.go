package serve

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun"
)

// TestShared holds that requests that share a prediction get the outputs that they get alone, in both protocols, and
// that they do share: one prediction has the first, the others wait and have the next.
func TestShared(t *testing.T) {
	s := newServer(t, Config{Concurrency: 1, BatchWait: time.Minute, BatchMost: 16, Models: []Model{{Name: "digits", Path: digits}}})
	in, err := s.repo.acquire("digits", "")
	require.NoError(t, err)
	defer in.release()
	require.NotNil(t, in.batches)
	x := kerasrun.NewTensor(kerasrun.Float32, kerasrun.Shape{16, 32, 32, 1})
	for i := range x.Len() {
		x.SetFloat(i, float64(rand.IntN(256)))
	}
	s.gate.slots <- struct{}{} // as if a prediction ran
	var clients sync.WaitGroup
	sizes := []int{1, 2, 1, 3, 4, 5} // full with the last
	from := 0
	for _, n := range sizes {
		part := x.Rows(from, from+n)
		from += n
		clients.Add(1)
		go func() {
			defer clients.Done()
			got, err := s.Infer(context.Background(), Request{Model: "digits", Inputs: []NamedTensor{{"image", part}}})
			if !noError(t, err) {
				return
			}
			want, err := in.model.Predict(context.Background(), part)
			if noError(t, err) && (!agree(want[0], got.Outputs[0].Tensor) || got.Outputs[0].Shape[0] != n) {
				t.Errorf("a share of %d is %v, alone %v", n, got.Outputs[0].Data, want[0].Data)
			}
		}()
	}
	require.Eventually(t, func() bool { return s.gate.waiting.Load() == int64(len(sizes)) }, time.Minute, time.Millisecond)
	<-s.gate.slots
	clients.Wait()
	require.Contains(t, call(s, "GET", "/metrics", "").Body.String(), "kerasrun_batch_examples_sum{model=\"digits\"} 16\nkerasrun_batch_examples_count{model=\"digits\"} 1\n")
	require.Empty(t, in.batches.open)
}

func noError(t *testing.T, err error) bool {
	if err != nil {
		t.Error(err)
	}
	return err == nil
}

// A wrong member of a batch does not spoil the others.
func TestSharedErrors(t *testing.T) {
	m := slowModel(t, "slow", func(x kerasrun.Tensor) error {
		for i := range x.Len() {
			if x.Float(i) == 13 {
				return fmt.Errorf("thirteen")
			}
		}
		return nil
	}, nil, 1)
	s := newServer(t, Config{Concurrency: 1, BatchWait: time.Minute, BatchMost: 3, Models: []Model{m}})
	s.gate.slots <- struct{}{}
	var clients sync.WaitGroup
	for _, x := range []int{12, 13, 14} {
		clients.Add(1)
		go func() {
			defer clients.Done()
			w := call(s, "POST", "/v1/models/slow:predict", fmt.Sprintf(`{"instances":[[%d]]}`, x))
			if x == 13 && w.Code != 500 || x != 13 && w.Body.String() != fmt.Sprintf("{\"predictions\":[[%d.0]]}\n", x) {
				t.Errorf("%d: %d %s", x, w.Code, w.Body)
			}
		}()
	}
	require.Eventually(t, func() bool { return s.gate.waiting.Load() == 3 }, time.Minute, time.Millisecond)
	<-s.gate.slots
	clients.Wait()
}

// Models whose examples depend on each other are not batched.
func TestNotShared(t *testing.T) {
	dir := t.TempDir()
	for i, c := range []struct {
		class  string
		config map[string]any
		shape  []any
		shared bool
	}{
		{"Softmax", map[string]any{"axis": 0}, []any{nil, 3}, false},
		{"Softmax", map[string]any{"axis": -1}, []any{nil, 3}, true},
		{"Rescaling", map[string]any{"scale": 2.0}, []any{nil, nil}, false}, // it could be, but nobody knows
	} {
		path := writeModel(t, filepath.Join(dir, fmt.Sprintf("m%d.json", i)), c.class, c.config, input{"x", "float32", c.shape})
		s := newServer(t, Config{BatchWait: time.Millisecond, Models: []Model{{Name: "m", Path: path}}})
		in, err := s.repo.acquire("m", "")
		require.NoError(t, err)
		require.Equal(t, c.shared, in.batches != nil, "%s %v", c.class, c.shape)
		in.release()
	}
}

// TestUnderLoad has 64 clients, a new model every 50 ms, connections whose headers never end, bodies that never end and
// clients that close their half after the request: every request is answered, and rightly.
func TestUnderLoad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "half.json")
	halfPlusTwo(t, path, 0)
	var written atomic.Int64 // the newest scale
	s := newServer(t, Config{Queue: 16, MaxBody: 1 << 16, BatchWait: time.Millisecond, BatchMost: 8, Poll: 10 * time.Millisecond,
		Models: []Model{{Name: "half", Path: path}, {Name: "digits", Path: digits}}})
	server := httptest.NewServer(s)
	defer server.Close()
	address := server.Listener.Addr().String()
	impatient := httptest.NewUnstartedServer(s) // of its own, for on a busy machine honest clients are slow too
	impatient.Config.ReadHeaderTimeout = 100 * time.Millisecond
	impatient.Start()
	defer impatient.Close()
	http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost = 64

	x := kerasrun.NewTensor(kerasrun.Float32, kerasrun.Shape{1, 32, 32, 1})
	for i := range x.Len() {
		x.SetFloat(i, float64(i%256))
	}
	m, err := kerasrun.Load(digits)
	require.NoError(t, err)
	want, err := m.Predict(context.Background(), x)
	require.NoError(t, err)
	digitsV1 := `{"instances":` + string(appendNested(nil, x)) + `}`
	digitsV2 := `{"inputs":[{"name":"image","datatype":"FP32","shape":[1,32,32,1],"parameters":{"binary_data_size":4096}}],"outputs":[{"name":"digit","parameters":{"binary_data":true}}]}`
	binary := string(AppendBinary(nil, x))

	ctx, stop := context.WithTimeout(context.Background(), loadTime())
	defer stop()
	var all sync.WaitGroup
	var answered, turnedAway atomic.Int64
	background := func(f func()) {
		all.Add(1)
		go func() {
			defer all.Done()
			for ctx.Err() == nil {
				f()
			}
		}()
	}
	for client := range 64 {
		random := rand.New(rand.NewPCG(1, uint64(client)))
		background(func() {
			a := float64(random.IntN(100))
			url, body, header := "http://"+address+"/v1/models/half:predict", fmt.Sprintf(`{"instances":[%v,%v]}`, a, a+1), ""
			switch random.IntN(4) {
			case 0:
				url, body = "http://"+address+"/v1/models/digits:predict", digitsV1
			case 1:
				url, body, header = "http://"+address+"/v2/models/digits/infer", digitsV2+binary, fmt.Sprint(len(digitsV2))
			}
			r, _ := http.NewRequest("POST", url, strings.NewReader(body))
			if header != "" {
				r.Header.Set(headerLength, header)
			}
			w, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Errorf("no answer: %v", err)
				return
			}
			text, err := io.ReadAll(w.Body)
			w.Body.Close()
			high := written.Load()
			switch {
			case err != nil:
				t.Errorf("half an answer: %v", err)
			case w.StatusCode == 503:
				turnedAway.Add(1)
				return
			case w.StatusCode != 200:
				t.Errorf("%s: status %d: %s", url, w.StatusCode, text)
			case header != "":
				var n int
				fmt.Sscan(w.Header.Get(headerLength), &n)
				got, err := DecodeBinary(kerasrun.Float32, kerasrun.Shape{1, 10}, text[n:])
				if err != nil || !agree(want[0], got) {
					t.Errorf("digits: %v, want %v (%v)", got.Data, want[0].Data, err)
				}
			case body == digitsV1:
				var answer struct{ Predictions [][]float32 }
				if err := json.Unmarshal(text, &answer); err != nil || !agree(want[0], kerasrun.Floats(answer.Predictions[0], 1, 10)) {
					t.Errorf("digits: %s (%v), want %v", text, err, want[0].Data)
				}
			default: // of one model that has been written
				var answer struct{ Predictions []float64 }
				if err := json.Unmarshal(text, &answer); err != nil || len(answer.Predictions) != 2 {
					t.Errorf("half: %s", text)
					return
				}
				scale := answer.Predictions[1] - answer.Predictions[0]
				if answer.Predictions[0] != scale*a+2 || scale != float64(int64(scale)) || scale < 0 || scale > float64(high) {
					t.Errorf("half: %s for %v, scales up to %d", text, a, high)
				}
			}
			answered.Add(1)
		})
	}
	background(func() { // new models
		n := written.Add(1)
		halfPlusTwo(t, path, float64(n))
		time.Sleep(50 * time.Millisecond)
	})
	var cut atomic.Int64
	for range 8 { // headers without an end
		background(func() {
			c, err := net.Dial("tcp", impatient.Listener.Addr().String())
			if err != nil {
				return
			}
			defer c.Close()
			for i := 0; ctx.Err() == nil; i++ {
				if _, err := fmt.Fprintf(c, "%s", []string{"POST /v1/models/half:predict HTTP/1.1\r\nHost: x\r\n", "X: y\r\n"}[min(i, 1)]); err != nil {
					cut.Add(1)
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	var tooLarge atomic.Int64
	for range 4 { // bodies without an end
		background(func() {
			r, _ := http.NewRequest("POST", "http://"+address+"/v1/models/half:predict", io.MultiReader(strings.NewReader(`{"instances":[`), endless{}))
			w, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				return // the server stopped reading before it was answered
			}
			defer w.Body.Close()
			if w.StatusCode == 413 {
				tooLarge.Add(1)
			} else if w.StatusCode != 503 {
				t.Errorf("an endless body: status %d", w.StatusCode)
			}
		})
	}
	var halves atomic.Int64
	for range 4 { // clients that close their half
		background(func() {
			c, err := net.Dial("tcp", address)
			if err != nil {
				return
			}
			defer c.Close()
			const body = `{"instances":[1,1]}`
			fmt.Fprintf(c, "POST /v1/models/half:predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
			c.(*net.TCPConn).CloseWrite()
			w, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Errorf("a client that closed its half got no answer: %v", err)
				return
			}
			defer w.Body.Close()
			if w.StatusCode == 200 {
				halves.Add(1)
			} else if w.StatusCode != 503 {
				t.Errorf("a client that closed its half: status %d", w.StatusCode)
			}
		})
	}
	all.Wait()
	t.Logf("%d answered, %d turned away, %d models, %d cut, %d too large, %d halves", answered.Load(), turnedAway.Load(), written.Load(), cut.Load(), tooLarge.Load(), halves.Load())
	for what, n := range map[string]*atomic.Int64{"answered": &answered, "models": &written, "cut": &cut, "too large": &tooLarge, "halves": &halves} {
		require.Positive(t, n.Load(), what)
	}
	// Afterwards nothing is left over, and the newest model is served.
	require.Eventually(t, func() bool {
		return s.gate.waiting.Load() == 0 && len(s.gate.slots) == 0 && s.bodies.Load() == 0
	}, time.Minute, time.Millisecond)
	require.Eventually(t, func() bool { return half(s, "/v1/models/half") == fmt.Sprint(2*written.Load()+2) }, time.Minute, time.Millisecond)
	require.Contains(t, call(s, "GET", "/metrics", "").Body.String(), "\nkerasrun_panics_total 0\n")
}

// endless is a body without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// loadTime is how long the load lasts: longer where KERASRUN_LOAD_TIME says so.
func loadTime() time.Duration {
	if d, err := time.ParseDuration(os.Getenv("KERASRUN_LOAD_TIME")); err == nil {
		return d
	}
	if testing.Short() {
		return time.Second
	}
	return 3 * time.Second
}
