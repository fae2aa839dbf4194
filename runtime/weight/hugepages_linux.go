package weight

import (
	"syscall"
	"unsafe"
)

// hugePage is the size of a huge page on the CPUs that have them by default.
const hugePage = 2 << 20

// adviseHuge asks for huge pages under data, before its first use: large
// weights are read front to back, and with pages of 4 KB half the time goes to
// translating addresses. It is advice: nothing depends on it being taken.
func adviseHuge(data []float32) {
	const size = 4
	start := uintptr(unsafe.Pointer(unsafe.SliceData(data)))
	skip := int(-start & (hugePage - 1)) // up to the first boundary
	n := (len(data)*size - skip) / hugePage * hugePage
	if n < hugePage {
		return
	}
	inside := unsafe.Slice((*byte)(unsafe.Pointer(&data[skip/size])), n)
	_ = syscall.Madvise(inside, syscall.MADV_HUGEPAGE)
}
