//go:build !purego

package conv

import "github.com/kerasrun/kerasrun/kernels/cpu"

// masked tells that the kernels store part of a register themselves.
const masked = true

// setMask names the lanes of a block's last register that are stored.
func (g *gemmArgs) setMask(b *block) {
	lanes := b.packed / b.vectors
	n := lanes - (b.packed - b.cols)
	g.tail, g.bits = 0, 1<<n-1
	if n < lanes {
		g.tail = 1
	}
	for i := range g.mask {
		g.mask[i] = 0
		if i < n {
			g.mask[i] = 1<<32 - 1
		}
	}
}

func gemmTile(b *block, g *gemmArgs, rows int) {
	if b.kernel == cpu.AVX512 {
		gemmAVX512(g, rows, b.vectors)
	} else {
		gemmAVX2(g, rows, b.vectors)
	}
}
