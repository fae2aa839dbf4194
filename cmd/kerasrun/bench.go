package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/kerasrun/kerasrun"
)

// benchFlags are the flags of bench.
type benchFlags struct {
	model      modelFlags
	batch      int
	shapes     []string // NAME=DIMS
	duration   time.Duration
	warmup     time.Duration
	iterations int
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

With --profile, further runs step by step give the median time of each step, its
share, and the rates at which it calculates and moves bytes of operands, weights
and results. A clock around each step makes their sum more than one run.`,
		Example: `  kerasrun bench model.keras
  kerasrun bench resnet50.h5 --threads 1 --batch 32 --duration 10s
  kerasrun bench model.keras --profile
  kerasrun bench fcn.keras --shape image=1,480,640,3 --iterations 100 --json`,
		Args: arguments(1, 1, "MODEL"),
		RunE: func(c *cobra.Command, args []string) error { return a.bench(c.Context(), args[0], f) },
	}
	f.model.add(c)
	c.Flags().IntVar(&f.batch, "batch", 1, "examples in the batch")
	c.Flags().StringArrayVar(&f.shapes, "shape", nil, "`NAME=DIMS` of an input, batch included: image=1,224,224,3")
	c.Flags().DurationVar(&f.duration, "duration", 3*time.Second, "how long to measure; at least one run")
	c.Flags().DurationVar(&f.warmup, "warmup", 300*time.Millisecond, "how long to run before; at least one run")
	c.Flags().IntVar(&f.iterations, "iterations", 0, "measure this many runs, however long they take")
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
	s, err := m.NewSession(shapes...)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	out := s.Outputs()
	load := time.Since(start)

	b := &bench{session: s, in: randomInputs(m, shapes, f.seed), out: out}
	times, err := b.measure(ctx, f)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	r := newBenchReport(path, m, shapes, times, load)
	r.Threads = f.model.threads
	if r.Threads == 0 {
		r.Threads = runtime.GOMAXPROCS(0)
	}
	if r.PeakMB, err = peakMemory(); err != nil {
		return err
	}
	if f.profile {
		if r.Steps, err = b.profile(ctx, f); err != nil {
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

// measure returns the time of each run, after those that warm up.
func (b *bench) measure(ctx context.Context, f *benchFlags) ([]time.Duration, error) {
	for start, first := time.Now(), true; first || time.Since(start) < f.warmup; first = false {
		if err := b.session.Run(ctx, b.in, b.out); err != nil {
			return nil, err
		}
	}
	times := make([]time.Duration, 0, max(f.iterations, 1<<12))
	for start := time.Now(); !f.done(len(times), start); {
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

// mostProfiled bounds the runs of a profile: each keeps a time for every step.
const mostProfiled = 1000

// profile returns the steps with their median times.
func (b *bench) profile(ctx context.Context, f *benchFlags) ([]stepTime, error) {
	var steps []stepTime
	var times [][]time.Duration // by step
	for n, start := 0, time.Now(); n < mostProfiled && !f.done(n, start); n++ {
		run, err := b.session.Profile(ctx, b.in, b.out)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			times = make([][]time.Duration, len(run))
			for _, s := range run {
				steps = append(steps, newStepTime(s.Op, s.Kernel, shapeText(s.Outputs), s.Layers, s.FLOPs, s.Bytes))
			}
		}
		for i, s := range run {
			times[i] = append(times[i], s.Time)
		}
	}
	var sum time.Duration
	for i := range steps {
		slices.Sort(times[i])
		steps[i].time = percentile(times[i], 50)
		sum += steps[i].time
	}
	for i := range steps {
		steps[i].finish(sum)
	}
	return steps, nil
}

// percentile returns the least of sorted that p percent of it do not exceed.
func percentile(sorted []time.Duration, p float64) time.Duration {
	i := int(math.Ceil(p/100*float64(len(sorted)))) - 1
	return sorted[min(max(i, 0), len(sorted)-1)]
}

// randomInputs returns uniform inputs of the given shapes. Integers must stay
// within the rows of the embeddings that they index; strings are empty.
func randomInputs(m *kerasrun.Model, shapes []kerasrun.Shape, seed uint64) []kerasrun.Tensor {
	rows := 0
	for _, w := range m.Weights() {
		if w.Name == "embeddings" && len(w.Shape) > 0 && (rows == 0 || w.Shape[0] < rows) {
			rows = w.Shape[0]
		}
	}
	if rows == 0 {
		rows = 2
	}
	r := rand.New(rand.NewPCG(seed, 0))
	var in []kerasrun.Tensor
	for i, about := range m.Inputs() {
		n, _ := shapes[i].Elems() // the plan has checked it
		if about.DType == kerasrun.String {
			in = append(in, kerasrun.Tensor{DType: kerasrun.String, Shape: shapes[i], Data: make([]string, n)})
			continue
		}
		data := make([]float32, n)
		for k := range data {
			switch {
			case about.DType.Floating():
				data[k] = r.Float32()
			case about.DType == kerasrun.Bool:
				data[k] = float32(r.IntN(2))
			default:
				data[k] = float32(r.IntN(limitOf(about.DType, rows)))
			}
		}
		t := kerasrun.Floats(data, shapes[i]...)
		if about.DType != kerasrun.Float32 {
			t = t.Cast(about.DType)
		}
		in = append(in, t)
	}
	return in
}

// limitOf keeps n within the integers of a type.
func limitOf(d kerasrun.DType, n int) int {
	if d.Size() == 1 {
		return min(n, 128)
	}
	if d.Size() == 2 {
		return min(n, 1<<15)
	}
	return n
}
