package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/cmd/kerasrun/internal/memory"
)

// benchFlags are the flags of bench.
type benchFlags struct {
	model      modelFlags
	batch      int
	shapes     []string // NAME=DIMS
	duration   time.Duration
	warmup     time.Duration
	iterations int
	callers    int
	seed       uint64
	profile    bool
	json       bool
	output     outputFlags
}

func (a *app) benchCommand() *cobra.Command {
	f := &benchFlags{}
	c := &cobra.Command{
		Use:   "bench MODEL",
		Short: "Measure how fast a model runs",
		Long: `Bench runs a model again and again on random inputs and prints the wall time of one
run: the least, the median, and the 90th and 99th percentiles. Of a machine that
does other things too, the least says most about the program.

Inputs are uniform: floating-point numbers from 0 to 1, integers from 0 to 1 or,
where the model has embeddings, over the rows of the smallest. The time to load is
that from the file, which is read once before, until a first run can start. Memory
is the most that the process ever had resident.

With --profile, further runs with a clock at the end of each step give its least
and median time, its share of all the least, and the rates at which it calculates
and moves bytes of operands, weights and results. The share of the peak is of the
rate that was measured for multiplications and additions alone; Winograd's
convolutions, counted as direct ones, can exceed it. A second table adds up the steps
of each family of kernels.

With --callers, that many sessions run at once, and the runs they finish in a
second say more than the time of one.`,
		Example: `  kerasrun bench model.keras
  kerasrun bench resnet50.h5 --threads 1 --batch 32 --duration 10s
  kerasrun bench model.keras --profile
  kerasrun bench model.keras --callers 8
  kerasrun bench fcn.keras --shape image=1,480,640,3 --iterations 100 --json`,
		Args: arguments(1, 1, "MODEL"),
		RunE: func(c *cobra.Command, args []string) error { return a.bench(c.Context(), args[0], f) },
	}
	f.model.add(c)
	f.model.addExact(c)
	c.Flags().IntVar(&f.batch, "batch", 1, "examples in the batch")
	c.Flags().StringArrayVar(&f.shapes, "shape", nil, "`NAME=DIMS` of an input, batch included: image=1,224,224,3")
	c.Flags().DurationVar(&f.duration, "duration", 3*time.Second, "how long to measure; at least one run")
	c.Flags().DurationVar(&f.warmup, "warmup", 300*time.Millisecond, "how long to run before; at least one run")
	c.Flags().IntVar(&f.iterations, "iterations", 0, "measure this many runs, however long they take")
	c.Flags().IntVar(&f.callers, "callers", 1, "callers that run the model at the same time")
	c.Flags().Uint64Var(&f.seed, "seed", 0, "seed of the random inputs")
	c.Flags().BoolVar(&f.profile, "profile", false, "measure each step too")
	f.output.add(c, "table", "json")
	c.Flags().BoolVar(&f.json, "json", false, "short for --format json")
	return c
}

// check checks the flags and settles the format.
func (f *benchFlags) check() error {
	switch {
	case f.batch < 1:
		return fmt.Errorf("--batch %d, want 1 or more", f.batch)
	case f.iterations < 0:
		return fmt.Errorf("--iterations %d, want 1 or more, or 0 for --duration", f.iterations)
	case f.callers < 1:
		return fmt.Errorf("--callers %d, want 1 or more", f.callers)
	case f.duration < 0:
		return fmt.Errorf("--duration %v, want 0s or more", f.duration)
	case f.warmup < 0:
		return fmt.Errorf("--warmup %v, want 0s or more", f.warmup)
	}
	if f.json && f.output.format == "" {
		f.output.format = "json"
	}
	return f.output.settle("table", "json")
}

