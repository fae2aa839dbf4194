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
	Schema   int          `json:"schema_version"`
	Model    string       `json:"model"`
	Inputs   []endJSON    `json:"inputs"`
	Threads  int          `json:"threads"`
	Batch    int          `json:"batch"`
	Callers  int          `json:"callers"` // that ran at the same time
	Runs     int          `json:"runs"`
	Min      float64      `json:"min_ms"`
	Median   float64      `json:"median_ms"`
	P90      float64      `json:"p90_ms"`
	P99      float64      `json:"p99_ms"`
	Rate     float64      `json:"runs_per_s"` // of all callers together
	Load     float64      `json:"load_ms"`
	PeakMB   float64      `json:"peak_rss_mb"`                // of 2^20 bytes; 0 where the system does not say
	Peak     float64      `json:"peak_gflop_per_s,omitempty"` // of one core, measured for the steps
	Steps    []stepTime   `json:"steps,omitempty"`
	Families []familyTime `json:"families,omitempty"`

	head string
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
	if r.Callers > 1 {
		t.Row("callers", strconv.Itoa(r.Callers))
	}
	t.Row("runs", output.Count(int64(r.Runs)))
	t.Row("runs per second", output.Float(r.Rate))
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
