//go:build !purego

package conv

import "github.com/kerasrun/kerasrun/kernels/cpu"

// depthwiseLanes is the number of channels of a group of the packed weights, or
// 0 where the plain loop runs.
func depthwiseLanes(s *DepthwiseShape) int {
	switch {
	case s.Multiplier > 1:
	case use.name == cpu.AVX512 && s.InC >= 16:
		return 16
	case (use.name == cpu.AVX512 || use.name == cpu.AVX2) && s.InC >= 8:
		return 8
	}
	return 0
}
