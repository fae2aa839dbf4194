package conv

import "github.com/kerasrun/kerasrun/kernels/cpu"

// job is a convolution or transposed convolution in the terms of the driver.
type job struct {
	h, w                 axis
	in, out, groups      int // channels of a group
	srcStride, dstStride int
	blockK               int  // products of a partial sum
	oneRow               bool // each output pixel reads the input pixel of the same place
	joined               bool // the taps of a kernel row read adjacent floats
	epi                  Epilogue
}

// convolution makes j, which is zero, the job of a convolution. It fills j in
// place: copies of a job cost small layers more than what is in it.
func (j *job) convolution(s *Shape, epi *Epilogue) {
	j.h = newAxis(s.InH, s.OutH, s.KH, s.StrideH, s.DilationH, s.PadTop)
	j.w = newAxis(s.InW, s.OutW, s.KW, s.StrideW, s.DilationW, s.PadLeft)
	j.in, j.out, j.groups, j.blockK = s.InC, s.OutC, s.Groups, blockK
	j.srcStride, j.dstStride = orElse(s.SrcStride, s.InC), orElse(s.DstStride, s.OutC)
	if s.Groups > 1 {
		j.in, j.out = s.InC/s.Groups, s.OutC/s.Groups
	}
	j.epilogue(epi)
	j.oneRow = s.KH == 1 && s.KW == 1 && s.StrideH == 1 && s.StrideW == 1 &&
		s.PadTop == 0 && s.PadLeft == 0 && s.OutH <= s.InH && s.OutW == s.InW
	j.joined = s.Groups == 1 && s.DilationW == 1 && j.srcStride == s.InC
}

// transposedConvolution makes j, which is zero, the job of a transposed convolution.
func (j *job) transposedConvolution(s *TransposedShape, epi *Epilogue) {
	j.h = newTransposedAxis(s.InH, s.OutH, s.KH, s.StrideH, s.DilationH, s.CropTop)
	j.w = newTransposedAxis(s.InW, s.OutW, s.KW, s.StrideW, s.DilationW, s.CropLeft)
	j.in, j.out, j.groups, j.blockK = s.InC, s.OutC, 1, blockK
	j.srcStride, j.dstStride = orElse(s.SrcStride, s.InC), orElse(s.DstStride, s.OutC)
	j.epilogue(epi)
}

func (j *job) epilogue(epi *Epilogue) {
	if epi != nil {
		j.epi = *epi
	}
	j.epi.ResidualStride = orElse(j.epi.ResidualStride, j.dstStride)
}

