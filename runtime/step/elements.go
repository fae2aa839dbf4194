package step

import "github.com/kerasrun/kerasrun/runtime/graph"

// elements are the loops that only move elements, for one Go type of them.
// Slices come as any, as a tensor holds them.
type elements interface {
	transfer(t *transfer, dst, src any, chunk int)
	pad(p *pad, dst, src any, chunk int)
	gather(g *gather, dst, table any, indices graph.Tensor, chunk int) error
	where(w *where, dst any, cond []bool, a, b any, chunk int)
}

type elementsAs[T any] struct{}

func (elementsAs[T]) transfer(t *transfer, dst, src any, chunk int) {
	transferElements(t, dst.([]T), src.([]T), chunk)
}

func (elementsAs[T]) pad(p *pad, dst, src any, chunk int) {
	padElements(p, dst.([]T), src.([]T), p.fill.Data.([]T)[0], chunk)
}

func (elementsAs[T]) gather(g *gather, dst, table any, indices graph.Tensor, chunk int) error {
	return gatherElements(g, dst.([]T), table.([]T), indices, chunk)
}

func (elementsAs[T]) where(w *where, dst any, cond []bool, a, b any, chunk int) {
	whereElements(w, dst.([]T), cond, a.([]T), b.([]T), chunk)
}

func elementsOf(d graph.DType) elements {
	switch d {
	case graph.Float32:
		return elementsAs[float32]{}
	case graph.Float64:
		return elementsAs[float64]{}
	case graph.Float16, graph.BFloat16, graph.Uint16:
		return elementsAs[uint16]{}
	case graph.Int8:
		return elementsAs[int8]{}
	case graph.Int16:
		return elementsAs[int16]{}
	case graph.Int32:
		return elementsAs[int32]{}
	case graph.Int64:
		return elementsAs[int64]{}
	case graph.Uint8:
		return elementsAs[uint8]{}
	case graph.Uint32:
		return elementsAs[uint32]{}
	case graph.Uint64:
		return elementsAs[uint64]{}
	case graph.Bool:
		return elementsAs[bool]{}
	}
	return elementsAs[string]{}
}
