package metrics

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// MetricOptions are the arguments of Keras's metrics, each of which heeds some of them.
type MetricOptions struct {
	Threshold        *float64 `json:"threshold"`
	Thresholds       list     `json:"thresholds"`
	K                int      `json:"k"`
	FromSortedIDs    bool     `json:"from_sorted_ids"`
	TopK             *int     `json:"top_k"`
	ClassID          *int     `json:"class_id"`
	NumThresholds    int      `json:"num_thresholds"`
	Specificity      float64  `json:"specificity"`
	Sensitivity      float64  `json:"sensitivity"`
	Precision        float64  `json:"precision"`
	Recall           float64  `json:"recall"`
	Curve            string   `json:"curve"`
	SummationMethod  string   `json:"summation_method"`
	MultiLabel       bool     `json:"multi_label"`
	NumLabels        *int     `json:"num_labels"`
	LabelWeights     list     `json:"label_weights"`
	FromLogits       bool     `json:"from_logits"`
	LabelSmoothing   float64  `json:"label_smoothing"`
	IgnoreClass      *int     `json:"ignore_class"`
	Axis             *axes    `json:"axis"`
	Average          *string  `json:"average"`
	Beta             float64  `json:"beta"`
	NumClasses       int      `json:"num_classes"`
	TargetClassIDs   axes     `json:"target_class_ids"`
	SparseYTrue      bool     `json:"sparse_y_true"`
	SparseYPred      bool     `json:"sparse_y_pred"`
	ClassAggregation *string  `json:"class_aggregation"`
	NumRegressors    int      `json:"num_regressors"`
	// whole says that counts are whole numbers: the metric's dtype is an integer.
	whole bool
}

// An accumulator is the state of a metric. w are the weights, nil for ones.
type accumulator interface {
	update(y, x array, w *array) error
	result() []float64
	reset()
}

// A metricClass is a row of the table of metrics.
type metricClass struct {
	class, name string
	options     []string
	make        func(o MetricOptions, old bool) (accumulator, error)
	aliases     []string
}

// A Metric is one of Keras's metrics: it takes batches and has a result at any time. It belongs to one goroutine.
type Metric struct {
	Name  string
	class string
	state accumulator
	old   bool
	// masked says that the mask of a prediction is a weight.
	masked bool
}

// NewMetric returns a metric by the name of its class or function, with Keras's defaults.
func NewMetric(name string, options ...Option) (*Metric, error) {
	return ParseMetric(keras.NewString(name), options...)
}

// MetricNames returns the names of the classes of metrics, as in keras.metrics.
func MetricNames() []string {
	var names []string
	for _, c := range metricClasses() {
		names = append(names, c.class)
	}
	return names
}

// ParseMetric returns the metric that a compile config names: a string, or an object with class_name and config. Losses by name
// of their function are metrics too: the mean over all examples. "accuracy" depends on shapes, and is left to [Compile]. Errors
// are those of [ParseLoss].
func ParseMetric(v *keras.Value, options ...Option) (*Metric, error) {
	s := settle(options)
	name, config, err := objectOf(v)
	if err != nil {
		return nil, fmt.Errorf("metric: %w", err)
	}
	kind := byClass
	if v.Kind() == keras.String {
		kind = byName
	} else if isFunction(v) {
		kind = byFunction
	}
	m, err := parseMetric(name, config, kind, s)
	if err != nil {
		return nil, fmt.Errorf("metric %s: %w", name, err)
	}
	return m, nil
}

// A naming says how a config names a metric.
type naming uint8

const (
	byClass    naming = iota // an object of a class
	byName                   // a string
	byFunction               // a function, which Keras looks for among the losses first
)

