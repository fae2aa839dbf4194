package plan

import (
	"fmt"
	"math"
	"slices"

	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/step"
)

// A Chain is a list of steps that the parts of a batch go through one after the
// other: what a step leaves for the next is in a cache of the core then, where
// that of a whole batch would be in memory.
type Chain struct {
	// Plan is that of a part. Its inputs and outputs are those of the step, in
	// their order, with a batch of 1/Parts.
	Plan  *Plan
	Parts int
}

// Chunks is the number of independent parts of the work: of a chain, those of the batch.
func (s *Step) Chunks() int {
	if s.Chain != nil {
		return s.Chain.Parts
	}
	return s.Step.Chunks()
}

// Info describes the step; of a chain, the sum of its steps.
func (s *Step) Info() step.Info {
	if s.Chain == nil {
		return s.Step.Info()
	}
	sum := step.Info{Kernel: "chain"}
	n := s.Chain.Parts
	for i := range s.Chain.Plan.Steps {
		one := s.Chain.Plan.Steps[i].Info()
		sum.FLOPs += int64(n) * one.FLOPs
		sum.Bytes += int64(n) * one.Bytes
		sum.Nanoseconds += float64(n) * one.Nanoseconds
	}
	return sum
}

// fewestParts is the fewest parts of a batch that are worth a chain: each is a
// chunk, for a thread of its own.
const fewestParts = 8

// mostPart is the largest batch of a part that is tried.
const mostPart = 16

// nearBytes is what the operands and results of a step may take in parts of
// more than one example: a core has them near then, whatever the others do.
const nearBytes = 1 << 19

// chain returns the program with the nodes that go over a batch part by part
// joined to chains. parts is what partBatches returns.
func (c *Compiled) chain(b *planner, parts []int) (*program, error) {
	p := *b.p
	p.nodes = nil
	for i := 0; i < len(parts); {
		end := i + 1
		for end < len(parts) && parts[end] == parts[i] {
			end++
		}
		if parts[i] == 0 || end == i+1 {
			p.nodes = append(p.nodes, b.p.nodes[i:end]...)
		} else {
			n, err := c.join(b, i, end, parts[i])
			if err != nil {
				return nil, err
			}
			p.nodes = append(p.nodes, n)
		}
		i = end
	}
	return &p, nil
}

// join makes a node of nodes lo to hi-1, which go over parts of the given batch.
func (c *Compiled) join(b *planner, lo, hi, batch int) (*node, error) {
	p := *b.p
	p.nodes, p.inputs, p.outputs, p.states = b.p.nodes[lo:hi], nil, nil, nil
	joined := &node{}
	made, whole := map[int]bool{}, 0
	var shapes []graph.Shape
	for _, n := range p.nodes {
		absorb(joined, n)
		for _, v := range n.in {
			if b.p.consts[v] != nil || made[v] || slices.Contains(joined.in, v) {
				continue
			}
			joined.in = append(joined.in, v)
			p.inputs = append(p.inputs, graph.Named{Value: b.p.values[v]})
			shape := b.types[v].Shape.Clone()
			whole, shape[0] = shape[0], batch
			shapes = append(shapes, shape)
		}
		for _, v := range n.out {
			made[v] = true
		}
	}
	read := map[int]bool{}
	for _, n := range slices.Concat(b.p.nodes[:lo], b.p.nodes[hi:]) {
		for _, v := range n.in {
			read[v] = true
		}
	}
	for _, v := range b.p.outputs {
		read[v] = true
	}
	for _, n := range p.nodes {
		for _, v := range n.out {
			if read[v] {
				joined.out = append(joined.out, v)
			}
		}
	}
	p.outputs = joined.out
	plan, err := c.plan(&p, shapes, nil)
	if err != nil {
		return nil, err
	}
	joined.chain = &Chain{Plan: plan, Parts: whole / batch}
	for i, v := range joined.out {
		shape := plan.Slots[plan.Outputs[i]].Shape.Clone()
		shape[0] *= joined.chain.Parts
		if !slices.Equal(shape, b.types[v].Shape) {
			return nil, fmt.Errorf("%w: layer %s: %v in %d parts is %v", graph.ErrShape, joined.layers[0], b.types[v].Shape, joined.chain.Parts, shape)
		}
	}
	return joined, nil
}

