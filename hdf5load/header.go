package hdf5load

// Types of header messages (format specification, IV.A.2).
const (
	msgNil          = 0x00
	msgDataspace    = 0x01
	msgLinkInfo     = 0x02
	msgDatatype     = 0x03
	msgOldFill      = 0x04
	msgFill         = 0x05
	msgLink         = 0x06
	msgExternal     = 0x07
	msgLayout       = 0x08
	msgFilters      = 0x0b
	msgAttribute    = 0x0c
	msgContinuation = 0x10
	msgSymbolTable  = 0x11
	msgAttrInfo     = 0x15
	msgLastKnown    = 0x18
)

type message struct {
	typ   int
	flags int
	order int // creation index, if the header tracks it
	data  []byte
}

type header struct {
	msgs      []message
	attrOrder bool // attributes carry their creation order
}

// block is a stretch of an object header still to be read.
type block struct{ addr, n uint64 }

// header reads the messages of the object header at addr, version 1 or 2, with
// its continuation blocks.
func (im *image) header(addr uint64) (*header, error) {
	const prefix = 512 // most headers fit
	b, err := im.upto(addr, prefix)
	if err != nil {
		return nil, err
	}
	h := &headerReader{im: im}
	c := &cursor{b: b}
	var start, n uint64
	if len(b) >= 4 && string(b[:4]) == "OHDR" {
		h.v2 = true
		c.skip(4)
		c.version("object header", 2)
		h.flags = c.u8()
		if h.flags&0x20 != 0 {
			c.skip(16) // times
		}
		if h.flags&0x10 != 0 {
			c.skip(4) // attribute storage phase change
		}
		n = c.uint(1<<(h.flags&3)) + 4 // with checksum
		start = uint64(c.pos)
		if n < 4 {
			c.fail(corrupt("object header size"))
		}
	} else {
		if c.u8() != 1 {
			c.fail(corrupt("no object header at %#x", addr))
		}
		c.zero("object header", 1)
		c.skip(2 + 4) // message count (libhdf5 itself gets it wrong at times), reference count
		n = uint64(c.u32())
		c.zero("object header", 4)
		start = 16
	}
	if c.err != nil {
		return nil, c.err
	}
	if err := im.inside(addr+start, n); err != nil {
		return nil, err
	}
	if total := start + n; total <= uint64(len(b)) {
		b = b[:total]
		err = im.spend(int64(total))
	} else {
		b, err = im.read(addr, total)
	}
	if err != nil {
		return nil, err
	}
	if err := im.extents.metadata(addr, uint64(len(b))); err != nil {
		return nil, err
	}
	if h.v2 {
		if err := checksummed("object header", b); err != nil {
			return nil, err
		}
		b = b[:len(b)-4]
	}
	if err := h.take(b[start:]); err != nil {
		return nil, err
	}
	for len(h.todo) > 0 {
		k := h.todo[0]
		h.todo = h.todo[1:]
		b, err := im.read(k.addr, k.n)
		if err != nil {
			return nil, err
		}
		if err := im.extents.metadata(k.addr, k.n); err != nil {
			return nil, err
		}
		if h.v2 {
			if len(b) < 8 || string(b[:4]) != "OCHK" {
				return nil, corrupt("object header continuation lacks its signature")
			}
			if err := checksummed("object header continuation", b); err != nil {
				return nil, err
			}
			b = b[4 : len(b)-4]
		}
		if err := h.take(b); err != nil {
			return nil, err
		}
	}
	return &header{msgs: h.msgs, attrOrder: h.v2 && h.flags&4 != 0}, nil
}

type headerReader struct {
	im    *image
	v2    bool
	flags int
	msgs  []message
	todo  []block
	seen  map[uint64]bool // continuation blocks
}

// take reads the messages of one block.
func (h *headerReader) take(b []byte) error {
	c := &cursor{b: b}
	for {
		var m message
		var n int
		if h.v2 {
			if c.left() < 4+h.flags>>1&2 { // the rest is a gap
				return nil
			}
			m.typ, n, m.flags = c.u8(), c.u16(), c.u8()
			if h.flags&4 != 0 {
				m.order = c.u16()
			}
		} else {
			if c.left() < 8 {
				return nil
			}
			m.typ, n, m.flags = c.u16(), c.u16(), c.u8()
			c.zero("header message", 3)
		}
		m.data = c.bytes(n)
		if c.err != nil {
			return c.err
		}
		switch {
		case m.typ == msgNil:
			continue
		case m.typ == msgContinuation:
			k := &cursor{b: m.data}
			next := block{h.im.addr(k), h.im.length(k)}
			if k.err != nil {
				return k.err
			}
			if h.seen[next.addr] {
				return corrupt("object header continues in a loop")
			}
			if h.seen == nil {
				h.seen = map[uint64]bool{}
			}
			h.seen[next.addr] = true
			h.todo = append(h.todo, next)
			continue
		case m.typ > msgLastKnown && m.flags&0x80 != 0:
			return unsupported("header message type %#x", m.typ)
		}
		if len(h.msgs) >= h.im.lim.Links {
			return overLimit("more than %d header messages", h.im.lim.Links)
		}
		h.msgs = append(h.msgs, m)
	}
}

// body returns a message's own bytes, which for a shared message stand in
// another object header.
func (im *image) body(m message) ([]byte, error) {
	for range 4 {
		if m.flags&2 == 0 {
			return m.data, nil
		}
		var err error
		if m, err = im.shared(m.data, m.typ); err != nil {
			return nil, err
		}
	}
	return nil, corrupt("shared messages refer to each other")
}

// shared finds the message of type typ that the reference b leads to.
func (im *image) shared(b []byte, typ int) (message, error) {
	c := &cursor{b: b}
	v, kind := c.version("shared message", 1, 2, 3), c.u8()
	switch {
	case v == 1:
		c.skip(6)
	case v == 3 && kind == 1:
		c.fail(unsupported("shared message heap"))
	}
	addr := im.addr(c)
	if c.err != nil {
		return message{}, c.err
	}
	h, err := im.header(addr)
	if err != nil {
		return message{}, err
	}
	for _, m := range h.msgs {
		if m.typ == typ {
			return m, nil
		}
	}
	return message{}, corrupt("shared message is not where it should be")
}
