package conv

// Tile sizes of the plain Go kernel.
const (
	// genericWidth is the number of output channels of a panel and of a tile.
	genericWidth = 4
	// tileRows is the largest number of pixels a tile call takes.
	tileRows = 16
)

// tileArgs are the arguments of the micro-kernel: sums of products for up to
// tileRows pixels times genericWidth channels. The products are n1 x n0 segments
// of k terms; segment (i, j) starts at
//
//	src[a + r*rowStep + i*a1 + j*a0]     for pixel r, k floats
//	packed[b + i*b1 + j*b0]              k rows of genericWidth floats
//
// and every sum is added to sum[r*genericWidth+c].
type tileArgs struct {
	src, packed   []float32
	a, b          int
	rows, rowStep int
	k             int
	n0, a0, b0    int
	n1, a1, b1    int
	blockK        int // terms of a piece
	sum           [tileRows * genericWidth]float32
}

// multiply runs the micro-kernel over all segments of t, in pieces of about
// t.blockK terms.
func (t *tileArgs) multiply() {
	if t.k*t.n0*t.n1 <= t.blockK {
		tile1x4(t)
		return
	}
	a, b, k, n0, n1 := t.a, t.b, t.k, t.n0, t.n1
	t.n0, t.n1 = 1, 1
	for i := 0; i < n1; i++ {
		for j := 0; j < n0; j++ {
			for o := 0; o < k; o += t.blockK {
				t.a, t.b = a+i*t.a1+j*t.a0+o, b+i*t.b1+j*t.b0+o*genericWidth
				t.k = min(t.blockK, k-o)
				tile1x4(t)
			}
		}
	}
	t.a, t.b, t.k, t.n0, t.n1 = a, b, k, n0, n1
}

// genericBlock computes a block of a strip in tiles.
func (j *job) genericBlock(t *tileArgs, dst []float32, s *strip, b *block, at place) {
	t.rowStep, t.blockK = s.advance*j.srcStride, j.blockK
	t.k, t.n0, t.a0, t.b0, t.n1, t.a1, t.b1 = j.segments(s, genericWidth)
	for range s.lines {
		j.genericLine(t, dst, s, b, at)
		at.from += s.lineAdvance * j.srcStride
		at.pixel += s.lineStep
	}
}

func (j *job) genericLine(t *tileArgs, dst []float32, s *strip, b *block, at place) {
	n := s.n
	for o := 0; o < n; o += tileRows {
		t.rows = min(tileRows, n-o)
		t.a, t.b = at.from+o*t.rowStep, at.at
		clear(t.sum[:t.rows*genericWidth])
		t.multiply()
		if b.cols == genericWidth {
			j.epi.storeTile(dst, &t.sum, t.rows, at.pixel+o*s.step, s.step, j.dstStride, at.channel)
			continue
		}
		for r := 0; r < t.rows; r++ {
			j.epi.storeRow(dst, t.sum[r*genericWidth:][:b.cols], at.pixel+(o+r)*s.step, j.dstStride, at.channel)
		}
	}
}
