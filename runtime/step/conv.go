package step

import (
	"fmt"

	"github.com/kerasrun/kerasrun/kernels/conv"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/weight"
)

// A convolution runs over images with one, two or three spatial axes. The
// kernels know two: one axis is an image of height 1, and with three, an output
// plane is the sum of the convolutions of its input planes (depth taps).
type convolution struct {
	base
	plane
	x, kernel, bias, residual operand
	packed                    []float32 // nil: the kernel is packed in each run
	rows, panels              split     // a chunk is a block of rows times a block of panels
	wide                      bool      // an image is one row: pixels take the place of rows
	block                     int       // rows computed at a time
	spatial
	inImage        int // floats of an image
	residualStride int // floats from pixel to pixel, 0 for that of the result
	finish
}

// spatial holds the spatial axes of a convolution or pooling as depth, height
// and width; missing leading ones are 1.
type spatial struct {
	in, out, taps, stride, dilation, before [3]int
}

func newSpatial(in, out, taps, stride, dilation []int, before func(i int) int) spatial {
	s := spatial{in: [3]int{1, 1, 1}, out: [3]int{1, 1, 1}, taps: [3]int{1, 1, 1}, stride: [3]int{1, 1, 1}, dilation: [3]int{1, 1, 1}}
	off := 3 - len(in)
	for i := range in {
		s.in[off+i], s.out[off+i], s.taps[off+i] = in[i], out[i], taps[i]
		s.stride[off+i], s.dilation[off+i], s.before[off+i] = stride[i], dilation[i], before(i)
	}
	return s
}

// windows is the spatial form of an op that pads.
func windows(x, y graph.Shape, taps, stride, dilation []int, p graph.Padding) spatial {
	in := x[1 : len(x)-1]
	return newSpatial(in, y[1:len(y)-1], taps, stride, dilation, func(i int) int {
		before, _ := p.Pads(i, in[i], (taps[i]-1)*dilation[i]+1, stride[i])
		return before
	})
}

// depthTap returns the input plane that output plane o reads, weighted with
// slice t of the kernel. It reports false for one on padding.
func (c *convolution) depthTap(o, t int) (from int, ok bool) {
	if c.kind == transposed {
		from = o + c.before[0] - t*c.dilation[0]
		return from / c.stride[0], from >= 0 && from%c.stride[0] == 0 && from/c.stride[0] < c.spatial.in[0]
	}
	from = o*c.stride[0] - c.before[0] + t*c.dilation[0]
	return from, from >= 0 && from < c.spatial.in[0]
}

// depthTaps returns the first and last slice of the kernel that output plane o
// is weighted with, or last < first for none.
func (c *convolution) depthTaps(o int) (first, last int) {
	first, last = 0, c.taps[0]-1
	for first <= last {
		if _, ok := c.depthTap(o, first); ok {
			break
		}
		first++
	}
	for last > first {
		if _, ok := c.depthTap(o, last); ok {
			break
		}
		last--
	}
	return first, last
}

func (m *maker) conv(op graph.Conv) Step {
	x, k, y := m.In[0].Shape, m.In[1].Shape, m.own[0].Shape
	rank := len(x) - 2
	cin, filters := x[rank+1], y[rank+1]
	if op.Groups == cin && cin > 1 { // (window..., 1, c·dm) lies in memory as (window..., c, dm)
		return m.depthwiseOf(windows(x, y, k[:rank], op.Strides, op.Dilation, op.Padding), cin, filters/cin)
	}
	s := windows(x, y, k[:rank], op.Strides, op.Dilation, op.Padding)
	if op.Groups == 1 && s.pointwise() && m.Epilogue.Pool == nil {
		return m.dense(elems(x)/cin, cin, filters)
	}
	p := conv.Shape{
		InH: s.in[1], InW: s.in[2], InC: cin, OutH: s.out[1], OutW: s.out[2], OutC: filters,
		KH: s.taps[1], KW: s.taps[2], StrideH: s.stride[1], StrideW: s.stride[2],
		DilationH: s.dilation[1], DilationW: s.dilation[2], PadTop: s.before[1], PadLeft: s.before[2], Groups: op.Groups,
	}
	if w := m.winograd(s, p); w != nil {
		return w
	}
	return m.convolution(s, plane{kind: direct, conv: p}, fmt.Sprintf("%dx%d", s.taps[1], s.taps[2]))
}