func orElse(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

// strip is a field of output pixels that use the same taps: lines of n. The
// first line is pixel and every step-th after it; its first pixel reads from
// input pixel from on, each further one from advance pixels later. The next line
// lies lineStep output pixels and lineAdvance input pixels further on.
type strip struct {
	pixel, step, n        int
	from, advance         int
	lines                 int
	lineStep, lineAdvance int
	rows, cols            span
}

// work is the memory of the micro-kernels during a call.
type work struct {
	tile tileArgs
	gemm gemmArgs
}

// run computes output rows y0 to y1-1 of the channels of panels p0 to p1-1.
func run(j *job, dst, src, packed []float32, y0, y1, p0, p1 int) {
	if y0 >= y1 || p0 >= p1 {
		return
	}
	var w work
	w.tile.src, w.tile.packed = src, packed
	// The larger of weights and image is read once, the smaller stays cached.
	weights := j.h.taps * j.w.taps * j.in * use.width * (p1 - p0)
	few := j.oneRow && (y1-y0)*j.w.out <= fewPixels // all for one panel, then for the next
	if few || weights <= (y1-y0)*j.w.in*j.srcStride {
		j.rows(&w, dst, src, packed, y0, y1, p0, p1)
		return
	}
	for p := p0; p < p1; p++ {
		j.rows(&w, dst, src, packed, y0, y1, p, p+1)
	}
}

// rows cuts output rows into strips.
func (j *job) rows(w *work, dst, src, packed []float32, y0, y1, p0, p1 int) {
	if j.oneRow {
		one := span{step: 1, n: 1}
		j.strip(w, dst, src, packed, &strip{
			pixel: y0 * j.w.out, step: 1, n: (y1 - y0) * j.w.out, from: y0 * j.w.in, advance: 1,
			lines: 1, rows: one, cols: one,
		}, p0, p1)
		return
	}
	phases, advance := j.w.phases()
	left, right := 0, j.w.out
	if !j.w.transposed && y1-y0 > 1 {
		// Columns whose taps fall on padding are strips down the image, as
		// strips of one pixel would not fill a tile.
		left = min(j.w.lo, j.w.out)
		right = max(left, j.w.hi)
		for x := 0; x < left; x++ {
			j.column(w, dst, src, packed, x, y0, y1, p0, p1)
		}
		for x := right; x < j.w.out; x++ {
			j.column(w, dst, src, packed, x, y0, y1, p0, p1)
		}
	}
	vertical, down := j.h.phases()
	for first := y0; first < min(y0+vertical, y1); first++ {
		for y := first; y < y1; {
			rows, lines := j.h.run(y)
			lines = min(lines, (y1-y+vertical-1)/vertical)
			for phase := 0; phase < min(phases, j.w.out); phase++ {
				for x := left + phase; x < right; {
					cols, n := j.w.run(x)
					j.strip(w, dst, src, packed, &strip{
						pixel: y*j.w.out + x, step: phases, n: n,
						from: rows.pos*j.w.in + cols.pos, advance: advance,
						lines: lines, lineStep: vertical * j.w.out, lineAdvance: down * j.w.in,
						rows: rows, cols: cols,
					}, p0, p1)
					x += n * phases
				}
			}
			y += lines * vertical
		}
	}
}

// column computes output column x of a convolution.
func (j *job) column(w *work, dst, src, packed []float32, x, y0, y1, p0, p1 int) {
	cols := j.w.span(x)
	for y := y0; y < y1; {
		rows, n := j.h.run(y)
		n = min(n, y1-y)
		j.strip(w, dst, src, packed, &strip{
			pixel: y*j.w.out + x, step: j.w.out, n: n,
			from: rows.pos*j.w.in + cols.pos, advance: j.h.stride * j.w.in,
			lines: 1, rows: rows, cols: cols,
		}, p0, p1)
		y += n
	}
}

// strip computes a strip's channels of panels p0 to p1-1: as many pixels as stay
// cached for all panels, then the next.
func (j *job) strip(w *work, dst, src, packed []float32, s *strip, p0, p1 int) {
	if s.lines*s.n <= fewPixels || p1-p0 == 1 && j.out <= use.width {
		j.panels(w, dst, src, packed, s, p0, p1)
		return
	}
	pixels := j.pixelsAtOnce(s)
	lines := max(1, pixels/s.n)
	for line := 0; line < s.lines; line += lines {
		for o := 0; o < s.n; o += pixels {
			part := *s
			part.pixel += line*s.lineStep + o*s.step
			part.from += line*s.lineAdvance + o*s.advance
			part.n, part.lines = min(s.n-o, pixels), min(s.lines-line, lines)
			j.panels(w, dst, src, packed, &part, p0, p1)
		}
	}
}

// panels computes a strip block by block.
func (j *job) panels(w *work, dst, src, packed []float32, s *strip, p0, p1 int) {
	perGroup := p1 // panels
	if j.groups > 1 {
		perGroup = panelsOf(j.out)
	}
	terms := j.h.taps * j.w.taps * j.in
	groupLen := terms * packedOut(j.out)
	for p := p0; p < p1; {
		group := p / perGroup
		col := (p - group*perGroup) * use.width
		next := min(p1, (group+1)*perGroup)
		for end := min(col+(next-p)*use.width, j.out); col < end; {
			b := use.block(end-col, terms)
			at := place{
				from:  s.from*j.srcStride + group*j.in,
				at:    group*groupLen + terms*col + (s.rows.first*j.w.taps+s.cols.first)*j.in*b.packed,
				pixel: s.pixel, channel: group*j.out + col,
			}
			blocks := 1
			if b.kernel == cpu.Generic {
				j.genericBlock(&w.tile, dst, s, &b, at)
			} else {
				blocks = j.alike(s, &b, terms, (end-col)/b.cols)
				j.vectorBlock(&w.gemm, dst, src, packed, s, &b, blocks, at)
			}
			col += blocks * b.cols
		}
		p = next
	}
}

// place is where a block of a strip starts: in src, in the packed weights, and
// in dst.
type place struct{ from, at, pixel, channel int }

// cacheFloats is how much of src should stay in a second-level cache while the
// panels pass over it.
const cacheFloats = 1 << 16

// fewPixels are always computed at once: a multiple of every tile's rows.
const fewPixels = 6 * 7 * 16

// pixelsAtOnce is the number of pixels of a strip that are computed for all
// panels before the next ones.
func (j *job) pixelsAtOnce(s *strip) int {
	if step := s.advance * j.srcStride; step > 0 {
		return max(1, cacheFloats/step/fewPixels) * fewPixels
	}
	return fewPixels
}

// segments returns the segments of a sum, as in tileArgs, for blocks of the
// given packed width.
func (j *job) segments(s *strip, packed int) (k, n0, a0, b0, n1, a1, b1 int) {
	tapLen := j.in * packed
	n1, a1, b1 = s.rows.n, s.rows.move*j.w.in*j.srcStride, s.rows.step*j.w.taps*tapLen
	if j.joined {
		return s.cols.n * j.in, 1, 0, 0, n1, a1, b1
	}
	return j.in, s.cols.n, s.cols.move * j.srcStride, s.cols.step * tapLen, n1, a1, b1
}
