package serve

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/kerasrun/kerasrun"
)

// marshal answers with a value as JSON.
func (q *request) marshal(value any) {
	body, err := json.Marshal(value)
	if err != nil {
		q.error(err)
		return
	}
	q.json(http.StatusOK, append(body, '\n'))
}

// v2 answers the Open Inference Protocol at a path below /v2, without slashes around it.
func (q *request) v2(path string) {
	parts := strings.Split(path, "/")
	if path == "" {
		parts = nil
	}
	switch {
	case len(parts) == 0:
		q.v2Get(func() {
			q.marshal(q.s.Info())
		})
	case path == "health/live":
		q.v2Get(func() { q.empty(true) })
	case path == "health/ready":
		q.v2Get(func() { q.empty(q.s.Ready()) })
	case path == "repository/index":
		if q.r.Method != http.MethodPost {
			q.notAllowed(http.MethodPost)
			return
		}
		q.marshal(q.s.Index())
	case len(parts) >= 2 && parts[0] == "models":
		q.v2Model(parts[1], parts[2:])
	default:
		q.error(fail(http.StatusNotFound, "there is nothing at /v2/%s", path))
	}
}

// v2Get answers GET.
func (q *request) v2Get(answer func()) {
	if q.r.Method != http.MethodGet {
		q.notAllowed(http.MethodGet)
		return
	}
	answer()
}

// empty answers a question without a body: the protocol asks for a status of 4xx where the answer is no.
func (q *request) empty(yes bool) {
	q.status = http.StatusOK
	if !yes {
		q.status = http.StatusBadRequest
	}
	q.w.WriteHeader(q.status)
}

// v2Model answers at /v2/models/NAME[/versions/V] and what follows.
func (q *request) v2Model(name string, rest []string) {
	version := ""
	if len(rest) >= 2 && rest[0] == "versions" {
		version, rest = rest[1], rest[2:]
	}
	what := strings.Join(rest, "/")
	switch what {
	case "", "ready", "config":
		if q.r.Method != http.MethodGet {
			q.notAllowed(http.MethodGet)
			return
		}
	case "infer":
		q.predicts = true
		if q.r.Method != http.MethodPost {
			q.notAllowed(http.MethodPost)
			return
		}
	default:
		q.error(fail(http.StatusNotFound, "there is nothing at %s", q.r.URL.Path))
		return
	}
	in, err := q.hold(name, version)
	if err != nil {
		if what == "ready" {
			q.empty(false)
			return
		}
		q.error(v2NotFound(name, version))
		return
	}
	defer in.release()
	switch what {
	case "":
		q.marshal(q.s.describe(in))
	case "config":
		q.marshal(q.s.modelConfig(in))
	case "ready":
		q.empty(true)
	case "infer":
		q.v2Infer(in)
	}
}

func v2NotFound(name, version string) error {
	if version != "" {
		return fail(http.StatusNotFound, "Request for unknown model: '%s' version %s is not found", name, version)
	}
	return fail(http.StatusNotFound, "Request for unknown model: '%s' is not found", name)
}

// A ServerInfo describes a server in the words of the Open Inference Protocol.
type ServerInfo struct {
	Name       string   `json:"name"`
	Version    string   `json:"version"`
	Extensions []string `json:"extensions"`
}

// Info describes the server.
func (s *Server) Info() ServerInfo {
	return ServerInfo{"kerasrun", s.config.Version, []string{"binary_tensor_data", "classification", "parameters", "model_repository"}}
}

// A TensorInfo describes an input or output in the words of the Open Inference Protocol.
type TensorInfo struct {
	Name     string  `json:"name"`
	Datatype string  `json:"datatype"` // "FP32", "BYTES", ...
	Shape    []int64 `json:"shape"`    // the batch first; -1 where free
}

// A ModelInfo describes a model in the words of the Open Inference Protocol.
type ModelInfo struct {
	Name     string       `json:"name"`
	Versions []string     `json:"versions"` // that are served, the oldest first
	Platform string       `json:"platform"`
	Inputs   []TensorInfo `json:"inputs"`
	Outputs  []TensorInfo `json:"outputs"`
}

// platform is what KServe calls such models, and backend what Triton would call this server.
const (
	platform = "keras"
	backend  = "kerasrun"
)

