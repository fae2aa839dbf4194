package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/cmd/kerasrun/internal/output"
)

// inspectFlags are the flags of inspect.
type inspectFlags struct {
	model  modelFlags
	plan   bool
	batch  int
	shapes []string // NAME=DIMS
	expand bool
	stats  bool
	tree   bool
	cost   bool
	config bool
	json   bool
	output outputFlags
}

func (a *app) inspectCommand() *cobra.Command {
	f := &inspectFlags{}
	c := &cobra.Command{
		Use:     "inspect MODEL",
		Aliases: []string{"summary"},
		Short:   "Show what a model is made of",
		Long: `Inspect prints the table of Keras's model.summary(), facts about the file, and the
inputs and outputs. A model that uses something kerasrun does not implement ends
in exit code 3 and a message that names it.

With --plan it also prints the steps that a prediction takes: what is computed with
what fused into it, the kernel, the shape of the result, the parts that threads
share, floating-point operations, the bytes of operands, weights and results, and
how long the cost model thinks that it takes on one core.

Instead of all that, one view or several: --tree the layers as they are nested, with
their weights; --stats the weights with their least, mean and largest value; --cost
what each layer costs before anything is fused, in multiplications with additions
(MACs), parameters and bytes; --config the architecture as JSON, as the file has it.`,
		Example: `  kerasrun inspect model.keras
  kerasrun inspect model.json --weights model.weights.h5 --expand-nested
  kerasrun inspect resnet50.h5 --plan --batch 8
  kerasrun inspect fcn.keras --plan --shape image=1,480,640,3
  kerasrun inspect model.keras --cost
  kerasrun inspect model.keras --stats --tree
  kerasrun inspect model.h5 --config | jq .config.layers
  kerasrun inspect model.keras --json`,
		Args: arguments(1, 1, "MODEL"),
		RunE: func(_ *cobra.Command, args []string) error { return a.inspect(args[0], f) },
	}
	f.model.add(c)
	f.model.addExact(c)
	c.Flags().BoolVar(&f.plan, "plan", false, "print the steps of a prediction")
	c.Flags().BoolVar(&f.tree, "tree", false, "print the layers as they are nested, with their weights")
	c.Flags().BoolVar(&f.stats, "stats", false, "print the weights: least, mean and largest value, NaN and infinities")
	c.Flags().BoolVar(&f.cost, "cost", false, "print MACs, parameters and bytes of each layer")
	c.Flags().BoolVar(&f.config, "config", false, "print the architecture as JSON")
	c.Flags().IntVar(&f.batch, "batch", 1, "examples in the batch of --plan and --cost")
	c.Flags().StringArrayVar(&f.shapes, "shape", nil, "`NAME=DIMS` of an input for --plan and --cost, batch included: image=1,224,224,3")
	c.Flags().BoolVar(&f.expand, "expand-nested", false, "show the layers inside nested models")
	f.output.add(c, "table", "json")
	c.Flags().BoolVar(&f.json, "json", false, "short for --format json")
	return c
}

