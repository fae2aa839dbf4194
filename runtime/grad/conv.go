package grad

import (
	"slices"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// weights refuses an op whose operand i depends on what is differentiated by.
func (n *node) weights(i int, what string) {
	if n.wants[i] {
		n.refuse(n.Node, what+" depends on it")
	}
}

// A window is one of a convolution or pooling over the spatial axes of x.
type window struct {
	size, strides, dilation []int
	padding                 graph.Padding
}

func ones(n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = 1
	}
	return s
}

// scatter prepares dy, the gradient of what a window of n made of x, for the
// convolution with the reversed kernel and strides of 1 that gives the gradient
// of x: with zeros between its cells, and all padding that this needs.
func (n *node) scatter(dy graph.Value, w window) (graph.Value, graph.Padding) {
	x, rank := n.x[0].Shape, len(w.size)
	steps := ones(rank + 2)
	copy(steps[1:], w.strides)
	out := graph.Padding{Mode: graph.Explicit}
	dy = n.spread(dy, steps)
	for i := range rank {
		span := (w.size[i]-1)*w.dilation[i] + 1
		before, _ := w.padding.Pads(i, x[1+i], span, w.strides[i])
		// The convolution reads x[1+i] + span - 1 cells; the first of dy is at cell span - 1 - before.
		cells, lead := n.y.Shape[1+i]*w.strides[i], span-1-before
		out.Before, out.After = append(out.Before, max(0, lead)), append(out.After, max(0, x[1+i]+before-cells))
		dy = n.part(dy, 1+i, max(0, -lead), min(cells, x[1+i]+before))
	}
	return dy, out
}

// conv convolves the gradient with the kernel reversed and its channels exchanged
// within each group. With strides and one group it is the transposed convolution
// instead, which multiplies no zeros.
func conv(n *node, op graph.Conv, dy graph.Value) graph.Value {
	n.weights(1, "the kernel")
	k := n.x[1]
	rank := k.Rank() - 2
	if op.Groups == 1 && slices.Max(op.Strides) > 1 {
		dx := n.b.Apply(graph.ConvTranspose{Strides: op.Strides, Dilation: op.Dilation, Padding: graph.Padding{Mode: graph.Valid}}, dy, k)
		for i, size := range n.x[0].Shape[1 : 1+rank] {
			before, _ := op.Padding.Pads(i, size, (k.Dim(i)-1)*op.Dilation[i]+1, op.Strides[i])
			dx = n.fit(dx, 1+i, dx.Dim(1+i), -before, size)
		}
		return dx
	}
	cin, filters := k.Dim(rank), k.Dim(rank+1)
	dy, padding := n.scatter(dy, window{k.Shape[:rank], op.Strides, op.Dilation, op.Padding})
	k = n.reverse(k, spatial(rank)...)
	window := n.x[1].Shape[:rank:rank]
	perm := append(spatial(rank), rank+2, rank+1, rank)
	k = n.tape.transpose(n.tape.reshape(k, append(window, cin, op.Groups, filters/op.Groups)), perm...)
	k = n.tape.reshape(k, append(window, filters/op.Groups, op.Groups*cin))
	return n.b.Apply(graph.Conv{Strides: ones(rank), Dilation: op.Dilation, Groups: op.Groups, Padding: padding}, dy, k)
}

// spatial are the axes of the window of a kernel.
func spatial(rank int) []int {
	axes := make([]int, rank)
	for i := range axes {
		axes[i] = i
	}
	return axes
}

func depthwise(n *node, op graph.DepthwiseConv, dy graph.Value) graph.Value {
	n.weights(1, "the kernel")
	k := n.x[1]
	rank := k.Rank() - 2
	channels, multiplier := k.Dim(rank), k.Dim(rank+1)
	w := window{k.Shape[:rank], op.Strides, op.Dilation, op.Padding}
	k = n.tape.reshape(n.reverse(k, spatial(rank)...), append(w.size[:rank:rank], channels*multiplier, 1))
	dx := n.each(dy, k, w)
	if multiplier == 1 {
		return dx
	}
	x := n.x[0].Shape
	dx = n.tape.reshape(dx, append(x[:rank+1:rank+1], channels, multiplier))
	return n.tape.reduce(graph.ReduceSum, dx, []int{-1}, false)
}

