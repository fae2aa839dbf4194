package runtime

import (
	"context"
	"fmt"
	goruntime "runtime"

	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/plan"
	"github.com/kerasrun/kerasrun/runtime/step"
	"github.com/kerasrun/kerasrun/runtime/weight"
)

// A session holds the buffers of one caller for one plan. It is not safe for
// concurrent use.
type session struct {
	plan    *plan.Plan
	arena   []float32
	tensors []graph.Tensor // by slot; inputs are set by each run
	args    []step.Args    // by step
	chains  []*chain       // by step; nil for those that are none
	inputs  [][]operand    // by input: the operands that read it
	scratch [][]float32    // by thread of a run, of which there is one or more
	gauge   gauge
	clock   *stepClock // of a run that is profiled, else nil
	// remembers says that a run begins with the states that the one before left,
	// and not with zeros.
	remembers bool
}

// An operand is a place in args that an input tensor goes to.
type operand struct {
	step, index int
	slot        int
}

// newSession makes the buffers for a run of p on as many of the threads as Go
// uses processors and as a step has chunks.
func newSession(p *plan.Plan, threads int) *session {
	chunks := 1
	for i := range p.Steps {
		chunks = max(chunks, p.Steps[i].Chunks())
	}
	threads = max(1, min(threads, chunks, goruntime.GOMAXPROCS(0)))
	s := &session{
		plan:    p,
		arena:   weight.Zeros(p.Arena),
		tensors: make([]graph.Tensor, len(p.Slots)),
		args:    make([]step.Args, len(p.Steps)),
		chains:  make([]*chain, len(p.Steps)),
		inputs:  make([][]operand, len(p.Inputs)),
		scratch: make([][]float32, threads),
	}
	buffers := map[int]any{}
	for i, slot := range p.Slots {
		t := graph.Tensor{DType: slot.DType, Shape: slot.Shape}
		switch slot.Place {
		case plan.InArena:
			n := slot.Span()
			t.Data = s.arena[slot.Offset : slot.Offset+n : slot.Offset+n]
		case plan.InBuffer:
			if buffers[slot.Offset] == nil {
				buffers[slot.Offset] = graph.NewTensor(slot.DType, slot.Shape).Data
			}
			t.Data = buffers[slot.Offset]
		case plan.InState:
			t = graph.NewTensor(slot.DType, slot.Shape)
		case plan.InConst:
			if slot.Tensor != nil {
				t = *slot.Tensor
			}
		}
		s.tensors[i] = t
	}
	for i, st := range p.Steps {
		a := step.Args{In: make([]graph.Tensor, len(st.In)), Out: make([]graph.Tensor, len(st.Out))}
		for j, v := range st.In {
			a.In[j] = s.tensors[v]
			if slot := p.Slots[v]; slot.Place == plan.InInput {
				s.inputs[slot.Offset] = append(s.inputs[slot.Offset], operand{i, j, v})
			}
		}
		for j, v := range st.Out {
			a.Out[j] = s.tensors[v]
		}
		s.args[i] = a
	}
	for i := range s.scratch {
		s.scratch[i] = weight.Zeros(p.Scratch)
	}
	for i := range p.Steps {
		if p.Steps[i].Chain != nil {
			s.chains[i] = newChain(&p.Steps[i], &s.args[i], threads)
		}
	}
	return s
}

// run executes the plan: in are the inputs, out receives the outputs. Both have
// been checked against the plan.
func (s *session) run(ctx context.Context, in, out []graph.Tensor) error {
	for k, refs := range s.inputs {
		for _, r := range refs {
			s.args[r.step].In[r.index].Data = in[k].Data
		}
	}
	defer s.release()
	s.clock.begin()
	if err := s.runSteps(ctx); err != nil {
		return err
	}
	for i, v := range s.plan.Outputs {
		src := s.tensors[v]
		if slot := s.plan.Slots[v]; slot.Place == plan.InInput {
			src.Data = in[slot.Offset].Data
		}
		copyData(out[i].Data, src.Data)
	}
	if s.remembers {
		for _, st := range s.plan.States {
			copyData(s.tensors[st.First].Data, s.tensors[st.Last].Data)
		}
	}
	return nil
}

