package layers

import (
	"fmt"

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
	Stateful          keras.TrainingOnly `json:"stateful"` // every prediction starts with zero states
	Unroll            keras.TrainingOnly `json:"unroll"`   // order of computation
	ZeroOutputForMask bool               `json:"zero_output_for_mask"`
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
// Gates stand in the order i, f, c, o. With stateful=True, as without, every
// prediction starts with zero states unless it is given others.
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
		return s.lstm(c, in, "cell")
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
// order z, r, h. With stateful=True, as without, every prediction starts with a
// zero state unless it is given another.
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
		return s.gru(c, in, "cell")
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
// With stateful=True, as without, every prediction starts with a zero state
// unless it is given another.
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
	return s.simpleRNN(c, in, "cell")
})

func (s *scope) simpleRNN(c recurrentConfig, in []graph.Value, segment string) []graph.Value {
	return s.recur(c, in, recurrence{1, 1, 1, segment}, func(r graph.Recurrence) graph.Op { return graph.SimpleRNN{Recurrence: r} })
}

type rnnConfig struct {
	ReturnSequences   bool               `json:"return_sequences"`
	ReturnState       bool               `json:"return_state"`
	GoBackwards       bool               `json:"go_backwards"`
	Stateful          keras.TrainingOnly `json:"stateful"` // every prediction starts with zero states
	Unroll            keras.TrainingOnly `json:"unroll"`   // order of computation
	ZeroOutputForMask bool               `json:"zero_output_for_mask"`
	Cell              *keras.Value       `json:"cell"`
}

// rnnLayer runs a cell over the time steps: an LSTMCell, GRUCell, SimpleRNNCell,
// or StackedRNNCells of these, each of which runs on the results of the one
// before. Weights are those of the layer of the same name as the cell.
//
//	x               (batch, time, in)
//	initial states  of the cells in their order; optional
//	mask            (batch, time); optional
//	result          (batch, units)    (batch, time, units) with return_sequences
//	states          of the cells in their order, when return_state
//
// See https://keras.io/api/layers/recurrent_layers/rnn/.
var rnnLayer = define("RNN", rnnConfig{}, func(s *scope, c rnnConfig, in []graph.Value) []graph.Value {
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
	var last []graph.Value
	for i, l := range cells {
		t := *s
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
	if c.ReturnState {
		return append(y[:1:1], last...)
	}
	return y[:1]
})

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
		r.ReturnSequences, r.ReturnState, r.GoBackwards, r.ZeroOutputForMask = c.ReturnSequences, c.ReturnState, c.GoBackwards, c.ZeroOutputForMask
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

// gate returns the op of an activation inside a recurrent layer, which must look
// at each element by itself. The zero Activation is the identity.
func (s *scope) gate(a activationArg) graph.Activation {
	name, _ := a.name()
	if name == "linear" {
		return graph.Activation{}
	}
	op, _ := activationOp(name, s.version)
	act, ok := op.(graph.Activation)
	if !ok {
		s.Failf("%w: activation %s inside a recurrent layer", keras.ErrUnsupported, a)
	}
	return act
}

// A recurrence has so many gates and states, and rows of its bias; segment is
// where the weights file has its weights.
type recurrence struct {
	gates, states, biases int
	segment               string
}

// recur lowers a recurrent layer.
func (s *scope) recur(c recurrentConfig, in []graph.Value, n recurrence, op func(graph.Recurrence) graph.Op) []graph.Value {
	units := s.size("units", c.Units)
	r := graph.Recurrence{
		Activation: s.gate(c.Activation), Bias: c.UseBias, Backwards: c.GoBackwards, Sequences: c.ReturnSequences,
		ZeroMasked: c.ZeroOutputForMask,
	}
	if s.zeroMasked != nil {
		r.ZeroMasked = *s.zeroMasked
	}
	states := s.states
	if len(in) > 1 && len(states) == 0 {
		states = in[1:]
	} else if len(in) != 1 {
		s.Failf("%w: %d inputs and %d initial states", graph.ErrShape, len(in), len(states))
	}
	if s.Err() != nil || !s.rank(in[0], 3) {
		return nil
	}
	if len(states) != 0 && len(states) != n.states {
		s.Failf("%w: %d initial states, want %d", graph.ErrShape, len(states), n.states)
		return nil
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
	if r.State = len(states) > 0; r.State {
		for _, v := range states {
			operands = append(operands, s.cast(v, s.compute))
		}
	}
	mask, masked := s.inputMask(in)
	_, explicit := s.kwargs["mask"]
	// With several tensors among its arguments, a layer of Keras 3 looks for sequences_mask.
	if r.Masked = masked && (explicit || s.version.Major < 3 || !r.State); r.Masked {
		operands = append(operands, mask)
	} else {
		r.ZeroMasked = false
	}
	out := s.ApplyN(op(r), operands...)
	if s.Err() != nil {
		return nil
	}
	if masked && c.ReturnSequences {
		s.setMask(out[0], mask)
	}
	if !c.ReturnState {
		out = out[:1]
	}
	return out
}
