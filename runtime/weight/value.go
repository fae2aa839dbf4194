package weight

import (
	"fmt"
	"sync"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// A Source yields the elements of a value that is not in memory as it is.
type Source interface {
	// Tensor returns all elements in a tensor that nothing else refers to.
	Tensor() (graph.Tensor, error)
	// Floats reads the elements of a Float32 or Int8 value from number at on, as
	// float32. at and len(dst) are multiples of the last dimension. Other element
	// types have no Floats.
	Floats(dst []float32, at int) error
}

// A Value is a constant: its type, and its elements wherever they are. It is
// safe for concurrent use.
type Value struct {
	graph.Type
	mu   sync.Mutex
	held *graph.Tensor // the elements as they are, kept for steps that read them so
	from Source        // where they are to be had when not held
	// resident says that nothing will read the file: from is memory, or the
	// elements are in the only form that is ever asked for.
	resident bool
}

// Of returns the value of a tensor, which must not be changed any more.
func Of(t graph.Tensor) *Value {
	return &Value{Type: graph.Type{DType: t.DType, Shape: t.Shape}, held: &t, resident: true}
}

// From returns a value of type t whose elements s yields.
func From(t graph.Type, s Source) *Value { return &Value{Type: t, from: s} }

// Len is the number of elements.
func (v *Value) Len() int {
	n, _ := v.Shape.Elems()
	return n
}

// Bytes is the size of the elements as they are.
func (v *Value) Bytes() int { return v.Len() * v.DType.Size() }

// Held returns the elements when they are kept as they are, else nil.
func (v *Value) Held() *graph.Tensor {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.held
}

// Hold returns the elements and keeps them as they are. They must not be changed.
func (v *Value) Hold() (*graph.Tensor, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.held == nil {
		t, err := v.read()
		if err != nil {
			return nil, err
		}
		v.held, v.from, v.resident = &t, nil, true
	}
	return v.held, nil
}

// Settle brings the elements into memory unless they are there in some form:
// from then on nothing reads the file. Unlike Hold, it lets go of them once a
// lossless form has them.
func (v *Value) Settle() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.resident {
		return nil
	}
	t, err := v.read()
	if err != nil {
		return err
	}
	v.from, v.resident = memory(t), true
	return nil
}

// Tensor returns all elements without keeping them. They must not be changed.
func (v *Value) Tensor() (graph.Tensor, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.held != nil {
		return *v.held, nil
	}
	return v.read()
}

// read returns all elements of from.
func (v *Value) read() (graph.Tensor, error) {
	t, err := v.from.Tensor()
	if err != nil {
		return graph.Tensor{}, err
	}
	if t.DType != v.DType || t.Len() != v.Len() {
		return graph.Tensor{}, fmt.Errorf("%w: a source of %v %v yields %v %v", graph.ErrShape, v.DType, v.Shape, t.DType, t.Shape)
	}
	t.Shape = v.Shape
	return t, nil
}

// Floats reads elements from number at on as float32, as [Source] says.
func (v *Value) Floats(dst []float32, at int) error {
	v.mu.Lock()
	held, from := v.held, v.from
	v.mu.Unlock()
	if held != nil {
		return memory(*held).Floats(dst, at)
	}
	return from.Floats(dst, at)
}

// floats returns the float32 elements when they lie in memory as they are, else nil.
func (v *Value) floats() []float32 {
	v.mu.Lock()
	defer v.mu.Unlock()
	t := v.held
	if m, ok := v.from.(memory); ok && t == nil {
		t = (*graph.Tensor)(&m)
	}
	if t == nil {
		return nil
	}
	d, _ := t.Data.([]float32)
	return d
}

// yield lets from take over as the place of the elements, for values that
// nothing holds as they are.
func (v *Value) yield(from Source) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.held == nil {
		v.from, v.resident = from, true
	}
}

// done says that nobody will ask for the elements again: Settle leaves them where they are.
func (v *Value) done() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.resident = true
}

// memory is a Source of elements as they are.
type memory graph.Tensor

func (m memory) Tensor() (graph.Tensor, error) { return graph.Tensor(m), nil }

func (m memory) Floats(dst []float32, at int) error {
	switch d := m.Data.(type) {
	case []float32:
		copy(dst, d[at:at+len(dst)])
	case []int8:
		for i, v := range d[at : at+len(dst)] {
			dst[i] = float32(v)
		}
	default:
		return fmt.Errorf("%w: floats of a %v tensor", graph.ErrDType, m.DType)
	}
	return nil
}
