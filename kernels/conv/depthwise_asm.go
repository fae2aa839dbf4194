//go:build !purego && (amd64 || arm64)

package conv

import "unsafe"

// depthwiseArgs are the arguments of the depthwise kernels in assembly, which
// know the fields by name. A call computes tiles of neighbouring outputs of one
// image row, with all their channels. All but counts are bytes.
type depthwiseArgs struct {
	src, dst, residual unsafe.Pointer // the source's first row that counts; residual may be nil
	weights, bias      unsafe.Pointer // of the first row that counts; bias may be nil
	rows               int            // of the window
	srcRow, srcCol     int            // from tap to tap
	srcStep            int            // from output to output
	dstStep            int
	residualStep       int
	weightRow          int
	weightGroup        int
	last               int // offset of the last group of channels
	clamp              int // 1: clamp to lo, hi
	lo, hi             float32
	tiles              int // counted down
	tile               [depthwiseTiles]depthwiseTile
}

// depthwiseTile is up to 7 or 8 outputs. Columns of the window that lie on
// padding are left out.
type depthwiseTile struct {
	src, dst, residual int // offsets, src of the first column that counts
	weights            int // offset of its weights, for the general kernel
	first, end         int // kernels of one window: columns that count, from the tile's first; else end counts taps
	outputs            int
}

// depthwiseTiles is how many tiles a call takes at most.
const depthwiseTiles = 32

// depthwiseRun is what stays the same for all rows of an image.
type depthwiseRun struct {
	s                    *DepthwiseShape
	w                    axis
	srcStride, dstStride int
	residualStride       int
	lanes, outputs       int
	row                  bool // there is a kernel for the window
	args                 depthwiseArgs
}

func newDepthwiseRun(s *DepthwiseShape) depthwiseRun {
	r := depthwiseRun{
		s: s, w: newAxis(s.InW, s.OutW, s.KW, s.StrideW, s.DilationW, s.PadLeft),
		srcStride: orElse(s.SrcStride, s.InC), dstStride: orElse(s.DstStride, s.InC*s.Multiplier),
		lanes: depthwiseLanes(s),
	}
	r.chooseOutputs()
	return r
}

func runDepthwiseVector(s *DepthwiseShape, dst, src, packed []float32, epi *Epilogue, y0, y1 int) {
	if s.Multiplier > 1 || s.InC < depthwiseLanes(s) {
		runDepthwiseGathered(s, dst, src, packed, epi, y0, y1)
		return
	}
	const size = 4 // bytes of a float32
	h := newAxis(s.InH, s.OutH, s.KH, s.StrideH, s.DilationH, s.PadTop)
	r := newDepthwiseRun(s)
	e := epi.orNone(r.dstStride)
	r.residualStride = e.ResidualStride

	// An overlapping last group would add a residual twice where it is dst:
	// its channels are left to the plain loop.
	channels := s.InC
	if e.Residual != nil {
		channels -= s.InC % r.lanes
	}
	a := &r.args
	a.srcCol, a.srcRow = size*s.DilationW*r.srcStride, size*s.DilationH*s.InW*r.srcStride
	a.srcStep, a.dstStep, a.residualStep = size*s.StrideW*r.srcStride, size*r.dstStride, size*r.residualStride
	a.weightRow = size * s.KW * r.lanes
	a.weightGroup = s.KH * a.weightRow
	a.last = size * (channels - r.lanes)
	if e.Bias != nil {
		a.bias = unsafe.Pointer(&e.Bias[:s.InC][0])
	}
	if e.Clamp {
		a.clamp, a.lo, a.hi = 1, e.Lo, e.Hi
	}
	packed = packed[:DepthwisePackedLen(s)]
	for x := 0; x < s.OutW; {
		n, next := r.tiles(x, depthwiseTiles)
		for y := y0; y < y1; y++ {
			rows := h.span(y)
			a.rows, a.src, a.weights = max(rows.n, 0), nil, nil
			if a.rows > 0 {
				// The row's last pixel of the last row of the window: no tap lies behind it.
				_ = src[((rows.pos+(rows.n-1)*rows.move+1)*s.InW-1)*r.srcStride+s.InC-1]
				a.src = unsafe.Pointer(&src[rows.pos*s.InW*r.srcStride])
				a.weights = unsafe.Pointer(&packed[rows.first*s.KW*r.lanes])
			}
			_ = dst[((y+1)*s.OutW-1)*r.dstStride+s.InC-1]
			a.dst = unsafe.Pointer(&dst[y*s.OutW*r.dstStride])
			if e.Residual != nil {
				_ = e.Residual[((y+1)*s.OutW-1)*r.residualStride+s.InC-1]
				a.residual = unsafe.Pointer(&e.Residual[y*s.OutW*r.residualStride])
			}
			a.tiles = n
			r.call()
			if channels < s.InC {
				r.tail(dst, src, packed, &e, rows, y, x, next, channels)
			}
		}
		x = next
	}
}

