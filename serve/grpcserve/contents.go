package grpcserve

import (
	"fmt"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/serve"
	pb "github.com/kerasrun/kerasrun/serve/grpcserve/inference"
)

// fromContents makes a tensor from the typed list of elements of its type.
func fromContents(d kerasrun.DType, shape kerasrun.Shape, c *pb.InferTensorContents) (kerasrun.Tensor, error) {
	n, ok := shape.Elems()
	if !ok {
		return kerasrun.Tensor{}, fmt.Errorf("shape %v is too large", shape)
	}
	t := kerasrun.Tensor{DType: d, Shape: shape}
	var err error
	switch d {
	case kerasrun.Bool:
		t.Data = c.GetBoolContents()
	case kerasrun.Int8:
		t.Data, err = narrowed[int8](c.GetIntContents())
	case kerasrun.Int16:
		t.Data, err = narrowed[int16](c.GetIntContents())
	case kerasrun.Int32:
		t.Data = c.GetIntContents()
	case kerasrun.Int64:
		t.Data = c.GetInt64Contents()
	case kerasrun.Uint8:
		t.Data, err = narrowed[uint8](c.GetUintContents())
	case kerasrun.Uint16:
		t.Data, err = narrowed[uint16](c.GetUintContents())
	case kerasrun.Uint32:
		t.Data = c.GetUintContents()
	case kerasrun.Uint64:
		t.Data = c.GetUint64Contents()
	case kerasrun.Float32:
		t.Data = c.GetFp32Contents()
	case kerasrun.Float64:
		t.Data = c.GetFp64Contents()
	case kerasrun.String:
		texts := make([]string, len(c.GetBytesContents()))
		for i, b := range c.GetBytesContents() {
			texts[i] = string(b)
		}
		t.Data = texts
	default:
		return t, fmt.Errorf("elements of type %s, which have raw_input_contents alone", serve.Datatype(d))
	}
	if err == nil && t.Len() != n {
		err = fmt.Errorf("contents has %d elements of type %s, shape %v asks for %d", t.Len(), serve.Datatype(d), shape, n)
	}
	return t, err
}

// narrowed converts elements to a smaller type that holds them.
func narrowed[T int8 | int16 | uint8 | uint16, F int32 | uint32](from []F) ([]T, error) {
	out := make([]T, len(from))
	for i, x := range from {
		if out[i] = T(x); F(out[i]) != x {
			return nil, fmt.Errorf("element %d is %d, which %T does not hold", i, x, out[i])
		}
	}
	return out, nil
}

func widened[T int32 | uint32, F int8 | int16 | uint8 | uint16](from []F) []T {
	out := make([]T, len(from))
	for i, x := range from {
		out[i] = T(x)
	}
	return out
}

// canBeTyped reports whether there are typed lists for all elements.
func canBeTyped(tensors []serve.NamedTensor) bool {
	for _, t := range tensors {
		if t.DType == kerasrun.Float16 || t.DType == kerasrun.BFloat16 {
			return false
		}
	}
	return true
}

// contents is the typed list of a tensor's elements.
func contents(t kerasrun.Tensor) *pb.InferTensorContents {
	c := &pb.InferTensorContents{}
	switch d := t.Data.(type) {
	case []bool:
		c.BoolContents = d
	case []int8:
		c.IntContents = widened[int32](d)
	case []int16:
		c.IntContents = widened[int32](d)
	case []int32:
		c.IntContents = d
	case []int64:
		c.Int64Contents = d
	case []uint8:
		c.UintContents = widened[uint32](d)
	case []uint16:
		c.UintContents = widened[uint32](d)
	case []uint32:
		c.UintContents = d
	case []uint64:
		c.Uint64Contents = d
	case []float32:
		c.Fp32Contents = d
	case []float64:
		c.Fp64Contents = d
	case []string:
		for _, x := range d {
			c.BytesContents = append(c.BytesContents, []byte(x))
		}
	}
	return c
}
