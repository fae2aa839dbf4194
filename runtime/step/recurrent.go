package step

import (
	"fmt"

	"github.com/kerasrun/kerasrun/kernels/conv"
	"github.com/kerasrun/kerasrun/kernels/cpu"
	"github.com/kerasrun/kerasrun/kernels/rnn"
	"github.com/kerasrun/kerasrun/kernels/vec"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/weight"
)

// projectedFloats is about how many projected inputs are kept at once, so that they
// stay in the second-level cache; projectedSteps is the fewest time steps that make
// them worth a product.
const (
	projectedFloats = 1 << 16
	projectedSteps  = 32
)

// A recurrent step runs samples side by side. For blocks of time steps, one
// product a sample projects the inputs of all gates; each step then adds the
// product of the state and finishes the gates.
type recurrent struct {
	base
	graph.Recurrence
	cell
	x       operand
	initial [2]operand // nothing when the states start at zero
	mask    int        // index into Args.In
	fixed   *graph.Tensor

	steps, in, units int
	states           int
	block            int           // steps projected at once
	project          [2]conv.Shape // of the smaller and the larger number of samples in a chunk
	least            int           // that smaller number
}

// A cell is what a recurrent op does at a time step: it is fused, or has gates of
// its own, of which its kind of projection knows.
type cell struct {
	name    string
	variant cpu.Variant
	kernel  []float32 // packed weights of the projection
	bias    operand   // of it
	wide    int       // sums of a sample
	padded  int       // length of a sample's row of a state
	room    int       // scratch of a sample

	fused   rnn.Cell
	weights []float32 // of the state, for fused
	inner   []float32 // the bias of the state, for fused

	gates gates // nil when fused
}

// gates advance s.N samples by one time step where package rnn does not know the
// activations. bias is all of the op's.
type gates interface {
	step(s rnn.Step, bias []float32)
}

// recurrent returns the float32 form of a recurrent op, or the plain form when
// operands have another type or the kernels are not known before the run.
func (m *maker) recurrent() Step {
	x := m.In[0]
	for _, t := range m.In {
		if t.DType != graph.Float32 && t.DType != graph.Bool || elems(t.Shape) == 0 {
			return m.plain()
		}
	}
	if m.value(1) == nil || m.value(2) == nil {
		return m.plain()
	}
	r := &recurrent{x: m.operand(0), steps: x.Shape[1], in: x.Shape[2], units: m.In[2].Shape[0], states: 1}
	switch op := m.Op.(type) {
	case graph.LSTM:
		r.Recurrence, r.states, r.cell = op.Recurrence, 2, m.lstm(op, r.units)
	case graph.GRU:
		r.Recurrence, r.cell = op.Recurrence, m.gru(op, r.units)
	case graph.SimpleRNN:
		r.Recurrence, r.cell = op.Recurrence, m.simpleRNN(op, r.units)
	}
	next := 3
	if r.Bias {
		next++
	}
	if r.State {
		for k := range r.states {
			r.initial[k] = m.operand(next)
			next++
		}
	}
	if r.Masked {
		r.mask, r.fixed = next, m.constant(next)
	}

	batch := x.Shape[0]
	flops := 2 * float64(batch) * float64(r.steps) * float64(m.In[1].Shape[1]) * float64(r.in+r.units)
	gate := nsGate
	if r.gates != nil {
		gate = nsSmooth
	}
	ns := flops*nsFLOP + float64(batch)*float64(r.steps)*float64(m.In[1].Shape[1])*gate
	work := split{batch, min(chunksFor(ns), ceilDiv(batch, r.together())), ns}
	r.base = m.base(kernelOn(r.variant, "rnn", fmt.Sprintf("%s %dx%dx%d", r.name, r.steps, r.in+r.units, m.In[1].Shape[1])), flops, work)
	r.least = batch / work.chunks
	most := ceilDiv(batch, work.chunks)
	r.block = min(r.steps, max(projectedSteps, projectedFloats/(most*r.wide)))
	for i := range r.project {
		r.project[i] = conv.DenseShape(r.block, r.in, r.wide)
		r.project[i].DstStride = (r.least + i) * r.wide
	}
	// The projected block, the states before and after a time step, the output before a masked one, the cell's own.
	r.info.Scratch = most * (r.block*r.wide + 2*r.states*r.padded + r.units + r.room)
	return r
}

