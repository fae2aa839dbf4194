//go:build !purego

package cpu

import "golang.org/x/sys/cpu"

// variants lists what this processor can run, fastest first. The flags of
// x/sys/cpu are set only if the operating system saves the registers.
func variants() []Variant {
	var v []Variant
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		if cpu.X86.HasAVX512F {
			v = append(v, AVX512)
		}
		v = append(v, AVX2)
	}
	return append(v, Generic)
}