// pointwise reports whether output cells are products of the input cells of the same place.
func (s *spatial) pointwise() bool {
	ones := [3]int{1, 1, 1}
	return s.taps == ones && s.stride == ones && s.in == s.out && s.before == [3]int{}
}

// dense is the product of an (rows, k) matrix with the (k, n) kernel.
func (m *maker) dense(rows, k, n int) Step {
	s := newSpatial([]int{rows, 1}, []int{rows, 1}, []int{1, 1}, []int{1, 1}, []int{1, 1}, func(int) int { return 0 })
	return m.convolution(s, plane{kind: direct, conv: conv.DenseShape(rows, k, n)}, fmt.Sprintf("%dx%dx%d", rows, k, n))
}

func (m *maker) depthwise(op graph.DepthwiseConv) Step {
	x, k, y := m.In[0].Shape, m.In[1].Shape, m.own[0].Shape
	rank := len(x) - 2
	return m.depthwiseOf(windows(x, y, k[:rank], op.Strides, op.Dilation, op.Padding), k[rank], k[rank+1])
}

func (m *maker) depthwiseOf(s spatial, c, multiplier int) Step {
	return m.convolution(s, plane{kind: depthwise, depthwise: conv.DepthwiseShape{
		InH: s.in[1], InW: s.in[2], InC: c, OutH: s.out[1], OutW: s.out[2], Multiplier: multiplier,
		KH: s.taps[1], KW: s.taps[2], StrideH: s.stride[1], StrideW: s.stride[2],
		DilationH: s.dilation[1], DilationW: s.dilation[2], PadTop: s.before[1], PadLeft: s.before[2],
	}}, fmt.Sprintf("%dx%d", s.taps[1], s.taps[2]))
}

func (m *maker) transposed(op graph.ConvTranspose) Step {
	x, k, y := m.In[0].Shape, m.In[1].Shape, m.own[0].Shape
	rank := len(x) - 2
	s := newSpatial(x[1:1+rank], y[1:1+rank], k[:rank], op.Strides, op.Dilation, func(i int) int {
		_, before := op.Out(i, x[1+i], k[i])
		return before
	})
	return m.convolution(s, plane{kind: transposed, transposed: conv.TransposedShape{
		InH: s.in[1], InW: s.in[2], InC: x[rank+1], OutH: s.out[1], OutW: s.out[2], OutC: y[rank+1],
		KH: s.taps[1], KW: s.taps[2], StrideH: s.stride[1], StrideW: s.stride[2],
		DilationH: s.dilation[1], DilationW: s.dilation[2], CropTop: s.before[1], CropLeft: s.before[2],
	}}, fmt.Sprintf("%dx%d", s.taps[1], s.taps[2]))
}

// convolution completes a step whose planes are p.
func (m *maker) convolution(s spatial, p plane, name string) Step {
	p.spread(m.inStride(0), m.OutStride)
	if m.Epilogue.Pool != nil { // it is the pooled image that is spread
		p.spread(m.inStride(0), 0)
	}
	c := &convolution{
		plane: p, x: m.operand(0), bias: m.bias(), residual: m.residual(),
		spatial: s, inImage: s.in[0] * p.in, finish: newFinish(m.Epilogue.Act),
	}
	c.residualStride = m.residualStride()
	images := elems(m.own[0].Shape) / (s.out[0] * p.outH * p.outW * p.outC)
	flops := 2 * float64(p.multiplications()) * float64(s.taps[0]*s.out[0]*images)
	scratch := 0
	if m.value(1) != nil {
		c.packed = m.pack(1, p.form(), p.layout(s.taps[0]))
	} else {
		c.kernel = m.operand(1)
		scratch = p.packedLen * s.taps[0]
	}
	if p.kind != transposed && p.outH == 1 && p.outW >= 2*leastPixels && m.Epilogue.Pool == nil {
		c.wide, c.outH, c.outW = true, p.outW, 1
	}
	ns := flops * p.nsFLOP()
	if w := m.In[1].Shape; c.packed != nil && len(c.packed) > c.inImage {
		ns = max(ns, nsStream(4*int64(elems(w))))
	}
	if c.act != nil {
		ns += float64(elems(m.own[0].Shape)) * nsSmooth
	}
	c.rows, c.panels = c.split(images*s.out[0]*c.outH, ns)
	c.base = m.base(p.kernel(name), flops, split{c.rows.n, c.rows.chunks * c.panels.chunks, ns})
	c.info.Scratch = scratch
	c.block = c.blockOf(c.outH)
	if m.Epilogue.Pool != nil {
		return m.pooledConvolution(c, *m.Epilogue.Pool, images)
	}
	return c
}

