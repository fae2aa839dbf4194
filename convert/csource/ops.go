package csource

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// writers write the calls of an op, by its name. in and out are the types of
// operands and results: float32, with known sizes.
var writers = map[string]func(e *emitter, in, out []graph.Type){
	"Conv": func(e *emitter, in, out []graph.Type) {
		op := e.node.Op.(graph.Conv)
		e.windowed("conv", in, out, op.Strides, op.Dilation, op.Padding, op.Groups)
	},
	"DepthwiseConv": func(e *emitter, in, out []graph.Type) {
		op := e.node.Op.(graph.DepthwiseConv)
		e.windowed("depthwise", in, out, op.Strides, op.Dilation, op.Padding, 1)
	},
	"ConvTranspose": func(e *emitter, in, out []graph.Type) {
		op := e.node.Op.(graph.ConvTranspose)
		x, k := in[0].Shape, in[1].Shape
		axes := len(x) - 2
		crop := make([]int, axes)
		for i := range crop {
			_, crop[i] = op.Out(i, x[1+i], k[i])
		}
		p := slices.Concat(three(x[1:1+axes], 1), three(out[0].Shape[1:1+axes], 1), three(k[:axes], 1), three(op.Strides, 1), three(op.Dilation, 1), three(crop, 0),
			[]int{x[1+axes], k[axes]})
		e.each("transposed", in, out, p)
	},
	"Pool": func(e *emitter, in, out []graph.Type) {
		op := e.node.Op.(graph.Pool)
		x := in[0].Shape
		axes := len(x) - 2
		before := make([]int, axes)
		for i := range before {
			before[i], _ = op.Padding.Pads(i, x[1+i], op.Size[i], op.Strides[i])
		}
		p := slices.Concat(three(x[1:1+axes], 1), three(out[0].Shape[1:1+axes], 1), three(op.Size, 1), three(op.Strides, 1), three(before, 0), []int{x[1+axes]})
		name := "maxpool"
		if op.Kind == graph.AveragePool {
			name = "avgpool"
		}
		e.each(name, in, out, p)
	},
	"MatMul":     (*emitter).matmul,
	"AddBias":    func(e *emitter, in, out []graph.Type) { e.cells("cells_add", in, out) },
	"PReLU":      func(e *emitter, in, out []graph.Type) { e.cells("cells_prelu", in, out) },
	"Activation": func(e *emitter, in, out []graph.Type) { e.apply(activation(e.node.Op.(graph.Activation)), out) },
	"Unary": func(e *emitter, in, out []graph.Type) {
		op := e.node.Op.(graph.Unary)
		expression := unary[op.Func]
		if expression == "" {
			e.refuse("function %s", op.Func)
			return
		}
		e.apply("    return "+expression+";\n", out)
	},
	"Binary": func(e *emitter, in, out []graph.Type) {
		op := e.node.Op.(graph.Binary)
		if combine[op.Func] == "" {
			e.refuse("function %s", op.Func)
			return
		}
		e.cells("cells_"+string(op.Func), in, out)
	},
	"BatchNorm": (*emitter).batchNorm,
	"LayerNorm": (*emitter).layerNorm,
	"Softmax": func(e *emitter, in, out []graph.Type) {
		op := e.node.Op.(graph.Softmax)
		outer, n, inner, ok := split(in[0].Shape, op.Axes)
		if !ok {
			e.refuse("over axes %v, which are not side by side", op.Axes)
			return
		}
		logarithm := 0
		if op.Log {
			logarithm = 1
		}
		e.call("softmax", "%s, %s, %d, %d, %d, %d", e.result(0), e.value(e.node.In[0]), outer, n, inner, logarithm)
	},
	"Reduce": (*emitter).reduce,
	"Reshape": func(e *emitter, in, out []graph.Type) {
		e.alias[e.node.Out[0]] = e.node.In[0]
	},
	"Cast": func(e *emitter, in, out []graph.Type) { // of float32 to float32
		e.call("copy", "%s, %s, %d", e.result(0), e.value(e.node.In[0]), elems(out[0].Shape))
	},
	"Transpose": func(e *emitter, in, out []graph.Type) {
		from := strides(in[0].Shape)
		var by []int
		for _, p := range e.node.Op.(graph.Transpose).Perm {
			by = append(by, from[p])
		}
		e.move(e.result(0), e.value(e.node.In[0]), out[0].Shape, strides(out[0].Shape), by)
	},
	"Slice": func(e *emitter, in, out []graph.Type) {
		from := strides(in[0].Shape)
		at := 0
		var shape, by []int
		for i, n := range in[0].Shape {
			var r graph.Range
			if ranges := e.node.Op.(graph.Slice).Ranges; i < len(ranges) {
				r = ranges[i]
			} else {
				r = graph.Range{Step: 1}
			}
			first, count, step := r.Bounds(n)
			if r.Index {
				first, count, step = r.Start, 1, 1
				if first < 0 {
					first += n
				}
			}
			at += first * from[i]
			shape, by = append(shape, count), append(by, step*from[i])
		}
		e.move(e.result(0), fmt.Sprintf("%s + %d", e.value(e.node.In[0]), at), shape, strides(shape), by)
	},
	"Concat": func(e *emitter, in, out []graph.Type) {
		axis := e.node.Op.(graph.Concat).Axis
		if axis < 0 {
			axis += len(out[0].Shape)
		}
		to := strides(out[0].Shape)
		y := e.result(0)
		at := 0
		for i, t := range in {
			e.move(fmt.Sprintf("%s + %d", y, at), e.value(e.node.In[i]), t.Shape, to, strides(t.Shape))
			at += t.Shape[axis] * to[axis]
		}
	},
	"Pad": func(e *emitter, in, out []graph.Type) {
		op := e.node.Op.(graph.Pad)
		if op.Mode != graph.FillConstant {
			e.refuse("mode %q", op.Mode)
			return
		}
		to := strides(out[0].Shape)
		at := 0
		for i, n := range op.Before {
			at += n * to[i]
		}
		y := e.result(0)
		e.call("fill", "%s, %s, %d", y, number(op.Value), elems(out[0].Shape))
		e.move(fmt.Sprintf("%s + %d", y, at), e.value(e.node.In[0]), in[0].Shape, to, strides(in[0].Shape))
	},
	"Repeat": func(e *emitter, in, out []graph.Type) {
		op := e.node.Op.(graph.Repeat)
		axis := op.Axis
		if axis < 0 {
			axis += len(in[0].Shape)
		}
		shape := slices.Insert(slices.Clone([]int(in[0].Shape)), axis+1, op.N)
		e.move(e.result(0), e.value(e.node.In[0]), shape, strides(shape), slices.Insert(strides(in[0].Shape), axis+1, 0))
	},
	"Tile": func(e *emitter, in, out []graph.Type) {
		var shape, by []int
		from := strides(in[0].Shape)
		for i, n := range e.node.Op.(graph.Tile).Reps {
			if n > 1 {
				shape, by = append(shape, n), append(by, 0)
			}
			shape, by = append(shape, in[0].Shape[i]), append(by, from[i])
		}
		e.move(e.result(0), e.value(e.node.In[0]), shape, strides(shape), by)
	},
	"LSTM":      (*emitter).lstm,
	"GRU":       (*emitter).gru,
	"SimpleRNN": (*emitter).simpleRNN,
}

