//go:build !purego

package cpu

// variants lists what this processor can run, fastest first.
func variants() []Variant { return []Variant{NEON, Generic} }
