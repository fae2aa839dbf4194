package metrics

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// A table counts true and false positives and negatives at each of some thresholds; with labels, for each label by itself.
type table struct {
	thresholds []float64 // as float32
	even       bool      // at equal distances from 0 to 1: Keras then finds the threshold by arithmetic
	outside    bool      // the first and last are just outside of 0 to 1
	topK       *int
	classID    *int
	labels     int // columns of tp, ..., or 0
	perLabel   bool
	labelWeigh list

	tp, fp, tn, fn []float64 // thresholds × max(labels, 1)
}

func newTable(thresholds []float64) *table {
	t := &table{even: evenly(thresholds)}
	for _, v := range thresholds {
		t.thresholds = append(t.thresholds, float64(float32(v)))
	}
	t.outside = thresholds[0] < 0 || thresholds[len(thresholds)-1] > 1
	t.clear(1)
	return t
}

// evenly is NumPy's allclose to equal distances.
func evenly(thresholds []float64) bool {
	n := len(thresholds)
	for i, v := range thresholds {
		want := float64(float32(i) / float32(n-1))
		if !(math.Abs(v-want) <= 1e-7+1e-5*math.Abs(want)) {
			return false
		}
	}
	return n >= 3
}

func (t *table) clear(labels int) {
	n := len(t.thresholds) * labels
	t.tp, t.fp, t.tn, t.fn = make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
}

func (t *table) reset() {
	t.labels = 0
	t.clear(1)
}

func (t *table) update(y, x array, w *array) error {
	y, x, err := alike(y, x)
	if err != nil {
		return err
	}
	var weights []float64
	if w != nil {
		v := w.expand()
		if v.rank() > y.rank() {
			v = v.squeeze()
		}
		ones := newArray(x.shape...)
		for i := range ones.data {
			ones.data[i] = 1
		}
		p, err := product(&ones, &v, false)
		if err != nil || !slices.Equal(p.shape, x.shape) {
			return fmt.Errorf("%w: weights %v for predictions %v", graph.ErrShape, w.shape, x.shape)
		}
		weights = p.data
	}
	width := x.last()
	if t.topK != nil {
		x = filterTopK(x, *t.topK)
	}
	if t.perLabel {
		if x.rank() != 2 {
			return fmt.Errorf("%w: predictions %v, want (batch, labels) with multi_label", graph.ErrShape, x.shape)
		}
		if t.labels == 0 {
			t.labels = width
			t.clear(width)
		}
		if t.labels != width {
			return fmt.Errorf("%w: %d labels, %d before", graph.ErrShape, width, t.labels)
		}
	}
	if t.classID != nil && (x.rank() < 2 || *t.classID < 0 || *t.classID >= width) {
		return fmt.Errorf("%w: class_id %d of predictions %v", graph.ErrShape, *t.classID, x.shape)
	}
	if t.labelWeigh != nil && !t.perLabel && len(t.labelWeigh) != width {
		return fmt.Errorf("%w: %d label_weights for predictions %v", graph.ErrShape, len(t.labelWeigh), x.shape)
	}
	for i, v := range x.data {
		label := i % width
		if t.classID != nil && label != *t.classID {
			continue
		}
		weight := 1.0
		if weights != nil {
			weight = weights[i]
		}
		if t.labelWeigh != nil && !t.perLabel {
			weight *= t.labelWeigh[label]
		}
		if !t.perLabel {
			label = 0
		}
		t.count(v, y.data[i] != 0, weight, label)
	}
	return nil
}

// count adds one prediction at all thresholds.
func (t *table) count(v float64, positive bool, weight float64, label int) {
	above := -1 // thresholds up to this one are below v
	if t.even {
		v = clip(v, 0, 1)
		above = int(math.Ceil(float64(float32(v)*float32(len(t.thresholds)-1)))) - 1
		if t.outside {
			above = max(above, 0)
		}
	}
	labels := max(t.labels, 1)
	for k, threshold := range t.thresholds {
		yes := k <= above
		if !t.even {
			yes = v > threshold
		}
		at := k*labels + label
		switch {
		case positive && yes:
			t.tp[at] += weight
		case positive:
			t.fn[at] += weight
		case yes:
			t.fp[at] += weight
		default:
			t.tn[at] += weight
		}
	}
}

