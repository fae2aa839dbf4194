package step

import (
	"fmt"

	"github.com/kerasrun/kerasrun/kernels/conv"
	"github.com/kerasrun/kerasrun/runtime/weight"
)

// A plane is one of the convolution kernels, made for images of one size. It
// calls them statically, since an epilogue behind an interface or a function
// value would be allocated.
type plane struct {
	kind       planeKind
	conv       conv.Shape
	depthwise  conv.DepthwiseShape
	transposed conv.TransposedShape

	in, out    int // floats of an input and an output plane, gaps between pixels included
	outC       int // channels of the output
	srcStride  int // floats from pixel to pixel
	dstStride  int
	outH, outW int
	kernelLen  int // floats of a slice of the kernel and of its packed form
	packedLen  int
}

type planeKind uint8

const (
	direct planeKind = iota
	depthwise
	transposed
)

// measure computes the sizes from the shape of the kind.
func (p *plane) measure() {
	switch p.kind {
	case direct:
		s := &p.conv
		p.srcStride, p.dstStride, p.outC = orElse(s.SrcStride, s.InC), orElse(s.DstStride, s.OutC), s.OutC
		p.in, p.out, p.outH, p.outW = s.InH*s.InW*p.srcStride, s.OutH*s.OutW*p.dstStride, s.OutH, s.OutW
		p.kernelLen, p.packedLen = s.KH*s.KW*(s.InC/s.Groups)*s.OutC, conv.PackedLen(s)
	case depthwise:
		s := &p.depthwise
		p.outC = s.InC * s.Multiplier
		p.srcStride, p.dstStride = orElse(s.SrcStride, s.InC), orElse(s.DstStride, p.outC)
		p.in, p.out, p.outH, p.outW = s.InH*s.InW*p.srcStride, s.OutH*s.OutW*p.dstStride, s.OutH, s.OutW
		p.kernelLen, p.packedLen = s.KH*s.KW*p.outC, conv.DepthwisePackedLen(s)
	case transposed:
		s := &p.transposed
		p.srcStride, p.dstStride, p.outC = orElse(s.SrcStride, s.InC), orElse(s.DstStride, s.OutC), s.OutC
		p.in, p.out, p.outH, p.outW = s.InH*s.InW*p.srcStride, s.OutH*s.OutW*p.dstStride, s.OutH, s.OutW
		p.kernelLen, p.packedLen = s.KH*s.KW*s.OutC*s.InC, conv.TransposedPackedLen(s)
	}
}

// spread sets the distances between pixels, 0 for the number of channels.
func (p *plane) spread(src, dst int) {
	p.conv.SrcStride, p.depthwise.SrcStride, p.transposed.SrcStride = src, src, src
	p.conv.DstStride, p.depthwise.DstStride, p.transposed.DstStride = dst, dst, dst
	p.measure()
}

// family names the kernel, form its packed weights.
func (p *plane) family() string { return [...]string{"conv", "depthwise", "transposed"}[p.kind] }

func (p *plane) form() string {
	if p.kind == direct {
		return fmt.Sprintf("conv %d", p.conv.Groups)
	}
	return p.family()
}

// kernel names the kernel and its variant.
func (p *plane) kernel(name string) string {
	if p.kind == depthwise {
		return kernelOn(conv.DepthwiseVariant(&p.depthwise), p.family(), name)
	}
	return kernel(p.family(), name)
}

// multiplications counts those of one plane and depth tap.
func (p *plane) multiplications() int {
	switch p.kind {
	case direct:
		return p.conv.Multiplications()
	case depthwise:
		return p.outH * p.outW * p.outC * p.depthwise.KH * p.depthwise.KW
	}
	return p.transposed.InH * p.transposed.InW * p.transposed.InC * p.transposed.KH * p.transposed.KW * p.transposed.OutC
}

// narrow keeps the first columns of the output only.
func (p *plane) narrow(columns int) {
	p.conv.OutW, p.depthwise.OutW = columns, columns
	p.measure()
}

// cut makes p the part of itself that computes output rows, or columns when
// wide, lo to hi-1, and returns where its input starts.
func (p *plane) cut(lo, hi int, wide bool) (from int) {
	c, d := &p.conv, &p.depthwise
	switch {
	case p.kind == depthwise && wide:
		from = cutAxis(&d.InW, &d.OutW, &d.PadLeft, d.StrideW, lo, hi) * p.srcStride
	case p.kind == depthwise:
		from = cutAxis(&d.InH, &d.OutH, &d.PadTop, d.StrideH, lo, hi) * d.InW * p.srcStride
	case wide:
		from = cutAxis(&c.InW, &c.OutW, &c.PadLeft, c.StrideW, lo, hi) * p.srcStride
	default:
		from = cutAxis(&c.InH, &c.OutH, &c.PadTop, c.StrideH, lo, hi) * c.InW * p.srcStride
	}
	p.measure()
	return from
}

