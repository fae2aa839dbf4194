package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/cmd/kerasrun/internal/confusion"
	"github.com/kerasrun/kerasrun/cmd/kerasrun/internal/input"
	"github.com/kerasrun/kerasrun/cmd/kerasrun/internal/output"
	"github.com/kerasrun/kerasrun/internal/atomicfile"
	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/metrics"
	"github.com/kerasrun/kerasrun/metrics/evaluate"
	"github.com/kerasrun/kerasrun/vision"
)

// evaluateFlags are the flags of evaluate.
type evaluateFlags struct {
	model         modelFlags
	output        outputFlags
	json          bool
	data          string
	loss, metrics []string
	labels        string
	preprocess    string
	batch, top    int
	picture       string
}

func (a *app) evaluateCommand() *cobra.Command {
	f := &evaluateFlags{}
	c := &cobra.Command{
		Use:   "evaluate MODEL --data DIR|FILE",
		Short: "Measure a model on data with known answers",
		Long: `Evaluate runs a model on examples whose answers are known and prints the loss and the
metrics that the model was compiled with, as Keras's model.evaluate does: the losses
that the layers' regularizers add included. Of a classifier it also prints how well
each class is told, the confusion matrix, and how far confidence can be trusted.

DATA is one of
  a folder with a folder of images for each class, numbered by name or as in --labels
  an .npz with arrays x and y (or x_test and y_test; x_NAME, y_NAME or the names
  themselves of inputs and outputs), and perhaps sample_weight
  a .csv whose rows have the numbers of the input, then the true values

True values are as Keras wants them for the loss; class numbers of folders and of a
single column are spread to one number for each class where the loss is for those.

--loss and --metrics replace what the file says: NAME, OUTPUT=NAME, or JSON as Keras
writes it. As in Keras, results depend a little on --batch where layers regularize
activities or examples have weights.`,
		Example: `  kerasrun evaluate model.keras --data test/
  kerasrun evaluate model.h5 --data test.npz --picture confusion.png
  kerasrun evaluate model.keras --data rows.csv --loss mse --metrics mae,r2_score
  kerasrun evaluate model.keras --data test.npz --json -o report.json`,
		Args: arguments(1, 1, "MODEL"),
		RunE: func(c *cobra.Command, args []string) error { return a.evaluate(c.Context(), args[0], f) },
	}
	f.model.add(c)
	f.model.addExact(c)
	f.output.add(c, "table", "json")
	c.Flags().BoolVar(&f.json, "json", false, "short for --format json")
	c.Flags().StringVar(&f.data, "data", "", "`DIR` of class folders, or an .npz or .csv file")
	c.Flags().StringArrayVar(&f.loss, "loss", nil, "`LOSS` instead of the file's: NAME, OUTPUT=NAME or JSON")
	c.Flags().StringArrayVar(&f.metrics, "metrics", nil, "`METRICS` instead of the file's: NAME,NAME..., OUTPUT=NAME,... or JSON")
	c.Flags().StringVar(&f.labels, "labels", "", "`FILE` with names of classes: a line each, or JSON")
	c.Flags().StringVar(&f.preprocess, "preprocess", "none", "`MODE` for images: none, scale, tf, caffe or torch")
	c.Flags().IntVar(&f.batch, "batch", 32, "examples in a batch")
	c.Flags().IntVar(&f.top, "top", 5, "also count the true class among so many best ones; 0 for not")
	c.Flags().StringVar(&f.picture, "picture", "", "draw the confusion matrix to `FILE`, a .png or .svg")
	return c
}

// check checks the flags and reads what replaces the compile config.
func (f *evaluateFlags) check() (mode vision.Mode, config evaluate.Config, err error) {
	if f.json && f.output.format == "" {
		f.output.format = "json"
	}
	if mode, err = vision.ParseMode(f.preprocess); err != nil {
		return mode, config, fmt.Errorf("--preprocess %q, want none, scale, tf, caffe or torch", f.preprocess)
	}
	switch {
	case f.data == "":
		return mode, config, errors.New("no --data DIR or FILE with examples and their true values")
	case f.batch < 1:
		return mode, config, fmt.Errorf("--batch %d, want 1 or more", f.batch)
	case f.top < 0:
		return mode, config, fmt.Errorf("--top %d, want 0 or more", f.top)
	case f.picture != "" && !confusion.Known(f.picture):
		return mode, config, fmt.Errorf("--picture %s, want a name that ends in %s", f.picture, strings.Join(confusion.Formats, " or "))
	}
	if err := f.output.settle("table", "json"); err != nil {
		return mode, config, err
	}
	one := func(name string) (*keras.Value, error) {
		_, err := metrics.NewLoss(name)
		if name == "crossentropy" || name == "ce" {
			err = nil
		}
		return keras.NewString(name), err
	}
	if config.Loss, err = compileFlag(f.loss, one); err != nil {
		return mode, config, fmt.Errorf("--loss: %w; want one of %s", err, strings.Join(metrics.LossNames(), ", "))
	}
	several := func(names string) (*keras.Value, error) {
		var list []*keras.Value
		for _, name := range strings.Split(names, ",") {
			name = strings.TrimSpace(name)
			if _, err := metrics.NewMetric(name); err != nil && name != "accuracy" && name != "acc" {
				return nil, err
			}
			list = append(list, keras.NewString(name))
		}
		return keras.NewArray(list...), nil
	}
	if config.Metrics, err = compileFlag(f.metrics, several); err != nil {
		return mode, config, fmt.Errorf("--metrics: %w; want accuracy or some of %s", err, strings.Join(metrics.MetricNames(), ", "))
	}
	return mode, config, nil
}

