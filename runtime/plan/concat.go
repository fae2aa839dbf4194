package plan

import (
	"cmp"
	"slices"

	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/step"
)

// at is the offset of a block in the arena.
func (bl *block) at() int {
	at := bl.offset
	for bl = bl.within; bl != nil; bl = bl.within {
		at += bl.offset
	}
	return at
}

// wideEnough is the number of channels from which an operand is written between
// those of others. Narrow ones are as fast to copy: their steps write and read
// a few cache lines here and there.
const wideEnough = 128

// joinConcatenations makes the operands of concatenations parts of their
// results, where the steps that write and read them can: then nothing is left
// to copy. It goes backwards, so that of concatenations of concatenations the
// widest is known first.
func (b *planner) joinConcatenations(of []*block) {
	by, readers := b.p.producers(), b.readers()
	for i := len(b.p.nodes) - 1; i >= 0; i-- {
		n := b.p.nodes[i]
		op, ok := n.op.(graph.Concat)
		if !ok || of[n.out[0]].place != InArena {
			continue
		}
		whole, y := of[n.out[0]], b.types[n.out[0]].Shape
		axes, err := graph.Axes([]int{op.Axis}, len(y))
		if err != nil {
			continue
		}
		axis := axes[0]
		outer, _ := y[:axis].Elems()
		inner, _ := y[axis+1:].Elems()
		// One run of elements an operand, or one for each pixel.
		contiguous := outer == 1 && whole.stride == 0
		offset := 0
		for k, v := range n.in {
			bl, at := of[v], offset*inner
			offset += b.types[v].Shape[axis]
			if bl.place != InArena || bl.within != nil || n.uses(v) > 1 || bl == whole {
				continue
			}
			if !contiguous {
				if axis != len(y)-1 || b.types[v].Shape[axis] < wideEnough || bl.values > 1 || slices.Contains(b.p.outputs, v) || !b.strided(by[v], -1) ||
					slices.ContainsFunc(readers[v], func(r reader) bool { return r.node != i && !b.strided(r.node, r.operand) }) {
					continue
				}
				bl.stride = whole.stride
				if bl.stride == 0 {
					bl.stride = y[axis]
				}
			}
			bl.within, bl.offset = whole, at
			for w := whole; w != nil; w = w.within {
				w.first, w.last = min(w.first, bl.first), max(w.last, bl.last)
			}
			if b.parts[n] == nil {
				b.parts[n] = make([]bool, len(n.in))
			}
			b.parts[n][k] = true
			b.into[v] = cmp.Or(n.layers[0], graph.Name(op))
		}
	}
}

// uses counts the operands of n that are v.
func (n *node) uses(v int) int {
	k := 0
	for _, in := range n.in {
		if in == v {
			k++
		}
	}
	return k
}

// A reader is an operand of a node.
type reader struct{ node, operand int }

// readers lists the readers of each value.
func (b *planner) readers() [][]reader {
	list := make([][]reader, len(b.p.values))
	for i, n := range b.p.nodes {
		for k, v := range n.in {
			list[v] = append(list[v], reader{i, k})
		}
	}
	return list
}

// strided reports whether the step of node i reads the operand, or writes its
// result for -1, with gaps between pixels.
func (b *planner) strided(i, operand int) bool {
	if i < 0 || b.p.nodes[i].chain != nil {
		return false
	}
	spec := b.spec(b.p.nodes[i])
	return step.Strided(&spec, operand)
}
