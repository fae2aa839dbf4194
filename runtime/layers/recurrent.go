package layers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// recurrentConfig holds the config keys that the recurrent layers share.
type recurrentConfig struct {
	Units             int                `json:"units"`
	Activation        activationArg      `json:"activation"`
	UseBias           bool               `json:"use_bias"`
	ReturnSequences   bool               `json:"return_sequences"`
	ReturnState       bool               `json:"return_state"`
	GoBackwards       bool               `json:"go_backwards"`
	Stateful          bool               `json:"stateful"`
	Unroll            bool               `json:"unroll"` // see zeroUnrolled
	ZeroOutputForMask bool               `json:"zero_output_for_mask"`
	TimeMajor         bool               `json:"time_major"`
	Dropout           keras.TrainingOnly `json:"dropout"`
	RecurrentDropout  keras.TrainingOnly `json:"recurrent_dropout"`
	Seed              keras.TrainingOnly `json:"seed"`
}

var recurrentDefaults = recurrentConfig{Activation: named("tanh"), UseBias: true}

// named is the activation of that name.
func named(name string) activationArg { return activationArg{keras.NewString(name)} }

type lstmConfig struct {
	recurrentConfig
	RecurrentActivation activationArg      `json:"recurrent_activation"`
	UnitForgetBias      keras.TrainingOnly `json:"unit_forget_bias"`
}

// lstmLayer is a long short-term memory (Hochreiter and Schmidhuber, 1997).
// Gates stand in the order i, f, c, o. With stateful=True, unless it is given initial
// states, it begins with those that the run before left in the Session; a prediction
// without a Session begins with zeros. With time_major=True, which Keras 2 has,
// sequences and their masks are (time, batch, ...).
//
//	x                 (batch, time, in)
//	initial states    h, c: (batch, units); optional
//	mask              (batch, time); optional
//	kernel            (in, 4·units)
//	recurrent_kernel  (units, 4·units)
//	bias              (4·units)                    when use_bias
//	result            (batch, units)               (batch, time, units) with return_sequences
//	states            h, c: (batch, units)         when return_state
//
// See https://keras.io/api/layers/recurrent_layers/lstm/.
var lstmLayer = define("LSTM", lstmConfig{recurrentConfig: recurrentDefaults, RecurrentActivation: named("sigmoid")},
	func(s *scope, c lstmConfig, in []graph.Value) []graph.Value {
		return s.timeMajor(c.TimeMajor, c.ReturnSequences, in, func(s *scope, in []graph.Value) []graph.Value { return s.lstm(c, in, "cell") })
	})

func (s *scope) lstm(c lstmConfig, in []graph.Value, segment string) []graph.Value {
	gate := s.gate(c.RecurrentActivation)
	return s.recur(c.recurrentConfig, in, recurrence{4, 2, 1, segment}, func(r graph.Recurrence) graph.Op {
		return graph.LSTM{Recurrence: r, RecurrentActivation: gate}
	})
}

type gruConfig struct {
	recurrentConfig
	RecurrentActivation activationArg `json:"recurrent_activation"`
	ResetAfter          bool          `json:"reset_after"`
}

// gruLayer is a gated recurrent unit (Cho et al., 2014). Gates stand in the
// order z, r, h. stateful and time_major are as LSTM's.
//
//	x                 (batch, time, in)
//	initial state     (batch, units); optional
//	mask              (batch, time); optional
//	kernel            (in, 3·units)
//	recurrent_kernel  (units, 3·units)
//	bias              (2, 3·units)                 when use_bias; (3·units) with reset_after=False
//	result            (batch, units)               (batch, time, units) with return_sequences
//	state             (batch, units)               when return_state
//
// See https://keras.io/api/layers/recurrent_layers/gru/.
var gruLayer = define("GRU", gruConfig{recurrentConfig: recurrentDefaults, RecurrentActivation: named("sigmoid"), ResetAfter: true},
	func(s *scope, c gruConfig, in []graph.Value) []graph.Value {
		return s.timeMajor(c.TimeMajor, c.ReturnSequences, in, func(s *scope, in []graph.Value) []graph.Value { return s.gru(c, in, "cell") })
	})

