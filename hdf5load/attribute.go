package hdf5load

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"
)

// Attr is the value of an attribute. It is immutable.
type Attr struct {
	Name  string
	DType DType
	Shape []int // empty for a scalar; (0) for a null dataspace

	typ     datatype
	n       int
	raw     []byte   // elements as stored, unless strings
	strings []string // of DType String
}

// Strings returns the elements of a String attribute, row-major.
func (a *Attr) Strings() ([]string, error) {
	if a.DType != String {
		return nil, fmt.Errorf("attribute %q: %w", a.Name, unsupported("%s as strings", a.DType))
	}
	return slices.Clone(a.strings), nil
}

// Ints returns the elements of an attribute of integers or Bool, row-major.
func (a *Attr) Ints() ([]int64, error) { return attrNumbers[int64](a) }

// Floats returns the elements of an attribute of numbers or Bool, row-major.
func (a *Attr) Floats() ([]float64, error) { return attrNumbers[float64](a) }

func attrNumbers[T int64 | float64](a *Attr) ([]T, error) {
	out := make([]T, a.n)
	s, err := newSink(a.typ, out, int64(a.n))
	if err == nil {
		err = s.place(0, slices.Clone(a.raw))
	}
	if err != nil {
		return nil, fmt.Errorf("attribute %q: %w", a.Name, err)
	}
	return out, nil
}

type storedAttr struct {
	name  string
	order int
	typ   datatype
	space dataspace
	raw   []byte
}

type attrTable struct {
	err   error
	names []string
	attrs map[string]storedAttr
}

func (o *object) Attrs() ([]string, error) {
	t := o.attrTable()
	return slices.Clone(t.names), t.err
}

func (o *object) Attr(name string) (*Attr, error) {
	t := o.attrTable()
	if t.err != nil {
		return nil, fmt.Errorf("attributes: %w", t.err)
	}
	s, ok := t.attrs[name]
	if !ok {
		return nil, fmt.Errorf("%w: attribute %q", ErrNotFound, name)
	}
	a := &Attr{Name: name, DType: s.typ.dtype, Shape: slices.Clone(s.space.shape), typ: s.typ, n: int(s.space.n), raw: s.raw}
	if s.typ.dtype == String {
		a.raw = nil
		if s.space.n > o.f.lim.Attribute/stringHeader {
			return nil, fmt.Errorf("attribute %q: %w", name, overLimit("%d strings", s.space.n))
		}
		a.strings = make([]string, s.space.n)
		left := o.f.stringBudget(s.space.n)
		if err := o.f.strings(s.typ, a.strings, s.raw, &left); err != nil {
			return nil, fmt.Errorf("attribute %q: %w", name, err)
		}
	}
	return a, nil
}

func (o *object) attrTable() *attrTable {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.attrs == nil {
		o.attrs = o.f.readAttrs(o.header)
	}
	return o.attrs
}

func (im *image) readAttrs(h *header) *attrTable {
	t := &attrTable{attrs: map[string]storedAttr{}}
	tracked := h.attrOrder
	add := func(order int, b []byte) error {
		if len(t.names) >= im.lim.Links {
			return overLimit("more than %d attributes", im.lim.Links)
		}
		a, err := im.attribute(b)
		if err != nil {
			return err
		}
		if _, dup := t.attrs[a.name]; dup {
			return corrupt("two attributes are named %q", a.name)
		}
		a.order = order
		t.attrs[a.name] = a
		t.names = append(t.names, a.name)
		return nil
	}
	for _, m := range h.msgs {
		switch m.typ {
		case msgAttribute:
			var b []byte
			if b, t.err = im.body(m); t.err == nil {
				t.err = add(m.order, b)
			}
		case msgAttrInfo:
			c := &cursor{b: m.data}
			c.version("attribute info", 0)
			if c.u8()&1 != 0 {
				c.skip(2)
			}
			heap, tree := im.addr(c), im.addr(c)
			if t.err = c.err; t.err != nil || heap == undefined && tree == undefined {
				break
			}
			t.err = im.dense(heap, tree, tree2Attrs, func(order int, hash uint32, b []byte) error {
				if err := add(order, b); err != nil {
					return err
				}
				if name := t.names[len(t.names)-1]; lookup3([]byte(name)) != hash {
					return corrupt("hash of attribute name %q does not match", name)
				}
				return nil
			})
		}
		if t.err != nil {
			return &attrTable{err: t.err}
		}
	}
	slices.Sort(t.names)
	if tracked {
		slices.SortStableFunc(t.names, func(a, b string) int { return cmp.Compare(t.attrs[a].order, t.attrs[b].order) })
	}
	return t
}

