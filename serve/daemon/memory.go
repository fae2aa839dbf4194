package daemon

import (
	"net"
	"net/http"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
	"time"
)

const (
	lookEvery   = 5 * time.Second
	muchMemory  = 64 << 20 // bytes allocated that make it worth to look for garbage
	manyClients = 256      // connections that ended, the same: each had buffers and stacks
)

// thrifty returns the memory that requests took to the system once none is under way. The runtime collects when something is allocated, so
// that without it what a burst of large bodies left stays for minutes.
type thrifty struct {
	http.Handler
	active atomic.Int64 // requests under way
	ended  atomic.Int64 // connections, ever

	allocated, gone int64 // bytes and connections, when memory was returned last
}

func (h *thrifty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.active.Add(1)
	defer h.active.Add(-1)
	h.Handler.ServeHTTP(w, r)
}

// connState is the server's hook of that name.
func (h *thrifty) connState(_ net.Conn, state http.ConnState) {
	if state == http.StateClosed {
		h.ended.Add(1)
	}
}

// watch looks from time to time until done is closed.
func (h *thrifty) watch(done <-chan struct{}) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			h.look()
		}
	}
}

// look returns memory if there may be much of it, and reports whether it did.
func (h *thrifty) look() bool {
	allocated, gone := allocatedBytes(), h.ended.Load()
	if h.active.Load() > 0 || allocated-h.allocated < muchMemory && gone-h.gone < manyClients {
		return false
	}
	debug.FreeOSMemory()
	h.allocated, h.gone = allocated, gone
	return true
}

// allocatedBytes is how many bytes of the heap were ever allocated.
func allocatedBytes() int64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64())
}
