//go:build !purego

package conv

// masked tells that the kernels store part of a register themselves.
const masked = false

// setMask tells whether a block's last register is stored in part.
func (g *gemmArgs) setMask(b *block) {
	g.tail = 0
	if b.cols < b.packed {
		g.tail = 1
	}
}

func gemmTile(b *block, g *gemmArgs, rows int) { gemmNEON(g, rows, b.vectors) }