func parseMetric(name string, config *keras.Value, kind naming, s settings) (*Metric, error) {
	given, named := config.Get("name").Str()
	if name == "MeanMetricWrapper" {
		fn, inner, err := objectOf(config.Get("fn"))
		if err != nil {
			return nil, err
		}
		if inner.IsNull() {
			inner = config
		}
		kind := byName
		if isFunction(config.Get("fn")) {
			kind = byFunction
		}
		m, err := parseMetric(fn, inner, kind, s)
		if err == nil && named {
			m.Name = given
		}
		return m, err
	}
	m := &Metric{Name: name, old: s.old()}
	classes := metricClasses()
	loss := lossClassOf(name)
	if i := slices.IndexFunc(classes, func(c metricClass) bool {
		if kind == byFunction && loss != nil {
			return false
		}
		return c.class == name || keras.SnakeCase(c.class) == name || c.name == name || slices.Contains(c.aliases, name)
	}); i >= 0 {
		c := classes[i]
		o := MetricOptions{K: 5, NumThresholds: 200, Curve: "ROC", SummationMethod: "interpolation", Beta: 1, SparseYTrue: true, SparseYPred: true, whole: !s.old()}
		switch c.class {
		case "OneHotIoU", "OneHotMeanIoU":
			o.SparseYTrue, o.SparseYPred = false, false
		case "R2Score":
			uniform := "uniform_average"
			o.ClassAggregation = &uniform
			if v := config; v.Has("class_aggregation") && v.Get("class_aggregation").IsNull() {
				o.ClassAggregation = nil
			}
		case "BinaryIoU":
			o.TargetClassIDs = axes{0, 1}
		}
		if d, ok := config.Get("dtype").Str(); ok {
			o.whole = strings.HasPrefix(d, "int")
		}
		if ids := config.Get("target_class_ids"); !ids.IsNull() {
			o.TargetClassIDs = nil
		}
		if err := decodeOptions(config, &o, c.options); err != nil {
			return nil, err
		}
		state, err := c.make(o, m.old)
		if err != nil {
			return nil, err
		}
		m.class, m.state = c.class, state
		mean, ok := state.(*meanOver)
		m.masked = m.old || ok && !mean.root // which Keras 3 computes without a wrapper that knows masks
		if kind == byClass || c.class == name && m.old {
			m.Name = c.name
		}
		if named {
			m.Name = given
		}
		return m, nil
	}
	c := loss
	if c == nil {
		return nil, fmt.Errorf("%w: it is none of Keras's", keras.ErrUnsupported)
	}
	o := c.defaults()
	if err := decodeOptions(config, &o, c.options); err != nil {
		return nil, err
	}
	m.class, m.state, m.masked = c.class, lossMean(c, o, m.old), true
	if named {
		m.Name = given
	}
	return m, nil
}

// Update counts a batch. weights may be nil; they are (batch), or (batch, time) where the metric has a value a time step.
func (m *Metric) Update(yTrue Tensor, p Prediction, weights *Tensor) error {
	y, x, err := read(yTrue, p)
	var w *array
	if err == nil {
		w, err = optional(weights)
	}
	if err == nil && p.Mask != nil && m.masked {
		var mask *array
		if mask, err = optional(p.Mask); err == nil {
			w, err = product(mask, w, m.old)
		}
	}
	if err == nil {
		err = m.state.update(y, x, w)
	}
	if err != nil {
		return fmt.Errorf("metric %s: %w", m.Name, err)
	}
	return nil
}

// Result returns the metric of what was counted so far: one number, or one for each class, label or threshold.
func (m *Metric) Result() []float64 { return m.state.result() }

// Reset forgets what was counted.
func (m *Metric) Reset() { m.state.reset() }

// Labels reports that true values are classes as whole numbers.
func (m *Metric) Labels() bool {
	if c := lossClassOf(m.class); c != nil && c.labels {
		return true
	}
	return strings.HasPrefix(m.class, "Sparse")
}

// A meanOver is the mean of values that a function computes of each example.
type meanOver struct {
	values       func(y, x array) (values array, valid []float64, err error)
	root         bool // of which the square root is the result
	old          bool
	total, count float64
}

func (m *meanOver) reset() { m.total, m.count = 0, 0 }

func (m *meanOver) result() []float64 {
	r := safeDivide(m.total, m.count)
	if m.root {
		r = sqrt(r)
	}
	return []float64{r}
}

func (m *meanOver) update(y, x array, w *array) error {
	values, valid, err := m.values(y, x)
	if err != nil {
		return err
	}
	v := &array{shape: values.shape, data: valid}
	if m.old {
		if valid != nil {
			if w, err = product(v, w, true); err != nil {
				return err
			}
		}
		return m.updateOld(values, w)
	}
	if w == nil {
		// the mean of each example, then their sum: one number after all
		n := float64(len(values.data))
		if n > 0 && len(values.shape) > 0 {
			m.total += values.sum() / n * float64(values.shape[0])
			m.count += float64(values.shape[0])
		} else if n > 0 {
			m.total += values.data[0]
			m.count++
		}
		return nil
	}
	if valid != nil {
		if w, err = product(v, w, false); err != nil {
			return err
		}
	}
	a, b := sameRank(values, *w, true)
	values, w = a, &b
	if values.rank() > w.rank() {
		values = meanFrom(values, w.rank())
	}
	ones := newArray(values.shape...)
	for i := range ones.data {
		ones.data[i] = 1
	}
	spread, err := product(&ones, w, false)
	if err != nil || !slices.Equal(spread.shape, values.shape) {
		return fmt.Errorf("%w: weights %v for values %v", graph.ErrShape, w.shape, values.shape)
	}
	for i := range values.data {
		values.data[i] *= spread.data[i]
	}
	if w.rank() > 1 {
		*spread = meanFrom(*spread, 1)
	}
	m.total += meanFrom(values, 1).sum()
	m.count += spread.sum()
	return nil
}

