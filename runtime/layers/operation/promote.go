package operation

import (
	"fmt"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// A lattice is an element type or the kind of a Python number.
type lattice uint8

// The kinds of Python numbers follow the element types.
const (
	weakInt lattice = 64 + iota
	weakFloat
)

func latticeOf(d graph.DType) lattice { return lattice(d) }

func weakOf(d graph.DType) lattice {
	switch {
	case d.Floating():
		return weakFloat
	case d == graph.Bool:
		return lattice(graph.Bool)
	}
	return weakInt
}

// wider lists what each type promotes to directly. Source: Keras's
// backend/common/dtypes.py, which follows
// https://docs.jax.dev/en/latest/jep/9407-type-promotion.html.
func (l lattice) wider() []lattice {
	of := func(ds ...graph.DType) (out []lattice) {
		for _, d := range ds {
			out = append(out, lattice(d))
		}
		return out
	}
	switch l {
	case lattice(graph.Bool):
		return []lattice{weakInt}
	case weakInt:
		return of(graph.Uint8, graph.Int8)
	case lattice(graph.Uint8):
		return of(graph.Int16, graph.Uint16)
	case lattice(graph.Uint16):
		return of(graph.Int32, graph.Uint32)
	case lattice(graph.Uint32):
		return of(graph.Int64, graph.Uint64)
	case lattice(graph.Int8):
		return of(graph.Int16)
	case lattice(graph.Int16):
		return of(graph.Int32)
	case lattice(graph.Int32):
		return of(graph.Int64)
	case lattice(graph.Int64), lattice(graph.Uint64):
		return []lattice{weakFloat}
	case weakFloat:
		return of(graph.BFloat16, graph.Float16)
	case lattice(graph.BFloat16), lattice(graph.Float16):
		return of(graph.Float32)
	case lattice(graph.Float32):
		return of(graph.Float64)
	}
	return nil
}

// above returns l and everything it promotes to.
func (l lattice) above() map[lattice]bool {
	up := map[lattice]bool{l: true}
	for todo := []lattice{l}; len(todo) > 0; todo = todo[1:] {
		for _, w := range todo[0].wider() {
			if !up[w] {
				up[w] = true
				todo = append(todo, w)
			}
		}
	}
	return up
}

// promote returns the least common type of Keras's promotion lattice.
func promote(types ...lattice) (graph.DType, error) {
	if len(types) == 0 {
		return 0, fmt.Errorf("%w: no operands", keras.ErrFormat)
	}
	common := types[0].above()
	for _, t := range types[1:] {
		up := t.above()
		for c := range common {
			if !up[c] {
				delete(common, c)
			}
		}
	}
	for c := range common {
		if len(c.above()) != len(common) {
			continue
		}
		switch c {
		case weakInt:
			return graph.Int32, nil
		case weakFloat:
			return graph.Float32, nil
		case lattice(graph.Uint64): // Keras's own cut
			return graph.Uint32, nil
		}
		return graph.DType(c), nil
	}
	return 0, fmt.Errorf("%w: operands have no common type", graph.ErrDType)
}

// promoteArgs converts operands to a common type. A Python number takes part
// by its kind only, as in NumPy.
func (o *call) promoteArgs(name string, args []*keras.Arg) []graph.Value {
	vals := make([]graph.Value, len(args))
	consts := make([]*graph.Tensor, len(args))
	kinds := make([]lattice, len(args))
	for i, a := range args {
		if a.Kind == keras.ArgTensor {
			vals[i] = o.value(a)
			kinds[i] = latticeOf(vals[i].DType)
			continue
		}
		t, weak, ok := constTensor(a)
		if !ok {
			o.bad(name, a)
			return failedOperands(len(args))
		}
		consts[i], kinds[i] = &t, latticeOf(t.DType)
		if weak {
			kinds[i] = weakOf(t.DType)
		}
	}
	if o.Err() != nil {
		return failedOperands(len(args))
	}
	d, err := o.common(vals, consts, kinds)
	if err != nil {
		o.Fail(err)
		return failedOperands(len(args))
	}
	for i := range vals {
		if consts[i] != nil {
			vals[i] = o.Const(consts[i].Cast(d))
		} else {
			vals[i] = o.Cast(vals[i], d)
		}
	}
	return vals
}

// common returns the type that operands are converted to.
func (o *call) common(vals []graph.Value, consts []*graph.Tensor, kinds []lattice) (graph.DType, error) {
	if o.rule == kerasRule {
		return promote(kinds...)
	}
	first := -1
	for i := range vals {
		if consts[i] != nil {
			continue
		}
		if first >= 0 && vals[first].DType != vals[i].DType {
			return 0, fmt.Errorf("%w: operands are %v and %v", graph.ErrDType, vals[first].DType, vals[i].DType)
		}
		first = i
	}
	if first < 0 {
		return consts[0].DType, nil
	}
	d := vals[first].DType
	for _, c := range consts {
		if c != nil && c.DType.Floating() && !d.Floating() {
			return 0, fmt.Errorf("%w: operands are %v and a floating constant", graph.ErrDType, d)
		}
	}
	return d, nil
}