func (a *app) inspect(path string, f *inspectFlags) error {
	if f.batch < 1 {
		return usageError(fmt.Errorf("--batch %d, want 1 or more", f.batch))
	}
	if f.json && f.output.format == "" {
		f.output.format = "json"
	}
	if err := f.output.settle("table", "json"); err != nil {
		return usageError(err)
	}
	if f.config {
		return a.inspectConfig(path, f)
	}
	m, err := a.load(path, f.model)
	if err != nil {
		return err
	}
	defer m.Close()
	r := &report{model: m, params: countParams(m)}
	if f.tree || f.stats || f.cost {
		if err := a.addViews(r, path, f); err != nil {
			return err
		}
	}
	if f.plan || len(f.shapes) > 0 && !f.cost {
		if r.shapes, err = planShapes(m, f.batch, f.shapes); err != nil {
			return usageError(err)
		}
		if r.plan, err = newPlanReport(m, r.shapes); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return a.write(f.output, func(w io.Writer) error {
		if f.output.format == "json" {
			return r.writeJSON(w)
		}
		return r.write(w, a.outputStyle(f.output), kerasrun.SummaryOptions{Width: a.summaryWidth(), Expand: f.expand})
	})
}

// summaryWidth is the width of Keras's table: that of the terminal, within
// reason, or Keras's default.
func (a *app) summaryWidth() int {
	const least, most = 60, 120
	if w := terminalWidth(a.out); w > 0 {
		return min(max(w, least), most)
	}
	return 0
}

// terminalWidth is the number of columns of a terminal, 0 for what is none.
func terminalWidth(w io.Writer) int {
	if f, ok := w.(*os.File); ok && isTerminal(w) {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil {
			return columns
		}
	}
	return 0
}

// A report is what inspect knows about a model.
type report struct {
	model  *kerasrun.Model
	params params
	shapes []kerasrun.Shape // of the inputs, for plan
	plan   *planReport      // nil unless asked for
	views
}

// params counts the weights of a model.
type params struct {
	Total     int64 `json:"total"`
	Trainable int64 `json:"trainable"`
	Other     int64 `json:"non_trainable"`
	Bytes     int64 `json:"bytes"`
}

func countParams(m *kerasrun.Model) params {
	var p params
	for _, w := range m.Weights() {
		n := int64(w.Len())
		p.Total += n
		p.Bytes += n * int64(w.DType.Size())
		if w.Trainable {
			p.Trainable += n
		}
	}
	p.Other = p.Total - p.Trainable
	return p
}

func (r *report) write(w io.Writer, style output.Style, o kerasrun.SummaryOptions) error {
	if r.views.any() {
		return r.writeViews(w, style)
	}
	if _, err := fmt.Fprintf(w, "%s\n", r.model.Summary(o)); err != nil {
		return err
	}
	file := r.model.File()
	facts := style.NewTable(output.Column{Title: "File"}, output.Column{Title: file.Name})
	facts.Row("format", file.Format)
	if file.Weights != "" {
		facts.Row("weights file", file.Weights)
	}
	facts.Row("size", fmt.Sprintf("%s (%s bytes)", output.Bytes(file.Bytes), output.Count(file.Bytes)))
	facts.Row("written by", writtenBy(file))
	facts.Row("weights", fmt.Sprintf("%s in %s numbers", output.Bytes(r.params.Bytes), output.Count(r.params.Total)))
	facts.Row("layers", fmt.Sprintf("%d, all supported", len(r.model.Layers())))
	for _, warning := range file.Warnings {
		facts.Row("note", warning)
	}
	if err := facts.Write(w); err != nil {
		return err
	}
	fmt.Fprintln(w)
	ends := style.NewTable(output.Column{Title: "Input or output"}, output.Column{Title: "Name"}, output.Column{Title: "Type"}, output.Column{Title: "Shape"})
	for _, in := range r.model.Inputs() {
		ends.Row("input", in.Name, in.DType.String(), in.Shape.String())
	}
	for _, out := range r.model.Outputs() {
		ends.Row("output", out.Name, out.DType.String(), out.Shape.String())
	}
	if err := ends.Write(w); err != nil {
		return err
	}
	if r.plan == nil {
		return nil
	}
	fmt.Fprintln(w)
	return r.plan.write(w, style)
}

// writtenBy names the Keras that wrote a file.
func writtenBy(file kerasrun.FileInfo) string {
	by := "Keras"
	if file.Keras != "" {
		by += " " + file.Keras
	} else {
		by += " of unknown version"
	}
	if file.Backend != "" {
		by += " on " + file.Backend
	}
	return by
}

// endJSON is an input or output, with null for a free dimension.
type endJSON struct {
	Name  string `json:"name"`
	DType string `json:"dtype"`
	Shape []*int `json:"shape"`
}

func newEndJSON(io kerasrun.IO) endJSON {
	e := endJSON{Name: io.Name, DType: io.DType.String(), Shape: []*int{}}
	for _, d := range io.Shape {
		if d < 0 {
			e.Shape = append(e.Shape, nil)
		} else {
			e.Shape = append(e.Shape, &d)
		}
	}
	return e
}

func newEndsJSON(ios []kerasrun.IO) []endJSON {
	out := []endJSON{}
	for _, io := range ios {
		out = append(out, newEndJSON(io))
	}
	return out
}

// layerJSON is a layer of the model.
type layerJSON struct {
	Path      string    `json:"path"`
	Name      string    `json:"name"`
	Class     string    `json:"class"`
	Depth     int       `json:"depth"`
	Outputs   []endJSON `json:"outputs"`
	Params    int64     `json:"params"`
	Trainable int64     `json:"trainable"`
	Inbound   []string  `json:"inbound"`
}

func (r *report) writeJSON(w io.Writer) error {
	file := r.model.File()
	doc := struct {
		Schema int    `json:"schema_version"`
		Name   string `json:"name"`
		File   struct {
			Path    string `json:"path"`
			Format  string `json:"format"`
			Weights string `json:"weights_file,omitempty"`
			Bytes   int64  `json:"bytes"`
			Keras   string `json:"keras_version"`
			Backend string `json:"backend"`
		} `json:"file"`
		Supported bool          `json:"supported"`
		Inputs    []endJSON     `json:"inputs"`
		Outputs   []endJSON     `json:"outputs"`
		Params    params        `json:"params"`
		Layers    []layerJSON   `json:"layers"`
		Notes     []string      `json:"notes,omitempty"`
		Stats     []weightStats `json:"weights,omitempty"`
		Cost      *costReport   `json:"cost,omitempty"`
		Plan      *planReport   `json:"plan,omitempty"`
	}{
		Schema: 1, Name: r.model.Name(), Supported: true,
		Inputs: newEndsJSON(r.model.Inputs()), Outputs: newEndsJSON(r.model.Outputs()),
		Params: r.params, Layers: []layerJSON{}, Notes: file.Warnings, Stats: r.stats, Cost: r.cost, Plan: r.plan,
	}
	doc.File.Path, doc.File.Format, doc.File.Weights = file.Name, file.Format, file.Weights
	doc.File.Bytes, doc.File.Keras, doc.File.Backend = file.Bytes, file.Keras, file.Backend
	for _, l := range r.model.Layers() {
		j := layerJSON{Path: l.Path, Name: l.Name, Class: l.Class, Depth: l.Depth, Outputs: newEndsJSON(l.Outputs), Params: l.Params, Trainable: l.Trainable, Inbound: l.Inbound}
		if j.Inbound == nil {
			j.Inbound = []string{}
		}
		doc.Layers = append(doc.Layers, j)
	}
	text, err := json.MarshalIndent(doc, "", " ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", text)
	return err
}

// shapeText writes shapes as Keras does, several in brackets.
func shapeText(outs []kerasrun.IO) string {
	var texts []string
	for _, o := range outs {
		text := o.Shape.String()
		if o.DType != kerasrun.Float32 {
			text += " " + o.DType.String()
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ", ")
}