func (s *scope) gru(c gruConfig, in []graph.Value, segment string) []graph.Value {
	gate := s.gate(c.RecurrentActivation)
	biases := 1
	if c.ResetAfter {
		biases = 2
	}
	return s.recur(c.recurrentConfig, in, recurrence{3, 1, biases, segment}, func(r graph.Recurrence) graph.Op {
		return graph.GRU{Recurrence: r, RecurrentActivation: gate, ResetAfter: c.ResetAfter}
	})
}

// simpleRNNLayer is h = activation(x · kernel + h · recurrent_kernel + bias).
// stateful and time_major are as LSTM's.
//
//	x                 (batch, time, in)
//	initial state     (batch, units); optional
//	mask              (batch, time); optional
//	kernel            (in, units)
//	recurrent_kernel  (units, units)
//	bias              (units)                      when use_bias
//	result            (batch, units)               (batch, time, units) with return_sequences
//	state             (batch, units)               when return_state
//
// See https://keras.io/api/layers/recurrent_layers/simple_rnn/.
var simpleRNNLayer = define("SimpleRNN", recurrentDefaults, func(s *scope, c recurrentConfig, in []graph.Value) []graph.Value {
	return s.timeMajor(c.TimeMajor, c.ReturnSequences, in, func(s *scope, in []graph.Value) []graph.Value { return s.simpleRNN(c, in, "cell") })
})

func (s *scope) simpleRNN(c recurrentConfig, in []graph.Value, segment string) []graph.Value {
	return s.recur(c, in, recurrence{1, 1, 1, segment}, func(r graph.Recurrence) graph.Op { return graph.SimpleRNN{Recurrence: r} })
}

type rnnConfig struct {
	ReturnSequences   bool         `json:"return_sequences"`
	ReturnState       bool         `json:"return_state"`
	GoBackwards       bool         `json:"go_backwards"`
	Stateful          bool         `json:"stateful"`
	Unroll            bool         `json:"unroll"` // see zeroUnrolled
	ZeroOutputForMask bool         `json:"zero_output_for_mask"`
	TimeMajor         bool         `json:"time_major"`
	Cell              *keras.Value `json:"cell"`
}

// rnnLayer runs a cell over the time steps: an LSTMCell, GRUCell, SimpleRNNCell,
// or StackedRNNCells of these, each of which runs on the results of the one
// before. Weights are those of the layer of the same name as the cell. stateful and
// time_major are as LSTM's.
//
//	x               (batch, time, in)
//	initial states  of the cells in their order; optional
//	mask            (batch, time); optional
//	result          (batch, units)    (batch, time, units) with return_sequences
//	states          of the cells in their order, when return_state
//
// See https://keras.io/api/layers/recurrent_layers/rnn/.
var rnnLayer = define("RNN", rnnConfig{}, func(s *scope, c rnnConfig, in []graph.Value) []graph.Value {
	return s.timeMajor(c.TimeMajor, c.ReturnSequences, in, func(s *scope, in []graph.Value) []graph.Value { return s.rnn(c, in) })
})