// three pads the sizes of 1 to 3 axes in front.
func three(v []int, with int) []int {
	return append(slices.Repeat([]int{with}, 3-len(v)), v...)
}

// strides are those of an array in C order.
func strides(shape []int) []int {
	s := make([]int, len(shape))
	n := 1
	for i := len(shape) - 1; i >= 0; i-- {
		s[i] = n
		n *= shape[i]
	}
	return s
}

// split returns a shape as that of three axes, of which the middle one is axes.
func split(shape graph.Shape, axes []int) (outer, n, inner int, ok bool) {
	ax, err := graph.Axes(axes, len(shape))
	if err != nil || len(ax) == 0 {
		return 0, 0, 0, false
	}
	ax = slices.Sorted(slices.Values(ax))
	if ax[len(ax)-1]-ax[0] != len(ax)-1 {
		return 0, 0, 0, false
	}
	return elems(shape[:ax[0]]), elems(shape[ax[0] : ax[0]+len(ax)]), elems(shape[ax[0]+len(ax):]), true
}

// windowed writes a convolution.
func (e *emitter) windowed(name string, in, out []graph.Type, strides, dilation []int, padding graph.Padding, groups int) {
	x, k := in[0].Shape, in[1].Shape
	axes := len(x) - 2
	before := make([]int, axes)
	for i := range before {
		before[i], _ = padding.Pads(i, x[1+i], (k[i]-1)*dilation[i]+1, strides[i])
	}
	e.each(name, in, out, slices.Concat(three(x[1:1+axes], 1), three(out[0].Shape[1:1+axes], 1), three(k[:axes], 1), three(strides, 1), three(dilation, 1), three(before, 0),
		[]int{x[1+axes], out[0].Shape[1+axes], groups}))
}

