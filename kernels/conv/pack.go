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

// packGroup packs one group, whose weight of (tap, input channel, output
// channel) lies at kernel[tap*tapStep + c*inStep + o*outStep], and returns
// what is left of dst.
func packGroup(dst, kernel []float32, taps, in, out, tapStep, inStep, outStep int) []float32 {
	for o := 0; o < out; {
		b := use.block(out-o, taps*in)
		for t := 0; t < taps; t++ {
			at := t*tapStep + o*outStep
			for c := 0; c < in; c++ {
				row := dst[:b.packed]
				if outStep == 1 {
					copy(row, kernel[at:][:b.cols])
				} else {
					for j := range row[:b.cols] {
						row[j] = kernel[at+j*outStep]
					}
				}
				clear(row[b.cols:])
				dst = dst[b.packed:]
				at += inStep
			}
		}
		o += b.cols
	}
	return dst
}
