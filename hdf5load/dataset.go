package hdf5load

import (
	"fmt"
	"slices"
)

// dataset is what the header of a dataset says.
type dataset struct {
	typ     datatype
	space   dataspace
	total   int64 // bytes of all elements
	layout  layout
	filters []filter
	fill    []byte // one element, nil for zeros
	refused error  // why its values cannot be read: ErrUnsupported
	owner   uint64 // address of the object header
}

type layoutClass uint8

const (
	compact layoutClass = iota
	contiguous
	chunked
	virtual
)

type layout struct {
	class  layoutClass
	data   []byte // of compact
	addr   uint64 // of the data, or of the chunk index
	size   uint64 // of contiguous data
	chunks chunkLayout
}

// dataset reads the messages of a dataset's header and checks its size against
// the file.
func (im *image) dataset(h *header, owner uint64) (*dataset, error) {
	d := &dataset{owner: owner}
	var hasType, hasSpace, external bool
	var oldFill, layoutBody []byte
	for _, m := range h.msgs {
		switch m.typ {
		case msgDataspace, msgDatatype, msgLayout, msgFilters, msgFill, msgOldFill, msgExternal:
		default:
			continue
		}
		b, err := im.body(m)
		if err != nil {
			return nil, err
		}
		c := &cursor{b: b}
		switch m.typ {
		case msgDataspace:
			d.space, err = im.dataspace(c)
			hasSpace = true
		case msgDatatype:
			d.typ, err = im.datatype(c)
			hasType = true
		case msgLayout:
			layoutBody = b
		case msgFilters:
			d.filters, err = im.filters(c)
		case msgFill:
			d.fill, err = fillValue(c)
		case msgOldFill:
			n := c.u32()
			oldFill = c.bytes(int(min(n, uint32(c.left()))))
			err = c.err
		case msgExternal:
			external = true
		}
		if err != nil {
			return nil, err
		}
	}
	if !hasType || !hasSpace || layoutBody == nil {
		return nil, corrupt("dataset without datatype, dataspace or layout")
	}
	if d.fill == nil {
		d.fill = oldFill
	}
	if len(d.fill) == 0 || d.typ.varLen {
		d.fill = nil
	} else if len(d.fill) != d.typ.size {
		return nil, corrupt("fill value of %d bytes, elements have %d", len(d.fill), d.typ.size)
	}
	var err error
	if d.total, err = d.typ.bytesOf(d.space.n); err != nil {
		return nil, err
	}
	if d.total > im.lim.Data {
		return nil, overLimit("dataset of %d bytes, at most %d", d.total, im.lim.Data)
	}
	if err := im.layout(&cursor{b: layoutBody}, d); err != nil {
		return nil, err
	}
	if external {
		d.refused = unsupported("external storage")
	}
	return d, im.checkSize(d)
}

// stored says that the values stand in the file as they are: neither compressed
// nor filled in for chunks or data never written.
func (d *dataset) stored() bool {
	return d.refused == nil && (d.layout.class == compact || d.layout.class == contiguous && d.layout.addr != undefined)
}

// checkSize compares what the dataset declares with what the file can hold, so
// that who allocates by Shape cannot be made to allocate out of proportion.
func (im *image) checkSize(d *dataset) error {
	if d.typ.dtype == String && d.space.n > im.lim.Attribute/stringHeader {
		return overLimit("%d strings", d.space.n)
	}
	switch {
	case d.stored() && d.layout.class == compact:
		if int64(len(d.layout.data)) != d.total {
			return corrupt("compact data of %d bytes, want %d", len(d.layout.data), d.total)
		}
		return nil
	case d.stored() && d.total > 0:
		if d.layout.size != uint64(d.total) {
			return corrupt("contiguous data of %d bytes, want %d", d.layout.size, d.total)
		}
		return im.inside(d.layout.addr, d.layout.size)
	case d.total/im.lim.Expansion <= im.size:
		return nil
	case d.refused != nil:
		return d.refused
	}
	return overLimit("%d bytes of values in a file of %d", d.total, im.size)
}