// release forgets the caller's tensors, so that they can be collected.
func (s *session) release() {
	for _, refs := range s.inputs {
		for _, r := range refs {
			s.args[r.step].In[r.index].Data = nil
		}
	}
}

// copyData copies a tensor's elements to another of the same type and length.
func copyData(dst, src any) {
	switch d := dst.(type) {
	case []float32:
		copy(d, src.([]float32))
	case []float64:
		copy(d, src.([]float64))
	case []uint16:
		copy(d, src.([]uint16))
	case []int8:
		copy(d, src.([]int8))
	case []int16:
		copy(d, src.([]int16))
	case []int32:
		copy(d, src.([]int32))
	case []int64:
		copy(d, src.([]int64))
	case []uint8:
		copy(d, src.([]uint8))
	case []uint32:
		copy(d, src.([]uint32))
	case []uint64:
		copy(d, src.([]uint64))
	case []bool:
		copy(d, src.([]bool))
	case []string:
		copy(d, src.([]string))
	}
}

// A Session runs one model for one caller with inputs of fixed shapes: after
// the first Run it allocates nothing. Make one for each goroutine.
//
// Layers with stateful=True begin each Run with the states that the Run before
// left, as Keras does from batch to batch: see [Session.State].
type Session struct {
	m     *Model
	s     *session
	steps []StepTime // what Profile knows of the steps before it measures
}

// NewSession plans m for inputs of the given shapes, batch included, in the order of m.Inputs.
func (m *Model) NewSession(shapes ...Shape) (*Session, error) {
	if m.closed.Load() {
		return nil, ErrClosed
	}
	p, err := m.plan(shapes)
	if err != nil {
		return nil, inputError(err)
	}
	s := newSession(p, m.threads)
	s.remembers = true
	return &Session{m: m, s: s}, nil
}

// Outputs returns tensors of zeros that fit Run's out.
func (s *Session) Outputs() []Tensor {
	return newOutputs(s.s.plan, len(s.m.prog.Graph.Outputs))
}

// Run computes the outputs for the inputs in, in the order of the model's, and
// writes them into out, whose tensors must have the outputs' types and shapes.
// It keeps no reference to either.
func (s *Session) Run(ctx context.Context, in, out []Tensor) error {
	if s.m.closed.Load() {
		return ErrClosed
	}
	p := s.s.plan
	if len(in) != len(p.Inputs) || len(out) != len(p.Outputs) {
		return fmt.Errorf("%w: %d inputs and %d outputs, want %d and %d", ErrInput, len(in), len(out), len(p.Inputs), len(p.Outputs))
	}
	for i, v := range p.Inputs {
		if err := fits(in[i], p.Slots[v].Type); err != nil {
			return fmt.Errorf("%w: input %q: %w", ErrInput, s.m.prog.Graph.Inputs[i].Name, err)
		}
	}
	for i, v := range p.Outputs {
		if err := fits(out[i], p.Slots[v].Type); err != nil {
			return fmt.Errorf("%w: output %d: %w", ErrInput, i, err)
		}
	}
	return s.s.run(ctx, in, out)
}

// fits checks that t has exactly type want.
func fits(t Tensor, want graph.Type) error {
	if t.DType != want.DType {
		return fmt.Errorf("%w: it is %v, want %v", graph.ErrDType, t.DType, want.DType)
	}
	if len(t.Shape) != len(want.Shape) {
		return fmt.Errorf("%w: it is %v, want %v", ErrShape, t.Shape, want.Shape)
	}
	for i, d := range t.Shape {
		if d != want.Shape[i] {
			return fmt.Errorf("%w: it is %v, want %v", ErrShape, t.Shape, want.Shape)
		}
	}
	return t.Check()
}

// newOutputs allocates the first n outputs of a plan.
func newOutputs(p *plan.Plan, n int) []Tensor {
	out := make([]Tensor, n)
	for i := range out {
		t := p.Slots[p.Outputs[i]].Type
		out[i] = graph.NewTensor(t.DType, t.Shape)
	}
	return out
}
