package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/cmd/kerasrun/internal/output"
)

// A planReport is what inspect prints about the steps of a prediction.
type planReport struct {
	Inputs []endJSON  `json:"inputs"`
	FLOPs  int64      `json:"flops"`
	Bytes  int64      `json:"bytes"`
	Micros float64    `json:"estimate_us"` // on one thread, of the cost model
	Memory int64      `json:"memory"`      // values of one run, weights apart
	Steps  []planStep `json:"steps"`

	head string
}

// planStep is one step.
type planStep struct {
	Op      string    `json:"op"`
	Kernel  string    `json:"kernel"`
	Outputs []endJSON `json:"outputs"`
	FLOPs   int64     `json:"flops"`
	Bytes   int64     `json:"bytes"`
	Chunks  int       `json:"chunks"` // parts that threads share
	Parts   int       `json:"parts"`  // of the batch, of which outputs are one's
	Micros  float64   `json:"estimate_us"`
	Layers  []string  `json:"layers"`

	shape string
}

func newPlanReport(m *kerasrun.Model, shapes []kerasrun.Shape) (*planReport, error) {
	info, err := m.PlanInfo(shapes...)
	if err != nil {
		return nil, err
	}
	p := &planReport{Memory: info.Bytes, Steps: []planStep{}, Inputs: []endJSON{}}
	var inputs []string
	for i, in := range m.Inputs() {
		in.Shape = shapes[i]
		p.Inputs = append(p.Inputs, newEndJSON(in))
		inputs = append(inputs, in.Name+" "+in.Shape.String())
	}
	p.head = strings.Join(inputs, ", ")
	for _, s := range info.Steps {
		p.FLOPs += s.FLOPs
		p.Bytes += s.Bytes
		micros := float64(s.Estimate) / 1e3
		p.Micros += micros
		p.Steps = append(p.Steps, planStep{
			Op: s.Op, Kernel: s.Kernel, Outputs: newEndsJSON(s.Outputs), FLOPs: s.FLOPs, Bytes: s.Bytes, Chunks: s.Chunks, Parts: s.Parts, Micros: micros, Layers: s.Layers,
			shape: resultText(s.Parts, s.Outputs),
		})
	}
	return p, nil
}

// resultText names the results of a step, and of how many parts of the batch they are.
func resultText(parts int, outputs []kerasrun.IO) string {
	if parts == 1 {
		return shapeText(outputs)
	}
	return fmt.Sprintf("%d of %s", parts, shapeText(outputs))
}

// compact writes shapes so that a row fits a terminal.
var compact = strings.NewReplacer("), (", " ", ",)", "", ", ", "x", "(", "", ")", "", "None", "?")

func (p *planReport) write(w io.Writer, style output.Style) error {
	if _, err := fmt.Fprintf(w, "Plan for %s\n\n", p.head); err != nil {
		return err
	}
	t := style.NewTable(
		output.Column{Title: "#", Right: true}, output.Column{Title: "Step"}, output.Column{Title: "Kernel"}, output.Column{Title: "Result"},
		output.Column{Title: "Parts", Right: true}, output.Column{Title: "FLOPs", Right: true}, output.Column{Title: "Bytes", Right: true},
		output.Column{Title: "µs", Right: true}, output.Column{Title: "Layers"},
	)
	for i, s := range p.Steps {
		t.Row(strconv.Itoa(i+1), strings.ReplaceAll(s.Op, " + ", "+"), s.Kernel, compact.Replace(s.shape),
			strconv.Itoa(s.Chunks), output.Quantity(s.FLOPs), output.Quantity(s.Bytes), fmt.Sprintf("%.0f", s.Micros), strings.Join(s.Layers, " "))
	}
	t.Footer("", fmt.Sprintf("%d steps", len(p.Steps)), "", "", "", output.Quantity(p.FLOPs), output.Quantity(p.Bytes), fmt.Sprintf("%.0f", p.Micros), output.Bytes(p.Memory)+" of values in memory")
	return t.Write(w)
}

// planShapes returns the shapes of the inputs for a plan: those given as
// NAME=DIMS, and the model's own with the batch filled in.
func planShapes(m *kerasrun.Model, batch int, given []string) ([]kerasrun.Shape, error) {
	byName := map[string]kerasrun.Shape{}
	for _, g := range given {
		name, dims, ok := strings.Cut(g, "=")
		if !ok {
			if len(m.Inputs()) != 1 {
				return nil, fmt.Errorf("--shape %q, want NAME=DIMS, as in image=1,224,224,3", g)
			}
			name, dims = m.Inputs()[0].Name, g
		}
		shape, err := parseShape(dims)
		if err != nil {
			return nil, fmt.Errorf("--shape %q: %w", g, err)
		}
		byName[name] = shape
	}
	var shapes []kerasrun.Shape
	var names []string
	for _, in := range m.Inputs() {
		names = append(names, in.Name)
		shape, ok := byName[in.Name]
		delete(byName, in.Name)
		switch {
		case ok && !in.Shape.Fits(shape):
			return nil, fmt.Errorf("--shape of input %q is %v, want %v", in.Name, shape, in.Shape)
		case !ok:
			shape = in.Shape.Clone()
			if len(shape) > 0 && shape[0] < 0 {
				shape[0] = batch
			}
			if !shape.Known() {
				return nil, fmt.Errorf("input %q is %v; give its size with --shape %s=%s", in.Name, in.Shape, in.Name, strings.Trim(strings.ReplaceAll(shape.String(), ", ", ","), "()"))
			}
		}
		shapes = append(shapes, shape)
	}
	for name := range byName {
		return nil, fmt.Errorf("--shape %s: the model has no such input; its inputs are %s", name, strings.Join(names, ", "))
	}
	return shapes, nil
}

func parseShape(text string) (kerasrun.Shape, error) {
	var shape kerasrun.Shape
	for _, d := range strings.Split(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(d))
		if err != nil || n < 1 {
			return nil, fmt.Errorf("dimension %q, want a number from 1", d)
		}
		shape = append(shape, n)
	}
	return shape, nil
}
