package metrics

import (
	"fmt"
	"math"
	"slices"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// An fScore is FBetaScore and F1Score: true values and predictions are (batch, classes).
type fScore struct {
	average       string // "", micro, macro or weighted
	beta          float64
	threshold     *float64
	old           bool
	tp, fp, fn, n []float64 // by class
}

func newFScore(o MetricOptions, old bool) (accumulator, error) {
	f := &fScore{beta: o.Beta, threshold: o.Threshold, old: old}
	if o.Average != nil {
		f.average = *o.Average
	}
	if !slices.Contains([]string{"", "micro", "macro", "weighted"}, f.average) || f.beta <= 0 {
		return nil, fmt.Errorf("%w: average %q, beta %v", keras.ErrFormat, f.average, f.beta)
	}
	return f, nil
}

func (f *fScore) reset() { f.tp = nil }

func (f *fScore) update(y, x array, w *array) error {
	if x.rank() != 2 || !slices.Equal(y.shape, x.shape) {
		return fmt.Errorf("%w: true values %v and predictions %v, want (batch, classes) of both", graph.ErrShape, y.shape, x.shape)
	}
	if w != nil && (f.old || w.rank() != 1 || len(w.data) != x.shape[0]) {
		return fmt.Errorf("%w: weights %v or a mask; Keras takes (batch), and Keras 2 none", graph.ErrShape, w.shape)
	}
	width := x.last()
	if f.tp == nil {
		f.tp, f.fp, f.fn, f.n = make([]float64, width), make([]float64, width), make([]float64, width), make([]float64, width)
	}
	if len(f.tp) != width {
		return fmt.Errorf("%w: %d classes, %d before", graph.ErrShape, width, len(f.tp))
	}
	for i := 0; i < len(x.data); i += width {
		line := x.data[i : i+width]
		weight := 1.0
		if w != nil {
			weight = w.data[i/width]
		}
		for k, v := range line {
			p := truth(v >= slices.Max(line) && math.Abs(v) > 1e-9)
			if f.threshold != nil {
				p = truth(v > float64(float32(*f.threshold)))
			}
			t := y.data[i+k]
			f.tp[k] += weight * p * t
			f.fp[k] += weight * p * (1 - t)
			f.fn[k] += weight * (1 - p) * t
			f.n[k] += weight * t
		}
	}
	return nil
}

func sumOf(v []float64) []float64 {
	s := 0.0
	for _, x := range v {
		s += x
	}
	return []float64{s}
}

func (f *fScore) result() []float64 {
	if f.tp == nil {
		return []float64{0}
	}
	divide := func(a, b float64) float64 { return a / (b + epsilon) }
	if f.old {
		divide = safeDivide
	}
	tp, fp, fn := f.tp, f.fp, f.fn
	if f.average == "micro" {
		tp, fp, fn = sumOf(tp), sumOf(fp), sumOf(fn)
	}
	total := sumOf(f.n)[0]
	scores := make([]float64, len(tp))
	mean := 0.0
	b := f.beta * f.beta
	for k := range scores {
		p, r := divide(tp[k], tp[k]+fp[k]), divide(tp[k], tp[k]+fn[k])
		scores[k] = divide(p*r, b*p+r) * (1 + b)
		if f.average == "weighted" {
			mean += scores[k] * divide(f.n[k], total)
		} else {
			mean += scores[k] / float64(len(scores))
		}
	}
	if f.average == "" {
		return scores
	}
	return []float64{mean}
}

// An iou is the intersection of true and predicted regions over their union, the mean of some classes.
type iou struct {
	MetricOptions
	old       bool
	threshold *float64  // of BinaryIoU
	matrix    []float64 // true class × predicted class
}

// maxClasses bounds num_classes, which a file gives: the matrix has its square.
const maxClasses = 1 << 12

func newIoU(o MetricOptions, old bool) (accumulator, error) {
	if o.NumClasses < 1 || o.NumClasses > maxClasses {
		return nil, fmt.Errorf("%w: num_classes %d, want 1 to %d", keras.ErrFormat, o.NumClasses, maxClasses)
	}
	for _, c := range o.TargetClassIDs {
		if c < 0 || c >= o.NumClasses {
			return nil, fmt.Errorf("%w: target_class_ids has %d, want 0 to %d", keras.ErrFormat, c, o.NumClasses-1)
		}
	}
	return &iou{MetricOptions: o, old: old, matrix: make([]float64, o.NumClasses*o.NumClasses)}, nil
}

func newMeanIoU(o MetricOptions, old bool) (accumulator, error) {
	o.TargetClassIDs = nil
	for c := range min(max(o.NumClasses, 0), maxClasses) {
		o.TargetClassIDs = append(o.TargetClassIDs, c)
	}
	return newIoU(o, old)
}

func newBinaryIoU(o MetricOptions, old bool) (accumulator, error) {
	o.NumClasses = 2
	m, err := newIoU(o, old)
	if err != nil {
		return nil, err
	}
	half := 0.5
	if m.(*iou).threshold = o.Threshold; o.Threshold == nil {
		m.(*iou).threshold = &half
	}
	return m, nil
}

func (m *iou) reset() { clear(m.matrix) }

func (m *iou) update(y, x array, w *array) error {
	var err error
	if !m.SparseYTrue {
		if y, err = y.argmaxAlong(optionAxis(m.MetricOptions)); err != nil {
			return err
		}
	}
	if !m.SparseYPred {
		if x, err = x.argmaxAlong(optionAxis(m.MetricOptions)); err != nil {
			return err
		}
	}
	if len(y.data) != len(x.data) {
		return fmt.Errorf("%w: true values %v, predictions %v", graph.ErrShape, y.shape, x.shape)
	}
	if w != nil && len(w.data) != len(y.data) {
		return fmt.Errorf("%w: weights %v for %d values", graph.ErrShape, w.shape, len(y.data))
	}
	n := float64(m.NumClasses)
	for i := range y.data {
		p := x.data[i]
		if m.threshold != nil {
			p = truth(p >= float64(float32(*m.threshold)))
		}
		t := math.Trunc(y.data[i])
		p = math.Trunc(p)
		if m.IgnoreClass != nil && t == float64(*m.IgnoreClass) {
			continue
		}
		if !(t >= 0 && t < n && p >= 0 && p < n) {
			if m.old {
				return fmt.Errorf("%w: classes %v and %v, want 0 to %v", graph.ErrShape, t, p, n-1)
			}
			continue
		}
		weight := 1.0
		if w != nil {
			weight = w.data[i]
			if m.whole {
				weight = math.Trunc(weight)
			}
		}
		m.matrix[int(t)*m.NumClasses+int(p)] += weight
	}
	return nil
}

func (m *iou) result() []float64 {
	sum, valid := 0.0, 0.0
	for _, c := range m.TargetClassIDs {
		row, column := 0.0, 0.0
		for k := range m.NumClasses {
			row += m.matrix[c*m.NumClasses+k]
			column += m.matrix[k*m.NumClasses+c]
		}
		tp := m.matrix[c*m.NumClasses+c]
		union := row + column - tp
		switch {
		case m.old && union != 0:
			sum, valid = sum+tp/union, valid+1
		case !m.old && union > 1e-9:
			sum, valid = sum+tp/(union+epsilon), valid+1
		}
	}
	if m.old {
		return []float64{safeDivide(sum, valid)}
	}
	return []float64{sum / (valid + epsilon)}
}

// An r2 is R2Score: true values and predictions are (batch, outputs).
type r2 struct {
	aggregation                   string
	regressors                    int
	samples                       float64
	sum, squares, residual, count []float64
}

func newR2(o MetricOptions, _ bool) (accumulator, error) {
	r := &r2{regressors: o.NumRegressors}
	if o.ClassAggregation != nil {
		r.aggregation = *o.ClassAggregation
	}
	if !slices.Contains([]string{"", "uniform_average", "variance_weighted_average"}, r.aggregation) || r.regressors < 0 {
		return nil, fmt.Errorf("%w: class_aggregation %q, num_regressors %d", keras.ErrFormat, r.aggregation, r.regressors)
	}
	return r, nil
}

func (r *r2) reset() { *r = r2{aggregation: r.aggregation, regressors: r.regressors} }

func (r *r2) update(y, x array, w *array) error {
	y, x, err := alike(y, x)
	if err != nil {
		return err
	}
	if x.rank() != 2 {
		return fmt.Errorf("%w: predictions %v, want (batch, outputs)", graph.ErrShape, x.shape)
	}
	width := x.last()
	if r.sum == nil {
		r.sum, r.squares, r.residual, r.count = make([]float64, width), make([]float64, width), make([]float64, width), make([]float64, width)
	}
	if len(r.sum) != width {
		return fmt.Errorf("%w: %d outputs, %d before", graph.ErrShape, width, len(r.sum))
	}
	if w != nil && len(w.data) != x.shape[0] {
		return fmt.Errorf("%w: weights %v for %d examples", graph.ErrShape, w.shape, x.shape[0])
	}
	for i, v := range x.data {
		weight := 1.0
		if w != nil {
			weight = w.data[i/width]
		}
		t, k := y.data[i], i%width
		r.sum[k] += weight * t
		r.squares[k] += weight * t * t
		r.residual[k] += weight * (t - v) * (t - v)
		r.count[k] += weight
	}
	r.samples += float64(len(x.data))
	return nil
}

func (r *r2) result() []float64 {
	scores := make([]float64, len(r.sum))
	totals := make([]float64, len(r.sum))
	for k := range scores {
		totals[k] = r.squares[k] - r.sum[k]*r.sum[k]/r.count[k]
		if scores[k] = 1 - r.residual[k]/totals[k]; math.IsInf(scores[k], 0) {
			scores[k] = 0
		}
	}
	switch r.aggregation {
	case "uniform_average":
		scores = []float64{sumOf(scores)[0] / float64(len(scores))}
	case "variance_weighted_average":
		s := 0.0
		for k, v := range scores {
			s += totals[k] * v
		}
		scores = []float64{s / sumOf(totals)[0]}
	}
	if p := float64(r.regressors); p > 0 && p < r.samples-1 {
		for k, v := range scores {
			scores[k] = 1 - (1-v)*(r.samples-1)/(r.samples-p-1)
		}
	}
	return scores
}