func (s *scope) rnn(c rnnConfig, in []graph.Value) []graph.Value {
	cells := s.layer.Inner["cell"]
	segments := []string{"cell"}
	if len(cells) == 1 && cells[0].Class == "StackedRNNCells" {
		cells = cells[0].Inner["cells"]
		segments = nil
		seen := map[string]int{}
		for _, l := range cells {
			name := keras.SnakeCase(l.Class)
			if n := seen[name]; n > 0 {
				name = fmt.Sprintf("%s_%d", name, n)
			}
			seen[keras.SnakeCase(l.Class)]++
			segments = append(segments, "cell/cells/"+name)
		}
	}
	if len(cells) == 0 || len(in) == 0 {
		s.Failf("%w: no cell to run", keras.ErrFormat)
		return nil
	}
	states := s.states
	if len(in) > 1 && len(states) == 0 {
		states = in[1:]
	}
	y := in[:1]
	mask, masked := s.usedMask(in, len(states) > 0)
	zeroed := c.ZeroOutputForMask
	if s.zeroMasked != nil {
		zeroed = *s.zeroMasked
	}
	if masked && zeroed && c.ReturnSequences && c.GoBackwards && c.Unroll && len(cells) > 1 {
		s.Failf("%w: stacked cells with zero_output_for_mask, go_backwards and unroll under a mask", keras.ErrUnsupported)
	}
	var last []graph.Value
	for i, l := range cells {
		t := *s
		if masked && c.GoBackwards && i == 1 { // the sequence is in the order of the first cell's time
			s.kwargs = map[string]graph.Value{"mask": s.backwards(mask)}
			t.kwargs = s.kwargs
		}
		n := statesOf(l.Class)
		if n == 0 {
			s.Failf("%w: a cell of class %q; supply the layer with WithLayer(%q, ...)", keras.ErrUnsupported, l.Class, s.path)
		}
		if len(states) > 0 {
			if len(states) < n {
				s.Failf("%w: too few initial states", graph.ErrShape)
				return nil
			}
			t.states, states = states[:n], states[n:]
		}
		one := c
		one.ReturnState = true
		one.ReturnSequences = c.ReturnSequences || i < len(cells)-1
		one.GoBackwards = c.GoBackwards && i == 0
		y = t.cell(l, one, y[:1], segments[i])
		if s.Err() != nil {
			return nil
		}
		last = append(last, y[1:]...)
	}
	if len(states) > 0 {
		s.Failf("%w: %d initial states too many", graph.ErrShape, len(states))
	}
	if masked && c.ReturnSequences {
		s.setMask(y[0], mask)
	}
	if c.ReturnState {
		return append(y[:1:1], last...)
	}
	return y[:1]
}

// statesOf returns the number of states of a class of cells, 0 for one that is not known.
func statesOf(cell string) int {
	switch cell {
	case "LSTMCell":
		return 2
	case "GRUCell", "SimpleRNNCell":
		return 1
	}
	return 0
}

// cell lowers a cell that runs over time, as the layer of its name does.
func (s *scope) cell(l *keras.Layer, c rnnConfig, in []graph.Value, segment string) []graph.Value {
	if s.Err() != nil {
		return nil
	}
	over := func(r *recurrentConfig) {
		r.ReturnSequences, r.ReturnState, r.GoBackwards, r.Unroll = c.ReturnSequences, c.ReturnState, c.GoBackwards, c.Unroll
		r.ZeroOutputForMask, r.Stateful = c.ZeroOutputForMask, c.Stateful
	}
	var err error
	switch l.Class {
	case "LSTMCell":
		r := lstmConfig{recurrentConfig: recurrentDefaults, RecurrentActivation: named("sigmoid")}
		if err = s.decode(l.Config, &r); err == nil {
			over(&r.recurrentConfig)
			return s.lstm(r, in, segment)
		}
	case "GRUCell":
		r := gruConfig{recurrentConfig: recurrentDefaults, RecurrentActivation: named("sigmoid"), ResetAfter: true}
		if err = s.decode(l.Config, &r); err == nil {
			over(&r.recurrentConfig)
			return s.gru(r, in, segment)
		}
	default:
		r := recurrentDefaults
		if err = s.decode(l.Config, &r); err == nil {
			over(&r)
			return s.simpleRNN(r, in, segment)
		}
	}
	s.Fail(fmt.Errorf("cell %s (%s): %w", l.Name, l.Class, err))
	return nil
}

