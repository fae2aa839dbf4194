//go:generate go run ../_asm -dir ..

package conv

import "github.com/kerasrun/kerasrun/kernels/cpu"

// blockK is the number of products summed before the partial sum is added to
// the total. One sum over all would lose 2 to 4 times the digits that
// TensorFlow's blocked sums do at 5000 terms and more.
const blockK = 256

// variant is the shape of a family of micro-kernels.
type variant struct {
	name cpu.Variant
	// width is the number of output channels of a panel.
	width int
	// lanes is what the last panel's width is rounded up to.
	lanes int
}

// use is the variant of this process; tests set it to try the others.
var use = variantOf(cpu.Active())

func variantOf(name cpu.Variant) variant {
	switch name {
	case cpu.AVX512:
		return variant{name: name, width: 64, lanes: 8}
	case cpu.AVX2:
		return variant{name: name, width: 16, lanes: 8}
	case cpu.NEON:
		return variant{name: name, width: 16, lanes: 4}
	default:
		return variant{name: cpu.Generic, width: genericWidth, lanes: genericWidth}
	}
}

// block is a part of a panel that one kernel takes: cols output channels in
// packed columns, vectors registers wide, at most rows pixels at a time.
type block struct {
	kernel        cpu.Variant
	cols, packed  int
	vectors, rows int
}

// wideTerms is the number of terms from which a tile of AVX-512 is four
// registers wide: that reads the sources less often and suits one pixel, but
// what follows the sums of such a tile hides less well behind those of the next.
const wideTerms = 320

// block returns the first block of a panel of cols columns, for sums of the
// given number of terms. All blocks but the last are packed without padding, so
// that a block starts at its column times the length of a column.
func (v *variant) block(cols, terms int) block {
	cols = min(cols, v.width)
	switch v.name {
	case cpu.AVX512:
		if terms < wideTerms {
			cols = min(cols, 32)
		}
		// A remainder of up to 8 columns is half a register: AVX2 takes it.
		if rest := cols % 16; rest == 0 || rest > 8 {
			n := (cols + 15) / 16
			return block{kernel: cpu.AVX512, cols: cols, packed: 16 * n, vectors: n, rows: 7}
		} else if cols > 16 {
			n := cols / 16
			return block{kernel: cpu.AVX512, cols: 16 * n, packed: 16 * n, vectors: n, rows: 7}
		}
		return block{kernel: cpu.AVX2, cols: cols, packed: 8, vectors: 1, rows: 7}
	case cpu.AVX2:
		if cols > 8 {
			return block{kernel: cpu.AVX2, cols: cols, packed: 16, vectors: 2, rows: 6}
		}
		return block{kernel: cpu.AVX2, cols: cols, packed: 8, vectors: 1, rows: 7}
	case cpu.NEON:
		n := (cols + 3) / 4
		return block{kernel: cpu.NEON, cols: cols, packed: 4 * n, vectors: n, rows: 6}
	default:
		return block{kernel: cpu.Generic, cols: cols, packed: genericWidth, vectors: 1, rows: tileRows}
	}
}