const (
	// blockFloats is about how many results are computed before what follows
	// the kernel passes over them: they are still in a cache then.
	blockFloats = 1 << 14
	// smallWeights is the packed length of weights that may be read again for each block.
	smallWeights = 1 << 16
	// tileRows is a multiple of the rows of most tiles of the micro-kernels.
	tileRows = 84
	// leastPixels is the fewest pixels of a chunk: two full tiles.
	leastPixels = 14
	// panelPixels is the fewest pixels of a chunk that has a part of the panels.
	panelPixels = 24
	// nearPacked is the packed length of weights that many chunks may read: half of
	// a second-level cache.
	nearPacked = 1 << 17
)

// blockOf is the number of rows, of at most n, that are computed at a time.
func (c *convolution) blockOf(n int) int {
	if c.act == nil || len(c.packed) > smallWeights {
		return n
	}
	row := c.plane.out / c.outH
	if c.outW == 1 { // rows are pixels
		return max(1, blockFloats/row/tileRows) * tileRows
	}
	return max(1, blockFloats/row)
}

// split chooses chunks for rows of output that take ns together: blocks of
// rows, or of panels where the weights are larger than what they apply to, so
// that each chunk streams a part of the weights once.
func (c *convolution) split(rows int, ns float64) (r, p split) {
	chunks := chunksFor(ns)
	if c.packed == nil {
		chunks = 1 // it packs first
	}
	large := c.inImage
	if c.act != nil { // it passes over whole pixels faster
		large = max(large, nearPacked)
	}
	if c.panelCount() > 1 && (rows < chunks || len(c.packed) > large) {
		p = split{c.panelCount(), min(chunks, c.panelCount()), ns}
		return split{rows, max(1, min(rows*c.outW/panelPixels, rows, chunks/p.chunks)), ns}, p
	}
	most := max(1, rows*c.outW/leastPixels) // blocks of rows
	return split{rows, min(rows, most, chunks), ns}, split{c.panelCount(), 1, ns}
}

func (c *convolution) Run(a *Args, chunk int, scratch []float32) error {
	c.join(a, chunk, chunk+1, scratch)
	return nil
}

func (c *convolution) join(a *Args, lo, hi int, scratch []float32) (next int) {
	r0, r1, p0, p1, next := rectangle(c.rows, c.panels, lo, hi)
	c.run(a, r0, r1, p0, p1, scratch)
	return next
}

// run computes rows lo to hi-1 of the images, panels p0 to p1-1.
func (c *convolution) run(a *Args, lo, hi, p0, p1 int, scratch []float32) {
	packed, _ := c.weights(a, scratch)
	x, bias, residual, dst := c.x.of(a), c.bias.of(a), c.residual.of(a), result(a)
	depth := c.spatial.out[0]
	for lo < hi {
		n := lo / c.outH // the plane
		y0 := lo - n*c.outH
		y1 := min(c.outH, y0+hi-lo, y0+c.block)
		e := conv.Epilogue{Bias: bias, ResidualStride: c.residualStride}
		if residual != nil {
			e.Residual = part(residual, n, c.outH*c.outW*orElse(c.residualStride, c.dstStride))
		}
		c.runPlane(part(dst, n, c.plane.out), part(x, n/depth, c.inImage), packed, e, n%depth, y0, y1, p0, p1)
		lo += y1 - y0
	}
}

