package tflite

import (
	"fmt"
	"math"
	"slices"

	"github.com/kerasrun/kerasrun/convert/target"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// A window is what convolutions and pooling of two axes have in common.
type window struct {
	kernel, strides, dilation []int
	padding                   graph.Padding
}

// wide returns w with an axis of one cell before its only one.
func (w window) wide() window {
	one := func(v []int) []int { return append([]int{1}, v...) }
	w.kernel, w.strides, w.dilation = one(w.kernel), one(w.strides), one(w.dilation)
	if w.padding.Mode == graph.Explicit {
		zero := func(v []int) []int { return append([]int{0}, v...) }
		w.padding.Before, w.padding.After = zero(w.padding.Before), zero(w.padding.After)
	}
	return w
}

// border returns x with the padding that LiteRT's operators do not have, filled
// with a value, and the padding that they are to have.
func (e *emitter) border(x tensor, w window, fill float64) (tensor, int8) {
	rank := len(w.kernel)
	switch w.padding.Mode {
	case graph.Same:
		return x, paddingSame
	case graph.Causal, graph.Explicit:
		before, after := make([]int, rank+2), make([]int, rank+2)
		for i := range rank {
			before[1+i], after[1+i] = w.padding.Pads(i, 0, (w.kernel[i]-1)*w.dilation[i]+1, w.strides[i])
		}
		x = e.padded(x, before, after, fill)
	}
	return x, paddingValid
}

// kernelOf returns the operand i as a constant in another layout: reshaped to
// in, then with its axes permuted.
func (e *emitter) kernelOf(i int, form string, in graph.Shape, perm []int) tensor {
	id := e.node.In[i]
	shape := make(graph.Shape, len(perm))
	for k, p := range perm {
		shape[k] = in[p]
	}
	if !e.isConst(id) {
		return e.transpose(e.reshape(e.in(i), in, nil), perm)
	}
	return e.constantOf(id, form, shape, func(t graph.Tensor) (graph.Tensor, error) {
		t.Shape = in
		return target.Transposed(t, perm), nil
	})
}

// floats reports whether all operands of the node in work are float32, and refuses it otherwise.
func (e *emitter) floats() bool {
	for i := range e.node.In {
		if d := e.inType(i).DType; d != graph.Float32 {
			e.refuse("of %v", d)
			return false
		}
	}
	return true
}

// orZeros returns a bias, or zeros: LiteRT's convolutions of two axes always have one.
func (e *emitter) orZeros(bias []tensor, filters int) tensor {
	if len(bias) > 0 {
		return bias[0]
	}
	return e.constant(graph.NewTensor(graph.Float32, graph.Shape{filters}))
}

// bias returns the bias that the only reader of the node in work adds to its
// result; that node is then done. Otherwise it returns no tensor.
func (e *emitter) bias() []tensor {
	id := e.node.Out[0]
	if len(e.uses[id]) != 1 || e.uses[id][0] < 0 {
		return nil
	}
	k := e.uses[id][0]
	n := e.g.Nodes[k]
	if _, ok := n.Op.(graph.AddBias); !ok || n.In[0] != id || !e.isConst(n.In[1]) {
		return nil
	}
	e.done[k] = true
	e.node.Out = n.Out // the result of the addition is that of the operator
	return []tensor{e.value(n.In[1])}
}

func (e *emitter) conv(c graph.Conv) {
	if !e.floats() {
		return
	}
	if len(e.inType(1).Shape) == 5 {
		switch {
		case slices.Max(c.Dilation) > 1:
			e.refuse("LiteRT's convolution of three axes has no dilation")
			return
		case c.Groups != 1 && !e.isConst(e.node.In[1]):
			e.refuse("LiteRT's convolution of three axes has no groups, and the kernel is computed")
			return
		case c.Groups != 1:
			e.set(e.groups3D(c))
			return
		}
	}
	x := e.in(0)
	bias := e.bias()
	e.set(e.convolve(x, c, bias))
}

// convolve convolves x with the kernel that is operand 1, and adds a bias if there is one.
func (e *emitter) convolve(x tensor, c graph.Conv, bias []tensor) tensor {
	k := e.inType(1).Shape
	rank := len(k) - 2
	w := window{k[:rank], c.Strides, c.Dilation, c.Padding}
	switch rank {
	case 1:
		kernel := e.kernelOf(1, "OHWI", graph.Shape{1, k[0], k[1], k[2]}, []int{3, 0, 1, 2})
		return e.squeeze(e.conv2D(e.expand(x, 1), kernel, w.wide(), bias), 1)
	case 2:
		return e.conv2D(x, e.kernelOf(1, "OHWI", k, []int{3, 0, 1, 2}), w, bias)
	}
	kernel := e.kernelOf(1, "DHWIO", k, []int{0, 1, 2, 3, 4})
	x, p := e.border(x, w, 0)
	return e.apply(opConv3D, conv3D(p, c.Strides), e.outShape(x, w, p, k[4]), append([]tensor{x, kernel}, bias...)...)
}

// groups3D convolves each group of channels on its own, along three axes; the
// kernel is a constant.
func (e *emitter) groups3D(c graph.Conv) tensor {
	x, k := e.in(0), e.inType(1).Shape
	in, filters := k[3], k[4]/c.Groups
	w := window{k[:3], c.Strides, c.Dilation, c.Padding}
	var parts []tensor
	for i := range c.Groups {
		kernel := e.constantOf(e.node.In[1], fmt.Sprint("group ", i), append(k[:4].Clone(), filters), func(t graph.Tensor) (graph.Tensor, error) {
			all := t.Data.([]float32)
			var part []float32
			for at := i * filters; at < len(all); at += k[4] {
				part = append(part, all[at:at+filters]...)
			}
			return graph.Floats(part, append(k[:4].Clone(), filters)...), nil
		})
		y, p := e.border(e.part(x, i*in, (i+1)*in), w, 0)
		parts = append(parts, e.apply(opConv3D, conv3D(p, c.Strides), e.outShape(y, w, p, filters), y, kernel))
	}
	return e.apply(opConcatenation, options{concatOptions, []field{{0, int32(4)}}}, e.outType(0), parts...)
}

// conv3D are the options of operators of three axes.
func conv3D(padding int8, strides []int) options {
	return options{conv3DOptions, []field{
		{0, padding}, {1, int32(strides[0])}, {2, int32(strides[2])}, {3, int32(strides[1])}, {5, int32(1)}, {6, int32(1)}, {7, int32(1)},
	}}
}

// outShape is that of windows over x, with so many channels.
func (e *emitter) outShape(x tensor, w window, padding int8, channels int) graph.Type {
	t := e.typ(x)
	shape := graph.Shape{t.Shape[0]}
	for i, n := range t.Shape[1 : len(t.Shape)-1] {
		if n != graph.Dyn {
			if padding == paddingValid {
				n -= (w.kernel[i] - 1) * w.dilation[i]
			}
			n = (n + w.strides[i] - 1) / w.strides[i]
		}
		shape = append(shape, n)
	}
	return graph.Type{DType: t.DType, Shape: append(shape, channels)}
}

// conv2D writes a convolution of two axes.
func (e *emitter) conv2D(x, kernel tensor, w window, bias []tensor) tensor {
	x, p := e.border(x, w, 0)
	o := options{conv2DOptions, []field{{0, p}, {1, int32(w.strides[1])}, {2, int32(w.strides[0])}, {4, int32(w.dilation[1])}, {5, int32(w.dilation[0])}}}
	filters := e.typ(kernel).Shape[0]
	return e.apply(opConv2D, o, e.outShape(x, w, p, filters), x, kernel, e.orZeros(bias, filters))
}

func (e *emitter) depthwise(c graph.DepthwiseConv) {
	if !e.floats() {
		return
	}
	x, k := e.in(0), e.inType(1).Shape
	rank := len(k) - 2
	w := window{k[:rank], c.Strides, c.Dilation, c.Padding}
	switch rank {
	case 1:
		w = w.wide()
		x = e.expand(x, 1)
	case 2:
	default:
		e.refuse("LiteRT has no depthwise convolution of three axes")
		return
	}
	multiplier := k[rank+1]
	channels := k[rank] * multiplier
	kernel := e.kernelOf(1, "1HWO", graph.Shape{1, w.kernel[0], w.kernel[1], channels}, []int{0, 1, 2, 3})
	x, p := e.border(x, w, 0)
	o := options{depthwiseOptions, []field{{0, p}, {1, int32(w.strides[1])}, {2, int32(w.strides[0])}, {3, int32(multiplier)}, {5, int32(w.dilation[1])}, {6, int32(w.dilation[0])}}}
	y := e.apply(opDepthwiseConv2D, o, e.outShape(x, w, p, channels), x, kernel, e.orZeros(e.bias(), channels))
	if rank == 1 {
		y = e.squeeze(y, 1)
	}
	e.set(y)
}

// dilated returns a kernel with zeros between its cells: LiteRT's transposed
// convolutions have no dilation. perm is applied after it.
func (e *emitter) dilated(i int, k graph.Shape, dilation []int, perm []int) (tensor, bool) {
	id := e.node.In[i]
	rank := len(dilation)
	full := k.Clone()
	for a := range rank {
		full[a] = (k[a]-1)*dilation[a] + 1
	}
	if slices.Equal(full, k) {
		return e.kernelOf(i, "transposed", k, perm), true
	}
	if !e.isConst(id) {
		e.refuse("dilation of a kernel that is computed")
		return 0, false
	}
	shape := make(graph.Shape, len(perm))
	for a, p := range perm {
		shape[a] = full[p]
	}
	return e.constantOf(id, "dilated", shape, func(t graph.Tensor) (graph.Tensor, error) {
		src := t.Data.([]float32)
		wide := graph.NewTensor(graph.Float32, full)
		dst := wide.Data.([]float32)
		cell := k[rank] * k[rank+1]
		for n := range len(src) / cell {
			at, rest, stride := 0, n, 1
			for a := rank - 1; a >= 0; a-- {
				at += rest % k[a] * dilation[a] * stride
				rest /= k[a]
				stride *= full[a]
			}
			copy(dst[at*cell:(at+1)*cell], src[n*cell:])
		}
		return target.Transposed(wide, perm), nil
	}), true
}

func (e *emitter) convTranspose(c graph.ConvTranspose) {
	if !e.floats() {
		return
	}
	x, k := e.in(0), e.inType(1).Shape
	strides, dilation := c.Strides, c.Dilation
	rank := len(k) - 2
	out := e.outType(0).Shape
	if !out[1:].Known() {
		e.refuse("a transposed convolution to a size that is unknown: %v", out)
		return
	}
	p := paddingValid
	if c.Padding.Mode == graph.Same {
		p = paddingSame
	}
	out = out.Clone()
	if rank == 1 {
		x = e.expand(x, 1)
		k, out = slices.Insert(k.Clone(), 0, 1), slices.Insert(out, 1, 1)
		strides, dilation = append([]int{1}, strides...), append([]int{1}, dilation...)
	}
	var sizes tensor
	if out.Known() {
		sizes = e.ints(out...)
	} else {
		sizes = e.vector([]tensor{e.size(x, 0), e.ints(out[1:]...)})
	}
	to := graph.Type{DType: graph.Float32, Shape: out}
	if rank == 3 {
		kernel, ok := e.dilated(1, k, dilation, []int{0, 1, 2, 3, 4})
		if !ok {
			return
		}
		e.set(e.apply(opConv3DTranspose, conv3D(p, strides), to, sizes, kernel, x))
		return
	}
	kernel, ok := e.dilated(1, k, dilation, []int{2, 0, 1, 3})
	if !ok {
		return
	}
	o := options{transposeConvOptions, []field{{0, p}, {1, int32(strides[1])}, {2, int32(strides[0])}}}
	y := e.apply(opTransposeConv, o, to, sizes, kernel, x)
	if rank == 1 {
		y = e.squeeze(y, 1)
	}
	e.set(y)
}

func (e *emitter) pool(p graph.Pool) {
	if !e.floats() {
		return
	}
	if p.Kind == graph.AveragePool && p.Padding.Mode == graph.Explicit {
		e.refuse("an average over padding of given sizes")
		return
	}
	x := e.in(0)
	rank := len(p.Size)
	w := window{p.Size, p.Strides, slices.Repeat([]int{1}, rank), p.Padding}
	switch rank {
	case 1:
		e.set(e.squeeze(e.pool2D(p.Kind, e.expand(x, 1), w.wide()), 1))
	case 2:
		e.set(e.pool2D(p.Kind, x, w))
	default:
		e.set(e.pool3D(p.Kind, x, w))
	}
}

func (e *emitter) pool2D(kind graph.PoolKind, x tensor, w window) tensor {
	code := opAveragePool2D
	if kind == graph.MaxPool {
		code = opMaxPool2D
	}
	x, p := e.border(x, w, math.Inf(-1))
	o := options{pool2DOptions, []field{{0, p}, {1, int32(w.strides[1])}, {2, int32(w.strides[0])}, {3, int32(w.kernel[1])}, {4, int32(w.kernel[0])}}}
	t := e.typ(x)
	return e.apply(code, o, e.outShape(x, w, p, t.Shape[len(t.Shape)-1]), x)
}

// pool3D pools the last two axes as images, then the first: maxima and means,
// with what counts of them, are products of those of the axes.
func (e *emitter) pool3D(kind graph.PoolKind, x tensor, w window) tensor {
	if !e.typ(x).Shape[1:].Known() {
		e.refuse("sizes that are unknown: %v", e.typ(x).Shape)
		return x
	}
	part := func(from, to int) window {
		v := window{w.kernel[from:to], w.strides[from:to], w.dilation[from:to], w.padding}
		if w.padding.Mode == graph.Explicit {
			v.padding.Before, v.padding.After = w.padding.Before[from:to], w.padding.After[from:to]
		}
		return v
	}
	s := e.typ(x).Shape
	images := e.pool2D(kind, e.reshape(x, graph.Shape{graph.Dyn, s[2], s[3], s[4]}, []int{-1, 0, 0, 0}), part(1, 3))
	i := e.typ(images).Shape
	depth := e.reshape(images, graph.Shape{graph.Dyn, 1, s[1], i[1] * i[2] * i[3]}, []int{-1, 0, 0, 0})
	depth = e.pool2D(kind, depth, part(0, 1).wide())
	d := e.typ(depth).Shape[2]
	return e.reshape(depth, graph.Shape{s[0], d, i[1], i[2], i[3]}, []int{-1, 0, 0, 0, 0})
}

// matMul is FULLY_CONNECTED for the weights of a layer, else BATCH_MATMUL.
func (e *emitter) matMul(graph.MatMul) {
	if !e.floats() {
		return
	}
	x, w := e.in(0), e.inType(1).Shape
	if len(w) == 2 && e.isConst(e.node.In[1]) && len(e.typ(x).Shape) >= 2 {
		kernel := e.kernelOf(1, "transposed", w, []int{1, 0})
		to := e.outType(0)
		in := append([]tensor{x, kernel}, e.bias()...)
		e.set(e.apply(opFullyConnected, options{fullyConnectedOption, []field{{2, true}}}, to, in...))
		return
	}
	row := len(e.typ(x).Shape) == 1
	if row {
		x = e.expand(x, 0)
	}
	to := e.outType(0)
	if row {
		to.Shape = slices.Insert(to.Shape.Clone(), 0, 1)
	}
	y := e.apply(opBatchMatMul, options{table: batchMatMulOptions}, to, x, e.in(1))
	if row {
		y = e.squeeze(y, 0)
	}
	e.set(y)
}

func (e *emitter) resize(r graph.Resize) {
	if !e.floats() {
		return
	}
	x := e.in(0)
	in, out := e.typ(x).Shape, e.outType(0).Shape
	smaller := !in[1:3].Known() || !out[1:3].Known() || out[1] < in[1] || out[2] < in[2]
	switch {
	case r.Interpolation != "bilinear" && r.Interpolation != "nearest":
		e.refuse("LiteRT has no interpolation %q", r.Interpolation)
	case r.Aspect != graph.Stretch:
		e.refuse("resize that keeps the aspect ratio")
	case r.Antialias && smaller && r.Interpolation == "bilinear":
		e.refuse("LiteRT has no antialiasing")
	case !out[1:3].Known():
		e.refuse("resize to a size that is unknown: %v", out)
	case r.Interpolation == "bilinear":
		e.set(e.bilinear(x, out[1], out[2]))
	default:
		o := options{resizeNearestOptions, []field{{1, true}}}
		e.set(e.apply(opResizeNearest, o, e.outType(0), x, e.ints(out[1], out[2])))
	}
}

func (e *emitter) bilinear(x tensor, h, w int) tensor {
	t := e.typ(x)
	to := graph.Type{DType: t.DType, Shape: graph.Shape{t.Shape[0], h, w, t.Shape[3]}}
	return e.apply(opResizeBilinear, options{resizeBilinearOption, []field{{3, true}}}, to, x, e.ints(h, w))
}

func (e *emitter) centerCrop(c graph.CenterCrop) {
	x := e.in(0)
	in := e.typ(x).Shape
	if !in[1:3].Known() || in[1] < c.Height || in[2] < c.Width {
		e.refuse("a crop of %d x %d from images of %v, which may be smaller", c.Height, c.Width, in)
		return
	}
	top, left := (in[1]-c.Height)/2, (in[2]-c.Width)/2
	o := options{stridedSliceOptions, []field{{0, int32(0b1001)}, {1, int32(0b1001)}}}
	e.set(e.apply(opStridedSlice, o, e.outType(0), x, e.ints(0, top, left, 0), e.ints(0, top+c.Height, left+c.Width, 0), e.ints(1, 1, 1, 1)))
}