// fillValue reads a fill value message, versions 1 to 3 (IV.A.2.f).
func fillValue(c *cursor) ([]byte, error) {
	v := c.version("fill value", 1, 2, 3)
	var defined bool
	if v == 3 {
		defined = c.u8()&0x20 != 0
	} else {
		c.skip(2) // allocation and write time
		defined = c.u8() != 0 || v == 1
	}
	if !defined || c.err != nil {
		return nil, c.err
	}
	n := c.u32()
	if uint64(n) > uint64(c.left()) {
		return nil, corrupt("fill value of %d bytes", n)
	}
	return c.bytes(int(n)), c.err
}

// layout reads a data layout message, versions 1 to 4 (IV.A.2.i).
func (im *image) layout(c *cursor, d *dataset) error {
	l := &d.layout
	l.addr = undefined
	v := c.version("data layout", 1, 2, 3, 4)
	rank := 0
	if v < 3 {
		rank = c.u8()
		l.class = layoutClass(c.u8())
		c.zero("data layout", 5)
		if l.class != compact {
			l.addr = im.addr(c)
		}
	} else {
		l.class = layoutClass(c.u8())
	}
	if c.err != nil {
		return c.err
	}
	switch l.class {
	case compact:
		var n uint64
		if v < 3 {
			c.skip(4 * rank)
			n = uint64(c.u32())
		} else {
			n = uint64(c.u16())
		}
		if n > uint64(c.left()) {
			return corrupt("compact data of %d bytes, have %d", n, c.left())
		}
		l.data = c.bytes(int(n))
	case contiguous:
		l.size = uint64(d.total)
		if v >= 3 {
			l.addr, l.size = im.addr(c), im.length(c)
		}
	case chunked:
		if err := im.chunkLayout(c, v, rank, d); err != nil {
			return err
		}
	case virtual:
		d.refused = unsupported("virtual dataset")
	default:
		return unsupported("data layout class %d", l.class)
	}
	if c.err == nil && l.class != chunked && len(d.filters) > 0 {
		return corrupt("filters without chunks")
	}
	return c.err
}

func (o *object) DType() DType { return o.typ.dtype }

func (o *object) ElemSize() int { return o.typ.elemSize() }

func (t datatype) elemSize() int {
	if t.varLen {
		return 0
	}
	return t.size
}

func (o *object) Shape() []int {
	if o.data == nil {
		return []int{}
	}
	return slices.Clone(o.data.space.shape)
}

func (o *object) Read(dst any) error {
	if o.data == nil {
		return fmt.Errorf("reading values: %w", unsupported("values of a %s", o.kind))
	}
	if s, ok := dst.([]string); ok {
		return o.readStrings(s)
	}
	s, err := newSink(o.typ, dst, o.data.space.n)
	if err != nil {
		return err
	}
	im := o.f.private()
	return im.readValues(o.data, s)
}

// A PartReader is a dataset of numbers that stand in the file as they are, so
// that a part of them can be read by itself.
type PartReader interface {
	// ReadPart reads len(dst) elements from number from on, as [Object].Read does all.
	ReadPart(dst []float32, from int) error
}

// Parts returns o as a PartReader, or false when a part costs as much as the whole.
func Parts(o Object) (PartReader, bool) {
	d, ok := o.(*object)
	if !ok || d.data == nil || !d.data.stored() || d.data.layout.class != contiguous || d.typ.dtype == String {
		return nil, false
	}
	return d, true
}

