//go:build !linux || purego

package runtime

import "sync/atomic"

// A seat is where a worker parks: its goroutine waits for a token.
type seat struct {
	parked  atomic.Uint32 // 1 from when the worker decides to park until somebody wakes it
	token   chan struct{}
	claimed int // chunks that the worker runs
	_       [40]byte
}

func newSeat() *seat { return &seat{token: make(chan struct{}, 1)} }

// sleep returns after rouse: each change of parked from 1 to 0 by another comes with a token.
func (s *seat) sleep() { <-s.token }

// rouse ends the sleep of the worker, after parked was set to 0.
func (s *seat) rouse() { s.token <- struct{}{} }

// part and move have no meaning: threads cannot be moved, or it is not known how.
func (s *seat) part() {}
func (s *seat) move() {}
