package reference

import "github.com/kerasrun/kerasrun/runtime/graph"

// A cell is one step of a recurrent op in float64.
type cell struct {
	graph.Recurrence
	gates, states int
	// step replaces the states h[0], h[1], ... of one sample, given x·W (g·units),
	// U and the bias (or nil). The first state is the output.
	step func(h [][]float64, xw, u, bias []float64)
}

// cellOf returns the cell of a recurrent op.
func cellOf(op graph.Op) (cell, bool) {
	switch op := op.(type) {
	case graph.LSTM:
		act, gate := activation(op.Activation), activation(op.RecurrentActivation)
		return cell{op.Recurrence, 4, 2, func(h [][]float64, xw, u, bias []float64) { lstmStep(h, xw, u, bias, act, gate) }}, true
	case graph.GRU:
		act, gate := activation(op.Activation), activation(op.RecurrentActivation)
		step := gruStep
		if op.ResetAfter {
			step = gruAfterStep
		}
		return cell{op.Recurrence, 3, 1, func(h [][]float64, xw, u, bias []float64) { step(h[0], xw, u, bias, act, gate) }}, true
	case graph.SimpleRNN:
		act := activation(op.Activation)
		return cell{op.Recurrence, 1, 1, func(h [][]float64, xw, u, bias []float64) {
			z := add(vecMat(h[0], u, 0, len(xw), len(xw)), xw, bias)
			for i := range z {
				h[0][i] = act(z[i])
			}
		}}, true
	}
	return cell{}, false
}

func activation(a graph.Activation) func(float64) float64 {
	if a.Func == "" {
		return func(x float64) float64 { return x }
	}
	return Activation(a)
}

// vecMat is columns from to to-1 of v·m, where m has rows of so many columns.
func vecMat(v, m []float64, from, to, columns int) []float64 {
	y := make([]float64, to-from)
	for i, x := range v {
		for j := range y {
			y[j] += x * m[i*columns+from+j]
		}
	}
	return y
}

// add adds b and c, which may be nil, to a.
func add(a, b, c []float64) []float64 {
	for i := range a {
		if b != nil {
			a[i] += b[i]
		}
		if c != nil {
			a[i] += c[i]
		}
	}
	return a
}

func lstmStep(h [][]float64, xw, u, bias []float64, act, gate func(float64) float64) {
	n := len(h[0])
	z := add(vecMat(h[0], u, 0, 4*n, 4*n), xw, bias)
	for j := range n {
		c := gate(z[n+j])*h[1][j] + gate(z[j])*act(z[2*n+j])
		h[0][j], h[1][j] = gate(z[3*n+j])*act(c), c
	}
}

func gruStep(h, xw, u, bias []float64, act, gate func(float64) float64) {
	n := len(h)
	z := add(make([]float64, 3*n), xw, bias)
	zr := add(vecMat(h, u, 0, 2*n, 3*n), z[:2*n], nil)
	reset := make([]float64, n)
	for j := range n {
		reset[j] = gate(zr[n+j]) * h[j]
	}
	k := add(vecMat(reset, u, 2*n, 3*n, 3*n), z[2*n:], nil)
	for j := range n {
		g := gate(zr[j])
		h[j] = g*h[j] + (1-g)*act(k[j])
	}
}

func gruAfterStep(h, xw, u, bias []float64, act, gate func(float64) float64) {
	n := len(h)
	var first, second []float64
	if bias != nil {
		first, second = bias[:3*n], bias[3*n:]
	}
	x := add(make([]float64, 3*n), xw, first)
	z := add(vecMat(h, u, 0, 3*n, 3*n), second, nil)
	for j := range n {
		g, r := gate(x[j]+z[j]), gate(x[n+j]+z[n+j])
		h[j] = g*h[j] + (1-g)*act(x[2*n+j]+r*z[2*n+j])
	}
}