// chooseOutputs picks the kernel: that of the window, if there is one, with the
// size of tiles that leaves nothing over, or makes the fewest tiles.
func (r *depthwiseRun) chooseOutputs() {
	s := r.s
	r.outputs, r.row = 7, s.DilationW == 1 && s.PadLeft < s.KW && hasDepthwiseRow(s.KW, s.StrideW, 7)
	if r.row && (s.OutW%8 == 0 || s.OutW%7 != 0 && (s.OutW+7)/8 < (s.OutW+6)/7) && hasDepthwiseRow(s.KW, s.StrideW, 8) {
		r.outputs = 8
	}
}

// call runs the kernel on the tiles.
func (r *depthwiseRun) call() {
	if r.row {
		depthwiseKernel(&r.args, r.lanes, r.s.KW, r.s.StrideW, r.outputs)
	} else {
		depthwiseKernel(&r.args, r.lanes, 0, 0, 0)
	}
}

// tiles fills in at most most tiles of outputs from x on, and returns how many
// there are and the output after them.
func (r *depthwiseRun) tiles(x, most int) (n, next int) {
	s := r.s
	groups := (s.InC + r.lanes - 1) / r.lanes
	limit := min(max(maxWork/(groups*s.KH*s.KW*r.outputs), 1), most)
	for ; n < limit && x < s.OutW; n++ {
		t := &r.args.tile[n]
		*t = depthwiseTile{dst: 4 * x * r.dstStride, residual: 4 * x * r.residualStride}
		from := 0
		if r.row {
			t.outputs = min(r.outputs, s.OutW-x)
			column := x*s.StrideW - s.PadLeft
			from = max(column, 0)
			if end := min(column+(t.outputs-1)*s.StrideW+s.KW, s.InW); end > from {
				t.first, t.end = from-column, end-column
			}
		} else {
			taps, same := r.w.run(x)
			t.outputs = min(r.outputs, same)
			if from = taps.pos; taps.n > 0 {
				t.end, t.weights = taps.n, 4*taps.first*r.lanes
			}
		}
		if t.end > 0 {
			t.src = 4 * from * r.srcStride
		}
		x += t.outputs
	}
	return n, x
}

// tail computes channels from c on of outputs x0 to x1-1 of row y. They are the
// end of the last group.
func (r *depthwiseRun) tail(dst, src, packed []float32, e *Epilogue, rows span, y, x0, x1, c int) {
	s := r.s
	group := packed[len(packed)-s.KH*s.KW*r.lanes:][c-(s.InC-r.lanes):]
	var block [16]float32
	sum := block[:s.InC-c]
	for x := x0; x < x1; x++ {
		cols := r.w.span(x)
		clear(sum)
		for i := 0; i < rows.n && cols.n > 0; i++ {
			from := ((rows.pos+i*rows.move)*s.InW+cols.pos)*r.srcStride + c
			tap := ((rows.first+i)*s.KW + cols.first) * r.lanes
			depthwiseRow(sum, src[from:], group[tap:], cols.n, cols.move*r.srcStride, r.lanes)
		}
		e.storeRow(dst, sum, y*s.OutW+x, r.dstStride, c)
	}
}

