//go:build !purego

package conv

import "github.com/kerasrun/kerasrun/kernels/cpu"

// masked tells that the kernels store part of a register themselves.
const masked = true

// setMask names the lanes of a block's last register that are stored.
func (g *gemmArgs) setMask(b *block) {
	missing := b.packed - b.cols
	g.tail, g.bits = 0, (1<<16-1)>>missing
	if missing > 0 {
		g.tail = 1
	}
	if b.kernel == cpu.AVX2 {
		g.bits = 0
		g.mask = [8]uint32(laneMask[missing:])
	}
}

// laneMask from i on is the mask of a register of AVX2 without its last i lanes.
var laneMask = [16]uint32{1<<32 - 1, 1<<32 - 1, 1<<32 - 1, 1<<32 - 1, 1<<32 - 1, 1<<32 - 1, 1<<32 - 1, 1<<32 - 1}

func gemmTile(b *block, g *gemmArgs, rows int) {
	if b.kernel == cpu.AVX512 {
		gemmAVX512(g, rows, b.vectors)
	} else {
		gemmAVX2(g, rows, b.vectors)
	}
}
