package hdf5load

import (
	"errors"
	"fmt"
	"io"
	"math/bits"
	"sync"
	"sync/atomic"
)

// File is an HDF5 file opened by this package's own reader. It is safe for
// concurrent use and needs no closing; it reads from r as long as it is used.
type File struct {
	image
	root *object

	mu       sync.Mutex
	objects  map[uint64]*object // by address of the object header
	expanded int64              // bytes of the open datasets that are not stored as they are

	heapMu sync.Mutex
	heaps  map[uint64]map[uint32][]byte // global heap collections by address
}

// image is the file as bytes at addresses, with the sizes of its fields.
type image struct {
	r          io.ReaderAt
	size       int64
	base       uint64 // address 0 of the file's own addresses
	offsetSize int
	lengthSize int
	lim        Limits
	budget     int64         // of metadata bytes
	spent      *atomic.Int64 // of budget
	extents    *extents
}

// private returns a copy of the image that counts what it reads by itself.
func (im image) private() image {
	im.spent = new(atomic.Int64)
	return im
}

// addr reads an address of the file.
func (im *image) addr(c *cursor) uint64 {
	v := c.uint(im.offsetSize)
	if im.offsetSize == 4 && v == 0xffffffff {
		return undefined
	}
	return v
}

func (im *image) length(c *cursor) uint64 { return c.uint(im.lengthSize) }

// inside checks that n bytes at addr lie in the file.
func (im *image) inside(addr, n uint64) error {
	at, carry := bits.Add64(addr, im.base, 0)
	if addr == undefined || carry != 0 || at > uint64(im.size) || n > uint64(im.size)-at {
		return corrupt("%d bytes at %#x lie outside the file of %d bytes", n, addr, im.size)
	}
	return nil
}

// readFull fills b from addr, which has been checked with inside.
func (im *image) readFull(b []byte, addr uint64) error {
	n, err := im.r.ReadAt(b, int64(addr+im.base))
	if n == len(b) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("reading %d bytes at %#x: %w", len(b), addr, err)
}

// spend counts n bytes of metadata. Structures of a sound file do not overlap
// and are read once, so a total of several times the file means a trap.
func (im *image) spend(n int64) error {
	if im.spent.Add(n) > im.budget {
		return overLimit("more than %d bytes of metadata", im.budget)
	}
	return nil
}

// read returns n bytes of metadata at addr; nothing outside the file is ever
// allocated for.
func (im *image) read(addr, n uint64) ([]byte, error) {
	if err := im.inside(addr, n); err != nil {
		return nil, err
	}
	if n > uint64(im.budget) {
		return nil, overLimit("metadata block of %d bytes", n)
	}
	if err := im.spend(int64(n)); err != nil {
		return nil, err
	}
	b := make([]byte, n)
	return b, im.readFull(b, addr)
}

// upto reads at most n bytes, less at the end of the file.
func (im *image) upto(addr, n uint64) ([]byte, error) {
	if err := im.inside(addr, 0); err != nil {
		return nil, err
	}
	b := make([]byte, min(n, uint64(im.size)-(addr+im.base)))
	return b, im.readFull(b, addr)
}

const magic = "\x89HDF\r\n\x1a\n"

// Open opens the HDF5 file of size bytes in r. A user block before the file is
// skipped. Only the superblock and the root group's header are read; the rest
// follows on demand, so r must stay readable and unchanged.
func Open(r io.ReaderAt, size int64, lim Limits) (*File, error) {
	f := &File{
		image:   image{r: r, size: size, lim: lim.withDefaults(), spent: new(atomic.Int64), extents: new(extents)},
		objects: map[uint64]*object{},
		heaps:   map[uint64]map[uint32][]byte{},
	}
	f.budget = min(f.lim.Metadata, min(size, 1<<60)*4+1<<20)
	for at := uint64(0); ; at = max(512, at*2) { // the superblock starts at 0, 512, 1024, 2048, ...
		if size < 8 || at > uint64(size)-8 {
			return nil, fmt.Errorf("%w: no HDF5 signature", ErrFormat)
		}
		var sig [8]byte
		if err := f.readFull(sig[:], at); err != nil {
			return nil, err
		}
		if string(sig[:]) == magic {
			f.base = at
			break
		}
	}
	root, err := f.superblock()
	if err != nil {
		return nil, fmt.Errorf("superblock: %w", err)
	}
	if f.root, err = f.object(root); err != nil {
		return nil, fmt.Errorf("root group: %w", err)
	}
	if f.root.kind != Group {
		return nil, corrupt("root object is a %s, want a group", f.root.kind)
	}
	return f, nil
}

// Root returns the root group.
func (f *File) Root() Object { return f.root }

// superblock reads versions 0 to 3 (format specification, II.A) and returns
// the address of the root group's object header.
func (f *File) superblock() (root uint64, err error) {
	b, err := f.upto(0, 128)
	if err != nil {
		return 0, err
	}
	c := &cursor{b: b, pos: len(magic)}
	v := c.version("superblock", 0, 1, 2, 3)
	if v < 2 {
		c.version("free space", 0)
		c.version("root symbol table entry", 0)
		c.zero("superblock", 1)
		c.version("shared header message format", 0)
	}
	f.offsetSize, f.lengthSize = c.u8(), c.u8()
	if v < 2 {
		c.zero("superblock", 1)
		c.skip(2 + 2 + 4) // leaf and internal K, consistency flags
		if v == 1 {
			c.skip(4)
		}
	} else {
		c.skip(1) // consistency flags
	}
	if c.err != nil {
		return 0, c.err
	}
	if (f.offsetSize != 4 && f.offsetSize != 8) || (f.lengthSize != 4 && f.lengthSize != 8) {
		return 0, unsupported("addresses of %d bytes, lengths of %d", f.offsetSize, f.lengthSize)
	}
	base := f.addr(c)
	f.addr(c) // free space information, or superblock extension
	eof := f.addr(c)
	if v < 2 {
		if f.addr(c) != undefined {
			c.fail(unsupported("driver information block (file split over several)"))
		}
		f.length(c) // offset of the root's name
	}
	root = f.addr(c)
	if c.err != nil {
		return 0, c.err
	}
	if v >= 2 {
		c.skip(4)
		if c.err != nil {
			return 0, c.err
		}
		if err := checksummed("superblock", b[:c.pos]); err != nil {
			return 0, err
		}
	}
	// Like libhdf5: what counts is where the superblock is, not where it says
	// it is (a user block may have been put before the file later).
	if eof -= base; eof > uint64(f.size)-f.base {
		return 0, corrupt("file is cut short: %d bytes, want %d", f.size, eof+f.base)
	}
	return root, nil
}