// parts returns, by node, the batch of the parts in which it does its work, 0
// for the whole batch at once: the cheapest sequence by the cost model, found from
// front to back. It depends on shapes only.
func (b *planner) partBatches() []int {
	batch := 0
	for _, in := range b.p.inputs {
		if s := b.types[in.ID].Shape; len(s) > 0 && in.Shape[0] == graph.Dyn {
			batch = max(batch, s[0])
		}
	}
	sizes := []int{0}
	for size := 1; size <= mostPart && size*fewestParts <= batch; size++ {
		if batch%size == 0 {
			sizes = append(sizes, size)
		}
	}
	chosen := make([]int, len(b.p.nodes))
	if len(sizes) == 1 {
		return chosen
	}
	m := b.costs(batch)
	// Of the cheapest sequence that ends with a size: its time, and by node the size before.
	least, before := make([]float64, len(sizes)), make([][]int, len(b.p.nodes))
	for i, n := range b.p.nodes {
		next := make([]float64, len(sizes))
		before[i] = make([]int, len(sizes))
		for k, size := range sizes {
			next[k] = math.Inf(1)
			for j := range sizes {
				ns := least[j]
				if j != k {
					ns += m.change(i)
				}
				if ns < next[k] {
					next[k], before[i][k] = ns, j
				}
			}
			next[k] += m.node(n, size)
		}
		least = next
	}
	at := 0
	for k := range least {
		if least[k] < least[at] {
			at = k
		}
	}
	for i := len(chosen) - 1; i >= 0; i-- {
		chosen[i] = sizes[at]
		at = before[i][at]
	}
	return chosen
}

// costs is the cost model of going over a batch in parts.
type costs struct {
	b       *planner
	batch   int
	weights int64   // bytes of all constants
	alive   []int64 // by node: bytes of the values that are made before it and read by it or later
}

func (b *planner) costs(batch int) *costs {
	m := &costs{b: b, batch: batch, alive: make([]int64, len(b.p.nodes)+1)}
	by := b.p.producers()
	last := make([]int, len(b.p.values))
	for i, n := range b.p.nodes {
		for _, v := range n.in {
			last[v] = i
		}
	}
	for _, v := range b.p.outputs {
		last[v] = len(b.p.nodes)
	}
	for v := range b.p.values {
		switch {
		case b.p.consts[v] != nil:
			m.weights += b.bytes(v)
		case by[v] >= 0:
			for i := by[v] + 1; i <= last[v]; i++ {
				m.alive[i] += b.bytes(v)
			}
		}
	}
	return m
}

// bytes is the size of a value.
func (b *planner) bytes(v int) int64 {
	n, _ := b.types[v].Shape.Elems()
	return int64(n) * int64(b.types[v].DType.Size())
}

// node is the time of n over parts of the given batch, 0 for the whole: infinite
// where that cannot be.
func (m *costs) node(n *node, size int) float64 {
	if size != 0 && !m.b.separable(n, m.batch) {
		return math.Inf(1)
	}
	if alias(n) {
		return 0
	}
	parts := 1
	if size != 0 {
		parts = m.batch / size
	}
	values, weights, flops := int64(0), int64(0), float64(0)
	for i, v := range n.in {
		if m.b.p.consts[v] == nil {
			values += m.b.bytes(v)
		} else if weights += m.b.bytes(v); i == 1 {
			flops = m.b.products(n, v)
		}
	}
	for _, v := range n.out {
		values += m.b.bytes(v)
	}
	if size > 1 && values/int64(parts) > nearBytes {
		return math.Inf(1)
	}
	read := step.StreamNanoseconds(weights)
	if parts > 1 {
		read = step.StreamNanoseconds(m.weights) * float64(weights) / float64(max(m.weights, 1))
	}
	each := max(flops/float64(parts)*step.NanosecondsFLOP, read) + step.StreamNanoseconds(values/int64(parts)) + step.NanosecondsStep
	return float64(parts) * each
}