// timeMajor lowers a recurrent layer by lower, which has the batch first in sequences
// and their masks; with on, those of the layer have the time first.
func (s *scope) timeMajor(on, sequences bool, in []graph.Value, lower func(*scope, []graph.Value) []graph.Value) []graph.Value {
	switch {
	case !on || len(in) == 0 || s.Err() != nil:
		return lower(s, in)
	case s.version.Major >= 3:
		s.Failf("%w: config key \"time_major\" = true, which Keras 3 does not have", keras.ErrUnsupported)
	case s.distributed:
		s.Failf("%w: time_major inside TimeDistributed", keras.ErrUnsupported)
	}
	if !s.rank(in[0], 3) {
		return nil
	}
	batchMajor := *s
	in = slices.Clone(in)
	mask, masked := s.inputMask(in)
	in[0] = s.move(in[0], 0, 1)
	if masked {
		batchMajor.kwargs = map[string]graph.Value{"mask": s.move(mask, 0, 1)}
	}
	out := lower(&batchMajor, in)
	if sequences && s.Err() == nil {
		if out[0] = s.move(out[0], 0, 1); masked {
			s.setMask(out[0], mask)
		}
	}
	return out
}

// gate returns the op of an activation inside a recurrent layer, which must look
// at each element by itself. The zero Activation is the identity.
func (s *scope) gate(a activationArg) graph.Activation {
	name, _ := a.name()
	supplied := s.options.Activations[name] != nil
	if name == "linear" && !supplied {
		return graph.Activation{}
	}
	op, _ := activationOp(name, s.version)
	act, ok := op.(graph.Activation)
	if !ok || supplied {
		s.Failf("%w: activation or recurrent_activation %s inside a recurrent layer", keras.ErrUnsupported, a)
	}
	return act
}

// A recurrence has so many gates and states, and rows of its bias; segment is
// where the weights file has its weights.
type recurrence struct {
	gates, states, biases int
	segment               string
}

// over reads the arguments of a recurrent layer, x and so many initial states
// or none, and its mask. r gets State, Masked and ZeroMasked; operands are the
// states and the mask. It reports false after an error.
func (s *scope) over(r *graph.Recurrence, in []graph.Value, states, rank int) (operands []graph.Value, ok bool) {
	if s.zeroMasked != nil {
		r.ZeroMasked = *s.zeroMasked
	}
	first := s.states
	if len(in) > 1 && len(first) == 0 {
		first = in[1:]
	} else if len(in) != 1 {
		s.Failf("%w: %d inputs and %d initial states", graph.ErrShape, len(in), len(first))
	}
	if s.Err() != nil || !s.rank(in[0], rank) {
		return nil, false
	}
	if len(first) != 0 && len(first) != states {
		s.Failf("%w: %d initial states, want %d", graph.ErrShape, len(first), states)
		return nil, false
	}
	r.State = len(first) > 0
	for _, v := range first {
		operands = append(operands, s.cast(v, s.compute))
	}
	mask, masked := s.usedMask(in, r.State)
	if r.Masked = masked; masked {
		operands = append(operands, mask)
	} else {
		r.ZeroMasked = false
	}
	return operands, true
}

// usedMask is the mask that a recurrent layer heeds, called with initial states or
// without.
func (s *scope) usedMask(in []graph.Value, states bool) (mask graph.Value, masked bool) {
	mask, masked = s.inputMask(in)
	_, explicit := s.kwargs["mask"]
	// With several tensors among its arguments, a layer of Keras 3 looks for sequences_mask.
	return mask, masked && (explicit || s.version.Major < 3 || !states)
}

// backwards reverses the time steps of x.
func (s *scope) backwards(x graph.Value) graph.Value {
	return s.Apply(graph.Slice{Ranges: []graph.Range{{Step: 1}, {Step: -1}}}, x)
}

// zeroUnrolled sets the masked steps of a sequence to 0 as Keras does with unroll
// and go_backwards: the steps are in the order of computation, in which masked ones
// repeat the step before, and the mask is in that of the input.
func (s *scope) zeroUnrolled(y, mask graph.Value) graph.Value {
	if s.Err() != nil {
		return y
	}
	for mask.Rank() < y.Rank() {
		mask = s.reshapeKeep(mask, mask.Rank(), true)
	}
	return s.Apply(graph.Where{}, mask, y, s.Scalar(y.DType, 0))
}

