//go:build linux

package hostile

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/kerasrun/kerasrun"
	"github.com/stretchr/testify/require"
)

var soak = flag.Duration("soak", 0, "how long to predict and reload")

// crowd is how many goroutines use one model.
const crowd = 64

// ramp is a batch of n inputs for m, which do not repeat.
func ramp(m *kerasrun.Model, n int) kerasrun.Tensor {
	shape := append(kerasrun.Shape{n}, m.Inputs()[0].Shape[1:]...)
	size, _ := shape.Elems()
	data := make([]float32, size)
	for i := range data {
		data[i] = float32(i%17)/8 - 1
	}
	return kerasrun.Floats(data, shape...)
}

// digestPrediction is the digest of what m makes of a batch of n.
func digestPrediction(m *kerasrun.Model, n int) (uint64, error) {
	out, err := m.Predict(context.Background(), ramp(m, n))
	return digestOf(out), err
}

// spawn runs f in a goroutine that all waits for.
func spawn(all *sync.WaitGroup, f func()) {
	all.Add(1)
	go func() {
		defer all.Done()
		f()
	}()
}

var crowded = []string{"conv2d_grid", "lstm"}

func open(t testing.TB, name string) *kerasrun.Model {
	t.Helper()
	m, err := kerasrun.Load(root + "testdata/models/" + name + "/model.keras")
	require.NoError(t, err)
	return m
}

// Goroutines that use one model with batches of all sizes, more than it keeps
// plans for, get the same bits as one alone.
func TestCrowd(t *testing.T) {
	for _, name := range crowded {
		m := open(t, name)
		defer m.Close()
		want := map[int]uint64{}
		for n := 1; n <= 24; n++ {
			d, err := digestPrediction(m, n)
			require.NoError(t, err)
			want[n] = d
		}
		var all sync.WaitGroup
		errs := make(chan error, crowd)
		for g := range crowd {
			spawn(&all, func() {
				for i := range 8 {
					n := (g+7*i)%24 + 1
					if d, err := digestPrediction(m, n); err != nil || d != want[n] {
						errs <- fmt.Errorf("%s, batch %d: %w, or other bits: %x, want %x", name, n, err, d, want[n])
						return
					}
				}
			})
		}
		all.Wait()
		close(errs)
		for err := range errs {
			t.Error(err)
		}
	}
}

// Closing a model while others predict lets them finish or tells them, and a
// model that took its place in the meantime is not touched.
func TestCloseWhilePredicting(t *testing.T) {
	m := open(t, crowded[0])
	want, err := digestPrediction(m, 3)
	require.NoError(t, err)
	var all sync.WaitGroup
	var mu sync.Mutex
	current := m
	stop := make(chan struct{})
	errs := make(chan error, crowd)
	for range crowd {
		spawn(&all, func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				mu.Lock()
				m := current
				mu.Unlock()
				d, err := digestPrediction(m, 3)
				if err != nil && !errors.Is(err, kerasrun.ErrClosed) || err == nil && d != want {
					errs <- fmt.Errorf("%w, or other bits: %x, want %x", err, d, want)
					return
				}
			}
		})
	}
	for range 10 {
		next := open(t, crowded[0])
		mu.Lock()
		old := current
		current = next
		mu.Unlock()
		require.NoError(t, old.Close())
	}
	close(stop)
	all.Wait()
	require.NoError(t, current.Close())
	close(errs)
	for err := range errs {
		t.Error(err)
	}
}

// TestSoak predicts from many goroutines and loads the model anew from time to
// time: memory and the number of goroutines stay where they are after a tenth of
// the time.
func TestSoak(t *testing.T) {
	length := *soak
	if length == 0 {
		t.Skip("runs for -soak, see make soak")
	}
	var heap0, goroutines0 int64
	begin := time.Now()
	for round := 0; time.Since(begin) < length; round++ {
		m := open(t, crowded[round%2])
		var all sync.WaitGroup
		for g := range crowd {
			spawn(&all, func() {
				for i := range 20 {
					_, err := digestPrediction(m, (g+i)%24+1)
					require.NoError(t, err)
				}
			})
		}
		all.Wait()
		require.NoError(t, m.Close())
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		heap, goroutines := int64(s.HeapAlloc), int64(runtime.NumGoroutine())
		if time.Since(begin) < length/10 || heap0 == 0 {
			heap0, goroutines0 = heap, goroutines
			continue
		}
		const slack = 2 << 20 // where 5 % is less
		require.LessOrEqual(t, heap, heap0+max(heap0/20, slack), "round %d: heap", round)
		require.LessOrEqual(t, goroutines, goroutines0, "round %d: goroutines", round)
		if round%100 == 0 {
			t.Logf("%v: round %d, heap %d KiB, resident %d MiB, %d goroutines", time.Since(begin).Round(time.Second), round, heap>>10, resident("self", "VmRSS:")>>20, goroutines)
		}
	}
}