// together is the number of samples of a chunk, if there are so many: they read
// the weights once, from the second-level cache or from beyond.
func (r *recurrent) together() int {
	if r.units*r.wide > 1<<17 {
		return 16
	}
	return 4
}

func ceilDiv(n, by int) int { return (n + by - 1) / by }

// packColumns packs columns from to to-1 of the constant matrix that is operand i.
func (m *maker) packColumns(i, from, to int) []float32 {
	k, columns := m.In[i].Shape[0], m.In[i].Shape[1]
	s := conv.DenseShape(1, k, to-from)
	l := weight.Layout{Len: conv.PackedLen(&s), Unit: columns}
	if to-from == columns {
		l.Pack = func(packed, rows []float32, at int) {
			conv.PackRows(packed, rows, &s, at/columns, (at+len(rows))/columns)
		}
		l.Unpack = func(rows, packed []float32, at int) {
			conv.UnpackRows(rows, packed, &s, at/columns, (at+len(rows))/columns)
		}
		return m.pack(i, "columns", l)
	}
	l.Pack = func(packed, rows []float32, at int) {
		part := make([]float32, 0, len(rows)/columns*(to-from))
		for r := 0; r < len(rows); r += columns {
			part = append(part, rows[r+from:r+to]...)
		}
		conv.PackRows(packed, part, &s, at/columns, (at+len(rows))/columns)
	}
	return m.pack(i, fmt.Sprintf("columns %d-%d", from, to), l)
}

// curve returns an activation over float32, nil for the identity; dst may be src.
func curve(a graph.Activation) func(dst, src []float32) {
	if a.Func == "" {
		return nil
	}
	if lo, hi, ok := clampOf(a); ok {
		return func(d, s []float32) { vec.Clip(d, s, lo, hi) }
	}
	return activation32(a)
}

// bend applies a curve.
func bend(f func(dst, src []float32), dst, src []float32) {
	if f != nil {
		f(dst, src)
		return
	}
	copy(dst, src)
}

func (r *recurrent) Run(a *Args, chunk int, scratch []float32) error {
	lo, hi := r.work.bounds(chunk)
	n := hi - lo
	var mask []bool
	if r.Masked {
		t := r.fixed
		if t == nil {
			t = &a.In[r.mask]
		}
		mask = t.Data.([]bool)
	}
	cut := func(size int) []float32 {
		s := scratch[:size:size]
		scratch = scratch[size:]
		return s
	}
	z, last := cut(n*r.block*r.wide), cut(n*r.units)
	clear(last)
	s := rnn.Step{N: n, Weights: r.weights, Bias: r.inner, Room: cut(n * r.room)}
	s.Now.H, s.Next.H = cut(n*r.padded), cut(n*r.padded)
	r.start(s.Now.H, r.initial[0].of(a), lo)
	if r.states > 1 {
		s.Now.C, s.Next.C = cut(n*r.padded), cut(n*r.padded)
		r.start(s.Now.C, r.initial[1].of(a), lo)
	}

	var w rnn.Worker
	x, bias, y := r.x.of(a), r.bias.of(a), result(a)
	epi := conv.Epilogue{Bias: bias}
	if len(bias) > r.wide {
		epi.Bias = bias[:r.wide]
	}
	for s0 := 0; s0 < r.steps; s0 += r.block {
		s1 := min(s0+r.block, r.steps)
		t0 := s0
		if r.Backwards {
			t0 = r.steps - s1
		}
		for b := range n {
			at := ((lo+b)*r.steps + t0) * r.in
			conv.Run(&r.project[n-r.least], z[b*r.wide:], x[at:at+(s1-s0)*r.in], r.kernel, &epi, 0, s1-s0)
		}
		for i := s0; i < s1; i++ {
			t := i
			if r.Backwards {
				t = r.steps - 1 - i
			}
			s.Z, s.Down = z[(t-t0)*n*r.wide:][:n*r.wide], i%2 > 0
			if r.gates == nil {
				r.fused.Run(&w, &s)
			} else {
				r.gates.step(s, bias)
			}
			if mask != nil {
				r.hold(&s, last, mask, lo, t)
			}
			s.Now, s.Next = s.Next, s.Now
			switch {
			case r.Sequences:
				r.output(y[(lo*r.steps+i)*r.units:], r.steps*r.units, s.Now.H, last, n)
			case i == r.steps-1:
				r.output(y[lo*r.units:], r.units, s.Now.H, last, n)
			}
		}
	}
	r.rows(a.Out[1].Data.([]float32)[lo*r.units:], r.units, s.Now.H, r.padded, n)
	if r.states > 1 {
		r.rows(a.Out[2].Data.([]float32)[lo*r.units:], r.units, s.Now.C, r.padded, n)
	}
	return nil
}

