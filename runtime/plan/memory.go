package plan

import (
	"fmt"
	"slices"

	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/step"
	"github.com/kerasrun/kerasrun/runtime/weight"
)

// align is the number of float32 elements that arena offsets are multiples of: one cache line.
const align = 16

// A block is the memory of one or more values (aliases), alive from the step
// that writes it to the last that reads it.
type block struct {
	within      *block // the concatenation that it is a part of, or nil; offset is then that of the part
	stride      int    // float32 elements from pixel to pixel, 0 when they lie side by side
	values      int    // values that share it
	first, last int
	size        int // float32 elements in the arena, 0 for none
	offset      int
	place       Place
	input       int // InInput, InState
	value       *weight.Value
}

// place finds the block of every value, by value ID. Values in float32 lie in one arena: blocks are placed largest first, each at the lowest offset that is
// free during its life (Pisarchyk and Lee, 2020, "greedy by size").
func (b *planner) place() ([]*block, error) {
	var blocks []*block
	of := make([]*block, len(b.p.values))
	add := func(v int, bl block) {
		bl.values = 1
		blocks = append(blocks, &bl)
		of[v] = &bl
	}
	for i, in := range b.p.inputs {
		add(in.ID, block{first: -1, last: -1, place: InInput, input: i})
	}
	for id, t := range b.p.consts {
		add(id, block{first: -1, last: -1, place: InConst, value: t})
	}
	total := int64(0)
	for i, s := range b.p.states {
		t := b.types[s.First]
		elems, _ := t.Shape.Elems()
		total += int64(elems) * int64(t.DType.Size())
		add(s.First, block{first: -1, last: -1, place: InState, input: i})
	}
	for i, n := range b.p.nodes {
		if n.chain != nil {
			total += n.chain.Plan.Bytes
		}
		first, last := i, i
		if b.p.together(i) {
			last++
		} else if i > 0 && b.p.together(i-1) {
			first--
		}
		for _, v := range n.in {
			of[v].last = max(of[v].last, last)
		}
		if alias(n) {
			of[n.out[0]] = of[n.in[0]]
			of[n.out[0]].values++
			continue
		}
		for _, v := range n.out {
			t := b.types[v]
			elems, _ := t.Shape.Elems()
			bl := block{first: first, last: last, place: InBuffer}
			if t.DType == graph.Float32 {
				bl.place, bl.size = InArena, (elems+align-1)/align*align
			} else {
				total += int64(elems) * int64(t.DType.Size())
			}
			if total > b.limit || int64(elems)*int64(t.DType.Size()) > b.limit {
				return nil, fmt.Errorf("%w: layer %s makes %v %v: intermediate values need more than %d bytes", ErrLimit, n.layers[0], t.DType, t.Shape, b.limit)
			}
			add(v, bl)
		}
	}
	end := len(b.p.nodes)
	for _, v := range b.p.outputs {
		of[v].last = end
	}
	for _, s := range b.p.states {
		of[s.Last].last = end
	}
	if b.joins {
		b.joinConcatenations(of)
	}
	b.plan.Arena = arrange(blocks)
	if total += int64(b.plan.Arena) * 4; total > b.limit {
		return nil, fmt.Errorf("%w: intermediate values need %d bytes, more than %d", ErrLimit, total, b.limit)
	}
	b.plan.Bytes = total
	return of, nil
}

// arrange sets the offsets of the blocks in the arena and returns its size.
func arrange(blocks []*block) int {
	var order, placed []*block
	for _, bl := range blocks {
		if bl.place == InArena && bl.within == nil {
			order = append(order, bl)
		}
	}
	slices.SortStableFunc(order, func(x, y *block) int { return y.size - x.size })
	size := 0
	for _, bl := range order {
		at := 0
		for _, o := range placed { // by offset
			if o.first > bl.last || o.last < bl.first {
				continue
			}
			if at+bl.size <= o.offset {
				break
			}
			at = max(at, o.offset+o.size)
		}
		bl.offset = at
		i, _ := slices.BinarySearchFunc(placed, at, func(o *block, at int) int { return o.offset - at })
		placed = slices.Insert(placed, i, bl)
		size = max(size, at+bl.size)
	}
	return size
}

// slots makes the slots and points the steps, inputs and outputs at them.
func (b *planner) slots(of []*block) {
	buffer := map[*block]int{}
	get := func(v int) int {
		if b.slot[v] >= 0 {
			return b.slot[v]
		}
		bl := of[v]
		s := Slot{Type: b.types[v], Place: bl.place, Offset: bl.at(), Stride: bl.stride}
		switch bl.place {
		case InInput, InState:
			s.Offset = bl.input
		case InBuffer:
			if _, ok := buffer[bl]; !ok {
				buffer[bl] = len(buffer)
			}
			s.Offset = buffer[bl]
		case InConst:
			if held := bl.value.Held(); held != nil {
				t := *held
				t.Shape = s.Shape
				s.Tensor = &t
			}
		}
		b.slot[v] = len(b.plan.Slots)
		b.plan.Slots = append(b.plan.Slots, s)
		return b.slot[v]
	}
	for _, in := range b.p.inputs {
		b.plan.Inputs = append(b.plan.Inputs, get(in.ID))
	}
	kept := b.plan.Steps[:0]
	for i, n := range b.p.nodes {
		st := b.plan.Steps[i]
		if st.Step == nil && st.Chain == nil {
			continue
		}
		if i > 0 && b.p.together(i-1) {
			one := &kept[len(kept)-1]
			if s := step.Together(one.Step, st.Step, len(one.In), len(one.Out)); s != nil {
				one.Step = s
				one.Layers = slices.Concat(one.Layers, st.Layers)
				for _, v := range n.in {
					one.In = append(one.In, get(v))
				}
				for _, v := range n.out {
					one.Out = append(one.Out, get(v))
				}
				continue
			}
		}
		for _, v := range n.in {
			st.In = append(st.In, get(v))
		}
		for _, v := range n.out {
			st.Out = append(st.Out, get(v))
		}
		kept = append(kept, st)
	}
	b.plan.Steps = kept
	for _, v := range b.p.outputs {
		b.plan.Outputs = append(b.plan.Outputs, get(v))
	}
	for _, s := range b.p.states {
		b.plan.States = append(b.plan.States, State{s.Layer, s.Name, get(s.First), get(s.Last)})
	}
}
