package hdf5load

import (
	"math/bits"
)

// localHeap returns the data segment of the local heap at addr: the names of an
// old-style group (format specification, III.D).
func (im *image) localHeap(addr uint64) ([]byte, error) {
	b, err := im.read(addr, uint64(8+2*im.lengthSize+im.offsetSize))
	if err != nil {
		return nil, err
	}
	c := &cursor{b: b}
	c.signature("HEAP")
	c.version("local heap", 0)
	c.zero("local heap", 3)
	n := im.length(c)
	im.length(c) // free list
	data := im.addr(c)
	if c.err != nil {
		return nil, c.err
	}
	return im.read(data, n)
}

// global returns one object of a global heap collection (III.E). Collections
// are kept: many strings share one.
func (f *File) global(addr uint64, index uint32) ([]byte, error) {
	f.heapMu.Lock()
	defer f.heapMu.Unlock()
	objects, ok := f.heaps[addr]
	if !ok {
		var err error
		if objects, err = f.collection(addr); err != nil {
			return nil, err
		}
		f.heaps[addr] = objects
	}
	b, ok := objects[index]
	if !ok {
		return nil, corrupt("global heap at %#x has no object %d", addr, index)
	}
	return b, nil
}

func (f *File) collection(addr uint64) (map[uint32][]byte, error) {
	head := 8 + f.lengthSize
	b, err := f.upto(addr, uint64(head))
	if err != nil {
		return nil, err
	}
	c := &cursor{b: b}
	c.signature("GCOL")
	c.version("global heap", 1)
	c.zero("global heap", 3)
	n := f.length(c)
	if c.err != nil {
		return nil, c.err
	}
	if b, err = f.read(addr, n); err != nil {
		return nil, err
	}
	objects := map[uint32][]byte{}
	c = &cursor{b: b}
	c.skip(head)
	for c.err == nil && c.left() >= head {
		index := uint32(c.u16())
		if index == 0 { // free space, always last
			break
		}
		c.skip(2) // reference count
		c.zero("global heap object", 4)
		size := f.length(c)
		if size > uint64(c.left()) {
			return nil, corrupt("global heap object of %d bytes, %d are left", size, c.left())
		}
		if _, dup := objects[index]; dup {
			return nil, corrupt("global heap has two objects %d", index)
		}
		objects[index] = c.bytes(int(size))
		c.skip(min(c.left(), int(-size&7)))
	}
	return objects, c.err
}

// fractalHeap holds the links or attributes of an object that has many (III.G).
type fractalHeap struct {
	im                 *image
	addr               uint64
	idLen              int
	offWidth, lenWidth int // bytes of an offset, a length in a heap id
	start, maxDirect   uint64
	width              int // blocks in a row of the doubling table
	root               uint64
	rootRows           int // 0: root is a direct block
	checked            bool
	hugeTree           uint64
	hugeDirect         bool              // ids hold address and length themselves
	blocks             map[uint64][]byte // direct and indirect blocks read so far
	huge               map[uint64]block  // objects of hugeTree by id
}

func (im *image) fractalHeap(addr uint64) (*fractalHeap, error) {
	b, err := im.read(addr, uint64(26+12*im.lengthSize+3*im.offsetSize))
	if err != nil {
		return nil, err
	}
	c := &cursor{b: b}
	c.signature("FRHP")
	c.version("fractal heap", 0)
	h := &fractalHeap{im: im, addr: addr, blocks: map[uint64][]byte{}}
	h.idLen = c.u16()
	if c.u16() != 0 {
		c.fail(unsupported("filtered fractal heap"))
	}
	h.checked = c.u8()&2 != 0
	maxManaged := uint64(c.u32())
	im.length(c)
	h.hugeTree = im.addr(c)
	im.length(c)
	im.addr(c)
	c.skip(8 * im.lengthSize)
	h.width = c.u16()
	h.start, h.maxDirect = im.length(c), im.length(c)
	maxBits := c.u16()
	c.skip(2)
	h.root, h.rootRows = im.addr(c), c.u16()
	if c.err != nil {
		return nil, c.err
	}
	if err := checksummed("fractal heap", b); err != nil {
		return nil, err
	}
	if bits.OnesCount64(h.start) != 1 || bits.OnesCount64(h.maxDirect) != 1 || h.maxDirect < h.start || h.maxDirect > 1<<32 ||
		bits.OnesCount(uint(h.width)) != 1 || maxBits == 0 || maxBits > 64 || h.idLen < 2 || h.idLen > 64 || h.rootRows > 64 {
		return nil, corrupt("fractal heap header")
	}
	h.offWidth = (maxBits + 7) / 8
	h.lenWidth = (bits.Len64(min(h.maxDirect, maxManaged)) + 7) / 8
	h.hugeDirect = h.idLen-1 >= im.offsetSize+im.lengthSize
	return h, nil
}

// object returns the object with the given heap id.
func (h *fractalHeap) object(id []byte) ([]byte, error) {
	c := &cursor{b: id}
	flags := c.u8()
	if flags&0xc0 != 0 {
		return nil, unsupported("heap id version %d", flags>>6)
	}
	switch flags & 0x30 {
	case 0x00: // managed
		off, n := c.uint(h.offWidth), c.uint(h.lenWidth)
		if c.err != nil {
			return nil, c.err
		}
		return h.managed(off, n)
	case 0x10:
		return h.hugeObject(c)
	case 0x20: // tiny: in the id itself
		if h.idLen-1 > 16 {
			return nil, unsupported("heap ids of %d bytes", h.idLen)
		}
		return c.bytes(flags&15 + 1), c.err
	}
	return nil, corrupt("heap id of type %d", flags>>4&3)
}

