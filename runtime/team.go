package runtime

import (
	"context"
	"errors"
	"fmt"
	goruntime "runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/plan"
)

// A team runs the steps of one session at a time on several threads. Its
// workers live as long as the process. All of them walk the same list of steps
// and claim chunks, several at a time while many are left; a step ends with the last
// chunk that was claimed, so a worker that the operating system does not run holds
// nothing up, and whoever ends a step begins the next.
//
// The word that chunks are claimed from holds all that a worker must know before
// it claims. Workers outlive runs: one that read the word, was stopped, and
// claims when another session runs has still claimed a chunk of that session's,
// and reads which only afterwards.
type team struct {
	callers atomic.Int32 // in runs of sessions of more than one thread
	crowd   int32        // with more callers than that, each runs alone
	_       [56]byte
	busy    atomic.Bool
	_       [60]byte
	word    atomic.Uint64 // an offer; 0 between runs
	_       [56]byte
	done    atomic.Uint32 // chunks of this step that ended
	_       [60]byte

	// The run. Whoever ends a step may write these until word offers the next.
	ctx        context.Context
	session    *session
	step, last int
	chunks     uint32 // of step

	mu     sync.Mutex // of the two below, while chunks run
	err    error
	failed int // the chunk that err is of

	lead  *seat   // of the caller, who is worker 0
	seats []*seat // of workers 1 and up; appended to between runs
}

// An offer is what workers claim chunks from: threads of the run << 48 | first
// chunk nobody claimed << 24 | first chunk after it that somebody did. Every
// other worker claims from the end, so that two of them meet the same weights
// and the same part of an image in the same core's cache, run after run and step
// after step.
type offer uint64

const chunkBits = 24

func newOffer(threads, chunks int) offer { return offer(threads)<<(2*chunkBits) | offer(chunks) }

func (o offer) threads() int { return int(o >> (2 * chunkBits)) }

// bounds are the chunks that nobody claimed.
func (o offer) bounds() (first, end int) {
	const mask = 1<<chunkBits - 1
	return int(o >> chunkBits & mask), int(o & mask)
}

// claim is the chunks lo to hi-1 that worker w claims and what is left then; lo is hi
// if there is nothing for it. It is half of the worker's share of what is left: chunks
// cost less together, and the last ones, one at a time, let all workers end together.
func (o offer) claim(w int) (lo, hi int, left offer) {
	first, end := o.bounds()
	threads := o.threads()
	if first == end || w >= threads {
		return 0, 0, o
	}
	n := max(1, (end-first)/(2*threads))
	if w%2 == 0 {
		return first, first + n, o + offer(n)<<chunkBits
	}
	return end - n, end, o - offer(n)
}

func newTeam() *team { return &team{lead: newSeat(), crowd: 1} }

// processTeam is the only team: two would fight for the same processors. While
// it is busy, other predictions run on one thread each.
var processTeam = newTeam()

// errExit reports that a custom layer called runtime.Goexit (testing's FailNow does).
var errExit = errors.New("the layer ended its goroutine")

// runSteps runs the plan, on the team when the session has more than one thread,
// no other caller runs anything, and it has been worth it.
func (s *session) runSteps(ctx context.Context) error {
	if len(s.scratch) == 1 {
		return s.runAlone(ctx)
	}
	callers := processTeam.callers.Add(1)
	defer processTeam.callers.Add(-1)
	if callers > processTeam.crowd {
		return s.runAlone(ctx)
	}
	start := time.Now()
	team := s.gauge.team() && processTeam.busy.CompareAndSwap(false, true)
	var err error
	if team {
		err = processTeam.run(ctx, s)
	} else {
		err = s.runAlone(ctx)
	}
	s.gauge.ran(team, time.Since(start))
	return err
}

// runAlone runs the plan on the caller's thread.
func (s *session) runAlone(ctx context.Context) (err error) {
	i := 0
	defer func() {
		if r := recover(); r != nil {
			err = panicError(&s.plan.Steps[i], r)
		}
	}()
	for ; i < len(s.plan.Steps); i++ {
		if err := s.runStep(ctx, i); err != nil {
			return err
		}
		s.clock.stop(s.chains[i])
	}
	return nil
}

func stepError(st *plan.Step, err error) error {
	return fmt.Errorf("layer %s: %w", st.Layers[0], err)
}

func panicError(st *plan.Step, r any) error {
	if c, ok := st.Op.(graph.Call); ok {
		return fmt.Errorf("layer %s: the Go function %q panicked: %v\n%s", st.Layers[0], c.Name, r, debug.Stack())
	}
	return fmt.Errorf("layer %s: %s: internal error: %v\n%s", st.Layers[0], st.Describe(), r, debug.Stack())
}

