package plan

import (
	"slices"

	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/step"
	"github.com/kerasrun/kerasrun/runtime/weight"
)

// dropIdentities removes ops that return their operand.
func dropIdentities(p *program) error {
	for _, n := range p.nodes {
		if len(n.in) == 1 && len(n.out) == 1 && identity(n.op, p.values[n.in[0]].Type, p.values[n.out[0]].Type) {
			p.replace(n.out[0], n.in[0])
			n.op = nil
		}
	}
	p.compact()
	return nil
}

func identity(op graph.Op, in, out graph.Type) bool {
	switch op := op.(type) {
	case graph.Cast:
		return in.DType == out.DType
	case graph.Transpose:
		return slices.IsSorted(op.Perm)
	case graph.Concat:
		return true // of a single operand
	case graph.Repeat:
		return op.N == 1
	case graph.Reshape:
		for i, d := range op.Dims {
			// A dimension keeps its size when it is known and equal, or kept by position.
			if i >= len(in.Shape) || in.Shape[i] != out.Shape[i] || in.Shape[i] == graph.Dyn && d != graph.KeepDim(i) {
				return false
			}
		}
		return len(in.Shape) == len(out.Shape)
	case graph.Tile:
		return !slices.ContainsFunc(op.Reps, func(n int) bool { return n != 1 })
	case graph.Pad:
		return !slices.ContainsFunc(append(slices.Clone(op.Before), op.After...), func(n int) bool { return n != 0 })
	case graph.Slice:
		return !slices.ContainsFunc(op.Ranges, func(r graph.Range) bool {
			return r.Index || r.Step != 1 || r.HasStop || r.HasStart && r.Start != 0
		})
	}
	return false
}

// cancelTransposes moves transposes behind element-wise ops and joins those
// that follow each other, so that a channels_first model computes in
// channels_last with few transposes left.
func cancelTransposes(p *program) error {
	for changed := true; changed; {
		changed = false
		by, uses := p.producers(), p.uses()
		for i, n := range p.nodes {
			if n.op == nil || len(n.in) == 0 || by[n.in[0]] < 0 || by[n.in[0]] >= i {
				continue
			}
			before := p.nodes[by[n.in[0]]]
			first, ok := before.op.(graph.Transpose)
			if !ok {
				continue
			}
			switch op := n.op.(type) {
			case graph.Transpose:
				perm := make([]int, len(op.Perm))
				for j, a := range op.Perm {
					perm[j] = first.Perm[a]
				}
				n.op, n.in[0] = graph.Transpose{Perm: perm}, before.in[0]
				changed = true
			case graph.Activation, graph.Unary, graph.Cast:
				if uses[n.in[0]] != 1 {
					continue
				}
				// T, f becomes f, T: the nodes swap their ops and types.
				x := p.values[before.in[0]].Type
				mid := len(p.values)
				p.values = append(p.values, graph.Value{ID: mid, Type: graph.Type{DType: p.values[n.out[0]].DType, Shape: x.Shape}})
				before.op, n.op = n.op, first
				before.layers, n.layers = n.layers, before.layers
				before.out, n.in = []int{mid}, []int{mid}
				by, uses = p.producers(), p.uses()
				changed = true
			}
		}
		if changed {
			if err := dropIdentities(p); err != nil {
				return err
			}
			if err := dropUnused(p); err != nil {
				return err
			}
		}
	}
	return nil
}

// maxFold bounds the elements that one folded constant may have beyond those of
// its operands, maxFolds those of all of them together.
const (
	maxFold  = 1 << 22
	maxFolds = 1 << 26
)

// foldConstants computes nodes whose operands are all known, in float64, rounding once.
func foldConstants(p *program) error {
	room := maxFolds
	for _, n := range p.nodes {
		known, size := len(n.in) > 0, 0 // elements of distinct operands
		if _, ok := n.op.(graph.Call); ok {
			continue // its function belongs to the runs
		}
		for i, v := range n.in {
			c := p.consts[v]
			if known = known && c != nil; known && !slices.Contains(n.in[:i], v) {
				size += c.Len()
			}
		}
		if !known {
			continue
		}
		in := make([]graph.Tensor, len(n.in))
		out := make([]graph.Type, len(n.out))
		fits, more := true, 0
		for i, v := range n.out {
			out[i] = p.values[v].Type
			elems, ok := out[i].Shape.Elems()
			fits = fits && ok && elems-size <= min(maxFold, room)
			more = max(more, elems-size)
		}
		if !fits {
			continue
		}
		room -= more
		for i, v := range n.in {
			t, err := p.consts[v].Tensor()
			if err != nil {
				return err
			}
			in[i] = t
		}
		res, err := step.Reference(n.op, in, out)
		if err != nil {
			return err
		}
		for i, v := range n.out {
			p.consts[v] = weight.Of(res[i])
		}
		n.op = nil
	}
	p.compact()
	return nil
}

// dropUnused removes nodes whose results nobody reads.
func dropUnused(p *program) error {
	live := make([]bool, len(p.values))
	for _, v := range p.outputs {
		live[v] = true
	}
	for _, s := range p.states {
		live[s.Last] = true
	}
	for i := len(p.nodes) - 1; i >= 0; i-- {
		n := p.nodes[i]
		if !slices.ContainsFunc(n.out, func(v int) bool { return live[v] }) {
			n.op = nil
			continue
		}
		for _, v := range n.in {
			live[v] = true
		}
	}
	p.compact()
	return nil
}
