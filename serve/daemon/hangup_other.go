//go:build !unix

package daemon

// onHangup does nothing where there is no SIGHUP.
func onHangup(chan<- struct{}) (stop func()) { return func() {} }
