package conv

// Packed weights are panels of use.width output channels, group after group,
// and a panel is one or more blocks. A block holds, tap after tap and input
// channel after input channel, block.packed weights; columns past the last
// channel are zero.

func panelsOf(out int) int { return (out + use.width - 1) / use.width }

// packedOut is the number of columns out channels are packed into.
func packedOut(out int) int { return (out + use.lanes - 1) / use.lanes * use.lanes }

func packedLen(taps, in, out, groups int) int {
	return groups * packedOut(out) * taps * in
}

// PackRows packs rows lo to hi-1 of Keras's kernel (kh, kw, in/groups, out),
// read as a matrix of OutC columns, into their places in dst, which has length
// PackedLen(s): what [Pack] does for all rows at once.
func PackRows(dst, rows []float32, s *Shape, lo, hi int) {
	for b := s.firstBlock(); b.cols > 0; b = s.nextBlock(b) {
		for r := lo; r < hi; r++ {
			row := dst[b.at+r*b.packed:][:b.packed]
			copy(row, rows[(r-lo)*s.OutC+b.channel:][:b.cols])
			clear(row[b.cols:])
		}
	}
}

// UnpackRows is the inverse of [PackRows].
func UnpackRows(rows, packed []float32, s *Shape, lo, hi int) {
	for b := s.firstBlock(); b.cols > 0; b = s.nextBlock(b) {
		for r := lo; r < hi; r++ {
			copy(rows[(r-lo)*s.OutC+b.channel:][:b.cols], packed[b.at+r*b.packed:])
		}
	}
}

// A packedBlock is a block and where it lies: at in the packed weights, its
// first column is output channel channel. One without columns is past the last.
type packedBlock struct {
	block
	at, channel int
}

func (s *Shape) firstBlock() packedBlock {
	return packedBlock{block: use.block(s.OutC/s.Groups, s.rows())}
}

func (s *Shape) nextBlock(b packedBlock) packedBlock {
	out := s.OutC / s.Groups
	next := packedBlock{at: b.at + s.rows()*b.packed, channel: b.channel + b.cols}
	if next.channel < s.OutC {
		next.block = use.block(out-next.channel%out, s.rows())
	}
	return next
}

// rows is the number of rows of the kernel, read as a matrix of OutC columns.
func (s *Shape) rows() int { return s.KH * s.KW * (s.InC / s.Groups) }

// packTurned packs weights (tap, output channel, input channel), which lie the
// other way round than those of a convolution.
func packTurned(dst, kernel []float32, taps, in, out int) {
	for o := 0; o < out; {
		b := use.block(out-o, taps*in)
		for t := range taps {
			from := kernel[(t*out+o)*in:]
			for c := range in {
				row := dst[:b.packed]
				for j := range row[:b.cols] {
					row[j] = from[j*in+c]
				}
				clear(row[b.cols:])
				dst = dst[b.packed:]
			}
		}
		o += b.cols
	}
}

// unpackTurned is the inverse of packTurned.
func unpackTurned(kernel, packed []float32, taps, in, out int) {
	for o := 0; o < out; {
		b := use.block(out-o, taps*in)
		for t := range taps {
			to := kernel[(t*out+o)*in:]
			for c := range in {
				for j, v := range packed[:b.cols] {
					to[j*in+c] = v
				}
				packed = packed[b.packed:]
			}
		}
		o += b.cols
	}
}
