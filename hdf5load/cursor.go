package hdf5load

import (
	"encoding/binary"
	"math/bits"
)

// undefined is HDF5's "no address".
const undefined = ^uint64(0)

// cursor reads little-endian fields of one structure. After the first field
// that does not fit, err is set and everything reads as zero.
type cursor struct {
	b   []byte
	pos int
	err error
}

func (c *cursor) left() int { return len(c.b) - c.pos }

func (c *cursor) bytes(n int) []byte {
	if c.err == nil && (n < 0 || n > c.left()) {
		c.err = corrupt("structure cut short: %d bytes at %d, have %d", n, c.pos, len(c.b))
	}
	if c.err != nil {
		return nil
	}
	c.pos += n
	return c.b[c.pos-n : c.pos : c.pos]
}

func (c *cursor) skip(n int) { c.bytes(n) }

// uint reads an unsigned integer of n bytes, n <= 8.
func (c *cursor) uint(n int) uint64 {
	var v uint64
	for i, x := range c.bytes(n) {
		v |= uint64(x) << (8 * i)
	}
	return v
}

func (c *cursor) u8() int     { return int(c.uint(1)) }
func (c *cursor) u16() int    { return int(c.uint(2)) }
func (c *cursor) u32() uint32 { return uint32(c.uint(4)) }

func (c *cursor) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

func (c *cursor) signature(s string) {
	if got := c.bytes(len(s)); string(got) != s {
		c.fail(corrupt("signature %q, want %q", got, s))
	}
}

// version demands one of the versions this reader knows.
func (c *cursor) version(what string, known ...int) int {
	v := c.u8()
	for _, k := range known {
		if v == k {
			return v
		}
	}
	c.fail(unsupported("%s version %d", what, v))
	return v
}

// zero skips n reserved bytes, which HDF5 always writes as zeros.
func (c *cursor) zero(what string, n int) {
	for _, x := range c.bytes(n) {
		if x != 0 {
			c.fail(corrupt("reserved bytes of %s are not zero", what))
		}
	}
}

// checksummed verifies the metadata checksum in the last four bytes.
func checksummed(what string, b []byte) error {
	if len(b) < 4 || lookup3(b[:len(b)-4]) != binary.LittleEndian.Uint32(b[len(b)-4:]) {
		return corrupt("checksum of %s does not match", what)
	}
	return nil
}

// lookup3 is Bob Jenkins's hash of that name with initial value 0 (public
// domain, burtleburtle.net/bob/c/lookup3.c), HDF5's metadata checksum.
func lookup3(k []byte) uint32 {
	rot := bits.RotateLeft32
	le := binary.LittleEndian.Uint32
	a := 0xdeadbeef + uint32(len(k))
	b, c := a, a
	for len(k) > 12 {
		a += le(k)
		b += le(k[4:])
		c += le(k[8:])
		a = (a - c) ^ rot(c, 4)
		c += b
		b = (b - a) ^ rot(a, 6)
		a += c
		c = (c - b) ^ rot(b, 8)
		b += a
		a = (a - c) ^ rot(c, 16)
		c += b
		b = (b - a) ^ rot(a, 19)
		a += c
		c = (c - b) ^ rot(b, 4)
		b += a
		k = k[12:]
	}
	if len(k) == 0 {
		return c
	}
	var t [12]byte
	copy(t[:], k)
	a += le(t[:])
	b += le(t[4:])
	c += le(t[8:])
	c = (c ^ b) - rot(b, 14)
	a = (a ^ c) - rot(c, 11)
	b = (b ^ a) - rot(a, 25)
	c = (c ^ b) - rot(b, 16)
	a = (a ^ c) - rot(c, 4)
	b = (b ^ a) - rot(a, 14)
	c = (c ^ b) - rot(b, 24)
	return c
}
