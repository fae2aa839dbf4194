package metrics

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// LossOptions are the arguments of Keras's losses, each of which heeds some of them.
type LossOptions struct {
	FromLogits          bool    `json:"from_logits"`
	LabelSmoothing      float64 `json:"label_smoothing"`
	Axis                *axes   `json:"axis"`
	Delta               float64 `json:"delta"`
	Alpha               list    `json:"alpha"`
	Beta                float64 `json:"beta"`
	Gamma               float64 `json:"gamma"`
	ApplyClassBalancing bool    `json:"apply_class_balancing"`
	IgnoreClass         *int    `json:"ignore_class"`
	Margin              float64 `json:"margin"`
	RemoveDiagonal      bool    `json:"remove_diagonal"`
	Q                   float64 `json:"q"`
	// Reduction is how the values of a batch become one: "sum_over_batch_size" (also "mean", and "auto" of Keras 2), "sum",
	// "mean_with_sample_weight".
	Reduction string `json:"reduction"`
}

// axis is the axis that a loss is over, the last one unless the options say otherwise.
func (o *LossOptions) axis() int {
	if o.Axis == nil || len(*o.Axis) != 1 {
		return -1
	}
	return (*o.Axis)[0]
}

// axes are a number or a list of numbers.
type axes []int

// UnmarshalKeras implements [keras.Unmarshaler].
func (a *axes) UnmarshalKeras(v *keras.Value) error {
	for _, it := range itemsOf(v) {
		n, ok := it.Int()
		if !ok {
			return fmt.Errorf("%s, want whole numbers", it.JSON())
		}
		*a = append(*a, n)
	}
	return nil
}

// A list is a number or a list of numbers.
type list []float64

// UnmarshalKeras implements [keras.Unmarshaler].
func (l *list) UnmarshalKeras(v *keras.Value) error {
	*l = nil
	for _, it := range itemsOf(v) {
		x, ok := it.Float()
		if !ok {
			return fmt.Errorf("%s, want numbers", it.JSON())
		}
		*l = append(*l, x)
	}
	return nil
}

// at returns element i; a single one stands for all.
func (l list) at(i int) float64 {
	if i >= len(l) {
		i = len(l) - 1
	}
	if i < 0 {
		return 1
	}
	return l[i]
}

// itemsOf returns the items of a list or of a tuple as Keras 3 writes it, or v itself; none for null.
func itemsOf(v *keras.Value) []*keras.Value {
	switch {
	case v.IsNull():
		return nil
	case v.Kind() == keras.Array:
		return v.Items()
	}
	if c, _ := v.Get("class_name").Str(); c == "__tuple__" {
		return v.Get("config").Items()
	}
	if c, _ := v.Get("class_name").Str(); c == "__numpy__" || c == "__tensor__" {
		return itemsOf(v.Get("config").Get("value"))
	}
	return []*keras.Value{v}
}

// A lossClass is a row of the table of losses: a class, its function, the class's default name and the options it has.
type lossClass struct {
	class, fn, name string
	options         []string
	call            func(*lossCall) (array, error)
	// squeezes says that Keras 3's function itself, as a metric, brings true values and predictions to one rank.
	squeezes bool
	// labels says that true values are classes as whole numbers.
	labels  bool
	aliases []string
}

