package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/kerasrun/kerasrun/cmd/kerasrun/internal/output"
	"github.com/kerasrun/kerasrun/internal/diff"
)

// diffFlags are the flags of diff.
type diffFlags struct {
	model  modelFlags
	output outputFlags
}

func (a *app) diffCommand() *cobra.Command {
	f := &diffFlags{}
	c := &cobra.Command{
		Use:   "diff A B",
		Short: "Compare two models: layers, options, weights",
		Long: `Diff compares the layers of two models, their options and what they are called on,
and their weights. Layers and weights belong together if their paths are the same.
Options are compared as kerasrun reads them, so that files of different Kerases can
be compared; one that is null is as good as none. Weights are compared bit by bit.

Nothing that differs ends in exit code 0, anything in exit code 5.`,
		Example: `  kerasrun diff before.keras after.keras
  kerasrun diff old.h5 new.keras --format json -o diff.json`,
		Args: arguments(2, 2, "A B"),
		RunE: func(_ *cobra.Command, args []string) error { return a.diff(args[0], args[1], f) },
	}
	f.output.add(c, "table", "json")
	c.Flags().BoolVar(&f.model.unknownKeys, "allow-unknown-keys", false, "load layers with config keys that kerasrun does not know")
	c.Flags().BoolVar(&f.model.thirdParty, "third-party", false, "load layer classes of widespread packages (docs/THIRD_PARTY.md)")
	return c
}

func (a *app) diff(first, second string, f *diffFlags) error {
	if err := f.output.settle("table", "json"); err != nil {
		return usageError(err)
	}
	x, err := a.open(first, f.model)
	if err != nil {
		return err
	}
	defer x.Close()
	y, err := a.open(second, f.model)
	if err != nil {
		return err
	}
	defer y.Close()
	d, err := diff.Of(x, y)
	if err != nil {
		return modelError(err)
	}
	err = a.write(f.output, func(w io.Writer) error {
		if f.output.format == "json" {
			e := json.NewEncoder(w)
			e.SetIndent("", "  ")
			return e.Encode(struct {
				Schema int    `json:"schema_version"`
				A      string `json:"a"`
				B      string `json:"b"`
				Same   bool   `json:"same"`
				*diff.Diff
			}{1, first, second, d.Same(), d})
		}
		return writeDiff(w, d, a.outputStyle(f.output))
	})
	if err == nil && !d.Same() {
		err = &failure{exitVerify, fmt.Errorf("%s and %s differ", first, second)}
	}
	return err
}

// writeDiff writes the tables of what differs.
func writeDiff(w io.Writer, d *diff.Diff, style output.Style) error {
	if d.Same() {
		_, err := fmt.Fprintln(w, "no difference")
		return err
	}
	orNone := func(s string) string {
		if s == "" {
			return "–"
		}
		return s
	}
	if len(d.Layers) > 0 {
		t := style.NewTable(output.Column{Title: "Layer"}, output.Column{Title: "What"}, output.Column{Title: "A"}, output.Column{Title: "B"})
		for _, l := range d.Layers {
			t.Row(l.Layer, l.What, orNone(l.A), orNone(l.B))
		}
		if err := t.Write(w); err != nil || len(d.Weights) == 0 {
			return err
		}
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
	}
	t := style.NewTable(output.Column{Title: "Weight"}, output.Column{Title: "A"}, output.Column{Title: "B"},
		output.Column{Title: "Changed", Right: true}, output.Column{Title: "Largest difference", Right: true})
	for _, x := range d.Weights {
		changed, largest := "", ""
		if x.Elements > 0 {
			changed, largest = fmt.Sprintf("%s of %s", output.Count(int64(x.Changed)), output.Count(int64(x.Elements))), output.Float(x.Largest)
			if x.Infinite {
				largest = "not finite"
			}
		}
		t.Row(x.Weight, orNone(x.A), orNone(x.B), changed, largest)
	}
	return t.Write(w)
}
