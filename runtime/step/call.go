package step

import (
	"fmt"
	"reflect"
	"sync"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// A call step runs a function of the program, all of it in one chunk. The
// function sees tensors of its own, so that it cannot redirect those of the run.
type call struct {
	base
	run   func(in, out []graph.Tensor) error
	spare sync.Pool // of *Args
}

func (m *maker) call(c graph.Call) (Step, error) {
	if m.Func.Run == nil {
		return nil, fmt.Errorf("%w: no function %q", graph.ErrAttr, c.Name)
	}
	n := 0
	for _, t := range m.In {
		n += elems(t.Shape)
	}
	s := &call{base: m.base("go function", 0, split{1, 1, float64(n) * nsScalar}), run: m.Func.Run}
	s.spare.New = func() any {
		return &Args{In: make([]graph.Tensor, len(m.In)), Out: make([]graph.Tensor, len(m.Out))}
	}
	return s, nil
}

func (s *call) Run(a *Args, _ int, _ []float32) error {
	own := s.spare.Get().(*Args)
	copy(own.In, a.In)
	copy(own.Out, a.Out)
	err := s.run(own.In, own.Out)
	for i, t := range own.Out {
		if err == nil && !sameElements(t.Data, a.Out[i].Data) {
			err = fmt.Errorf("%w: the function replaced result %d; it must write into its elements", graph.ErrShape, i)
		}
	}
	clear(own.In)
	clear(own.Out)
	s.spare.Put(own)
	return err
}

// sameElements reports whether two slices are one.
func sameElements(a, b any) bool {
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	return x.IsValid() && y.IsValid() && x.Type() == y.Type() && x.Pointer() == y.Pointer() && x.Len() == y.Len()
}
