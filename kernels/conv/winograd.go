package conv

import "math"

// Winograd's minimal filtering F(4x4, 3x3) computes a tile of 4x4 outputs of a
// 3x3 convolution of stride 1 from 6x6 = 36 products a pair of channels, where
// the sum over the taps takes 4·4·9 = 144: the tile's inputs and the kernel are
// taken as polynomials and evaluated at the points
//
//	0, ∞, a, -a, b, -b    with a = 1/√2, b = √2
//
// along both axes, multiplied point by point (36 matrix products over tiles,
// input and output channels, which run on the micro-kernel of this package),
// and brought back. These points lose a quarter of the digits that the usual
// 0, ±1, ±2, ∞ lose.
//
// At the right and bottom edge, where fewer than 4 outputs are left, a tile of
// m outputs uses the first m+2 of the points: every output lies in one tile,
// none is computed in vain, and since the points are the same ones, so are the
// transformed weights. Tiles of 2x2 or less come out of the same code where an
// image is that small.
//
// F(2x2, 3x3), of tiles of at most 2x2 outputs, is the same with the first four
// points: 16 products for 4 outputs and 16 weights a pair of channels, which is
// what small images with many channels want, as reading 36 takes longer there.
//
// # Error
//
// Most of the rounding error is that of the 36 sums over the input channels,
// which the way back magnifies, so they are summed in short pieces. With 32
// channels the error (rms) is 1 to 2.6 times that of one float32 sum over the
// taps, with 512 channels 0.4 to 1.1 times; it is 1.3 to 4 times that of [Run],
// which sums in pieces as well. TestWinogradError holds it to 3 times one sum and
// prints it. An Inf or NaN makes all outputs of its tile NaN, not only those
// whose window it is in, and one number of another magnitude takes its tile's
// small outputs their digits.

const (
	// winogradPoints is the number of points of a tile of 4x4 outputs. Those of
	// smaller tiles have the same numbers: 6 times that down plus that across.
	winogradPoints = 36
	// winogradGroup is the number of output channels that are computed for a
	// block of tiles before the next ones.
	winogradGroup = 64
	// winogradTiles is the number of tiles of a block: 4 times the rows of the
	// micro-kernel.
	winogradTiles = 28
	// winogradBlockK is the number of products summed before the partial sum
	// is added to the total: the rounding errors of these sums are most of
	// the method's.
	winogradBlockK = 64
)

// Winograd describes a batch of 3x3 convolutions computed by Winograd's
// method. Stride, dilation and groups of Shape are 1.
type Winograd struct {
	Shape
	// Pool takes the maximum of every 2x2 outputs, as package pool takes it, so
	// that dst is (OutH/2, OutW/2, OutC): an odd last row or column is left out.
	// There is no residual then. OutH and OutW are at least 2.
	Pool bool
	// Size is the outputs of a whole tile along an axis: 4, which 0 means, or 2.
	Size int
}

func (s *Winograd) size() int { return orElse(s.Size, 4) }

// weights is the number of transformed weights of a pair of channels.
func (s *Winograd) weights() int { return (s.size() + 2) * (s.size() + 2) }

// slots is the number of the last point, and one.
func (s *Winograd) slots() int { return 7*(s.size()+1) + 1 }

// Tiles is the number of tiles of an image.
func (s *Winograd) Tiles() int { return s.rows() * s.cols() }

func (s *Winograd) rows() int { return (s.height() + s.size() - 1) / s.size() }
func (s *Winograd) cols() int { return (s.width() + s.size() - 1) / s.size() }

// Tile returns the outputs of tile t of a batch: h rows of w pixels from (y, x)
// of image n, of the size of dst.
func (s *Winograd) Tile(t int) (n, y, x, h, w int) {
	n, t = t/s.Tiles(), t%s.Tiles()
	y, x = s.size()*(t/s.cols()), s.size()*(t%s.cols())
	h, w = min(s.size(), s.height()-y), min(s.size(), s.width()-x)
	if s.Pool {
		return n, y / 2, x / 2, h / 2, w / 2
	}
	return n, y, x, h, w
}