// run runs steps on the team, which the caller has made busy.
func (t *team) run(ctx context.Context, s *session) error {
	t.ctx, t.session, t.step, t.last = ctx, s, -1, len(s.plan.Steps)
	for w := len(t.seats) + 1; w < len(s.scratch); w++ {
		own := newSeat()
		t.seats = append(t.seats, own)
		go t.worker(w, own)
	}
	defer t.release()
	ended := false
	defer func() {
		if !ended { // errExit: nobody may use the session when its caller is gone
			t.finish(0, t.lead)
			t.work(0, t.lead)
		}
	}()
	if s.gauge.parts() {
		for _, seat := range t.seats {
			seat.part()
		}
	}
	t.next(0, t.lead)
	t.work(0, t.lead)
	ended = true
	return t.err
}

// release forgets the run and lets others use the team.
func (t *team) release() {
	t.ctx, t.session, t.err = nil, nil, nil
	t.busy.Store(false)
}

// worker is worker w of the team for the life of the process.
func (t *team) worker(w int, own *seat) {
	defer func() { // errExit: a new goroutine takes the seat
		t.finish(w, own)
		go t.worker(w, own)
	}()
	t.work(w, own)
}

// work claims chunks and runs them; for the caller, until the run is over.
func (t *team) work(w int, own *seat) {
	for {
		word := t.word.Load()
		switch lo, hi, left := offer(word).claim(w); {
		case lo < hi:
			if t.word.CompareAndSwap(word, uint64(left)) {
				own.claimed = hi - lo
				t.do(w, lo, hi)
				t.finish(w, own)
			}
		case w == 0 && word == 0:
			return
		default:
			t.wait(w, own)
		}
	}
}

// ready reports whether worker w has something to do.
func (t *team) ready(w int) bool {
	word := t.word.Load()
	lo, hi, _ := offer(word).claim(w)
	return lo < hi || w == 0 && word == 0
}

// do runs chunks lo to hi-1 of the step on worker w, up to the first that fails, and
// keeps its error: of all workers' that of the lowest chunk, which is the one a single
// thread meets.
func (t *team) do(w, lo, hi int) {
	s, i := t.session, t.step
	st := &s.plan.Steps[i]
	ok := false
	defer func() {
		if r := recover(); r != nil {
			t.fail(lo, panicError(st, r))
		} else if !ok {
			t.fail(lo, stepError(st, errExit))
		}
	}()
	for lo < hi {
		next, err := lo, t.ctx.Err()
		if err == nil {
			next, err = s.runChunks(t.ctx, i, lo, hi, w)
		}
		if err != nil {
			t.fail(lo, err)
			break
		}
		lo = next
	}
	ok = true
}

func (t *team) fail(chunk int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil || chunk < t.failed {
		t.err, t.failed = err, chunk
	}
}

// finish counts the chunks that the worker claimed and that ended. The worker of the
// last one goes on.
func (t *team) finish(w int, own *seat) {
	if chunks := t.chunks; t.done.Add(uint32(own.claimed)) == chunks {
		t.next(w, own)
	}
}

// next leaves the step, runs those after it that have one chunk, and offers the
// chunks of the first that has more, or ends the run.
func (t *team) next(w int, own *seat) {
	for {
		if t.step >= 0 {
			t.session.clock.stop(t.session.chains[t.step])
		}
		t.step++
		if t.err == nil && t.step < t.last {
			t.err = t.ctx.Err()
		}
		if t.err != nil || t.step >= t.last {
			t.word.Store(0)
			t.lead.wake()
			return
		}
		n := t.session.plan.Steps[t.step].Chunks()
		t.chunks = uint32(n)
		t.done.Store(0)
		if n > 1 {
			t.offer(w, n)
			return
		}
		if n == 1 {
			own.claimed = 1
			t.do(w, 0, 1)
		}
	}
}

// offer publishes n chunks and wakes as many workers as can share them with
// worker w. The run may end and the next begin while it does so: it must not
// read the team's fields after the word is out.
func (t *team) offer(w, n int) {
	seats, threads := t.seats, len(t.session.scratch)
	t.word.Store(uint64(newOffer(threads, n)))
	helpers := min(n, threads) - 1
	if w != 0 && helpers > 0 {
		t.lead.wake()
		helpers--
	}
	for i := 0; i < threads-1 && helpers > 0; i++ {
		if i+1 != w {
			seats[i].wake()
			helpers--
		}
	}
}

// A waiting worker looks for work during spin, which is longer than most steps
// take to end but shorter than a step that is worth a wake-up, and then parks:
// a team that spins without end starves its own workers on a busy machine.
const (
	spin      = 30 * time.Microsecond
	spinLooks = 64 // between two readings of the clock
)

// wait returns when worker w may have something to do.
func (t *team) wait(w int, own *seat) {
	own.move()
	for start := time.Now(); time.Since(start) < spin; {
		for range spinLooks {
			if t.ready(w) {
				return
			}
		}
	}
	goruntime.Gosched() // to goroutines that wait for a processor: a parked thread keeps its own for a while
	own.parked.Store(1)
	if t.ready(w) && own.parked.CompareAndSwap(1, 0) {
		return
	}
	own.sleep()
}

// wake wakes the worker of the seat if it is parked. Either it sees the word
// that was stored before, or this sees that it parked.
func (s *seat) wake() {
	if s.parked.Load() == 1 && s.parked.CompareAndSwap(1, 0) {
		s.rouse()
	}
}
