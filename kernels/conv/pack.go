package conv

// Packed weights are panels of panelWidth output channels, group after group.
// A panel holds, tap after tap and input channel after input channel,
// panelWidth weights; columns past the last channel are zero.

func panelsOf(out int) int { return (out + panelWidth - 1) / panelWidth }

func packedLen(taps, in, out, groups int) int {
	return groups * panelsOf(out) * taps * in * panelWidth
}

// packGroup packs one group, whose weight of (tap, input channel, output
// channel) lies at kernel[tap*tapStep + c*inStep + o*outStep], and returns
// what is left of dst.
func packGroup(dst, kernel []float32, taps, in, out, tapStep, inStep, outStep int) []float32 {
	for o := 0; o < out; o += panelWidth {
		width := min(panelWidth, out-o)
		for t := 0; t < taps; t++ {
			at := t*tapStep + o*outStep
			for c := 0; c < in; c++ {
				row := dst[:panelWidth]
				for j := range row {
					row[j] = 0
					if j < width {
						row[j] = kernel[at+j*outStep]
					}
				}
				dst = dst[panelWidth:]
				at += inStep
			}
		}
	}
	return dst
}
