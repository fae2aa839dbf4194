package step

import (
	"fmt"

	"github.com/kerasrun/kerasrun/kernels/resize"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/step/reference"
)

// A sampling is how an image op gets its result from one image: pad, then
// resize or copy a box.
type sampling struct {
	plan       *resize.Plan // nil: copy the box
	box        resize.Box
	inH, inW   int
	outH, outW int
	c          int
	top, left  int // padding
	fill       float64
}

func newSampling(op graph.Op, x, y graph.Shape) (sampling, error) {
	s := sampling{inH: x[1], inW: x[2], outH: y[1], outW: y[2], c: x[3]}
	for _, n := range []int{s.inH, s.inW, s.outH, s.outW} {
		if n < 1 || n > 1<<24 {
			return s, fmt.Errorf("%w: images of %v to %v", graph.ErrShape, x, y)
		}
	}
	s.box = resize.Box{H: s.inH, W: s.inW}
	switch op := op.(type) {
	case graph.CenterCrop:
		s.box = resize.CenterCrop(s.inH, s.inW, s.outH, s.outW)
		if s.box.H != s.outH || s.box.W != s.outW {
			s.plan = resize.NewCropPlan(resize.Bilinear, false, s.inH, s.inW, s.box, s.outH, s.outW)
		}
	case graph.Resize:
		method, ok := resize.ParseMethod(op.Interpolation)
		if !ok {
			return s, fmt.Errorf("%w: interpolation %q", graph.ErrAttr, op.Interpolation)
		}
		h, w := s.inH, s.inW
		switch op.Aspect {
		case graph.CropAspect:
			s.box = resize.CropToAspectRatio(h, w, s.outH, s.outW)
		case graph.PadAspect:
			s.top, s.left = resize.PadToAspectRatio(h, w, s.outH, s.outW)
			s.fill = op.FillValue
			h, w = h+2*s.top, w+2*s.left
			s.box = resize.Box{H: h, W: w}
		case graph.Stretch:
		default:
			return s, fmt.Errorf("%w: aspect %q", graph.ErrAttr, op.Aspect)
		}
		if h > 1<<24 || w > 1<<24 {
			return s, fmt.Errorf("%w: images of %v padded to %d x %d", graph.ErrShape, x, h, w)
		}
		s.plan = resize.NewCropPlan(method, op.Antialias, h, w, s.box, s.outH, s.outW)
	}
	return s, nil
}

// padded is the number of elements of a padded image, 0 without padding.
func (s *sampling) padded() int {
	if s.top == 0 && s.left == 0 {
		return 0
	}
	return (s.inH + 2*s.top) * (s.inW + 2*s.left) * s.c
}

// scratch is the number of elements that sample needs.
func (s *sampling) scratch() int {
	if s.plan == nil {
		return 0
	}
	return s.padded() + s.plan.Scratch(s.c)
}

// sample computes rows y0 to y1-1 of one image.
func sample[T resize.Float](s *sampling, dst, src []T, y0, y1 int, scratch []T) {
	if s.plan == nil {
		for y := y0; y < y1; y++ {
			at := ((s.box.Y+y)*s.inW + s.box.X) * s.c
			copy(dst[y*s.outW*s.c:][:s.outW*s.c], src[at:])
		}
		return
	}
	if n := s.padded(); n > 0 {
		resize.Pad(scratch[:n], src, s.inH, s.inW, s.c, s.top, s.left, T(s.fill))
		src, scratch = scratch[:n], scratch[n:]
	}
	resize.Run(s.plan, dst, src, s.c, y0, y1, scratch)
}

// imageReference runs an image op in float64 and rounds once.
func imageReference(op graph.Op, in []graph.Tensor, out []graph.Type) ([]graph.Tensor, error) {
	x, y := in[0].Shape, out[0].Shape
	s, err := newSampling(op, x, y)
	if err != nil {
		return nil, err
	}
	src, scratch := in[0].Float64s(), make([]float64, s.scratch())
	res := graph.NewTensor(graph.Float64, y)
	dst := res.Data.([]float64)
	for i := range x[0] {
		sample(&s, dst[i*s.outH*s.outW*s.c:][:s.outH*s.outW*s.c], src[i*s.inH*s.inW*s.c:][:s.inH*s.inW*s.c], 0, s.outH, scratch)
	}
	return []graph.Tensor{res.Cast(out[0].DType)}, nil
}

// An image step resamples float32 images: a chunk is a block of rows, or whole
// images when they are padded first.
type image struct {
	base
	sampling
	x    operand
	rows int // of an image, in units of work
}

// A plainImage resamples images of another element type.
type plainImage struct {
	base
	op  graph.Op
	in  graph.Shape
	out []graph.Type
	x   *graph.Tensor
}

func (m *maker) image() (Step, error) {
	x, y := m.In[0].Shape, m.Out[0].Shape
	s, err := newSampling(m.Op, x, y)
	if err != nil {
		return nil, err
	}
	name := "center crop"
	if r, ok := m.Op.(graph.Resize); ok {
		name = r.Interpolation
	}
	if m.In[0].DType != graph.Float32 {
		return &plainImage{m.base("go resize "+name, float64(elems(y)), split{1, 1, float64(elems(y)) * nsScalar}), m.Op, x, m.Out, m.constant(0)}, nil
	}
	r := &image{sampling: s, x: m.operand(0), rows: s.outH}
	if s.padded() > 0 {
		r.rows = 1
	}
	r.base = m.base("resize "+name, float64(8*elems(y)), splitFor(x[0]*r.rows, float64(elems(y))*nsScalar))
	r.info.Scratch = s.scratch()
	return r, nil
}

func (s *image) Run(a *Args, chunk int, scratch []float32) error {
	x, dst := s.x.of(a), result(a)
	lo, hi := s.work.bounds(chunk)
	in, out := s.inH*s.inW*s.c, s.outH*s.outW*s.c
	for lo < hi {
		n := lo / s.rows
		y0 := lo - n*s.rows
		y1 := min(s.rows, y0+hi-lo)
		lo += y1 - y0
		if s.rows == 1 {
			y0, y1 = 0, s.outH
		}
		sample(&s.sampling, dst[n*out:][:out], x[n*in:][:in], y0, y1, scratch)
	}
	return nil
}

func (s *plainImage) Run(a *Args, _ int, _ []float32) error {
	x := a.In[0]
	if s.x != nil {
		x = *s.x
	}
	x.Shape = s.in
	res, err := imageReference(s.op, []graph.Tensor{x}, s.out)
	if err != nil {
		return err
	}
	for i := range res[0].Len() {
		a.Out[0].SetFloat(i, res[0].Float(i))
	}
	return nil
}

// An equalize step is a [graph.Equalize] in float32: a unit of work is an image.
type equalize struct {
	base
	op      graph.Equalize
	x       operand
	h, w, c int
}

func (m *maker) equalize(op graph.Equalize) Step {
	x := m.In[0].Shape
	n := float64(elems(x))
	s := &equalize{op: op, x: m.operand(0), h: x[1], w: x[2], c: x[3]}
	s.base = m.base("equalize", 16*n, splitFor(x[0], 4*n*nsScalar))
	s.info.Scratch = reference.EqualizeScratch(op)
	return s
}

func (s *equalize) Run(a *Args, chunk int, scratch []float32) error {
	x, dst := s.x.of(a), result(a)
	n := s.h * s.w * s.c
	for lo, hi := s.work.bounds(chunk); lo < hi; lo++ {
		reference.Equalize(s.op, dst[lo*n:][:n], x[lo*n:][:n], s.h, s.w, s.c, scratch)
	}
	return nil
}
