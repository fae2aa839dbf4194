package hdf5load

import (
	"math"
	"math/bits"
	"slices"
)

type chunkIndex uint8

const (
	indexTree1 chunkIndex = iota // version 1 B-tree, of layouts before version 4
	indexSingle
	indexImplicit
	indexFixedArray
	indexExtensibleArray
	indexTree2
)

type chunkLayout struct {
	index      chunkIndex
	dims       []uint64 // of a chunk, in elements
	bytes      uint64   // of a decoded chunk
	grid       []int64  // chunks along each dimension at its maximum, of implicit index and fixed array
	count      int64    // product of grid
	plainEdges bool     // chunks that reach over the edge are not filtered
	pageBits   int      // of a fixed array
	size       uint64   // stored bytes of a single chunk
	mask       uint32   // filters skipped for a single chunk
}

// chunkLayout reads the properties of the chunked class of a layout message.
func (im *image) chunkLayout(c *cursor, version, rank int, d *dataset) error {
	l, k := &d.layout, &d.layout.chunks
	switch version {
	case 1, 2:
		k.dims = chunkDims(c, rank, 4)
	case 3:
		rank = c.u8()
		l.addr = im.addr(c)
		k.dims = chunkDims(c, rank, 4)
	case 4:
		flags := c.u8()
		rank = c.u8()
		width := c.u8()
		if width < 1 || width > 8 {
			return corrupt("chunk dimensions of %d bytes", width)
		}
		k.plainEdges = flags&1 != 0
		k.dims = chunkDims(c, rank, width)
		k.index = chunkIndex(c.u8())
		switch k.index {
		case indexSingle:
			if flags&2 != 0 {
				k.size, k.mask = im.length(c), c.u32()
			}
		case indexImplicit:
		case indexFixedArray:
			k.pageBits = c.u8()
		case indexExtensibleArray:
			d.refused = unsupported("extensible-array chunk index")
		case indexTree2:
			d.refused = unsupported("B-tree version 2 chunk index")
		default:
			return corrupt("chunk index of type %d", k.index)
		}
		if d.refused == nil {
			l.addr = im.addr(c)
		}
	}
	if c.err != nil {
		return c.err
	}
	shape := d.space.shape
	if len(shape) == 0 || len(k.dims) != len(shape)+1 || k.dims[len(shape)] != uint64(d.typ.size) {
		return corrupt("chunks of dimensions %d for shape %d and elements of %d bytes", k.dims, shape, d.typ.size)
	}
	k.dims = k.dims[:len(shape)]
	k.bytes = uint64(d.typ.size)
	for i, n := range shape {
		if k.dims[i] == 0 || k.dims[i] > 1<<32 {
			return corrupt("chunks of dimensions %d", k.dims)
		}
		if k.bytes *= k.dims[i]; k.bytes >= 1<<32 { // the format's own bound
			return corrupt("chunks of dimensions %d and elements of %d bytes", k.dims, d.typ.size)
		}
		if k.bytes > math.MaxInt/4 {
			return overLimit("chunks of %d bytes on a 32-bit machine", k.bytes)
		}
		if k.index == indexSingle && uint64(n) > k.dims[i] {
			return corrupt("single chunk of dimensions %d for shape %d", k.dims, shape)
		}
	}
	if k.index == indexImplicit || k.index == indexFixedArray {
		return im.chunkGrid(k, d.space)
	}
	return nil
}

// chunkGrid counts the chunks that an implicit index or a fixed array has room
// for: those of the dataset at its maximal size.
func (im *image) chunkGrid(k *chunkLayout, space dataspace) error {
	k.count = 1
	for i, n := range space.shape {
		most := uint64(n)
		if space.most != nil {
			most = space.most[i]
		}
		chunks := most / k.dims[i]
		if most%k.dims[i] != 0 {
			chunks++
		}
		// each chunk takes at least an address in the file
		if hi, lo := bits.Mul64(uint64(k.count), chunks); hi != 0 || lo > uint64(im.size) {
			return corrupt("%d and more chunks in a file of %d bytes", chunks, im.size)
		}
		k.grid = append(k.grid, int64(chunks))
		k.count *= int64(chunks)
	}
	return nil
}