// returned are those of the results of a recurrent op on in that the layer returns.
func (s *scope) returned(in, out []graph.Value, sequences, state bool) []graph.Value {
	if s.Err() != nil {
		return nil
	}
	if mask, masked := s.inputMask(in); masked && sequences {
		s.setMask(out[0], mask)
	}
	if !state {
		out = out[:1]
	}
	return out
}

// recur lowers a recurrent layer.
func (s *scope) recur(c recurrentConfig, in []graph.Value, n recurrence, op func(graph.Recurrence) graph.Op) []graph.Value {
	units := s.size("units", c.Units)
	r := graph.Recurrence{
		Activation: s.gate(c.Activation), Bias: c.UseBias, Backwards: c.GoBackwards, Sequences: c.ReturnSequences,
		ZeroMasked: c.ZeroOutputForMask,
	}
	more, ok := s.over(&r, in, n.states, 3)
	if !ok {
		return nil
	}
	zeroLater := r.ZeroMasked && r.Backwards && r.Sequences && c.Unroll
	if zeroLater {
		r.ZeroMasked = false
	}
	wide := n.gates * units
	w := s.sub(n.segment)
	operands := []graph.Value{s.floating(in[0]), w.Weight("kernel", in[0].Dim(-1), wide), w.Weight("recurrent_kernel", units, wide)}
	if c.UseBias {
		shape := []int{wide}
		if n.biases > 1 {
			shape = []int{n.biases, wide}
		}
		operands = append(operands, w.Weight("bias", shape...))
	}
	if c.Stateful {
		more = append(w.remembered(&r, n.states, graph.Type{DType: s.compute, Shape: graph.Shape{in[0].Dim(0), units}}), more...)
	}
	out := s.ApplyN(op(r), append(operands, more...)...)
	if c.Stateful {
		w.remember(out)
	}
	if zeroLater && s.Err() == nil {
		out[0] = s.zeroUnrolled(out[0], more[len(more)-1])
	}
	return s.returned(in, out, c.ReturnSequences, c.ReturnState)
}

// remembered begins a stateful layer that is given no initial states: with n
// states of type t, where its last call left them. s is where its weights are.
func (s *scope) remembered(r *graph.Recurrence, n int, t graph.Type) []graph.Value {
	switch {
	case r.State || s.Err() != nil:
		return nil
	case s.distributed:
		s.Failf("%w: stateful inside TimeDistributed", keras.ErrUnsupported)
		return nil
	case !t.Shape[1:].Known():
		s.Failf("%w: stateful with states %v, whose size is not known", keras.ErrUnsupported, t.Shape)
		return nil
	}
	r.State = true
	m := s.memory[paramKey(s.path, s.file, "")]
	if m == nil {
		m = &memory{}
		s.memory[paramKey(s.path, s.file, "")] = m
		cell := ""
		if i := strings.LastIndex(s.file, "cells/"); i >= 0 { // of a stack
			cell = s.file[i:] + "/"
		}
		for i := range n {
			m.first = append(m.first, s.Builder.State(s.path, cell+[]string{"h", "c"}[i], t))
		}
		m.last = m.first
	}
	return m.last
}

// A memory is the states of a stateful layer at the beginning of a run and after its last call.
type memory struct{ first, last []graph.Value }

// remember keeps the states among the results of a stateful layer.
func (s *scope) remember(out []graph.Value) {
	if s.Err() != nil {
		return
	}
	m := s.memory[paramKey(s.path, s.file, "")]
	if m == nil { // it was given initial states
		m = &memory{}
		s.memory[paramKey(s.path, s.file, "")] = m
	}
	m.last = out[1:]
	for i, first := range m.first {
		s.Remember(first, m.last[i])
	}
}

