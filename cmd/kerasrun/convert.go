package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/convert"
	"github.com/kerasrun/kerasrun/internal/verify"
)

// convertFlags are the flags of convert.
type convertFlags struct {
	model   modelFlags
	to      string
	options convert.Options
	edits   convert.Edits
	smaller string
	verify  bool
	samples string
}

func (a *app) convertCommand() *cobra.Command {
	f := &convertFlags{}
	c := &cobra.Command{
		Use:   "convert MODEL OUT",
		Short: "Write a model in another format",
		Long: `Convert writes a model, or its weights, in another format, which the ending of OUT
or --to names:

` + formatList() + `
What kerasrun itself opens is verified: the result is loaded, run on seeded inputs (or
on those of --samples) and compared; one that differs is not written. Other formats are
checked for structure, and the command says so.

--smaller stores weights in fewer bits (--weights is another flag: the FILE that has
those of an architecture). f16 and bf16 round them; the model computes in the type that it
computed in, and Keras opens the result. int8 is what model.quantize("int8") of Keras
makes of Dense, EinsumDense, Embedding and ReversibleEmbedding; Keras has no int8 form of
other layers, which stay as they are. A table says what it cost: the largest difference
in each layer, as a part of its largest weight, and in the outputs. The
result must compute exactly what the smaller model does; how far that is from MODEL is
for you to judge.

--fold folds each BatchNormalization into the convolution or Dense before it, where that
alone feeds it, and lists what it folded and what it left.

OUT appears whole or not at all, and nothing is replaced without --overwrite. Options of
formats that do not have them are ignored; f16 and bf16 are an error where a format has
no such weights (onnx, tflite, c).`,
		Example: `  kerasrun convert old.h5 new.keras
  kerasrun convert model.keras weights.safetensors
  kerasrun convert model.h5 model.onnx --opset 18
  kerasrun convert model.keras digits/digits.go
  kerasrun convert model.keras small.keras --smaller f16 --prune-optimizer
  kerasrun convert resnet50.keras folded.keras --fold
  kerasrun convert model.keras small.keras --smaller int8 --samples inputs.npz`,
		Args: arguments(2, 2, "MODEL OUT"),
		RunE: func(c *cobra.Command, args []string) error { return a.convert(c.Context(), args[0], args[1], f) },
	}
	f.model.add(c)
	flags := c.Flags()
	flags.StringVar(&f.to, "to", "", "`FORMAT` of OUT (default: by its ending)")
	flags.BoolVar(&f.options.Overwrite, "overwrite", false, "replace OUT if it exists")
	flags.IntVar(&f.options.Keras, "keras", 3, "the Keras that an .h5 or .json is for: 3, or 2 for tf_keras")
	flags.IntVar(&f.options.Opset, "opset", 17, "the operator set of an .onnx")
	flags.StringVar(&f.options.Package, "package", "", "the `NAME` of the package of a .go (default: that of the file)")
	flags.BoolVar(&f.options.PruneOptimizer, "prune-optimizer", false, "leave the state of the optimizer out")
	flags.StringVar(&f.smaller, "smaller", "", "store the weights as `FORM`: f16, bf16 or int8")
	flags.BoolVar(&f.edits.Fold, "fold", false, "fold BatchNormalization into the convolution or Dense before it")
	flags.BoolVar(&f.verify, "verify", true, "run the result and compare, where kerasrun opens it")
	flags.StringVar(&f.samples, "samples", "", "`FILE` (.npz) with inputs to verify on")
	return c
}

// formatList describes the formats for the help.
func formatList() string {
	var b strings.Builder
	for _, f := range convert.Formats() {
		fmt.Fprintf(&b, "  %-12s %-13s %s\n", f.Name, f.Ending, f.About)
	}
	return b.String()
}

func (a *app) convert(ctx context.Context, in, out string, f *convertFlags) error {
	format, err := convert.Of(f.to, out)
	if err != nil {
		return usageError(err)
	}
	if k := f.options.Keras; k != 2 && k != 3 {
		return usageError(fmt.Errorf("--keras %d, want 2 or 3", k))
	}
	f.edits.Weights = convert.Form(f.smaller)
	if f.smaller != "" && !slices.Contains(convert.Forms(), f.edits.Weights) {
		return usageError(fmt.Errorf("--smaller %s, want one of %v", f.smaller, convert.Forms()))
	}
	if sameFile(in, out) {
		return usageError(fmt.Errorf("%s is both the model and the result", out))
	}
	start := time.Now()
	m, err := a.open(in, f.model)
	if err != nil {
		return err
	}
	defer m.Close()
	f.options.Note = a.note
	edited, err := convert.Edit(ctx, m, f.edits, f.options)
	if err != nil {
		return convertError(in, out, format.Name, err)
	}
	if edited.Weights != nil {
		f.options.Stored = edited.Weights.Stored
	}
	verified := false
	if f.verify && format.Reads {
		f.options.Check = func(fsys fs.FS, name string) error {
			verified = true
			return a.checkConverted(ctx, in, edited, fsys, format, name, out, f)
		}
	}
	if err := convert.ToPath(ctx, out, edited.Model, format.Name, f.options); err != nil {
		return convertError(in, out, format.Name, err)
	}
	if f.verify && !verified {
		a.note("%s: numbers not verified here: kerasrun does not read %s", out, format.Name)
	}
	a.timed(start, "%s: written", out)
	if a.quiet {
		return nil
	}
	if err := a.reportFolded(edited.Folded); err != nil || edited.Weights == nil {
		return err
	}
	return a.reportSmaller(ctx, in, edited, f)
}