// attribute reads an attribute message, versions 1 to 3 (IV.A.2.m).
func (im *image) attribute(b []byte) (a storedAttr, err error) {
	c := &cursor{b: b}
	v, flags := c.version("attribute", 1, 2, 3), c.u8()
	nameLen, typeLen, spaceLen := c.u16(), c.u16(), c.u16()
	if v == 3 {
		c.skip(1) // character set
	}
	part := func(n int) []byte {
		p := c.bytes(n)
		if v == 1 {
			c.skip(-n & 7)
		}
		return p
	}
	name, typ, space := part(nameLen), part(typeLen), part(spaceLen)
	if c.err != nil {
		return a, c.err
	}
	end := bytes.IndexByte(name, 0)
	if end < 1 || v > 1 && end != len(name)-1 || !utf8.Valid(name[:end]) {
		return a, corrupt("attribute name %q", name)
	}
	a.name = string(name[:end])
	if a.typ, a.space, err = im.typeAndSpace(typ, space, v, flags); err != nil {
		return a, fmt.Errorf("attribute %q: %w", a.name, err)
	}
	n, err := a.typ.bytesOf(a.space.n)
	if err == nil && n > int64(c.left()) {
		err = corrupt("attribute %q of %d bytes, have %d", a.name, n, c.left())
	}
	if err != nil {
		return a, err
	}
	a.raw = c.bytes(int(n))
	return a, nil
}

func (im *image) typeAndSpace(typ, space []byte, version, flags int) (t datatype, s dataspace, err error) {
	if version > 1 && flags&1 != 0 {
		m, err := im.shared(typ, msgDatatype)
		if err == nil {
			typ, err = im.body(m)
		}
		if err != nil {
			return t, s, err
		}
	}
	if version > 1 && flags&2 != 0 {
		return t, s, unsupported("shared dataspace")
	}
	if t, err = im.datatype(&cursor{b: typ}); err == nil {
		s, err = im.dataspace(&cursor{b: space})
	}
	if err == nil && s.n > math.MaxInt32 {
		err = overLimit("%d elements", s.n)
	}
	return t, s, err
}

// stringHeader is what a string costs beside its bytes.
const stringHeader = 16

// stringBudget is how much memory n strings may take: those of variable length
// do not share bytes of the file.
func (im *image) stringBudget(n int64) int64 {
	return min(im.lim.Attribute, im.size+n*stringHeader)
}

// strings decodes len(dst) strings from raw; left is the budget of bytes.
func (f *File) strings(t datatype, dst []string, raw []byte, left *int64) error {
	for i := range dst {
		b := raw[i*t.size:][:t.size]
		if t.varLen {
			var err error
			if b, err = f.varLenString(b); err != nil {
				return err
			}
		} else {
			b = t.fixedString(b)
		}
		if !utf8.Valid(b) {
			return corrupt("string %d is not UTF-8", i)
		}
		if *left -= int64(len(b)) + stringHeader; *left < 0 {
			return overLimit("strings of more bytes than the file or %d", f.lim.Attribute)
		}
		dst[i] = string(b)
	}
	return nil
}

// varLenString follows a reference into the global heap.
func (f *File) varLenString(ref []byte) ([]byte, error) {
	c := &cursor{b: ref}
	n, addr, index := c.u32(), f.addr(c), c.u32()
	if c.err != nil || n == 0 {
		return nil, c.err
	}
	b, err := f.global(addr, index)
	if err != nil {
		return nil, err
	}
	if uint64(n) > uint64(len(b)) {
		return nil, corrupt("string of %d bytes in a heap object of %d", n, len(b))
	}
	b, _, _ = bytes.Cut(b[:n], []byte{0})
	return b, nil
}

// fixedString cuts the padding of a string of fixed length.
func (t datatype) fixedString(b []byte) []byte {
	if t.padding == 2 {
		return bytes.TrimRight(b, " ")
	}
	b, _, _ = bytes.Cut(b, []byte{0})
	return b
}

// detectBFloat16 looks for the attribute by which Keras 3 marks bfloat16.
func (o *object) detectBFloat16() error {
	if o.typ.dtype != Opaque || o.typ.size != 2 {
		return nil
	}
	a, err := o.Attr("dtype")
	if err != nil {
		return nil // reported to who asks for the attribute
	}
	if len(a.strings) == 1 && a.strings[0] == "bfloat16" {
		o.typ.dtype = BFloat16
		o.data.typ = o.typ
	}
	return nil
}
