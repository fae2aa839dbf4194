package step

import (
	"github.com/kerasrun/kerasrun/kernels/conv"
	"github.com/kerasrun/kerasrun/kernels/cpu"
	"github.com/kerasrun/kerasrun/kernels/rnn"
	"github.com/kerasrun/kerasrun/kernels/vec"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/weight"
)

// separate is a cell whose product and activations are steps of their own.
func (m *maker) separate(name string, bias bool, columns, units int, g gates) cell {
	c := cell{name: name, variant: cpu.Active(), wide: columns, padded: units, gates: g, kernel: m.packColumns(1, 0, columns)}
	if bias {
		c.bias = m.operand(3)
	}
	return c
}

// multiply computes dst(n, columns) += h(n, units)·packed for a dst of the given stride.
func multiply(dst, h, packed []float32, n, units, columns, stride int) {
	s := conv.DenseShape(n, units, columns)
	s.DstStride = stride
	conv.Run(&s, dst, h, packed, &conv.Epilogue{Residual: dst}, 0, n)
}

// simpleGates are h = act(z + h·U).
type simpleGates struct {
	act   func(dst, src []float32)
	u     []float32
	units int
}

func (m *maker) simpleRNN(op graph.SimpleRNN, units int) cell {
	return m.separate("simple", op.Bias, units, units, &simpleGates{curve(op.Activation), m.packColumns(2, 0, units), units})
}

func (g *simpleGates) step(s rnn.Step, _ []float32) {
	multiply(s.Z, s.Now.H, g.u, s.N, g.units, g.units, g.units)
	bend(g.act, s.Next.H, s.Z)
}

// lstmGates are i, f, c, o.
type lstmGates struct {
	act, gate func(dst, src []float32)
	u         []float32
	units     int
}

func (m *maker) lstm(op graph.LSTM, units int) cell {
	if m.knows(op.Recurrence, op.RecurrentActivation) {
		return m.fusedCell(rnn.LSTM, "lstm", op.Bias, units)
	}
	return m.separate("lstm", op.Bias, 4*units, units,
		&lstmGates{curve(op.Activation), curve(op.RecurrentActivation), m.packColumns(2, 0, 4*units), units})
}

func (g *lstmGates) step(s rnn.Step, _ []float32) {
	multiply(s.Z, s.Now.H, g.u, s.N, g.units, 4*g.units, 4*g.units)
	g.finish(s)
}

// finish takes the sums of the gates to the next states, which may lie where those before do.
func (g *lstmGates) finish(s rnn.Step) {
	u := g.units
	for b := range s.N {
		at := b * u
		z, h, c := s.Z[4*at:4*(at+u)], s.Next.H[at:at+u], s.Next.C[at:at+u]
		i, f, k, o := z[:u], z[u:2*u], z[2*u:3*u], z[3*u:]
		bend(g.gate, z[:2*u], z[:2*u])
		bend(g.act, k, k)
		bend(g.gate, o, o)
		vec.Mul(c, s.Now.C[at:at+u], f)
		vec.Mul(i, i, k)
		vec.Add(c, c, i)
		bend(g.act, h, c)
		vec.Mul(h, h, o)
	}
}

// gruGates are z, r, h. u is U of all gates when the reset gate applies after
// the product, else of z and r alone, with own that of h.
type gruGates struct {
	act, gate func(dst, src []float32)
	u, own    []float32
	units     int
}

func (m *maker) gru(op graph.GRU, units int) cell {
	if op.ResetAfter && m.knows(op.Recurrence, op.RecurrentActivation) {
		return m.fusedCell(rnn.GRU, "gru", op.Bias, units)
	}
	g := &gruGates{act: curve(op.Activation), gate: curve(op.RecurrentActivation), units: units}
	if op.ResetAfter {
		g.u = m.packColumns(2, 0, 3*units)
	} else {
		g.u, g.own = m.packColumns(2, 0, 2*units), m.packColumns(2, 2*units, 3*units)
	}
	c := m.separate("gru", op.Bias, 3*units, units, g)
	c.room = 3 * units
	return c
}