// each writes a call for each example of the first axis, which layers inside others have more of.
func (e *emitter) each(name string, in, out []graph.Type, p []int) {
	y, x := e.result(0), e.value(e.node.In[0])
	batch := in[0].Shape[0]
	for b := range batch {
		args := fmt.Sprintf("%s + %d, %s + %d", y, b*elems(out[0].Shape)/batch, x, b*elems(in[0].Shape)/batch)
		if len(in) > 1 {
			args += ", " + e.value(e.node.In[1])
		}
		e.withInts(name, args, p)
	}
}

func (e *emitter) matmul(in, out []graph.Type) {
	x, w := in[0].Shape, in[1].Shape
	k, n := w[len(w)-2], w[len(w)-1]
	args := func(matrices, next, rows int) {
		e.call("matmul", "%s, %s, %s, %d, %d, %d, %d, %d", e.result(0), e.value(e.node.In[0]), e.value(e.node.In[1]), matrices, next, rows, k, n)
	}
	switch {
	case len(w) == 2:
		args(1, 0, elems(x)/max(1, k))
	case slices.Equal(x[:len(x)-2], w[:len(w)-2]):
		args(elems(w[:len(w)-2]), k*n, x[len(x)-2])
	default:
		e.refuse("of %v and %v, which broadcast", x, w)
	}
}

// byCells returns a shape of six axes and the strides of operands that broadcast to it.
func (e *emitter) byCells(shape graph.Shape, operands ...graph.Shape) (n []int, by [][]int, ok bool) {
	if len(shape) > rank {
		e.refuse("of %d axes, at most %d", len(shape), rank)
		return nil, nil, false
	}
	for _, s := range operands {
		own := strides(s)
		b := make([]int, rank)
		for i := range s {
			if s[i] > 1 {
				b[rank-len(s)+i] = own[i]
			}
		}
		by = append(by, b)
	}
	return append(slices.Repeat([]int{1}, rank-len(shape)), shape...), by, true
}

// cells writes a function of two operands that broadcast.
func (e *emitter) cells(name string, in, out []graph.Type) {
	if n, by, ok := e.byCells(out[0].Shape, in[0].Shape, in[1].Shape); ok {
		e.withInts(name, fmt.Sprintf("%s, %s, %s", e.result(0), e.value(e.node.In[0]), e.value(e.node.In[1])), n, by[0], by[1])
	}
}

// move copies the cells of a shape.
func (e *emitter) move(y, x string, shape, to, from []int) {
	if len(shape) > rank {
		e.refuse("of %d axes, at most %d", len(shape), rank)
		return
	}
	fill := func(v []int, with int) []int { return append(slices.Repeat([]int{with}, rank-len(v)), v...) }
	e.withInts("move", y+", "+x, fill(shape, 1), fill(to, 0), fill(from, 0))
}

// function returns the name of a C function with a body.
func (e *emitter) function(body string) string {
	i := slices.Index(e.functions, body)
	if i < 0 {
		i = len(e.functions)
		e.functions = append(e.functions, body)
	}
	return fmt.Sprintf("f%d", i)
}

// apply writes a function of each element.
func (e *emitter) apply(body string, out []graph.Type) {
	e.call("apply", "%s, %s, %d, %s", e.result(0), e.value(e.node.In[0]), elems(out[0].Shape), e.function(body))
}

// constant returns the elements of operand k, which must be a weight or a constant.
func (e *emitter) constant(k int) ([]float32, bool) {
	id := e.root(e.node.In[k])
	if i, ok := e.g.ConstOf[id]; ok {
		return e.g.Consts[i].Float32s(), true
	}
	i, ok := e.g.ParamOf[id]
	if !ok {
		return nil, false
	}
	t, err := e.j.Weights[i].Tensor()
	if err != nil {
		e.refuse("%v", err)
		return nil, false
	}
	return t.Float32s(), true
}