// change is the time that other parts from node i on cost: the values that
// cross over are copied.
func (m *costs) change(i int) float64 { return 2 * step.StreamNanoseconds(m.alive[i]) }

// products counts the multiplications and additions of n with the constant w,
// each of whose elements takes part in all results of its channel.
func (b *planner) products(n *node, w int) float64 {
	switch n.op.(type) {
	case graph.Conv, graph.DepthwiseConv, graph.ConvTranspose, graph.MatMul:
	default:
		return 0
	}
	y := b.types[n.out[0]].Shape
	results, _ := y.Elems()
	elems, _ := b.types[w].Shape.Elems()
	return 2 * float64(results) * float64(elems) / float64(max(1, y[len(y)-1]))
}

// separable reports whether the results of n for a part of the batch depend on
// that part of its operands alone, and all of them are float32.
func (b *planner) separable(n *node, batch int) bool {
	rank := 0
	for _, v := range slices.Concat(n.in, n.out) {
		if b.p.consts[v] != nil {
			continue
		}
		s := b.types[v].Shape
		if b.types[v].DType != graph.Float32 || len(s) == 0 || s[0] != batch || b.p.values[v].Shape[0] != graph.Dyn {
			return false
		}
		rank = max(rank, len(s))
	}
	without := func(axes []int) bool {
		all, err := graph.Axes(axes, len(b.types[n.in[0]].Shape))
		return err == nil && len(all) > 0 && all[0] != 0
	}
	switch op := n.op.(type) {
	case graph.Conv, graph.DepthwiseConv, graph.ConvTranspose, graph.AddBias:
		return b.p.consts[n.in[1]] != nil
	case graph.Pool, graph.Resize, graph.CenterCrop, graph.Activation, graph.Unary, graph.Reshape:
		return true
	case graph.BatchNorm:
		return without(op.Axes) && b.constants(n.in[1:])
	case graph.LayerNorm:
		return without(op.Axes) && b.constants(n.in[1:])
	case graph.GroupNorm:
		return b.constants(n.in[1:])
	case graph.Softmax:
		return without(op.Axes)
	case graph.Reduce:
		return without(op.Axes)
	case graph.Concat:
		return without([]int{op.Axis}) && !slices.ContainsFunc(n.in, func(v int) bool { return b.p.consts[v] != nil })
	case graph.Repeat:
		return without([]int{op.Axis})
	case graph.Pad:
		return op.Before[0] == 0 && op.After[0] == 0
	case graph.Transpose:
		return op.Perm[0] == 0
	case graph.MatMul:
		w := n.in[1]
		if b.p.consts[w] != nil {
			return rank >= 2 && len(b.types[w].Shape) == 2
		}
		return b.p.consts[n.in[0]] == nil && len(b.types[w].Shape) >= 3 && len(b.types[n.in[0]].Shape) == len(b.types[w].Shape)
	case graph.Binary, graph.PReLU:
		// Operands that broadcast along the batch are constants.
		for _, v := range n.in {
			s := b.types[v].Shape
			if c := b.p.consts[v] != nil; c && len(s) == rank && s[0] != 1 || c && len(s) > rank || !c && len(s) != rank {
				return false
			}
		}
		return true
	}
	return false
}

// constants reports whether all of the values are.
func (b *planner) constants(values []int) bool {
	return !slices.ContainsFunc(values, func(v int) bool { return b.p.consts[v] == nil })
}
