package step

import (
	"slices"

	"github.com/kerasrun/kerasrun/kernels/conv"
	"github.com/kerasrun/kerasrun/kernels/pool"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// A pooledConvolution is a convolution whose result is read by a max pooling
// alone. It never stores the image in between: a chunk computes the lines of it
// that a few lines of the result need, into its scratch, and pools them from
// there.
//
// A line is a row of the image, or one pixel where the image is a single row.
type pooledConvolution struct {
	*convolution
	pool  pool.Shape // of whole images
	wide  bool       // lines are pixels
	axis  poolAxis   // along which lines follow each other
	line  int        // floats of a line of the image in between
	lines int        // lines of the result that are computed at a time
	most  int        // lines in between that the scratch holds
}

// A poolAxis is one axis of a pooling.
type poolAxis struct{ in, out, taps, stride, pad int }

func axisOf(s *pool.Shape, wide bool) poolAxis {
	if wide {
		return poolAxis{s.InW, s.OutW, s.KW, s.StrideW, s.PadLeft}
	}
	return poolAxis{s.InH, s.OutH, s.KH, s.StrideH, s.PadTop}
}

// window returns the inputs from to end-1 that outputs y0 to y1-1 cover.
func (a *poolAxis) window(y0, y1 int) (from, end int) {
	from = max(0, y0*a.stride-a.pad)
	return from, max(from, min(a.in, (y1-1)*a.stride-a.pad+a.taps))
}

// The floats of a block of lines in between, which should stay in a
// second-level cache: more where each block reads large weights again.
const (
	pooledFloats      = 1 << 15
	pooledFloatsLarge = 1 << 17
)

// wideLines is the fewest pixels in between of a chunk: a few full tiles.
const wideLines = 112

// overlapTaps is the number of products of a result up to which results may be
// computed twice where windows overlap at the border of two chunks.
const overlapTaps = 64

// PoolsFaster reports whether a convolution by a kernel of the given shape, with
// epilogue e, is faster than without the pooling of e and the pooling after it.
func PoolsFaster(op graph.Op, kernel graph.Shape, e Epilogue) bool {
	rank := len(e.Pool.Size)
	if len(kernel) != rank+2 {
		return false
	}
	terms := elems(kernel[:rank])
	if c, ok := op.(graph.Conv); ok {
		terms *= kernel[rank]
		if winogradForm(c, kernel) {
			return winogradPools(e)
		}
	}
	return e.Pool.Size[0] <= e.Pool.Strides[0] || terms <= overlapTaps
}

// winogradForm reports whether a convolution may run by Winograd's method.
func winogradForm(c graph.Conv, kernel graph.Shape) bool {
	three, one := []int{3, 3}, []int{1, 1}
	return c.Groups == 1 && slices.Equal(kernel[:len(kernel)-2], three) && slices.Equal(c.Strides, one) &&
		slices.Equal(c.Dilation, one) && kernel[2] >= fewChannels && kernel[3] >= fewChannels
}

// fewChannels is less than what Winograd's method needs to be faster.
const fewChannels = 8

// winogradPools reports whether Winograd's method does all of e.
func winogradPools(e Epilogue) bool {
	two := []int{2, 2}
	return !e.Residual && newFinish(e.Act).act == nil &&
		slices.Equal(e.Pool.Size, two) && slices.Equal(e.Pool.Strides, two) && e.Pool.Padding.Mode == graph.Valid
}

func (m *maker) pooledConvolution(c *convolution, op graph.Pool, images int) Step {
	y := m.Out[0].Shape
	s := windows(m.own[0].Shape, y, op.Size, op.Strides, []int{1, 1}[:len(op.Size)], op.Padding)
	p := &pooledConvolution{convolution: c, wide: c.outH == 1}
	width := c.outC
	if !p.wide && !m.Epilogue.Residual {
		// Columns that no window covers are not computed.
		c.narrow(max(1, min(c.outW, (s.out[2]-1)*s.stride[2]-s.before[2]+s.taps[2])))
	}
	p.pool = pool.Shape{
		InH: c.outH, InW: c.outW, C: width, OutH: s.out[1], OutW: s.out[2], KH: s.taps[1], KW: s.taps[2],
		StrideH: s.stride[1], StrideW: s.stride[2], PadTop: s.before[1], PadLeft: s.before[2],
		SrcStride: width, DstStride: orElse(m.OutStride, width),
	}
	p.line, p.axis = p.pool.InW*width, axisOf(&p.pool, p.wide)
	if p.wide {
		p.line = width
	}
	floats := pooledFloats
	if len(c.packed) > smallWeights {
		floats = pooledFloatsLarge
	}
	overlap := p.axis.taps - p.axis.stride
	p.lines = min(p.axis.out, max(1, (floats/p.line-overlap)/p.axis.stride))
	p.most = min(p.axis.in, (p.lines-1)*p.axis.stride+p.axis.taps)

	flops, compares := 2*float64(c.multiplications()*images), float64(elems(y)*p.pool.KH*p.pool.KW)
	ns := flops*c.nsFLOP() + compares*nsPool
	c.rows, c.panels = c.split(images*p.axis.out, ns)
	if p.wide {
		c.rows.chunks = min(c.rows.chunks, max(1, c.rows.n*p.axis.stride/wideLines))
	}
	packing := c.info.Scratch
	c.base = m.base(c.info.Kernel, flops+compares, split{c.rows.n, c.rows.chunks * c.panels.chunks, ns})
	c.info.Scratch = packing + p.most*p.line
	return p
}

func (p *pooledConvolution) Run(a *Args, chunk int, scratch []float32) error {
	p.join(a, chunk, chunk+1, scratch)
	return nil
}

func (p *pooledConvolution) join(a *Args, lo, hi int, scratch []float32) (next int) {
	y0, y1, p0, p1, next := rectangle(p.rows, p.panels, lo, hi)
	p.run(a, y0, y1, p0, p1, scratch)
	return next
}

// run computes lines lo to hi-1 of the images of the result, panels p0 to p1-1.
func (p *pooledConvolution) run(a *Args, lo, hi, p0, p1 int, scratch []float32) {
	packed, scratch := p.weights(a, scratch)
	x, residual, dst := p.x.of(a), p.residual.of(a), result(a)
	e := conv.Epilogue{Bias: p.bias.of(a)}
	p.into(&e)
	out := p.pool.OutH * p.pool.OutW * p.pool.DstStride
	for lo < hi {
		n := lo / p.axis.out // the image
		y0 := lo - n*p.axis.out
		y1 := min(p.axis.out, y0+hi-lo)
		if residual != nil {
			e.Residual = part(residual, n, p.plane.out)
		}
		p.image(part(dst, n, out), part(x, n, p.inImage), packed, &e, y0, y1, p0, p1, scratch[:p.most*p.line])
		lo += y1 - y0
	}
}

// image computes lines y0 to y1-1 of one image of the result, block by block.
// Lines in between that the next block reads too are kept.
func (p *pooledConvolution) image(dst, src, packed []float32, e *conv.Epilogue, y0, y1, p0, p1 int, scratch []float32) {
	c0, c1 := p.channels(p0, p1)
	from, end := 0, 0 // the lines that scratch holds
	for y := y0; y < y1; y += p.lines {
		next := min(y+p.lines, y1)
		first, last := p.axis.window(y, next)
		if first >= from && first < end {
			copy(scratch, scratch[(first-from)*p.line:(end-from)*p.line])
		} else {
			end = first
		}
		from = first
		p.convolve(scratch[(end-from)*p.line:], src, packed, *e, end, last, p0, p1)
		end = max(end, last)

		s := p.pool
		s.C = c1 - c0
		pad := p.axis.pad + first - y*p.axis.stride
		if p.wide {
			s.InW, s.OutW, s.PadLeft = last-first, next-y, pad
			pool.Max(&s, dst[y*s.DstStride+c0:], scratch[c0:], 0, 1)
		} else {
			s.InH, s.OutH, s.PadTop = last-first, next-y, pad
			pool.Max(&s, dst[y*s.OutW*s.DstStride+c0:], scratch[c0:], 0, s.OutH)
		}
	}
}

// convolve computes lines y0 to y1-1 of the image in between into dst.
func (p *pooledConvolution) convolve(dst, src, packed []float32, e conv.Epilogue, y0, y1, p0, p1 int) {
	if y0 >= y1 {
		return
	}
	if e.Residual != nil {
		e.Residual = e.Residual[y0*p.line:]
	}
	piece := p.plane
	from := piece.cut(y0, y1, p.wide)
	piece.run(dst, src[from:], packed, &e, 0, piece.outH, p0, p1)
	p.activate(dst[:(y1-y0)*p.line], p0, p1)
}