func chunkDims(c *cursor, rank, width int) []uint64 {
	var dims []uint64
	for i := 0; i < rank && c.err == nil; i++ {
		dims = append(dims, c.uint(width))
	}
	return dims
}

// chunkReader moves the chunks of one dataset into a sink.
type chunkReader struct {
	im     *image
	d      *dataset
	s      sink
	dec    decoder
	stored []byte
}

func (im *image) readChunks(d *dataset, s sink) error {
	if err := d.placeFill(s); err != nil || d.layout.addr == undefined {
		return err
	}
	r := &chunkReader{im: im, d: d, s: s, dec: decoder{filters: d.filters}}
	k := &d.layout.chunks
	switch k.index {
	case indexTree1:
		return r.tree()
	case indexSingle:
		size := k.size
		if len(d.filters) == 0 {
			size = k.bytes
		}
		return r.chunk(make([]int64, len(k.dims)), d.layout.addr, size, k.mask)
	case indexImplicit:
		for i := range k.count {
			if err := r.chunk(r.position(i), d.layout.addr+uint64(i)*k.bytes, k.bytes, 0); err != nil {
				return err
			}
		}
		return nil
	case indexFixedArray:
		return r.fixedArray()
	}
	return unsupported("chunk index %d", k.index)
}

// position is the first element of chunk i, counted row-major over the grid.
func (r *chunkReader) position(i int64) []int64 {
	k := &r.d.layout.chunks
	at := make([]int64, len(k.dims))
	for j := len(at) - 1; j >= 0; j-- {
		at[j] = i % k.grid[j] * int64(k.dims[j])
		i /= k.grid[j]
	}
	return at
}

// tree visits the chunks of a version 1 B-tree, whose keys ascend.
func (r *chunkReader) tree() error {
	k := &r.d.layout.chunks
	rank := len(k.dims)
	var last []uint64
	return r.im.btree1(r.d.layout.addr, treeChunks, 8+8*(rank+1), func(key *cursor, child uint64) error {
		n, mask := key.u32(), key.u32()
		off := make([]uint64, rank)
		at := make([]int64, rank)
		for i := range off {
			off[i] = key.uint(8)
			if off[i]%k.dims[i] != 0 {
				return corrupt("chunk at %d, chunks have dimensions %d", off, k.dims)
			}
			at[i] = int64(min(off[i], math.MaxInt64))
		}
		if key.err != nil {
			return key.err
		}
		if last != nil && slices.Compare(last, off) >= 0 {
			return corrupt("chunk at %d after chunk at %d", off, last)
		}
		last = off
		return r.chunk(at, child, uint64(n), mask)
	})
}

// fixedArray visits the chunks of a fixed array index (VII.C).
func (r *chunkReader) fixedArray() error {
	im, k := r.im, &r.d.layout.chunks
	b, err := im.read(r.d.layout.addr, uint64(12+im.lengthSize+im.offsetSize))
	if err != nil {
		return err
	}
	if err := checksummed("fixed array", b); err != nil {
		return err
	}
	c := &cursor{b: b}
	c.signature("FAHD")
	c.version("fixed array", 0)
	client, entry, pageBits := c.u8(), c.u8(), c.u8()
	n, data := im.length(c), im.addr(c)
	if c.err != nil {
		return c.err
	}
	filtered := client == 1
	least, most := im.offsetSize, im.offsetSize
	if filtered { // address, stored size of 1 to 8 bytes, filter mask
		least, most = im.offsetSize+5, im.offsetSize+12
	}
	if n != uint64(k.count) || pageBits != k.pageBits || pageBits > 30 || entry < least || entry > most ||
		filtered != (len(r.d.filters) > 0) {
		return corrupt("fixed array of %d chunks, want %d", n, k.count)
	}
	if data == undefined {
		return nil
	}
	perPage := int64(1) << pageBits
	pages := int64(0)
	if k.count > perPage {
		pages = (k.count + perPage - 1) / perPage
	}
	head := int64(6 + im.offsetSize)
	size := head + (pages+7)/8 + 4
	if pages == 0 {
		size += k.count * int64(entry)
	}
	if b, err = im.read(data, uint64(size)); err != nil {
		return err
	}
	if err := checksummed("fixed array", b); err != nil {
		return err
	}
	c = &cursor{b: b}
	c.signature("FADB")
	c.version("fixed array", 0)
	if c.u8() != client || im.addr(c) != r.d.layout.addr {
		c.fail(corrupt("fixed array block is not where it should be"))
	}
	if c.err != nil {
		return c.err
	}
	if pages == 0 {
		return r.entries(b[head:len(b)-4], entry, filtered, 0)
	}
	at := uint64(data) + uint64(size)
	for p := range pages {
		count := min(perPage, k.count-p*perPage)
		length := uint64(count*int64(entry) + 4)
		if b[head+p/8]&(0x80>>(p%8)) != 0 { // page was written
			page, err := im.read(at, length)
			if err == nil {
				err = checksummed("fixed array page", page)
			}
			if err == nil {
				err = r.entries(page[:len(page)-4], entry, filtered, p*perPage)
			}
			if err != nil {
				return err
			}
		}
		at += length
	}
	return nil
}

