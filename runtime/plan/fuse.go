package plan

import (
	"math"

	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/step"
)

// follow calls fuse for every node whose first operand is made by a node that
// has no other reader. When fuse returns true, the earlier node has taken over
// the later one's work and result.
func (p *program) follow(fuse func(before, n *node) bool) {
	by, uses := p.producers(), p.uses()
	for _, n := range p.nodes {
		if n.op == nil || len(n.in) == 0 {
			continue
		}
		v := n.in[0]
		if by[v] < 0 || uses[v] != 1 {
			continue
		}
		before := p.nodes[by[v]]
		if before.op == nil || len(before.out) != 1 || len(n.out) != 1 || !fuse(before, n) {
			continue
		}
		absorb(before, n)
		before.out = n.out
		by[n.out[0]] = by[v]
		n.op = nil
	}
	p.compact()
}

// fuseBias gives the op before an AddBias its bias.
func fuseBias(p *program) error {
	p.follow(func(before, n *node) bool {
		if _, ok := n.op.(graph.AddBias); !ok || before.epi != (step.Epilogue{}) {
			return false
		}
		if p.consts[n.in[1]] == nil || !step.Fuses(before.op, step.Epilogue{Bias: true}) {
			return false
		}
		before.epi.Bias = true
		before.in = append(before.in, n.in[1])
		return true
	})
	return nil
}

// fuseActivation gives the op before an activation that activation.
func fuseActivation(p *program) error {
	p.follow(func(before, n *node) bool {
		act, ok := n.op.(graph.Activation)
		if !ok || before.epi.Act != nil {
			return false
		}
		e := before.epi
		e.Act = &act
		if !step.Fuses(before.op, e) {
			return false
		}
		before.epi = e
		return true
	})
	return nil
}

// fuseResidual lets the op that makes one operand of an addition add the other
// one. The fused node stands where the addition stood, since the other operand
// may be made in between.
func fuseResidual(p *program) error {
	by, uses := p.producers(), p.uses()
	for i, n := range p.nodes {
		b, ok := n.op.(graph.Binary)
		if !ok || b.Func != graph.Add || n.epi.Bias || n.epi.Residual {
			continue
		}
		// Prefer the operand made last: its inputs are the freshest.
		order := []int{0, 1}
		if by[n.in[1]] > by[n.in[0]] {
			order = []int{1, 0}
		}
		for _, k := range order {
			v, other := n.in[k], n.in[1-k]
			if by[v] < 0 || uses[v] != 1 || v == other || p.consts[other] != nil {
				continue
			}
			before := p.nodes[by[v]]
			e := before.epi
			e.Residual, e.Act = true, n.epi.Act
			if before.op == nil || before.epi.Act != nil || before.epi.Residual || !step.Fuses(before.op, e) || !sameType(p.values[v], p.values[other]) {
				continue
			}
			fused := *before
			fused.epi = e
			fused.in = append(append([]int{}, before.in...), other)
			fused.out = n.out
			absorb(&fused, n)
			before.op = nil
			p.nodes[i] = &fused
			by[n.out[0]] = i
			break
		}
	}
	p.compact()
	return nil
}

// sameType reports whether a and b have one type for every batch: unknown
// dimensions other than the batch could still broadcast.
func sameType(a, b graph.Value) bool {
	if a.DType != b.DType || len(a.Shape) != len(b.Shape) {
		return false
	}
	for i, d := range a.Shape {
		if d != b.Shape[i] || d == 1 && i == 0 {
			return false
		}
	}
	return true
}

// fusePadding turns zero padding before a convolution, or before the max
// pooling of values that are not negative, into the op's own padding.
func fusePadding(p *program) error {
	by, uses := p.producers(), p.uses()
	for _, n := range p.nodes {
		if len(n.in) == 0 || by[n.in[0]] < 0 || uses[n.in[0]] != 1 {
			continue
		}
		before := p.nodes[by[n.in[0]]]
		pad, ok := before.op.(graph.Pad)
		if !ok || pad.Mode != graph.FillConstant || pad.Value != 0 {
			continue
		}
		rank := len(pad.Before) - 2
		if rank < 1 || pad.Before[0]+pad.After[0]+pad.Before[rank+1]+pad.After[rank+1] != 0 {
			continue
		}
		own := graph.Padding{Mode: graph.Explicit, Before: pad.Before[1 : rank+1], After: pad.After[1 : rank+1]}
		switch op := n.op.(type) {
		case graph.Conv:
			if op.Padding.Mode != graph.Valid {
				continue
			}
			op.Padding = own
			n.op = op
		case graph.DepthwiseConv:
			if op.Padding.Mode != graph.Valid {
				continue
			}
			op.Padding = own
			n.op = op
		case graph.Pool:
			// Padding takes no part in max pooling; a zero does the same where all values are >= 0.
			if op.Kind != graph.MaxPool || op.Padding.Mode != graph.Valid || by[before.in[0]] < 0 || !notNegative(p.nodes[by[before.in[0]]]) || !covers(op.Size, own) {
				continue
			}
			op.Padding = own
			n.op = op
		default:
			continue
		}
		n.in[0] = before.in[0]
		absorb(n, before)
		before.op = nil
	}
	p.compact()
	return nil
}

// notNegative reports whether every result of n is at least 0 or NaN.
func notNegative(n *node) bool {
	a, ok := n.op.(graph.Activation)
	if n.epi.Act != nil {
		a, ok = *n.epi.Act, true
	}
	return ok && (a.Func == graph.Sigmoid || a.Func == graph.ReLU && a.A == 0 && a.C >= 0 && (a.B >= 0 || math.IsInf(a.B, 1)))
}

// covers reports whether every window holds at least one cell that is not padding.
func covers(size []int, p graph.Padding) bool {
	for i, n := range size {
		if p.Before[i] >= n || p.After[i] >= n {
			return false
		}
	}
	return true
}

// fusePooling gives a convolution the max pooling that is its only reader.
func fusePooling(p *program) error {
	p.follow(func(before, n *node) bool {
		pool, ok := n.op.(graph.Pool)
		if !ok || pool.Kind != graph.MaxPool || before.epi.Pool != nil {
			return false
		}
		e := before.epi
		e.Pool = &pool
		if len(before.in) < 2 || !step.Fuses(before.op, e) || !step.PoolsFaster(before.op, p.values[before.in[1]].Shape, e) {
			return false
		}
		before.epi = e
		return true
	})
	return nil
}
