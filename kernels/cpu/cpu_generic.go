//go:build purego || !(amd64 || arm64)

package cpu

// variants lists what this processor can run, fastest first.
func variants() []Variant { return []Variant{Generic} }
