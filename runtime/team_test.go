package runtime

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	goruntime "runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/plan"
	"github.com/kerasrun/kerasrun/runtime/step"
)

// fakeStep is a step of which a test writes the chunks.
type fakeStep struct {
	chunks int
	run    func(chunk int, scratch []float32) error
}

func (f *fakeStep) Chunks() int     { return f.chunks }
func (f *fakeStep) Info() step.Info { return step.Info{} }
func (f *fakeStep) Run(_ *step.Args, chunk int, scratch []float32) error {
	return f.run(chunk, scratch)
}

// fakePlan is a plan whose steps are those of layers s0, s1 and so on.
func fakePlan(steps ...*fakeStep) *plan.Plan {
	p := &plan.Plan{Scratch: 1}
	for i, s := range steps {
		p.Steps = append(p.Steps, plan.Step{Step: s, Op: graph.Reshape{}, Layers: []string{fmt.Sprintf("s%d", i)}})
	}
	return p
}

// processors lets Go use n processors during a test.
func processors(t testing.TB, n int) {
	old := goruntime.GOMAXPROCS(n)
	t.Cleanup(func() { goruntime.GOMAXPROCS(old) })
}

// A trial is a session over random steps that count how often each chunk ran,
// and that may fail in one step.
type trial struct {
	s      *session
	runs   [][]int32 // by step and chunk
	early  atomic.Int32
	fails  int // the step that fails, or -1
	lowest int // its lowest chunk that does
	panics bool
}

func newTrial(r *rand.Rand, threads int) *trial {
	tr := &trial{fails: -1}
	steps := make([]*fakeStep, 1+r.IntN(20))
	tr.runs = make([][]int32, len(steps))
	if r.IntN(3) == 0 {
		tr.fails, tr.panics = r.IntN(len(steps)), r.IntN(2) == 0
	}
	for i := range steps {
		n := 1 + r.IntN(50)
		if r.IntN(3) == 0 {
			n = 1
		}
		if i == tr.fails {
			tr.lowest = r.IntN(n)
		}
		tr.runs[i] = make([]int32, n)
		work := r.IntN(2000)
		steps[i] = &fakeStep{n, func(chunk int, scratch []float32) error {
			// Not atomic: the race detector finds scratch that two workers share,
			// a chunk that runs twice and a step that begins before its predecessor ended.
			tr.runs[i][chunk]++
			for range work {
				scratch[0]++
			}
			if i > 0 {
				for _, n := range tr.runs[i-1] {
					if n != tr.runs[i][chunk] {
						tr.early.Add(1)
					}
				}
			}
			if i == tr.fails && chunk >= tr.lowest {
				if tr.panics {
					panic(fmt.Sprint("chunk ", chunk))
				}
				return fmt.Errorf("chunk %d: %w", chunk, errTrial)
			}
			return nil
		}}
	}
	tr.s = newSession(fakePlan(steps...), threads)
	return tr
}

var errTrial = errors.New("trial")

// check runs the trial once more, the time-th.
func (tr *trial) check(time int32) error {
	err := tr.s.run(context.Background(), nil, nil)
	for i, chunks := range tr.runs {
		want := time
		if tr.fails >= 0 && i > tr.fails {
			want = 0
		}
		for c, n := range chunks {
			// A thread alone leaves out what comes after the error.
			if n != want && !(i == tr.fails && c > tr.lowest && n < time) {
				return fmt.Errorf("chunk %d of step %d of %d ran %d times, want %d", c, i, len(tr.runs), n, want)
			}
		}
	}
	if n := tr.early.Load(); n > 0 {
		return fmt.Errorf("%d chunks ran before the step before them ended", n)
	}
	if tr.fails < 0 {
		return err
	}
	want := fmt.Sprintf("layer s%d: chunk %d: trial", tr.fails, tr.lowest)
	if tr.panics {
		want = fmt.Sprintf("layer s%d: Reshape: internal error: chunk %d\n", tr.fails, tr.lowest)
	}
	if err == nil || len(err.Error()) < len(want) || err.Error()[:len(want)] != want || errors.Is(err, errTrial) == tr.panics {
		return fmt.Errorf("error %v, want %s", err, want)
	}
	return nil
}

// Eight callers with sessions of 1 to 4 threads: every chunk runs once, after
// the step before it, and the error is the one that a single thread meets.
func TestTeamStress(t *testing.T) {
	processors(t, 4)
	processTeam.crowd = 8 // a caller takes the team while others run alone
	t.Cleanup(func() { processTeam.crowd = 1 })
	var wg sync.WaitGroup
	errs := make(chan error, 8)
	for g := range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			r := rand.New(rand.NewPCG(1, uint64(g)))
			for range 100 {
				tr := newTrial(r, 1+r.IntN(4))
				for time := range int32(3) {
					if tr.fails >= 0 && time > 0 {
						break
					}
					if err := tr.check(time + 1); err != nil {
						errs <- err
						return
					}
				}
			}
		}()
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		t.Error(err)
	}
	require.False(t, processTeam.busy.Load())
	require.Zero(t, processTeam.word.Load())
	require.Zero(t, processTeam.callers.Load())
}

