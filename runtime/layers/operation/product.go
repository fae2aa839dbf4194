package operation

import (
	"slices"
	"strings"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// productOps are the products of matrices and tensors.
var productOps = map[string]row{
	"Matmul": {"x1 x2", matmul},
	"Dot":    {"x1 x2", dot},
	"Einsum": {"a b", einsum},
}

// matmul multiplies by NumPy's rule: a vector is a row on the left and a column on the right.
func matmul(o *call) []graph.Value {
	v := o.operands("x1", "x2")
	a, b := o.float32ed(v[0]), o.float32ed(v[1])
	if o.Err() == nil && !v[0].DType.Floating() {
		o.Failf("%w: product of %v matrices", keras.ErrUnsupported, v[0].DType)
		return nil
	}
	if o.bool("transpose_a", false) {
		a = o.swap(a, -1, -2)
	}
	if o.bool("transpose_b", false) {
		b = o.swap(b, -1, -2)
	}
	return o.one(o.product(a, b))
}

func (o *call) product(a, b graph.Value) graph.Value {
	if b.Rank() != 1 {
		if a.Rank() == 1 && b.Rank() > 2 {
			a = o.expand(a, 0)
			y := o.Apply(graph.MatMul{}, a, b)
			return o.squeezeAxes(y, []int{y.Rank() - 2})
		}
		return o.Apply(graph.MatMul{}, a, b)
	}
	y := o.Apply(graph.MatMul{}, a, o.expand(b, 1))
	return o.squeezeAxes(y, []int{y.Rank() - 1})
}

// dot is the product for a second operand of rank 1 or 2.
func dot(o *call) []graph.Value {
	v := o.operands("x1", "x2")
	if v[1].Rank() > 2 || v[1].Rank() == 0 || v[0].Rank() == 0 {
		o.Failf("%w: dot of %v and %v", keras.ErrUnsupported, v[0].Shape, v[1].Shape)
		return nil
	}
	return o.one(o.product(o.float32ed(v[0]), o.float32ed(v[1])))
}

// einsum is [Einsum] of one or two operands.
func einsum(o *call) []graph.Value {
	text := o.str("subscripts", "")
	names := []string{"a", "b"}
	n := strings.Count(strings.SplitN(text, "->", 2)[0], ",") + 1
	if n > len(names) {
		o.Failf("%w: subscripts %q", keras.ErrUnsupported, text)
		return nil
	}
	x := o.operands(names[:n]...)
	if o.Err() != nil {
		return nil
	}
	for i := range x {
		x[i] = o.float32ed(x[i])
	}
	return o.one(Einsum(o.Builder, text, x...))
}

// Einsum sums products over labelled axes: "bij,bjk->bik". One or two floating
// operands are known, each label at most once in each; "..." stands for any
// number of axes. A failure is an error of b that wraps [keras.ErrUnsupported]
// or [graph.ErrShape].
//
// Two operands become matrices: with the labels of both and the result as
// batch, those of both only as the inner dimension. An operand without batch
// labels may stand for all of the batch.
func Einsum(b *graph.Builder, text string, in ...graph.Value) graph.Value {
	o := &call{Builder: b}
	if b.Err() != nil {
		return none()
	}
	text = strings.ReplaceAll(text, " ", "")
	left, out, ok := strings.Cut(text, "->")
	labels := strings.Split(left, ",")
	if !ok || len(labels) != len(in) || len(in) > 2 {
		o.Failf("%w: subscripts %q", keras.ErrUnsupported, text)
		return none()
	}
	x := slices.Clone(in)
	var rest string
	for i, l := range labels {
		l, names, ok := expandDots(l, x[i].Rank())
		if !ok {
			o.Failf("%w: subscripts %q of %v", graph.ErrShape, text, x[i].Shape)
			return none()
		}
		if labels[i] = l; len(names) > len(rest) {
			rest = names
		}
	}
	out = strings.Replace(out, "...", rest, 1)
	for _, l := range append([]string{out}, labels...) {
		if twice(l) || strings.Trim(strings.ToLower(l), "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
			o.Failf("%w: subscripts %q", keras.ErrUnsupported, text)
			return none()
		}
	}
	for i, l := range labels {
		other := out + strings.Join(labels[:i], "") + strings.Join(labels[i+1:], "")
		x[i], labels[i] = o.sumLabels(x[i], l, other)
	}
	y, have := x[0], labels[0]
	if len(x) == 2 {
		y, have = o.contract(x[0], x[1], labels[0], labels[1], out)
	}
	if o.Err() == nil && (len(have) != len(out) || without(have, out) != "") {
		o.Failf("%w: subscripts %q", keras.ErrUnsupported, text)
	}
	return o.relabel(y, have, out)
}

// expandDots replaces "..." in the labels of an operand of the given rank by
// digits, which it returns too, the last axis as 0. It reports false when the
// labels do not fit the rank.
func expandDots(labels string, rank int) (all, dots string, ok bool) {
	n := rank - len(labels)
	if !strings.Contains(labels, "...") {
		return labels, "", n == 0
	}
	if n += len("..."); n < 0 || n > 10 {
		return labels, "", false
	}
	dots = "9876543210"[10-n:]
	return strings.Replace(labels, "...", dots, 1), dots, true
}

// twice reports a label that stands twice in l.
func twice(l string) bool {
	for i, r := range l {
		if strings.ContainsRune(l[:i], r) {
			return true
		}
	}
	return false
}

// within returns the labels of l that m has, without those that it has not.
func within(l, m string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(m, r) {
			return r
		}
		return -1
	}, l)
}