func (o *object) ReadPart(dst []float32, from int) error {
	n := len(dst)
	d := o.data
	if d == nil || d.layout.class != contiguous || !d.stored() {
		return unsupported("a part of values that are not stored as they are")
	}
	if from < 0 || int64(from) > d.space.n || int64(n) > d.space.n-int64(from) {
		return fmt.Errorf("destination of %d elements from %d on, want at most %d", n, from, d.space.n)
	}
	s, err := floatSink(o.typ, dst, int64(n), Float32)
	if err != nil || n == 0 {
		return err
	}
	im := o.f.private()
	if err := im.extents.add(d.layout.addr, d.layout.size, d.owner); err != nil {
		return err
	}
	return im.readContiguous(d.layout.addr+uint64(from)*uint64(o.typ.size), int64(n), s)
}

func (o *object) ReadRaw(dst []byte) error {
	switch {
	case o.data == nil:
		return unsupported("values of a %s", o.kind)
	case o.typ.varLen:
		return unsupported("raw bytes of a variable-length type")
	}
	s, err := rawSink(o.typ, dst, o.data.space.n)
	if err != nil {
		return err
	}
	im := o.f.private()
	return im.readValues(o.data, s)
}

func (o *object) readStrings(dst []string) error {
	if o.typ.dtype != String {
		return unsupported("%s into []string", o.typ.describe())
	}
	if err := checkLen(len(dst), o.data.space.n); err != nil {
		return err
	}
	left := o.f.lim.Attribute // elements may be compressed
	if o.typ.varLen {
		left = o.f.stringBudget(o.data.space.n)
	}
	im := o.f.private()
	return im.readValues(o.data, sink{size: o.typ.size, put: func(at int, raw []byte) error {
		return o.f.strings(o.typ, dst[at:at+len(raw)/o.typ.size], raw, &left)
	}})
}

const (
	directPiece  = 8 << 20   // bytes read at once into the destination
	convertPiece = 256 << 10 // bytes read at once to be converted
)

// readValues moves all elements of the dataset into s.
func (im *image) readValues(d *dataset, s sink) error {
	if d.refused != nil {
		return d.refused
	}
	l := &d.layout
	switch {
	case d.total == 0:
		return nil
	case l.class == compact:
		return s.place(0, slices.Clone(l.data))
	case l.class == chunked:
		return im.readChunks(d, s)
	case l.addr == undefined: // never written
		return d.placeFill(s)
	}
	if err := im.extents.add(l.addr, l.size, d.owner); err != nil {
		return err
	}
	return im.readContiguous(l.addr, d.space.n, s)
}

// readContiguous moves n elements that stand in the file as they are into s.
func (im *image) readContiguous(addr uint64, n int64, s sink) error {
	if s.view != nil {
		for at := 0; at < len(s.view); at += directPiece {
			if err := im.readFull(s.view[at:min(at+directPiece, len(s.view))], addr+uint64(at)); err != nil {
				return err
			}
		}
		return nil
	}
	per := max(1, convertPiece/int64(s.size)) // elements
	buf := make([]byte, min(n, per)*int64(s.size))
	for at := int64(0); at < n; at += per {
		b := buf[:min(per, n-at)*int64(s.size)]
		if err := im.readFull(b, addr+uint64(at*int64(s.size))); err != nil {
			return err
		}
		if err := s.place(int(at), b); err != nil {
			return err
		}
	}
	return nil
}

// placeFill sets every element to the fill value.
func (d *dataset) placeFill(s sink) error {
	if d.fill == nil && s.view != nil {
		clear(s.view)
		return nil
	}
	per := max(1, convertPiece/int64(s.size))
	buf := make([]byte, min(d.total, per*int64(s.size)))
	for at := int64(0); at < d.space.n; at += per {
		b := buf[:min(per, d.space.n-at)*int64(s.size)]
		if d.fill == nil {
			clear(b)
		} else {
			for i := 0; i < len(b); i += s.size { // anew each time: place may overwrite it
				copy(b[i:], d.fill)
			}
		}
		if err := s.place(int(at), b); err != nil {
			return err
		}
	}
	return nil
}
