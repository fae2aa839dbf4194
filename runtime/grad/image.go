package grad

import (
	"github.com/kerasrun/kerasrun/kernels/resize"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// resizeRule: a resize is a product with a matrix along each axis, and its
// gradient that with the transposed ones.
func resizeRule(n *node, op graph.Resize, dy graph.Value) graph.Value {
	x, y := n.x[0].Shape, n.y.Shape
	method, ok := resize.ParseMethod(op.Interpolation)
	if !ok {
		return n.cannot("interpolation " + op.Interpolation)
	}
	h, w, box := x[1], x[2], resize.Box{H: x[1], W: x[2]}
	top, left := 0, 0
	switch op.Aspect {
	case graph.CropAspect:
		box = resize.CropToAspectRatio(h, w, y[1], y[2])
	case graph.PadAspect:
		top, left = resize.PadToAspectRatio(h, w, y[1], y[2])
		h, w = h+2*top, w+2*left
		box = resize.Box{H: h, W: w}
	}
	dy = n.unsample(dy, sampling{method, op.Antialias}, h, w, box)
	return n.part(n.part(dy, 1, top, top+x[1]), 2, left, left+x[2])
}

func centerCrop(n *node, _ graph.CenterCrop, dy graph.Value) graph.Value {
	x, y := n.x[0].Shape, n.y.Shape
	box := resize.CenterCrop(x[1], x[2], y[1], y[2])
	if box.H == y[1] && box.W == y[2] {
		return n.fit(n.fit(dy, 1, y[1], box.Y, x[1]), 2, y[2], box.X, x[2])
	}
	return n.unsample(dy, sampling{method: resize.Bilinear}, x[1], x[2], box)
}

type sampling struct {
	method    resize.Method
	antialias bool
}

// unsample is the gradient of the resize of a box of images of h x w to the size of dy.
func (n *node) unsample(dy graph.Value, s sampling, h, w int, box resize.Box) graph.Value {
	b, outH, outW, c := dy.Dim(0), dy.Dim(1), dy.Dim(2), dy.Dim(3)
	rows := s.transposed(dy.DType, h, resize.Box{Y: box.Y, H: box.H, W: 1}, outH)
	cols := s.transposed(dy.DType, w, resize.Box{Y: box.X, H: box.W, W: 1}, outW)
	dy = n.b.Apply(graph.MatMul{}, n.b.Const(rows), n.tape.reshape(dy, graph.Shape{b, outH, outW * c}))
	return n.b.Apply(graph.MatMul{}, n.b.Const(cols), n.tape.reshape(dy, graph.Shape{b, h, outW, c}))
}

// transposed is the matrix (in, out) of the weights of sampling along one axis: the rows of the box.
func (s sampling) transposed(d graph.DType, in int, box resize.Box, out int) graph.Tensor {
	// The resize of the rows of an identity matrix.
	identity := make([]float64, in*in)
	for i := range in {
		identity[i*in+i] = 1
	}
	weights := make([]float64, out*in)
	plan := resize.NewCropPlan(s.method, s.antialias, in, 1, box, out, 1)
	resize.Run(plan, weights, identity, in, 0, out, make([]float64, plan.Scratch(in)))
	t := graph.NewTensor(d, graph.Shape{in, out})
	for i, w := range weights {
		t.SetFloat(i%in*out+i/in, w)
	}
	return t
}
