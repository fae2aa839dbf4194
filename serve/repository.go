package serve

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kerasrun/kerasrun"
)

// A repository has the models that are served.
type repository struct {
	mu        sync.RWMutex // of the maps; never held while a model loads
	servables map[string]*servable
	reloading sync.Mutex // one reload at a time
}

// A servable is what is served under one name.
type servable struct {
	config   Model
	versions map[int64]*instance
	failed   map[int64]failure // of versions whose newest file cannot be loaded
}

// A failure is a file that could not be loaded.
type failure struct {
	stamp string
	err   error
}

// An instance is a loaded version. Whoever holds it uses it, however long ago it was replaced.
type instance struct {
	config  *Model
	version int64
	model   *kerasrun.Model
	stamp   string
	refs    atomic.Int64 // of the repository and of requests
	batches *batcher     // nil where examples cannot share a prediction
}

// release gives up the hold of a request, or that of the repository.
func (in *instance) release() {
	if in.refs.Add(-1) == 0 {
		in.model.Close()
	}
}

func (in *instance) name() string        { return in.config.Name }
func (in *instance) versionText() string { return strconv.FormatInt(in.version, 10) }

// names are those of all models, sorted.
func (r *repository) names() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Sorted(maps.Keys(r.servables))
}

// acquire finds a version of a model, the newest where version is "", and holds it until it is released.
func (r *repository) acquire(name, version string) (*instance, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	s := r.servables[name]
	if s == nil {
		return nil, fail(404, "Servable not found for request: Latest(%s)", name)
	}
	if version == "" {
		if len(s.versions) == 0 {
			return nil, fail(404, "Servable not found for request: Latest(%s)", name)
		}
		in := s.versions[slices.Max(slices.Collect(maps.Keys(s.versions)))]
		in.refs.Add(1)
		return in, nil
	}
	n, err := strconv.ParseInt(version, 10, 64)
	in := s.versions[n]
	if err != nil || n < 0 || in == nil {
		return nil, fail(404, "Servable not found for request: Specific(%s, %s)", name, version)
	}
	in.refs.Add(1)
	return in, nil
}

// A versionState says what became of a version.
type versionState struct {
	version int64
	err     error // of a version that is not served, or whose new file is not
	served  bool
}

// states lists the versions of a model, the newest first, and false for a model that there is not.
func (r *repository) states(name string) ([]versionState, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	s := r.servables[name]
	if s == nil {
		return nil, false
	}
	numbers := slices.Collect(maps.Keys(s.versions))
	for n := range s.failed {
		if s.versions[n] == nil {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	slices.Reverse(numbers)
	out := make([]versionState, len(numbers))
	for i, n := range numbers {
		out[i] = versionState{version: n, err: s.failed[n].err, served: s.versions[n] != nil}
	}
	return out, true
}

// ready reports whether every model has a version that is served.
func (r *repository) ready() bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, s := range r.servables {
		if len(s.versions) == 0 {
			return false
		}
	}
	return true
}

// Reload looks at the files of all models and loads those that changed; all of them if always is set. The models in
// place are served until the new ones have been warmed up, and stay where those cannot be loaded: the error says which.
func (s *Server) Reload(ctx context.Context, always bool) error {
	s.repo.reloading.Lock()
	defer s.repo.reloading.Unlock()
	var errs []error
	for _, name := range s.repo.names() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.reload(s.repo.servables[name], always); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// reload brings one model up to date with its files. Only this function, of which one runs, changes a servable.
func (s *Server) reload(v *servable, always bool) error {
	wanted, err := candidates(v.config)
	if err != nil {
		wanted = nil
	}
	var errs []error
	note := func(n int64, stamp string, err error) {
		if old, ok := v.failed[n]; ok && old.stamp == stamp && old.err.Error() == err.Error() && !always {
			return // known
		}
		s.repo.mu.Lock()
		v.failed[n] = failure{stamp, err}
		s.repo.mu.Unlock()
		s.metrics.reloads.add(1, v.config.Name, "failed")
		s.log.Error("model not loaded", "model", v.config.Name, "version", n, "error", err)
		errs = append(errs, fmt.Errorf("model %s, version %d: %w", v.config.Name, n, err))
	}
	if err != nil {
		note(slices.Max(append(slices.Collect(maps.Keys(v.versions)), 1)), "", err)
		return errors.Join(errs...)
	}
	for _, n := range slices.Sorted(maps.Keys(wanted)) {
		c := wanted[n]
		if old := v.versions[n]; c.err == nil && !always {
			if old != nil && old.stamp == c.stamp {
				s.forget(v, n) // an earlier failure has passed
				continue
			}
			if f, ok := v.failed[n]; ok && f.stamp == c.stamp {
				continue
			}
		}
		if c.err != nil {
			note(n, c.stamp, c.err)
			continue
		}
		in, err := s.load(&v.config, n, c)
		if err != nil {
			note(n, c.stamp, err)
			continue
		}
		s.repo.mu.Lock()
		old := v.versions[n]
		v.versions[n] = in
		delete(v.failed, n)
		s.repo.mu.Unlock()
		if old != nil {
			old.release()
		}
		s.metrics.reloads.add(1, v.config.Name, "loaded")
	}
	s.retire(v, wanted)
	return errors.Join(errs...)
}

// forget drops the failure of a version.
func (s *Server) forget(v *servable, n int64) {
	s.repo.mu.Lock()
	delete(v.failed, n)
	s.repo.mu.Unlock()
}

// retire stops serving the versions that are no longer wanted, once one that is wanted is there.
func (s *Server) retire(v *servable, wanted map[int64]candidate) {
	s.repo.mu.Lock()
	defer s.repo.mu.Unlock()
	for n := range v.failed {
		if _, ok := wanted[n]; !ok {
			delete(v.failed, n)
		}
	}
	served := false
	for n := range wanted {
		served = served || v.versions[n] != nil
	}
	for n, in := range v.versions {
		if _, ok := wanted[n]; !ok && served {
			delete(v.versions, n)
			in.release()
			s.log.Info("model retired", "model", v.config.Name, "version", n)
		}
	}
}

// load opens a version and runs it once.
func (s *Server) load(config *Model, n int64, c candidate) (*instance, error) {
	start := time.Now()
	m, err := kerasrun.Load(c.path, config.Options...)
	if err != nil {
		return nil, err
	}
	if again := newCandidate(c.path, config.Watch); again.stamp != c.stamp {
		m.Close()
		return nil, fmt.Errorf("%s: the file changed while it was read", c.path)
	}
	in := &instance{config: config, version: n, model: m, stamp: c.stamp}
	in.refs.Store(1)
	loaded := time.Since(start)
	if err := s.warmUp(in); err != nil {
		s.log.Warn("model not warmed up", "model", config.Name, "version", n, "error", err)
	}
	s.log.Info("model loaded", "model", config.Name, "version", n, "path", c.path, "load", loaded, "warm_up", time.Since(start)-loaded, "batched", in.batches != nil)
	return in, nil
}

// warmUp runs a model once, on zeros, where its file says enough about its inputs, and finds out whether requests can
// share a prediction.
func (s *Server) warmUp(in *instance) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.config.Timeout)
	defer cancel()
	one, known := zeros(in.model, 1)
	if !known {
		return errors.New("dimensions other than the batch are unknown")
	}
	if _, err := in.model.Predict(ctx, one...); err != nil {
		return err
	}
	if s.config.BatchWait <= 0 || !freeBatch(in.model) {
		return nil
	}
	ok, err := independent(ctx, in.model)
	if err != nil {
		return err
	}
	if ok {
		in.batches = newBatcher()
	}
	return nil
}

