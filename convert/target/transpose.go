package target

import (
	"slices"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// PermutedShape returns the dimensions of s in the order of perm.
func PermutedShape(s graph.Shape, perm []int) graph.Shape {
	out := make(graph.Shape, len(perm))
	for i, p := range perm {
		out[i] = s[p]
	}
	return out
}

// Transposed returns t with its axes in another order: axis i is axis perm[i] of t.
func Transposed(t graph.Tensor, perm []int) graph.Tensor {
	switch d := t.Data.(type) {
	case []float32:
		return permute(t, d, perm)
	case []float64:
		return permute(t, d, perm)
	case []uint16:
		return permute(t, d, perm)
	case []int8:
		return permute(t, d, perm)
	}
	out := graph.NewTensor(t.DType, PermutedShape(t.Shape, perm))
	copyAs(out, t, perm)
	return out
}

// copyAs copies elements of any type through float64.
func copyAs(out, t graph.Tensor, perm []int) {
	index := graph.NewTensor(graph.Float64, t.Shape)
	f := index.Data.([]float64)
	for i := range f {
		f[i] = float64(i)
	}
	for i, at := range permute(index, f, perm).Data.([]float64) {
		out.SetFloat(i, t.Float(int(at)))
	}
}

// permute writes the elements of the result in blocks of its innermost axes, so
// that both sides stay in the cache.
func permute[T any](t graph.Tensor, d []T, perm []int) graph.Tensor {
	shape := PermutedShape(t.Shape, perm)
	out := make([]T, len(d))
	rank := len(perm)
	strides := make([]int, rank) // in d, of an axis of the result
	for i, p := range perm {
		strides[i] = 1
		for _, n := range t.Shape[p+1:] {
			strides[i] *= n
		}
	}
	// The axis of the result that is innermost in d: a block takes several of its cells.
	inner := slices.Index(perm, rank-1)
	const block = 16
	step := 1 // of the inner axis in the result
	for _, n := range shape[inner+1:] {
		step *= n
	}
	outer := 1
	for _, n := range shape[:inner] {
		outer *= n
	}
	// The offsets in d of the cells of the axes below the inner one.
	below := make([]int, step)
	offsets(below, shape[inner+1:], strides[inner+1:])
	above := make([]int, outer)
	offsets(above, shape[:inner], strides[:inner])
	n := shape[inner]
	for o, from := range above {
		to := out[o*n*step:]
		for at := 0; at < n; at += block {
			m := min(block, n-at)
			for k, b := range below {
				src := d[from+b+at:][:m]
				for c, x := range src {
					to[(at+c)*step+k] = x
				}
			}
		}
	}
	return graph.Tensor{DType: t.DType, Shape: shape, Data: out}
}

// offsets lists the offsets of all cells of a shape, row-major.
func offsets(to []int, shape graph.Shape, strides []int) {
	index := make([]int, len(shape))
	at := 0
	for i := range to {
		to[i] = at
		for a := len(shape) - 1; a >= 0; a-- {
			index[a]++
			at += strides[a]
			if index[a] < shape[a] {
				break
			}
			at -= index[a] * strides[a]
			index[a] = 0
		}
	}
}
