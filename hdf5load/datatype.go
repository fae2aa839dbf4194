package hdf5load

import (
	"bytes"
	"fmt"
	"math"
	"math/bits"
)

// datatype is how elements are stored.
type datatype struct {
	dtype   DType
	size    int // bytes of an element
	big     bool
	varLen  bool // variable-length string
	padding int  // of a fixed string: 0 null-terminated, 1 null-padded, 2 space-padded
	what    string
}

const (
	classInteger = iota
	classFloat
	classTime
	classString
	classBitField
	classOpaque
	classCompound
	classReference
	classEnum
	classVarLen
	classArray
)

var classNames = [...]string{"integer", "float", "time", "string", "bit field", "opaque", "compound", "reference",
	"enumeration", "variable-length sequence", "array"}

// datatype reads a datatype message (format specification, IV.A.2.d). Types
// that are not read become Other; they are refused when their values are asked for.
func (im *image) datatype(c *cursor) (datatype, error) {
	head := c.u8()
	class, version := head&15, head>>4
	flags := int(c.uint(3))
	size := c.u32()
	if c.err != nil {
		return datatype{}, c.err
	}
	if version < 1 || version > 5 {
		return datatype{}, unsupported("datatype version %d", version)
	}
	if class >= len(classNames) {
		return datatype{}, unsupported("datatype class %d", class)
	}
	if size == 0 || size > math.MaxInt32 {
		return datatype{}, corrupt("datatype of %d bytes", size)
	}
	t := datatype{dtype: Other, size: int(size), what: classNames[class] + " type"}
	switch class {
	case classInteger:
		t.integer(c, flags)
	case classFloat:
		t.float(c, flags)
	case classString:
		t.dtype, t.padding = String, flags&15
		if t.padding > 2 {
			c.fail(corrupt("string padding %d", t.padding))
		}
	case classOpaque:
		t.dtype = Opaque
	case classEnum:
		return im.enum(c, version, flags&0xffff, t)
	case classVarLen:
		if flags&15 == 1 {
			t.dtype, t.varLen = String, true
			if t.size != 8+im.offsetSize {
				c.fail(corrupt("variable-length string reference of %d bytes", t.size))
			}
		} else {
			t.varLen = true
		}
	}
	return t, c.err
}

func (t *datatype) integer(c *cursor, flags int) {
	offset, precision := c.u16(), c.u16()
	t.big = flags&1 != 0
	if offset != 0 || precision != 8*t.size || bits.OnesCount(uint(t.size)) != 1 || t.size > 8 {
		t.what = fmt.Sprintf("integer type of %d bytes with %d bits at %d", t.size, precision, offset)
		return
	}
	t.dtype = Uint8 + DType(bits.Len(uint(t.size))-1)
	if flags&8 != 0 {
		t.dtype = Int8 + DType(bits.Len(uint(t.size))-1)
	}
}

func (t *datatype) float(c *cursor, flags int) {
	offset, precision := c.u16(), c.u16()
	expAt, expBits, manAt, manBits, bias := c.u8(), c.u8(), c.u8(), c.u8(), c.u32()
	t.big = flags&1 != 0
	t.what = fmt.Sprintf("float type of %d bytes with %d exponent and %d mantissa bits", t.size, expBits, manBits)
	implied := flags>>4&3 == 2
	if offset != 0 || precision != 8*t.size || flags&0x40 != 0 || manAt != 0 || expAt != manBits || !implied ||
		flags>>8&0xff != precision-1 || expBits == 0 || expBits > 15 || bias != 1<<(expBits-1)-1 {
		return
	}
	switch [3]int{t.size, expBits, manBits} {
	case [3]int{2, 5, 10}:
		t.dtype = Float16
	case [3]int{2, 8, 7}:
		t.dtype = BFloat16
	case [3]int{4, 8, 23}:
		t.dtype = Float32
	case [3]int{8, 11, 52}:
		t.dtype = Float64
	}
}

// enum reads the base type, and the member names to know h5py's bool.
func (im *image) enum(c *cursor, version, members int, t datatype) (datatype, error) {
	if c.left() > 0 && c.b[c.pos]&15 != classInteger {
		return t, corrupt("enumeration of something else than integers")
	}
	base, err := im.datatype(c)
	if err != nil {
		return t, err
	}
	if base.size != t.size {
		return t, corrupt("enumeration of %d bytes over integers of %d", t.size, base.size)
	}
	if base.dtype == Int8 && members == 2 {
		var names [2]string
		for i := range names {
			end := bytes.IndexByte(c.b[c.pos:], 0)
			if end < 0 {
				return t, corrupt("enumeration member without an end of its name")
			}
			names[i] = string(c.bytes(end))
			c.skip(1)
			if version < 3 {
				c.skip(-(end + 1) & 7)
			}
		}
		values := c.bytes(2)
		if c.err == nil && names == [2]string{"FALSE", "TRUE"} && values[0] == 0 && values[1] == 1 {
			base.dtype = Bool
		}
	}
	return base, c.err
}

// dataspace is the shape of a dataset or an attribute.
type dataspace struct {
	shape []int
	most  []uint64 // maximal dimensions, nil if they are shape's
	n     int64    // elements
}

// dataspace reads a dataspace message (IV.A.2.b).
func (im *image) dataspace(c *cursor) (dataspace, error) {
	s := dataspace{shape: []int{}, n: 1}
	v := c.version("dataspace", 1, 2)
	rank, flags := c.u8(), c.u8()
	if v == 1 {
		c.skip(5)
	} else {
		switch t := c.u8(); t {
		case 0, 1:
			if t == 0 && rank != 0 {
				c.fail(corrupt("scalar dataspace of rank %d", rank))
			}
		case 2:
			s.shape, s.n = []int{0}, 0
			rank = 0
		default:
			c.fail(corrupt("dataspace of type %d", t))
		}
	}
	if rank > im.lim.Rank {
		return s, overLimit("rank %d, at most %d", rank, im.lim.Rank)
	}
	for range rank {
		d := im.length(c)
		hi, n := bits.Mul64(uint64(s.n), d)
		if hi != 0 || n > math.MaxInt64 || d > math.MaxInt {
			return s, overLimit("dataspace with a dimension of %d", d)
		}
		s.n = int64(n)
		s.shape = append(s.shape, int(d))
	}
	if flags&1 != 0 {
		for i := range rank {
			d := im.length(c)
			if d == ^uint64(0)>>(64-8*im.lengthSize) {
				d = ^uint64(0) // unlimited
			} else if d < uint64(s.shape[i]) {
				c.fail(corrupt("dimension %d beyond its maximum %d", s.shape[i], d))
			}
			s.most = append(s.most, d)
		}
	}
	return s, c.err
}

// bytesOf returns the bytes n elements take.
func (t datatype) bytesOf(n int64) (int64, error) {
	hi, lo := bits.Mul64(uint64(n), uint64(t.size))
	if hi != 0 || lo > math.MaxInt64 {
		return 0, overLimit("%d elements of %d bytes", n, t.size)
	}
	return int64(lo), nil
}

// namedType reads the type of a committed datatype.
func (im *image) namedType(h *header) (datatype, error) {
	for _, m := range h.msgs {
		if m.typ == msgDatatype {
			b, err := im.body(m)
			if err != nil {
				return datatype{}, err
			}
			return im.datatype(&cursor{b: b})
		}
	}
	return datatype{}, corrupt("named type without a type")
}