// weights returns the packed weights, packing them into scratch if they are not
// constant, and the rest of scratch.
func (c *convolution) weights(a *Args, scratch []float32) (packed, rest []float32) {
	if c.packed != nil {
		return c.packed, scratch
	}
	n := c.packedLen * c.taps[0]
	c.packAll(scratch[:n], c.kernel.of(a), c.taps[0])
	return scratch[:n], scratch[n:]
}

// runPlane computes rows y0 to y1-1 of output plane o: the first depth tap adds
// bias and residual, the others add to the plane, the last one clamps.
func (c *convolution) runPlane(dst, image, packed []float32, e conv.Epilogue, o, y0, y1, p0, p1 int) {
	first, last := c.depthTaps(o)
	if last < first {
		c.withoutInput(dst, e, y0, y1)
	}
	for t := first; t <= last; t++ {
		from, ok := c.depthTap(o, t)
		if !ok {
			continue
		}
		if t > first {
			e.Bias, e.Residual, e.ResidualStride = nil, dst, 0
		}
		if t == last {
			c.into(&e)
		}
		src, w := part(image, from, c.plane.in), packed[t*c.packedLen:][:c.packedLen]
		if !c.wide {
			c.plane.run(dst, src, w, &e, y0, y1, p0, p1)
			continue
		}
		piece, pixel := c.plane, c.plane.out/c.outH
		at := piece.cut(y0, y1, true)
		if e.Residual != nil {
			e.Residual = e.Residual[y0*orElse(e.ResidualStride, pixel):]
		}
		piece.run(dst[y0*pixel:min(y1*pixel, len(dst))], src[at:], w, &e, 0, 1, p0, p1)
	}
	row := c.plane.out / c.outH
	c.activate(dst[y0*row:min(y1*row, len(dst))], p0, p1)
}

// activate applies an activation that kernels do not, to the channels of panels
// p0 to p1-1 of the pixels dst.
func (c *convolution) activate(dst []float32, p0, p1 int) {
	if c.act == nil {
		return
	}
	lo, hi := c.channels(p0, p1)
	c.eachPixel(dst, c.dstStride, lo, hi)
}

// withoutInput is a plane whose depth taps all lie on padding.
func (c *convolution) withoutInput(dst []float32, e conv.Epilogue, y0, y1 int) {
	row := c.plane.out / c.outH
	for i := y0 * row; i < y1*row; i++ {
		var v float32
		if e.Bias != nil {
			v = e.Bias[i%len(e.Bias)]
		}
		if e.Residual != nil {
			v += e.Residual[i]
		}
		dst[i] = v
	}
	if c.clamp {
		c.apply(dst[y0*row : y1*row])
	}
}

// A winograd step runs a 3x3 convolution by Winograd's method. A chunk is a
// block of tiles times a block of groups of channels.
type winograd struct {
	base
	shape             conv.Winograd
	x, bias, residual operand
	packed            []float32
	tiles, groups     split
	residualStride    int // floats from pixel to pixel, 0 for that of the result
	finish
}