var lossClasses = []lossClass{
	{class: "MeanSquaredError", fn: "mean_squared_error", call: elementwise(squaredError), squeezes: true, aliases: []string{"mse", "MSE"}},
	{class: "MeanAbsoluteError", fn: "mean_absolute_error", call: elementwise(absoluteError), squeezes: true, aliases: []string{"mae", "MAE"}},
	{class: "MeanAbsolutePercentageError", fn: "mean_absolute_percentage_error", call: elementwise(percentageError), squeezes: true, aliases: []string{"mape", "MAPE"}},
	{class: "MeanSquaredLogarithmicError", fn: "mean_squared_logarithmic_error", call: elementwise(logarithmicError), squeezes: true, aliases: []string{"msle", "MSLE"}},
	{class: "CosineSimilarity", fn: "cosine_similarity", options: []string{"axis"}, call: linewise(cosineLoss), squeezes: true},
	{class: "Huber", fn: "huber", name: "huber_loss", options: []string{"delta"}, call: elementwise(huberError), squeezes: true, aliases: []string{"huber_loss"}},
	{class: "LogCosh", fn: "log_cosh", call: elementwise(logCosh), squeezes: true, aliases: []string{"logcosh"}},
	{class: "Hinge", fn: "hinge", call: hinges(hingeError)},
	{class: "SquaredHinge", fn: "squared_hinge", call: hinges(squaredHingeError)},
	{class: "CategoricalHinge", fn: "categorical_hinge", call: linewise(categoricalHinge)},
	{class: "KLDivergence", fn: "kl_divergence", call: linewise(klDivergence), aliases: []string{"kld", "KLD", "kullback_leibler_divergence"}},
	{class: "Poisson", fn: "poisson", call: elementwise(poissonError)},
	{class: "BinaryCrossentropy", fn: "binary_crossentropy", options: []string{"from_logits", "label_smoothing", "axis"}, call: binaryCrossentropy, aliases: []string{"bce", "BCE"}},
	{class: "BinaryFocalCrossentropy", fn: "binary_focal_crossentropy",
		options: []string{"from_logits", "label_smoothing", "axis", "apply_class_balancing", "alpha", "gamma"}, call: binaryFocalCrossentropy},
	{class: "CategoricalCrossentropy", fn: "categorical_crossentropy", options: []string{"from_logits", "label_smoothing", "axis"}, call: linewise(crossentropy)},
	{class: "CategoricalFocalCrossentropy", fn: "categorical_focal_crossentropy",
		options: []string{"from_logits", "label_smoothing", "axis", "alpha", "gamma"}, call: linewise(focalCrossentropy)},
	{class: "SparseCategoricalCrossentropy", fn: "sparse_categorical_crossentropy", options: []string{"from_logits", "ignore_class", "axis"}, call: sparseCrossentropy, labels: true},
	{class: "CTC", fn: "ctc", call: ctc, labels: true},
	{class: "Dice", fn: "dice", options: []string{"axis"}, call: dice},
	{class: "Tversky", fn: "tversky", options: []string{"alpha", "beta", "axis"}, call: tversky},
	{class: "Circle", fn: "circle", options: []string{"gamma", "margin", "remove_diagonal"}, call: circle, labels: true},
	{class: "CategoricalGeneralizedCrossEntropy", fn: "categorical_generalized_cross_entropy", options: []string{"q"}, call: generalizedCrossentropy, labels: true},
}

// defaults are Keras's defaults of the options.
func (c *lossClass) defaults() LossOptions {
	o := LossOptions{Delta: 1, Alpha: list{0.25}, Beta: 0.5, Gamma: 2, Margin: 0.4, RemoveDiagonal: true, Q: 0.5, Reduction: "sum_over_batch_size"}
	switch c.class {
	case "Circle":
		o.Gamma = 80
	case "Tversky":
		o.Alpha = list{0.5}
	}
	return o
}

func (c *lossClass) defaultName() string {
	if c.name != "" {
		return c.name
	}
	return c.fn
}

// lossClassOf finds a loss by the name of its class, function or alias.
func lossClassOf(name string) *lossClass {
	for i := range lossClasses {
		c := &lossClasses[i]
		if c.class == name || c.fn == name || slices.Contains(c.aliases, name) {
			return c
		}
	}
	return nil
}

// LossNames returns the names of the classes of losses, as in keras.losses.
func LossNames() []string {
	var names []string
	for _, c := range lossClasses {
		names = append(names, c.class)
	}
	return names
}

// A Loss is one of Keras's losses with its options. It is immutable.
type Loss struct {
	Name    string
	Options LossOptions
	class   *lossClass
	old     bool
}

// An Option says how losses and metrics are made.
type Option func(*settings)

type settings struct{ version keras.Version }

// For says whose losses and metrics are meant: those of the Keras that wrote a file. The default is Keras 3.
func For(v keras.Version) Option { return func(s *settings) { s.version = v } }

func settle(options []Option) settings {
	s := settings{version: keras.Version{Major: 3, Minor: 15}}
	for _, o := range options {
		o(&s)
	}
	return s
}

func (s settings) old() bool { return s.version.Major < 3 }

// NewLoss returns a loss by the name of its class or function, with the options that are set by settings, or Keras's defaults.
func NewLoss(name string, options ...Option) (*Loss, error) {
	return ParseLoss(keras.NewString(name), options...)
}

