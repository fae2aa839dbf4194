package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
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

OUT appears whole or not at all, and nothing is replaced without --overwrite. Options of
formats that do not have them are ignored.`,
		Example: `  kerasrun convert old.h5 new.keras
  kerasrun convert model.keras weights.safetensors
  kerasrun convert model.h5 model.onnx --opset 18
  kerasrun convert model.keras digits/digits.go
  kerasrun convert model.keras small.keras --prune-optimizer`,
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
	verified := false
	if f.verify && format.Reads {
		f.options.Check = func(fsys fs.FS, name string) error {
			verified = true
			return a.checkConverted(ctx, in, fsys, format.Opens(name), out, f)
		}
	}
	if err := convert.ToPath(ctx, out, m, format.Name, f.options); err != nil {
		switch {
		case errors.Is(err, fs.ErrExist):
			return usageError(fmt.Errorf("%s exists; --overwrite replaces it", out))
		case errors.Is(err, convert.ErrOptions):
			return usageError(err)
		case errors.Is(err, kerasrun.ErrUnsupported), errors.Is(err, kerasrun.ErrFormat):
			return modelError(fmt.Errorf("%s to %s: %w", in, format.Name, err))
		}
		return fmt.Errorf("%s: %w", out, err)
	}
	if f.verify && !verified {
		a.note("%s: numbers not verified here: kerasrun does not read %s", out, format.Name)
	}
	a.timed(start, "%s: written", out)
	return nil
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

// checkConverted runs a model and what it was converted to, name in fsys, on the
// same inputs and compares.
func (a *app) checkConverted(ctx context.Context, in string, fsys fs.FS, name, shown string, f *convertFlags) error {
	flags := f.model
	flags.exact = true
	before, err := kerasrun.Load(in, flags.options()...)
	if err != nil {
		return f.model.openError(in, err)
	}
	defer before.Close()
	inputs, err := f.inputs(before)
	if err != nil {
		return err
	}
	want, err := before.Predict(ctx, inputs...)
	if err != nil {
		if f.samples == "" && ctx.Err() == nil {
			err = inputError(fmt.Errorf("%s does not run on the inputs that it would be verified on, --samples FILE gives others: %w", in, err))
		}
		return err
	}
	before.Close()
	flags.weights = "" // of in: what was written has its own
	after, err := kerasrun.LoadFS(fsys, name, flags.options()...)
	if err != nil {
		return &failure{exitVerify, fmt.Errorf("%s: the result does not open: %w", shown, err)}
	}
	defer after.Close()
	got, err := after.Predict(ctx, inputs...)
	if err != nil {
		return &failure{exitVerify, fmt.Errorf("%s: the result does not run: %w", shown, err)}
	}
	if len(got) != len(want) {
		return &failure{exitVerify, fmt.Errorf("%s: the result has %d outputs, want %d", shown, len(got), len(want))}
	}
	for i, w := range want {
		if d := verify.DefaultTolerance.Compare(got[i], w); !d.OK {
			return &failure{exitVerify, fmt.Errorf("%s: the result differs at output %q: %s", shown, before.Outputs()[i].Name, d.Reason)}
		}
	}
	return nil
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