// winograd returns the step of a convolution that is faster by Winograd's
// method and whose weights may take the memory, else nil.
func (m *maker) winograd(s spatial, p conv.Shape) Step {
	w := m.value(1)
	if w == nil || s.in[0] > 1 || s.out[0] > 1 || s.taps[0] > 1 {
		return nil
	}
	if m.Epilogue.Pool != nil && (!winogradPools(m.Epilogue) || p.OutH < 2 || p.OutW < 2) {
		return nil
	}
	c := &winograd{
		shape: conv.Winograd{Shape: p, Pool: m.Epilogue.Pool != nil}, residualStride: m.residualStride(), x: m.operand(0), bias: m.bias(), residual: m.residual(),
		finish: newFinish(m.Epilogue.Act),
	}
	c.shape.SrcStride, c.shape.DstStride = m.inStride(0), m.OutStride
	c.shape.Choose()
	images := m.In[0].Shape[0]
	if !c.shape.Pays(images) { // what pays for one image pays for more, see Spec.Fixed
		return nil
	}
	form := fmt.Sprintf("winograd %d", c.shape.Size)
	n := c.shape.PackedLen()
	if !m.packs.Reserve(weight.Key{Of: [4]*weight.Value{w}, Form: form}, 4*int64(n), m.Winograd) {
		return nil
	}
	c.packed = m.pack(1, form, weight.Layout{Len: n, Only: m.Fixed, Pack: func(packed, kernel []float32, _ int) {
		conv.PackWinograd(packed, kernel, &c.shape, 0, c.shape.InC)
	}})
	ns := max(c.shape.Nanoseconds(images), nsStream(int64(4*n)))
	c.tiles, c.groups = splitTiles(images*c.shape.Tiles(), c.shape.ChannelGroups(), 4*n, ns)
	flops := 2 * float64(images*p.Multiplications())
	c.base = m.base(kernel("winograd", fmt.Sprintf("%dx%d,3x3", c.shape.Size, c.shape.Size)), flops, split{c.tiles.n, c.tiles.chunks * c.groups.chunks, ns})
	c.info.Scratch = c.shape.Scratch()
	return c
}

// Tiles of a chunk: what the kernel takes at a time, or, where that leaves few
// chunks, enough to read the weights for, from a cache of the core or another.
const (
	manyTiles   = 28
	enoughTiles = 12
	nearTiles   = 4
	fewChunks   = 8
	nearWeights = 1 << 19 // bytes
)

// splitTiles chooses chunks for tiles that take ns together with weights of the
// given bytes. Few tiles are split by channels as well, which transforms the
// inputs once for each: so a chunk has two groups at least.
func splitTiles(tiles, groups, weights int, ns float64) (t, g split) {
	want, enough := chunksFor(ns), enoughTiles
	if weights <= nearWeights {
		enough = nearTiles
	}
	n := min(want, max(1, tiles/manyTiles, min(fewChunks, tiles/enough)))
	byChannels := 1
	if n < fewChunks {
		byChannels = max(1, min(groups/2, want, fewChunks/n))
	}
	return split{tiles, n, ns}, split{groups, byChannels, ns}
}

func (c *winograd) Run(a *Args, chunk int, scratch []float32) error {
	c.join(a, chunk, chunk+1, scratch)
	return nil
}

func (c *winograd) join(a *Args, lo, hi int, scratch []float32) (next int) {
	t0, t1, g0, g1, next := rectangle(c.tiles, c.groups, lo, hi)
	c.run(a, t0, t1, g0, g1, scratch)
	return next
}

// run computes tiles t0 to t1-1, groups of channels g0 to g1-1.
func (c *winograd) run(a *Args, t0, t1, g0, g1 int, scratch []float32) {
	dst := result(a)
	e := conv.Epilogue{Bias: c.bias.of(a), Residual: c.residual.of(a), ResidualStride: c.residualStride}
	c.into(&e)
	conv.RunWinograd(&c.shape, dst, c.x.of(a), c.packed, &e, t0, t1, g0, g1, scratch)
	if c.act != nil {
		lo, hi := g0*conv.WinogradGroup, min(g1*conv.WinogradGroup, c.shape.OutC)
		for t := t0; t < t1; t++ {
			c.activate(dst, t, lo, hi)
		}
	}
}

// activate applies an activation to channels lo to hi-1 of the outputs of a tile.
func (c *winograd) activate(dst []float32, tile, lo, hi int) {
	outH, outW, stride := c.shape.OutH, c.shape.OutW, orElse(c.shape.DstStride, c.shape.OutC)
	n, y, x, h, w := c.shape.Tile(tile)
	for i := range h {
		at := ((n*outH+y+i)*outW + x) * stride
		c.eachPixel(dst[at:min(at+w*stride, len(dst))], stride, lo, hi)
	}
}