// runDepthwiseGathered computes groups of channels that do not lie side by side
// in the source, as with a multiplier, or that are fewer than a register has:
// the pixels of a block of outputs are gathered into a register's width.
func runDepthwiseGathered(s *DepthwiseShape, dst, src, packed []float32, epi *Epilogue, y0, y1 int) {
	const size = 4 // bytes of a float32
	h := newAxis(s.InH, s.OutH, s.KH, s.StrideH, s.DilationH, s.PadTop)
	r := newDepthwiseRun(s)
	e := epi.orNone(r.dstStride)
	var pixels [maxGathered]float32
	var sums [8 * 16]float32
	_, width := s.gathered(1)
	pixel := size * r.lanes
	r.args.srcCol, r.args.srcStep, r.args.srcRow = pixel*s.DilationW, pixel*s.StrideW, pixel*width*s.DilationH
	r.args.weightRow = pixel * s.KW
	out := s.InC * s.Multiplier
	packed = packed[:DepthwisePackedLen(s)]
	// Sums of full groups go to dst at once.
	direct := e.Residual == nil && out >= r.lanes
	r.args.dst, r.args.dstStep = unsafe.Pointer(&sums), pixel
	if direct {
		r.args.dstStep = size * r.dstStride
		if e.Clamp {
			r.args.clamp, r.args.lo, r.args.hi = 1, e.Lo, e.Hi
		}
	}
	height := 1 // of a block
	for height < y1-y0 {
		if rows, _ := s.gathered(height + 1); rows*width*r.lanes > maxGathered {
			break
		}
		height++
	}
	for ; y0 < y1; y0 += height {
		end := min(y0+height, y1)
		for x := 0; x < s.OutW; {
			_, next := r.tiles(x, 1)
			t := &r.args.tile[0]
			column, columns := t.src/(size*r.srcStride), 0
			switch {
			case r.row:
				columns = t.end - t.first
			case t.end > 0:
				columns = (t.outputs-1)*s.StrideW + (t.end-1)*s.DilationW + 1
			}
			t.src, t.dst = 0, 0
			for c := 0; c < out; c += r.lanes {
				first := max(min(c, out-r.lanes), 0) // of the group
				from := max(y0*s.StrideH-s.PadTop, 0)
				to := min((end-1)*s.StrideH-s.PadTop+(s.KH-1)*s.DilationH+1, s.InH)
				for y := from; y < to; y++ {
					for j := range columns {
						p := src[(y*s.InW+column+j)*r.srcStride:][:s.InC]
						gather(pixels[((y-from)*width+j)*r.lanes:][:r.lanes], p, first, s.Multiplier)
					}
				}
				if direct && e.Bias != nil {
					r.args.bias = unsafe.Pointer(&e.Bias[first:out][0])
				}
				for y := y0; y < end; y++ {
					rows := h.span(y)
					r.args.src, r.args.weights, r.args.rows, r.args.tiles = nil, nil, max(rows.n, 0), 1
					if rows.n > 0 {
						r.args.src = unsafe.Pointer(&pixels[(rows.pos-from)*width*r.lanes])
						r.args.weights = unsafe.Pointer(&packed[(c/r.lanes*s.KH+rows.first)*s.KW*r.lanes])
					}
					at := y*s.OutW + x
					if direct {
						_ = dst[(at+next-x-1)*r.dstStride+out-1]
						r.args.dst = unsafe.Pointer(&dst[at*r.dstStride+first])
						r.call()
						continue
					}
					r.call()
					for i := range next - x {
						e.storeRow(dst, sums[i*r.lanes+c-first:][:min(r.lanes, out-c)], at+i, r.dstStride, c)
					}
				}
			}
			x = next
		}
	}
}

// gather writes the pixel of the source for output channels from first on.
func gather(dst, pixel []float32, first, multiplier int) {
	switch {
	case multiplier == 1:
		copy(dst, pixel[first:])
	case multiplier == 2 && first%2 == 0 && len(dst)%2 == 0 && first+len(dst) <= 2*len(pixel):
		for i, v := range pixel[first/2:][:len(dst)/2] {
			dst[2*i], dst[2*i+1] = v, v
		}
	default:
		in, m := first/multiplier, first%multiplier
		for i := range dst {
			dst[i] = pixel[min(in, len(pixel)-1)]
			if m++; m == multiplier {
				in, m = in+1, 0
			}
		}
	}
}
