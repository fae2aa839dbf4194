package resize

// Float is what images are made of.
type Float interface{ ~float32 | ~float64 }

// Plan holds the positions and weights of one resize. It is read-only and safe for concurrent use.
type Plan struct {
	method     Method
	lerp       bool // two taps an axis, interpolated in the order of ResizeBilinear
	inW        int
	rows, cols axis
}

// NewPlan plans the resize of inH x inW images to outH x outW. Sizes must be between 1 and 1<<24; it allocates
// out·taps weights an axis, where taps is at most 11, or with antialias about 10·in/out+1.
func NewPlan(m Method, antialias bool, inH, inW, outH, outW int) *Plan {
	return NewCropPlan(m, antialias, inH, inW, Box{H: inH, W: inW}, outH, outW)
}

// NewCropPlan plans the resize of a part of inH x inW images to outH x outW. The box must lie inside the image; pixels
// outside it are not looked at.
func NewCropPlan(m Method, antialias bool, inH, inW int, box Box, outH, outW int) *Plan {
	return &Plan{
		method: m,
		lerp:   m == Bilinear && !antialias,
		inW:    inW,
		rows:   newAxis(m, antialias, box.H, outH, box.Y),
		cols:   newAxis(m, antialias, box.W, outW, box.X),
	}
}

// Scratch returns the length of the scratch slice that Run needs for images of c channels.
func (p *Plan) Scratch(c int) int {
	if p.method == Nearest || p.lerp {
		return 0
	}
	return p.inW * c
}

// Run computes the output rows y0 <= y < y1 of one image with c channels. dst is the whole output (outH, outW, c), of
// which only these rows are written; src is the whole input (inH, inW, c). scratch has p.Scratch(c) elements, belongs
// to this call alone and keeps nothing between calls. dst must not overlap src.
func Run[T Float](p *Plan, dst, src []T, c, y0, y1 int, scratch []T) {
	switch {
	case p.method == Nearest:
		RunNearest(p, dst, src, c, y0, y1)
	case p.lerp:
		runLerp(p, dst, src, c, y0, y1)
	default:
		runTaps(p, dst, src, c, y0, y1, scratch)
	}
}

// RunNearest is Run for plans of the method Nearest, on elements of any type.
func RunNearest[T any](p *Plan, dst, src []T, c, y0, y1 int) {
	inRow, outRow := p.inW*c, p.cols.out*c
	for y := y0; y < y1; y++ {
		in := src[int(p.rows.index[y])*inRow:][:inRow]
		out := dst[y*outRow:][:outRow]
		for x, ix := range p.cols.index {
			copy(out[x*c:x*c+c], in[int(ix)*c:])
		}
	}
}

func runLerp[T Float](p *Plan, dst, src []T, c, y0, y1 int) {
	inRow, outRow := p.inW*c, p.cols.out*c
	for y := y0; y < y1; y++ {
		top := src[int(p.rows.index[2*y])*inRow:][:inRow]
		bottom := src[int(p.rows.index[2*y+1])*inRow:][:inRow]
		fy := T(p.rows.weight[2*y+1])
		out := dst[y*outRow:][:outRow]
		for x := range p.cols.out {
			l, r := int(p.cols.index[2*x])*c, int(p.cols.index[2*x+1])*c
			fx := T(p.cols.weight[2*x+1])
			tl, tr, bl, br := top[l:l+c], top[r:r+c], bottom[l:l+c], bottom[r:r+c]
			for k := range out[x*c : x*c+c] {
				t := tl[k] + T((tr[k]-tl[k])*fx)
				b := bl[k] + T((br[k]-bl[k])*fx)
				out[x*c+k] = t + T((b-t)*fy)
			}
		}
	}
}

// runTaps combines the input rows of one output row in scratch, then the columns of scratch.
func runTaps[T Float](p *Plan, dst, src []T, c, y0, y1 int, scratch []T) {
	inRow, outRow := p.inW*c, p.cols.out*c
	line := scratch[:inRow]
	for y := y0; y < y1; y++ {
		combineRows(line, src, &p.rows, y)
		combineCols(dst[y*outRow:][:outRow], line, &p.cols, c)
	}
}

func combineRows[T Float](line, src []T, a *axis, y int) {
	clear(line)
	first := y * a.taps
	for t := first; t < first+int(a.count[y]); t++ {
		w := T(a.weight[t])
		if w == 0 {
			continue // also keeps an infinity beyond the kernel's reach out of the sum
		}
		in := src[int(a.index[t])*len(line):][:len(line)]
		for i, v := range in {
			line[i] += T(v * w)
		}
	}
}

func combineCols[T Float](out, line []T, a *axis, c int) {
	clear(out)
	for x := range a.out {
		px := out[x*c : x*c+c]
		first := x * a.taps
		for t := first; t < first+int(a.count[x]); t++ {
			w := T(a.weight[t])
			if w == 0 {
				continue
			}
			in := line[int(a.index[t])*c:][:len(px)]
			for k, v := range in {
				px[k] += T(v * w)
			}
		}
	}
}
