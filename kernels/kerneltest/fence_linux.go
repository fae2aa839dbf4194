package kerneltest

import (
	"os"
	"syscall"
	"testing"
	"unsafe"
)

// Fenced returns a slice of n floats, filled with [Unset], that ends where an
// inaccessible page begins: reading or writing past it kills the test, also
// from assembly.
func Fenced(t testing.TB, n int) []float32 {
	t.Helper()
	page := os.Getpagesize()
	size := (4*n + page - 1) / page * page
	mem, err := syscall.Mmap(-1, 0, size+page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatalf("mmap of %d bytes: %v", size+page, err)
	}
	t.Cleanup(func() {
		if err := syscall.Munmap(mem); err != nil {
			t.Errorf("munmap: %v", err)
		}
	})
	if err := syscall.Mprotect(mem[size:], syscall.PROT_NONE); err != nil {
		t.Fatalf("mprotect: %v", err)
	}
	if n == 0 {
		return nil
	}
	s := unsafe.Slice((*float32)(unsafe.Pointer(&mem[size-4*n])), n)
	for i := range s {
		s[i] = Unset()
	}
	return s
}
