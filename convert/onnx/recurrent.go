package onnx

import (
	"math"
	"slices"

	"github.com/kerasrun/kerasrun/convert/target"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// A cell is a recurrent op as ONNX has it.
type cell struct {
	graph.Recurrence
	op          string // "LSTM"
	activations []graph.Activation
	order       []int // gate q of ONNX is gate order[q] of Keras
	states      int
	linear      bool // linear_before_reset
	// step makes the next states of those before and the projected input.
	step func(states []string, x string) []string
	axis int // of the units of a state
	rank int // of a state
}

// recurrent makes an LSTM, GRU or RNN node, or a Scan of one step's nodes where
// there is a mask, or an activation or type that the node lacks.
func (e *emitter) recurrent(n *graph.Node) {
	d := computed(e.type1(n).DType)
	u := e.g.Values[n.In[2]].Shape
	units := u[0]
	product := func(h string, from, to int) string { // h·U, of some gates
		w := e.operandAs(n.In[2], d)
		if to-from < u[1]/units {
			w = e.apply("Slice", list(w, e.ints(from*units), e.ints(to*units), e.ints(1)))
		}
		return e.bin("MatMul", h, w)
	}
	split := func(z string, gates int) []string { return e.split(z, gates, units, 1) }
	var c cell
	switch op := n.Op.(type) {
	case graph.LSTM:
		c = cell{Recurrence: op.Recurrence, op: "LSTM", activations: []graph.Activation{op.RecurrentActivation, op.Activation, op.Activation}, order: []int{0, 3, 1, 2}, states: 2}
		c.step = func(s []string, x string) []string {
			return e.lstmStep(split(e.bin("Add", x, product(s[0], 0, 4)), 4), s[1], op.Activation, op.RecurrentActivation, d)
		}
	case graph.GRU:
		c = cell{Recurrence: op.Recurrence, op: "GRU", activations: []graph.Activation{op.RecurrentActivation, op.Activation}, order: []int{0, 1, 2}, states: 1, linear: op.ResetAfter}
		c.step = func(s []string, x string) []string {
			in := split(x, 3)
			var z, r, k string
			if op.ResetAfter {
				p := product(s[0], 0, 3)
				if op.Bias {
					p = e.bin("Add", p, e.biasRow(n.In[3], 1, d))
				}
				h := split(p, 3)
				z = e.activation(op.RecurrentActivation, e.bin("Add", in[0], h[0]), d)
				r = e.activation(op.RecurrentActivation, e.bin("Add", in[1], h[1]), d)
				k = e.bin("Add", in[2], e.bin("Mul", r, h[2]))
			} else {
				h := split(product(s[0], 0, 2), 2)
				z = e.activation(op.RecurrentActivation, e.bin("Add", in[0], h[0]), d)
				r = e.activation(op.RecurrentActivation, e.bin("Add", in[1], h[1]), d)
				k = e.bin("Add", in[2], product(e.bin("Mul", r, s[0]), 2, 3))
			}
			k = e.activation(op.Activation, k, d)
			return list(e.bin("Add", e.bin("Mul", z, s[0]), e.bin("Mul", e.bin("Sub", e.scalar(d, 1), z), k)))
		}
	case graph.SimpleRNN:
		c = cell{Recurrence: op.Recurrence, op: "RNN", activations: []graph.Activation{op.Activation}, order: []int{0}, states: 1}
		c.step = func(s []string, x string) []string {
			return list(e.activation(op.Activation, e.bin("Add", x, product(s[0], 0, 1)), d))
		}
	}
	if e.recurrentNode(n, c, d) {
		return
	}
	c.axis, c.rank = 1, 2
	x, _ := e.in(n, 0)
	batch := sizeOf(x, e.type1(n).Shape, 0)
	x = e.bin("MatMul", x, e.operandAs(n.In[1], d))
	next := n.In[3:]
	if c.Bias {
		b := e.operandAs(next[0], d)
		if c.linear {
			b = e.biasRow(next[0], 0, d)
		}
		x, next = e.bin("Add", x, b), next[1:]
	}
	e.scan(n, c, x, 1, next, []size{batch, {n: units}}, d, false)
}

// lstmStep returns h and c after a step, of the sums of the gates i, f, c, o.
func (e *emitter) lstmStep(g []string, before string, act, gate graph.Activation, d graph.DType) []string {
	kept := e.bin("Mul", e.activation(gate, g[1], d), before)
	c := e.bin("Add", kept, e.bin("Mul", e.activation(gate, g[0], d), e.activation(act, g[2], d)))
	return list(e.bin("Mul", e.activation(gate, g[3], d), e.activation(act, c, d)), c)
}

// operandAs returns a value in the type in which it is computed.
func (e *emitter) operandAs(id int, d graph.DType) string {
	return e.cast(e.last(id), e.g.Values[id].DType, d)
}

// biasRow is a row of the two of a bias.
func (e *emitter) biasRow(id, row int, d graph.DType) string {
	return e.apply("Gather", list(e.operandAs(id, d), e.scalar(graph.Int64, float64(row))), with("axis", 0))
}

// split cuts an axis into so many parts of the same size.
func (e *emitter) split(x string, parts, size, axis int) []string {
	if parts == 1 {
		return list(x)
	}
	return e.applyN("Split", parts, list(x, e.ints(slices.Repeat([]int{size}, parts)...)), with("axis", axis))
}

// recurrentNode makes the node that ONNX has for a cell, if it has one.
func (e *emitter) recurrentNode(n *graph.Node, c cell, d graph.DType) bool {
	if c.Masked || d == graph.Float64 {
		return false
	}
	var names []string
	var alpha, beta []float64
	for _, a := range c.activations {
		name, params, ok := gateActivation(a)
		if !ok {
			return false
		}
		names = append(names, name)
		if len(params) > 0 {
			alpha = append(alpha, params[0])
		}
		if len(params) > 1 {
			beta = append(beta, params[1])
		}
	}
	weights := n.In[1:3]
	if c.Bias {
		weights = n.In[1:4]
	}
	var w []string
	units := e.g.Values[n.In[2]].Shape[0]
	gates := len(c.order)
	for k, id := range weights {
		k0, ok := e.constant(id)
		if !ok {
			return false
		}
		var name string
		if k < 2 {
			shape := graph.Shape{1, gates * units, k0.Shape[0]}
			name = e.changed(id, k0, c.op, shape, func(t graph.Tensor) graph.Tensor {
				parts := graph.Tensor{DType: t.DType, Shape: graph.Shape{t.Shape[0], gates, units}, Data: t.Data}
				return reordered(target.Transposed(parts, []int{1, 2, 0}), c.order)
			})
		} else {
			name = e.changed(id, k0, c.op, graph.Shape{1, 2 * gates * units}, func(t graph.Tensor) graph.Tensor {
				both := graph.NewTensor(t.DType, graph.Shape{2, gates * units})
				for i := range t.Len() {
					at := i % (gates * units) / units // the gate
					at = slices.Index(c.order, at)*units + i%units + i/(gates*units)*gates*units
					both.SetFloat(at, t.Float(i))
				}
				return both
			})
		}
		w = append(w, e.cast(name, k0.DType, d))
	}
	x, _ := e.in(n, 0)
	x = e.apply("Transpose", list(x), with("perm", []int{1, 0, 2}))
	if c.Backwards {
		x = e.apply("Slice", list(x, e.ints(-1), e.ints(math.MinInt), e.ints(0), e.ints(-1)))
	}
	in := append(list(x), w...)
	if c.State {
		if !c.Bias {
			in = append(in, "")
		}
		in = append(in, "") // the lengths
		for _, id := range n.In[1+len(weights):] {
			in = append(in, e.apply("Unsqueeze", list(e.operandAs(id, d), e.ints(0))))
		}
	}
	attrs := []attr{with("hidden_size", units), with("activations", names)}
	if alpha != nil {
		attrs = append(attrs, with("activation_alpha", alpha))
	}
	if beta != nil {
		attrs = append(attrs, with("activation_beta", beta))
	}
	if c.linear {
		attrs = append(attrs, with("linear_before_reset", 1))
	}
	out := e.applyN(c.op, 1+c.states, in, attrs...)
	names = nil
	if c.Sequences { // (time, 1, batch, units)
		y := e.apply("Transpose", list(e.apply("Squeeze", list(out[0], e.ints(1)))), with("perm", []int{1, 0, 2}))
		names = append(names, y)
	}
	for _, s := range out[1:] {
		names = append(names, e.apply("Squeeze", list(s, e.ints(0))))
	}
	if !c.Sequences {
		names = append(names[:1:1], names...)
	}
	for i, id := range n.Out {
		e.set(id, e.cast(names[i], d, e.g.Values[id].DType), false)
	}
	return true
}

// gateActivation is how the recurrent ops of ONNX call an activation, and its parameters.
func gateActivation(a graph.Activation) (name string, params []float64, ok bool) {
	switch {
	case a.Func == "":
		return "Affine", []float64{1, 0}, true
	case a.Func == graph.Tanh:
		return "Tanh", nil, true
	case a.Func == graph.Sigmoid:
		return "Sigmoid", nil, true
	case a.Func == graph.HardSigmoid:
		return "HardSigmoid", []float64{a.A, a.B}, true
	case a == graph.Activation{Func: graph.ReLU, B: math.Inf(1)}:
		return "Relu", nil, true
	case a.Func == graph.Softsign:
		return "Softsign", nil, true
	}
	return "", nil, false
}

// reordered changes the order of the cells of axis 0.
func reordered(t graph.Tensor, order []int) graph.Tensor {
	switch d := t.Data.(type) {
	case []float32:
		t.Data = reorder(d, order)
	case []float64:
		t.Data = reorder(d, order)
	case []uint16:
		t.Data = reorder(d, order)
	}
	return t
}

func reorder[T any](d []T, order []int) []T {
	n := len(d) / len(order)
	var out []T
	for _, o := range order {
		out = append(out, d[o*n:][:n]...)
	}
	return out
}

// convLSTM is a Scan, channels first.
func (e *emitter) convLSTM(n *graph.Node, op graph.ConvLSTM) {
	t := e.type1(n)
	axes := len(t.Shape) - 3
	k := e.g.Values[n.In[1]].Shape
	filters := k[axes]
	z, d := e.firstOf(n) // (batch, 4·filters, time, spatial...)
	w := e.kernel(n, slices.Concat([]int{axes + 1, axes}, span(0, axes)), nil)
	conv := op.Convolution(axes)
	attrs := window(slices.Repeat(graph.Shape{graph.Dyn}, axes+2), k[:axes], conv.Strides, conv.Dilation, conv.Padding)
	c := cell{Recurrence: op.Recurrence, states: 2, axis: 1, rank: axes + 2}
	c.step = func(s []string, x string) []string {
		sums := e.bin("Add", x, e.apply("Conv", list(s[0], w), attrs...))
		return e.lstmStep(e.split(sums, 4, filters, 1), s[1], op.Activation, op.RecurrentActivation, d)
	}
	state := []size{sizeOf(z, t.Shape, 0), {n: filters}}
	for i := range axes {
		s := sizeOf(z, t.Shape, 2+i)
		s.axis = 3 + i
		state = append(state, s)
	}
	e.scan(n, c, z, 2, n.In[2:], state, d, true)
}

// scan makes a Scan of a cell's steps over axis of x, from the operands next: the
// states, if the cell has them, and the mask.
func (e *emitter) scan(n *graph.Node, c cell, x string, axis int, next []int, state []size, d graph.DType, first bool) {
	zeros := ""
	zero := func() string {
		if zeros == "" {
			zeros = e.apply("Expand", list(e.scalar(d, 0), e.shape(state)))
		}
		return zeros
	}
	var in []string
	for k := range c.states {
		switch {
		case !c.State:
			in = append(in, zero())
		case first:
			in = append(in, e.cast(e.first(next[k]), e.g.Values[next[k]].DType, d))
		default:
			in = append(in, e.operandAs(next[k], d))
		}
	}
	if c.Masked {
		in = append(in, zero()) // the output of the step before
	}
	carried := len(in)
	in = append(in, x)
	axes := []int{axis}
	if c.Masked {
		in, axes = append(in, e.last(next[len(next)-1])), append(axes, 1)
	}
	known := make([]dim, len(state))
	for i, s := range state {
		known[i].value = s.n
		if s.of != "" {
			known[i].value = graph.Dyn
		}
	}

	outer := e.nodes
	e.nodes = nil
	b := &body{name: e.unique(e.layer + "/step")}
	var before []string
	for range carried {
		before = append(before, e.unique(e.layer+"/state"))
		b.in = append(b.in, info{before[len(before)-1], d, known})
	}
	input := e.unique(e.layer + "/input")
	b.in = append(b.in, info{name: input, dtype: d})
	after := c.step(before[:c.states], input)
	y := after[0]
	if c.Masked {
		mask := e.unique(e.layer + "/mask")
		b.in = append(b.in, info{mask, graph.Bool, []dim{{value: graph.Dyn}}})
		mask = e.apply("Unsqueeze", list(mask, e.ints(span(1, c.rank)...)))
		kept := before[c.states]
		if c.ZeroMasked {
			kept = e.scalar(d, 0)
		}
		y = e.apply("Where", list(mask, y, kept))
		for k := range after {
			after[k] = e.apply("Where", list(mask, after[k], before[k]))
		}
		after = append(after, y)
	}
	for _, s := range after {
		b.out = append(b.out, info{e.un("Identity", s), d, known})
	}
	b.out = append(b.out, info{e.un("Identity", y), d, known})
	b.nodes, e.nodes = e.nodes, outer

	attrs := []attr{with("body", b), with("num_scan_inputs", len(axes)), with("scan_input_axes", axes), with("scan_output_axes", []int{axis})}
	if c.Backwards {
		attrs = append(attrs, with("scan_input_directions", slices.Repeat([]int{1}, len(axes))))
	}
	out := e.applyN("Scan", carried+1, in, attrs...)
	results := append([]string{out[0]}, out[:c.states]...)
	switch {
	case c.Sequences:
		results[0] = out[carried]
	case c.Masked:
		results[0] = out[c.states]
	}
	for i, id := range n.Out {
		e.set(id, e.cast(results[i], d, e.g.Values[id].DType), first)
	}
}
