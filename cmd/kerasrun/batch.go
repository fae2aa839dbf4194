package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/cmd/kerasrun/internal/input"
	"github.com/kerasrun/kerasrun/cmd/kerasrun/internal/output"
)

// A predictor gathers examples into batches, runs them and writes a result for
// each, in the order in which they came.
type predictor struct {
	model      *kerasrun.Model
	own        int // outputs of the model; those after them are results of layers
	most       int // examples in one run
	top        int
	labels     []string
	labelsFile string
	out        output.Writer
	finite     bool // refuse results of layers that are not

	waiting  [][]kerasrun.Tensor // parts of the next batch, by input
	sources  []source            // of the examples in waiting
	examples int                 // written so far
	labelled bool
}

// A source says where an example came from.
type source struct {
	file string
	row  int // -1 for the only example of a file
}

// add takes the examples of one file. Those whose model has a free batch wait
// for others of the same shapes; runs happen when a batch is full.
func (p *predictor) add(ctx context.Context, g input.Group) error {
	if !p.freeBatch() || slices.ContainsFunc(g.Tensors, func(t kerasrun.Tensor) bool { return len(t.Shape) == 0 || t.Shape[0] == 0 }) {
		if err := p.flush(ctx); err != nil {
			return err
		}
		return p.runGroup(ctx, g)
	}
	n := g.Tensors[0].Shape[0]
	for from := 0; from < n; {
		if len(p.sources) > 0 && (len(p.sources) >= p.most || !p.joins(g)) {
			if err := p.flush(ctx); err != nil {
				return err
			}
		}
		to := min(n, from+p.most-len(p.sources))
		part := make([]kerasrun.Tensor, len(g.Tensors))
		for i, t := range g.Tensors {
			part[i] = t.Rows(from, to)
		}
		p.waiting = append(p.waiting, part)
		for row := from; row < to; row++ {
			s := source{g.Name, row}
			if g.Single {
				s.row = -1
			}
			p.sources = append(p.sources, s)
		}
		from = to
	}
	return nil
}

// freeBatch reports whether examples of several files can share a run: every
// input and output has a free first axis.
func (p *predictor) freeBatch() bool {
	fixed := func(io kerasrun.IO) bool { return len(io.Shape) == 0 || io.Shape[0] >= 0 }
	return len(p.model.Inputs()) > 0 && !slices.ContainsFunc(p.model.Inputs(), fixed) && !slices.ContainsFunc(p.model.Outputs(), fixed)
}

// joins reports whether g fits the examples that wait.
func (p *predictor) joins(g input.Group) bool {
	for i, t := range p.waiting[0] {
		u := g.Tensors[i]
		if t.DType != u.DType || !slices.Equal(t.Shape[1:], u.Shape[1:]) {
			return false
		}
	}
	return true
}

// flush runs the examples that wait.
func (p *predictor) flush(ctx context.Context) error {
	if len(p.sources) == 0 {
		return nil
	}
	in := make([]kerasrun.Tensor, len(p.waiting[0]))
	for i := range in {
		parts := make([]kerasrun.Tensor, len(p.waiting))
		for k, part := range p.waiting {
			parts[k] = part[i]
		}
		in[i] = kerasrun.ConcatRows(parts)
	}
	out, err := p.run(ctx, in, p.sources[0].file)
	if err != nil {
		return err
	}
	err = p.write(out, p.sources)
	p.waiting, p.sources = nil, nil
	return err
}

// runGroup runs one file by itself, for models whose batch is fixed.
func (p *predictor) runGroup(ctx context.Context, g input.Group) error {
	out, err := p.run(ctx, g.Tensors, g.Name)
	if err != nil {
		return err
	}
	n := -1
	for i, t := range g.Tensors {
		switch {
		case len(t.Shape) == 0:
			n = -2
		case i == 0:
			n = t.Shape[0]
		case n != t.Shape[0]:
			n = -2
		}
	}
	for _, t := range out {
		if len(t.Shape) == 0 || t.Shape[0] != n {
			return p.writeWhole(out, g.Name)
		}
	}
	sources := make([]source, max(n, 0))
	for i := range sources {
		sources[i] = source{g.Name, i}
	}
	if g.Single && n == 1 {
		sources[0].row = -1
	}
	return p.write(out, sources)
}

// run predicts; file is the first of the batch, for messages.
func (p *predictor) run(ctx context.Context, in []kerasrun.Tensor, file string) ([]kerasrun.Tensor, error) {
	if p.finite {
		n, err := p.model.CheckFinite(ctx, in...)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if n != nil {
			return nil, fmt.Errorf("%s: --check-finite: %v", file, n)
		}
	}
	out, err := p.model.Predict(ctx, in...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return out, nil
}

// write writes a result for each source from outputs with a batch in front.
func (p *predictor) write(out []kerasrun.Tensor, sources []source) error {
	for k, s := range sources {
		r := output.Result{Input: s.file, Row: s.row}
		for i, o := range p.model.Outputs() {
			t := out[i].Rows(k, k+1)
			t.Shape = t.Shape[1:]
			one := output.Output{Name: o.Name, Classes: i < p.own && hasClasses(out[i]), Tensor: t}
			r.Outputs = append(r.Outputs, one)
			if one.Classes && p.top > 0 {
				labels, err := p.labelsFor(one)
				if err != nil {
					return err
				}
				r.Top = append(r.Top, output.Best(one, p.top, labels)...)
			}
		}
		p.examples++
		if err := p.out.Add(r); err != nil {
			return err
		}
	}
	return nil
}

// labelsFor returns the labels of an output's classes. Of several outputs, the
// labels are those of the ones with as many classes.
func (p *predictor) labelsFor(o output.Output) ([]string, error) {
	switch {
	case len(p.labels) == o.Len():
		p.labelled = true
		return p.labels, nil
	case p.labels != nil && p.own == 1:
		return nil, inputError(fmt.Errorf("%s: %d labels, but output %q has %d classes", p.labelsFile, len(p.labels), o.Name, o.Len()))
	}
	return nil, nil
}

// writeWhole writes outputs that cannot be divided into examples.
func (p *predictor) writeWhole(out []kerasrun.Tensor, file string) error {
	r := output.Result{Input: file, Row: -1}
	for i, o := range p.model.Outputs() {
		r.Outputs = append(r.Outputs, output.Output{Name: o.Name, Tensor: out[i]})
	}
	p.examples++
	return p.out.Add(r)
}
