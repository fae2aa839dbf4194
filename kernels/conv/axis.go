package conv

// axis relates output and input positions along one image axis. Tap t of
// output o reads input
//
//	o*stride - offset + t*dilation           convolution
//	(o + offset - t*dilation) / stride       transposed, if it divides
//
// and counts only when that lies in [0, in).
type axis struct {
	in, out          int
	taps             int
	stride, dilation int
	offset           int // pad or crop
	transposed       bool
	lo, hi           int // convolution: outputs all of whose taps count
}

func newAxis(in, out, taps, stride, dilation, pad int) axis {
	a := axis{in: in, out: out, taps: taps, stride: stride, dilation: dilation, offset: pad}
	a.lo = (max(pad, 0) + stride - 1) / stride
	if last := in - 1 + pad - (taps-1)*dilation; last >= 0 {
		a.hi = min(last/stride+1, out)
	}
	return a
}

func newTransposedAxis(in, out, taps, stride, dilation, crop int) axis {
	return axis{in: in, out: out, taps: taps, stride: stride, dilation: dilation, offset: crop, transposed: true}
}

// span is the run of taps that count for an output: n taps from first in
// steps of step; the first reads input pos, each further one pos+move.
type span struct {
	first, step, n int
	pos, move      int
}

func (a *axis) span(o int) span {
	if a.transposed {
		return a.transposedSpan(o)
	}
	pos := o*a.stride - a.offset
	s := span{step: 1, move: a.dilation}
	if pos < 0 {
		s.first = (-pos + a.dilation - 1) / a.dilation
	}
	if left := a.in - 1 - pos; left >= 0 {
		s.n = max(0, min(a.taps-1, left/a.dilation)-s.first+1)
	}
	s.pos = pos + s.first*a.dilation
	return s
}

func (a *axis) transposedSpan(o int) span {
	s := span{step: a.stride / gcd(a.stride, a.dilation)}
	s.move = -(s.step * a.dilation / a.stride)
	for t := 0; t < a.taps; t++ {
		at := o + a.offset - t*a.dilation
		if at < 0 {
			break
		}
		if at%a.stride != 0 {
			continue
		}
		if at/a.stride < a.in {
			if s.n == 0 {
				s.first, s.pos = t, at/a.stride
			}
			s.n++
		}
	}
	return s
}

// phases is the distance between outputs that use the same taps, and advance
// how far their inputs lie apart.
func (a *axis) phases() (phases, advance int) {
	if a.transposed {
		return a.stride, 1
	}
	return 1, a.stride
}

// run is the span of output o and the number of outputs o, o+phases, ... that
// have the same taps.
func (a *axis) run(o int) (span, int) {
	s := a.span(o)
	if !a.transposed && o >= a.lo && o < a.hi {
		return s, a.hi - o
	}
	phases, _ := a.phases()
	n := 1
	for o += phases; o < a.out; o += phases {
		next := a.span(o)
		if next.n != s.n || next.first != s.first {
			break
		}
		n++
	}
	return s, n
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
