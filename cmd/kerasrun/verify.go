package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/kerasrun/kerasrun/cmd/kerasrun/internal/output"
	"github.com/kerasrun/kerasrun/internal/verify"
)

// verifyFlags are the flags of verify.
type verifyFlags struct {
	model  modelFlags
	output outputFlags
	expect []string
	exact  []string // folders
	factor float64
	fast   bool
	tol    verify.Tolerance
}

func (a *app) verifyCommand() *cobra.Command {
	f := &verifyFlags{}
	c := &cobra.Command{
		Use:   "verify MODEL... --expect FILE... | --exact DIR",
		Short: "Compare a model's outputs with those of Keras",
		Long: `Verify runs models on recorded inputs and compares with what Keras returned for them.

--expect names an .npz with the inputs (input_0, input_1, ... or their names) and the
expected outputs (output_0, ... or their names). Results of layers, under the layers'
names, are compared too: then the first layer that differs is named. Other arrays are
ignored. Several models take as many files, in the same order; one model takes any
number. Numbers agree if |got - want| <= atol * max|want| + rtol * |want|.

--exact checks every folder below DIR that holds a case.json ({"model": FILE,
"weights": FILE}) and an expect.npz. Where that has the outputs in float64 (exact_0,
...), the error may be at most --factor times Keras's own; the ratio is printed. Models
are loaded to compute exactly, as other commands do with their flag --exact, unless
--fast is given.`,
		Example: `  kerasrun verify model.keras --expect expect.npz
  kerasrun verify a.h5 b.h5 --expect a.npz --expect b.npz --rtol 1e-3
  kerasrun verify --exact testdata/models`,
		RunE: func(c *cobra.Command, args []string) error { return a.verify(c.Context(), args, f) },
	}
	f.model.add(c)
	f.output.add(c, "table", "json")
	c.Flags().StringArrayVar(&f.expect, "expect", nil, "`FILE` (.npz) with inputs and expected outputs")
	c.Flags().StringArrayVar(&f.exact, "exact", nil, "`DIR` with case folders")
	c.Flags().Float64Var(&f.tol.ATol, "atol", verify.DefaultTolerance.ATol, "tolerance relative to the largest expected number")
	c.Flags().Float64Var(&f.tol.RTol, "rtol", verify.DefaultTolerance.RTol, "tolerance relative to each expected number")
	c.Flags().BoolVar(&f.fast, "fast", false, "with --exact: load models as other commands do by default")
	c.Flags().Float64Var(&f.factor, "factor", 0, "most times Keras's own error, with --exact (default 2, with --fast 3)")
	return c
}

// A verifyCase is one model and the arrays to hold it to.
type verifyCase struct {
	name           string
	model, weights string
	expect         string
	exact          *verify.Exact
}

// cases lists what the arguments and flags ask for.
func (f *verifyFlags) cases(models []string) ([]verifyCase, error) {
	if err := f.output.settle("table", "json"); err != nil {
		return nil, usageError(err)
	}
	if f.factor == 0 {
		f.factor = 2
		if f.fast {
			f.factor = 3
		}
	}
	f.model.exact = len(f.exact) > 0 && !f.fast
	if len(f.exact) > 0 {
		if len(models) > 0 || len(f.expect) > 0 {
			return nil, usageError(errors.New("--exact takes no model and no --expect; the case folders name them"))
		}
		return f.caseFolders()
	}
	switch {
	case len(models) == 0:
		return nil, usageError(errors.New("no model; want verify MODEL --expect FILE"))
	case len(f.expect) == 0:
		return nil, usageError(errors.New("no --expect FILE with inputs and expected outputs"))
	case len(models) > 1 && len(models) != len(f.expect):
		return nil, usageError(fmt.Errorf("%d models and %d --expect; want as many", len(models), len(f.expect)))
	}
	var cases []verifyCase
	for i, e := range f.expect {
		c := verifyCase{name: e, model: models[min(i, len(models)-1)], weights: f.model.weights, expect: e}
		if len(models) > 1 {
			c.name = c.model
		}
		cases = append(cases, c)
	}
	return cases, nil
}

// caseFolders finds the case folders below the folders of --exact.
func (f *verifyFlags) caseFolders() ([]verifyCase, error) {
	var cases []verifyCase
	for _, root := range f.exact {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.Name() != "case.json" {
				return err
			}
			dir := filepath.Dir(path)
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			var about struct{ Model, Weights string }
			if err := json.Unmarshal(text, &about); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			name, err := filepath.Rel(root, dir)
			if err != nil || name == "." {
				name = filepath.Base(dir)
			}
			c := verifyCase{name: filepath.ToSlash(name), model: filepath.Join(dir, about.Model), expect: filepath.Join(dir, "expect.npz"), exact: &verify.Exact{Factor: f.factor}}
			if about.Weights != "" {
				c.weights = filepath.Join(dir, about.Weights)
			}
			cases = append(cases, c)
			return nil
		})
		if err != nil {
			return nil, inputError(err)
		}
	}
	if len(cases) == 0 {
		return nil, inputError(fmt.Errorf("%s: no folder with a case.json", f.exact[0]))
	}
	return cases, nil
}

// A verdict is what came out of a case.
type verdict struct {
	verifyCase
	results []verify.Result
	err     error
}

