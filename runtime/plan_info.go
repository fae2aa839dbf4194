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
	Outputs []IO     // results, numbered
	Chunks  int      // parts that threads share, at most one thread a part
	FLOPs   int64    // multiplications and additions of one run
	Bytes   int64    // of operands, weights and results
	// Estimate is how long the cost model thinks that the step takes on one core.
	Estimate time.Duration
}

// A PlanInfo describes how the model runs on inputs of given shapes.
type PlanInfo struct {
	Steps []PlanStep
	Bytes int64 // memory that the values of one run need, weights apart
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
	info := PlanInfo{Bytes: p.Bytes}
	for _, s := range p.Steps {
		about := s.Info()
		ps := PlanStep{Op: s.Describe(), Kernel: about.Kernel, Layers: s.Layers, Chunks: s.Chunks(), FLOPs: about.FLOPs, Bytes: about.Bytes,
			Estimate: time.Duration(about.Nanoseconds)}
		for _, v := range s.Out {
			ps.Outputs = append(ps.Outputs, IO{strconv.Itoa(len(ps.Outputs)), p.Slots[v].DType, p.Slots[v].Shape.Clone()})
		}
		info.Steps = append(info.Steps, ps)
	}
	return info
}