// zeros makes inputs of zeros for a batch of n, if the dimensions are known.
func zeros(m *kerasrun.Model, n int) ([]kerasrun.Tensor, bool) {
	var in []kerasrun.Tensor
	for _, io := range m.Inputs() {
		shape := io.Shape.Clone()
		if len(shape) > 0 && shape[0] < 0 {
			shape[0] = n
		}
		elems, ok := shape.Elems()
		if !ok || elems > 1<<28 {
			return nil, false
		}
		in = append(in, kerasrun.NewTensor(io.DType, shape))
	}
	return in, true
}

// independent reports whether every example of a batch gets the outputs that it gets alone, up to rounding: three
// random ones, of different sizes, are tried. Strings stay empty, and integers are 0 or 1, which every model takes; so
// are the others where a model refuses what is larger.
func independent(ctx context.Context, m *kerasrun.Model) (bool, error) {
	ok, err := independentOn(ctx, m, func(r *rand.Rand, k int) float64 { return r.Float64() * []float64{1, 3, 200}[k] })
	if err != nil {
		ok, err = independentOn(ctx, m, func(r *rand.Rand, _ int) float64 { return float64(r.IntN(2)) })
	}
	return ok, err
}

// independentOn tries three examples whose floating elements are those of value.
func independentOn(ctx context.Context, m *kerasrun.Model, value func(r *rand.Rand, k int) float64) (bool, error) {
	batch, _ := zeros(m, 3)
	random := rand.New(rand.NewPCG(1, 2))
	for _, t := range batch {
		for i := range t.Len() {
			x := value(random, i*3/t.Len())
			if !t.DType.Floating() {
				x = float64(random.IntN(2))
			}
			t.SetFloat(i, x)
		}
	}
	together, err := m.Predict(ctx, batch...)
	if err != nil {
		return false, err
	}
	for k := range 3 {
		alone, err := m.Predict(ctx, rowOf(batch, k)...)
		if err != nil {
			return false, err
		}
		for i, want := range alone {
			got := together[i]
			if len(got.Shape) == 0 || got.Shape[0] != 3 || !agree(got.Rows(k, k+1), want) {
				return false, nil
			}
		}
	}
	return true, nil
}

// rowOf is one example of a batch.
func rowOf(batch []kerasrun.Tensor, k int) []kerasrun.Tensor {
	one := make([]kerasrun.Tensor, len(batch))
	for i, t := range batch {
		one[i] = t.Rows(k, k+1)
	}
	return one
}