func (g *gruGates) step(s rnn.Step, bias []float32) {
	u := g.units
	if g.own == nil {
		inner := s.Room[:s.N*3*u]
		for b := range s.N {
			row := inner[b*3*u : (b+1)*3*u]
			if bias != nil {
				copy(row, bias[3*u:])
			} else {
				clear(row)
			}
		}
		multiply(inner, s.Now.H, g.u, s.N, u, 3*u, 3*u)
		for b := range s.N {
			z, k := s.Z[b*3*u:(b+1)*3*u], inner[b*3*u:(b+1)*3*u]
			vec.Add(z[:2*u], z[:2*u], k[:2*u])
			bend(g.gate, z[:2*u], z[:2*u])
			vec.Mul(k[2*u:], k[2*u:], z[u:2*u])
			vec.Add(z[2*u:], z[2*u:], k[2*u:])
		}
	} else {
		multiply(s.Z, s.Now.H, g.u, s.N, u, 2*u, 3*u)
		reset := s.Room[:s.N*u]
		for b := range s.N {
			z := s.Z[b*3*u : (b+1)*3*u]
			bend(g.gate, z[:2*u], z[:2*u])
			vec.Mul(reset[b*u:(b+1)*u], z[u:2*u], s.Now.H[b*u:(b+1)*u])
		}
		multiply(s.Z[2*u:], reset, g.own, s.N, u, u, 3*u)
	}
	for b := range s.N { // h = k + z·(h - k)
		z, h := s.Z[b*3*u:(b+1)*3*u], s.Next.H[b*u:(b+1)*u]
		k := z[2*u:]
		bend(g.act, k, k)
		vec.Sub(h, s.Now.H[b*u:(b+1)*u], k)
		vec.Mul(h, h, z[:u])
		vec.Add(h, h, k)
	}
}

// fusedCell packs the weights of a cell that package rnn knows. Its bias is
// constant; that of a GRU is of the projection and of the product of the state.
func (m *maker) fusedCell(kind rnn.Kind, name string, bias bool, units int) cell {
	f := rnn.New(kind, units)
	c := cell{name: name, variant: f.Variant(), fused: f, wide: f.Wide(), padded: f.Padded(), room: f.Room()}
	in := m.In[1].Shape[0]
	project := conv.DenseShape(1, in, c.wide)
	c.kernel = m.interleaved(&f, name+" kernel", 1, conv.PackedLen(&project), func(dst, w []float32) { conv.Pack(dst, w, &project) })
	c.weights = m.interleaved(&f, name+" state", 2, f.PackedLen(), f.Pack)
	c.inner = make([]float32, c.padded)
	if bias {
		of := m.constant(3).Float32s()
		if kind == rnn.GRU {
			copy(c.inner, of[5*units:])
			of = biasOfGRU(of, units)
		}
		c.bias.fixed = make([]float32, c.wide)
		f.Interleave(c.bias.fixed, of)
	}
	return c
}

// biasOfGRU is what the projection adds: both biases, but that of the state's product with the weights of k.
func biasOfGRU(both []float32, units int) []float32 {
	sum := append([]float32{}, both[:3*units]...)
	for i := range 2 * units {
		sum[i] += both[3*units+i]
	}
	return sum
}

// interleaved packs the constant matrix that is operand i, with its columns interleaved.
func (m *maker) interleaved(f *rnn.Cell, form string, i, size int, pack func(dst, w []float32)) []float32 {
	rows := m.In[i].Shape[0]
	return m.pack(i, form, weight.Layout{Len: size, Pack: func(packed, matrix []float32, _ int) {
		w := make([]float32, rows*f.Wide())
		f.Interleave(w, matrix)
		pack(packed, w)
	}})
}

// knows reports whether package rnn has the activations of a cell, and the bias is known before the run.
func (m *maker) knows(r graph.Recurrence, gate graph.Activation) bool {
	return r.Activation.Func == graph.Tanh && gate.Func == graph.Sigmoid && (!r.Bias || m.constant(3) != nil)
}

// A convLSTM step runs one sample after the other, each through all its time
// steps: the state stays in a cache. Its chunks are samples.
type convLSTM struct {
	base
	graph.Recurrence
	gates   lstmGates
	z       operand
	initial [2]operand // nothing when the states start at zero
	mask    int        // index into Args.In
	fixed   *graph.Tensor

	steps, pixels int
	direct        *convolution // of the state, or
	winograd      *winograd
}