// ParseLoss returns the loss that a compile config names: a string, or an object with class_name and config. Errors wrap
// [keras.ErrUnsupported] for what is not one of Keras's losses or options, [keras.ErrFormat] for what is malformed.
func ParseLoss(v *keras.Value, options ...Option) (*Loss, error) {
	s := settle(options)
	name, config, err := objectOf(v)
	if err != nil {
		return nil, fmt.Errorf("loss: %w", err)
	}
	if name == "LossFunctionWrapper" {
		if name, _, err = objectOf(config.Get("fn")); err != nil {
			return nil, fmt.Errorf("loss: %w", err)
		}
	}
	if s.old() && s.version.TF && name == "cosine_proximity" {
		name = "cosine_similarity"
	}
	c := lossClassOf(name)
	if c == nil {
		return nil, fmt.Errorf("%w: loss %q is none of Keras's", keras.ErrUnsupported, name)
	}
	l := &Loss{Name: c.defaultName(), Options: c.defaults(), class: c, old: s.old()}
	if v.Kind() == keras.String {
		l.Name = name
		if c.class == name {
			l.Name = c.defaultName()
		}
	}
	if n, ok := config.Get("name").Str(); ok {
		l.Name = n
	}
	if err := decodeOptions(config, &l.Options, append([]string{"reduction"}, c.options...)); err != nil {
		return nil, fmt.Errorf("loss %s: %w", name, err)
	}
	switch l.Options.Reduction {
	case "auto", "mean":
		l.Options.Reduction = "sum_over_batch_size"
	case "sum_over_batch_size", "sum", "mean_with_sample_weight":
	default:
		return nil, fmt.Errorf("%w: loss %s: reduction %q; evaluate needs one number a batch", keras.ErrUnsupported, name, l.Options.Reduction)
	}
	return l, nil
}

// objectOf returns the name and the config of what a compile config has for a loss or metric.
func objectOf(v *keras.Value) (name string, config *keras.Value, err error) {
	if s, ok := v.Str(); ok {
		return s, nil, nil
	}
	name, ok := v.Get("class_name").Str()
	if !ok {
		return "", nil, fmt.Errorf("%w: %s, want a name or an object with class_name and config", keras.ErrFormat, shortJSON(v))
	}
	config = v.Get("config")
	if fn, ok := config.Str(); ok && isFunction(v) {
		return fn, nil, nil
	}
	if i := strings.LastIndexByte(name, '>'); i >= 0 && strings.EqualFold(name[:i], "keras") {
		name = name[i+1:]
	}
	if m, ok := v.Get("module").Str(); ok && m != "" {
		if top, _, _ := strings.Cut(m, "."); top != "keras" && top != "tf_keras" && top != "tensorflow" && top != "builtins" {
			return "", nil, fmt.Errorf("%w: %s of module %s", keras.ErrUnsupported, name, m)
		}
	}
	return name, config, nil
}

// isFunction reports a function as Keras 3 writes one.
func isFunction(v *keras.Value) bool {
	c, _ := v.Get("class_name").Str()
	return c == "function" || c == "builtin_function_or_method"
}

func shortJSON(v *keras.Value) string {
	s := v.JSON()
	if len(s) > 80 {
		s = s[:77] + "..."
	}
	return s
}

// decodeOptions reads the keys of a config into a struct of options; a key that the class has not is an error.
func decodeOptions(config *keras.Value, into any, known []string) error {
	if config.IsNull() {
		return nil
	}
	var plain []string
	for _, k := range config.Keys() {
		switch k {
		case "name", "dtype", "fn":
			continue
		}
		if !slices.Contains(known, k) {
			if config.Get(k).IsNull() {
				continue
			}
			return fmt.Errorf("%w: option %q = %s", keras.ErrUnsupported, k, shortJSON(config.Get(k)))
		}
		plain = append(plain, k)
	}
	o := keras.NewObject()
	for _, k := range plain {
		if v := config.Get(k); !v.IsNull() {
			o = o.With(k, v)
		}
	}
	return keras.DecodeConfig(o, into)
}

// Class is the name of the loss's class in keras.losses.
func (l *Loss) Class() string { return l.class.class }

// Labels reports that the true values of the loss are classes as whole numbers, not one number for each class.
func (l *Loss) Labels() bool { return l.class.labels }

// Values returns the loss of each example, in Keras's shape: that of the predictions without the axis that it is over.
func (l *Loss) Values(yTrue Tensor, p Prediction) (Tensor, error) {
	v, _, err := l.values(yTrue, p)
	if err != nil {
		return Tensor{}, fmt.Errorf("loss %s: %w", l.Name, err)
	}
	return Tensor{DType: graph.Float64, Shape: v.shape, Data: v.data}, nil
}

func (l *Loss) values(yTrue Tensor, p Prediction) (values array, valid []float64, err error) {
	y, x, err := read(yTrue, p)
	if err != nil {
		return array{}, nil, err
	}
	switch {
	case l.class.class == "CTC" || l.class.class == "Circle" || l.class.class == "CategoricalGeneralizedCrossEntropy":
	case l.old:
		y, x = oldRanks(y, x)
	default:
		y, x = sameRank(y, x, true)
	}
	c := &lossCall{LossOptions: l.Options, old: l.old, y: y, x: x}
	values, err = l.class.call(c)
	return values, c.valid, err
}