// rows copies the units of n samples.
func (r *recurrent) rows(dst []float32, dstStep int, src []float32, srcStep, n int) {
	for b := range n {
		copy(dst[b*dstStep:], src[b*srcStep:][:r.units])
	}
}

// output writes the output of a time step: the state, or what last has for ops with a mask.
func (r *recurrent) output(dst []float32, step int, h, last []float32, n int) {
	if r.Masked {
		r.rows(dst, step, last, r.units, n)
		return
	}
	r.rows(dst, step, h, r.padded, n)
}

// start sets the states of the samples from lo on.
func (r *recurrent) start(state, initial []float32, lo int) {
	clear(state)
	if initial != nil {
		r.rows(state, r.padded, initial[lo*r.units:], r.units, len(state)/r.padded)
	}
}

// hold keeps the states of samples whose step t is masked, and last, the outputs, up to date.
func (r *recurrent) hold(s *rnn.Step, last []float32, mask []bool, lo, t int) {
	for b := range s.N {
		row, from, to := last[b*r.units:(b+1)*r.units], b*r.padded, (b+1)*r.padded
		if mask[(lo+b)*r.steps+t] {
			copy(row, s.Next.H[from:to])
			continue
		}
		copy(s.Next.H[from:to], s.Now.H[from:to])
		if r.states > 1 {
			copy(s.Next.C[from:to], s.Now.C[from:to])
		}
		if r.ZeroMasked {
			clear(row)
		}
	}
}

// Together makes one step of two recurrences that do not depend on each other,
// whose chunks are those of both. Its operands are those of a, in and out of them
// in number, then those of b. It is nil when a or b is no float32 recurrence.
func Together(a, b Step, in, out int) Step {
	first, ok := a.(*recurrent)
	second, both := b.(*recurrent)
	if !ok || !both {
		return nil
	}
	t := &togetherStep{base: first.base, of: [2]*recurrent{first, second}, in: in, out: out}
	t.work.n += second.work.n
	t.work.chunks += second.work.chunks
	t.work.ns += second.work.ns
	t.info.FLOPs += second.info.FLOPs
	t.info.Bytes += second.info.Bytes
	t.info.Nanoseconds += second.info.Nanoseconds
	t.info.Scratch = max(t.info.Scratch, second.info.Scratch)
	return t
}

type togetherStep struct {
	base
	of      [2]*recurrent
	in, out int // operands of the first
}

func (t *togetherStep) Run(a *Args, chunk int, scratch []float32) error {
	if n := t.of[0].Chunks(); chunk >= n {
		return t.of[1].Run(&Args{In: a.In[t.in:], Out: a.Out[t.out:]}, chunk-n, scratch)
	}
	return t.of[0].Run(&Args{In: a.In[:t.in], Out: a.Out[:t.out]}, chunk, scratch)
}
