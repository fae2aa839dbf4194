package hdf5load

import (
	"slices"
	"sort"
	"sync"
)

// extents are the stretches of the file known to be in use. No two structures
// of a sound file overlap, so a dataset that reaches into another one or into
// metadata has a damaged address. Object headers are entered when an object is
// opened, raw data when it is; a conflict shows at the later of the two.
type extents struct {
	mu    sync.Mutex
	pages [][]extent // sorted, none empty, none overlapping
}

type extent struct {
	start, end uint64
	owner      uint64 // object header of raw data, undefined for metadata
}

const extentPage = 512

func (e *extents) metadata(addr, n uint64) error { return e.add(addr, n, undefined) }

// add enters n bytes at addr, which lie inside the file. Entering the same
// stretch for the same owner again is fine.
func (e *extents) add(addr, n, owner uint64) error {
	if n == 0 {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	x := extent{addr, addr + n, owner}
	p := max(0, sort.Search(len(e.pages), func(i int) bool { return e.pages[i][0].start > addr })-1)
	if len(e.pages) == 0 {
		e.pages = [][]extent{{x}}
		return nil
	}
	page := e.pages[p]
	i := sort.Search(len(page), func(i int) bool { return page[i].start > addr })
	if i > 0 && page[i-1] == x {
		return nil
	}
	before, after := extent{}, extent{start: undefined}
	if i > 0 {
		before = page[i-1]
	}
	if i < len(page) {
		after = page[i]
	} else if p+1 < len(e.pages) {
		after = e.pages[p+1][0]
	}
	if before.end > x.start || after.start < x.end {
		return corrupt("%d bytes at %#x overlap another structure", n, addr)
	}
	page = slices.Insert(page, i, x)
	e.pages[p] = page
	if len(page) > extentPage {
		half := len(page) / 2
		e.pages[p] = slices.Clone(page[:half])
		e.pages = slices.Insert(e.pages, p+1, slices.Clone(page[half:]))
	}
	return nil
}