// cutAxis limits an axis to outputs lo to hi-1 and returns the first input left.
func cutAxis(in, out, pad *int, stride, lo, hi int) (first int) {
	at := lo*stride - *pad
	first = min(max(at, 0), *in-1)
	*in, *out, *pad = *in-first, hi-lo, first-at
	return first
}

// packAll packs the slices of a kernel, one a depth tap.
func (p *plane) packAll(dst, kernel []float32, taps int) {
	for t := range taps {
		d, k := dst[t*p.packedLen:][:p.packedLen], kernel[t*p.kernelLen:][:p.kernelLen]
		switch p.kind {
		case direct:
			conv.Pack(d, k, &p.conv)
		case depthwise:
			conv.PackDepthwise(d, k, &p.depthwise)
		case transposed:
			conv.PackTransposed(d, k, &p.transposed)
		}
	}
}

// nsFLOP is the time of a multiplication or addition.
func (p *plane) nsFLOP() float64 {
	if p.kind == depthwise {
		return nsDepthwise
	}
	return nsFLOP
}

// layout is how a kernel of so many depth taps is packed.
func (p *plane) layout(taps int) weight.Layout {
	l := weight.Layout{
		Len:  p.packedLen * taps,
		Pack: func(packed, kernel []float32, _ int) { p.packAll(packed, kernel, taps) },
	}
	switch p.kind {
	case direct:
		width := p.conv.OutC
		l.Unit = width
		l.Pack = func(packed, rows []float32, at int) { p.eachSlice(packed, rows, at, conv.PackRows) }
		l.Unpack = func(rows, packed []float32, at int) {
			p.eachSlice(packed, rows, at, func(packed, rows []float32, s *conv.Shape, lo, hi int) { conv.UnpackRows(rows, packed, s, lo, hi) })
		}
	case transposed:
		l.Unpack = func(kernel, packed []float32, _ int) {
			for t := range taps {
				conv.UnpackTransposed(kernel[t*p.kernelLen:][:p.kernelLen], packed[t*p.packedLen:][:p.packedLen], &p.transposed)
			}
		}
	}
	return l
}

// eachSlice calls do for the slices of a kernel that have a part in rows, whose
// first element is number at of the kernel.
func (p *plane) eachSlice(packed, rows []float32, at int, do func(packed, rows []float32, s *conv.Shape, lo, hi int)) {
	for len(rows) > 0 {
		slice, in := at/p.kernelLen, at%p.kernelLen
		n := min(len(rows), p.kernelLen-in)
		do(packed[slice*p.packedLen:][:p.packedLen], rows[:n], &p.conv, in/p.conv.OutC, (in+n)/p.conv.OutC)
		rows, at = rows[n:], at+n
	}
}

// panelCount is the number of parts that the output channels split into.
func (p *plane) panelCount() int {
	if p.kind != direct || p.conv.Groups > 1 {
		return 1
	}
	return conv.Panels(&p.conv)
}

// channels are the output channels of panels p0 to p1-1.
func (p *plane) channels(p0, p1 int) (lo, hi int) {
	c := p.outC
	if n := p.panelCount(); n > 1 && p1-p0 < n {
		w := panelWidth()
		return p0 * w, min(p1*w, c)
	}
	return 0, c
}

// panelWidth is the number of channels of a panel, read off the kernel's own count.
func panelWidth() int {
	w := 1
	for {
		s := conv.DenseShape(1, 1, w+1)
		if conv.Panels(&s) > 1 {
			return w
		}
		w++
	}
}

// run computes rows y0 to y1-1 and, where panels are more than one, panels p0 to p1-1.
func (p *plane) run(dst, src, packed []float32, e *conv.Epilogue, y0, y1, p0, p1 int) {
	switch {
	case p.kind == depthwise:
		conv.RunDepthwise(&p.depthwise, dst, src, packed, e, y0, y1)
	case p.kind == transposed:
		conv.RunTransposed(&p.transposed, dst, src, packed, e, y0, y1)
	case p.panelCount() == 1:
		conv.Run(&p.conv, dst, src, packed, e, y0, y1)
	default:
		conv.RunPanels(&p.conv, dst, src, packed, e, y0, y1, p0, p1)
	}
}
