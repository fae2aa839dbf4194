package onnx

import (
	"slices"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// wide is the type in which sums over many values of a type are taken.
func wide(d graph.DType) graph.DType {
	if d == graph.Float16 || d == graph.BFloat16 {
		return graph.Float32
	}
	return d
}

func (e *emitter) batchNorm(n *graph.Node, op graph.BatchNorm) {
	t := e.type1(n)
	rank := len(t.Shape)
	axes, _ := graph.Axes(op.Axes, rank)
	d := computed(t.DType)
	var gamma, beta = -1, -1
	rest := n.In[1:]
	if op.Scale {
		gamma, rest = rest[0], rest[1:]
	}
	if op.Center {
		beta, rest = rest[0], rest[1:]
	}
	mean, variance := rest[0], rest[1]
	last := len(axes) == 1 && axes[0] == rank-1
	c := e.g.Values[mean].Shape
	if last && rank > 1 && c.Known() && (rank == 2 || e.isFirst(n.In[0])) {
		x := e.values[n.In[0]].first
		if rank == 2 {
			x = e.last(n.In[0])
		}
		weight := func(id int, fill float64) string {
			if id >= 0 {
				return e.cast(e.last(id), t.DType, d)
			}
			w := graph.NewTensor(d, c)
			for i := range w.Len() {
				w.SetFloat(i, fill)
			}
			return e.tensor(w)
		}
		y := e.apply("BatchNormalization", list(e.cast(x, t.DType, d), weight(gamma, 1), weight(beta, 0), weight(mean, 0), weight(variance, 1)),
			with("epsilon", op.Epsilon))
		e.out(n, y, d, rank > 2)
		return
	}
	w := wide(t.DType)
	at := func(id int) string { return e.along(e.cast(e.last(id), t.DType, w), axes, rank) }
	scale := e.un("Reciprocal", e.un("Sqrt", e.bin("Add", at(variance), e.scalar(w, op.Epsilon))))
	if gamma >= 0 {
		scale = e.bin("Mul", scale, at(gamma))
	}
	y := e.bin("Mul", e.bin("Sub", e.cast(e.last(n.In[0]), t.DType, w), at(mean)), scale)
	if beta >= 0 {
		y = e.bin("Add", y, at(beta))
	}
	e.out(n, y, w, false)
}

// along gives a weight with the dimensions of axes a shape that broadcasts to rank dimensions.
func (e *emitter) along(w string, axes []int, rank int) string {
	var missing []int
	for i := axes[0] + 1; i < rank; i++ {
		if !slices.Contains(axes, i) {
			missing = append(missing, i-axes[0])
		}
	}
	if missing == nil {
		return w
	}
	return e.apply("Unsqueeze", list(w, e.ints(missing...)))
}

// affine multiplies by the weight that follows x in the operands, and adds the next.
func (e *emitter) affine(n *graph.Node, y string, d graph.DType, scale, center bool, axes []int, rank int) string {
	next := 1
	for i, op := range []string{"Mul", "Add"} {
		if []bool{scale, center}[i] {
			w := e.cast(e.last(n.In[next]), e.g.Values[n.In[next]].DType, d)
			y = e.bin(op, y, e.along(w, axes, rank))
			next++
		}
	}
	return y
}

func (e *emitter) layerNorm(n *graph.Node, op graph.LayerNorm) {
	t := e.type1(n)
	rank := len(t.Shape)
	axes, _ := graph.Axes(op.Axes, rank)
	d := wide(t.DType)
	x := e.cast(e.last(n.In[0]), t.DType, d)
	if op.Kind == graph.NormMean && op.Scale && slices.Equal(axes, span(rank-len(axes), rank)) {
		in := list(x)
		for _, id := range n.In[1:] {
			in = append(in, e.cast(e.last(id), t.DType, d))
		}
		e.out(n, e.apply("LayerNormalization", in, with("axis", axes[0]), with("epsilon", op.Epsilon)), d, false)
		return
	}
	y := e.normalized(x, axes, op.Epsilon, op.Kind, d)
	e.out(n, e.affine(n, y, d, op.Scale, op.Center, axes, rank), d, false)
}

// normalized divides by the root of the variance over axes.
func (e *emitter) normalized(x string, axes []int, epsilon float64, kind graph.LayerNormKind, d graph.DType) string {
	centred := x
	if kind != graph.NormRMS {
		centred = e.bin("Sub", x, e.reduce("ReduceMean", x, axes, true))
	}
	variance := e.reduce("ReduceMean", e.bin("Mul", centred, centred), axes, true)
	if kind == graph.NormRMSScaling {
		centred = x
	}
	return e.bin("Div", centred, e.un("Sqrt", e.bin("Add", variance, e.scalar(d, epsilon))))
}

func (e *emitter) groupNorm(n *graph.Node, op graph.GroupNorm) {
	t := e.type1(n)
	rank := len(t.Shape)
	c := t.Shape[rank-1]
	if c == graph.Dyn {
		e.refuse(n, "the number of channels is unknown")
		return
	}
	d := wide(t.DType)
	x := e.cast(e.last(n.In[0]), t.DType, d)
	grouped := e.apply("Reshape", list(x, e.ints(0, -1, op.Groups, c/op.Groups)))
	y := e.normalized(grouped, []int{1, 3}, op.Epsilon, graph.NormMean, d)
	y = e.apply("Reshape", list(y, e.un("Shape", x)))
	e.out(n, e.affine(n, y, d, op.Scale, op.Center, []int{rank - 1}, rank), d, false)
}

func (e *emitter) softmax(n *graph.Node, op graph.Softmax) {
	x, d := e.in(n, 0)
	axes, _ := graph.Axes(op.Axes, len(e.type1(n).Shape))
	if len(axes) == 1 {
		name := "Softmax"
		if op.Log {
			name = "LogSoftmax"
		}
		e.out(n, e.apply(name, list(x), with("axis", axes[0])), d, false)
		return
	}
	centred := e.bin("Sub", x, e.reduce("ReduceMax", x, axes, true))
	exp := e.un("Exp", centred)
	sum := e.reduce("ReduceSum", exp, axes, true)
	y := e.bin("Div", exp, sum)
	if op.Log {
		y = e.bin("Sub", centred, e.un("Log", sum))
	}
	e.out(n, y, d, false)
}

// sparsemax: see graph.Sparsemax. The places of the sorted elements that count are
// the first k of them.
func (e *emitter) sparsemax(n *graph.Node) {
	t := e.type1(n)
	d := wide(t.DType)
	x := e.cast(e.last(n.In[0]), t.DType, d)
	rank := len(t.Shape)
	size := e.apply("Slice", list(e.un("Shape", x), e.ints(rank-1), e.ints(rank)))
	sorted := e.applyN("TopK", 2, list(x, size), with("axis", rank-1))[0]
	sums := e.bin("CumSum", sorted, e.scalar(graph.Int64, float64(rank-1)))
	ones := e.apply("Expand", list(e.scalar(d, 1), size))
	places := e.bin("CumSum", ones, e.scalar(graph.Int64, 0))
	less := e.bin("Div", e.bin("Sub", sums, e.scalar(d, 1)), places)
	counts := e.cast(e.bin("Greater", e.bin("Sub", sorted, less), e.scalar(d, 0)), graph.Bool, d)
	k := e.reduce("ReduceSum", counts, []int{rank - 1}, true)
	total := e.reduce("ReduceSum", e.bin("Mul", sums, counts), []int{rank - 1}, true)
	level := e.bin("Div", e.bin("Sub", total, e.scalar(d, 1)), k)
	e.out(n, e.bin("Max", e.bin("Sub", x, level), e.scalar(d, 0)), d, false)
}

// reduce combines along axes, which are an operand since operator set 13 or 18.
func (e *emitter) reduce(op, x string, axes []int, keep bool) string {
	k := 0
	if keep {
		k = 1
	}
	if len(axes) == 0 { // would be all of them
		return x
	}
	if op == "ReduceSum" || e.opset >= 18 {
		return e.apply(op, list(x, e.ints(axes...)), with("keepdims", k))
	}
	return e.apply(op, list(x), with("axes", axes), with("keepdims", k))
}

var reductions = map[graph.ReduceFunc]string{
	graph.ReduceSum: "ReduceSum", graph.ReduceMean: "ReduceMean", graph.ReduceMax: "ReduceMax", graph.ReduceMin: "ReduceMin",
	graph.ReduceProd: "ReduceProd", graph.ReduceAll: "ReduceMin", graph.ReduceAny: "ReduceMax",
}

func (e *emitter) reduceNode(n *graph.Node, op graph.Reduce) {
	t := e.type1(n)
	rank := len(t.Shape)
	axes, _ := graph.Axes(op.Axes, rank)
	x, first, resultFirst := "", false, false
	if e.isFirst(n.In[0]) && !slices.Contains(axes, 0) {
		channels := slices.Contains(axes, rank-1)
		// The axes that are left must stand as they would, channels first or last.
		left := rank - len(axes)
		first = true
		resultFirst = op.KeepDims || !channels && left >= 3
	}
	if first {
		x = e.values[n.In[0]].first
		for i, a := range axes {
			axes[i] = axisFirst(a, rank)
		}
		slices.Sort(axes)
	} else {
		x = e.last(n.In[0])
	}
	d := wide(computed(t.DType))
	if t.DType == graph.Bool {
		d = graph.Int32
	}
	y := e.reduce(reductions[op.Func], e.cast(x, t.DType, d), axes, op.KeepDims)
	e.out(n, y, d, resultFirst)
}

func (e *emitter) argReduce(n *graph.Node, op graph.ArgReduce) {
	x, _ := e.in(n, 0)
	axes, _ := graph.Axes([]int{op.Axis}, len(e.type1(n).Shape))
	name, keep := "ArgMax", 0
	if op.Min {
		name = "ArgMin"
	}
	if op.KeepDims {
		keep = 1
	}
	e.out(n, e.apply(name, list(x), with("axis", axes[0]), with("keepdims", keep)), graph.Int64, false)
}