// entries reads chunks first, first+1, ... of a fixed array.
func (r *chunkReader) entries(b []byte, size int, filtered bool, first int64) error {
	c := &cursor{b: b}
	for i := first; c.left() > 0; i++ {
		addr, n, mask := r.im.addr(c), r.d.layout.chunks.bytes, uint32(0)
		if filtered {
			n = c.uint(size - r.im.offsetSize - 4)
			mask = c.u32()
		}
		if c.err != nil {
			return c.err
		}
		if err := r.chunk(r.position(i), addr, n, mask); err != nil {
			return err
		}
	}
	return nil
}

// chunk reads the chunk whose first element is at, stored in n bytes at addr.
// Chunks outside the dataset are left over from before it shrank.
func (r *chunkReader) chunk(at []int64, addr, n uint64, mask uint32) error {
	im, k, shape := r.im, &r.d.layout.chunks, r.d.space.shape
	if addr == undefined {
		return nil
	}
	for i := range at {
		if at[i] >= int64(shape[i]) {
			return nil
		}
	}
	if err := im.inside(addr, n); err != nil {
		return err
	}
	if k.bytes > (n+8)*uint64(im.lim.Expansion) {
		return overLimit("chunk of %d bytes stored in %d", k.bytes, n)
	}
	if n > k.bytes+k.bytes/8+4096 { // filters hardly ever make it larger
		return corrupt("chunk of %d bytes stored in %d", k.bytes, n)
	}
	plain := len(r.dec.filters) == 0
	if k.plainEdges {
		for i := range at {
			plain = plain || at[i]+int64(k.dims[i]) > int64(shape[i])
		}
	}
	if plain && n != k.bytes {
		return corrupt("chunk of %d bytes, want %d", n, k.bytes)
	}
	if err := im.extents.add(addr, n, r.d.owner); err != nil {
		return err
	}
	if uint64(cap(r.stored)) < n {
		r.stored = make([]byte, n)
	}
	b := r.stored[:n]
	if err := im.readFull(b, addr); err != nil {
		return err
	}
	if !plain {
		var err error
		if b, err = r.dec.decode(b, mask, int(k.bytes)); err != nil {
			return err
		}
	}
	return r.scatter(at, b)
}

// scatter places the rows of a decoded chunk that lie inside the dataset.
func (r *chunkReader) scatter(at []int64, b []byte) error {
	k, shape, size := &r.d.layout.chunks, r.d.space.shape, r.d.typ.size
	last := len(at) - 1
	row := int(min(int64(k.dims[last]), int64(shape[last])-at[last])) * size
	pos := make([]int64, len(at))
	for {
		src, dst := int64(0), int64(0)
		for i := range at {
			src = src*int64(k.dims[i]) + pos[i]
			dst = dst*int64(shape[i]) + at[i] + pos[i]
		}
		src *= int64(size)
		if err := r.s.place(int(dst), b[src:src+int64(row)]); err != nil {
			return err
		}
		i := last - 1
		for ; i >= 0; i-- {
			if pos[i]++; pos[i] < int64(k.dims[i]) && at[i]+pos[i] < int64(shape[i]) {
				break
			}
			pos[i] = 0
		}
		if i < 0 {
			return nil
		}
	}
}