// height and width are those of the part of the output that is needed.
func (s *Winograd) height() int { return s.needed(s.OutH) }
func (s *Winograd) width() int  { return s.needed(s.OutW) }

func (s *Winograd) needed(n int) int {
	if s.Pool {
		return n &^ 1
	}
	return n
}

// ChannelGroups is the number of groups of output channels: the unit in which
// [RunWinograd] splits them. Group i starts at channel WinogradGroup·i.
func (s *Winograd) ChannelGroups() int { return (s.OutC + winogradGroup - 1) / winogradGroup }

// WinogradGroup is the number of channels of a group, the last one apart.
const WinogradGroup = winogradGroup

// Products is the number of multiplications of n images in the matrix products.
func (s *Winograd) Products(n int) int {
	points := func(outputs int) int {
		p := outputs / s.size() * (s.size() + 2)
		if rest := outputs % s.size(); rest > 0 {
			p += rest + 2
		}
		return p
	}
	return n * points(s.height()) * points(s.width()) * s.InC * s.OutC
}

// Scratch is the number of floats that [RunWinograd] needs.
func (s *Winograd) Scratch() int {
	return s.slots()*(winogradStep(winogradTiles*winogradRow(s.InC))+winogradStep(winogradTiles*winogradGroup)) + s.weights()*s.InC
}

// winogradRow is the distance of the inputs of two tiles at one point: whole
// cache lines, and an odd number of them where they are many.
func winogradRow(channels int) int {
	n := (channels + 15) / 16 * 16
	if n%256 == 0 {
		n += 16
	}
	return n
}

// winogradStep is the distance of two points: an odd number of cache lines, as
// the 36 points of a tile would fall into few sets of the cache otherwise.
func winogradStep(floats int) int { return ((floats+15)/16 | 1) * 16 }

// RunWinograd computes tiles t0 to t1-1 of a batch, whose images lie one after
// the other in dst and src and have s.Tiles() tiles each, for the channels of
// groups g0 to g1-1. packed comes from [PackWinograd], scratch has length
// s.Scratch(). epi may be nil. How the work is split never changes a result.
func RunWinograd(s *Winograd, dst, src, packed []float32, epi *Epilogue, t0, t1, g0, g1 int, scratch []float32) {
	j := winogradJob{
		s: s, dst: dst, src: src, packed: packed,
		srcStride: orElse(s.SrcStride, s.InC), dstStride: orElse(s.DstStride, s.OutC),
		size: s.size(), rows: s.rows(), cols: s.cols(), row: winogradRow(s.InC),
	}
	j.edgeH, j.edgeW = s.height()-j.size*(j.rows-1), s.width()-j.size*(j.cols-1)
	j.epi = epi.orNone(j.dstStride)
	blocks := (t1 - t0 + winogradTiles - 1) / winogradTiles
	for b := range blocks {
		j.block(t0+(t1-t0)*b/blocks, t0+(t1-t0)*(b+1)/blocks, g0, g1, scratch)
	}
}

// winogradJob is a call of RunWinograd.
type winogradJob struct {
	s                    *Winograd
	dst, src, packed     []float32
	epi                  Epilogue
	srcStride, dstStride int
	size                 int // outputs of a whole tile along an axis
	rows, cols           int // tiles of an image
	edgeH, edgeW         int // outputs of the last row and column of tiles
	row                  int // winogradRow

	points [winogradPoints][2]int // the slots of the tiles that have it
	slots  [4]int                 // where the next tile of a kind goes
	gemm   work
	tile   winogradArgs
	v, m   []float32 // of the block: transformed inputs, products
	vStep  int       // from point to point
	mStep  int
	halo   []float32 // inputs of a tile that reaches into the padding
}

// Kinds of tiles by what they lack, in the order of their slots in a block:
// those that have a given point are then neighbours.
const (
	shortRow  = iota // fewer rows of points
	full             // all points
	shortCol         // fewer columns of points
	shortBoth        // both
)

