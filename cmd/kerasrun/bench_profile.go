package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/cmd/kerasrun/internal/output"
)

// A stepTime is what the runs of a profile say about a step.
type stepTime struct {
	Op     string   `json:"op"`
	Kernel string   `json:"kernel"`
	Layers []string `json:"layers"`
	Chunks int      `json:"chunks"`
	Median float64  `json:"median_ms"`
	stepRates

	shape string
}

// stepRates follow from the least time of a step, or of the steps of a family.
type stepRates struct {
	Time   float64 `json:"time_ms"`
	Share  float64 `json:"share"` // of the sum of all steps, 0 to 1
	GFLOPs float64 `json:"gflop_per_s"`
	Peak   float64 `json:"share_of_peak"` // GFLOPs of what all threads could do
	GBs    float64 `json:"gb_per_s"`

	flops, bytes int64
	time         time.Duration
}

// add adds another step to those of r.
func (r *stepRates) add(s *stepRates) {
	r.flops += s.flops
	r.bytes += s.bytes
	r.time += s.time
}

// finish fills in what follows from the time of r and of all steps, and from the
// peak in GFLOP/s.
func (r *stepRates) finish(sum time.Duration, peak float64) {
	r.Time = milliseconds(r.time)
	if r.time > 0 {
		r.Share = r.time.Seconds() / sum.Seconds()
		r.GFLOPs = float64(r.flops) / r.time.Seconds() / 1e9
		r.Peak = r.GFLOPs / peak
		r.GBs = float64(r.bytes) / r.time.Seconds() / 1e9
	}
}

// cells are the columns of r in a table.
func (r *stepRates) cells() []string {
	return []string{fmt.Sprintf("%.4f", r.Time), fmt.Sprintf("%.1f %%", 100*r.Share), fmt.Sprintf("%.1f", r.GFLOPs), fmt.Sprintf("%.0f %%", 100*r.Peak), fmt.Sprintf("%.1f", r.GBs)}
}

// A familyTime adds up the steps whose kernels are of one family and variant.
type familyTime struct {
	Family string `json:"family"`
	Steps  int    `json:"steps"`
	stepRates
}

// mostProfiled bounds the runs of a profile: each keeps a time for every step.
const mostProfiled = 1000

// profile fills in the steps of the report with their times.
func (b *bench) profile(ctx context.Context, f *benchFlags, r *benchReport) error {
	r.Peak = kerasrun.PeakFLOPS() / 1e9
	var steps []stepTime
	var times [][]time.Duration // by step
	for n, start := 0, time.Now(); n < mostProfiled && !f.done(n, start); n++ {
		run, err := b.session.Profile(ctx, b.in, b.out)
		if err != nil {
			return err
		}
		if n == 0 {
			times = make([][]time.Duration, len(run))
			for _, s := range run {
				steps = append(steps, stepTime{Op: s.Op, Kernel: s.Kernel, Layers: s.Layers, Chunks: s.Chunks,
					stepRates: stepRates{flops: s.FLOPs, bytes: s.Bytes}, shape: resultText(s.Parts, s.Outputs)})
			}
		}
		for i, s := range run {
			times[i] = append(times[i], s.Time)
		}
	}
	var sum time.Duration
	for i := range steps {
		slices.Sort(times[i])
		steps[i].time = times[i][0]
		steps[i].Median = milliseconds(percentile(times[i], 50))
		sum += steps[i].time
	}
	r.Peak = max(r.Peak, kerasrun.PeakFLOPS()/1e9) // the best of two: somebody may have been in the way
	for i := range steps {
		steps[i].finish(sum, r.peak())
	}
	r.Steps, r.Families = steps, families(steps, sum, r.peak())
	return nil
}

// peak is what the threads could do together in GFLOP/s.
func (r *benchReport) peak() float64 { return r.Peak * float64(min(r.Threads, runtime.NumCPU())) }

// families adds up steps by the first word of their kernels, "conv/avx512", and
// puts those first that take longest.
func families(steps []stepTime, sum time.Duration, peak float64) []familyTime {
	var all []familyTime
	for i := range steps {
		s := &steps[i]
		name, _, _ := strings.Cut(s.Kernel, " ")
		at := slices.IndexFunc(all, func(f familyTime) bool { return f.Family == name })
		if at < 0 {
			at = len(all)
			all = append(all, familyTime{Family: name})
		}
		all[at].Steps++
		all[at].add(&s.stepRates)
	}
	for i := range all {
		all[i].finish(sum, peak)
	}
	slices.SortStableFunc(all, func(a, b familyTime) int { return cmp.Compare(b.time, a.time) })
	return all
}

func (r *benchReport) writeSteps(w io.Writer, style output.Style) error {
	rates := []output.Column{{Title: "ms", Right: true}, {Title: "Share", Right: true}, {Title: "GFLOP/s", Right: true}, {Title: "Peak", Right: true}, {Title: "GB/s", Right: true}}
	columns := append([]output.Column{{Title: "#", Right: true}, {Title: "Step"}, {Title: "Kernel"}, {Title: "Result"}}, rates...)
	t := style.NewTable(append(columns, output.Column{Title: "Layers"})...)
	var all stepRates
	for i := range r.Steps {
		s := &r.Steps[i]
		t.Row(slices.Concat([]string{strconv.Itoa(i + 1), s.Op, s.Kernel, s.shape}, s.cells(), []string{strings.Join(s.Layers, " ")})...)
		all.add(&s.stepRates)
	}
	all.finish(all.time, r.peak())
	t.Footer(slices.Concat([]string{"", fmt.Sprintf("%d steps", len(r.Steps)), "", ""}, all.cells(), []string{""})...)
	if err := t.Write(w); err != nil {
		return err
	}
	fmt.Fprintln(w)
	fmt.Fprintf(w, "The peak of one core is %.1f GFLOP/s.\n\n", r.Peak)
	t = style.NewTable(append([]output.Column{{Title: "Kernels"}, {Title: "Steps", Right: true}}, rates...)...)
	for i := range r.Families {
		f := &r.Families[i]
		t.Row(append([]string{f.Family, strconv.Itoa(f.Steps)}, f.cells()...)...)
	}
	return t.Write(w)
}
