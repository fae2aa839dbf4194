package layers

import (
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
		gate := s.gate(c.RecurrentActivation)
		return s.recur(c.recurrentConfig, in, recurrence{4, 2, 1}, func(r graph.Recurrence) graph.Op {
			return graph.LSTM{Recurrence: r, RecurrentActivation: gate}
		})
	})

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
		gate := s.gate(c.RecurrentActivation)
		biases := 1
		if c.ResetAfter {
			biases = 2
		}
		return s.recur(c.recurrentConfig, in, recurrence{3, 1, biases}, func(r graph.Recurrence) graph.Op {
			return graph.GRU{Recurrence: r, RecurrentActivation: gate, ResetAfter: c.ResetAfter}
		})
	})

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
	return s.recur(c, in, recurrence{1, 1, 1}, func(r graph.Recurrence) graph.Op { return graph.SimpleRNN{Recurrence: r} })
})

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

// A recurrence has so many gates and states, and rows of its bias.
type recurrence struct{ gates, states, biases int }

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
	w := s.sub("cell")
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