// updateOld is Keras 2's: all values count alike.
func (m *meanOver) updateOld(values array, w *array) error {
	if w == nil {
		m.total += values.sum()
		m.count += float64(len(values.data))
		return nil
	}
	switch {
	case w.rank() == values.rank()+1 && w.last() == 1:
		s := w.squeeze()
		w = &s
	case values.rank() == w.rank()+1 && w.rank() > 0:
		s := w.expand()
		w = &s
	}
	ones := newArray(values.shape...)
	for i := range ones.data {
		ones.data[i] = 1
	}
	spread, err := product(&ones, w, true)
	if err != nil || w.rank() != values.rank() || !slices.Equal(spread.shape, values.shape) {
		if w.rank() >= values.rank() || w.rank() == 0 {
			return fmt.Errorf("%w: weights %v for values %v", graph.ErrShape, w.shape, values.shape)
		}
		values = meanFrom(values, w.rank())
		if spread = w; !slices.Equal(spread.shape, values.shape) {
			return fmt.Errorf("%w: weights %v for values %v", graph.ErrShape, w.shape, values.shape)
		}
	}
	for i, v := range values.data {
		m.total += v * spread.data[i]
	}
	m.count += spread.sum()
	return nil
}

// meanFrom takes the mean over the axes from k on.
func meanFrom(a array, k int) array {
	if k >= a.rank() {
		return a
	}
	out := newArray(a.shape[:k]...)
	size := len(a.data) / max(len(out.data), 1)
	for i := range out.data {
		for _, v := range a.data[i*size : (i+1)*size] {
			out.data[i] += v
		}
		out.data[i] /= float64(size)
	}
	return out
}

// lossMean is the mean of a loss function.
func lossMean(c *lossClass, o LossOptions, old bool) *meanOver {
	return &meanOver{old: old, values: func(y, x array) (array, []float64, error) {
		switch {
		case c.class == "CTC" || c.class == "Circle" || c.class == "CategoricalGeneralizedCrossEntropy":
		case old:
			y, x = oldRanks(y, x)
		case c.squeezes:
			y, x = sameRank(y, x, true)
		case !c.labels && y.rank() != x.rank():
			return array{}, nil, fmt.Errorf("%w: true values %v, want %v as the predictions (Keras 3 adds no axis here)", graph.ErrShape, y.shape, x.shape)
		}
		call := &lossCall{LossOptions: o, old: old, y: y, x: x}
		v, err := c.call(call)
		return v, call.valid, err
	}}
}

// meanMetric makes a row of the table for a metric that is the mean of a function.
func meanMetric(class, name string, options []string, f func(o MetricOptions, old bool, y, x array) (array, error), aliases ...string) metricClass {
	return metricClass{class: class, name: name, options: options, aliases: aliases, make: func(o MetricOptions, old bool) (accumulator, error) {
		return &meanOver{old: old, values: func(y, x array) (array, []float64, error) {
			if old {
				y, x = oldRanks(y, x)
			}
			v, err := f(o, old, y, x)
			return v, nil, err
		}}, nil
	}}
}

// lossMetric makes a row of the table for a metric that is the mean of the loss function fn.
func lossMetric(class, name, fn string, options []string, aliases ...string) metricClass {
	return metricClass{class: class, name: name, options: options, aliases: aliases, make: func(o MetricOptions, old bool) (accumulator, error) {
		c := lossClassOf(fn)
		if c == nil {
			return nil, errors.New("no loss " + fn)
		}
		l := c.defaults()
		l.FromLogits, l.LabelSmoothing, l.IgnoreClass, l.Axis = o.FromLogits, o.LabelSmoothing, o.IgnoreClass, o.Axis
		return lossMean(c, l, old), nil
	}}
}

