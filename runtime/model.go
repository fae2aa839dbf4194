package runtime

import (
	"fmt"
	goruntime "runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/layers"
	"github.com/kerasrun/kerasrun/runtime/plan"
	"github.com/kerasrun/kerasrun/runtime/source"
	"github.com/kerasrun/kerasrun/runtime/weight"
)

// A Model is an opened model. It is immutable and safe for concurrent use.
type Model struct {
	file     FileInfo
	arch     *keras.Model
	prog     *layers.Program
	weights  []*weight.Value  // by Graph.Params, nil when they are not kept
	again    *source.Reopener // reads them again, nil when that cannot be done
	packs    *weight.Packs
	compiled *plan.Compiled
	options  Options
	threads  int

	closed atomic.Bool
	mu     sync.Mutex
	plans  planCache
}

// newModel compiles the program of an opened file. It plans for a batch of
// one where the other dimensions are known, so that a model that cannot run
// fails here.
func newModel(src *source.Model, o Options) (*Model, error) {
	prog, weights := src.Program, src.Weights
	if o.Taps != nil {
		taps, err := o.Taps(prog)
		if err != nil {
			return nil, err
		}
		prog = tapped(prog, taps)
	}
	m := &Model{file: src.Info, arch: src.Arch, prog: prog, again: src.Again(), options: o, threads: o.Threads}
	if m.threads <= 0 {
		m.threads = goruntime.GOMAXPROCS(0)
	}
	m.packs = weight.NewPacks(m.threads)
	if o.KeepWeights {
		m.weights = weights
		for _, w := range weights {
			if _, err := w.Hold(); err != nil {
				return nil, err
			}
		}
	}
	m.plans.size = o.Limits.Plans
	var err error
	m.compiled, err = plan.Compile(prog.Graph, weights, m.packs, o.plan(prog, nil))
	if err != nil {
		return nil, err
	}
	var shapes []graph.Shape
	for _, in := range prog.Graph.Inputs {
		s := in.Shape.Clone()
		if len(s) > 0 && s[0] == graph.Dyn {
			s[0] = 1
		}
		if !s.Known() { // the first prediction plans
			return m, m.compiled.Settle()
		}
		shapes = append(shapes, s)
	}
	if _, err := m.plan(shapes); err != nil {
		return nil, err
	}
	return m, m.compiled.Settle()
}

// tapped is prog with further outputs.
func tapped(prog *layers.Program, taps []graph.Named) *layers.Program {
	p, g := *prog, *prog.Graph
	g.Outputs = append(slices.Clone(g.Outputs), taps...)
	p.Graph = &g
	return &p
}

// withWeights hands the weights as they are to use, read again where they are not kept.
func (m *Model) withWeights(use func([]*weight.Value) error) error {
	if m.weights != nil || m.again == nil {
		return use(m.weights)
	}
	return m.again.Weights(m.prog, use)
}

// plan returns the plan for inputs of the given shapes.
func (m *Model) plan(shapes []graph.Shape) (*plan.Plan, error) {
	key := fmt.Sprint(shapes)
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.plans.get(key); e != nil {
		return e.plan, nil
	}
	p, err := m.compiled.Plan(shapes)
	if err != nil {
		return nil, err
	}
	m.plans.put(key, p)
	return p, nil
}

// session takes an idle session of the plan for the given shapes, or makes one.
func (m *Model) session(shapes []graph.Shape) (*session, error) {
	p, err := m.plan(shapes)
	if err != nil {
		return nil, err
	}
	key := fmt.Sprint(shapes)
	m.mu.Lock()
	if e := m.plans.get(key); e != nil && len(e.idle) > 0 {
		s := e.idle[len(e.idle)-1]
		e.idle = e.idle[:len(e.idle)-1]
		m.mu.Unlock()
		return s, nil
	}
	m.mu.Unlock()
	return newSession(p, m.threads), nil
}

// maxIdle bounds the sessions that wait for the next prediction of one plan.
const maxIdle = 4

// giveBack keeps a session for the next prediction.
func (m *Model) giveBack(shapes []graph.Shape, s *session) {
	key := fmt.Sprint(shapes)
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.plans.get(key); e != nil && e.plan == s.plan && len(e.idle) < maxIdle && !m.closed.Load() {
		e.idle = append(e.idle, s)
	}
}

// Close releases the model's buffers. Predictions that are under way finish;
// later ones return [ErrClosed].
func (m *Model) Close() error {
	m.closed.Store(true)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.plans.entries = nil
	return nil
}

// A planCache keeps the plans of the most recently used input shapes.
type planCache struct {
	size    int
	entries []*planEntry // most recent last
}

type planEntry struct {
	key  string
	plan *plan.Plan
	idle []*session
}

func (c *planCache) get(key string) *planEntry {
	for i, e := range c.entries {
		if e.key == key {
			copy(c.entries[i:], c.entries[i+1:])
			c.entries[len(c.entries)-1] = e
			return e
		}
	}
	return nil
}

func (c *planCache) put(key string, p *plan.Plan) {
	if len(c.entries) >= c.size {
		c.entries = append([]*planEntry{}, c.entries[1:]...)
	}
	c.entries = append(c.entries, &planEntry{key: key, plan: p})
}
