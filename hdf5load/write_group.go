package hdf5load

import (
	"cmp"
	"slices"
)

// The sizes of symbol nodes and B-tree nodes, libhdf5's defaults.
const (
	leafK      = 4  // 2 leafK entries in a symbol node
	innerK     = 16 // 2 innerK children of a B-tree node
	entrySize  = 40
	symbolSize = 8 + 2*leafK*entrySize
	btreeSize  = 24 + 2*innerK*16 + 8
)

// A groupEntry names a group that was written.
type groupEntry struct{ header, btree, heap uint64 }

// encode appends what follows the name in a symbol-table entry (III.C), with
// the addresses cached in it.
func (g groupEntry) encode(e *encoder) {
	e.u64(g.header)
	e.u32(1)
	e.u32(0)
	e.u64(g.btree)
	e.u64(g.heap)
}

// group writes a group after its members.
func (l *filePlan) group(t *Tree) groupEntry {
	names := make(encoder, 8, 64) // of the local heap; the first is empty
	type link struct {
		name  int // offset in names
		entry encoder
	}
	members := slices.SortedFunc(slices.Values(t.members), func(a, b *treeMember) int { return cmp.Compare(a.name, b.name) })
	links := make([]link, len(members))
	for i, m := range members {
		links[i].name = len(names)
		e := &links[i].entry
		e.u64(uint64(len(names)))
		names = pad8(append(append(names, m.name...), 0))
		if m.group != nil {
			l.group(m.group).encode(e)
			continue
		}
		e.u64(l.dataset(m.data))
		*e = append(*e, make([]byte, entrySize-16)...)
	}

	heap := encoder("HEAP\x00\x00\x00\x00")
	heap.u64(uint64(len(names)))
	heap.u64(1) // no free block
	heap.u64(l.put(names))
	g := groupEntry{heap: l.put(heap)}

	var leaves []btreeChild
	for part := range slices.Chunk(links, 2*leafK) {
		node := encoder("SNOD\x01\x00")
		node.u16(len(part))
		for _, k := range part {
			node = append(node, k.entry...)
		}
		node = append(node, make([]byte, symbolSize-len(node))...)
		leaves = append(leaves, btreeChild{l.put(node), uint64(part[len(part)-1].name)})
	}
	g.btree = l.btree(leaves)

	var table encoder
	table.u64(g.btree)
	table.u64(g.heap)
	msgs := []outMessage{{msgSymbolTable, table}}
	for _, a := range t.attrs {
		msgs = append(msgs, outMessage{msgAttribute, l.attribute(a)})
	}
	g.header, _ = l.objectHeader(msgs)
	return g
}

// A btreeChild is a node and the last name below it, as its offset in the heap.
type btreeChild struct{ at, last uint64 }

// btree writes the levels of a version 1 B-tree over nodes and returns the
// address of its root (III.A.1). Each level's nodes know their neighbours.
func (l *filePlan) btree(below []btreeChild) uint64 {
	for level := byte(0); ; level++ {
		n := max(1, (len(below)+2*innerK-1)/(2*innerK))
		base := l.put(make([]byte, n*btreeSize))
		above := make([]btreeChild, n)
		before := uint64(0) // the last name left of the node
		for i := range above {
			part := below[:min(2*innerK, len(below))]
			below = below[len(part):]
			at := base + uint64(i*btreeSize)
			left, right := undefined, undefined
			if i > 0 {
				left = at - btreeSize
			}
			if i < n-1 {
				right = at + btreeSize
			}
			node := append(encoder("TREE\x00"), level)
			node.u16(len(part))
			node.u64(left)
			node.u64(right)
			node.u64(before)
			for _, c := range part {
				node.u64(c.at)
				node.u64(c.last)
				before = c.last
			}
			copy(l.b[at:], node)
			above[i] = btreeChild{at, before}
		}
		if n == 1 {
			return base
		}
		below = above
	}
}