// compileFlag reads the values of --loss or --metrics: JSON, one for all outputs, or one for each named output.
func compileFlag(values []string, parse func(string) (*keras.Value, error)) (*keras.Value, error) {
	if len(values) == 0 {
		return nil, nil
	}
	if first := strings.TrimSpace(values[0]); len(values) == 1 && (strings.HasPrefix(first, "{") || strings.HasPrefix(first, "[")) {
		return keras.ParseJSON([]byte(first), keras.Limits{})
	}
	byOutput := keras.NewObject()
	for _, v := range values {
		output, name, named := strings.Cut(v, "=")
		if !named {
			if len(values) > 1 {
				return nil, fmt.Errorf("%q besides others; want OUTPUT=NAME of each", v)
			}
			return parse(v)
		}
		one, err := parse(name)
		if err != nil {
			return nil, err
		}
		byOutput = byOutput.With(output, one)
	}
	return byOutput, nil
}

func (a *app) evaluate(ctx context.Context, path string, f *evaluateFlags) error {
	mode, config, err := f.check()
	if err != nil {
		return usageError(err)
	}
	labels, err := readLabels(f.labels)
	if err != nil {
		return err
	}
	var e *evaluate.Evaluation
	err = a.loadWith(path, f.model, func(options []kerasrun.Option) (*kerasrun.Model, error) {
		var err error
		if e, err = evaluate.Load(path, config, options...); err != nil {
			if errors.Is(err, metrics.ErrNotCompiled) {
				err = fmt.Errorf("%w: its file names no loss and no metrics; give --loss NAME and --metrics NAME[,NAME]", err)
			}
			return nil, err
		}
		return e.Model(), nil
	})
	if err != nil {
		return err
	}
	defer e.Close()
	r := &input.Reader{Inputs: e.Model().Inputs(), Preprocess: mode, Stdin: a.in}
	data, err := r.OpenDataset(ctx, f.data, e.Outputs(), labels)
	if err != nil {
		return inputError(err)
	}
	if labels == nil {
		labels = data.Classes
	}
	report := &evaluation{Evaluation: e, model: path, data: f.data, examples: data.Examples, batch: f.batch, top: f.top, labels: labels}
	report.prepare()
	start := time.Now()
	bar := a.progressOf(data.Examples, "examples")
	err = data.Batches(ctx, f.batch, func(x input.Examples) error {
		if err := report.add(ctx, x, data.PlainTargets()); err != nil {
			return fmt.Errorf("%s: %w", f.data, err)
		}
		bar.Add(x.Inputs[0].Shape[0])
		return nil
	})
	bar.Finish()
	if err != nil {
		return inputError(err)
	}
	a.timed(start, "%d examples: read and evaluated", data.Examples)
	a.noteImages(r)
	a.noteScale(r, e.Model())
	if f.picture != "" {
		if err := report.draw(f.picture); err != nil {
			return err
		}
	}
	return a.write(f.output, func(w io.Writer) error {
		if f.output.format == "json" {
			return report.json(w)
		}
		return report.tables(w, a.outputStyle(f.output))
	})
}

// An evaluation gathers what evaluate reports.
type evaluation struct {
	*evaluate.Evaluation
	model, data          string
	examples, batch, top int
	labels               []string
	classes              []*metrics.Confusion // by output; nil where that is no classification
}

// mostClasses bounds confusion matrices: they have its square of numbers.
const mostClasses = 2000

