package runtime

import (
	"context"
	"slices"
	"time"

	"github.com/kerasrun/kerasrun/runtime/step"
)

// PeakFLOPS measures, in some milliseconds, the most float32 multiplications and
// additions that one core of this machine does in a second: what the rate of a
// step can be compared with. Winograd's convolutions are counted as direct ones
// and can exceed it.
func PeakFLOPS() float64 { return step.PeakFLOPS() }

// A StepTime is a step and how long it took.
type StepTime struct {
	PlanStep
	Time time.Duration // wall time, on all threads of the model
}

// Profile runs as Run does and returns the time of each step: from the end of
// the step before it, so that they add up to the run. It reads the clock once a
// step, which takes some 50 ns. It allocates.
func (s *Session) Profile(ctx context.Context, in, out []Tensor) ([]StepTime, error) {
	if s.steps == nil {
		for _, about := range planInfo(s.s.plan).Steps {
			s.steps = append(s.steps, StepTime{PlanStep: about})
		}
	}
	times := slices.Clone(s.steps)
	s.s.setClock(&stepClock{times: times})
	defer s.s.setClock(nil)
	if err := s.Run(ctx, in, out); err != nil {
		return nil, err
	}
	return times, nil
}

// A stepClock takes the times of the steps of one run. Whichever thread ends a
// step stops it.
type stepClock struct {
	times []StepTime // those of chains one by one
	at    int        // of times
	start time.Time  // of the run
	last  time.Duration
}

// begin begins a run; on a nil clock, nothing.
func (c *stepClock) begin() {
	if c != nil {
		c.at, c.last, c.start = 0, 0, time.Now()
	}
}

// stop adds the time since the step before it to the next step. When that is
// ch, its steps share the time as they took it on all threads together.
func (c *stepClock) stop(ch *chain) {
	if c == nil {
		return
	}
	now := time.Since(c.start)
	took := now - c.last
	c.last = now
	if ch == nil {
		c.times[c.at].Time += took
		c.at++
		return
	}
	sums := ch.times()
	var all time.Duration
	for _, t := range sums {
		all += t
	}
	for _, t := range sums {
		c.times[c.at].Time += time.Duration(float64(took) * float64(t) / float64(max(all, 1)))
		c.at++
	}
}