type convLSTMConfig struct {
	Filters             int                `json:"filters"`
	KernelSize          whole              `json:"kernel_size"`
	Strides             whole              `json:"strides"`
	Padding             graph.PadMode      `json:"padding"`
	DataFormat          dataFormat         `json:"data_format"`
	DilationRate        whole              `json:"dilation_rate"`
	Activation          activationArg      `json:"activation"`
	RecurrentActivation activationArg      `json:"recurrent_activation"`
	UseBias             bool               `json:"use_bias"`
	UnitForgetBias      keras.TrainingOnly `json:"unit_forget_bias"`
	ReturnSequences     bool               `json:"return_sequences"`
	ReturnState         bool               `json:"return_state"`
	GoBackwards         bool               `json:"go_backwards"`
	Stateful            bool               `json:"stateful"`
	Unroll              keras.TrainingOnly `json:"unroll"` // not for convolutions
	ZeroOutputForMask   bool               `json:"zero_output_for_mask"`
	Dropout             keras.TrainingOnly `json:"dropout"`
	RecurrentDropout    keras.TrainingOnly `json:"recurrent_dropout"`
	Seed                keras.TrainingOnly `json:"seed"`
}

var convLSTMDefaults = convLSTMConfig{
	Strides: number(1), Padding: graph.Valid, DataFormat: channelsLast, DilationRate: number(1),
	Activation: named("tanh"), RecurrentActivation: named("sigmoid"), UseBias: true,
}

// convLSTM lowers an LSTM of images with so many spatial axes: a convolution of
// all time steps, then the recurrence.
func convLSTM(axes int) func(*scope, convLSTMConfig, []graph.Value) []graph.Value {
	return func(s *scope, c convLSTMConfig, in []graph.Value) []graph.Value {
		filters := s.size("filters", c.Filters)
		op := graph.ConvLSTM{RecurrentActivation: s.gate(c.RecurrentActivation), Recurrence: graph.Recurrence{
			Activation: s.gate(c.Activation), Backwards: c.GoBackwards, Sequences: c.ReturnSequences, ZeroMasked: c.ZeroOutputForMask,
		}}
		more, ok := s.over(&op.Recurrence, in, 2, axes+3)
		if !ok {
			return nil
		}
		if s.version.Major < 3 { // its convolutional layers do not hand it on
			op.ZeroMasked = false
		}
		if op.Masked && more[len(more)-1].Rank() != 2 {
			s.Failf("%w: a mask %v, want one of time steps", keras.ErrUnsupported, more[len(more)-1].Shape)
			return nil
		}
		if op.State {
			more[0], more[1] = s.toLast(c.DataFormat, more[0]), s.toLast(c.DataFormat, more[1])
		}
		w, size, x := s.sub("cell"), s.each("kernel_size", c.KernelSize, axes, 1), s.floating(in[0])
		input := graph.Conv{
			Strides: s.each("strides", c.Strides, axes, 1), Dilation: s.each("dilation_rate", c.DilationRate, axes, 1),
			Groups: 1, Padding: s.padding(c.Padding, axes == 1 && s.version.Major < 3),
		}
		channels := x.Dim(-1)
		if c.DataFormat == channelsFirst {
			channels = x.Dim(2)
		}
		kernel := w.Weight("kernel", append(slices.Clone(size), channels, 4*filters)...)
		recurrent := w.Weight("recurrent_kernel", append(slices.Clone(size), filters, 4*filters)...)
		var bias graph.Value
		if c.UseBias {
			bias = w.Weight("bias", 4*filters)
		}
		if c.DataFormat == channelsFirst {
			x = s.move(x, 2, -1)
		}
		convolve := func(x graph.Value) graph.Value {
			y := s.Apply(input, x, kernel)
			if c.UseBias {
				y = s.Apply(graph.AddBias{}, y, bias)
			}
			return y
		}
		var z graph.Value
		if x.Dim(0) == graph.Dyn && x.Dim(1) == graph.Dyn && axes < 3 { // time is an axis of the convolution, its window 1
			input.Strides, input.Dilation = append([]int{1}, input.Strides...), append([]int{1}, input.Dilation...)
			kernel = s.Apply(graph.Reshape{Dims: append([]int{1}, kernel.Shape...)}, kernel)
			z = convolve(x)
		} else {
			z = s.eachStep(x, convolve)
		}
		if c.Stateful && s.Err() == nil {
			state := append(slices.Concat(z.Shape[:1], z.Shape[2:2+axes]), filters)
			more = append(w.remembered(&op.Recurrence, 2, graph.Type{DType: s.compute, Shape: state}), more...)
		}
		out := s.ApplyN(op, append([]graph.Value{z, recurrent}, more...)...)
		if s.Err() != nil {
			return nil
		}
		if c.Stateful {
			w.remember(out)
		}
		for i, v := range out {
			if i > 0 || !c.ReturnSequences {
				out[i] = s.fromLast(c.DataFormat, v)
			} else if c.DataFormat == channelsFirst {
				out[i] = s.move(v, -1, 2)
			}
		}
		return s.returned(in, out, c.ReturnSequences, c.ReturnState)
	}
}