// kind is that of tile t of the batch, h x w outputs at tile (y, x) of image n.
func (j *winogradJob) kind(t int) (kind, n, y, x, h, w int) {
	x, y = t%j.cols, t/j.cols
	n, y = y/j.rows, y%j.rows
	kind, h, w = full, j.size, j.size
	if y == j.rows-1 && j.edgeH < j.size {
		kind, h = shortRow, j.edgeH
	}
	if x == j.cols-1 && j.edgeW < j.size {
		if w = j.edgeW; kind == full {
			kind = shortCol
		} else {
			kind = shortBoth
		}
	}
	return kind, n, y, x, h, w
}

// slot gives the next tile of a kind its place in the block.
func (j *winogradJob) slot(kind int) int {
	j.slots[kind]++
	return j.slots[kind] - 1
}

// block computes tiles t0 to t1-1.
func (j *winogradJob) block(t0, t1, g0, g1 int, scratch []float32) {
	var count [4]int
	for t := t0; t < t1; t++ {
		kind, _, _, _, _, _ := j.kind(t)
		count[kind]++
	}
	first := [4]int{0, count[0], count[0] + count[1], count[0] + count[1] + count[2]}
	j.vStep = winogradStep((t1 - t0) * j.row)
	slots := j.s.slots()
	j.v, scratch = scratch[:slots*j.vStep], scratch[slots*j.vStep:]
	j.mStep = winogradStep((t1 - t0) * winogradGroup)
	j.m, scratch = scratch[:slots*j.mStep], scratch[slots*j.mStep:]
	j.halo = scratch[:j.s.weights()*j.s.InC]

	j.slots = first
	for t := t0; t < t1; t++ {
		kind, n, y, x, h, w := j.kind(t)
		j.input(j.slot(kind), n, j.size*y, j.size*x, h, w)
	}
	for g := g0; g < g1; g++ {
		j.multiply(g, t1-t0, first)
		j.slots = first
		for t := t0; t < t1; t++ {
			kind, n, y, x, h, w := j.kind(t)
			j.output(j.slot(kind), g, n, y, x, h, w)
		}
	}
}

// multiply computes the products of a group at every point, for the tiles that
// have it.
func (j *winogradJob) multiply(g, tiles int, first [4]int) {
	in, cols := j.s.InC, min(winogradGroup, j.s.OutC-g*winogradGroup)
	for p := range j.points {
		lo, hi := 0, tiles
		if p/6 >= j.size+2 || p%6 >= j.size+2 {
			hi = 0 // no tile has it
		}
		if p/6 >= j.edgeH+2 {
			lo, hi = first[full], min(hi, first[shortBoth])
		}
		if p%6 >= j.edgeW+2 {
			hi = min(hi, first[shortCol])
		}
		j.points[p] = [2]int{lo, max(lo, hi)}
	}
	packed := j.packed[j.s.weights()*in*g*winogradGroup:]
	if j.vectorProducts(packed, cols) {
		return
	}
	product := job{blockK: winogradBlockK, in: in, out: cols, groups: 1, srcStride: j.row, dstStride: winogradGroup, joined: true, oneRow: true}
	product.h.taps, product.w.taps, product.w.in = 1, 1, tiles
	product.epi.ResidualStride = winogradGroup
	one := span{step: 1, n: 1}
	st := strip{step: 1, advance: 1, lines: 1, rows: one, cols: one}
	length := in * packedOut(cols)
	for p, at := range j.points {
		if st.n = at[1] - at[0]; st.n == 0 {
			continue
		}
		st.pixel, st.from = at[0], at[0]
		v, m, u := j.v[p*j.vStep:][:j.vStep], j.m[p*j.mStep:][:j.mStep], packed[j.weight(p)*length:][:length]
		j.gemm.tile.src, j.gemm.tile.packed = v, u
		product.strip(&j.gemm, m, v, u, &st, 0, panelsOf(cols))
	}
}

// weight is the place of a point among the packed weights.
func (j *winogradJob) weight(point int) int { return point/6*(j.size+2) + point%6 }