func without(l, m string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(m, r) {
			return -1
		}
		return r
	}, l)
}

// sumLabels sums the axes of x whose labels nothing else has.
func (o *call) sumLabels(x graph.Value, labels, other string) (graph.Value, string) {
	var axes []int
	for i, r := range labels {
		if !strings.ContainsRune(other, r) {
			axes = append(axes, i)
		}
	}
	return o.reduce(graph.ReduceSum, x, axes, false), within(labels, other)
}

// relabel transposes x from labels to other ones.
func (o *call) relabel(x graph.Value, labels, to string) graph.Value {
	perm := make([]int, len(to))
	for i, r := range to {
		perm[i] = strings.IndexRune(labels, r)
	}
	if o.Err() != nil {
		return none()
	}
	return o.permute(x, perm)
}

// contract multiplies two operands and returns the result with its labels:
// those of the batch, of the left operand and of the right one.
func (o *call) contract(x, y graph.Value, lx, ly, out string) (graph.Value, string) {
	both := within(lx, ly)
	batch, inner := within(both, out), without(both, out)
	rows, cols := without(lx, ly), without(ly, lx)
	if batch == "" && len(ly) > 2 && len(inner) > 0 { // let the larger operand lend its leading axis
		if i := len(cols); i > 1 && strings.HasPrefix(ly, cols[:1]) {
			batch, cols = cols[:1], cols[1:]
		}
	}
	x = o.relabel(x, lx, within(batch, lx)+rows+inner)
	y = o.relabel(y, ly, batch+inner+cols)
	nb, mb := len(batch), len(within(batch, lx))
	dimX, dimY := x.Shape, y.Shape
	if o.Err() != nil {
		return none(), ""
	}
	var dims []int
	if batch == "" { // a matrix multiplies x of any rank: rows stay as they are, several of unknown size too
		x = o.mergeLast(x, len(inner))
		for i := range len(rows) {
			dims = append(dims, graph.KeepDim(i))
		}
	} else {
		x = o.merge(x, nb-mb, mb, len(rows), len(inner))
		for i := range nb {
			dims = append(dims, graph.KeepDim(i))
		}
		dims = append(dims, axesOf(dimX[mb:mb+len(rows)], nb)...)
	}
	y = o.merge(y, 0, nb, len(inner), len(cols))
	z := o.Apply(graph.MatMul{}, x, y)
	// Give the rows and columns their axes back.
	if len(cols) != 1 || batch != "" && len(rows) != 1 {
		dims = append(dims, axesOf(dimY[nb+len(inner):], z.Rank()-1)...)
		z = o.Apply(graph.Reshape{Dims: dims}, z)
	}
	return z, batch + rows + cols
}

// merge reshapes x to its batch axes, one axis for the next n and one for the
// last m, after lead axes of length 1.
func (o *call) merge(x graph.Value, lead, batch, n, m int) graph.Value {
	if lead == 0 && n == 1 && m == 1 {
		return x
	}
	var dims []int
	for range lead {
		dims = append(dims, 1)
	}
	for i := range batch {
		dims = append(dims, graph.KeepDim(i))
	}
	for _, part := range [][2]int{{batch, n}, {batch + n, m}} {
		switch size, known := x.Shape[part[0] : part[0]+part[1]].Elems(); {
		case part[1] == 1:
			dims = append(dims, graph.KeepDim(part[0]))
		case known:
			dims = append(dims, size)
		default:
			dims = append(dims, graph.Infer1)
		}
	}
	return o.Apply(graph.Reshape{Dims: dims}, x)
}

// mergeLast reshapes the last m axes of x to one.
func (o *call) mergeLast(x graph.Value, m int) graph.Value {
	if m == 1 || o.Err() != nil {
		return x
	}
	var dims []int
	for i := range x.Rank() - m {
		dims = append(dims, graph.KeepDim(i))
	}
	size, known := x.Shape[len(dims):].Elems()
	if !known {
		size = graph.Infer1
	}
	return o.Apply(graph.Reshape{Dims: append(dims, size)}, x)
}

// axesOf returns the entries of a Reshape that split axis at into shape.
func axesOf(shape graph.Shape, at int) []int {
	if len(shape) == 1 {
		return []int{graph.KeepDim(at)}
	}
	return shape // an unknown dimension is Infer1
}
