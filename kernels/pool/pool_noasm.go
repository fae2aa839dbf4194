//go:build purego || !(amd64 || arm64)

package pool

import "github.com/kerasrun/kerasrun/kernels/cpu"

// poolVector does nothing: the plain loops do all.
func poolVector(kind, *Shape, []float32, []float32, int, int) bool { return false }

func kernelFor(kind, int, bool) (lanes int, deep bool) { return 0, false }

func variantFor(int) cpu.Variant { return cpu.Generic }