// input transforms the inputs of the tile whose first output is (y, x) into
// its slot.
func (j *winogradJob) input(slot, n, y, x, h, w int) {
	s := j.s
	y, x = y-s.PadTop, x-s.PadLeft
	image := j.src[n*s.InH*s.InW*j.srcStride:]
	v := j.v[slot*j.row:]
	if y >= 0 && x >= 0 && y+h+2 <= s.InH && x+w+2 <= s.InW {
		j.tile.in(v, image[(y*s.InW+x)*j.srcStride:], s.InW*j.srcStride, j.srcStride, j.vStep, h, w, s.InC)
		return
	}
	c := s.InC
	x0, x1 := max(x, 0), max(min(x+w+2, s.InW), 0)
	for i := range h + 2 {
		row := j.halo[i*(w+2)*c:][:(w+2)*c]
		if y+i < 0 || y+i >= s.InH || x0 >= x1 {
			clear(row)
			continue
		}
		from := image[((y+i)*s.InW+x0)*j.srcStride:]
		clear(row[:(x0-x)*c])
		for k := range x1 - x0 {
			copy(row[(x0-x+k)*c:][:c], from[k*j.srcStride:])
		}
		clear(row[(x1-x)*c:])
	}
	j.tile.in(v, j.halo, (w+2)*c, c, j.vStep, h, w, c)
}

// output brings the products of a group of tile (y, x) back from its slot.
func (j *winogradJob) output(slot, g, n, y, x, h, w int) {
	size, outH, outW := j.size, j.s.OutH, j.s.OutW
	if j.s.Pool {
		size, outH, outW = size/2, outH/2, outW/2
	}
	channel := g * winogradGroup
	pixel := (n*outH+y*size)*outW + x*size
	j.tile.out(&j.epi, j.dst, j.m[slot*winogradGroup:], winogradOutput{
		at: pixel*j.dstStride + channel, row: outW * j.dstStride, pixel: j.dstStride, point: j.mStep,
		residual: pixel*j.epi.ResidualStride + channel, residualRow: outW * j.epi.ResidualStride,
		channel: channel, channels: min(winogradGroup, j.s.OutC-channel), h: h, w: w, pool: j.s.Pool,
	})
}

// winogradOutput says where the outputs of a tile go.
type winogradOutput struct {
	at, row, pixel, point int // in dst: the first, from row to row, from pixel to pixel; in m: from point to point
	residual, residualRow int
	channel, channels     int // the first one and their number
	h, w                  int // before pooling
	pool                  bool
}

// PackedLen is the length of the packed weights, 4 times that of the kernel, or
// 16/9 times with a Size of 2.
func (s *Winograd) PackedLen() int { return s.weights() * s.InC * packedOut(s.OutC) }

// PackWinograd packs input channels c0 to c1-1 of Keras's kernel (3, 3, in,
// out) into dst, which has length s.PackedLen(). Calls for disjoint channels
// may run at the same time.
//
// Groups follow each other; a group holds, point after point, what [Pack] makes
// of its weights for a 1x1 kernel of at least wideTerms channels: wide tiles suit
// the short sums here. They are transformed in float64 and rounded
// once.
func PackWinograd(dst, kernel []float32, s *Winograd, c0, c1 int) {
	for o := 0; o < s.OutC; {
		inGroup := o % winogradGroup
		cols := min(winogradGroup, s.OutC-(o-inGroup))
		b := use.block(cols-inGroup, wideTerms)
		at := s.weights()*s.InC*(o-inGroup) + s.InC*inGroup
		for c := c0; c < c1; c++ {
			packWinogradRow(dst[at+c*b.packed:], kernel[c*s.OutC+o:], s.InC*s.OutC, s.InC*packedOut(cols), s.size()+2, b)
		}
		o += b.cols
	}
}