func (a *app) bench(ctx context.Context, path string, f *benchFlags) error {
	if err := f.check(); err != nil {
		return usageError(err)
	}
	for _, name := range []string{path, f.model.weights} {
		if err := readThrough(name); err != nil {
			return modelError(err)
		}
	}
	start := time.Now()
	m, err := a.load(path, f.model)
	if err != nil {
		return err
	}
	defer m.Close()
	shapes, err := planShapes(m, f.batch, f.shapes)
	if err != nil {
		return usageError(err)
	}
	if _, err := m.PlanInfo(shapes...); err != nil { // says what NewSession would, and whether a limit was exceeded
		return fmt.Errorf("%s: %w", path, err)
	}
	first, err := newBench(m, shapes)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	load := time.Since(start)
	callers := []*bench{first}
	for len(callers) < f.callers {
		b, err := newBench(m, shapes)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		callers = append(callers, b)
	}
	in := randomInputs(m, shapes, f.seed)
	for _, b := range callers {
		b.in = in
	}
	times, rate, err := measureAll(ctx, callers, f)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	r := newBenchReport(path, m, shapes, times, load)
	r.Callers, r.Rate = f.callers, rate
	r.Threads = f.model.threads
	if r.Threads == 0 {
		r.Threads = runtime.GOMAXPROCS(0)
	}
	if r.PeakMB, err = memory.Peak(); err != nil {
		return err
	}
	if f.profile {
		if err := first.profile(ctx, f, r); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return a.write(f.output, func(w io.Writer) error {
		if f.output.format == "json" {
			return r.writeJSON(w)
		}
		return r.write(w, a.outputStyle(f.output))
	})
}

// readThrough reads a file, or all files of a folder, so that loading it does
// not wait for the disk. What is missing is for the loader to say.
func readThrough(name string) error {
	if name == "" {
		return nil
	}
	return filepath.WalkDir(name, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		f, err := os.Open(name)
		if err != nil {
			return nil
		}
		defer f.Close()
		_, err = io.Copy(io.Discard, f)
		return err
	})
}

// A bench is a session with its inputs and outputs.
type bench struct {
	session *kerasrun.Session
	in, out []kerasrun.Tensor
}

// newBench makes all that a run needs but its inputs.
func newBench(m *kerasrun.Model, shapes []kerasrun.Shape) (*bench, error) {
	s, err := m.NewSession(shapes...)
	if err != nil {
		return nil, err
	}
	return &bench{session: s, out: s.Outputs()}, nil
}

// measureAll lets all callers run at once, warm-ups first, and returns the time
// of each run of any and how many they finished in a second.
func measureAll(ctx context.Context, callers []*bench, f *benchFlags) (times []time.Duration, rate float64, err error) {
	var warm, done sync.WaitGroup
	warm.Add(len(callers))
	type result struct {
		times []time.Duration
		err   error
	}
	results := make([]result, len(callers))
	start := make(chan time.Time)
	for i, b := range callers {
		done.Add(1)
		go func() {
			defer done.Done()
			r := &results[i]
			r.err = b.warmUp(ctx, f)
			warm.Done()
			if began := <-start; r.err == nil {
				r.times, r.err = b.measure(ctx, f, began)
			}
		}()
	}
	warm.Wait()
	began := time.Now()
	for range callers {
		start <- began
	}
	done.Wait()
	took := time.Since(began)
	for _, r := range results {
		if r.err != nil {
			return nil, 0, r.err
		}
		times = append(times, r.times...)
	}
	return times, float64(len(times)) / took.Seconds(), nil
}

// warmUp runs before the measurement.
func (b *bench) warmUp(ctx context.Context, f *benchFlags) error {
	for start, first := time.Now(), true; first || time.Since(start) < f.warmup; first = false {
		if err := b.session.Run(ctx, b.in, b.out); err != nil {
			return err
		}
	}
	return nil
}

// measure returns the time of each run.
func (b *bench) measure(ctx context.Context, f *benchFlags, start time.Time) ([]time.Duration, error) {
	times := make([]time.Duration, 0, max(f.iterations, 1<<12))
	for !f.done(len(times), start) {
		before := time.Now()
		if err := b.session.Run(ctx, b.in, b.out); err != nil {
			return nil, err
		}
		times = append(times, time.Since(before))
	}
	return times, nil
}

// done reports whether n runs since start are enough.
func (f *benchFlags) done(n int, start time.Time) bool {
	if f.iterations > 0 {
		return n >= f.iterations
	}
	return n > 0 && time.Since(start) >= f.duration
}

// percentile returns the least of sorted that p percent of it do not exceed.
func percentile(sorted []time.Duration, p float64) time.Duration {
	i := int(math.Ceil(p/100*float64(len(sorted)))) - 1
	return sorted[min(max(i, 0), len(sorted)-1)]
}
