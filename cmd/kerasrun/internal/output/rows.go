package output

import (
	"reflect"

	"github.com/kerasrun/kerasrun"
)

// Rows returns rows from to to of t, along the first axis, sharing its elements.
func Rows(t kerasrun.Tensor, from, to int) kerasrun.Tensor {
	size := 1
	for _, d := range t.Shape[1:] {
		size *= d
	}
	t.Data = reflect.ValueOf(t.Data).Slice(from*size, to*size).Interface()
	t.Shape = append(kerasrun.Shape{to - from}, t.Shape[1:]...)
	return t
}

// Concat joins tensors of one type along the first axis; a single one is
// returned as it is.
func Concat(parts []kerasrun.Tensor) kerasrun.Tensor {
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
	return kerasrun.Tensor{DType: parts[0].DType, Shape: append(kerasrun.Shape{rows}, parts[0].Shape[1:]...), Data: data.Interface()}
}