// oldRanks is what Keras 2 does to ranks before a loss or a metric.
func oldRanks(y, x array) (array, array) {
	if y.rank() == 1 && x.rank() == 2 {
		y = y.expand()
	}
	if x.rank()-y.rank() != 1 || x.last() == 1 {
		switch {
		case x.rank() == y.rank()+1 && x.last() == 1:
			x = x.squeeze()
		case y.rank() == x.rank()+1 && y.last() == 1:
			y = y.squeeze()
		}
	}
	return y, x
}

// Of returns the loss of a batch as one number, by the loss's reduction. weights, (batch) or (batch, time), may be nil.
func (l *Loss) Of(yTrue Tensor, p Prediction, weights *Tensor) (float64, error) {
	v, err := l.of(yTrue, p, weights)
	if err != nil {
		return 0, fmt.Errorf("loss %s: %w", l.Name, err)
	}
	return v, nil
}

func (l *Loss) of(yTrue Tensor, p Prediction, weights *Tensor) (float64, error) {
	values, valid, err := l.values(yTrue, p)
	if err != nil {
		return 0, err
	}
	mean := l.Options.Reduction != "sum"
	w, err := optional(weights)
	if err != nil {
		return 0, err
	}
	mask, err := optional(p.Mask)
	if err != nil {
		return 0, err
	}
	if l.old && mask != nil { // Keras 2 weighs with the mask, and once more in the loss
		if w, err = product(mask, w, true); err != nil {
			return 0, err
		}
	}
	if valid != nil {
		v := array{shape: values.shape, data: valid}
		if mask, err = product(&v, mask, l.old); err != nil {
			return 0, err
		}
	}
	if mask != nil {
		m := *mask
		if mean && l.Options.Reduction != "mean_with_sample_weight" {
			scale := safeDivide(float64(len(m.data)), m.sum())
			m = array{shape: m.shape, data: slices.Clone(m.data)}
			for i := range m.data {
				m.data[i] *= scale
			}
		}
		if w, err = product(&m, w, l.old); err != nil {
			return 0, err
		}
	}
	if w != nil {
		weighted, err := product(&values, w, l.old)
		if err != nil {
			return 0, err
		}
		values = *weighted
	}
	if len(values.shape) == 0 || !mean {
		return values.sum(), nil
	}
	divisor := float64(len(values.data))
	if l.Options.Reduction == "mean_with_sample_weight" && w != nil {
		divisor = w.sum()
	}
	return safeDivide(values.sum(), divisor), nil
}

func optional(t *Tensor) (*array, error) {
	if t == nil {
		return nil, nil
	}
	a, err := numbers(*t)
	if err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	return &a, nil
}

// product multiplies elements, either operand being nil for ones: values a with weights b. Ranks that differ by one are brought
// together, by an axis of 1 that is there in Keras 3 and may be added in Keras 2 (old); then shapes are broadcast as NumPy does.
func product(a, b *array, old bool) (*array, error) {
	if a == nil {
		return b, nil
	}
	if b == nil {
		return a, nil
	}
	x, y := *a, *b
	switch {
	case old && b.rank() == a.rank()+1 && b.last() == 1:
		y = y.squeeze()
	case old && a.rank() == b.rank()+1 && b.rank() > 0:
		y = y.expand()
	case !old:
		x, y = sameRank(x, y, true)
	}
	rank := max(x.rank(), y.rank())
	dim := func(s []int, k int) int {
		if k -= rank - len(s); k < 0 {
			return 1
		}
		return s[k]
	}
	shape := make([]int, rank)
	for k := range shape {
		p, q := dim(x.shape, k), dim(y.shape, k)
		if p != q && p != 1 && q != 1 {
			return nil, fmt.Errorf("%w: weights or mask %v for values %v", graph.ErrShape, b.shape, a.shape)
		}
		shape[k] = max(p, q)
	}
	out := newArray(shape...)
	for i := range out.data {
		r, px, py, sx, sy := i, 0, 0, 1, 1
		for k := rank - 1; k >= 0; k-- {
			j := r % shape[k]
			r /= shape[k]
			if d := dim(x.shape, k); d > 1 {
				px += j * sx
				sx *= d
			}
			if d := dim(y.shape, k); d > 1 {
				py += j * sy
				sy *= d
			}
		}
		out.data[i] = x.data[px] * y.data[py]
	}
	return &out, nil
}
