package serve

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A Server serves models. It is an [http.Handler], safe for concurrent use.
type Server struct {
	config   Config
	log      *slog.Logger
	repo     repository
	gate     *gate
	metrics  metrics
	bodies   atomic.Int64 // bytes of the bodies of requests under way
	draining atomic.Bool
	started  time.Time

	stop    context.CancelFunc
	polling sync.WaitGroup
}

// New loads the models of c. It fails if one of them has no version that can be loaded.
func New(c Config) (*Server, error) {
	c, err := c.settled()
	if err != nil {
		return nil, err
	}
	s := &Server{config: c, log: c.Logger, gate: newGate(c.Concurrency, c.Queue), metrics: newMetrics(), started: time.Now()}
	s.repo.servables = map[string]*servable{}
	for _, m := range c.Models {
		s.repo.servables[m.Name] = &servable{config: m, versions: map[int64]*instance{}, failed: map[int64]failure{}}
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	if err := s.Reload(ctx, true); err != nil && !s.repo.ready() {
		s.Close()
		return nil, err
	}
	if c.Poll > 0 {
		s.polling.Add(1)
		go s.poll(ctx)
	}
	return s, nil
}

// poll looks at the files from time to time.
func (s *Server) poll(ctx context.Context) {
	defer s.polling.Done()
	tick := time.NewTicker(s.config.Poll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.Reload(ctx, false) // what it cannot load is in the log
		}
	}
}

// Drain makes the server say that it is not ready, so that no new clients are sent to it. It answers requests as before.
func (s *Server) Drain() { s.draining.Store(true) }

// Close ends the watch over files and releases the models, each when its last request has been answered. Requests that
// come later are answered with 404.
func (s *Server) Close() {
	s.stop()
	s.polling.Wait()
	s.repo.reloading.Lock()
	defer s.repo.reloading.Unlock()
	s.repo.mu.Lock()
	defer s.repo.mu.Unlock()
	for _, v := range s.repo.servables {
		for n, in := range v.versions {
			delete(v.versions, n)
			in.release()
		}
	}
}

// Ready reports whether every model has a version that is served and [Server.Drain] was not called.
func (s *Server) Ready() bool { return !s.draining.Load() && s.repo.ready() }

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := &request{s: s, w: w, r: r, start: time.Now()}
	defer q.finish()
	// A client that does not take its answer must not hold the connection.
	q.rc = http.NewResponseController(w)
	q.rc.SetWriteDeadline(q.start.Add(s.config.Timeout + 30*time.Second)) // where the server cannot, it has deadlines of its own
	switch path := r.URL.Path; {
	case strings.HasPrefix(path, "/v1/"):
		q.protocol = "tfserving"
		q.v1(path)
	case path == "/v2" || strings.HasPrefix(path, "/v2/"):
		q.protocol = "v2"
		q.v2(strings.Trim(strings.TrimPrefix(path, "/v2"), "/"))
	case path == "/metrics":
		q.get(s.writeMetrics)
	case path == "/openapi.json":
		q.get(writeOpenAPI)
	case !s.config.NoPage && (path == "/" || strings.HasPrefix(path, "/page/")):
		q.page(path[1:])
	default:
		q.error(fail(http.StatusNotFound, "there is nothing at %s", path))
	}
}

// A request is one request of HTTP and its answer.
type request struct {
	s        *Server
	w        http.ResponseWriter
	r        *http.Request
	rc       *http.ResponseController
	start    time.Time
	protocol string
	model    string // that is served, else ""
	predicts bool
	status   int // of the answer, 0 before it
	message  string
	reserved int64 // bytes of the body
}

// get answers GET and HEAD.
func (q *request) get(write func(http.ResponseWriter)) {
	if q.r.Method != http.MethodGet && q.r.Method != http.MethodHead {
		q.notAllowed(http.MethodGet)
		return
	}
	q.status = http.StatusOK
	write(q.w)
}

// notAllowed answers a method that a path does not have.
func (q *request) notAllowed(want string) {
	q.w.Header().Set("Allow", want)
	q.error(fail(http.StatusMethodNotAllowed, "method %s, want %s", q.r.Method, want))
}