// move puts an axis of x at another place among the others; -1 is the last.
func (s *scope) move(x graph.Value, from, to int) graph.Value {
	if s.Err() != nil {
		return x
	}
	n := x.Rank()
	var perm []int
	for i := range n {
		if i != (from+n)%n {
			perm = append(perm, i)
		}
	}
	return s.Apply(graph.Transpose{Perm: slices.Insert(perm, (to+n)%n, (from+n)%n)}, x)
}

// convLSTM1DLayer is an LSTM whose products are convolutions over one spatial
// axis (Shi et al., 2015). Gates stand in the order i, f, c, o. padding, strides
// and dilation_rate are those of the input's convolution; that of the state has
// none and keeps its size. With stateful=True it begins as LSTM does.
//
//	x                 (batch, time, n, in)
//	initial states    h, c: (batch, n', filters); optional
//	mask              (batch, time); optional
//	kernel            (kernel_size, in, 4·filters)
//	recurrent_kernel  (kernel_size, filters, 4·filters)
//	bias              (4·filters)                     when use_bias
//	result            (batch, n', filters)            (batch, time, n', filters) with return_sequences
//	states            h, c: (batch, n', filters)      when return_state
//
// With data_format="channels_first" the channels are the dimension before n.
// See https://keras.io/api/layers/recurrent_layers/conv_lstm1d/.
var convLSTM1DLayer = define("ConvLSTM1D", convLSTMDefaults, convLSTM(1))

// convLSTM2DLayer is an LSTM whose products are convolutions over two spatial
// axes, as ConvLSTM1D is over one.
//
//	x                 (batch, time, h, w, in)
//	initial states    h, c: (batch, h', w', filters); optional
//	mask              (batch, time); optional
//	kernel            (kh, kw, in, 4·filters)
//	recurrent_kernel  (kh, kw, filters, 4·filters)
//	bias              (4·filters)                      when use_bias
//	result            (batch, h', w', filters)         (batch, time, h', w', filters) with return_sequences
//	states            h, c: (batch, h', w', filters)   when return_state
//
// With data_format="channels_first" the channels are the dimension before h.
// See https://keras.io/api/layers/recurrent_layers/conv_lstm2d/.
var convLSTM2DLayer = define("ConvLSTM2D", convLSTMDefaults, convLSTM(2))

// convLSTM3DLayer is an LSTM whose products are convolutions over three spatial
// axes, as ConvLSTM1D is over one.
//
//	x                 (batch, time, d, h, w, in)
//	initial states    h, c: (batch, d', h', w', filters); optional
//	mask              (batch, time); optional
//	kernel            (kd, kh, kw, in, 4·filters)
//	recurrent_kernel  (kd, kh, kw, filters, 4·filters)
//	bias              (4·filters)                          when use_bias
//	result            (batch, d', h', w', filters)         (batch, time, d', h', w', filters) with return_sequences
//	states            h, c: (batch, d', h', w', filters)   when return_state
//
// With data_format="channels_first" the channels are the dimension before d.
// See https://keras.io/api/layers/recurrent_layers/conv_lstm3d/.
var convLSTM3DLayer = define("ConvLSTM3D", convLSTMDefaults, convLSTM(3))
