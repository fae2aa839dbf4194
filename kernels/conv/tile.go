package conv

// Tile sizes of the kernel variant in use. An assembly variant brings its own.
const (
	// panelWidth is the number of output channels of a packed panel and of a
	// tile.
	panelWidth = 4
	// tileRows is the largest number of pixels a tile call takes.
	tileRows = 16
	// blockK is the number of products summed before the partial sum is added
	// to the total. One sum over all would lose 2 to 4 times the digits that
	// TensorFlow's blocked sums do at 5000 terms and more.
	blockK = 256
)

// tileArgs are the arguments of the micro-kernel: sums of products for up to
// tileRows pixels times panelWidth channels. The products are n1 x n0 segments
// of k terms; segment (i, j) starts at
//
//	src[a + r*rowStep + i*a1 + j*a0]     for pixel r, k floats
//	packed[b + i*b1 + j*b0]              k rows of panelWidth floats
//
// and every sum is added to sum[r*panelWidth+c].
type tileArgs struct {
	src, packed   []float32
	a, b          int
	rows, rowStep int
	k             int
	n0, a0, b0    int
	n1, a1, b1    int
	sum           [tileRows * panelWidth]float32
}

// multiply runs the micro-kernel over all segments of t, in pieces of about
// blockK terms.
func (t *tileArgs) multiply() {
	if t.k*t.n0*t.n1 <= blockK {
		tile(t)
		return
	}
	a, b, k, n0, n1 := t.a, t.b, t.k, t.n0, t.n1
	t.n0, t.n1 = 1, 1
	for i := 0; i < n1; i++ {
		for j := 0; j < n0; j++ {
			for o := 0; o < k; o += blockK {
				t.a, t.b = a+i*t.a1+j*t.a0+o, b+i*t.b1+j*t.b0+o*panelWidth
				t.k = min(blockK, k-o)
				tile(t)
			}
		}
	}
	t.a, t.b, t.k, t.n0, t.n1 = a, b, k, n0, n1
}

// tile is the micro-kernel of the variant in use.
func tile(t *tileArgs) { tile1x4(t) }