// convertError gives an error of a conversion its exit code.
func convertError(in, out, format string, err error) error {
	var coded *failure
	switch {
	case errors.As(err, &coded):
		return err
	case errors.Is(err, fs.ErrExist):
		return usageError(fmt.Errorf("%s exists; --overwrite replaces it", out))
	case errors.Is(err, convert.ErrOptions):
		return usageError(err)
	case errors.Is(err, kerasrun.ErrUnsupported), errors.Is(err, kerasrun.ErrFormat):
		return modelError(fmt.Errorf("%s to %s: %w", in, format, err))
	}
	return fmt.Errorf("%s: %w", out, err)
}

func sameFile(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// verifySeed makes the inputs on which a conversion is verified.
const verifySeed = 1

// verifyBatch is the number of rows that it is verified on.
const verifyBatch = 2

// checkConverted runs a model, as edited, and what it was converted to, name in
// fsys, on the same inputs and compares.
func (a *app) checkConverted(ctx context.Context, in string, edited *convert.Edited, fsys fs.FS, format *convert.Format, name, shown string, f *convertFlags) error {
	was, err := a.reference(ctx, in, nil, f)
	if err != nil {
		return err
	}
	want := was
	tolerance := verify.DefaultTolerance
	if edited.Weights != nil {
		whole, err := a.reference(ctx, in, edited.Whole, f)
		if err != nil {
			return err
		}
		if err := whole.compare(shown, was, tolerance); err != nil {
			return err
		}
		if want, err = a.reference(ctx, in, edited.Model, f); err != nil {
			return err
		}
		if f.options.Keras != 2 && format.Name != "tfjs" { // the same architecture, and the same weights bit by bit
			tolerance = verify.Tolerance{}
		}
	}
	flags := f.model
	flags.exact = true
	flags.weights = "" // of in: what was written has its own
	after, err := kerasrun.LoadFS(fsys, format.Opens(name), flags.options()...)
	if err != nil {
		return &failure{exitVerify, fmt.Errorf("%s: the result does not open: %w", shown, err)}
	}
	defer after.Close()
	got, err := after.Predict(ctx, want.inputs...)
	if err != nil {
		return &failure{exitVerify, fmt.Errorf("%s: the result does not run: %w", shown, err)}
	}
	return (&reference{outputs: got}).compare(shown, want, tolerance)
}

// A reference is what a model computes.
type reference struct {
	inputs, outputs []kerasrun.Tensor
	names           []string // of the outputs
}

// compare holds the outputs of a result to those wanted.
func (r *reference) compare(shown string, want *reference, tolerance verify.Tolerance) error {
	if len(r.outputs) != len(want.outputs) {
		return &failure{exitVerify, fmt.Errorf("%s: the result has %d outputs, want %d", shown, len(r.outputs), len(want.outputs))}
	}
	for i, w := range want.outputs {
		if d := tolerance.Compare(r.outputs[i], w); !d.OK {
			return &failure{exitVerify, fmt.Errorf("%s: the result differs at output %q: %s", shown, want.names[i], d.Reason)}
		}
	}
	return nil
}

// reference runs the model at path, or what it was edited to unless that is nil, on the inputs of the flags.
func (a *app) reference(ctx context.Context, path string, edited *kerasrun.Source, f *convertFlags) (*reference, error) {
	flags := f.model
	flags.exact = true
	load := func() (*kerasrun.Model, error) { return kerasrun.Load(path, flags.options()...) }
	if edited != nil {
		load = func() (*kerasrun.Model, error) { return kerasrun.LoadSource(edited, flags.options()...) }
	}
	m, err := load()
	if err != nil {
		return nil, f.model.openError(path, err)
	}
	defer m.Close()
	inputs, err := f.inputs(m)
	if err != nil {
		return nil, err
	}
	outputs, err := m.Predict(ctx, inputs...)
	if err != nil {
		if f.samples == "" && ctx.Err() == nil {
			err = inputError(fmt.Errorf("%s does not run on the inputs that it would be verified on, --samples FILE gives others: %w", path, err))
		}
		return nil, err
	}
	r := &reference{inputs: inputs, outputs: outputs}
	for _, o := range m.Outputs() {
		r.names = append(r.names, o.Name)
	}
	return r, nil
}

// inputs are those of --samples, or seeded ones.
func (f *convertFlags) inputs(m *kerasrun.Model) ([]kerasrun.Tensor, error) {
	if f.samples != "" {
		c, err := verify.ReadCase(f.samples, m)
		if err != nil {
			return nil, inputError(err)
		}
		return c.Inputs, nil
	}
	shapes := make([]kerasrun.Shape, len(m.Inputs()))
	for i, in := range m.Inputs() {
		shape := append(kerasrun.Shape{}, in.Shape...)
		for k, d := range shape {
			switch {
			case d >= 0:
			case k == 0:
				shape[k] = verifyBatch
			default:
				shape[k] = freeLength
			}
		}
		shapes[i] = shape
	}
	return randomInputs(m, shapes, verifySeed), nil
}

// freeLength stands in for dimensions that a model leaves free.
const freeLength = 32
