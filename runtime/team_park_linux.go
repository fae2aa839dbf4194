//go:build !purego

package runtime

import (
	"sync/atomic"
	"syscall"
	"unsafe"
)

// A seat is where a worker parks: its thread sleeps on a futex. Go's scheduler
// can take milliseconds to run a goroutine that was sent to over a channel,
// while the sender stays busy; a futex wakes a thread in microseconds.
type seat struct {
	parked atomic.Uint32 // 1 from when the worker decides to park until somebody wakes it
	_      [60]byte
}

func newSeat() *seat { return &seat{} }

// Operations of futex(2), private to the process.
const (
	futexWait = 0 | 128
	futexWake = 1 | 128
)

// sleep returns when parked is 0.
func (s *seat) sleep() {
	for s.parked.Load() == 1 {
		syscall.Syscall6(syscall.SYS_FUTEX, uintptr(unsafe.Pointer(&s.parked)), futexWait, 1, 0, 0, 0)
	}
}

// rouse ends the sleep of the worker, after parked was set to 0.
func (s *seat) rouse() {
	syscall.Syscall6(syscall.SYS_FUTEX, uintptr(unsafe.Pointer(&s.parked)), futexWake, 1, 0, 0, 0)
}
