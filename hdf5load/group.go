package hdf5load

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// object implements [Object] for this package's reader. One address of a file
// has one object.
type object struct {
	f      *File
	addr   uint64
	kind   Kind
	header *header
	data   *dataset // of a dataset
	typ    datatype // of a dataset or named type

	mu    sync.Mutex // of what follows, read on first use
	links *linkTable
	attrs *attrTable
}

type linkKind uint8

const (
	hardLink linkKind = iota
	softLink
	externalLink
	userLink
)

var linkKindNames = [...]string{"hard link", "soft link", "external link", "user-defined link"}

type link struct {
	name  string
	kind  linkKind
	addr  uint64
	order int64 // of creation, -1 if not tracked
}

type linkTable struct {
	err   error
	names []string
	links map[string]link
}

// object opens the object at addr, or returns the one that is open already.
func (f *File) object(addr uint64) (*object, error) {
	f.mu.Lock()
	o, n := f.objects[addr], len(f.objects)
	f.mu.Unlock()
	if o != nil {
		return o, nil
	}
	if n >= f.lim.Objects {
		return nil, overLimit("more than %d objects", f.lim.Objects)
	}
	im := f.private()
	h, err := im.header(addr)
	if err != nil {
		return nil, err
	}
	o = &object{f: f, addr: addr, header: h}
	o.kind = h.kind()
	switch o.kind {
	case Dataset:
		o.data, err = im.dataset(h, addr)
		if err == nil {
			o.typ = o.data.typ
			err = o.detectBFloat16()
		}
	case NamedType:
		o.typ, err = im.namedType(h)
	case Group:
	default:
		err = corrupt("object at %#x is no group, dataset or named type", addr)
	}
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if other := f.objects[addr]; other != nil { // opened meanwhile
		return other, nil
	}
	if err := f.spend(im.spent.Load()); err != nil {
		return nil, err
	}
	if d := o.data; d != nil && !d.stored() {
		sum := f.expanded + d.total
		if sum/f.lim.Expansion > f.size {
			return nil, overLimit("%d bytes of values in a file of %d", sum, f.size)
		}
		f.expanded = sum
	}
	f.objects[addr] = o
	return o, nil
}

// kind is zero if the header is of none, or of a group and a dataset.
func (h *header) kind() Kind {
	var group, data, typ bool
	for _, m := range h.msgs {
		switch m.typ {
		case msgSymbolTable, msgLinkInfo, msgLink:
			group = true
		case msgLayout:
			data = true
		case msgDatatype:
			typ = true
		}
	}
	switch {
	case group && !data && !typ:
		return Group
	case data && !group:
		return Dataset
	case typ && !group:
		return NamedType
	}
	return 0
}

func (o *object) Kind() Kind { return o.kind }

func (o *object) Links() ([]string, error) {
	t := o.linkTable()
	return slices.Clone(t.names), t.err
}

func (o *object) Open(path string) (Object, error) {
	at := o
	if strings.HasPrefix(path, "/") {
		at = o.f.root
	}
	for part := range splitPath(path) {
		t := at.linkTable()
		if t.err != nil {
			return nil, fmt.Errorf("opening %q: links: %w", path, t.err)
		}
		l, ok := t.links[part]
		if !ok {
			return nil, fmt.Errorf("%w: object %q: no %q", ErrNotFound, path, part)
		}
		if l.kind != hardLink {
			return nil, fmt.Errorf("opening %q: %w", path, unsupported("%s %q", linkKindNames[l.kind], part))
		}
		var err error
		if at, err = o.f.object(l.addr); err != nil {
			return nil, fmt.Errorf("opening %q: %w", path, err)
		}
	}
	return at, nil
}

// splitPath yields the parts of a path that mean a link.
func splitPath(path string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for more := true; more; {
			var part string
			part, path, more = strings.Cut(path, "/")
			if part != "" && part != "." && !yield(part) {
				return
			}
		}
	}
}

func (o *object) linkTable() *linkTable {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.links == nil {
		t := &linkTable{links: map[string]link{}}
		var ls []link
		if ls, t.err = o.f.readLinks(o.header); t.err == nil {
			ls, t.err = orderLinks(ls)
		}
		if t.err == nil {
			for _, l := range ls {
				t.names = append(t.names, l.name)
				t.links[l.name] = l
			}
		}
		o.links = t
	}
	return o.links
}

// orderLinks sorts by creation where it is tracked, else by name.
func orderLinks(ls []link) ([]link, error) {
	slices.SortFunc(ls, func(a, b link) int { return cmp.Compare(a.name, b.name) })
	tracked := true
	for i, l := range ls {
		if i > 0 && ls[i-1].name == l.name {
			return nil, corrupt("two links are named %q", l.name)
		}
		tracked = tracked && l.order >= 0
	}
	if tracked {
		slices.SortStableFunc(ls, func(a, b link) int { return cmp.Compare(a.order, b.order) })
	}
	return ls, nil
}

