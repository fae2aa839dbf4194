package runtime

import (
	"context"
	"time"
)

// A StepTime is a step and how long it took.
type StepTime struct {
	PlanStep
	Time time.Duration // wall time, on all threads of the model
}

// Profile runs as Run does, then once more step by step, and returns the time of
// each step. Clocks and the wait for all threads after each step are in the
// times, so that their sum is somewhat more than Run takes. It allocates.
func (s *Session) Profile(ctx context.Context, in, out []Tensor) ([]StepTime, error) {
	if err := s.Run(ctx, in, out); err != nil { // checks in and out, and warms the caches
		return nil, err
	}
	shapes := make([]Shape, len(in))
	for i, t := range in {
		shapes[i] = t.Shape
	}
	info, err := s.m.PlanInfo(shapes...)
	if err != nil {
		return nil, err
	}
	times := make([]StepTime, len(info.Steps))
	for i, about := range info.Steps {
		times[i].PlanStep = about
	}
	if err := s.s.profile(ctx, in, times); err != nil {
		return nil, err
	}
	return times, nil
}

// profile runs the steps one by one on inputs that fit, and leaves the outputs where they are.
func (s *session) profile(ctx context.Context, in []Tensor, times []StepTime) error {
	for k, refs := range s.inputs {
		for _, r := range refs {
			s.args[r.step].In[r.index].Data = in[k].Data
		}
	}
	defer s.release()
	for i := range s.plan.Steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		start := time.Now()
		if err := s.runStep(i); err != nil {
			return err
		}
		times[i].Time = time.Since(start)
	}
	return nil
}
