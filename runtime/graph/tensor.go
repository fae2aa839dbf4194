package graph

import (
	"fmt"
	"math"
	"reflect"
)

// A Tensor is a dense array in row-major order. Data is a []float32,
// []float64, []uint16 (the bits of Float16 and BFloat16, and Uint16), []int8,
// []int16, []int32, []int64, []uint8, []uint32, []uint64, []bool or []string,
// as DType says, with as many elements as Shape has.
type Tensor struct {
	DType DType
	Shape Shape
	Data  any
}

// NewTensor returns a tensor of zeros. The shape must be known and its
// elements must have been checked against a limit by the caller.
func NewTensor(d DType, shape Shape) Tensor {
	n, ok := shape.Elems()
	if !ok {
		return Tensor{DType: d, Shape: shape}
	}
	return Tensor{d, shape.Clone(), makeData(d, n)}
}

func makeData(d DType, n int) any {
	switch d {
	case Float32:
		return make([]float32, n)
	case Float64:
		return make([]float64, n)
	case Float16, BFloat16, Uint16:
		return make([]uint16, n)
	case Int8:
		return make([]int8, n)
	case Int16:
		return make([]int16, n)
	case Int32:
		return make([]int32, n)
	case Int64:
		return make([]int64, n)
	case Uint8:
		return make([]uint8, n)
	case Uint32:
		return make([]uint32, n)
	case Uint64:
		return make([]uint64, n)
	case Bool:
		return make([]bool, n)
	default:
		return make([]string, n)
	}
}

// Floats returns a Float32 tensor over data, which is not copied.
func Floats(data []float32, shape ...int) Tensor { return Tensor{Float32, shape, data} }

// Len returns the number of elements that Data holds.
func (t Tensor) Len() int {
	switch d := t.Data.(type) {
	case []float32:
		return len(d)
	case []float64:
		return len(d)
	case []uint16:
		return len(d)
	case []int8:
		return len(d)
	case []int16:
		return len(d)
	case []int32:
		return len(d)
	case []int64:
		return len(d)
	case []uint8:
		return len(d)
	case []uint32:
		return len(d)
	case []uint64:
		return len(d)
	case []bool:
		return len(d)
	case []string:
		return len(d)
	}
	return 0
}

// Check reports whether Data has the type and length that DType and Shape ask for.
func (t Tensor) Check() error {
	if t.DType >= numDTypes {
		return fmt.Errorf("%w: %d is no dtype", ErrDType, t.DType)
	}
	n, ok := t.Shape.Elems()
	if !ok {
		return fmt.Errorf("%w: a tensor cannot have shape %v", ErrShape, t.Shape)
	}
	if !t.holds() {
		return fmt.Errorf("%w: a %v tensor holds %T", ErrDType, t.DType, t.Data)
	}
	if t.Len() != n {
		return fmt.Errorf("%w: shape %v asks for %d elements, got %d", ErrShape, t.Shape, n, t.Len())
	}
	return nil
}

// holds reports whether Data has the type that DType asks for.
func (t Tensor) holds() bool {
	ok := false
	switch t.DType {
	case Float32:
		_, ok = t.Data.([]float32)
	case Float64:
		_, ok = t.Data.([]float64)
	case Float16, BFloat16, Uint16:
		_, ok = t.Data.([]uint16)
	case Int8:
		_, ok = t.Data.([]int8)
	case Int16:
		_, ok = t.Data.([]int16)
	case Int32:
		_, ok = t.Data.([]int32)
	case Int64:
		_, ok = t.Data.([]int64)
	case Uint8:
		_, ok = t.Data.([]uint8)
	case Uint32:
		_, ok = t.Data.([]uint32)
	case Uint64:
		_, ok = t.Data.([]uint64)
	case Bool:
		_, ok = t.Data.([]bool)
	case String:
		_, ok = t.Data.([]string)
	}
	return ok
}

