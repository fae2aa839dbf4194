package runtime

import (
	"fmt"
	"slices"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// A State is what the layers of a [Session] with stateful=True remember from one
// Run to the next: zeros before the first, as in a model that Keras has just
// loaded. Several streams can share a session when each saves its state after a
// run and restores it before the next. Like the session, it is for one caller at
// a time; a Run that fails leaves it as it was.
type State struct{ s *session }

// State returns the state of the session's stateful layers. It has no tensors
// when there is no such layer.
func (s *Session) State() *State { return &State{s.s} }

// Names lists the tensors of the state, by layer path and name: "encoder/lstm/h".
func (st *State) Names() []string {
	names := make([]string, len(st.s.plan.States))
	for i := range names {
		names[i] = st.name(i)
	}
	return names
}

func (st *State) name(i int) string {
	s := st.s.plan.States[i]
	return s.Layer + "/" + s.Name
}

// Reset makes the state zeros, as Keras's reset_states does.
func (st *State) Reset() {
	for _, s := range st.s.plan.States {
		t := st.s.tensors[s.First]
		copyData(t.Data, graph.NewTensor(t.DType, t.Shape).Data)
	}
}

// Save returns a copy of the state by name.
func (st *State) Save() map[string]Tensor {
	saved := make(map[string]Tensor, len(st.s.plan.States))
	for i, s := range st.s.plan.States {
		from := st.s.tensors[s.First]
		t := graph.NewTensor(from.DType, from.Shape)
		copyData(t.Data, from.Data)
		saved[st.name(i)] = t
	}
	return saved
}

// Restore makes saved, the tensors of all names, the state. On an error, which
// wraps [ErrInput] and names the tensor, the state stays as it was.
func (st *State) Restore(saved map[string]Tensor) error {
	names := st.Names()
	for i, s := range st.s.plan.States {
		t, ok := saved[names[i]]
		if !ok {
			return fmt.Errorf("%w: state %q is missing", ErrInput, names[i])
		}
		if err := fits(t, st.s.plan.Slots[s.First].Type); err != nil {
			return fmt.Errorf("%w: state %q: %w", ErrInput, names[i], err)
		}
	}
	for name := range saved {
		if !slices.Contains(names, name) {
			return fmt.Errorf("%w: the model has no state %q; its states are %v", ErrInput, name, names)
		}
	}
	for i, s := range st.s.plan.States {
		copyData(st.s.tensors[s.First].Data, saved[names[i]].Data)
	}
	return nil
}
