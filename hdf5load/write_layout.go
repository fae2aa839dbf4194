package hdf5load

import (
	"encoding/binary"
	"fmt"
)

const (
	superblockSize = 96
	maxTreeDepth   = 256
)

// A filePlan is the metadata of a file that is being written. Offsets into b are
// addresses in the file. Datasets lie behind the metadata, whose size is known
// last: their addresses are filled in at the end.
type filePlan struct {
	b     []byte
	heap  stringHeap
	data  []*treeData
	holes []hole
	err   error
}

// A hole is the place of a dataset's address: 8 bytes at an offset.
type hole struct {
	at   int
	data *treeData
}

func newFilePlan(root *Tree) *filePlan {
	l := &filePlan{b: make([]byte, superblockSize), heap: stringHeap{refs: map[*treeAttr][]stringRef{}}}
	l.strings(root, 0)
	l.heap.flush(l)
	if l.err != nil {
		return l
	}
	entry := l.group(root)
	l.align()
	end := l.placeData()
	l.superblock(entry, end)
	return l
}

func (l *filePlan) fail(format string, args ...any) {
	if l.err == nil {
		l.err = fmt.Errorf(format, args...)
	}
}

// align appends zeros up to a multiple of 8, where structures begin.
func (l *filePlan) align() { l.b = pad8(l.b) }

// put appends a structure and returns its address.
func (l *filePlan) put(b []byte) uint64 {
	l.align()
	at := len(l.b)
	l.b = append(l.b, b...)
	return uint64(at)
}

// superblock fills in the superblock, version 0 (format specification, II.A).
func (l *filePlan) superblock(root groupEntry, end uint64) {
	e := encoder("\x89HDF\r\n\x1a\n")
	e = append(e, 0, 0, 0, 0, 0, 8, 8, 0)
	e.u16(leafK)
	e.u16(innerK)
	e.u32(0)
	e.u64(0) // base address
	e.u64(undefined)
	e.u64(end)
	e.u64(undefined)
	e.u64(0) // the root has no name
	root.encode(&e)
	copy(l.b, e)
}

// placeData gives the datasets their addresses and returns the end of the file.
func (l *filePlan) placeData() uint64 {
	at := uint64(len(l.b))
	for _, h := range l.holes {
		if h.data.bytes == 0 {
			binary.LittleEndian.PutUint64(l.b[h.at:], undefined)
			continue
		}
		binary.LittleEndian.PutUint64(l.b[h.at:], at)
		at += uint64(h.data.bytes+7) &^ 7
	}
	return at
}

// strings puts the variable-length strings of all attributes into the heap.
func (l *filePlan) strings(t *Tree, depth int) {
	if depth > maxTreeDepth {
		l.fail("groups nested more than %d deep", maxTreeDepth)
		return
	}
	l.heap.addAll(l, t.attrs)
	for _, m := range t.members {
		if m.group != nil {
			l.strings(m.group, depth+1)
		} else {
			l.heap.addAll(l, m.data.attrs)
		}
	}
}

// dataset writes the object header of a dataset and returns its address.
func (l *filePlan) dataset(d *treeData) uint64 {
	place := encoder{3, 1} // contiguous (IV.A.2.i)
	place.u64(0)
	place.u64(uint64(d.bytes))
	fill := encoder{2, 2, 2, 1, 0, 0, 0, 0} // allocated late, written if set, of no size (IV.A.2.f)
	msgs := []outMessage{{msgDataspace, encodeSpace(d.shape)}, {msgDatatype, encodeType(d.dtype)}, {msgFill, fill}, {msgLayout, place}}
	for _, a := range d.attrs {
		msgs = append(msgs, outMessage{msgAttribute, l.attribute(a)})
	}
	at, offsets := l.objectHeader(msgs)
	l.data = append(l.data, d)
	l.holes = append(l.holes, hole{offsets[3] + 2, d})
	return at
}

// An outMessage is one of an object header (IV.A.1.a).
type outMessage struct {
	typ  uint16
	body encoder
}

// objectHeader writes a version 1 object header and returns its address and
// the offsets of the messages' bodies.
func (l *filePlan) objectHeader(msgs []outMessage) (at uint64, offsets []int) {
	const prefix = 16
	if len(msgs) > 1<<16-1 {
		l.fail("object with %d messages", len(msgs))
	}
	var body encoder
	for _, m := range msgs {
		m.body = pad8(m.body)
		if len(m.body) > maxMessage {
			l.fail("object header message of %d bytes, want at most %d", len(m.body), maxMessage)
		}
		body.u16(int(m.typ))
		body.u16(len(m.body))
		body.u32(0)
		offsets = append(offsets, len(body))
		body = append(body, m.body...)
	}
	h := encoder{1, 0}
	h.u16(len(msgs))
	h.u32(1) // links to it
	h.u32(len(body))
	h.u32(0)
	at = l.put(append(h, body...))
	for i := range offsets {
		offsets[i] += int(at) + prefix
	}
	return at, offsets
}

// An encoder appends little-endian numbers.
type encoder []byte

func (e *encoder) u16(v int)    { *e = binary.LittleEndian.AppendUint16(*e, uint16(v)) }
func (e *encoder) u32(v int)    { *e = binary.LittleEndian.AppendUint32(*e, uint32(v)) }
func (e *encoder) u64(v uint64) { *e = binary.LittleEndian.AppendUint64(*e, v) }

func pad8[B ~[]byte](b B) B {
	var zeros [8]byte
	return append(b, zeros[:-len(b)&7]...)
}