// Float returns element i as a float64; a Bool is 0 or 1, a String NaN.
func (t Tensor) Float(i int) float64 {
	switch d := t.Data.(type) {
	case []float32:
		return float64(d[i])
	case []float64:
		return d[i]
	case []uint16:
		switch t.DType {
		case Float16:
			return float64(HalfToFloat(d[i]))
		case BFloat16:
			return float64(BFloatToFloat(d[i]))
		}
		return float64(d[i])
	case []int8:
		return float64(d[i])
	case []int16:
		return float64(d[i])
	case []int32:
		return float64(d[i])
	case []int64:
		return float64(d[i])
	case []uint8:
		return float64(d[i])
	case []uint32:
		return float64(d[i])
	case []uint64:
		return float64(d[i])
	case []bool:
		if d[i] {
			return 1
		}
		return 0
	}
	return math.NaN()
}

// SetFloat sets element i to x, rounded to nearest even for floating types and
// truncated towards zero for integers, as TensorFlow's cast does.
func (t Tensor) SetFloat(i int, x float64) {
	switch d := t.Data.(type) {
	case []float32:
		d[i] = float32(x)
	case []float64:
		d[i] = x
	case []uint16:
		switch t.DType {
		case Float16:
			d[i] = FloatToHalf(x)
		case BFloat16:
			d[i] = FloatToBFloat(x)
		default:
			d[i] = uint16(int64(x))
		}
	case []int8:
		d[i] = int8(int64(x))
	case []int16:
		d[i] = int16(int64(x))
	case []int32:
		d[i] = int32(int64(x))
	case []int64:
		d[i] = int64(x)
	case []uint8:
		d[i] = uint8(int64(x))
	case []uint32:
		d[i] = uint32(int64(x))
	case []uint64:
		d[i] = uint64(x)
	case []bool:
		d[i] = x != 0
	}
}

// Float32s returns the elements as float32: Data itself when t is Float32, a converted copy otherwise.
func (t Tensor) Float32s() []float32 {
	if d, ok := t.Data.([]float32); ok {
		return d
	}
	out := make([]float32, t.Len())
	for i := range out {
		out[i] = float32(t.Float(i))
	}
	return out
}

// Float64s returns a copy of the elements as float64.
func (t Tensor) Float64s() []float64 {
	out := make([]float64, t.Len())
	if d, ok := t.Data.([]float32); ok {
		for i, x := range d[:len(out)] {
			out[i] = float64(x)
		}
		return out
	}
	for i := range out {
		out[i] = t.Float(i)
	}
	return out
}

// Cast returns t with elements of type d, or t itself when it has that type.
func (t Tensor) Cast(d DType) Tensor {
	if t.DType == d {
		return t
	}
	out := Tensor{d, t.Shape.Clone(), makeData(d, t.Len())}
	for i := range t.Len() {
		out.SetFloat(i, t.Float(i))
	}
	return out
}

// Rows returns rows from to to of t, along the first axis, sharing its elements.
func (t Tensor) Rows(from, to int) Tensor {
	size := 1
	for _, d := range t.Shape[1:] {
		size *= d
	}
	t.Data = reflect.ValueOf(t.Data).Slice(from*size, to*size).Interface()
	t.Shape = append(Shape{to - from}, t.Shape[1:]...)
	return t
}

// ConcatRows joins tensors of one element type, whose shapes differ in the first
// axis only, along that axis; a single one is returned as it is.
func ConcatRows(parts []Tensor) Tensor {
	if len(parts) == 1 {
		return parts[0]
	}
	n, rows := 0, 0
	for _, p := range parts {
		n, rows = n+p.Len(), rows+p.Shape[0]
	}
	data := reflect.MakeSlice(reflect.TypeOf(parts[0].Data), 0, n)
	for _, p := range parts {
		data = reflect.AppendSlice(data, reflect.ValueOf(p.Data))
	}
	return Tensor{DType: parts[0].DType, Shape: append(Shape{rows}, parts[0].Shape[1:]...), Data: data.Interface()}
}