// batchNorm multiplies and adds constants that are made here.
func (e *emitter) batchNorm(in, out []graph.Type) {
	op := e.node.Op.(graph.BatchNorm)
	outer, channels, inner, ok := split(in[0].Shape, op.Axes)
	at := 1
	next := func(has bool) []float32 {
		if !has || !ok {
			return nil
		}
		v, constant := e.constant(at)
		at++
		ok = ok && constant && len(v) == channels
		return v
	}
	gamma, beta := next(op.Scale), next(op.Center)
	mean, variance := next(true), next(true)
	if !ok {
		e.refuse("over axes %v, with weights of %v", op.Axes, in[1:])
		return
	}
	scale, shift := make([]float32, channels), make([]float32, channels)
	for c := range scale {
		k := 1 / math.Sqrt(float64(variance[c])+op.Epsilon)
		if gamma != nil {
			k *= float64(gamma[c])
		}
		b := -float64(mean[c]) * k
		if beta != nil {
			b += float64(beta[c])
		}
		scale[c], shift[c] = float32(k), float32(b)
	}
	made := func(what string, v []float32) string {
		name := fmt.Sprintf("n%d_%s", e.at, what)
		e.arrays = append(e.arrays, array{name, e.node.Layer + " " + what, func() (graph.Tensor, error) { return graph.Floats(v, len(v)), nil }})
		return name
	}
	a, b := made("scale", scale), made("shift", shift)
	e.call("affine", "%s, %s, %s, %s, %d, %d, %d", e.result(0), e.value(e.node.In[0]), a, b, outer, channels, inner)
}

func (e *emitter) layerNorm(in, out []graph.Type) {
	op := e.node.Op.(graph.LayerNorm)
	outer, n, inner, ok := split(in[0].Shape, op.Axes)
	if !ok || inner != 1 {
		e.refuse("over axes %v, which are not the last ones", op.Axes)
		return
	}
	next := 1
	operand := func(has bool) string {
		if !has {
			return "0"
		}
		next++
		return e.value(e.node.In[next-1])
	}
	gamma, beta := operand(op.Scale), operand(op.Center)
	kind := map[graph.LayerNormKind]int{graph.NormMean: 0, graph.NormRMSScaling: 1, graph.NormRMS: 2}[op.Kind]
	e.call("layernorm", "%s, %s, %s, %s, %d, %d, %s, %d", e.result(0), e.value(e.node.In[0]), gamma, beta, outer, n, number(op.Epsilon), kind)
}

func (e *emitter) reduce(in, out []graph.Type) {
	op := e.node.Op.(graph.Reduce)
	ax, err := graph.Axes(op.Axes, len(in[0].Shape))
	if err != nil || reductions[op.Func] == "" {
		e.refuse("function %s", op.Func)
		return
	}
	kept := in[0].Shape.Clone()
	count := 1
	for _, a := range ax {
		count *= kept[a]
		kept[a] = 1
	}
	n, by, ok := e.byCells(in[0].Shape, kept)
	if !ok {
		return
	}
	function := op.Func
	if function == graph.ReduceMean {
		function = graph.ReduceSum
	}
	start := map[graph.ReduceFunc]float64{graph.ReduceMax: math.Inf(-1), graph.ReduceMin: math.Inf(1), graph.ReduceProd: 1}[function]
	y := e.result(0)
	e.call("fill", "%s, %s, %d", y, number(start), elems(out[0].Shape))
	e.withInts("reduce_"+string(function), fmt.Sprintf("%s, %s", y, e.value(e.node.In[0])), n, by[0])
	if op.Func == graph.ReduceMean {
		e.call("apply", "%s, %s, %d, %s", y, y, elems(out[0].Shape), e.function(fmt.Sprintf("    return x / %s;\n", number(float64(count)))))
	}
}

// A recurrence is a recurrent op on its way.
type recurrence struct {
	steps, width, units, gates int
	x, w, u, bias              string // bias is "" for none
	y                          string
	states                     []string
}

// recurrence makes room for the results and states of a recurrent op, which begin as they shall.
func (e *emitter) recurrence(op graph.Recurrence, in []graph.Type, gates, states int) (r recurrence, ok bool) {
	x := in[0].Shape
	if op.Masked || x[0] != 1 {
		e.refuse("with a mask, or inside another layer")
		return r, false
	}
	r = recurrence{steps: x[1], width: x[2], units: in[2].Shape[0], gates: gates, x: e.value(e.node.In[0]), w: e.value(e.node.In[1]), u: e.value(e.node.In[2])}
	next := 3
	if op.Bias {
		r.bias = e.value(e.node.In[next])
		next++
	}
	r.y = e.result(0)
	for k := range states {
		h := e.result(1 + k)
		r.states = append(r.states, h)
		if op.State {
			e.call("copy", "%s, %s, %d", h, e.value(e.node.In[next+k]), r.units)
		} else {
			e.call("fill", "%s, 0, %d", h, r.units)
		}
	}
	return r, true
}

