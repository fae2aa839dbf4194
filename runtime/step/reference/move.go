package reference

import (
	"fmt"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// moves reports whether op only moves elements.
func moves(op graph.Op) bool {
	switch op.(type) {
	case graph.Reshape, graph.Transpose, graph.Concat, graph.Slice, graph.Pad, graph.Repeat, graph.Tile, graph.Gather, graph.Where:
		return true
	}
	return false
}

// A source tells, for coordinate c of the result (number i), which operand the
// element comes from and its index there; index -1 is the fill value.
type source func(i int, c []int) (operand, index int)

// move computes an op that only moves elements.
func move(op graph.Op, in []graph.Tensor, out graph.Tensor) error {
	from, err := sourceOf(op, in, out)
	if err != nil {
		return err
	}
	fill := graph.NewTensor(out.DType, graph.Shape{1})
	if p, ok := op.(graph.Pad); ok {
		fill.SetFloat(0, p.Value)
	}
	switch d := out.Data.(type) {
	case []float32:
		take(d, in, fill, out.Shape, from)
	case []float64:
		take(d, in, fill, out.Shape, from)
	case []uint16:
		take(d, in, fill, out.Shape, from)
	case []int8:
		take(d, in, fill, out.Shape, from)
	case []int16:
		take(d, in, fill, out.Shape, from)
	case []int32:
		take(d, in, fill, out.Shape, from)
	case []int64:
		take(d, in, fill, out.Shape, from)
	case []uint8:
		take(d, in, fill, out.Shape, from)
	case []uint32:
		take(d, in, fill, out.Shape, from)
	case []uint64:
		take(d, in, fill, out.Shape, from)
	case []bool:
		take(d, in, fill, out.Shape, from)
	case []string:
		take(d, in, fill, out.Shape, from)
	}
	return nil
}

func take[T any](dst []T, in []graph.Tensor, fill graph.Tensor, shape graph.Shape, from source) {
	src := make([][]T, len(in))
	for k, t := range in {
		src[k], _ = t.Data.([]T) // a condition or index is never read
	}
	blank := fill.Data.([]T)[0]
	coords(shape, func(i int, c []int) {
		if k, at := from(i, c); at >= 0 {
			dst[i] = src[k][at]
		} else {
			dst[i] = blank
		}
	})
}

func sourceOf(op graph.Op, in []graph.Tensor, out graph.Tensor) (source, error) {
	shape := in[0].Shape
	st := Strides(shape)
	switch op := op.(type) {
	case graph.Reshape:
		return func(i int, _ []int) (int, int) { return 0, i }, nil
	case graph.Transpose:
		return func(_ int, c []int) (int, int) {
			at := 0
			for j, a := range op.Perm {
				at += c[j] * st[a]
			}
			return 0, at
		}, nil
	case graph.Concat:
		ax := axesOf([]int{op.Axis}, len(shape))[0]
		return func(_ int, c []int) (int, int) { return joined(in, ax, c) }, nil
	case graph.Slice:
		return func(_ int, c []int) (int, int) {
			at, j := 0, 0
			for i, n := range shape {
				first, step := 0, 1
				if i < len(op.Ranges) {
					first, _, step = op.Ranges[i].Bounds(n)
				}
				if i < len(op.Ranges) && op.Ranges[i].Index {
					at += first * st[i]
					continue
				}
				at += (first + c[j]*step) * st[i]
				j++
			}
			return 0, at
		}, nil
	case graph.Pad:
		return func(_ int, c []int) (int, int) {
			at := 0
			for i, n := range shape {
				p := PadSource(op.Mode, c[i]-op.Before[i], n)
				if p < 0 {
					return 0, -1
				}
				at += p * st[i]
			}
			return 0, at
		}, nil
	case graph.Repeat:
		ax := axesOf([]int{op.Axis}, len(shape))[0]
		return func(_ int, c []int) (int, int) { return 0, dot(c, st) - (c[ax]-c[ax]/op.N)*st[ax] }, nil
	case graph.Tile:
		return func(_ int, c []int) (int, int) {
			at := 0
			for i, n := range shape {
				at += c[i] % n * st[i]
			}
			return 0, at
		}, nil
	case graph.Gather:
		return gathered(in)
	case graph.Where:
		cond := in[0].Data.([]bool)
		var strides [3][]int
		for k := range strides {
			strides[k] = BroadcastStrides(in[k].Shape, out.Shape)
		}
		return func(_ int, c []int) (int, int) {
			k := 2
			if cond[dot(c, strides[0])] {
				k = 1
			}
			return k, dot(c, strides[k])
		}, nil
	}
	return nil, fmt.Errorf("%w: op %s moves no elements", graph.ErrAttr, graph.Name(op))
}

// joined finds coordinate c of a concatenation along axis ax.
func joined(in []graph.Tensor, ax int, c []int) (operand, index int) {
	at := c[ax]
	for k, t := range in {
		if n := t.Shape[ax]; at >= n {
			at -= n
			continue
		}
		st := Strides(t.Shape)
		return k, dot(c, st) + (at-c[ax])*st[ax]
	}
	return 0, -1
}

// PadSource maps position p, counted from the first cell of an axis of n cells,
// to the cell it shows, or to -1 for the fill value.
func PadSource(mode graph.PadFill, p, n int) int {
	switch {
	case p >= 0 && p < n:
		return p
	case mode == graph.FillReflect && p < 0:
		return -p
	case mode == graph.FillReflect:
		return 2*(n-1) - p
	case mode == graph.FillSymmetric && p < 0:
		return -1 - p
	case mode == graph.FillSymmetric:
		return 2*n - 1 - p
	}
	return -1
}

func gathered(in []graph.Tensor) (source, error) {
	rows := in[0].Shape[0]
	row := product(in[0].Shape[1:])
	for i := range in[1].Len() {
		if _, err := Index(in[1], i, rows); err != nil {
			return nil, err
		}
	}
	return func(i int, _ []int) (int, int) {
		at, _ := Index(in[1], i/row, rows)
		return 0, at*row + i%row
	}, nil
}

// Index reads element i of an integer tensor as an index into rows.
func Index(t graph.Tensor, i, rows int) (int, error) {
	var v int64
	switch d := t.Data.(type) {
	case []int32:
		v = int64(d[i])
	case []int64:
		v = d[i]
	case []int8:
		v = int64(d[i])
	case []int16:
		v = int64(d[i])
	case []uint8:
		v = int64(d[i])
	case []uint16:
		v = int64(d[i])
	case []uint32:
		v = int64(d[i])
	case []uint64:
		if d[i] >= uint64(rows) {
			return 0, fmt.Errorf("%w: index %d at place %d, want 0 to %d", graph.ErrShape, d[i], i, rows-1)
		}
		v = int64(d[i])
	}
	if v < 0 || v >= int64(rows) {
		return 0, fmt.Errorf("%w: index %d at place %d, want 0 to %d", graph.ErrShape, v, i, rows-1)
	}
	return int(v), nil
}