// each scatters every channel of dy with a kernel of its own, which is reversed.
func (n *node) each(dy, k graph.Value, w window) graph.Value {
	dy, padding := n.scatter(dy, w)
	return n.b.Apply(graph.DepthwiseConv{Strides: ones(len(w.size)), Dilation: w.dilation, Padding: padding}, dy, k)
}

// convTranspose is the convolution whose gradient the op is.
func convTranspose(n *node, op graph.ConvTranspose, dy graph.Value) graph.Value {
	n.weights(1, "the kernel")
	x, k := n.x[0].Shape, n.x[1]
	rank := k.Rank() - 2
	p := graph.Padding{Mode: graph.Explicit}
	for i := range rank {
		out, before := op.Out(i, x[1+i], k.Dim(i))
		reach := (x[1+i]-1)*op.Strides[i] + (k.Dim(i)-1)*op.Dilation[i] + 1 - before // cells behind the crop
		p.Before, p.After = append(p.Before, before), append(p.After, max(0, reach-out))
		dy = n.part(dy, 1+i, 0, min(out, reach))
	}
	return n.b.Apply(graph.Conv{Strides: op.Strides, Dilation: op.Dilation, Groups: 1, Padding: p}, dy, k)
}

func pool(n *node, op graph.Pool, dy graph.Value) graph.Value {
	x := n.x[0]
	rank := x.Rank() - 2
	if op.Kind == graph.MaxPool {
		// TensorFlow's pooling of volumes gives the gradient to all of several equal maxima.
		g := graph.MaxPoolGrad{Size: op.Size, Strides: op.Strides, Padding: op.Padding, All: rank == 3}
		return n.b.Apply(g, x, dy)
	}
	w := window{op.Size, op.Strides, ones(rank), op.Padding}
	k := graph.NewTensor(x.DType, append(append(graph.Shape{}, op.Size...), x.Dim(-1), 1))
	for i := range k.Len() {
		k.SetFloat(i, 1)
	}
	return n.each(n.div(dy, n.b.Const(w.counts(x.DType, x.Shape, n.y.Shape))), n.b.Const(k), w)
}

// counts are the cells in each window that lie in x, (1, out..., 1).
func (w window) counts(d graph.DType, x, y graph.Shape) graph.Tensor {
	s := y.Clone()
	s[0], s[len(s)-1] = 1, 1
	t := graph.NewTensor(d, s)
	for i := range t.Len() {
		count, at := 1, i
		for k := len(w.size) - 1; k >= 0; k-- {
			before, _ := w.padding.Pads(k, x[1+k], w.size[k], w.strides[k])
			from := at%y[1+k]*w.strides[k] - before
			at /= y[1+k]
			count *= min(from+w.size[k], x[1+k]) - max(from, 0)
		}
		t.SetFloat(i, float64(max(count, 1))) // a window of padding alone passes its gradient to no cell
	}
	return t
}

// matMul is dy·wᵀ and xᵀ·dy. A matrix w stands on the left, (w·dyᵀ)ᵀ, so that
// no transposed form of a large one need be kept.
func matMul(n *node, _ graph.MatMul, dy graph.Value) []graph.Value {
	x, w := n.x[0], n.x[1]
	out := []graph.Value{none, none}
	if w.Rank() > 2 {
		if n.wants[0] {
			out[0] = n.sumTo(n.b.Apply(graph.MatMul{}, dy, n.swap(w)), x.Shape)
		}
		if n.wants[1] {
			out[1] = n.sumTo(n.b.Apply(graph.MatMul{}, n.swap(x), dy), w.Shape)
		}
		return out
	}
	rows := 1
	for _, d := range x.Shape[:x.Rank()-1] {
		rows *= d
	}
	dy = n.tape.reshape(dy, graph.Shape{rows, w.Dim(1)})
	if n.wants[0] {
		out[0] = n.tape.reshape(n.swap(n.b.Apply(graph.MatMul{}, w, n.swap(dy))), x.Shape)
	}
	if n.wants[1] {
		out[1] = n.b.Apply(graph.MatMul{}, n.swap(n.tape.reshape(x, graph.Shape{rows, w.Dim(0)})), dy)
	}
	return out
}

// swap exchanges the last two axes.
func (t *tape) swap(x graph.Value) graph.Value {
	if t.b.Err() != nil {
		return none
	}
	perm := spatial(x.Rank())
	i := len(perm) - 2
	perm[i], perm[i+1] = i+1, i
	return t.transpose(x, perm...)
}
