//go:build purego || !amd64

package vec

import (
	"math"

	"github.com/kerasrun/kerasrun/kernels/cpu"
)

func sumBlocks([]float32) (sum float64, n int) { return 0, 0 }

func squareBlocks([]float32, float64) (sum float64, n int) { return 0, 0 }

func extremeBlocks([]float32) (top, low float32, n int) {
	return float32(math.Inf(-1)), float32(math.Inf(1)), 0
}

func normalizeBlocks(dst, src, gamma, beta []float32, mean, scale float64) int { return 0 }

// RowsVariant is the variant that sums, extremes and normalization of rows run on.
func RowsVariant() cpu.Variant { return cpu.Generic }