// prepare decides which outputs may be those of a classification.
func (r *evaluation) prepare() {
	r.classes = make([]*metrics.Confusion, len(r.Outputs()))
	for i, o := range r.Outputs() {
		if len(o.Shape) != 2 || o.Shape[1] < 1 || o.Shape[1] > mostClasses {
			continue
		}
		if l := r.Compiled().Loss(i); o.Shape[1] == 1 && (l == nil || !strings.HasPrefix(l.Class(), "Binary")) {
			continue // a number, not the score of a class
		}
		r.classes[i] = metrics.NewConfusion(max(o.Shape[1], 2))
	}
}

// add runs and counts a batch.
func (r *evaluation) add(ctx context.Context, x input.Examples, plain bool) error {
	targets := make([]kerasrun.Tensor, len(x.Targets))
	for i, y := range x.Targets {
		if targets[i] = y; !plain {
			continue
		}
		o := r.Outputs()[i]
		labels, known := r.Compiled().Labels(i)
		if len(o.Shape) == 2 && o.Shape[1] > 1 && known && !labels {
			var err error
			if targets[i], err = oneHot(y, o.Shape[1]); err != nil {
				return err
			}
		}
	}
	p, err := r.Batch(ctx, x.Inputs, targets, x.Weights)
	if err != nil {
		return err
	}
	for i, c := range r.classes {
		if c == nil {
			continue
		}
		classes, n, ok := metrics.Classes(x.Targets[i], p[i].Values)
		if !ok || n != c.Classes {
			r.classes[i] = nil
			continue
		}
		l := r.Compiled().Loss(i)
		if err := c.Add(classes, p[i].Values, l != nil && l.Options.FromLogits); err != nil {
			return err
		}
	}
	return nil
}

// oneHot spreads class numbers, (batch), to rows with a 1 for the class, (batch, classes).
func oneHot(y kerasrun.Tensor, classes int) (kerasrun.Tensor, error) {
	data := make([]float32, y.Len()*classes)
	for i := range y.Len() {
		v := y.Float(i)
		if v != math.Trunc(v) || v < 0 || v >= float64(classes) {
			return y, fmt.Errorf("%w: true value %v, want the number of a class, 0 to %d", kerasrun.ErrInput, v, classes-1)
		}
		data[i*classes+int(v)] = 1
	}
	return kerasrun.Floats(data, y.Len(), classes), nil
}

// label names a class.
func (r *evaluation) label(c *metrics.Confusion, k int) string {
	if len(r.labels) == c.Classes {
		return r.labels[k]
	}
	return strconv.Itoa(k)
}

// draw writes the picture of the only confusion matrix.
func (r *evaluation) draw(file string) error {
	var found *metrics.Confusion
	for _, c := range r.classes {
		if c != nil && found != nil {
			return inputError(errors.New("--picture: several outputs are classifications, but a picture shows one"))
		}
		if c != nil {
			found = c
		}
	}
	if found == nil {
		return inputError(fmt.Errorf("--picture: %s is no classification: want scores (batch, classes) and for true values class numbers or rows with a single 1", r.data))
	}
	m := confusion.Matrix{Confusion: found, Title: fmt.Sprintf("%s: %.1f%% of %s right", r.Model().Name(), 100*found.Accuracy(), output.Count(found.Examples()))}
	if len(r.labels) == found.Classes {
		m.Labels = r.labels
	}
	return atomicfile.Write(file, func(w io.Writer) error { return m.Write(w, file) })
}

// mostShown is up to how many classes the tables show the matrix.
const mostShown = 20

func (r *evaluation) tables(w io.Writer, style output.Style) error {
	t := style.NewTable(output.Column{Title: "Metric"}, output.Column{Title: "Value"})
	for _, m := range r.Results() {
		var values []string
		for _, v := range m.Values {
			values = append(values, output.Float(v))
		}
		t.Row(m.Name, strings.Join(values, " "))
	}
	if err := t.Write(w); err != nil {
		return err
	}
	for i, c := range r.classes {
		if c == nil {
			continue
		}
		title := ""
		if len(r.classes) > 1 {
			title = style.Strong(r.Outputs()[i].Name) + "\n"
		}
		if _, err := fmt.Fprintf(w, "\n%s", title); err != nil {
			return err
		}
		if err := r.classTable(c, style).Write(w); err != nil {
			return err
		}
		if c.Classes <= mostShown {
			fmt.Fprintln(w)
			if err := r.matrix(c, style).Write(w); err != nil {
				return err
			}
		}
		fmt.Fprintf(w, "\n%s of %s right (%s)", output.Count(right(c)), output.Count(c.Examples()), share(c.Accuracy()))
		if r.top > 1 && r.top < c.Classes {
			fmt.Fprintf(w, ", the true class among the best %d: %s", r.top, share(c.TopK(r.top)))
		}
		if c.Probabilities {
			fmt.Fprintf(w, "\nConfidence and accuracy are apart by %s (expected calibration error, %d bins)", share(c.CalibrationError()), len(c.Bins))
		}
		fmt.Fprintln(w)
	}
	_, err := fmt.Fprintf(w, "\n%s examples in batches of %d\n", output.Count(int64(r.examples)), r.batch)
	return err
}