// worst returns the result that decides: the first layer or output that
// differs, else the output with the largest error.
func (v verdict) worst() (r verify.Result, ok bool) {
	ok = true
	for i, x := range v.results {
		if !x.OK {
			return x, false
		}
		if i == 0 || x.ErrorRatio > r.ErrorRatio || x.ErrorRatio == r.ErrorRatio && x.MaxAbs > r.MaxAbs {
			r = x
		}
	}
	return r, ok
}

func (a *app) verify(ctx context.Context, models []string, f *verifyFlags) error {
	cases, err := f.cases(models)
	if err != nil {
		return err
	}
	verdicts := make([]verdict, 0, len(cases))
	bar := a.progress(len(cases))
	for _, c := range cases {
		v := verdict{verifyCase: c}
		v.results, v.err = a.verifyOne(ctx, c, f)
		if v.err != nil && (len(cases) == 1 || ctx.Err() != nil) {
			bar.Finish()
			return v.err
		}
		verdicts = append(verdicts, v)
		bar.Add(1)
	}
	bar.Finish()
	err = a.write(f.output, func(w io.Writer) error {
		if f.output.format == "json" {
			return writeVerdictsJSON(w, verdicts)
		}
		return a.writeVerdicts(w, a.outputStyle(f.output), verdicts)
	})
	if err != nil {
		return err
	}
	return verdictError(verdicts)
}

// verifyOne runs one case.
func (a *app) verifyOne(ctx context.Context, c verifyCase, f *verifyFlags) ([]verify.Result, error) {
	flags := f.model
	flags.weights = c.weights
	m, err := a.load(c.model, flags)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	recorded, err := verify.ReadCase(c.expect, m)
	if err != nil {
		return nil, inputError(err)
	}
	start := time.Now()
	results, err := recorded.Run(ctx, m, f.tol, c.exact)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.expect, err)
	}
	a.timed(start, "%s: %d arrays compared", c.name, len(results))
	return results, nil
}

// verdictError returns nil when all is well; a difference wins over a case that did not run.
func verdictError(verdicts []verdict) error {
	var first error
	differ := 0
	for _, v := range verdicts {
		if v.err != nil && first == nil {
			first = v.err
		}
		if _, ok := v.worst(); !ok {
			differ++
		}
	}
	switch {
	case differ > 0:
		return &failure{exitVerify, fmt.Errorf("%w: %d of %d cases differ", errShown, differ, len(verdicts))}
	case first != nil:
		return &failure{exitCode(first), fmt.Errorf("%w: %w", errShown, first)}
	}
	return nil
}

// The words of the table.
const (
	wordOK      = "ok"
	wordDiffers = "DIFFERS"
	wordError   = "ERROR"
)

// writeVerdicts writes a row for each case, or for each array of a single case.
func (a *app) writeVerdicts(w io.Writer, style output.Style, verdicts []verdict) error {
	first := "Case"
	if len(verdicts) == 1 {
		first = "Array"
	}
	ratio := verdicts[0].exact != nil
	columns := []output.Column{{Title: first}, {Title: "Result"}, {Title: "Max error"}}
	if ratio {
		columns = append(columns, output.Column{Title: "Of Keras's"})
	}
	t := style.NewTable(append(columns, output.Column{Title: "What"})...)
	add := func(name, word string, r *verify.Result, what string) {
		cells := []string{name, word, "", what}
		if r != nil {
			cells[2] = output.Float(r.MaxAbs)
		}
		if ratio {
			cells = []string{name, word, cells[2], "", what}
			if r != nil && r.ErrorRatio > 0 {
				cells[3] = output.Float(r.ErrorRatio)
			}
		}
		t.Row(cells...)
	}
	good, rows := 0, 0
	for _, v := range verdicts {
		if len(verdicts) == 1 {
			for _, r := range v.results {
				word := style.Good(wordOK)
				if !r.OK {
					word = style.Bad(wordDiffers)
				}
				add(r.Name, word, &r, r.Reason)
				rows++
			}
		}
		worst, ok := v.worst()
		if v.err == nil && ok {
			good++
		}
		switch {
		case len(verdicts) == 1, v.err == nil && ok && a.quiet:
			continue
		case v.err != nil:
			add(v.name, style.Bad(wordError), nil, message(v.err))
		case !ok:
			add(v.name, style.Bad(wordDiffers), &worst, worst.Name+": "+worst.Reason)
		default:
			add(v.name, style.Good(wordOK), &worst, "")
		}
		rows++
	}
	if rows > 0 {
		if err := t.Write(w); err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	return summarise(w, verdicts, good)
}

// summarise writes the last line: the first layer that differs, or the counts.
func summarise(w io.Writer, verdicts []verdict, good int) error {
	var err error
	switch v := verdicts[0]; {
	case len(verdicts) > 1:
		_, err = fmt.Fprintf(w, "%d of %d cases agree\n", good, len(verdicts))
	case good == 1:
		_, err = fmt.Fprintf(w, "%s agrees with %s\n", v.model, v.expect)
	default:
		worst, _ := v.worst()
		_, err = fmt.Fprintf(w, "%s differs from %s, first at %s\n", v.model, v.expect, worst.Name)
	}
	return err
}
