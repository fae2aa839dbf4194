//go:build unix

package daemon

import (
	"os"
	"os/signal"
	"syscall"
)

// onHangup sends to c at each SIGHUP until the function that it returns is called.
func onHangup(c chan<- struct{}) (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-done:
				return
			case <-signals:
				select {
				case c <- struct{}{}:
				default: // one is waiting
				}
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(done)
	}
}