// share writes a part of 1.
func share(x float64) string { return fmt.Sprintf("%.2f%%", 100*x) }

func right(c *metrics.Confusion) int64 {
	n := int64(0)
	for k := range c.Classes {
		n += c.Counts[k*c.Classes+k]
	}
	return n
}

func (r *evaluation) classTable(c *metrics.Confusion, style output.Style) *output.Table {
	t := style.NewTable(output.Column{Title: "Class"}, output.Column{Title: "Precision", Right: true}, output.Column{Title: "Recall", Right: true},
		output.Column{Title: "F1", Right: true}, output.Column{Title: "Support", Right: true})
	row := func(name string, s metrics.ClassScore) []string {
		three := func(x float64) string { return fmt.Sprintf("%.3f", x) }
		return []string{name, three(s.Precision), three(s.Recall), three(s.F1), output.Count(s.Support)}
	}
	for k, s := range c.PerClass() {
		t.Row(row(r.label(c, k), s)...)
	}
	macro, weighted := c.Means()
	t.Row(row("mean of classes", macro)...)
	t.Footer(row("mean by support", weighted)...)
	return t
}

// matrix is the confusion matrix: true classes down, predicted ones across.
func (r *evaluation) matrix(c *metrics.Confusion, style output.Style) *output.Table {
	columns := []output.Column{{Title: `True \ predicted`}}
	for k := range c.Classes {
		columns = append(columns, output.Column{Title: r.label(c, k), Right: true})
	}
	t := style.NewTable(columns...)
	for k := range c.Classes {
		cells := []string{r.label(c, k)}
		for p := range c.Classes {
			text := "."
			if v := c.Counts[k*c.Classes+p]; v > 0 {
				text = output.Count(v)
			}
			cells = append(cells, text)
		}
		t.Row(cells...)
	}
	return t
}

// A number is one in JSON, NaN and infinities being strings.
type number float64

// MarshalJSON implements [json.Marshaler].
func (n number) MarshalJSON() ([]byte, error) {
	return output.AppendElement(nil, kerasrun.Tensor{DType: kerasrun.Float64, Data: []float64{float64(n)}}, 0), nil
}

// json writes the report as JSON.
func (r *evaluation) json(w io.Writer) error {
	type class struct {
		Label string `json:"label"`
		metrics.ClassScore
	}
	type classification struct {
		Output      string             `json:"output"`
		Accuracy    float64            `json:"accuracy"`
		Classes     []class            `json:"classes"`
		Macro       metrics.ClassScore `json:"macro"`
		Weighted    metrics.ClassScore `json:"weighted"`
		TopK        map[string]float64 `json:"top_k,omitempty"`
		Calibration *float64           `json:"calibration_error,omitempty"`
		Confusion   [][]int64          `json:"confusion"`
	}
	type result struct {
		Name  string `json:"name"`
		Value any    `json:"value"`
	}
	doc := struct {
		Schema          int              `json:"schema_version"`
		Model           string           `json:"model"`
		Data            string           `json:"data"`
		Examples        int              `json:"examples"`
		Batch           int              `json:"batch"`
		Results         []result         `json:"results"`
		Classifications []classification `json:"classifications"`
	}{Schema: 1, Model: r.model, Data: r.data, Examples: r.examples, Batch: r.batch, Results: []result{}, Classifications: []classification{}}
	for _, m := range r.Results() {
		one := result{Name: m.Name}
		var values []number
		for _, v := range m.Values {
			values = append(values, number(v))
		}
		if one.Value = values; len(values) == 1 {
			one.Value = values[0]
		}
		doc.Results = append(doc.Results, one)
	}
	for i, c := range r.classes {
		if c == nil {
			continue
		}
		d := classification{Output: r.Outputs()[i].Name, Accuracy: c.Accuracy()}
		for k, s := range c.PerClass() {
			d.Classes = append(d.Classes, class{r.label(c, k), s})
			d.Confusion = append(d.Confusion, c.Counts[k*c.Classes:(k+1)*c.Classes])
		}
		d.Macro, d.Weighted = c.Means()
		if r.top > 1 && r.top < c.Classes {
			d.TopK = map[string]float64{strconv.Itoa(r.top): c.TopK(r.top)}
		}
		if c.Probabilities {
			v := c.CalibrationError()
			d.Calibration = &v
		}
		doc.Classifications = append(doc.Classifications, d)
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", " ")
	return encoder.Encode(doc)
}
