// Package gopackage writes a Go package with a model inside: an archive of
// Keras 3, Go code that embeds it and has a Predict of the model's own types,
// and a test of that code.
package gopackage

import (
	"bytes"
	"fmt"
	"go/format"
	"go/token"
	"io"
	"strings"
	"unicode"

	"github.com/kerasrun/kerasrun/convert/kerasfile"
	"github.com/kerasrun/kerasrun/convert/target"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// Archive returns the name of the archive beside the Go file main.
func Archive(main string) string { return strings.TrimSuffix(main, ".go") + ".keras" }

// Write writes a package. main is the name of its Go file, digits.go, beside
// which go digits.keras and digits_test.go. The state of the optimizer is left out.
// A model that opens with options alone, such as classes written in Go, is refused.
func Write(j *target.Job, main string, out target.Files) error {
	stem := strings.TrimSuffix(main, ".go")
	// An underscore could make it a test or a file of one system.
	if !token.IsIdentifier(stem) || strings.Contains(stem, "_") {
		return fmt.Errorf("%w: the Go file %q, want letters and digits with the ending .go", target.ErrOptions, main)
	}
	p := contents{Package: j.Options.Package, Stem: stem, Model: j.Arch.Root.Name}
	if p.Package == "" {
		p.Package = stem
	}
	if !token.IsIdentifier(p.Package) || p.Package == "_" || p.Package == "main" {
		return fmt.Errorf("%w: the Go package %q", target.ErrOptions, p.Package)
	}
	p.Inputs, p.Outputs = fields(j.Program.Graph.Inputs), fields(j.Program.Graph.Outputs)
	for _, in := range p.Inputs {
		p.Batch = p.Batch || in.batch()
		p.Free = p.Free || in.Free()
	}
	for _, f := range []struct{ name, template string }{{main, code}, {stem + "_test.go", test}} {
		if err := write(out, f.name, func(w io.Writer) error { return p.write(w, f.template) }); err != nil {
			return err
		}
	}
	// The package opens the archive with no options.
	archive, model := *j, *j.Model
	model.Options.Layers, model.Options.Lambdas, model.Options.Activations = nil, nil, nil
	model.Options.AllowUnknownKeys, model.Options.InputShapes = false, nil
	archive.Model = &model
	archive.Options.Keras = 3
	archive.Options.PruneOptimizer = true
	return write(out, Archive(main), func(w io.Writer) error { return kerasfile.Archive(&archive, w) })
}

func write(out target.Files, name string, content func(io.Writer) error) error {
	w, err := out.Create(name)
	if err != nil {
		return err
	}
	if err := content(w); err != nil {
		return err
	}
	return w.Close()
}

// contents are what the templates say.
type contents struct {
	Package, Stem, Model string
	Inputs, Outputs      []field
	Batch                bool // Predict takes the number of rows
	Free                 bool // an input takes its shape
}

func (p contents) write(w io.Writer, text string) error {
	var b bytes.Buffer
	if err := templates()[text].Execute(&b, p); err != nil {
		return err
	}
	formatted, err := format.Source(b.Bytes())
	if err != nil {
		return err
	}
	_, err = w.Write(formatted)
	return err
}

// A field holds an input or output.
type field struct {
	graph.Named
	Field string // its name in Go
}

func (f field) batch() bool { return len(f.Shape) > 0 && f.Shape[0] < 0 }

// Free reports that dimensions after the first are unknown, so that a second
// field has the shape.
func (f field) Free() bool {
	for i, d := range f.Shape {
		if i > 0 && d < 0 {
			return true
		}
	}
	return false
}

// Type is the Go type of an element.
func (f field) Type() string { return types[f.DType].element }

// Const is the name of the type in package kerasrun.
func (f field) Const() string { return types[f.DType].name }

// Dims are the dimensions, -1 where unknown.
func (f field) Dims() string { return dims(f.Shape, "-1") }

// Known are the dimensions with batch in place of the unknown one.
func (f field) Known() string { return dims(f.Shape, "batch") }

// Shown is the shape for people.
func (f field) Shown() string {
	var s []string
	for i, d := range f.Shape {
		switch {
		case d >= 0:
			s = append(s, fmt.Sprint(d))
		case i == 0:
			s = append(s, "batch")
		default:
			s = append(s, "any")
		}
	}
	return "(" + strings.Join(s, ", ") + ")"
}

// Elements is the number of them in a batch of 2, where that is known.
func (f field) Elements() int {
	n := 1
	for _, d := range f.Shape {
		if d < 0 {
			d = 2
		}
		n *= d
	}
	return n
}

func dims(shape graph.Shape, unknown string) string {
	var s []string
	for _, d := range shape {
		if d < 0 {
			s = append(s, unknown)
		} else {
			s = append(s, fmt.Sprint(d))
		}
	}
	return strings.Join(s, ", ")
}

// types are the names of types in package kerasrun, and what an element is in Go.
var types = map[graph.DType]struct{ name, element string }{
	graph.Float32: {"Float32", "float32"}, graph.Float64: {"Float64", "float64"},
	graph.Float16: {"Float16", "uint16"}, graph.BFloat16: {"BFloat16", "uint16"},
	graph.Int8: {"Int8", "int8"}, graph.Int16: {"Int16", "int16"}, graph.Int32: {"Int32", "int32"}, graph.Int64: {"Int64", "int64"},
	graph.Uint8: {"Uint8", "uint8"}, graph.Uint16: {"Uint16", "uint16"}, graph.Uint32: {"Uint32", "uint32"}, graph.Uint64: {"Uint64", "uint64"},
	graph.Bool: {"Bool", "bool"}, graph.String: {"String", "string"},
}

// fields names values in Go: "input_1" is Input1.
func fields(values []graph.Named) []field {
	var out []field
	seen := map[string]bool{}
	for _, v := range values {
		base := goName(v.Name)
		name := base
		for n := 2; seen[name] || seen[name+"Shape"]; n++ {
			name = fmt.Sprintf("%sN%d", base, n)
		}
		seen[name], seen[name+"Shape"] = true, true
		out = append(out, field{v, name})
	}
	return out
}

func goName(name string) string {
	var b strings.Builder
	up := true
	for _, r := range name {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			up = true
			continue
		case up:
			r = unicode.ToUpper(r)
		}
		up = false
		b.WriteRune(r)
	}
	if s := b.String(); token.IsExported(s) {
		return s
	}
	return "X" + b.String()
}
