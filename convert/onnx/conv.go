package onnx

import (
	"math"
	"slices"

	"github.com/kerasrun/kerasrun/convert/target"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// window are the attributes of strides, dilation and borders of an op on x; size
// is that of its window. An unknown axis with same padding and strides leaves the
// border to the runtime.
func window(x graph.Shape, size, strides, dilation []int, p graph.Padding) []attr {
	attrs := []attr{with("kernel_shape", size), with("strides", strides)}
	if dilation != nil {
		attrs = append(attrs, with("dilations", dilation))
	}
	before, after := make([]int, len(size)), make([]int, len(size))
	for i := range size {
		n := x[1+i]
		if n == graph.Dyn && strides[i] == 1 {
			n = size[i] // no matter how many
		}
		if n == graph.Dyn && p.Mode == graph.Same {
			return append(attrs, with("auto_pad", "SAME_UPPER"))
		}
		span := size[i]
		if dilation != nil {
			span = (size[i]-1)*dilation[i] + 1
		}
		before[i], after[i] = p.Pads(i, n, span, strides[i])
	}
	return append(attrs, with("pads", slices.Concat(before, after)))
}

// kernel returns operand 1 of a convolution with its axes permuted and, if shape
// is given, as that shape.
func (e *emitter) kernel(n *graph.Node, perm []int, shape graph.Shape) string {
	id := n.In[1]
	d := e.g.Values[id].DType
	if c, ok := e.constant(id); ok {
		if shape == nil {
			shape = target.PermutedShape(c.Shape, perm)
		}
		name := e.changed(id, c, "kernel", shape, func(t graph.Tensor) graph.Tensor { return target.Transposed(t, perm) })
		return e.cast(name, d, computed(d))
	}
	name := e.apply("Transpose", list(e.last(id)), with("perm", perm))
	if shape != nil {
		name = e.apply("Reshape", list(name, e.ints(shape...)))
	}
	return e.cast(name, d, computed(d))
}

// firstOf returns operand 0 with channels first, in the type in which it is computed.
func (e *emitter) firstOf(n *graph.Node) (string, graph.DType) {
	d := e.type1(n).DType
	return e.cast(e.first(n.In[0]), d, computed(d)), computed(d)
}

func (e *emitter) conv(n *graph.Node, op graph.Conv) {
	if op.Groups == 1 && e.convProducts(n, op, func(x, w string) string { return e.bin("MatMul", x, w) }) {
		return
	}
	x, d := e.firstOf(n)
	k := e.g.Values[n.In[1]].Shape
	r := len(k) - 2
	w := e.kernel(n, slices.Concat([]int{r + 1, r}, span(0, r)), nil)
	attrs := window(e.type1(n).Shape, k[:r], op.Strides, op.Dilation, op.Padding)
	e.out(n, e.apply("Conv", list(x, w), append(attrs, with("group", op.Groups))...), d, true)
}

// convProducts makes a convolution of float64, which few runtimes convolve: the sum
// of the products of x, channels last, with each cell of the window.
func (e *emitter) convProducts(n *graph.Node, op graph.Conv, product func(x, w string) string) bool {
	if e.type1(n).DType != graph.Float64 {
		return false
	}
	k := e.g.Values[n.In[1]].Shape
	r := len(k) - 2
	shape := e.type1(n).Shape
	pads := make([]int, 2*len(shape))
	cells := 1
	for i := range r {
		size := shape[1+i]
		if size == graph.Dyn {
			if op.Padding.Mode == graph.Same && op.Strides[i] != 1 {
				return false
			}
			size = k[i]
		}
		pads[1+i], pads[len(shape)+1+i] = op.Padding.Pads(i, size, (k[i]-1)*op.Dilation[i]+1, op.Strides[i])
		cells *= k[i]
	}
	if cells > 1<<8 {
		return false
	}
	x := e.apply("Pad", list(e.last(n.In[0]), e.ints(pads...)))
	w := e.last(n.In[1])
	axes := span(1, 1+r)
	var y string
	index := make([]int, r)
	for range cells {
		from, to := make([]int, r), make([]int, r)
		for i, at := range index {
			from[i] = at * op.Dilation[i]
			if to[i] = from[i] - (k[i]-1)*op.Dilation[i]; to[i] == 0 {
				to[i] = math.MaxInt
			}
		}
		part := e.apply("Slice", list(x, e.ints(from...), e.ints(to...), e.ints(axes...), e.ints(op.Strides...)))
		cell := e.apply("GatherND", list(w, e.ints(index...)))
		if p := product(part, cell); y == "" {
			y = p
		} else {
			y = e.bin("Add", y, p)
		}
		for i := r - 1; i >= 0; i-- {
			if index[i]++; index[i] < k[i] {
				break
			}
			index[i] = 0
		}
	}
	e.set(n.Out[0], y, false)
	return true
}

func (e *emitter) depthwise(n *graph.Node, op graph.DepthwiseConv) {
	k := e.g.Values[n.In[1]].Shape
	r := len(k) - 2
	products := func(x, w string) string {
		if k[r+1] > 1 { // several results of a channel, side by side
			x = e.apply("Unsqueeze", list(x, e.ints(r+2)))
			y := e.bin("Mul", x, w)
			to := make([]size, r+2)
			for i := range to {
				to[i] = size{n: 1, of: y, axis: i}
			}
			to[r+1] = size{n: k[r] * k[r+1]}
			return e.reshaped(y, to)
		}
		return e.bin("Mul", x, e.apply("Squeeze", list(w, e.ints(1))))
	}
	if e.convProducts(n, graph.Conv{Strides: op.Strides, Dilation: op.Dilation, Padding: op.Padding}, products) {
		return
	}
	x, d := e.firstOf(n)
	w := e.kernel(n, slices.Concat([]int{r, r + 1}, span(0, r)), slices.Concat(graph.Shape{k[r] * k[r+1], 1}, k[:r]))
	attrs := window(e.type1(n).Shape, k[:r], op.Strides, op.Dilation, op.Padding)
	e.out(n, e.apply("Conv", list(x, w), append(attrs, with("group", k[r]))...), d, true)
}

func (e *emitter) convTranspose(n *graph.Node, op graph.ConvTranspose) {
	x, d := e.firstOf(n)
	k := e.g.Values[n.In[1]].Shape
	r := len(k) - 2
	w := e.kernel(n, slices.Concat([]int{r + 1, r}, span(0, r)), nil)
	before, after, more := make([]int, r), make([]int, r), make([]int, r)
	for i := range r {
		const cells = 1 << 8 // what is cut off is the same for every number of them
		out, cut := op.Out(i, cells, k[i])
		whole := (cells-1)*op.Strides[i] + (k[i]-1)*op.Dilation[i] + 1
		before[i], after[i] = cut, max(whole-cut-out, 0)
		more[i] = out + before[i] + after[i] - whole
	}
	e.out(n, e.apply("ConvTranspose", list(x, w), with("kernel_shape", []int(k[:r])), with("strides", op.Strides), with("dilations", op.Dilation),
		with("pads", slices.Concat(before, after)), with("output_padding", more)), d, true)
}

func (e *emitter) pool(n *graph.Node, op graph.Pool) {
	x, d := e.firstOf(n)
	name := "MaxPool"
	if op.Kind == graph.AveragePool {
		name = "AveragePool"
	}
	e.out(n, e.apply(name, list(x), window(e.type1(n).Shape, op.Size, op.Strides, nil, op.Padding)...), d, true)
}
