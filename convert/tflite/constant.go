package tflite

import (
	"bytes"
	"fmt"

	"github.com/kerasrun/kerasrun/convert/target"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// isConst reports whether a value of the graph is a weight or constant.
func (e *emitter) isConst(id int) bool {
	_, param := e.g.ParamOf[id]
	_, constant := e.g.ConstOf[id]
	return param || constant
}

// read returns the elements of a weight or constant.
func (e *emitter) read(id int) (graph.Tensor, error) {
	if i, ok := e.g.ConstOf[id]; ok {
		return e.g.Consts[i], nil
	}
	i := e.g.ParamOf[id]
	t, err := e.j.Weights[i].Tensor()
	if err != nil {
		return t, fmt.Errorf("weight %s: %w", e.names[i], err)
	}
	return t, nil
}

// constantOf returns a weight or constant of the graph in another layout, which
// form names: change gets the elements when the file is written. Without change
// they are as they are, in that shape.
func (e *emitter) constantOf(id int, form string, shape graph.Shape, change func(graph.Tensor) (graph.Tensor, error)) tensor {
	d := e.g.Values[id].DType
	if !e.known(d) {
		e.refuse("operand of type %v", d)
	}
	name := fmt.Sprintf("constant_%d", id)
	i, param := e.g.ParamOf[id]
	if param {
		name = e.names[i]
	}
	return e.lazy(fmt.Sprintf("value %d %s %v", id, form, shape), name, graph.Type{DType: d, Shape: shape}, func(w *into) error {
		if param && change == nil {
			if err := e.j.WriteWeight(w, i); err != nil {
				return fmt.Errorf("weight %s: %w", e.names[i], err)
			}
			return nil
		}
		t, err := e.read(id)
		if err == nil && change != nil {
			t, err = change(t)
		}
		if err != nil {
			return err
		}
		return target.WriteElements(w, t)
	})
}

// lazy returns the constant that key describes; write writes its elements when the file is written.
func (e *emitter) lazy(key, name string, t graph.Type, write func(w *into) error) tensor {
	if c, ok := e.s.constants[key]; ok {
		return c
	}
	n, ok := e.held[key]
	if !ok {
		size := int(target.Bytes(t))
		e.m.buffers = append(e.m.buffers, buffer{size, func(dst []byte) error {
			w := &into{rest: dst}
			if err := write(w); err != nil {
				return err
			}
			if len(w.rest) != 0 {
				return fmt.Errorf("%w: %s has %d bytes less than its shape %v asks for", graph.ErrShape, name, len(w.rest), t.Shape)
			}
			return nil
		}})
		n = uint32(len(e.m.buffers))
		e.held[key] = n
	}
	c := e.tensor(name, t)
	e.s.tensors[c].buffer = n
	e.s.constants[key] = c
	return c
}

// into writes to a slice of known length.
type into struct{ rest []byte }

func (w *into) Write(b []byte) (int, error) {
	if len(b) > len(w.rest) {
		return 0, fmt.Errorf("%w: %d bytes too many for a constant", graph.ErrShape, len(b)-len(w.rest))
	}
	copy(w.rest, b)
	w.rest = w.rest[len(b):]
	return len(b), nil
}

// constant returns a constant of given elements.
func (e *emitter) constant(t graph.Tensor) tensor {
	var b bytes.Buffer
	err := target.WriteElements(&b, t)
	key := fmt.Sprintf("%v %v %x", t.DType, t.Shape, b.Bytes())
	return e.lazy(key, fmt.Sprintf("constant_of_shape_%v", []int(t.Shape)), graph.Type{DType: t.DType, Shape: t.Shape}, func(w *into) error {
		if err != nil {
			return err
		}
		_, err := w.Write(b.Bytes())
		return err
	})
}

// scalar returns a constant of rank 0.
func (e *emitter) scalar(d graph.DType, x float64) tensor {
	t := graph.NewTensor(d, graph.Shape{})
	t.SetFloat(0, x)
	return e.constant(t)
}

// ints returns a vector of int32.
func (e *emitter) ints(v ...int) tensor {
	d := make([]int32, len(v))
	for i, x := range v {
		d[i] = int32(x)
	}
	return e.constant(graph.Tensor{DType: graph.Int32, Shape: graph.Shape{len(v)}, Data: d})
}
