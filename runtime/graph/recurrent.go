package graph

import (
	"fmt"
	"slices"
)

// A Recurrence is what the recurrent ops share. Their operands are
//
//	x       (batch, time, in)
//	kernel  (in, g·units)          for g gates side by side
//	recurrent_kernel (units, g·units)
//	bias    (g·units)              when Bias
//	states  (batch, units) each    when State; zeros otherwise
//	mask    (batch, time) Bool     when Masked
//
// and their results the output, (batch, time, units) when Sequences and the
// last step's (batch, units) otherwise, then the states after the last step. At
// a step whose mask is false the states stay; its output is that of the step
// before, zeros at first, or always zeros when ZeroMasked.
type Recurrence struct {
	Activation Activation // no Func is the identity
	Bias       bool
	State      bool
	Masked     bool
	Backwards  bool // from the last step to the first; the output has that order
	Sequences  bool
	ZeroMasked bool
}

// LSTM is a long short-term memory (Hochreiter and Schmidhuber, 1997; with the
// forget gate of Gers, Schmidhuber and Cummins, 2000). Gates stand in the order
// i, f, c, o; states are h and c.
//
//	i = σ(x·Wi + h·Ui + bi)        σ is RecurrentActivation
//	f = σ(x·Wf + h·Uf + bf)
//	o = σ(x·Wo + h·Uo + bo)
//	c = f·c + i·act(x·Wc + h·Uc + bc)
//	h = o·act(c)
type LSTM struct {
	Recurrence
	RecurrentActivation Activation
}

// GRU is a gated recurrent unit (Cho et al., 2014). Gates stand in the order z,
// r, h; the state is h.
//
//	z = σ(x·Wz + h·Uz + bz)        σ is RecurrentActivation
//	r = σ(x·Wr + h·Ur + br)
//	k = act(x·Wh + (r·h)·Uh + bh)
//	h = z·h + (1 - z)·k
//
// With ResetAfter, r applies after the product, and the bias is (2, 3·units),
// of the input and of the recurrent product:
//
//	k = act(x·Wh + bh + r·(h·Uh + b'h))
type GRU struct {
	Recurrence
	RecurrentActivation Activation
	ResetAfter          bool
}

// SimpleRNN is h = act(x·W + h·U + b) (Elman, 1990). The state is h.
type SimpleRNN struct{ Recurrence }

// Infer implements [Op].
func (l LSTM) Infer(in []Type) ([]Type, error) {
	if err := gateActivation(l.RecurrentActivation); err != nil {
		return nil, err
	}
	return l.infer(in, 4, 2, 1)
}

// Infer implements [Op].
func (g GRU) Infer(in []Type) ([]Type, error) {
	if err := gateActivation(g.RecurrentActivation); err != nil {
		return nil, err
	}
	biases := 1
	if g.ResetAfter {
		biases = 2
	}
	return g.infer(in, 3, 1, biases)
}

// Infer implements [Op].
func (r SimpleRNN) Infer(in []Type) ([]Type, error) { return r.infer(in, 1, 1, 1) }

func gateActivation(a Activation) error {
	if a.Func != "" && !slices.Contains(ActivationFuncs, a.Func) {
		return fmt.Errorf("%w: activation %q", ErrAttr, a.Func)
	}
	return nil
}

// infer checks operands of so many gates, states and rows of the bias.
func (r Recurrence) infer(in []Type, gates, states, biases int) ([]Type, error) {
	if err := gateActivation(r.Activation); err != nil {
		return nil, err
	}
	want := 3
	if r.Bias {
		want++
	}
	if r.State {
		want += states
	}
	if r.Masked {
		want++
	}
	if err := operands(in, want); err != nil {
		return nil, err
	}
	real := in
	if r.Masked {
		real = in[:len(in)-1]
	}
	if err := floating(real); err != nil {
		return nil, err
	}
	x, w, u := in[0].Shape, in[1].Shape, in[2].Shape
	if len(x) != 3 || len(w) != 2 || len(u) != 2 || !w.Known() || !u.Known() || !sameDim(x[2], w[0]) {
		return nil, fmt.Errorf("%w: recurrence of %v with kernels %v and %v", ErrShape, x, w, u)
	}
	units := u[0]
	wide, err := mul(gates, units)
	if err != nil {
		return nil, err
	}
	if units < 1 || u[1] != wide || w[1] != wide {
		return nil, fmt.Errorf("%w: kernels %v and %v of %d gates", ErrShape, w, u, gates)
	}
	next := in[3:]
	if r.Bias {
		b := Shape{wide}
		if biases > 1 {
			b = Shape{biases, wide}
		}
		if !slices.Equal(next[0].Shape, b) {
			return nil, fmt.Errorf("%w: bias %v, want %v", ErrShape, next[0].Shape, b)
		}
		next = next[1:]
	}
	state := Shape{x[0], units}
	if r.State {
		for _, t := range next[:states] {
			if !state.Fits(t.Shape) {
				return nil, fmt.Errorf("%w: initial state %v, want %v", ErrShape, t.Shape, state)
			}
		}
		next = next[states:]
	}
	if r.Masked && (next[0].DType != Bool || !x[:2].Fits(next[0].Shape)) {
		return nil, fmt.Errorf("%w: mask %v %v, want %v", ErrShape, next[0].DType, next[0].Shape, x[:2])
	}
	d := in[0].DType
	out := []Type{{d, state}}
	if r.Sequences {
		out[0].Shape = Shape{x[0], x[1], units}
	}
	for range states {
		out = append(out, Type{d, state.Clone()})
	}
	return out, nil
}