// filterTopK replaces all but the k largest of each line; of equal ones the first stay.
func filterTopK(x array, k int) array {
	out := array{shape: x.shape, data: slices.Clone(x.data)}
	n := x.last()
	for i := 0; i < len(x.data); i += n {
		line := x.data[i : i+n]
		for j, v := range line {
			better := 0
			for m, u := range line {
				if u > v || u == v && m < j {
					better++
				}
			}
			if better >= k {
				out.data[i+j] = noScore
			}
		}
	}
	return out
}

// noScore is Keras's NEG_INF: below every score.
const noScore = -1e10

// given returns the thresholds of a metric that takes one or several.
func given(o MetricOptions) ([]float64, error) {
	switch {
	case len(o.Thresholds) > 0:
		for _, v := range o.Thresholds {
			if !(v >= 0 && v <= 1) {
				return nil, fmt.Errorf("%w: threshold %v, want 0 to 1", keras.ErrFormat, v)
			}
		}
		return o.Thresholds, nil
	case o.TopK != nil:
		return []float64{noScore}, nil
	}
	return []float64{0.5}, nil
}

// A tableMetric is a number of each threshold of a table.
type tableMetric struct {
	*table
	number func(t *table, k int) float64
}

func (m tableMetric) result() []float64 {
	out := make([]float64, len(m.thresholds))
	for k := range out {
		out[k] = m.number(m.table, k)
	}
	return out
}

func tableWith(o MetricOptions) (*table, error) {
	thresholds, err := given(o)
	if err != nil {
		return nil, err
	}
	t := newTable(thresholds)
	t.topK, t.classID = o.TopK, o.ClassID
	return t, nil
}

func countOf(which func(*table) []float64) func(MetricOptions, bool) (accumulator, error) {
	return func(o MetricOptions, _ bool) (accumulator, error) {
		t, err := tableWith(o)
		return tableMetric{t, func(t *table, k int) float64 { return which(t)[k] }}, err
	}
}

// ratioOf is the part that true positives are of them and others.
func ratioOf(others func(*table) []float64) func(MetricOptions, bool) (accumulator, error) {
	return func(o MetricOptions, _ bool) (accumulator, error) {
		t, err := tableWith(o)
		return tableMetric{t, func(t *table, k int) float64 { return safeDivide(t.tp[k], t.tp[k]+others(t)[k]) }}, err
	}
}

// A rate is a number of one threshold, and of the options the value that it is held to.
type rate struct {
	of   func(t *table, k int) float64
	held func(o MetricOptions) float64
}

var (
	sensitivity = rate{func(t *table, k int) float64 { return safeDivide(t.tp[k], t.tp[k]+t.fn[k]) }, func(o MetricOptions) float64 { return o.Sensitivity }}
	specificity = rate{func(t *table, k int) float64 { return safeDivide(t.tn[k], t.tn[k]+t.fp[k]) }, func(o MetricOptions) float64 { return o.Specificity }}
	recall      = rate{sensitivity.of, func(o MetricOptions) float64 { return o.Recall }}
	precisionAt = rate{func(t *table, k int) float64 { return safeDivide(t.tp[k], t.tp[k]+t.fp[k]) }, func(o MetricOptions) float64 { return o.Precision }}
)

// A bestRate is the largest of one rate where another is at least some value.
type bestRate struct {
	*table
	least       float64
	constrained rate
	wanted      rate
}

func (m bestRate) result() []float64 {
	best := 0.0
	for k := range m.thresholds {
		if float32(m.constrained.of(m.table, k)) >= float32(m.least) {
			best = math.Max(best, m.wanted.of(m.table, k))
		}
	}
	return []float64{best}
}

func bestAt(constrained, wanted rate) func(MetricOptions, bool) (accumulator, error) {
	return func(o MetricOptions, _ bool) (accumulator, error) {
		least := constrained.held(o)
		if !(least >= 0 && least <= 1) || o.NumThresholds < 1 {
			return nil, fmt.Errorf("%w: value %v and num_thresholds %d, want 0 to 1 and 1 or more", keras.ErrFormat, least, o.NumThresholds)
		}
		t := newTable(spaced(o.NumThresholds))
		t.classID = o.ClassID
		return bestRate{t, least, constrained, wanted}, nil
	}
}

// maxThresholds bounds num_thresholds, which a file gives.
const maxThresholds = 1 << 20

// spaced returns n thresholds from 0 to 1, or 0.5.
func spaced(n int) []float64 {
	n = min(n, maxThresholds)
	if n == 1 {
		return []float64{0.5}
	}
	out := make([]float64, n)
	for i := range out {
		out[i] = float64(i) / float64(n-1)
	}
	return out
}