// convLSTM returns the float32 form of a ConvLSTM, or the plain form when
// operands have another type or the kernel is not known before the run.
func (m *maker) convLSTM(op graph.ConvLSTM) Step {
	for _, t := range m.In {
		if t.DType != graph.Float32 && t.DType != graph.Bool || elems(t.Shape) == 0 {
			return m.plain()
		}
	}
	u := m.value(1)
	if u == nil {
		return m.plain()
	}
	z := m.In[0].Shape
	axes := len(z) - 3
	filters := m.In[1].Shape[axes]
	c := &convLSTM{
		Recurrence: op.Recurrence, z: m.operand(0), steps: z[1], pixels: elems(z[2 : 2+axes]),
		gates: lstmGates{act: curve(op.Activation), gate: curve(op.RecurrentActivation), units: filters},
	}
	next := 2
	if op.State {
		c.initial = [2]operand{m.operand(2), m.operand(3)}
		next += 2
	}
	if op.Masked {
		c.mask, c.fixed = next, m.constant(next)
	}

	image := func(channels int) graph.Type {
		return graph.Type{DType: graph.Float32, Shape: append(append(graph.Shape{1}, z[2:2+axes]...), channels)}
	}
	sums := image(4 * filters)
	inner := &maker{
		Spec: Spec{
			Op: op.Convolution(axes), In: []graph.Type{image(filters), m.In[1], sums}, Const: []*weight.Value{nil, u, nil},
			Out: []graph.Type{sums}, Epilogue: Epilogue{Residual: true}, Winograd: m.Winograd,
		},
		packs: m.packs, args: 2, own: []graph.Type{sums},
	}
	s := inner.conv(op.Convolution(axes))
	m.packed[1] = inner.packed[1]
	m.fail(inner.err)
	if w, ok := s.(*winograd); ok {
		c.winograd = w
	} else {
		c.direct = s.(*convolution)
	}
	batch, info := z[0], s.Info()
	times := float64(batch * c.steps)
	ns := times * (info.Nanoseconds + float64(elems(sums.Shape))*nsSmooth)
	work := split{batch, min(chunksFor(ns), batch), ns}
	c.base = m.base("convlstm "+info.Kernel, times*float64(info.FLOPs), work)
	c.info.Scratch = 6*filters*c.pixels + info.Scratch // sums of the gates, h, c, the convolution's own
	return c
}

func (c *convLSTM) Run(a *Args, chunk int, scratch []float32) error {
	var mask []bool
	if c.Masked {
		t := c.fixed
		if t == nil {
			t = &a.In[c.mask]
		}
		mask = t.Data.([]bool)
	}
	size := c.pixels * c.gates.units
	sums, rest := scratch[:4*size:4*size], scratch[4*size:]
	state := rnn.State{H: rest[:size:size], C: rest[size : 2*size : 2*size]}
	rest = rest[2*size:]
	z, y := c.z.of(a), result(a)
	h0, c0 := c.initial[0].of(a), c.initial[1].of(a)
	lo, hi := c.work.bounds(chunk)
	for b := lo; b < hi; b++ {
		clear(state.H)
		clear(state.C)
		if c.State {
			copy(state.H, h0[b*size:])
			copy(state.C, c0[b*size:])
		}
		seen := false // a step that is not masked
		for i := range c.steps {
			t := b*c.steps + i
			if c.Backwards {
				t = b*c.steps + c.steps - 1 - i
			}
			on := mask == nil || mask[t]
			if on {
				c.convolve(sums, state.H, z[4*t*size:4*(t+1)*size], rest)
				c.gates.finish(rnn.Step{N: c.pixels, Z: sums, Now: state, Next: state})
				seen = true
			}
			out := y[b*size:]
			if c.Sequences {
				out = y[(b*c.steps+i)*size:]
			} else if i < c.steps-1 {
				continue
			}
			if on || seen && !c.ZeroMasked {
				copy(out, state.H)
			} else {
				clear(out[:size])
			}
		}
		copy(a.Out[1].Data.([]float32)[b*size:], state.H)
		copy(a.Out[2].Data.([]float32)[b*size:], state.C)
	}
	return nil
}

// convolve computes dst = z + h∗U.
func (c *convLSTM) convolve(dst, h, z, scratch []float32) {
	if w := c.winograd; w != nil {
		e := conv.Epilogue{Residual: z}
		conv.RunWinograd(&w.shape, dst, h, w.packed, &e, 0, w.shape.Tiles(), 0, w.shape.ChannelGroups(), scratch)
		return
	}
	d := c.direct
	for o := range d.spatial.out[0] {
		e := conv.Epilogue{Residual: part(z, o, d.plane.out)}
		d.runPlane(part(dst, o, d.plane.out), h, d.packed, e, o, 0, d.outH, 0, d.panelCount())
	}
}
