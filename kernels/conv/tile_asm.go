//go:build !purego && (amd64 || arm64)

package conv

import "unsafe"

// gemmArgs are the arguments of the micro-kernels in assembly, which know the
// fields by name. A call computes blocks of channels, each lines of tiles of pixels
// one after the other, each tile with all its segments (as in tileArgs) and the
// epilogue. Steps are in bytes.
type gemmArgs struct {
	a, b, c, bias, residual      unsafe.Pointer
	rowStep, cStep, residualStep int // from pixel to pixel
	blocks                       int // counted down
	blockB, blockC               int // from block to block: of packed; of dst, bias and residual
	lines, tiles                 int // of a block; of a line
	tileA, tileC, tileResidual   int // from tile to tile
	lineA, lineC, lineResidual   int // from the end of a line's tiles to the next line
	k, piece, every, blockK      int // terms of a segment, of a piece of it; pieces and terms of a partial sum
	n0, a0, b0                   int // a0, b0: from the end of a segment to the next
	n1, a1, b1                   int // a1, b1: what is to be added to that after n0 segments
	resume                       int // 1: sum holds partial sums of an earlier call
	keep                         int // 1: leave the sums in sum, no epilogue
	clamp                        int // 1: clamp to lo, hi
	tail                         int // 1: the last register is stored under the mask
	//lint:ignore U1000 scratch of the assembly: lines left of the block, tiles of the line; pieces until the next partial sum; 1: there is one
	linesLeft, tilesLeft, left, partial int

	lo, hi float32
	bits   uint32    // mask of the last register, one bit a lane
	mask   [8]uint32 // and for AVX2
	sum    [7 * 64]float32
}

const (
	// maxTerms and maxWork limit a call, as assembly cannot be preempted:
	// products of a sum, a multiple of blockK; and products in registers.
	maxTerms = 16 * blockK
	maxWork  = 1 << 17
)

// alike is the number of blocks, at most n, that vectorBlock computes at once:
// as many as lie side by side and are no more than one call's work. Of a matrix
// times a vector the time between two calls would be a tenth.
func (j *job) alike(s *strip, b *block, terms, n int) int {
	if b.cols != b.packed || terms > maxTerms || s.n > b.rows && s.n%((s.n+b.rows-1)/b.rows) != 0 {
		return 1
	}
	return max(1, min(n, maxWork/max(1, terms*s.n*s.lines*b.vectors)))
}