// json answers with a JSON text.
func (q *request) json(status int, body []byte) {
	q.status = status
	q.w.Header().Set("Content-Type", "application/json")
	q.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	q.w.WriteHeader(status)
	q.w.Write(body) // an error means that the client has gone
}

// error answers with an error body, which both protocols write the same way.
func (q *request) error(err error) {
	e := asError(err)
	if e.Status == http.StatusInternalServerError {
		id := newID()
		q.s.log.Error("internal error", "id", id, "model", q.model, "path", q.r.URL.Path, "error", e.cause)
		e = fail(e.Status, "internal error %s", id)
	}
	q.message = e.Message
	if e.Status == http.StatusServiceUnavailable {
		q.w.Header().Set("Retry-After", "1")
	}
	body := append(appendQuoted([]byte(`{"error":`), e.Message), '}')
	q.json(e.Status, append(body, '\n'))
}

// newID makes the number of an internal error.
func newID() string {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// A panicError is a panic in the server's own code or in that of a layer.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v\n%s", e.value, e.stack) }

func panicked(value any) error { return &panicError{value, debug.Stack()} }

// finish turns a panic into an answer, and notes the request in the log and the metrics.
func (q *request) finish() {
	abort := false
	if r := recover(); r != nil {
		if r == http.ErrAbortHandler {
			panic(r)
		}
		q.s.metrics.panics.add(1)
		if abort = q.status != 0; !abort {
			q.error(panicked(r))
		} else {
			q.s.log.Error("panic in an answer", "error", panicked(r))
		}
	}
	q.s.bodies.Add(-q.reserved)
	took := time.Since(q.start)
	q.s.metrics.requests.add(1, q.model, q.protocol, strconv.Itoa(q.status))
	if q.predicts && q.model != "" {
		q.s.metrics.seconds.observe(took.Seconds(), q.model)
	}
	level := slog.LevelDebug
	switch {
	case q.status >= 500:
		level = slog.LevelError
	case q.status >= 400:
		level = slog.LevelInfo
	}
	if q.s.log.Enabled(context.Background(), level) {
		attrs := []any{"method", q.r.Method, "path", q.r.URL.Path, "status", q.status, "seconds", took.Seconds(), "client", q.r.RemoteAddr}
		if q.message != "" {
			attrs = append(attrs, "error", q.message)
		}
		q.s.log.Log(context.Background(), level, "request", attrs...)
	}
	if abort {
		panic(http.ErrAbortHandler)
	}
}

// writeMetrics answers /metrics.
func (s *Server) writeMetrics(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	for _, f := range []*family{s.metrics.requests, s.metrics.seconds, s.metrics.examples, s.metrics.batches, s.metrics.reloads, s.metrics.panics} {
		f.write(w)
	}
	one := func(x float64) map[string]float64 { return map[string]float64{"": x} }
	writeGauge(w, "kerasrun_running", "Predictions that run.", "", one(float64(len(s.gate.slots))))
	writeGauge(w, "kerasrun_waiting", "Requests that wait for their prediction.", "", one(float64(s.gate.waiting.Load())))
	writeGauge(w, "kerasrun_body_bytes", "Bytes of the bodies of requests under way.", "", one(float64(s.bodies.Load())))
	versions := map[string]float64{}
	for _, name := range s.repo.names() {
		states, _ := s.repo.states(name)
		for _, v := range states {
			if v.served {
				versions[name] = max(versions[name], float64(v.version))
			}
		}
	}
	writeGauge(w, "kerasrun_model_version", "The newest version that is served.", "model", versions)
	writeGauge(w, "process_start_time_seconds", "When the server started, in seconds since 1970.", "", one(float64(s.started.UnixMilli())/1000))
	writeGauge(w, "go_goroutines", "Goroutines.", "", one(float64(runtime.NumGoroutine())))
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	writeGauge(w, "go_memstats_alloc_bytes", "Bytes of live heap objects and those not yet collected.", "", one(float64(m.Alloc)))
	writeGauge(w, "go_memstats_sys_bytes", "Bytes obtained from the system.", "", one(float64(m.Sys)))
}
