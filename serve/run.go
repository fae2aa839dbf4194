package serve

import (
	"context"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kerasrun/kerasrun"
)

// A gate lets a number of predictions run and a number of requests wait.
type gate struct {
	slots   chan struct{} // one for each prediction that runs
	waiting atomic.Int64
	most    int64 // that may wait
}

func newGate(run, wait int) *gate {
	return &gate{slots: make(chan struct{}, run), most: int64(wait)}
}

// queue takes a place in the queue, which leave gives back.
func (g *gate) queue() error {
	if g.waiting.Add(1) > g.most {
		g.waiting.Add(-1)
		return errBusy
	}
	return nil
}

func (g *gate) leave() { g.waiting.Add(-1) }

// full reports whether a request that came now would be turned away.
func (g *gate) full() bool { return len(g.slots) == cap(g.slots) && g.waiting.Load() >= g.most }

// enter waits for the turn of a request, which exit ends.
func (g *gate) enter(ctx context.Context) error {
	select {
	case g.slots <- struct{}{}:
		return nil
	default:
	}
	if err := g.queue(); err != nil {
		return err
	}
	defer g.leave()
	select {
	case g.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g *gate) exit() { <-g.slots }

// run computes the outputs of in for inputs in the order of its model, when its turn comes.
func (s *Server) run(ctx context.Context, in *instance, inputs []kerasrun.Tensor) ([]kerasrun.Tensor, error) {
	n := batchOf(inputs)
	s.metrics.examples.add(float64(max(n, 1)), in.name())
	if in.batches != nil && n >= 1 && n < s.config.BatchMost {
		return s.runShared(ctx, in, inputs, n)
	}
	if err := s.gate.enter(ctx); err != nil {
		return nil, err
	}
	defer s.gate.exit()
	s.metrics.batches.observe(float64(max(n, 1)), in.name())
	return in.model.Predict(ctx, inputs...)
}

// batchOf is the number of examples, 0 where inputs disagree or have none.
func batchOf(inputs []kerasrun.Tensor) int {
	n := 0
	for i, t := range inputs {
		if len(t.Shape) == 0 || i > 0 && t.Shape[0] != n {
			return 0
		}
		n = t.Shape[0]
	}
	return n
}

// freeBatch reports whether every input and output of a model has a free first axis.
func freeBatch(m *kerasrun.Model) bool {
	fixed := func(io kerasrun.IO) bool { return len(io.Shape) == 0 || io.Shape[0] >= 0 }
	return len(m.Inputs()) > 0 && !slices.ContainsFunc(m.Inputs(), fixed) && !slices.ContainsFunc(m.Outputs(), fixed)
}

// A batcher gathers requests for one instance. Those of one group have inputs of the same types and share a prediction.
type batcher struct {
	mu   sync.Mutex
	open map[string]*group // by the types of the inputs; others may join them
}

func newBatcher() *batcher { return &batcher{open: map[string]*group{}} }

// A group is the requests that share a prediction.
type group struct {
	key     string
	members []*member
	rows    int
	full    chan struct{} // closed when nobody else fits
	done    chan struct{} // closed when the members have their answers
}

// A member is a request in a group.
type member struct {
	ctx    context.Context
	inputs []kerasrun.Tensor
	from   int // its first row
	rows   int
	out    []kerasrun.Tensor
	err    error
}

// runShared is run for a request of n examples that others may join.
func (s *Server) runShared(ctx context.Context, in *instance, inputs []kerasrun.Tensor, n int) ([]kerasrun.Tensor, error) {
	if err := s.gate.queue(); err != nil {
		return nil, err
	}
	defer s.gate.leave()
	m := &member{ctx: ctx, inputs: inputs, rows: n}
	g := s.join(in, m)
	select {
	case <-g.done:
		return m.out, m.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// join puts a request into an open group, or opens one.
func (s *Server) join(in *instance, m *member) *group {
	key := ""
	for _, t := range m.inputs {
		key += t.DType.String() + t.Shape[1:].String()
	}
	b, most := in.batches, s.config.BatchMost
	b.mu.Lock()
	defer b.mu.Unlock()
	g := b.open[key]
	if g != nil && g.rows+m.rows > most {
		b.shut(g)
		g = nil
	}
	if g == nil {
		g = &group{key: key, full: make(chan struct{}), done: make(chan struct{})}
		b.open[key] = g
		in.refs.Add(1) // the request that came holds it too
		go s.runGroup(in, g)
	}
	m.from = g.rows
	g.rows += m.rows
	g.members = append(g.members, m)
	if g.rows == most {
		b.shut(g)
	}
	return g
}

// shut lets nobody else into a group. The caller has the lock.
func (b *batcher) shut(g *group) {
	if b.open[g.key] == g {
		delete(b.open, g.key)
		close(g.full)
	}
}

// runGroup waits for the turn of a group, and while others run a little longer for more members, and answers them.
func (s *Server) runGroup(in *instance, g *group) {
	defer in.release()
	defer close(g.done)
	if len(s.gate.slots) > 0 {
		timer := time.NewTimer(s.config.BatchWait)
		select {
		case <-g.full:
		case <-timer.C:
		}
		timer.Stop()
	}
	s.gate.slots <- struct{}{} // every prediction has an end: so has this wait
	defer s.gate.exit()
	in.batches.mu.Lock()
	in.batches.shut(g)
	in.batches.mu.Unlock()
	defer func() {
		if r := recover(); r != nil {
			for _, m := range g.members {
				m.out, m.err = nil, panicked(r)
			}
		}
	}()
	s.metrics.batches.observe(float64(g.rows), in.name())
	g.run(in.model, s.config.BatchMost)
}

// run predicts for all members, until the last of them is out of time. The batch grows to a power of two, so that a
// model plans for few sizes.
func (g *group) run(m *kerasrun.Model, most int) {
	if len(g.members) == 1 {
		one := g.members[0]
		one.out, one.err = m.Predict(one.ctx, one.inputs...)
		return
	}
	var end time.Time
	for _, one := range g.members {
		if t, ok := one.ctx.Deadline(); ok && t.After(end) {
			end = t
		}
	}
	ctx, cancel := context.WithDeadline(context.Background(), end)
	defer cancel()
	size := 1
	for size < g.rows {
		size *= 2
	}
	size = max(g.rows, min(size, most))
	inputs := make([]kerasrun.Tensor, len(g.members[0].inputs))
	for i := range inputs {
		var parts []kerasrun.Tensor
		for _, one := range g.members {
			parts = append(parts, one.inputs[i])
		}
		for range size - g.rows {
			parts = append(parts, g.members[0].inputs[i].Rows(0, 1))
		}
		inputs[i] = kerasrun.ConcatRows(parts)
	}
	out, err := m.Predict(ctx, inputs...)
	if err != nil { // perhaps of one member's values: each for itself
		for _, one := range g.members {
			one.out, one.err = m.Predict(one.ctx, one.inputs...)
		}
		return
	}
	for _, one := range g.members {
		for _, t := range out {
			one.out = append(one.out, t.Rows(one.from, one.from+one.rows))
		}
	}
}

// agree reports whether two outputs are the same up to rounding.
func agree(a, b kerasrun.Tensor) bool {
	if a.DType != b.DType || !slices.Equal(a.Shape, b.Shape) {
		return false
	}
	if a.DType == kerasrun.String {
		return slices.Equal(a.Data.([]string), b.Data.([]string))
	}
	most := 0.0
	for i := range b.Len() {
		if x := math.Abs(b.Float(i)); !math.IsInf(x, 0) {
			most = max(most, x)
		}
	}
	for i := range a.Len() {
		x, y := a.Float(i), b.Float(i)
		same := x == y || math.IsNaN(x) && math.IsNaN(y)
		if !same && !(math.Abs(x-y) <= 1e-4*most) {
			return false
		}
	}
	return true
}