// An auc is the area under a curve.
type auc struct {
	*table
	curve, method string
	weights       list // of labels, with perLabel
	fromLogits    bool
}

func newAUC(o MetricOptions, _ bool) (accumulator, error) {
	thresholds := spaced(max(o.NumThresholds, 2))
	if o.Thresholds != nil {
		sorted := slices.Clone(o.Thresholds)
		slices.Sort(sorted)
		thresholds = append(append([]float64{0}, sorted...), 1)
	} else if o.NumThresholds < 2 {
		return nil, fmt.Errorf("%w: num_thresholds %d, want 2 or more", keras.ErrFormat, o.NumThresholds)
	}
	even := evenly(thresholds) || o.Thresholds == nil
	thresholds[0], thresholds[len(thresholds)-1] = -1e-7, 1+1e-7
	a := &auc{table: newTable(thresholds), curve: strings.ToUpper(o.Curve), method: strings.ToLower(o.SummationMethod), fromLogits: o.FromLogits}
	a.even = even
	if !slices.Contains([]string{"ROC", "PR", "PRGAIN"}, a.curve) || !slices.Contains([]string{"interpolation", "majoring", "minoring"}, a.method) {
		return nil, fmt.Errorf("%w: curve %q and summation_method %q", keras.ErrUnsupported, o.Curve, o.SummationMethod)
	}
	a.perLabel = o.MultiLabel
	if len(o.LabelWeights) > 0 {
		a.weights, a.labelWeigh = o.LabelWeights, o.LabelWeights
	}
	return a, nil
}

func (a *auc) update(y, x array, w *array) error {
	if a.fromLogits {
		x = array{shape: x.shape, data: slices.Clone(x.data)}
		for i, v := range x.data {
			x.data[i] = float64(float32(1 / (1 + math.Exp(-v))))
		}
	}
	if err := a.table.update(y, x, w); err != nil {
		return err
	}
	if a.perLabel && a.weights != nil && len(a.weights) != a.labels {
		return fmt.Errorf("%w: %d label_weights for %d labels", graph.ErrShape, len(a.weights), a.labels)
	}
	return nil
}

func (a *auc) result() []float64 {
	labels := max(a.labels, 1)
	total, weights := 0.0, 0.0
	for l := range labels {
		w := 1.0
		if a.perLabel && a.weights != nil {
			w = a.weights[l]
		}
		total += w * a.area(l, labels)
		weights += w
	}
	return []float64{safeDivide(total, weights)}
}

func (a *auc) area(label, labels int) float64 {
	at := func(v []float64, k int) float64 { return v[k*labels+label] }
	sum := 0.0
	for k := range len(a.thresholds) - 1 {
		if a.curve == "PR" && a.method == "interpolation" {
			tp, next := at(a.tp, k), at(a.tp, k+1)
			p, q := tp+at(a.fp, k), next+at(a.fp, k+1)
			slope := safeDivide(tp-next, math.Max(p-q, 0))
			intercept := next - slope*q
			ratio := 1.0
			if p > 0 && q > 0 {
				ratio = p / q
			}
			sum += safeDivide(slope*(tp-next+intercept*math.Log(ratio)), math.Max(next+at(a.fn, k+1), 0))
			continue
		}
		x0, y0 := a.point(at, k)
		x1, y1 := a.point(at, k+1)
		height := (y0 + y1) / 2
		switch a.method {
		case "minoring":
			height = math.Min(y0, y1)
		case "majoring":
			height = math.Max(y0, y1)
		}
		sum += (x0 - x1) * height
	}
	return sum
}

// point is the point of the curve at threshold k.
func (a *auc) point(at func([]float64, int) float64, k int) (x, y float64) {
	tp, fp, tn, fn := at(a.tp, k), at(a.fp, k), at(a.tn, k), at(a.fn, k)
	switch a.curve {
	case "ROC":
		return safeDivide(fp, fp+tn), safeDivide(tp, tp+fn)
	case "PR":
		return safeDivide(tp, tp+fn), safeDivide(tp, tp+fp)
	}
	if tp == 0 {
		return 0, 1
	}
	scale := safeDivide(tp+fn, tn+fp)
	return math.Max(1-scale*safeDivide(fn, tp), 0), 1 - scale*safeDivide(fp, tp)
}
