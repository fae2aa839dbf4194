package runtime

import (
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/kerasrun/kerasrun/runtime/plan"
	"github.com/kerasrun/kerasrun/runtime/step"
)

// A worker has the scratch memory of one thread of a session.
type worker struct {
	scratch []float32
	err     error
}

// runStep does all chunks of one step, on the session's workers when there is
// enough to share. A panic in a step becomes an error that names it.
func (s *session) runStep(i int) error {
	st := &s.plan.Steps[i]
	chunks := st.Chunks()
	n := min(len(s.workers), chunks)
	if n <= 1 {
		return s.workers[0].chunks(st, &s.args[i], chunks, nil)
	}
	s.next.Store(0)
	var wg sync.WaitGroup
	for w := 1; w < n; w++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			s.workers[w].err = s.workers[w].chunks(st, &s.args[i], chunks, &s.next)
		}()
	}
	err := s.workers[0].chunks(st, &s.args[i], chunks, &s.next)
	wg.Wait()
	for w := 1; w < n && err == nil; w++ {
		err = s.workers[w].err
	}
	return err
}

// chunks runs all chunks, or those it claims from next.
func (w *worker) chunks(st *plan.Step, a *step.Args, n int, next *atomic.Int64) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("layer %s: %s: internal error: %v\n%s", st.Layers[0], st.Describe(), r, debug.Stack())
		}
	}()
	for c := 0; ; c++ {
		if next != nil {
			c = int(next.Add(1)) - 1
		}
		if c >= n {
			return nil
		}
		if err := st.Run(a, c, w.scratch); err != nil {
			return fmt.Errorf("layer %s: %w", st.Layers[0], err)
		}
	}
}