// loop writes what is done at each step: lines, whose words in braces are replaced, {t} by the number of the
// step's input.
func (e *emitter) loop(r recurrence, op graph.Recurrence, uses string, lines ...string) {
	t := "t"
	if op.Backwards {
		t = fmt.Sprintf("(%d - t)", r.steps-1)
	}
	for _, name := range strings.Fields(uses) {
		e.used[name] = true
	}
	if op.Sequences {
		lines = append(lines, fmt.Sprintf("copy(%s + t * %d, %s, %d)", r.y, r.units, r.states[0], r.units))
		e.used["copy"] = true
	}
	fmt.Fprintf(&e.body, "    for (int t = 0; t < %d; t++) {\n", r.steps)
	for _, l := range lines {
		if l != "" {
			fmt.Fprintf(&e.body, "        %s;\n", strings.ReplaceAll(l, "{t}", t))
		}
	}
	e.body.WriteString("    }\n")
	if !op.Sequences {
		e.call("copy", "%s, %s, %d", r.y, r.states[0], r.units)
	}
}

// begin sets sums to a bias, or to 0.
func (e *emitter) begin(z, bias string, n int) string {
	if bias == "" {
		e.used["fill"] = true
		return fmt.Sprintf("fill(%s, 0, %d)", z, n)
	}
	e.used["copy"] = true
	return fmt.Sprintf("copy(%s, %s, %d)", z, bias, n)
}

// ofInput and ofState add the products of a step.
func (r recurrence) ofInput(z string) string {
	n := r.gates * r.units
	return fmt.Sprintf("accumulate(%s, %s + {t} * %d, %s, %d, %d, %d)", z, r.x, r.width, r.w, r.width, n, n)
}

func (r recurrence) ofState(z string, columns int) string {
	return fmt.Sprintf("accumulate(%s, %s, %s, %d, %d, %d)", z, r.states[0], r.u, r.units, columns, r.gates*r.units)
}

func (e *emitter) lstm(in, out []graph.Type) {
	op := e.node.Op.(graph.LSTM)
	r, ok := e.recurrence(op.Recurrence, in, 4, 2)
	if !ok {
		return
	}
	z := e.scratch(4 * r.units)
	e.loop(r, op.Recurrence, "accumulate lstm", e.begin(z, r.bias, 4*r.units), r.ofInput(z), r.ofState(z, 4*r.units),
		fmt.Sprintf("lstm(%s, %s, %s, %d, %s, %s)", r.states[0], r.states[1], z, r.units, e.function(activation(op.Activation)), e.function(activation(op.RecurrentActivation))))
}

func (e *emitter) gru(in, out []graph.Type) {
	op := e.node.Op.(graph.GRU)
	r, ok := e.recurrence(op.Recurrence, in, 3, 1)
	if !ok {
		return
	}
	n := r.units
	z := e.scratch(6 * n)
	second := fmt.Sprintf("%s + %d", z, 3*n)
	act, gate := e.function(activation(op.Activation)), e.function(activation(op.RecurrentActivation))
	if op.ResetAfter {
		other := ""
		if r.bias != "" {
			other = fmt.Sprintf("%s + %d", r.bias, 3*n)
		}
		e.loop(r, op.Recurrence, "accumulate gru_after", e.begin(z, r.bias, 3*n), r.ofInput(z), e.begin(second, other, 3*n), r.ofState(second, 3*n),
			fmt.Sprintf("gru_after(%s, %s, %s, %d, %s, %s)", r.states[0], z, second, n, act, gate))
		return
	}
	e.loop(r, op.Recurrence, "accumulate gru gru_reset", e.begin(z, r.bias, 3*n), r.ofInput(z), r.ofState(z, 2*n),
		fmt.Sprintf("gru_reset(%s, %s, %s, %d, %s)", second, r.states[0], z, n, gate),
		fmt.Sprintf("accumulate(%s + %d, %s, %s + %d, %d, %d, %d)", z, 2*n, second, r.u, 2*n, n, n, 3*n),
		fmt.Sprintf("gru(%s, %s, %d, %s, %s)", r.states[0], z, n, act, gate))
}

func (e *emitter) simpleRNN(in, out []graph.Type) {
	op := e.node.Op.(graph.SimpleRNN)
	r, ok := e.recurrence(op.Recurrence, in, 1, 1)
	if !ok {
		return
	}
	z := e.scratch(r.units)
	e.loop(r, op.Recurrence, "accumulate apply", e.begin(z, r.bias, r.units), r.ofInput(z), r.ofState(z, r.units),
		fmt.Sprintf("apply(%s, %s, %d, %s)", r.states[0], z, r.units, e.function(activation(op.Activation))))
}