// While another caller runs, a prediction leaves the team alone.
func TestCrowd(t *testing.T) {
	processors(t, 2)
	var entered, release sync.WaitGroup
	entered.Add(1)
	release.Add(1)
	other := newSession(fakePlan(&fakeStep{1, func(int, []float32) error { entered.Done(); release.Wait(); return nil }}, &fakeStep{2, func(int, []float32) error { return nil }}), 2)
	other.gauge.skip = 1 // it runs alone
	done := make(chan error)
	go func() { done <- other.run(context.Background(), nil, nil) }()
	entered.Wait()
	s := newSession(fakePlan(&fakeStep{9, func(_ int, scratch []float32) error { scratch[0]++; return nil }}), 2)
	require.NoError(t, s.run(context.Background(), nil, nil))
	require.Equal(t, float32(9), s.scratch[0][0])
	require.False(t, processTeam.busy.Load())
	release.Done()
	require.NoError(t, <-done)
}

// A run that has the team to itself does work on all its threads: each of two
// chunks waits for the other to begin.
func TestTeamIsParallel(t *testing.T) {
	processors(t, 2)
	for range 20 {
		var began sync.WaitGroup
		began.Add(2)
		s := newSession(fakePlan(&fakeStep{2, func(int, []float32) error {
			began.Done()
			began.Wait()
			return nil
		}}), 2)
		require.NoError(t, s.run(context.Background(), nil, nil))
	}
}

// A prediction that begins while the team is busy, even inside a step of the
// team's run, runs on its own thread.
func TestBusyTeam(t *testing.T) {
	processors(t, 3)
	var inner []*session
	outer := &fakeStep{chunks: 6}
	outer.run = func(chunk int, _ []float32) error {
		return inner[chunk].run(context.Background(), nil, nil)
	}
	for range outer.chunks {
		var s *session
		s = newSession(fakePlan(&fakeStep{9, func(chunk int, scratch []float32) error {
			if &scratch[0] != &s.scratch[0][0] {
				return errors.New("another worker helps")
			}
			scratch[0]++
			return nil
		}}), 3)
		inner = append(inner, s)
	}
	require.NoError(t, newSession(fakePlan(outer), 3).run(context.Background(), nil, nil))
	for _, s := range inner {
		require.Len(t, s.scratch, 3)
		require.Equal(t, float32(9), s.scratch[0][0])
	}
}

// A session has no more threads than Go uses processors or a step has chunks.
func TestSessionThreads(t *testing.T) {
	processors(t, 3)
	nothing := func(int, []float32) error { return nil }
	for _, c := range []struct{ chunks, threads, want int }{{9, 1, 1}, {9, 2, 2}, {9, 100, 3}, {2, 3, 2}, {1, 3, 1}, {9, 0, 1}} {
		s := newSession(fakePlan(&fakeStep{1, nothing}, &fakeStep{c.chunks, nothing}), c.threads)
		require.Len(t, s.scratch, c.want, "%+v", c)
	}
}

// A run ends between two chunks: each thread ends the one that it is in.
func TestCancelBetweenChunks(t *testing.T) {
	processors(t, 2)
	for threads := range 3 {
		for _, chunks := range []int{1, 8} {
			ctx, cancel := context.WithCancel(context.Background())
			var before, after atomic.Int32
			s := newSession(fakePlan(
				&fakeStep{8, func(int, []float32) error { before.Add(1); return nil }},
				&fakeStep{chunks, func(int, []float32) error { before.Add(1); cancel(); return nil }},
				&fakeStep{8, func(int, []float32) error { after.Add(1); return nil }},
			), threads)
			require.ErrorIs(t, s.run(ctx, nil, nil), context.Canceled)
			begun := before.Load()
			require.LessOrEqual(t, begun, int32(8+min(chunks, max(1, threads))))
			require.Greater(t, begun, int32(8))
			require.ErrorIs(t, s.run(ctx, nil, nil), context.Canceled)
			require.Equal(t, begun, before.Load(), "a context that is done begins no chunk")
			require.Zero(t, after.Load())
			cancel()
		}
	}
}

// Goexit in a step (a custom layer that calls testing's FailNow) ends the
// goroutine it happens on and leaves the team usable.
func TestGoexitInStep(t *testing.T) {
	processors(t, 3)
	for _, chunks := range []int{1, 12} {
		for range 50 {
			s := newSession(fakePlan(
				&fakeStep{3, func(int, []float32) error { return nil }},
				&fakeStep{chunks, func(chunk int, _ []float32) error {
					if chunk == 0 {
						goruntime.Goexit()
					}
					return nil
				}},
			), 3)
			gone := make(chan error, 1)
			go func() {
				err := errExit // the caller's own goroutine ended
				defer func() { gone <- err }()
				err = s.run(context.Background(), nil, nil)
			}()
			require.ErrorIs(t, <-gone, errExit)
			require.Eventually(t, func() bool { return !processTeam.busy.Load() }, time.Minute, time.Microsecond)
		}
	}
	ran := make([]int32, 50)
	s := newSession(fakePlan(&fakeStep{50, func(chunk int, _ []float32) error { ran[chunk]++; return nil }}), 3)
	require.NoError(t, s.run(context.Background(), nil, nil))
	require.NotContains(t, ran, int32(0))
}

// Runs finish when other goroutines want the processors, and on one processor.
func TestOversubscribedTeam(t *testing.T) {
	processors(t, 4)
	var stop atomic.Bool
	var wg sync.WaitGroup
	for range 3 * goruntime.NumCPU() {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for !stop.Load() {
			}
		}()
	}
	defer wg.Wait()
	defer stop.Store(true)
	r := rand.New(rand.NewPCG(2, 3))
	for range 10 {
		tr := newTrial(r, 4)
		require.NoError(t, tr.check(1))
	}
	stop.Store(true)
	late := newTrial(r, 4)
	goruntime.GOMAXPROCS(1)
	require.NoError(t, late.check(1))
}
