package runtime

import (
	"context"
	goruntime "runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// openUNet opens the golden U-Net and makes an input whose steps have many chunks.
func openUNet(t testing.TB, threads int) (*Model, Tensor) {
	return openGolden(t, "net_unet", 16, threads)
}

// openGolden opens a golden model and makes an input of the given batch.
func openGolden(t testing.TB, name string, batch, threads int) (*Model, Tensor) {
	m, err := OpenPath("../testdata/models/"+name+"/model.keras", "", Options{Threads: threads})
	require.NoError(t, err)
	t.Cleanup(func() { m.Close() })
	shape := append(graph.Shape{batch}, m.Inputs()[0].Shape[1:]...)
	for i, d := range shape {
		if d < 0 {
			shape[i] = 40
		}
	}
	x := graph.NewTensor(graph.Float32, shape)
	for i, data := 0, x.Data.([]float32); i < len(data); i++ {
		data[i] = float32(i*7919%1000)/500 - 1
	}
	return m, x
}

// Results are the same bits for every number of threads.
func TestThreadsGiveSameBits(t *testing.T) {
	processors(t, 8)
	for _, c := range []struct {
		name  string
		batch int
	}{{"net_unet", 16}, {"digits", 1}, {"digits", 33}, {"bidirectional_last", 64}, {"depthwise", 64}} {
		m, x := openGolden(t, c.name, c.batch, 1)
		want, err := m.Predict(context.Background(), x)
		require.NoError(t, err)
		for threads := 2; threads <= 8; threads++ {
			m, _ := openGolden(t, c.name, c.batch, threads)
			s, err := m.NewSession(x.Shape)
			require.NoError(t, err)
			if c.name == "net_unet" {
				require.Len(t, s.s.scratch, threads)
			}
			got := s.Outputs()
			for range 10 {
				s.s.gauge = gauge{} // which takes the team at first
				require.NoError(t, s.Run(context.Background(), []Tensor{x}, got))
				require.Equal(t, want, got, "%s of batch %d on %d threads", c.name, c.batch, threads)
			}
		}
	}
}

// A run allocates nothing, on one thread and on the team.
func TestRunAllocations(t *testing.T) {
	processors(t, 2)
	for threads := 1; threads <= 2; threads++ {
		m, x := openUNet(t, threads)
		s, err := m.NewSession(x.Shape)
		require.NoError(t, err)
		require.Len(t, s.s.scratch, threads)
		in, out := []Tensor{x}, s.Outputs()
		ctx := context.Background()
		run := func() {
			if err := s.Run(ctx, in, out); err != nil {
				t.Fatal(err)
			}
		}
		require.Zero(t, testing.AllocsPerRun(20, run)) // this lets Go use one processor
		var before, after goruntime.MemStats
		run()
		goruntime.ReadMemStats(&before)
		for range 100 {
			run()
		}
		goruntime.ReadMemStats(&after)
		// Less than one a run: the tests' own goroutines may allocate meanwhile.
		require.Less(t, after.Mallocs-before.Mallocs, uint64(50), "%d threads", threads)
	}
}

// Models and callers come and go; the goroutines of the team stay, one less
// than Go uses processors at most.
func TestNoGoroutineLeak(t *testing.T) {
	processors(t, 4)
	predict := func() {
		m, x := openUNet(t, 100)
		var wg sync.WaitGroup
		for range 4 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				if _, err := m.Predict(context.Background(), x); err != nil {
					t.Error(err)
				}
			}()
		}
		wg.Wait()
		require.NoError(t, m.Close())
	}
	predict()
	seats := len(processTeam.seats) // other tests may have needed more
	require.GreaterOrEqual(t, seats, 3)
	before := goruntime.NumGoroutine()
	for range 5 {
		predict()
	}
	require.Len(t, processTeam.seats, seats)
	for end := time.Now().Add(time.Minute); goruntime.NumGoroutine() > before && time.Now().Before(end); {
		time.Sleep(time.Millisecond) // the callers' goroutines are ending
	}
	require.LessOrEqual(t, goruntime.NumGoroutine(), before)
}
