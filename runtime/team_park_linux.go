//go:build !purego

package runtime

import (
	goruntime "runtime"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A seat is where a worker parks: its thread sleeps on a futex. Go's scheduler
// can take milliseconds to run a goroutine that was sent to over a channel,
// while the sender stays busy; a futex wakes a thread in microseconds.
type seat struct {
	parked  atomic.Uint32 // 1 from when the worker decides to park until somebody wakes it
	away    atomic.Int32  // 1 + the processor that the worker should leave, or 0
	claimed int           // chunks that the worker runs
	_       [48]byte
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

// part asks the worker to leave the processor of the calling thread, should it
// be on the same one: the system can leave two threads together for seconds
// while the other processors do work of low priority.
func (s *seat) part() {
	if cpu := processor(); cpu >= 0 {
		s.away.Store(int32(cpu) + 1)
	}
}

// move does what part asked for, on the worker's thread: it forbids the
// processor to the thread and allows it again.
func (s *seat) move() {
	if s.away.Load() == 0 {
		return
	}
	cpu := int(s.away.Swap(0)) - 1
	goruntime.LockOSThread() // what is forbidden must be allowed on the same thread
	defer goruntime.UnlockOSThread()
	var all unix.CPUSet
	if cpu < 0 || processor() != cpu || unix.SchedGetaffinity(0, &all) != nil || all.Count() < 2 {
		return
	}
	others := all
	others.Clear(cpu)
	if unix.SchedSetaffinity(0, &others) == nil {
		unix.SchedSetaffinity(0, &all)
	}
}

// processor is the one that the calling thread is on, or -1.
func processor() int {
	var cpu uint32
	if _, _, err := syscall.RawSyscall(unix.SYS_GETCPU, uintptr(unsafe.Pointer(&cpu)), 0, 0); err != 0 {
		return -1
	}
	return int(cpu)
}