func (s *Server) describe(in *instance) ModelInfo {
	m := ModelInfo{Name: in.name(), Versions: []string{}, Platform: platform, Inputs: tensorInfos(in.model.Inputs()), Outputs: tensorInfos(in.model.Outputs())}
	states, _ := s.repo.states(in.name())
	for i := len(states) - 1; i >= 0; i-- {
		if states[i].served {
			m.Versions = append(m.Versions, strconv.FormatInt(states[i].version, 10))
		}
	}
	return m
}

func tensorInfos(ios []kerasrun.IO) []TensorInfo {
	out := make([]TensorInfo, len(ios))
	for i, io := range ios {
		out[i] = TensorInfo{io.Name, Datatype(io.DType), shape64(io.Shape)}
	}
	return out
}

func shape64(shape kerasrun.Shape) []int64 {
	out := make([]int64, len(shape))
	for i, d := range shape {
		out[i] = int64(d)
	}
	return out
}

// modelConfig is the part of Triton's model configuration that its clients read.
func (s *Server) modelConfig(in *instance) map[string]any {
	tensors := func(ios []kerasrun.IO) []map[string]any {
		out := []map[string]any{}
		for _, io := range ios {
			kind := "TYPE_" + Datatype(io.DType)
			if io.DType == kerasrun.String {
				kind = "TYPE_STRING"
			}
			out = append(out, map[string]any{"name": io.Name, "data_type": kind, "dims": shape64(io.Shape)})
		}
		return out
	}
	return map[string]any{
		"name": in.name(), "platform": platform, "backend": backend, "max_batch_size": 0,
		"input": tensors(in.model.Inputs()), "output": tensors(in.model.Outputs()),
	}
}

// An IndexLine is a version of a model.
type IndexLine struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	State   string `json:"state"`  // "READY" or "UNAVAILABLE"
	Reason  string `json:"reason"` // of the latter
}

// Index lists all versions of all models.
func (s *Server) Index() []IndexLine {
	lines := []IndexLine{}
	for _, name := range s.repo.names() {
		states, _ := s.repo.states(name)
		for _, v := range states {
			l := IndexLine{name, strconv.FormatInt(v.version, 10), "READY", ""}
			if !v.served {
				l.State, l.Reason = "UNAVAILABLE", "it could not be loaded: see the log"
			}
			lines = append(lines, l)
		}
	}
	return lines
}

// v2Infer answers a request for a prediction.
func (q *request) v2Infer(in *instance) {
	data, err := q.body()
	if err != nil {
		q.error(err)
		return
	}
	text, tail := data, []byte(nil)
	if header := q.r.Header.Get(headerLength); header != "" {
		n, err := strconv.Atoi(header)
		if err != nil || n < 0 || n > len(data) {
			q.error(badRequest("%s is %q, want the bytes of the JSON text, at most the %d of the body", headerLength, header, len(data)))
			return
		}
		text, tail = data[:n], data[n:]
	}
	v, err := readV2(in, text, tail)
	if err != nil {
		q.error(err)
		return
	}
	timeout := q.s.config.Timeout
	if v.timeout > 0 {
		timeout = min(timeout, v.timeout)
	}
	ctx, cancel := context.WithDeadline(context.WithoutCancel(q.r.Context()), q.start.Add(timeout))
	defer cancel()
	inputs, err := orderInputs(in, v.inputs)
	if err != nil {
		q.error(err)
		return
	}
	wanted, err := chooseOutputs(in, v.outputs)
	if err != nil {
		q.error(err)
		return
	}
	out, err := q.s.run(ctx, in, inputs)
	if err != nil {
		q.error(err)
		return
	}
	answer, err := pickOutputs(in, wanted, out)
	if err != nil {
		q.error(err)
		return
	}
	head, tail, err := writeV2(in, v, answer)
	if err != nil {
		q.error(err)
		return
	}
	if tail == nil {
		q.json(http.StatusOK, head)
		return
	}
	q.status = http.StatusOK
	h := q.w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set(headerLength, strconv.Itoa(len(head)))
	h.Set("Content-Length", strconv.Itoa(len(head)+len(tail)))
	q.w.WriteHeader(http.StatusOK)
	q.w.Write(head) // errors mean that the client has gone
	q.w.Write(tail)
}

// headerLength is the header that says where binary tensors begin.
const headerLength = "Inference-Header-Content-Length"

// A v2Request is what the JSON text of a request for a prediction says.
type v2Request struct {
	id        string
	timeout   time.Duration
	allBinary bool // all outputs, unless one says otherwise
	inputs    []NamedTensor
	outputs   []v2Output
}

// A v2Output is an output that a request asks for.
type v2Output struct {
	OutputRequest
	binary *bool
}
