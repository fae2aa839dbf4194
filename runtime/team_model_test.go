package runtime

import (
	"context"
	goruntime "runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// chained is a golden model of images of any size, whose batches from 8 on are gone over image by image.
const chained = "dynamic_skip_large"

// openUNet opens the golden U-Net and makes an input whose steps have many chunks.
func openUNet(t testing.TB, threads int) (*Model, Tensor) {
	return openGolden(t, "net_unet", 16, threads)
}

// openGolden opens a golden model and makes an input of the given batch.
func openGolden(t testing.TB, name string, batch, threads int) (*Model, Tensor) {
	size := 40
	if name == chained {
		size = 288
	}
	m, err := OpenPath("../testdata/models/"+name+"/model.keras", "", Options{Threads: threads})
	require.NoError(t, err)
	t.Cleanup(func() { m.Close() })
	shape := append(graph.Shape{batch}, m.Inputs()[0].Shape[1:]...)
	for i, d := range shape {
		if d < 0 {
			shape[i] = size
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
	}{{"net_unet", 16}, {chained, 8}, {"digits", 1}, {"digits", 33}, {"bidirectional_last", 64}, {"depthwise", 64}} {
		m, x := openGolden(t, c.name, c.batch, 1)
		want, err := m.Predict(context.Background(), x)
		require.NoError(t, err)
		runs, more := 10, 1
		if c.name == chained { // they take long
			runs, more = 2, 3
		}
		for threads := 2; threads <= 8; threads += more {
			m, _ := openGolden(t, c.name, c.batch, threads)
			s, err := m.NewSession(x.Shape)
			require.NoError(t, err)
			if c.name == "net_unet" {
				require.Len(t, s.s.scratch, threads)
			}
			got := s.Outputs()
			for range runs {
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
	for _, c := range []struct {
		name  string
		batch int
	}{{"net_unet", 16}, {chained, 8}} {
		for threads := 1; threads <= 2; threads++ {
			m, x := openGolden(t, c.name, c.batch, threads)
			s, err := m.NewSession(x.Shape)
			require.NoError(t, err)
			require.Len(t, s.s.scratch, threads)
			require.Equal(t, c.name == chained, slices.ContainsFunc(s.s.chains, func(c *chain) bool { return c != nil }))
			in, out := []Tensor{x}, s.Outputs()
			ctx := context.Background()
			run := func() {
				if err := s.Run(ctx, in, out); err != nil {
					t.Fatal(err)
				}
			}
			runs := 100
			if c.name == chained { // they take long
				runs = 4
			}
			require.Zero(t, testing.AllocsPerRun(max(runs/4, 4), run)) // this lets Go use one processor; a mean, rounded down
			var before, after goruntime.MemStats
			run()
			goruntime.ReadMemStats(&before)
			for range runs {
				run()
			}
			goruntime.ReadMemStats(&after)
			// Less than one a run: the tests' own goroutines may allocate meanwhile.
			require.Less(t, after.Mallocs-before.Mallocs, uint64(max(runs/2, 8)), "%s on %d threads", c.name, threads)
		}
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
