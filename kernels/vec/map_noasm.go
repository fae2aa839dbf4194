//go:build purego || !(amd64 || arm64)

package vec

// run is never called: there is only Generic.
func (mapKernel) run(*mapArgs) {}