func (im *image) readLinks(h *header) ([]link, error) {
	var out []link
	add := func(l link) error {
		if len(out) >= im.lim.Links {
			return overLimit("more than %d links", im.lim.Links)
		}
		out = append(out, l)
		return checkLinkName(l.name)
	}
	for _, m := range h.msgs {
		c := &cursor{b: m.data}
		switch m.typ {
		case msgSymbolTable:
			tree, heap := im.addr(c), im.addr(c)
			if c.err != nil {
				return nil, c.err
			}
			if err := im.symbolTable(tree, heap, add); err != nil {
				return nil, err
			}
		case msgLink:
			l, err := im.linkMessage(m.data)
			if err == nil {
				err = add(l)
			}
			if err != nil {
				return nil, err
			}
		case msgLinkInfo:
			c.version("link info", 0)
			if c.u8()&1 != 0 {
				c.skip(8)
			}
			heap, tree := im.addr(c), im.addr(c)
			if c.err != nil {
				return nil, c.err
			}
			if heap == undefined && tree == undefined {
				continue
			}
			err := im.dense(heap, tree, tree2Links, func(_ int, hash uint32, b []byte) error {
				l, err := im.linkMessage(b)
				if err != nil {
					return err
				}
				if lookup3([]byte(l.name)) != hash {
					return corrupt("hash of link name %q does not match", l.name)
				}
				return add(l)
			})
			if err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// checkLinkName refuses names no writer of HDF5 makes: they mean damage.
func checkLinkName(s string) error {
	bad := s == "" || s == "." || !utf8.ValidString(s)
	for i := 0; i < len(s) && !bad; i++ {
		bad = s[i] < 0x20 || s[i] == '/' || s[i] == 0x7f
	}
	if bad {
		return corrupt("link name %q", s)
	}
	return nil
}

func (im *image) linkMessage(b []byte) (l link, err error) {
	c := &cursor{b: b}
	c.version("link message", 1)
	flags := c.u8()
	typ := 0
	if flags&8 != 0 {
		typ = c.u8()
	}
	l.order = -1
	if flags&4 != 0 {
		l.order = int64(c.uint(8))
	}
	if flags&16 != 0 {
		c.skip(1) // character set
	}
	n := c.uint(1 << (flags & 3))
	if n > uint64(c.left()) {
		return l, corrupt("link name of %d bytes", n)
	}
	l.name = string(c.bytes(int(n)))
	switch {
	case typ == 0:
		l.addr = im.addr(c)
	case typ == 1:
		l.kind = softLink
	case typ == 64:
		l.kind = externalLink
	case typ > 64:
		l.kind = userLink
	default:
		c.fail(corrupt("link type %d", typ))
	}
	return l, c.err
}

// symbolTable lists an old-style group: a B-tree of symbol nodes, the names in a
// local heap (format specification, III.B). Names come sorted.
func (im *image) symbolTable(tree, heap uint64, add func(link) error) error {
	names, err := im.localHeap(heap)
	if err != nil {
		return err
	}
	entry := 2*im.offsetSize + 24
	last := ""
	return im.btree1(tree, treeGroup, im.lengthSize, func(_ *cursor, node uint64) error {
		b, err := im.read(node, 8)
		if err != nil {
			return err
		}
		c := &cursor{b: b}
		c.signature("SNOD")
		c.version("symbol table node", 1)
		c.zero("symbol table node", 1)
		n := c.u16()
		if c.err != nil {
			return c.err
		}
		if b, err = im.read(node+8, uint64(n*entry)); err != nil {
			return err
		}
		c = &cursor{b: b}
		for range n {
			off := c.uint(im.offsetSize)
			l := link{addr: im.addr(c), order: -1}
			cache := c.u32()
			c.zero("symbol table entry", 4)
			c.skip(16)
			if c.err != nil {
				return c.err
			}
			switch {
			case cache == 2:
				l.kind = softLink
			case cache > 2:
				return corrupt("symbol table entry of type %d", cache)
			}
			if off >= uint64(len(names)) {
				return corrupt("link name outside the local heap")
			}
			end := bytes.IndexByte(names[off:], 0)
			if end < 0 {
				return corrupt("link name without an end")
			}
			l.name = string(names[off:][:end])
			if l.name <= last {
				return corrupt("link %q after %q: not sorted", l.name, last)
			}
			last = l.name
			if err := add(l); err != nil {
				return err
			}
		}
		return nil
	})
}