// run computes the op of c.
func (c cell) run(in []graph.Tensor, out []graph.Type) []graph.Tensor {
	x, w, u := values(in[0]), values(in[1]), values(in[2])
	batch, steps, width := in[0].Shape[0], in[0].Shape[1], in[0].Shape[2]
	units := in[2].Shape[0]
	next := in[3:]
	var bias []float64
	if c.Bias {
		bias, next = values(next[0]), next[1:]
	}
	first := make([][]float64, c.states)
	if c.State {
		for k := range first {
			first[k] = values(next[k])
		}
		next = next[c.states:]
	}
	var mask []float64
	if c.Masked {
		mask = values(next[0])
	}
	res := make([][]float64, len(out))
	for k, t := range out {
		n, _ := t.Shape.Elems()
		res[k] = make([]float64, n)
	}
	for b := range batch {
		h := make([][]float64, c.states)
		for k := range h {
			h[k] = make([]float64, units)
			if c.State {
				copy(h[k], first[k][b*units:])
			}
		}
		y := make([]float64, units)
		for t := range steps {
			at := b*steps + t
			if c.Backwards {
				at = b*steps + steps - 1 - t
			}
			switch {
			case mask == nil || mask[at] != 0:
				c.step(h, vecMat(x[at*width:(at+1)*width], w, 0, c.gates*units, c.gates*units), u, bias)
				copy(y, h[0])
			case c.ZeroMasked:
				clear(y)
			}
			if c.Sequences {
				copy(res[0][(b*steps+t)*units:], y)
			}
		}
		if !c.Sequences {
			copy(res[0][b*units:], y)
		}
		for k := range h {
			copy(res[1+k][b*units:], h[k])
		}
	}
	return stored(res, out)
}

// stored returns the results of an op as tensors.
func stored(res [][]float64, out []graph.Type) []graph.Tensor {
	tensors := make([]graph.Tensor, len(out))
	for k, t := range out {
		tensors[k] = graph.NewTensor(t.DType, t.Shape)
		store(tensors[k], res[k])
	}
	return tensors
}

// convLSTM computes op.
func convLSTM(op graph.ConvLSTM, in []graph.Tensor, out []graph.Type) []graph.Tensor {
	act, gate := activation(op.Activation), activation(op.RecurrentActivation)
	z, u := values(in[0]), array{in[1].Shape, values(in[1])}
	batch, steps, axes := in[0].Shape[0], in[0].Shape[1], len(in[0].Shape)-3
	filters := u.shape[axes]
	image := append(append(graph.Shape{1}, in[0].Shape[2:2+axes]...), filters)
	sums := append(append(graph.Shape{}, image[:1+axes]...), 4*filters)
	size := product(image)
	res := make([][]float64, len(out))
	for k, t := range out {
		res[k] = make([]float64, product(t.Shape))
	}
	for b := range batch {
		h, c, y := make([]float64, size), make([]float64, size), make([]float64, size)
		if op.State {
			copy(h, values(in[2])[b*size:])
			copy(c, values(in[3])[b*size:])
		}
		for t := range steps {
			at := b*steps + t
			if op.Backwards {
				at = b*steps + steps - 1 - t
			}
			switch {
			case !op.Masked || values(in[len(in)-1])[at] != 0:
				s := append([]float64{}, z[at*4*size:(at+1)*4*size]...)
				convolve(array{sums, s}, array{image, h}, u, op.Convolution(axes))
				for i := range h {
					g := s[i/filters*4*filters+i%filters:]
					c[i] = gate(g[filters])*c[i] + gate(g[0])*act(g[2*filters])
					h[i] = gate(g[3*filters]) * act(c[i])
				}
				copy(y, h)
			case op.ZeroMasked:
				clear(y)
			}
			if op.Sequences {
				copy(res[0][(b*steps+t)*size:], y)
			}
		}
		if !op.Sequences {
			copy(res[0][b*size:], y)
		}
		copy(res[1][b*size:], h)
		copy(res[2][b*size:], c)
	}
	return stored(res, out)
}
