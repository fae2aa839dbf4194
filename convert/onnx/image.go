package onnx

import (
	"slices"

	"github.com/kerasrun/kerasrun/convert/target"
	"github.com/kerasrun/kerasrun/kernels/resize"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// A sampled image is one of known size, channels first, on its way.
type sampled struct {
	x    string
	h, w int
	d    graph.DType
}

// crop cuts a box out.
func (e *emitter) crop(s *sampled, b resize.Box) {
	if b.H == s.h && b.W == s.w {
		return
	}
	s.x = e.apply("Slice", list(s.x, e.ints(b.Y, b.X), e.ints(b.Y+b.H, b.X+b.W), e.ints(2, 3)))
	s.h, s.w = b.H, b.W
}

// maxSampling is the number of elements of a matrix that samples an axis.
const maxSampling = 1 << 24

// sample resizes as Keras does, whose weights differ from those of ONNX's Resize:
// along each axis by a product with a matrix, or by indices.
func (e *emitter) sample(n *graph.Node, s *sampled, m resize.Method, antialias bool, h, w int) bool {
	for i, size := range [2][2]int{{s.h, h}, {s.w, w}} {
		in, out := size[0], size[1]
		plan := resize.NewPlan(m, antialias, in, 1, out, 1)
		if m == resize.Nearest {
			from, index := make([]int, in), make([]int, out)
			for k := range from {
				from[k] = k
			}
			resize.RunNearest(plan, index, from, 1, 0, out)
			if !slices.Equal(from, index) {
				s.x = e.apply("Gather", list(s.x, e.ints(index...)), with("axis", 2+i))
			}
			continue
		}
		if in > maxSampling/out {
			e.refuse(n, "from %d to %d pixels", in, out)
			return false
		}
		// What becomes of the images of one pixel each, as channels.
		identity := make([]float64, in*in)
		for k := range in {
			identity[k*in+k] = 1
		}
		weights := graph.Tensor{DType: graph.Float64, Shape: graph.Shape{out, in}, Data: make([]float64, out*in)}
		resize.Run(plan, weights.Data.([]float64), identity, in, 0, out, make([]float64, plan.Scratch(in)))
		if i == 0 {
			s.x = e.bin("MatMul", e.tensor(weights.Cast(s.d)), s.x)
		} else {
			s.x = e.bin("MatMul", s.x, e.tensor(target.Transposed(weights, []int{1, 0}).Cast(s.d)))
		}
	}
	s.h, s.w = h, w
	return true
}

func (e *emitter) resize(n *graph.Node, op graph.Resize) {
	x, d := e.firstOf(n)
	in, out := e.type1(n).Shape, e.g.Values[n.Out[0]].Shape
	m, _ := resize.ParseMethod(op.Interpolation)
	known := in[1:3].Known() && out[1:3].Known()
	plain := op.Aspect == graph.Stretch && (m == resize.Nearest || m == resize.Bilinear && !op.Antialias)
	if whole := op.Height == 0 || known && out[1]%in[1] == 0 && out[2]%in[2] == 0; plain && (!known || whole || m == resize.Bilinear) {
		e.out(n, e.resizeNode(x, d, op, in, m), d, true)
		return
	}
	if !known {
		e.refuse(n, "interpolation %q of an image of unknown size", op.Interpolation)
		return
	}
	s := &sampled{x, in[1], in[2], d}
	switch op.Aspect {
	case graph.CropAspect:
		e.crop(s, resize.CropToAspectRatio(s.h, s.w, out[1], out[2]))
	case graph.PadAspect:
		if top, left := resize.PadToAspectRatio(s.h, s.w, out[1], out[2]); top > 0 || left > 0 {
			s.x = e.apply("Pad", list(s.x, e.ints(0, 0, top, left, 0, 0, top, left), e.scalar(d, op.FillValue)))
			s.h, s.w = s.h+2*top, s.w+2*left
		}
	}
	if e.sample(n, s, m, op.Antialias, out[1], out[2]) {
		e.out(n, s.x, d, true)
	}
}

// resizeNode is a Resize of the two methods in which ONNX and Keras agree.
func (e *emitter) resizeNode(x string, d graph.DType, op graph.Resize, in graph.Shape, m resize.Method) string {
	attrs := []attr{with("coordinate_transformation_mode", "half_pixel")}
	if m == resize.Nearest { // the pixel in which the centre lies
		attrs = append(attrs, with("mode", "nearest"), with("nearest_mode", "round_prefer_ceil"))
	} else {
		attrs = append(attrs, with("mode", "linear"))
	}
	if op.Height == 0 {
		scales := graph.Floats([]float32{1, 1, float32(op.ScaleH), float32(op.ScaleW)}, 4)
		return e.apply("Resize", list(x, "", e.tensor(scales)), attrs...)
	}
	size := e.shape([]size{sizeOf(x, in, 0), channels(x, in), {n: op.Height}, {n: op.Width}})
	return e.apply("Resize", list(x, "", "", size), attrs...)
}

// channels is the number of channels of x, channels first.
func channels(x string, shape graph.Shape) size {
	s := sizeOf(x, shape, len(shape)-1)
	s.axis = 1
	return s
}

func (e *emitter) centerCrop(n *graph.Node, op graph.CenterCrop) {
	in := e.type1(n).Shape
	if !in[1:3].Known() {
		e.refuse(n, "of an image of unknown size")
		return
	}
	x, d := e.firstOf(n)
	s := &sampled{x, in[1], in[2], d}
	e.crop(s, resize.CenterCrop(s.h, s.w, op.Height, op.Width))
	if s.h != op.Height || s.w != op.Width {
		e.sample(n, s, resize.Bilinear, false, op.Height, op.Width)
	}
	e.out(n, s.x, d, true)
}
