package step

import (
	"fmt"

	"github.com/kerasrun/kerasrun/kernels/conv"
	"github.com/kerasrun/kerasrun/kernels/vec"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// blockSteps is the number of time steps whose inputs are projected by one
// product: enough for the kernel, and few enough for the cache.
const blockSteps = 64

// A recurrent step runs samples side by side. For blocks of time steps, one
// product a sample projects the inputs of all gates; each step then adds the
// product of the state and finishes the gates.
type recurrent struct {
	base
	graph.Recurrence
	cell
	x, bias operand
	initial [2]operand // nothing when the states start at zero
	mask    int        // index into Args.In
	fixed   *graph.Tensor
	kernel  []float32

	steps, in, units int
	gates, states    int
	block            int           // steps projected at once
	project          [2]conv.Shape // of the smaller and the larger number of samples in a chunk
	least            int           // that smaller number
}

// A cell advances n samples by one step: z is their projected inputs (n,
// gates·units), which it overwrites, h and c their states (n, units).
type cell interface {
	step(w *recurrent, z, h, c, room []float32, n int, bias []float32)
	// room is the scratch the cell needs for a sample.
	room() int
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
	if m.constant(1) == nil || m.constant(2) == nil {
		return m.plain()
	}
	r := &recurrent{x: m.operand(0), steps: x.Shape[1], in: x.Shape[2], units: m.In[2].Shape[0]}
	switch op := m.Op.(type) {
	case graph.LSTM:
		r.Recurrence, r.gates, r.states = op.Recurrence, 4, 2
		r.cell = m.lstm(op, r.units)
	case graph.GRU:
		r.Recurrence, r.gates, r.states = op.Recurrence, 3, 1
		r.cell = m.gru(op, r.units)
	case graph.SimpleRNN:
		r.Recurrence, r.gates, r.states = op.Recurrence, 1, 1
		r.cell = &simpleCell{act: curve(op.Activation), u: m.packColumns(2, 0, r.units)}
	}
	next := 3
	if r.Bias {
		r.bias = m.operand(next)
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
	wide := r.gates * r.units
	r.kernel = m.packColumns(1, 0, wide)
	r.block = min(r.steps, blockSteps)

	batch := x.Shape[0]
	flops := 2 * float64(batch) * float64(r.steps) * float64(wide) * float64(r.in+r.units)
	work := splitFor(batch, flops*nsFLOP+float64(batch)*float64(r.steps)*float64(wide)*nsSmooth)
	r.base = m.base(kernel("conv", fmt.Sprintf("recurrent %dx%dx%d", r.steps, r.in+r.units, wide)), flops, work)
	r.least = batch / work.chunks
	for i := range r.project {
		r.project[i] = conv.DenseShape(r.block, r.in, wide)
		r.project[i].DstStride = (r.least + i) * wide
	}
	most := (batch + work.chunks - 1) / work.chunks
	// The projected block, the states and output before a masked step, the cell's own.
	r.info.Scratch = most * (r.block*wide + 3*r.units + r.room())
	return r
}

// packColumns packs columns from to to-1 of the constant matrix that is operand i.
func (m *maker) packColumns(i, from, to int) []float32 {
	t := m.constant(i)
	k, columns := t.Shape[0], t.Shape[1]
	s := conv.DenseShape(1, k, to-from)
	key := packKey{[4]*graph.Tensor{t}, fmt.Sprintf("columns %d-%d", from, to)}
	return m.packs.float32s(key, conv.PackedLen(&s), func(dst []float32) {
		src := t.Float32s()
		if to-from < columns {
			part := make([]float32, 0, k*(to-from))
			for r := range k {
				part = append(part, src[r*columns+from:r*columns+to]...)
			}
			src = part
		}
		conv.Pack(dst, src, &s)
	})
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
	n, wide := hi-lo, r.gates*r.units
	x, bias := r.x.of(a), r.bias.of(a)
	var mask []bool
	if r.Masked {
		t := r.fixed
		if t == nil {
			t = &a.In[r.mask]
		}
		mask = t.Data.([]bool)
	}
	y := result(a)
	h := a.Out[1].Data.([]float32)[lo*r.units : hi*r.units]
	var c []float32
	r.start(h, r.initial[0].of(a), lo)
	if r.states > 1 {
		c = a.Out[2].Data.([]float32)[lo*r.units : hi*r.units]
		r.start(c, r.initial[1].of(a), lo)
	}
	cut := func(size int) []float32 {
		s := scratch[:size]
		scratch = scratch[size:]
		return s
	}
	z, held, last, room := cut(n*r.block*wide), cut(2*n*r.units), cut(n*r.units), cut(n*r.room())
	clear(last)

	epi := conv.Epilogue{Bias: bias}
	if len(bias) > wide {
		epi.Bias = bias[:wide]
	}
	for s0 := 0; s0 < r.steps; s0 += r.block {
		s1 := min(s0+r.block, r.steps)
		t0 := s0
		if r.Backwards {
			t0 = r.steps - s1
		}
		for b := range n {
			at := ((lo+b)*r.steps + t0) * r.in
			conv.Run(&r.project[n-r.least], z[b*wide:], x[at:at+(s1-s0)*r.in], r.kernel, &epi, 0, s1-s0)
		}
		for s := s0; s < s1; s++ {
			t := s
			if r.Backwards {
				t = r.steps - 1 - s
			}
			if mask != nil {
				r.hold(held, h, c, mask, lo, t, n)
			}
			r.step(r, z[(t-t0)*n*wide:(t-t0+1)*n*wide], h, c, room, n, bias)
			out := h
			if mask != nil {
				r.release(held, h, c, last, mask, lo, t, n)
				out = last
			}
			switch {
			case r.Sequences:
				for b := range n {
					copy(y[((lo+b)*r.steps+s)*r.units:], out[b*r.units:(b+1)*r.units])
				}
			case s == r.steps-1:
				copy(y[lo*r.units:], out)
			}
		}
	}
	return nil
}

// start sets the states of the samples from lo on.
func (r *recurrent) start(state, initial []float32, lo int) {
	if initial == nil {
		clear(state)
		return
	}
	copy(state, initial[lo*r.units:])
}

// hold keeps the states of samples whose step t is masked.
func (r *recurrent) hold(held, h, c []float32, mask []bool, lo, t, n int) {
	for b := range n {
		if !mask[(lo+b)*r.steps+t] {
			copy(held[b*r.units:], h[b*r.units:(b+1)*r.units])
			if c != nil {
				copy(held[(n+b)*r.units:], c[b*r.units:(b+1)*r.units])
			}
		}
	}
}

// release puts them back, and keeps last, the outputs, up to date.
func (r *recurrent) release(held, h, c, last []float32, mask []bool, lo, t, n int) {
	for b := range n {
		row := last[b*r.units : (b+1)*r.units]
		if mask[(lo+b)*r.steps+t] {
			copy(row, h[b*r.units:])
			continue
		}
		copy(h[b*r.units:(b+1)*r.units], held[b*r.units:])
		if c != nil {
			copy(c[b*r.units:(b+1)*r.units], held[(n+b)*r.units:])
		}
		if r.ZeroMasked {
			clear(row)
		}
	}
}