// packWinogradRow transforms the kernels of a block's output channels for one
// input channel at n of the points along each axis: tap t of channel i is
// kernel[t*tap+i], point (y, x) goes to dst[(y*n+x)*point+i].
//
// A kernel row g0, g1, g2 becomes the values of g0 + g1·x + g2·x² at the six
// points, divided by the product of the differences to the other finite
// points: 1 at 0, -3/2 at ±a, 6 at ±b.
func packWinogradRow(dst, kernel []float32, tap, point, n int, b block) {
	const (
		a1, a2 = -2.0 / 3 * winogradA, -2.0 / 3 * 0.5
		b1, b2 = 1.0 / 6 * winogradB, 1.0 / 6 * 2
	)
	var rows [3][6][winogradGroup]float64
	for y := range rows {
		k := kernel[3*y*tap:]
		k0, k1, k2 := k[:b.cols], k[tap:][:b.cols], k[2*tap:][:b.cols]
		r := &rows[y]
		for i, v := range k0 {
			g0, g1, g2 := float64(v), float64(k1[i]), float64(k2[i])
			evenA, oddA, evenB, oddB := g0*(-2.0/3)+g2*a2, g1*a1, g0*(1.0/6)+g2*b2, g1*b1
			i &= winogradGroup - 1
			r[0][i], r[1][i], r[2][i], r[3][i], r[4][i], r[5][i] = g0, g2, evenA+oddA, evenA-oddA, evenB+oddB, evenB-oddB
		}
	}
	for x := range n {
		r0, r1, r2 := rows[0][x][:b.packed], rows[1][x][:b.packed], rows[2][x][:b.packed]
		d, down := dst[x*point:], n*point
		d0, d1, d2, d3 := d[:b.packed], d[down:][:b.packed], d[2*down:][:b.packed], d[3*down:][:b.packed]
		for i, g0 := range r0 {
			even, odd := g0*(-2.0/3)+r2[i]*a2, r1[i]*a1
			d0[i], d1[i], d2[i], d3[i] = float32(g0), float32(r2[i]), float32(even+odd), float32(even-odd)
		}
		if n == 6 {
			d4, d5 := d[4*down:][:b.packed], d[5*down:][:b.packed]
			for i, g0 := range r0 {
				even, odd := g0*(1.0/6)+r2[i]*b2, r1[i]*b1
				d4[i], d5[i] = float32(even+odd), float32(even-odd)
			}
		}
	}
}

// Rough costs of a core in nanoseconds.
const (
	winogradProduct = 2 / 110.0 // a multiplication and addition
	winogradByte    = 1 / 30.0  // a byte of weights from memory
	winogradEntry   = 4.0       // the input transform of a tile's channel
	winogradReturn  = 3.0       // the output transform
	winogradStore   = 4         // storing products costs as much as this many more input channels
)

// Pays tells whether a batch of images is computed faster this way than by
// [Run]. It depends on the shape alone, not on the machine.
func (s *Winograd) Pays(images int) bool {
	if s.KH != 3 || s.KW != 3 || s.StrideH != 1 || s.StrideW != 1 || s.DilationH != 1 || s.DilationW != 1 || s.Groups != 1 ||
		s.InC < 8 || s.OutC < 8 {
		return false
	}
	weights := float64(4 * s.InC * s.OutC)
	direct := winogradProduct*float64(images*s.Multiplications()) + winogradByte*9*weights
	return s.Nanoseconds(images)+winogradByte*float64(s.weights())*weights < direct
}

// Choose sets Size to what is faster for one image: smaller tiles multiply more
// and read less. It does not depend on the batch, so that a convolution has its
// weights in one form.
func (s *Winograd) Choose() {
	best := math.Inf(1)
	for _, size := range []int{2, 4} {
		t := *s
		t.Size = size
		// A block of tiles reads the weights once.
		blocks := float64((t.Tiles() + winogradTiles - 1) / winogradTiles)
		if ns := t.Nanoseconds(1) + winogradByte*blocks*float64(4*t.PackedLen()); ns < best {
			best, s.Size = ns, size
		}
	}
}

// Nanoseconds is about how long one core takes for a batch of images, weights
// in a cache.
func (s *Winograd) Nanoseconds(images int) float64 {
	products := float64(s.Products(images)) * float64(s.InC+winogradStore) / float64(s.InC)
	return winogradProduct*products + float64(images*s.Tiles())*(winogradEntry*float64(s.InC)+winogradReturn*float64(s.OutC))
}
