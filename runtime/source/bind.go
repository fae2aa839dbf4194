package source

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/kerasrun/kerasrun/hdf5load"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/layers"
	"github.com/kerasrun/kerasrun/runtime/weight"
)

// A store is a file's weights in one of Keras's layouts: a pathStore or a legacyStore.
type store any

// A binder pairs declared weights with stored ones.
type binder interface {
	// bind pairs the parameters of prog, by index, with stored weights. A
	// parameter may have several when the file's era split what is one today.
	bind(prog *layers.Program) ([]binding, error)
}

// A binding says where the value of a parameter is stored.
type binding struct {
	stored []hdf5load.Weight
	// convert turns stored arrays into the parameter's, or is nil when they are the same.
	convert func(stored []graph.Tensor, want graph.Type) (graph.Tensor, error)
}

// bindWeights returns the values of the parameters, in the order of
// Graph.Params. Their elements are read from the file when they are asked for.
func bindWeights(prog *layers.Program, from binder, limit int64) ([]*weight.Value, error) {
	params := prog.Graph.Params
	total := int64(0)
	for _, p := range params {
		n, _ := p.Shape.Elems()
		if total += int64(n) * int64(p.DType.Size()); total > limit || total < 0 {
			return nil, fmt.Errorf("%w: the weights need more than %d bytes", ErrLimit, limit)
		}
	}
	bound, err := from.bind(prog)
	if err != nil {
		return nil, err
	}
	out := make([]*weight.Value, len(params))
	for i, p := range params {
		s := &source{param: p, binding: bound[i]}
		if learnsBoundaries(p) {
			s.convert = boundaries(prog, p)
		}
		if err := s.check(); err != nil {
			return nil, s.wrap(err)
		}
		out[i] = weight.From(p.Type, s)
	}
	return out, nil
}

// A source yields the elements of a parameter from where it is stored.
type source struct {
	param graph.Param
	binding

	mu    sync.Mutex
	whole []float32 // while parts are read of what can only be read whole
	left  int       // of whole
}

// check holds the stored shape against the declared one.
func (s *source) check() error {
	if s.convert != nil { // which checks
		return nil
	}
	w := s.stored[0]
	if !slices.Equal(w.Shape(), s.param.Shape) {
		return fmt.Errorf("%w: stored %q is %v, want %v", graph.ErrShape, w.Name, graph.Shape(w.Shape()), s.param.Shape)
	}
	return nil
}

// A weightFailure is an error of reading a weight: it says which one.
type weightFailure struct{ error }

func (e weightFailure) Unwrap() error { return e.error }

func (s *source) wrap(err error) error {
	p := s.param
	return weightFailure{fmt.Errorf("layer %s (%s): weight %q: %w", p.Layer, p.Class, p.Name, err)}
}

// WeightError drops from err what was being done when a weight was read, if it
// is an error of that.
func WeightError(err error) error {
	var f weightFailure
	if errors.As(err, &f) {
		return f.error
	}
	return err
}

func (s *source) Tensor() (graph.Tensor, error) {
	t, err := s.read()
	if err != nil {
		return graph.Tensor{}, s.wrap(err)
	}
	return t, nil
}

// read reads the parameter straight into its tensor where the file holds it as it is.
func (s *source) read() (graph.Tensor, error) {
	p := s.param
	if s.convert == nil {
		return readStored(s.stored[0], p.DType, p.Shape)
	}
	stored := make([]graph.Tensor, len(s.stored))
	for i, w := range s.stored {
		t, err := readStored(w, p.DType, w.Shape())
		if err != nil {
			return graph.Tensor{}, err
		}
		stored[i] = t
	}
	return s.convert(stored, p.Type)
}

func (s *source) Floats(dst []float32, at int) error {
	if s.convert == nil && s.stored[0].DType() != hdf5load.Opaque {
		if parts, ok := partsOf(s.stored[0].Object); ok {
			if err := parts.ReadPart(dst, at); err != nil {
				return s.wrap(err)
			}
			return nil
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.whole == nil {
		t, err := s.Tensor()
		if err != nil {
			return err
		}
		s.whole, s.left = t.Float32s(), t.Len()
	}
	copy(dst, s.whole[at:])
	if s.left -= len(dst); s.left <= 0 {
		s.whole = nil
	}
	return nil
}

// partsOf returns o as one that can be read in parts, where that costs no more.
func partsOf(o hdf5load.Object) (hdf5load.PartReader, bool) {
	switch a := o.(type) {
	case *tfjsArray:
		return a, true
	case *array:
		return a, a.part != nil
	}
	return hdf5load.Parts(o)
}

// readStored reads a stored array as elements of type d.
func readStored(w hdf5load.Weight, d graph.DType, shape graph.Shape) (graph.Tensor, error) {
	raw := d
	switch stored := w.DType(); {
	case d == graph.BFloat16 || d == graph.Float16:
		// Read as stored bits when they are, else through float32.
		if want := map[graph.DType]hdf5load.DType{graph.Float16: hdf5load.Float16, graph.BFloat16: hdf5load.BFloat16}[d]; stored != want && !(d == graph.BFloat16 && stored == hdf5load.Opaque) {
			raw = graph.Float32
		}
	case stored == hdf5load.Opaque && d.Floating(): // Keras 2 writes bfloat16 so
		raw = graph.BFloat16
	}
	n, ok := shape.Elems()
	if !ok {
		return graph.Tensor{}, fmt.Errorf("%w: stored shape %v", graph.ErrShape, shape)
	}
	if have, _ := graph.Shape(w.Shape()).Elems(); n != have {
		return graph.Tensor{}, fmt.Errorf("%w: %v has %d elements, stored are %d", graph.ErrShape, shape, n, have)
	}
	t := graph.NewTensor(raw, shape)
	if err := w.Read(t.Data); err != nil {
		return graph.Tensor{}, err
	}
	return t.Cast(d), nil
}

// list joins names for a message, shortened.
func list(names []string) string {
	if len(names) > 6 {
		names = append(slices.Clone(names[:6]), "...")
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