func (h *fractalHeap) hugeObject(c *cursor) ([]byte, error) {
	if h.hugeDirect {
		addr, n := h.im.addr(c), h.im.length(c)
		if c.err != nil {
			return nil, c.err
		}
		return h.im.read(addr, n)
	}
	if h.huge == nil {
		h.huge = map[uint64]block{}
		err := h.im.btree2(h.hugeTree, tree2Huge, func(r *cursor) error {
			b := block{h.im.addr(r), h.im.length(r)}
			h.huge[h.im.length(r)] = b
			return r.err
		})
		if err != nil {
			return nil, err
		}
	}
	id := c.uint(min(8, h.idLen-1))
	b, ok := h.huge[id]
	if c.err != nil || !ok {
		return nil, corrupt("fractal heap has no huge object %d", id)
	}
	return h.im.read(b.addr, b.n)
}

// rowSize is the size of the blocks in a row of the doubling table.
func (h *fractalHeap) rowSize(row int) uint64 {
	if row < 2 {
		return h.start
	}
	return h.start << (row - 1)
}

// managed returns n bytes at an offset of the heap's own address space, which
// the doubling table maps to blocks.
func (h *fractalHeap) managed(off, n uint64) ([]byte, error) {
	addr, rows, base, size := h.root, h.rootRows, uint64(0), h.start
	directRows := bits.Len64(h.maxDirect) - bits.Len64(h.start) + 2
	for depth := 0; rows > 0; depth++ {
		if depth > h.im.lim.Depth {
			return nil, overLimit("fractal heap of %d levels", depth)
		}
		direct := min(rows, directRows) * h.width
		indirect := max(0, rows-directRows) * h.width
		b, err := h.block(addr, base, "FHIB", uint64(5+h.im.offsetSize+h.offWidth+(direct+indirect)*h.im.offsetSize+4))
		if err != nil {
			return nil, err
		}
		c := &cursor{b: b, pos: 5 + h.im.offsetSize + h.offWidth}
		found := false
		for i, at := 0, base; i < direct+indirect && !found; i++ {
			row := i / h.width
			size = h.rowSize(row)
			if size == 0 || size > 1<<48 {
				return nil, corrupt("fractal heap block size")
			}
			addr = h.im.addr(c)
			if off >= at && off-at < size {
				found = true
				base, rows = at, 0
				if row >= directRows {
					rows = bits.Len64(size) - bits.Len64(h.start*uint64(h.width)) + 1
					if rows <= 0 || rows > 64 {
						return nil, corrupt("fractal heap block size")
					}
				}
			}
			at += size
		}
		if !found {
			return nil, corrupt("offset %#x outside the fractal heap", off)
		}
	}
	if off < base || n > size || off-base > size-n {
		return nil, corrupt("fractal heap object outside its block")
	}
	b, err := h.block(addr, base, "FHDB", size)
	if err != nil {
		return nil, err
	}
	return b[off-base:][:n:n], nil
}

// block reads a block and checks that it is this heap's, at that offset.
func (h *fractalHeap) block(addr, base uint64, sig string, size uint64) ([]byte, error) {
	if b, ok := h.blocks[addr]; ok && uint64(len(b)) == size && string(b[:4]) == sig {
		return b, nil
	}
	b, err := h.im.read(addr, size)
	if err != nil {
		return nil, err
	}
	c := &cursor{b: b}
	c.signature(sig)
	c.version("fractal heap block", 0)
	if h.im.addr(c) != h.addr || c.uint(h.offWidth) != base {
		c.fail(corrupt("fractal heap block is not where it should be"))
	}
	if sig == "FHIB" {
		if err := checksummed("fractal heap block", b); err != nil {
			return nil, err
		}
	} else if h.checked && c.err == nil { // the checksum field counts as zero
		at := c.pos
		want := c.u32()
		if c.err == nil {
			clear(b[at : at+4])
			if lookup3(b) != want {
				c.fail(corrupt("checksum of fractal heap block does not match"))
			}
		}
	}
	if c.err != nil {
		return nil, c.err
	}
	h.blocks[addr] = b
	return b, nil
}

// dense calls visit for the links or attributes kept in a fractal heap. The
// records of the B-tree (types 5 and 8) carry the hash of the name.
func (im *image) dense(heap, tree uint64, typ int, visit func(order int, hash uint32, b []byte) error) error {
	h, err := im.fractalHeap(heap)
	if err != nil {
		return err
	}
	return im.btree2(tree, typ, func(c *cursor) error {
		var hash uint32
		var order int
		var id []byte
		if typ == tree2Links {
			hash = c.u32()
			id = c.bytes(h.idLen)
		} else {
			id = c.bytes(h.idLen)
			if c.u8()&2 != 0 {
				c.fail(unsupported("shared message heap"))
			}
			order = int(c.u32())
			hash = c.u32()
		}
		if c.err != nil {
			return c.err
		}
		b, err := h.object(id)
		if err != nil {
			return err
		}
		return visit(order, hash, b)
	})
}
