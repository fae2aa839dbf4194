package graph

import (
	"errors"
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

// ConvLSTM is an LSTM whose state is an image, convolved instead of multiplied
// (Shi et al., 2015). Its operands are
//
//	z                 (batch, time, spatial..., 4·filters), the convolved input and the bias
//	recurrent_kernel  (window..., filters, 4·filters)
//	states            h, c: (batch, spatial..., filters) when State; zeros otherwise
//	mask              (batch, time) Bool                 when Masked
//
// and its results the output, (batch, time, spatial..., filters) when Sequences
// and (batch, spatial..., filters) otherwise, then h and c. Gates stand in the
// order i, f, c, o. The convolution ∗ is one with same padding, without strides.
//
//	i, f, o = σ(z + h∗U)               σ is RecurrentActivation
//	c = f·c + i·act(z + h∗U)
//	h = o·act(c)
type ConvLSTM struct {
	Recurrence          // without Bias
	RecurrentActivation Activation
}

// Convolution is the op that applies the recurrent kernel to states with so many spatial axes.
func (c ConvLSTM) Convolution(axes int) Conv {
	ones := slices.Repeat([]int{1}, axes)
	return Conv{Strides: ones, Dilation: ones, Groups: 1, Padding: Padding{Mode: Same}}
}

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

// Infer implements [Op].
func (c ConvLSTM) Infer(in []Type) ([]Type, error) {
	if err := errors.Join(gateActivation(c.Activation), gateActivation(c.RecurrentActivation)); err != nil {
		return nil, err
	}
	if c.Bias {
		return nil, fmt.Errorf("%w: a bias of its own", ErrAttr)
	}
	if err := c.operands(in, 2, 2); err != nil {
		return nil, err
	}
	z, u := in[0].Shape, in[1].Shape
	axes := len(z) - 3
	if axes < 1 || axes > 3 || len(u) != axes+2 || !u.Known() {
		return nil, fmt.Errorf("%w: recurrence of %v with kernel %v", ErrShape, z, u)
	}
	state := append(slices.Concat(z[:1], z[2:2+axes]), u[axes])
	gates, err := c.Convolution(axes).Infer([]Type{{in[0].DType, state}, in[1]})
	if err != nil {
		return nil, err
	}
	if wide := gates[0].Shape[axes+1]; wide%4 != 0 || wide/4 != u[axes] || !sameDim(z[axes+2], wide) {
		return nil, fmt.Errorf("%w: recurrence of %v with kernel %v of 4 gates", ErrShape, z, u)
	}
	return c.results(z, in[2:], 2, state, in[0].DType)
}

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
	if err := r.operands(in, want, states); err != nil {
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
	return r.results(x, next, states, Shape{x[0], units}, in[0].DType)
}

// operands checks the number and types of operands: so many, states and a mask.
func (r Recurrence) operands(in []Type, want, states int) error {
	if r.State {
		want += states
	}
	if r.Masked {
		want++
	}
	if err := operands(in, want); err != nil {
		return err
	}
	if r.Masked {
		in = in[:len(in)-1]
	}
	return floating(in)
}

// results checks next, the initial states and the mask of an op on x, and
// returns the results of an op with so many states.
func (r Recurrence) results(x Shape, next []Type, states int, state Shape, d DType) ([]Type, error) {
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
	out := []Type{{d, state}}
	if r.Sequences {
		out[0].Shape = slices.Concat(x[:2], state[1:])
	}
	for range states {
		out = append(out, Type{d, state.Clone()})
	}
	return out, nil
}
