package hdf5load

// A stringHeap gathers variable-length strings in collections of the global
// heap (III.E).
type stringHeap struct {
	b     encoder
	count int
	open  []openRef
	refs  map[*treeAttr][]stringRef
}

// A stringRef is where a string lies.
type stringRef struct {
	length     int
	collection uint64
	index      int
}

// An openRef is a reference into the collection that has no address yet.
type openRef struct {
	attr *treeAttr
	at   int
}

const (
	collectionHead = 16
	collectionSize = 4096 // at least
	fullCollection = 1 << 16
	fullCount      = 1<<16 - 2
)

// addAll puts the strings of attributes into the heap.
func (h *stringHeap) addAll(l *filePlan, attrs []*treeAttr) {
	for _, a := range attrs {
		switch v := a.value.(type) {
		case string:
			h.add(l, a, v)
		case []string:
			for _, s := range v {
				h.add(l, a, s)
			}
		}
	}
}

// add puts a string into the current collection, or a new one when that is full.
func (h *stringHeap) add(l *filePlan, a *treeAttr, s string) {
	ref := stringRef{length: len(s)}
	if s != "" {
		if h.count > 0 && (len(h.b)+collectionHead+len(s) > fullCollection || h.count >= fullCount) {
			h.flush(l)
		}
		if h.count == 0 {
			h.b = make(encoder, collectionHead)
		}
		h.count++
		ref.index = h.count
		h.b.u16(ref.index)
		h.b.u16(0)
		h.b.u32(0)
		h.b.u64(uint64(len(s)))
		h.b = pad8(append(h.b, s...))
		h.open = append(h.open, openRef{a, len(h.refs[a])})
	}
	h.refs[a] = append(h.refs[a], ref)
}

// flush writes the current collection.
func (h *stringHeap) flush(l *filePlan) {
	if h.count == 0 {
		return
	}
	size := max(collectionSize, len(h.b)+collectionHead)
	head := encoder("GCOL\x01\x00\x00\x00")
	head.u64(uint64(size))
	copy(h.b, head)
	free := uint64(size - len(h.b))
	h.b.u64(0) // object 0 is the free space
	h.b.u64(free)
	at := l.put(append(h.b, make([]byte, size-len(h.b))...))
	for _, o := range h.open {
		h.refs[o.attr][o.at].collection = at
	}
	h.b, h.count, h.open = nil, 0, nil
}
