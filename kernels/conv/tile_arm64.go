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

// winogradArgs is the memory of Winograd's transforms during a call.
type winogradArgs struct{ outputs [16]float32 }

// inVectors transforms no channels: there is no assembly.
func (*winogradArgs) inVectors(_, _ []float32, _, _, _, _, _, _ int) int { return 0 }

// outVectors brings no channels back: there is no assembly.
func (*winogradArgs) outVectors(*Epilogue, []float32, []float32, *winogradOutput) int { return 0 }

// vectorProducts computes nothing: job.strip does.
func (*winogradJob) vectorProducts([]float32, int) bool { return false }
