//go:build !purego

package rnn

import (
	"unsafe"

	"github.com/kerasrun/kerasrun/kernels/cpu"
)

// tileArgs are the arguments of the tiles, which know the fields by name. A call
// computes blocks of units one after the other. Distances are in bytes.
type tileArgs struct {
	weights unsafe.Pointer // of the first term and block; those of the next follow, or with down precede
	walk    unsafe.Pointer // the element of now.h that these multiply

	z, h, c, nextH, nextC, bias unsafe.Pointer // of the first sample and block

	row, zRow     int // from sample to sample: of states; of z
	block, zBlock int // from block to block
	terms, piece  int // of a sum; of a piece of it
	down          int // 1: to the preceding weights, terms and blocks
	blocks        int // counted down
	at, zAt       int // zero; counts blocks
	//lint:ignore U1000 scratch of the assembly: whether sums holds those of earlier pieces
	partial int
	//lint:ignore U1000 scratch of the assembly
	sums [7 * 4 * 16]float32
}

// A Worker is the memory of the tiles between steps.
type Worker struct{ args tileArgs }

const (
	// blockK is the number of products summed before the partial sum is added to the total.
	blockK = 256
	// maxWork limits a call, as assembly cannot be preempted: products in registers.
	maxWork = 1 << 17
	// cacheFloats is how much of the weights should stay in a second-level cache
	// while tiles of samples pass over them.
	cacheFloats = 1 << 16
)

// runTiles does a step. What assembly will read and write is checked here.
func (c *Cell) runTiles(w *Worker, s *Step) {
	size := s.N * c.padded
	_, _, _ = s.Now.H[size-1], s.Next.H[size-1], s.Z[s.N*c.Wide()-1]
	_ = s.Weights[c.units*c.Wide()-1]
	if c.kind == GRU {
		_ = s.Bias[c.padded-1]
	} else {
		_, _ = s.Now.C[size-1], s.Next.C[size-1]
	}
	rows, all := 7, c.padded/c.lanes
	if c.variant == cpu.AVX2 {
		rows = 3
	}
	tiles := (s.N + rows - 1) / rows
	rows = (s.N + tiles - 1) / tiles
	block := c.units * c.gates * c.lanes
	group := max(1, min(maxWork/(c.units*c.gates*rows), cacheFloats/block))
	w.args.row, w.args.zRow = 4*c.padded, 4*c.Wide()
	w.args.terms, w.args.piece = c.units, blockK
	w.args.block, w.args.zBlock, w.args.down = 4*c.lanes, 4*c.lanes*c.gates, 0
	if s.Down {
		w.args.block, w.args.zBlock, w.args.down = -w.args.block, -w.args.zBlock, 1
	}
	for done := 0; done < all; done += group {
		n := min(group, all-done)
		first, term := done, 0
		if s.Down {
			first, term = all-1-done, c.units-1
		}
		w.args.weights = unsafe.Pointer(&s.Weights[first*block+term*c.gates*c.lanes])
		for lo, left := 0, tiles; left > 0; left-- {
			m := (s.N - lo + left - 1) / left
			c.tile(w, s, lo, m, first, term, n)
			lo += m
		}
	}
}

// tile runs the tile of m samples from lo on, for n blocks from first on.
func (c *Cell) tile(w *Worker, s *Step, lo, m, first, term, n int) {
	a := &w.args
	at := lo*c.padded + first*c.lanes
	a.walk = unsafe.Pointer(&s.Now.H[lo*c.padded+term])
	a.z = unsafe.Pointer(&s.Z[lo*c.Wide()+first*c.gates*c.lanes])
	a.h, a.nextH = unsafe.Pointer(&s.Now.H[at]), unsafe.Pointer(&s.Next.H[at])
	a.blocks, a.at, a.zAt = n, 0, 0
	if c.kind == GRU {
		a.bias = unsafe.Pointer(&s.Bias[first*c.lanes])
		if c.variant == cpu.AVX512 {
			gruAVX512(a, m)
		} else {
			gruAVX2(a, m)
		}
		return
	}
	a.c, a.nextC = unsafe.Pointer(&s.Now.C[at]), unsafe.Pointer(&s.Next.C[at])
	if c.variant == cpu.AVX512 {
		lstmAVX512(a, m)
	} else {
		lstmAVX2(a, m)
	}
}