// vectorBlock computes blocks of a strip, more than one only where alike says so.
// What assembly will read and write is checked here.
func (j *job) vectorBlock(g *gemmArgs, dst, src, packed []float32, s *strip, b *block, blocks int, at place) {
	k, n0, a0, b0, n1, a1, b1 := j.segments(s, b.packed)
	if k <= 0 || n0 <= 0 || n1 <= 0 {
		k, n0, n1 = 0, 0, 0
	}
	rowStep, cStep := s.advance*j.srcStride, s.step*j.dstStride
	lineA, lineC := s.lineAdvance*j.srcStride, s.lineStep*j.dstStride
	c := at.pixel*j.dstStride + at.channel
	cols, step := blocks*b.cols, j.h.taps*j.w.taps*j.in*b.packed
	_ = dst[c+(s.n-1)*cStep+(s.lines-1)*lineC+cols-1]
	if k > 0 {
		first, last := at.from, at.from+k-1+(s.n-1)*rowStep+(s.lines-1)*lineA
		for _, move := range [2]int{(n0 - 1) * a0, (n1 - 1) * a1} {
			first, last = first+min(move, 0), last+max(move, 0)
		}
		_, _ = src[first], src[last]
		_ = packed[at.at+(n0-1)*b0+(n1-1)*b1+k*b.packed-1+(blocks-1)*step]
	}
	g.rowStep, g.cStep = 4*rowStep, 4*cStep
	g.bias, g.residual, g.residualStep = nil, nil, 0
	if j.epi.Bias != nil {
		g.bias = unsafe.Pointer(&j.epi.Bias[at.channel:][:cols][0])
	}
	r := at.pixel*j.epi.ResidualStride + at.channel
	lineResidual := 0
	if j.epi.Residual != nil {
		lineResidual = s.lineStep * j.epi.ResidualStride
		g.residualStep = 4 * s.step * j.epi.ResidualStride
		_ = j.epi.Residual[r+(s.n-1)*s.step*j.epi.ResidualStride+(s.lines-1)*lineResidual+cols-1]
	}
	g.clamp, g.lo, g.hi = 0, j.epi.Lo, j.epi.Hi
	if j.epi.Clamp {
		g.clamp = 1
	}
	g.blockK = j.blockK
	g.setMask(b)

	terms := k * n0 * n1
	whole := terms <= maxTerms && (g.tail == 0 || masked)
	if whole {
		g.resume, g.keep = 0, 0
		g.segments(k, n0, a0, b0, n1, a1, b1, b.packed)
	}
	tiles, small, larger := 1, s.n, 0 // larger tiles have small+1 pixels
	if s.n > b.rows {
		tiles = (s.n + b.rows - 1) / b.rows
		small, larger = s.n/tiles, s.n%tiles
	}
	for o := 0; o < s.n; {
		rows, count := small+1, larger
		if o > 0 || larger == 0 {
			rows, count = small, tiles-larger
		}
		g.tileA, g.tileC, g.tileResidual = rows*g.rowStep, rows*g.cStep, rows*g.residualStep
		limit, perCall := 1, 1 // tiles of a line and lines in a call
		if work := max(terms, 1) * rows * b.vectors; whole && work*count*s.lines <= maxWork {
			limit, perCall = count, s.lines
		} else if whole {
			limit = max(1, maxWork/work)
			perCall = max(1, limit/count)
		}
		for line := 0; line < s.lines; line += perCall {
			for tile := 0; tile < count; tile += limit {
				g.tiles, g.lines = min(count-tile, limit), min(s.lines-line, perCall)
				pixel := o + tile*rows
				g.c = unsafe.Pointer(&dst[c+pixel*cStep+line*lineC])
				if j.epi.Residual != nil {
					g.residual = unsafe.Pointer(&j.epi.Residual[r+pixel*s.step*j.epi.ResidualStride+line*lineResidual])
				}
				a := at.from + pixel*rowStep + line*lineA
				if whole {
					g.blocks, g.blockB, g.blockC = blocks, 4*step, 4*b.cols
					g.lineA, g.lineC = 4*lineA-g.tiles*g.tileA, 4*lineC-g.tiles*g.tileC
					g.lineResidual = 4*lineResidual - g.tiles*g.tileResidual
					g.point(src, packed, a, at.at, k)
					gemmTile(b, g, rows)
					continue
				}
				g.long(src, packed, b, rows, a, at.at, k, n0, a0, b0, n1, a1, b1)
				if g.keep == 1 {
					for i := 0; i < rows; i++ {
						j.epi.storeRow(dst, g.sum[i*b.packed:][:b.cols], at.pixel+line*s.lineStep+(pixel+i)*s.step, j.dstStride, at.channel)
					}
				}
			}
		}
		o += rows * count
	}
}

// point sets the sources, if anything is read.
func (g *gemmArgs) point(src, packed []float32, a, b, k int) {
	g.a, g.b = nil, nil
	if k > 0 {
		g.a, g.b = unsafe.Pointer(&src[a]), unsafe.Pointer(&packed[b])
	}
}

// segments sets the segments, as in tileArgs.
func (g *gemmArgs) segments(k, n0, a0, b0, n1, a1, b1, width int) {
	g.k, g.piece = k, min(k, g.blockK)
	g.every = g.blockK // no partial sums
	if k*n0*n1 > g.blockK {
		g.every = g.blockK / max(1, g.piece)
	}
	g.n0, g.a0, g.b0 = n0, 4*(a0-k), 4*(b0-k*width)
	g.n1, g.a1, g.b1 = n1, 4*(a1-n0*a0), 4*(b1-n0*b0)
}

// long computes one tile in several calls.
func (g *gemmArgs) long(src, packed []float32, b *block, rows, a, w, k, n0, a0, b0, n1, a1, b1 int) {
	g.resume, g.keep = 0, 1
	clear(g.sum[:rows*b.packed]) // if there is no term
	for i := 0; i < n1; i++ {
		for j := 0; j < n0; j++ {
			for o := 0; o < k; o += maxTerms {
				part := min(maxTerms, k-o)
				if masked && i == n1-1 && j == n0-1 && o+part == k {
					g.keep = 0
				}
				g.point(src, packed, a+i*a1+j*a0+o, w+i*b1+j*b0+o*b.packed, part)
				g.segments(part, 1, 0, 0, 1, 0, 0, b.packed)
				g.blocks, g.lines = 1, 1
				gemmTile(b, g, rows)
				g.resume = 1
			}
		}
	}
}
