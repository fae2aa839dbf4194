package hdf5load

import "math/bits"

// B-tree node types, version 1 and version 2.
const (
	treeGroup  = 0
	treeChunks = 1

	tree2Huge  = 1
	tree2Links = 5
	tree2Attrs = 8
)

// btree1 walks a version 1 B-tree in key order (format specification, III.A.1)
// and calls leaf for every child of its lowest level. Keys have keySize bytes.
func (im *image) btree1(root uint64, typ, keySize int, leaf func(key *cursor, child uint64) error) error {
	type frame struct {
		level   int
		entries []byte // (key, child) pairs
	}
	entry := keySize + im.offsetSize
	seen := map[uint64]bool{}
	open := func(addr uint64) (frame, error) {
		if seen[addr] {
			return frame{}, corrupt("B-tree contains a loop")
		}
		seen[addr] = true
		head := uint64(8 + 2*im.offsetSize)
		b, err := im.read(addr, head)
		if err != nil {
			return frame{}, err
		}
		c := &cursor{b: b}
		c.signature("TREE")
		if t := c.u8(); t != typ {
			c.fail(corrupt("B-tree node of type %d, want %d", t, typ))
		}
		level, n := c.u8(), c.u16()
		if level > im.lim.Depth {
			c.fail(overLimit("B-tree of %d levels", level))
		}
		if c.err != nil {
			return frame{}, c.err
		}
		b, err = im.read(addr+head, uint64(n*entry))
		return frame{level, b}, err
	}
	top, err := open(root)
	if err != nil {
		return err
	}
	for stack := []frame{top}; len(stack) > 0; {
		f := &stack[len(stack)-1]
		if len(f.entries) == 0 {
			stack = stack[:len(stack)-1]
			continue
		}
		c := &cursor{b: f.entries[:entry:entry]}
		f.entries = f.entries[entry:]
		key := &cursor{b: c.bytes(keySize)}
		child := im.addr(c)
		if f.level == 0 {
			if err := leaf(key, child); err != nil {
				return err
			}
			continue
		}
		level := f.level - 1
		next, err := open(child)
		if err != nil {
			return err
		}
		if next.level != level {
			return corrupt("B-tree node of level %d, want %d", next.level, level)
		}
		stack = append(stack, next)
	}
	return nil
}

// btree2 calls visit for every record of a version 2 B-tree, in no particular
// order (format specification, III.A.2).
func (im *image) btree2(head uint64, typ int, visit func(*cursor) error) error {
	b, err := im.read(head, uint64(22+im.offsetSize+im.lengthSize))
	if err != nil {
		return err
	}
	if err := checksummed("B-tree header", b); err != nil {
		return err
	}
	c := &cursor{b: b}
	c.signature("BTHD")
	c.version("B-tree", 0)
	if t := c.u8(); t != typ {
		c.fail(corrupt("B-tree of type %d, want %d", t, typ))
	}
	nodeSize, recSize, depth := uint64(c.u32()), c.u16(), c.u16()
	c.skip(2)
	root, n := im.addr(c), c.u16()
	total := im.length(c)
	if c.err != nil {
		return c.err
	}
	if depth > im.lim.Depth {
		return overLimit("B-tree of %d levels", depth)
	}
	if total > uint64(im.lim.Links) {
		return overLimit("B-tree of %d records", total)
	}
	if recSize == 0 || nodeSize < 16 {
		return corrupt("B-tree nodes of %d bytes, records of %d", nodeSize, recSize)
	}
	if root == undefined || n == 0 {
		if total != 0 {
			return corrupt("empty B-tree of %d records", total)
		}
		return nil
	}
	// How many records fit a node, and a subtree, decides the width of the
	// counts: pointer = address, records of the child, records of its subtree.
	width := func(v uint64) int { return (bits.Len64(v) + 7) / 8 }
	const overhead = 10 // signature, version, type, checksum
	perLeaf := (nodeSize - overhead) / uint64(recSize)
	countWidth := width(perLeaf)
	subtree := perLeaf
	totalWidth := []int{0}    // of a subtree whose root has that depth
	pointer := []int{0}       // size of a child pointer in a node of that depth
	most := []uint64{perLeaf} // records of a node of that depth
	for d := 1; d <= depth; d++ {
		p := im.offsetSize + countWidth + totalWidth[d-1]
		if nodeSize < uint64(overhead+p) {
			return corrupt("B-tree nodes of %d bytes", nodeSize)
		}
		m := (nodeSize - uint64(overhead+p)) / uint64(recSize+p)
		hi, lo := bits.Mul64(m+1, subtree)
		if hi != 0 || lo > 1<<62 {
			return corrupt("B-tree of %d levels with nodes of %d bytes", depth, nodeSize)
		}
		subtree = lo + m
		totalWidth = append(totalWidth, width(subtree))
		pointer = append(pointer, p)
		most = append(most, m)
	}
	type node struct {
		addr     uint64
		n, depth int
	}
	seen := map[uint64]bool{}
	var visited uint64
	for todo := []node{{root, n, depth}}; len(todo) > 0; {
		k := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[k.addr] {
			return corrupt("B-tree contains a loop")
		}
		seen[k.addr] = true
		if uint64(k.n) > most[k.depth] {
			return corrupt("B-tree node of %d records, at most %d fit", k.n, most[k.depth])
		}
		size := overhead + k.n*recSize
		sig := "BTLF"
		if k.depth > 0 {
			size += (k.n + 1) * pointer[k.depth]
			sig = "BTIN"
		}
		b, err := im.read(k.addr, uint64(size))
		if err != nil {
			return err
		}
		if err := checksummed("B-tree node", b); err != nil {
			return err
		}
		c := &cursor{b: b}
		c.signature(sig)
		c.version("B-tree node", 0)
		if t := c.u8(); t != typ {
			c.fail(corrupt("B-tree node of type %d, want %d", t, typ))
		}
		for range k.n {
			r := &cursor{b: c.bytes(recSize)}
			if c.err != nil {
				return c.err
			}
			if visited++; visited > total {
				return corrupt("B-tree of more than %d records", total)
			}
			if err := visit(r); err != nil {
				return err
			}
		}
		if k.depth == 0 {
			continue
		}
		for range k.n + 1 {
			child := node{addr: im.addr(c), n: int(c.uint(countWidth)), depth: k.depth - 1}
			c.skip(totalWidth[k.depth-1])
			if c.err != nil {
				return c.err
			}
			todo = append(todo, child)
		}
	}
	if visited != total {
		return corrupt("B-tree of %d records, want %d", visited, total)
	}
	return nil
}
