package runtime

import (
	"strconv"
	"time"

	"github.com/kerasrun/kerasrun/runtime/plan"
)

// A PlanStep describes one step of a plan.
type PlanStep struct {
	// Op is what is computed, with what was fused: "Conv + bias + relu".
	Op      string
	Kernel  string   // "conv/generic 4x8"
	Layers  []string // Keras layers whose work it does, the op's own first
	Outputs []IO     // results, numbered; of one part of the batch
	// Parts is the number of parts of the batch that the step runs for, one after
	// the other or on several threads, each followed by the next steps of its
	// chain: 1 when it runs for the whole batch.
	Parts  int
	Chunks int   // parts that threads share, at most one thread a part
	FLOPs  int64 // multiplications and additions of one run
	Bytes  int64 // of operands, weights and results
	// Estimate is how long the cost model thinks that the step takes on one core.
	Estimate time.Duration
}

// A PlanInfo describes how the model runs on inputs of given shapes.
type PlanInfo struct {
	Steps []PlanStep
	Bytes int64 // memory that the values of one run on one thread need, weights apart
}

// PlanInfo describes the steps for inputs of the given shapes, batch included, in
// the order of m.Inputs.
func (m *Model) PlanInfo(shapes ...Shape) (PlanInfo, error) {
	if m.closed.Load() {
		return PlanInfo{}, ErrClosed
	}
	p, err := m.plan(shapes)
	if err != nil {
		return PlanInfo{}, inputError(err)
	}
	return planInfo(p), nil
}

func planInfo(p *plan.Plan) PlanInfo {
	return PlanInfo{Steps: planSteps(nil, p, 1), Bytes: p.Bytes}
}

// planSteps appends the steps of p, which runs for so many parts of the batch,
// those of chains one by one.
func planSteps(to []PlanStep, p *plan.Plan, parts int) []PlanStep {
	for i := range p.Steps {
		s := &p.Steps[i]
		if s.Chain != nil {
			to = planSteps(to, s.Chain.Plan, s.Chain.Parts)
			continue
		}
		about := s.Info()
		ps := PlanStep{Op: s.Describe(), Kernel: about.Kernel, Layers: s.Layers, Parts: parts, Chunks: s.Chunks(),
			FLOPs: int64(parts) * about.FLOPs, Bytes: int64(parts) * about.Bytes, Estimate: time.Duration(float64(parts) * about.Nanoseconds)}
		if parts > 1 {
			ps.Chunks = parts
		}
		for _, v := range s.Out {
			ps.Outputs = append(ps.Outputs, IO{strconv.Itoa(len(ps.Outputs)), p.Slots[v].DType, p.Slots[v].Shape.Clone()})
		}
		to = append(to, ps)
	}
	return to
}
