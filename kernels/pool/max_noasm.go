//go:build purego || !amd64

package pool

import "github.com/kerasrun/kerasrun/kernels/cpu"

// maxInto raises dst to src where src is larger. src is at least as long as dst.
func maxInto(dst, src []float32) { maxIntoGeneric(dst, src) }

// MaxVariant is the variant that [Max] runs on.
func MaxVariant() cpu.Variant { return cpu.Generic }
