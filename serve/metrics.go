package serve

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// The metrics of a server, in the text format of Prometheus (version 0.0.4).
type metrics struct {
	requests *family // by model, protocol and status
	seconds  *family // from arrival to answer
	examples *family
	batches  *family // examples that shared a prediction
	reloads  *family
	panics   *family
}

func newMetrics() metrics {
	return metrics{
		requests: newFamily("kerasrun_requests_total", "counter", "Requests answered, by status.", nil, "model", "protocol", "status"),
		seconds: newFamily("kerasrun_request_seconds", "histogram", "Time from the arrival of a request for a prediction to its answer.",
			[]float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 60}, "model"),
		examples: newFamily("kerasrun_examples_total", "counter", "Examples that predictions were asked for.", nil, "model"),
		batches:  newFamily("kerasrun_batch_examples", "histogram", "Examples that one prediction computed.", []float64{1, 2, 4, 8, 16, 32, 64, 128, 256}, "model"),
		reloads:  newFamily("kerasrun_model_loads_total", "counter", "Loads of model files.", nil, "model", "result"),
		panics:   newFamily("kerasrun_panics_total", "counter", "Requests that ended in a panic.", nil),
	}
}

// A family is a metric with its labels, a counter or a histogram. Labels come from a bounded set: names of models that
// are served, never what a request says.
type family struct {
	name, kind, help string
	labels           []string
	bounds           []float64 // of a histogram's buckets

	mu     sync.RWMutex
	series map[string]*series // by the values of the labels
}

// A series is one line of a counter, or the lines of a histogram.
type series struct {
	values  []string
	sum     atomic.Uint64 // bits of a float64
	buckets []atomic.Uint64
}

func newFamily(name, kind, help string, bounds []float64, labels ...string) *family {
	f := &family{name: name, kind: kind, help: help, labels: labels, bounds: bounds, series: map[string]*series{}}
	if len(labels) == 0 {
		f.at(nil) // there from the beginning, as 0
	}
	return f
}

func (f *family) at(values []string) *series {
	key := strings.Join(values, "\x00")
	f.mu.RLock()
	s := f.series[key]
	f.mu.RUnlock()
	if s != nil {
		return s
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if s = f.series[key]; s == nil {
		s = &series{values: values, buckets: make([]atomic.Uint64, len(f.bounds)+1)}
		f.series[key] = s
	}
	return s
}

// add adds x to a counter.
func (f *family) add(x float64, values ...string) { f.at(values).add(x) }

func (s *series) add(x float64) {
	for {
		old := s.sum.Load()
		if s.sum.CompareAndSwap(old, math.Float64bits(math.Float64frombits(old)+x)) {
			return
		}
	}
}

// observe adds x to a histogram.
func (f *family) observe(x float64, values ...string) {
	s := f.at(values)
	i, _ := slices.BinarySearch(f.bounds, x)
	s.buckets[i].Add(1)
	s.add(x)
}

// write writes the lines of the metric.
func (f *family) write(w io.Writer) {
	fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n", f.name, f.help, f.name, f.kind)
	f.mu.RLock()
	defer f.mu.RUnlock()
	for _, key := range slices.Sorted(maps.Keys(f.series)) {
		s := f.series[key]
		var labels []string
		for i, name := range f.labels {
			labels = append(labels, name+`="`+escapeLabel(s.values[i])+`"`)
		}
		sum := formatFloat(math.Float64frombits(s.sum.Load()))
		if f.kind != "histogram" {
			fmt.Fprintf(w, "%s%s %s\n", f.name, braces(labels), sum)
			continue
		}
		total := uint64(0)
		for i := range s.buckets {
			total += s.buckets[i].Load()
			bound := "+Inf"
			if i < len(f.bounds) {
				bound = formatFloat(f.bounds[i])
			}
			fmt.Fprintf(w, "%s_bucket%s %d\n", f.name, braces(append(slices.Clone(labels), `le="`+bound+`"`)), total)
		}
		fmt.Fprintf(w, "%s_sum%s %s\n%s_count%s %d\n", f.name, braces(labels), sum, f.name, braces(labels), total)
	}
}

// writeGauge writes a metric that is measured when it is asked for; each value has the label of its key, where that is
// not "".
func writeGauge(w io.Writer, name, help, label string, values map[string]float64) {
	fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name)
	for _, key := range slices.Sorted(maps.Keys(values)) {
		var labels []string
		if label != "" {
			labels = []string{label + `="` + escapeLabel(key) + `"`}
		}
		fmt.Fprintf(w, "%s%s %s\n", name, braces(labels), formatFloat(values[key]))
	}
}

func braces(labels []string) string {
	if len(labels) == 0 {
		return ""
	}
	return "{" + strings.Join(labels, ",") + "}"
}

func formatFloat(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

func escapeLabel(text string) string {
	return strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`).Replace(text)
}
