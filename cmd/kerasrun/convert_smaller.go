package main

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/cmd/kerasrun/internal/output"
	"github.com/kerasrun/kerasrun/convert"
)

// reportFolded lists what was folded and what was left.
func (a *app) reportFolded(list []convert.Folding) error {
	if len(list) == 0 {
		return nil
	}
	t := a.outputStyle(outputFlags{}).NewTable(output.Column{Title: "BatchNormalization"}, output.Column{Title: "Folded into"}, output.Column{Title: "Why not"})
	for _, f := range list {
		into := f.Into
		if f.Why != "" {
			into = "–"
		}
		t.Row(f.Layer, into, f.Why)
	}
	return t.Write(a.out)
}

// reportSmaller writes what it cost to make the weights of the model at path
// smaller: in each layer and, with --verify, in the outputs.
func (a *app) reportSmaller(ctx context.Context, path string, edited *convert.Edited, f *convertFlags) error {
	style := a.outputStyle(outputFlags{})
	t := style.NewTable(output.Column{Title: "Layer"}, output.Column{Title: "Weights"}, output.Column{Title: "Before", Right: true},
		output.Column{Title: "After", Right: true}, output.Column{Title: "Largest difference", Right: true}, output.Column{Title: "Why"})
	var before, after int64
	for _, l := range edited.Weights.Layers {
		form, largest := "as they were", ""
		if l.Form != "" {
			form, largest = l.Form, percent(l.Error)
		}
		t.Row(fmt.Sprintf("%s (%s)", l.Path, l.Class), form, output.Bytes(l.Before), output.Bytes(l.After), largest, l.Why)
		before, after = before+l.Before, after+l.After
	}
	t.Footer("", "", output.Bytes(before), output.Bytes(after), "", "")
	if err := t.Write(a.out); err != nil || !f.verify {
		return err
	}
	was, err := a.reference(ctx, path, nil, f)
	if err != nil {
		return err
	}
	now, err := a.reference(ctx, path, edited.Model, f)
	if err != nil {
		return err
	}
	on := fmt.Sprintf("%d random inputs", verifyBatch)
	if f.samples != "" {
		on = f.samples
	}
	var outputs []string
	for i, y := range was.outputs {
		outputs = append(outputs, fmt.Sprintf("%s %s", was.names[i], apart(now.outputs[i], y)))
	}
	_, err = fmt.Fprintf(a.out, "\nOutputs differ on %s by, at most: %s\n", on, strings.Join(outputs, ", "))
	return err
}

// apart says how far y is from x at most, as a part of the largest element of x.
func apart(y, x kerasrun.Tensor) string {
	if !x.DType.Floating() {
		n := 0
		for i := range x.Len() {
			if output.Element(x, i) != output.Element(y, i) {
				n++
			}
		}
		return fmt.Sprintf("%d of %d elements", n, x.Len())
	}
	largest, far, odd := 0.0, 0.0, 0
	for i := range x.Len() {
		a, b := x.Float(i), y.Float(i)
		switch {
		case a == b || a != a && b != b:
		case a-b != a-b || math.IsInf(a-b, 0):
			odd++
		default:
			far = max(far, math.Abs(a-b))
		}
		if !math.IsInf(a, 0) {
			largest = max(largest, math.Abs(a))
		}
	}
	if odd > 0 {
		return fmt.Sprintf("%d elements that are not finite in one of both", odd)
	}
	if largest == 0 {
		return output.Float(far)
	}
	return percent(far / largest)
}

// percent writes a part of 1.
func percent(x float64) string { return fmt.Sprintf("%.2g %%", 100*x) }
