package step

import (
	"math"
	"math/rand"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// recurrentTrial makes operands of a recurrent op of so many gates and states.
func recurrentTrial(r *rand.Rand, big bool, gates, states int, bias []int, op func(graph.Recurrence) graph.Op) trial {
	c := graph.Recurrence{
		Activation: gateCurve(r), Bias: r.Intn(3) > 0, State: r.Intn(3) == 0, Masked: r.Intn(2) == 0,
		Backwards: r.Intn(2) == 0, Sequences: r.Intn(2) == 0, ZeroMasked: r.Intn(2) == 0,
	}
	batch, steps, in, units := between(r, 1, 5), between(r, 1, 6), between(r, 1, 9), between(r, 1, 9)
	if big {
		batch = 700
	}
	tr := trial{in: []graph.Tensor{random(r, batch, steps, in), small(r, in, gates*units), small(r, units, gates*units)}}
	if r.Intn(4) > 0 {
		tr.fixed = []int{1, 2}
	}
	if c.Bias {
		tr.in = append(tr.in, small(r, append(bias, gates*units)...))
		if r.Intn(2) == 0 {
			tr.fixed = append(tr.fixed, 3)
		}
	}
	if c.State {
		for range states {
			tr.in = append(tr.in, small(r, batch, units))
		}
	}
	if c.Masked {
		tr.in = append(tr.in, integers(r, graph.Bool, 0, 2, batch, steps))
	}
	tr.op = op(c)
	// With bounded activations of slope 1 at most and kernels this small, a state
	// passes on less of an error than it has, about; every step adds that of its sums.
	// Gates and states are of size 1, also where all of x is smaller.
	largest := 0.0
	for i := range tr.in[0].Len() {
		largest = max(largest, math.Abs(tr.in[0].Float(i)))
	}
	tr.terms, tr.gain = (in+units+4)*min(steps, 8), 2*max(1, 1/largest)
	return tr
}

// small returns numbers that keep a recurrence from growing.
func small(r *rand.Rand, shape ...int) graph.Tensor {
	t := random(r, shape...)
	for i := range t.Len() {
		t.SetFloat(i, t.Float(i)*0.2)
	}
	return t
}

func gateCurve(r *rand.Rand) graph.Activation {
	return pick(r,
		graph.Activation{Func: graph.Tanh}, graph.Activation{Func: graph.Sigmoid},
		graph.Activation{Func: graph.HardSigmoid, A: 0.2, B: 0.5}, graph.Activation{Func: graph.HardTanh})
}

func lstmTrial(r *rand.Rand, big bool) trial {
	gate := gateCurve(r)
	return recurrentTrial(r, big, 4, 2, nil, func(c graph.Recurrence) graph.Op { return graph.LSTM{Recurrence: c, RecurrentActivation: gate} })
}

func convLSTMTrial(r *rand.Rand, big bool) trial {
	c := graph.ConvLSTM{RecurrentActivation: gateCurve(r), Recurrence: graph.Recurrence{
		Activation: gateCurve(r), State: r.Intn(3) == 0, Masked: r.Intn(2) == 0,
		Backwards: r.Intn(2) == 0, Sequences: r.Intn(2) == 0, ZeroMasked: r.Intn(2) == 0,
	}}
	axes := between(r, 1, 3)
	batch, steps, filters := between(r, 1, 3), between(r, 1, 5), between(r, 1, 9)
	image, window := shape(r, axes, 6), shape(r, axes, 4)
	if big {
		batch, steps, filters, image = 8, 3, 12, []int{60, 6, 3}[:axes]
	}
	of := func(s []int, more ...int) []int { return slices.Concat(s, more) }
	z, u := of([]int{batch, steps}, of(image, 4*filters)...), of(window, filters, 4*filters)
	tr := trial{op: c, in: []graph.Tensor{random(r, z...), small(r, u...)}}
	for i := range tr.in[1].Len() { // a state is multiplied by all of the window
		tr.in[1].SetFloat(i, tr.in[1].Float(i)/float64(product1(window)))
	}
	if r.Intn(5) > 0 {
		tr.fixed = []int{1}
	}
	if c.State {
		state := of([]int{batch}, of(image, filters)...)
		tr.in = append(tr.in, small(r, state...), small(r, state...))
	}
	if c.Masked {
		tr.in = append(tr.in, integers(r, graph.Bool, 0, 2, batch, steps))
	}
	largest := 0.0
	for i := range tr.in[0].Len() {
		largest = max(largest, math.Abs(tr.in[0].Float(i)))
	}
	tr.terms, tr.gain = (product1(window)*filters+4)*steps, 2*max(1, 1/largest) // as for recurrentTrial
	return tr
}

func gruTrial(r *rand.Rand, big bool) trial {
	gate, after := gateCurve(r), r.Intn(2) == 0
	var bias []int
	if after {
		bias = []int{2}
	}
	return recurrentTrial(r, big, 3, 1, bias, func(c graph.Recurrence) graph.Op {
		return graph.GRU{Recurrence: c, RecurrentActivation: gate, ResetAfter: after}
	})
}

func simpleRNNTrial(r *rand.Rand, big bool) trial {
	return recurrentTrial(r, big, 1, 1, nil, func(c graph.Recurrence) graph.Op {
		if r.Intn(4) == 0 {
			c.Activation = graph.Activation{} // the identity
		}
		return graph.SimpleRNN{Recurrence: c}
	})
}

// TestRecurrentStates holds the other results, the states, against the reference.
func TestRecurrentStates(t *testing.T) {
	r := rand.New(rand.NewSource(6))
	for range 100 {
		for _, make := range []func(*rand.Rand, bool) trial{lstmTrial, gruTrial, simpleRNNTrial, convLSTMTrial} {
			checkStates(t, make(r, false))
		}
	}
}

// Sequences whose inputs are projected in several blocks.
func TestRecurrentBlocks(t *testing.T) {
	r := rand.New(rand.NewSource(7))
	const batch, in, units = 4, 3, 200
	steps := 2*max(projectedSteps, projectedFloats/(batch*units)) + 3
	tanh, sigmoid := graph.Activation{Func: graph.Tanh}, graph.Activation{Func: graph.Sigmoid}
	for _, back := range []bool{false, true} {
		c := graph.Recurrence{Activation: tanh, Backwards: back, Sequences: true}
		for gates, op := range map[int]graph.Op{
			1: graph.SimpleRNN{Recurrence: c},
			3: graph.GRU{Recurrence: c, RecurrentActivation: sigmoid, ResetAfter: true},
			4: graph.LSTM{Recurrence: c, RecurrentActivation: sigmoid},
		} {
			u := small(r, units, gates*units)
			for i := range u.Len() {
				u.SetFloat(i, u.Float(i)*0.2)
			}
			checkStates(t, trial{op: op, in: []graph.Tensor{random(r, batch, steps, in), small(r, in, gates*units), u}, fixed: []int{1, 2}})
		}
	}
}

// Two recurrences in one step give what each gives alone.
func TestTogether(t *testing.T) {
	r := rand.New(rand.NewSource(8))
	for range 50 {
		var steps [2]Step
		var alone [2]*Args
		both := &Args{}
		for k := range steps {
			tr := recurrentTrial(r, false, 4, 2, nil, func(c graph.Recurrence) graph.Op {
				return graph.LSTM{Recurrence: c, RecurrentActivation: graph.Activation{Func: graph.Sigmoid}}
			})
			tr.fixed = []int{1, 2}
			spec := tr.spec(t)
			s, err := New(spec, nil)
			require.NoError(t, err)
			steps[k], alone[k] = s, tr.operands(spec)
			for i := range s.Chunks() {
				require.NoError(t, s.Run(alone[k], i, slicesOf(s.Info().Scratch)))
			}
			fresh := tr.operands(spec)
			both.In, both.Out = append(both.In, fresh.In...), append(both.Out, fresh.Out...)
		}
		s := Together(steps[0], steps[1], len(alone[0].In), len(alone[0].Out))
		require.Equal(t, steps[0].Chunks()+steps[1].Chunks(), s.Chunks())
		for i := range s.Chunks() {
			require.NoError(t, s.Run(both, i, slicesOf(s.Info().Scratch)))
		}
		require.Equal(t, append(alone[0].Out, alone[1].Out...), both.Out)
	}
}

// checkStates holds all results of a trial against the reference.
func checkStates(t *testing.T, tr trial) {
	t.Helper()
	spec := tr.spec(t)
	s, err := New(spec, nil)
	require.NoError(t, err)
	a := tr.operands(spec)
	for i := range s.Chunks() {
		require.NoError(t, s.Run(a, i, slicesOf(s.Info().Scratch)))
	}
	want, err := Reference(tr.op, tr.in, spec.Out)
	require.NoError(t, err)
	for k := range want {
		for i := range want[k].Len() {
			w, g := want[k].Float(i), a.Out[k].Float(i)
			if d := math.Abs(w - g); !(d <= 1e-5*max(1, math.Abs(w))) {
				t.Fatalf("%#v: result %d, element %d: %g instead of %g", tr.op, k, i, g, w)
			}
		}
	}
}

// slicesOf returns scratch that must not be read before it is written.
func slicesOf(n int) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = float32(math.NaN())
	}
	return s
}