// metricClasses is the table of metrics.
func metricClasses() []metricClass {
	condition := []string{"thresholds"}
	precision := []string{"thresholds", "top_k", "class_id"}
	iou := []string{"num_classes", "target_class_ids", "ignore_class", "sparse_y_true", "sparse_y_pred", "axis"}
	logits := []string{"from_logits", "label_smoothing"}
	return []metricClass{
		// keras.metrics, accuracy
		meanMetric("Accuracy", "accuracy", nil, exactMatches),
		meanMetric("BinaryAccuracy", "binary_accuracy", []string{"threshold"}, binaryMatches),
		meanMetric("CategoricalAccuracy", "categorical_accuracy", nil, categoricalMatches),
		meanMetric("SparseCategoricalAccuracy", "sparse_categorical_accuracy", nil, sparseMatches),
		meanMetric("TopKCategoricalAccuracy", "top_k_categorical_accuracy", []string{"k"}, topKMatches),
		meanMetric("SparseTopKCategoricalAccuracy", "sparse_top_k_categorical_accuracy", []string{"k", "from_sorted_ids"}, sparseTopKMatches),
		// probabilistic
		lossMetric("BinaryCrossentropy", "binary_crossentropy", "binary_crossentropy", logits, "bce", "BCE"),
		lossMetric("CategoricalCrossentropy", "categorical_crossentropy", "categorical_crossentropy", append(logits, "axis")),
		lossMetric("SparseCategoricalCrossentropy", "sparse_categorical_crossentropy", "sparse_categorical_crossentropy", []string{"from_logits", "ignore_class", "axis"}),
		lossMetric("KLDivergence", "kl_divergence", "kl_divergence", nil, "kullback_leibler_divergence"),
		lossMetric("Poisson", "poisson", "poisson", nil),
		// regression
		lossMetric("MeanSquaredError", "mean_squared_error", "mean_squared_error", nil, "mse", "MSE"),
		lossMetric("MeanAbsoluteError", "mean_absolute_error", "mean_absolute_error", nil, "mae", "MAE"),
		lossMetric("MeanAbsolutePercentageError", "mean_absolute_percentage_error", "mean_absolute_percentage_error", nil, "mape", "MAPE"),
		lossMetric("MeanSquaredLogarithmicError", "mean_squared_logarithmic_error", "mean_squared_logarithmic_error", nil, "msle", "MSLE"),
		lossMetric("LogCoshError", "logcosh", "log_cosh", nil),
		meanMetric("CosineSimilarity", "cosine_similarity", []string{"axis"}, cosineSimilarity),
		{class: "RootMeanSquaredError", name: "root_mean_squared_error", make: rootMeanSquaredError},
		{class: "R2Score", name: "r2_score", options: []string{"class_aggregation", "num_regressors"}, make: newR2},
		meanMetric("PearsonCorrelation", "pearson_correlation", []string{"axis"}, pearson),
		meanMetric("ConcordanceCorrelation", "concordance_correlation", []string{"axis"}, concordance),
		// hinge
		lossMetric("Hinge", "hinge", "hinge", nil),
		lossMetric("SquaredHinge", "squared_hinge", "squared_hinge", nil),
		lossMetric("CategoricalHinge", "categorical_hinge", "categorical_hinge", nil),
		// classification by thresholds
		{class: "TruePositives", name: "true_positives", options: condition, make: countOf(func(t *table) []float64 { return t.tp })},
		{class: "TrueNegatives", name: "true_negatives", options: condition, make: countOf(func(t *table) []float64 { return t.tn })},
		{class: "FalsePositives", name: "false_positives", options: condition, make: countOf(func(t *table) []float64 { return t.fp })},
		{class: "FalseNegatives", name: "false_negatives", options: condition, make: countOf(func(t *table) []float64 { return t.fn })},
		{class: "Precision", name: "precision", options: precision, make: ratioOf(func(t *table) []float64 { return t.fp })},
		{class: "Recall", name: "recall", options: precision, make: ratioOf(func(t *table) []float64 { return t.fn })},
		{class: "SensitivityAtSpecificity", name: "sensitivity_at_specificity", options: []string{"specificity", "num_thresholds", "class_id"}, make: bestAt(specificity, sensitivity)},
		{class: "SpecificityAtSensitivity", name: "specificity_at_sensitivity", options: []string{"sensitivity", "num_thresholds", "class_id"}, make: bestAt(sensitivity, specificity)},
		{class: "PrecisionAtRecall", name: "precision_at_recall", options: []string{"recall", "num_thresholds", "class_id"}, make: bestAt(recall, precisionAt)},
		{class: "RecallAtPrecision", name: "recall_at_precision", options: []string{"precision", "num_thresholds", "class_id"}, make: bestAt(precisionAt, recall)},
		{class: "AUC", name: "auc", make: newAUC,
			options: []string{"num_thresholds", "curve", "summation_method", "thresholds", "multi_label", "num_labels", "label_weights", "from_logits"}},
		{class: "FBetaScore", name: "fbeta_score", options: []string{"average", "beta", "threshold"}, make: newFScore},
		{class: "F1Score", name: "f1_score", options: []string{"average", "threshold"}, make: newFScore},
		// image segmentation
		{class: "IoU", name: "io_u", options: iou, make: newIoU},
		{class: "BinaryIoU", name: "binary_io_u", options: []string{"target_class_ids", "threshold"}, make: newBinaryIoU},
		{class: "MeanIoU", name: "mean_io_u", options: iou, make: newMeanIoU},
		{class: "OneHotIoU", name: "one_hot_io_u", options: iou, make: newIoU},
		{class: "OneHotMeanIoU", name: "one_hot_mean_io_u", options: iou, make: newMeanIoU},
	}
}
