package runtime

import (
	"context"
	"slices"
	"time"

	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/plan"
	"github.com/kerasrun/kerasrun/runtime/step"
)

// A chain runs a plan.Chain for one session: each thread has buffers of its own
// for the values of one part of the batch.
type chain struct {
	threads []*session
	in      [][]graph.Tensor // by thread: the inputs of the part that it runs
	out     [][]graph.Tensor // by part: the outputs
	parts   [][]graph.Tensor // by part: the inputs; without data for those of the caller
}

// newChain makes the buffers for step st, whose operands are args.
func newChain(st *plan.Step, args *step.Args, threads int) *chain {
	inner := st.Chain.Plan
	// part is part n of one of the operands or results, whose slot is that of the inner plan.
	part := func(n, slot int, of graph.Tensor) graph.Tensor {
		t := graph.Tensor{DType: graph.Float32, Shape: inner.Slots[slot].Shape}
		if size, _ := t.Shape.Elems(); of.Data != nil {
			t.Data = partOf(of, n, size)
		}
		return t
	}
	c := &chain{}
	for n := range st.Chain.Parts {
		var in, out []graph.Tensor
		for k, slot := range inner.Inputs {
			in = append(in, part(n, slot, args.In[k]))
		}
		for k, slot := range inner.Outputs {
			out = append(out, part(n, slot, args.Out[k]))
		}
		c.parts, c.out = append(c.parts, in), append(c.out, out)
	}
	for range threads {
		c.threads = append(c.threads, newSession(inner, 1))
		in := slices.Clone(c.parts[0])
		for k := range in {
			if size, _ := in[k].Shape.Elems(); in[k].Data == nil {
				in[k].Data = make([]float32, size)
			}
		}
		c.in = append(c.in, in)
	}
	return c
}

// partOf is part number n of a batch, of size elements.
func partOf(t graph.Tensor, n, size int) []float32 {
	return t.Data.([]float32)[n*size:][:size:size]
}

// run runs a part on the buffers of a thread. The part of an input of the caller
// is copied: the header of a slice of it would have to be allocated.
func (c *chain) run(ctx context.Context, args *step.Args, part, thread int) error {
	in := c.in[thread]
	for k, t := range c.parts[part] {
		if t.Data != nil {
			in[k].Data = t.Data
			continue
		}
		own := in[k].Data.([]float32)
		copy(own, partOf(args.In[k], part, len(own)))
	}
	return c.threads[thread].run(ctx, in, c.out[part])
}

// runChunks runs some of the chunks lo to hi-1 of step i on a thread, from lo on,
// and returns the first that it left.
func (s *session) runChunks(ctx context.Context, i, lo, hi, thread int) (int, error) {
	if c := s.chains[i]; c != nil {
		return lo + 1, c.run(ctx, &s.args[i], lo, thread)
	}
	st := &s.plan.Steps[i]
	next, err := step.RunFrom(st.Step, &s.args[i], lo, hi, s.scratch[thread])
	if err != nil {
		return next, stepError(st, err)
	}
	return next, nil
}

// runStep runs all of step i on the caller's thread.
func (s *session) runStep(ctx context.Context, i int) error {
	for c, n := 0, s.plan.Steps[i].Chunks(); c < n; {
		if err := ctx.Err(); err != nil {
			return err
		}
		var err error
		if c, err = s.runChunks(ctx, i, c, n, 0); err != nil {
			return err
		}
	}
	return nil
}

// setClock makes the runs of s stop a clock, and those of its chains one each; nil for none.
func (s *session) setClock(clock *stepClock) {
	s.clock = clock
	for _, c := range s.chains {
		if c == nil {
			continue
		}
		for _, t := range c.threads {
			t.clock = nil
			if clock != nil {
				t.clock = &stepClock{times: make([]StepTime, len(t.plan.Steps))}
			}
		}
	}
}

// times are the times of the steps on all threads together.
func (c *chain) times() []time.Duration {
	sums := make([]time.Duration, len(c.threads[0].plan.Steps))
	for _, t := range c.threads {
		for i := range sums {
			sums[i] += t.clock.times[i].Time
		}
	}
	return sums
}
