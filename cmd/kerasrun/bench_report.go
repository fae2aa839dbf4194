package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/cmd/kerasrun/internal/output"
)

// A benchReport is what bench prints.
type benchReport struct {
	Schema  int        `json:"schema_version"`
	Model   string     `json:"model"`
	Inputs  []endJSON  `json:"inputs"`
	Threads int        `json:"threads"`
	Batch   int        `json:"batch"`
	Runs    int        `json:"runs"`
	Min     float64    `json:"min_ms"`
	Median  float64    `json:"median_ms"`
	P90     float64    `json:"p90_ms"`
	P99     float64    `json:"p99_ms"`
	Load    float64    `json:"load_ms"`
	PeakMB  float64    `json:"peak_rss_mb"` // of 2^20 bytes; 0 where the system does not say
	Steps   []stepTime `json:"steps,omitempty"`

	head string
}

// A stepTime is the median time of a step in the runs of a profile.
type stepTime struct {
	Op     string   `json:"op"`
	Kernel string   `json:"kernel"`
	Time   float64  `json:"time_ms"`
	Share  float64  `json:"share"` // of the sum of all steps, 0 to 1
	GFLOPs float64  `json:"gflop_per_s"`
	GBs    float64  `json:"gb_per_s"`
	Layers []string `json:"layers"`

	shape        string
	flops, bytes int64
	time         time.Duration
}

func newBenchReport(path string, m *kerasrun.Model, shapes []kerasrun.Shape, times []time.Duration, load time.Duration) *benchReport {
	slices.Sort(times)
	r := &benchReport{
		Schema: 1, Model: path, Inputs: []endJSON{}, Batch: 1, Runs: len(times), Load: milliseconds(load),
		Min: milliseconds(times[0]), Median: milliseconds(percentile(times, 50)),
		P90: milliseconds(percentile(times, 90)), P99: milliseconds(percentile(times, 99)),
	}
	var inputs []string
	for i, in := range m.Inputs() {
		in.Shape = shapes[i]
		r.Inputs = append(r.Inputs, newEndJSON(in))
		inputs = append(inputs, in.Name+" "+in.Shape.String())
	}
	if len(shapes) > 0 && len(shapes[0]) > 0 {
		r.Batch = shapes[0][0]
	}
	r.head = strings.Join(inputs, ", ")
	return r
}

func milliseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

func newStepTime(op, kernel, shape string, layers []string, flops, bytes int64) stepTime {
	return stepTime{Op: op, Kernel: kernel, Layers: layers, shape: shape, flops: flops, bytes: bytes}
}

// finish fills in what follows from the time of the step and of all.
func (s *stepTime) finish(sum time.Duration) {
	s.Time = milliseconds(s.time)
	if s.time > 0 {
		s.Share = s.time.Seconds() / sum.Seconds()
		s.GFLOPs = float64(s.flops) / s.time.Seconds() / 1e9
		s.GBs = float64(s.bytes) / s.time.Seconds() / 1e9
	}
}

func (r *benchReport) writeJSON(w io.Writer) error {
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", text)
	return err
}

func (r *benchReport) write(w io.Writer, style output.Style) error {
	t := style.NewTable(output.Column{Title: "Model"}, output.Column{Title: r.Model})
	t.Row("inputs", r.head)
	t.Row("threads", strconv.Itoa(r.Threads))
	t.Row("runs", output.Count(int64(r.Runs)))
	t.Row("min", output.Float(r.Min)+" ms")
	t.Row("median", output.Float(r.Median)+" ms")
	t.Row("p90", output.Float(r.P90)+" ms")
	t.Row("p99", output.Float(r.P99)+" ms")
	t.Row("load", output.Float(r.Load)+" ms")
	if r.PeakMB > 0 {
		t.Row("peak memory", output.Bytes(int64(r.PeakMB*(1<<20))))
	}
	if err := t.Write(w); err != nil || r.Steps == nil {
		return err
	}
	fmt.Fprintln(w)
	return r.writeSteps(w, style)
}

func (r *benchReport) writeSteps(w io.Writer, style output.Style) error {
	t := style.NewTable(
		output.Column{Title: "#", Right: true}, output.Column{Title: "Step"}, output.Column{Title: "Kernel"}, output.Column{Title: "Result"},
		output.Column{Title: "ms", Right: true}, output.Column{Title: "Share", Right: true},
		output.Column{Title: "GFLOP/s", Right: true}, output.Column{Title: "GB/s", Right: true}, output.Column{Title: "Layers"},
	)
	all := stepTime{}
	for i, s := range r.Steps {
		t.Row(strconv.Itoa(i+1), s.Op, s.Kernel, s.shape, fmt.Sprintf("%.4f", s.Time), fmt.Sprintf("%.1f %%", 100*s.Share),
			fmt.Sprintf("%.1f", s.GFLOPs), fmt.Sprintf("%.1f", s.GBs), strings.Join(s.Layers, " "))
		all.time += s.time
		all.flops += s.flops
		all.bytes += s.bytes
	}
	all.finish(all.time)
	t.Footer("", fmt.Sprintf("%d steps", len(r.Steps)), "", "", fmt.Sprintf("%.4f", all.Time), "", fmt.Sprintf("%.1f", all.GFLOPs), fmt.Sprintf("%.1f", all.GBs), "")
	return t.Write(w)
}
