package operation

import (
	"slices"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// layoutOps are the operations that move elements.
var layoutOps = map[string]row{
	"Reshape":   {"x newshape", reshape},
	"Ravel":     {"x", func(o *call) []graph.Value { return o.one(o.flatten(o.tensor("x"))) }},
	"Transpose": {"x axes", transpose},
	"Swapaxes": {"x", func(o *call) []graph.Value {
		return o.one(o.swap(o.tensor("x"), o.int("axis1", 0), o.int("axis2", 0)))
	}},
	"Moveaxis":    {"x", moveAxis},
	"ExpandDims":  {"x axis", expandDims},
	"Squeeze":     {"x axis", squeeze},
	"Concatenate": {"xs axis", concatenate},
	"Stack":       {"x axis", stack},
	"Unstack":     {"x", unstack},
	"Split":       {"x indices_or_sections axis", split},
	"Repeat":      {"x repeats axis", repeat},
	"Tile":        {"x repeats", tile},
	"Flip":        {"x axis", flip},
	"Roll":        {"x shift axis", roll},
	"Pad":         {"x constant_values", pad},
	"GetItem":     {"x key", getItem},
	"Take":        {"x indices axis", take},
	"BroadcastTo": {"x shape", broadcastTo},
}

// permute applies a transposition unless it changes nothing.
func (o *call) permute(x graph.Value, perm []int) graph.Value {
	if slices.IsSorted(perm) && len(perm) == x.Rank() {
		return x
	}
	return o.Apply(graph.Transpose{Perm: perm}, x)
}

func identityPerm(n int) []int {
	perm := make([]int, n)
	for i := range perm {
		perm[i] = i
	}
	return perm
}

// resolve returns an axis as a position, or 0 and an error.
func (o *call) resolve(axis, rank int) int {
	ax, err := graph.Axes([]int{axis}, rank)
	if err != nil {
		o.Fail(err)
		return 0
	}
	return ax[0]
}

// move brings axis from to position to.
func (o *call) move(x graph.Value, from, to int) graph.Value {
	perm := slices.Delete(identityPerm(x.Rank()), from, from+1)
	return o.permute(x, slices.Insert(perm, to, from))
}

func (o *call) swap(x graph.Value, a, b int) graph.Value {
	a, b = o.resolve(a, x.Rank()), o.resolve(b, x.Rank())
	if o.Err() != nil {
		return none()
	}
	perm := identityPerm(x.Rank())
	perm[a], perm[b] = b, a
	return o.permute(x, perm)
}

// expand inserts an axis of length 1 at position at.
func (o *call) expand(x graph.Value, at int) graph.Value {
	var dims []int
	for i := range x.Rank() {
		dims = append(dims, graph.KeepDim(i))
	}
	return o.Apply(graph.Reshape{Dims: slices.Insert(dims, min(at, len(dims)), 1)}, x)
}

// squeezeAxes drops axes of length 1.
func (o *call) squeezeAxes(x graph.Value, axes []int) graph.Value {
	dims := []int{}
	for i, n := range x.Shape {
		if !slices.Contains(axes, i) {
			dims = append(dims, graph.KeepDim(i))
		} else if n != 1 {
			o.Failf("%w: squeeze of axis %d of %v", graph.ErrShape, i, x.Shape)
		}
	}
	return o.Apply(graph.Reshape{Dims: dims}, x)
}

func (o *call) flatten(x graph.Value) graph.Value {
	return o.Apply(graph.Reshape{Dims: []int{graph.Infer1}}, x)
}

func reshape(o *call) []graph.Value {
	x := o.tensor("x")
	dims, ok := o.ints("newshape")
	if !ok {
		o.bad("newshape", nil)
	}
	for _, d := range dims {
		if d < -1 {
			o.Failf("%w: newshape %v", graph.ErrAttr, dims)
		}
	}
	return o.one(o.Apply(graph.Reshape{Dims: append([]int{}, dims...)}, x))
}

func transpose(o *call) []graph.Value {
	x := o.tensor("x")
	perm, ok := o.ints("axes")
	if !ok {
		perm = identityPerm(x.Rank())
		slices.Reverse(perm)
	}
	for i := range perm {
		perm[i] = o.resolve(perm[i], x.Rank())
	}
	return o.one(o.permute(x, perm))
}

func moveAxis(o *call) []graph.Value {
	x := o.tensor("x")
	from, _ := o.ints("source")
	to, _ := o.ints("destination")
	if len(from) != len(to) {
		o.Failf("%w: source %v, destination %v", graph.ErrAttr, from, to)
		return nil
	}
	perm := make([]int, x.Rank())
	for i := range perm {
		perm[i] = -1
	}
	taken := make([]bool, x.Rank())
	for i := range from {
		f, t := o.resolve(from[i], x.Rank()), o.resolve(to[i], x.Rank())
		if o.Err() != nil || perm[t] >= 0 || taken[f] {
			o.Failf("%w: source %v, destination %v", graph.ErrAttr, from, to)
			return nil
		}
		perm[t], taken[f] = f, true
	}
	next := 0
	for i := range perm {
		if perm[i] >= 0 {
			continue
		}
		for taken[next] {
			next++
		}
		perm[i] = next
		next++
	}
	return o.one(o.permute(x, perm))
}

func expandDims(o *call) []graph.Value {
	x := o.tensor("x")
	axes, _ := o.ints("axis")
	axes, err := graph.Axes(axes, x.Rank()+len(axes))
	if err != nil || len(axes) == 0 {
		o.Failf("%w: axis %v of %v", graph.ErrAttr, axes, x.Shape)
		return nil
	}
	for _, ax := range axes {
		x = o.expand(x, ax)
	}
	return o.one(x)
}

func squeeze(o *call) []graph.Value {
	x := o.tensor("x")
	var axes []int
	if o.arg("axis") != nil {
		axes = o.axes("axis", x.Rank())
	} else {
		for i, n := range x.Shape {
			if n == graph.Dyn {
				o.Failf("%w: squeeze without axis of %v", keras.ErrUnsupported, x.Shape)
				return nil
			}
			if n == 1 {
				axes = append(axes, i)
			}
		}
	}
	return o.one(o.squeezeAxes(x, axes))
}

func concatenate(o *call) []graph.Value {
	return o.one(o.Apply(graph.Concat{Axis: o.int("axis", 0)}, o.tensors("xs")...))
}

func stack(o *call) []graph.Value {
	xs := o.tensors("x")
	if len(xs) == 0 || o.Err() != nil {
		return nil
	}
	axis := o.axis("axis", 0, xs[0].Rank()+1)
	for i := range xs {
		xs[i] = o.expand(xs[i], axis)
	}
	return o.one(o.Apply(graph.Concat{Axis: axis}, xs...))
}

func repeat(o *call) []graph.Value {
	x := o.tensor("x")
	axis := 0
	if o.arg("axis") == nil {
		x = o.flatten(x)
	} else {
		axis = o.axis("axis", 0, x.Rank())
	}
	n, _ := o.ints("repeats")
	if len(n) != 1 {
		o.Failf("%w: repeats %v", keras.ErrUnsupported, n)
		return nil
	}
	return o.one(o.Apply(graph.Repeat{Axis: axis, N: n[0]}, x))
}

func tile(o *call) []graph.Value {
	x := o.tensor("x")
	reps, _ := o.ints("repeats")
	for len(reps) < x.Rank() {
		reps = slices.Insert(reps, 0, 1)
	}
	for x.Rank() < len(reps) && o.Err() == nil {
		x = o.expand(x, 0)
	}
	return o.one(o.Apply(graph.Tile{Reps: reps}, x))
}

func flip(o *call) []graph.Value {
	x := o.tensor("x")
	for _, ax := range o.axes("axis", x.Rank()) {
		x = o.slice1(x, ax, graph.Range{Step: -1})
	}
	return o.one(x)
}

func roll(o *call) []graph.Value {
	x := o.tensor("x")
	shifts, _ := o.ints("shift")
	axes, ok := o.ints("axis")
	if !ok || len(axes) != len(shifts) {
		o.Failf("%w: roll by %v of axes %v", keras.ErrUnsupported, shifts, axes)
		return nil
	}
	for i, ax := range axes {
		ax = o.resolve(ax, x.Rank())
		n := x.Dim(ax)
		if o.Err() != nil || n <= 0 {
			o.Failf("%w: roll of axis %d of %v", keras.ErrUnsupported, ax, x.Shape)
			return nil
		}
		if k := ((shifts[i] % n) + n) % n; k > 0 {
			x = o.Apply(graph.Concat{Axis: ax}, o.cut(x, ax, n-k, n), o.cut(x, ax, 0, n-k))
		}
	}
	return o.one(x)
}

// pad reads pad_width as NumPy does: one number, one pair, or a pair for each axis.
func pad(o *call) []graph.Value {
	x := o.tensor("x")
	a := o.arg("pad_width")
	if a == nil {
		o.bad("pad_width", a)
		return nil
	}
	t, _, ok := constTensor(a)
	if !ok {
		o.bad("pad_width", a)
		return nil
	}
	p := graph.Pad{Mode: graph.PadFill(o.str("mode", "constant")), Value: o.float("constant_values", 0)}
	w := t.Float64s()
	for i := range x.Rank() {
		b, e := 0.0, 0.0
		switch {
		case len(w) == 1:
			b, e = w[0], w[0]
		case len(w) == 2 && (len(t.Shape) == 1 || t.Shape[0] == 1):
			b, e = w[0], w[1]
		case len(t.Shape) == 2 && t.Shape[1] == 2 && t.Shape[0] == x.Rank():
			b, e = w[2*i], w[2*i+1]
		default:
			o.Failf("%w: pad_width of shape %v on %v", graph.ErrAttr, t.Shape, x.Shape)
			return nil
		}
		p.Before, p.After = append(p.Before, int(b)), append(p.After, int(e))
	}
	return o.one(o.Apply(p, x))
}

func take(o *call) []graph.Value {
	x := o.tensor("x")
	axis := 0
	if o.arg("axis") == nil {
		if o.rule == kerasRule {
			x = o.flatten(x)
		}
	} else {
		axis = o.axis("axis", 0, x.Rank())
	}
	a := o.arg("indices")
	if a == nil || o.Err() != nil {
		o.bad("indices", a)
		return nil
	}
	var at graph.Value
	if t, _, ok := constTensor(a); ok && a.Kind != keras.ArgTensor {
		for i := range t.Len() {
			if v := t.Float(i); v < 0 && x.Dim(axis) != graph.Dyn {
				t.SetFloat(i, v+float64(x.Dim(axis)))
			}
		}
		at = o.Const(t)
	} else {
		at = o.tensor("indices")
	}
	y := o.Apply(graph.Gather{}, o.move(x, axis, 0), at)
	if o.Err() != nil || axis == 0 {
		return o.one(y)
	}
	// y is (indices..., x without axis...): the indices belong at axis.
	perm := identityPerm(y.Rank())
	moved := slices.Clone(perm[:at.Rank()])
	perm = slices.Insert(slices.Clone(perm[at.Rank():]), axis, moved...)
	return o.one(o.permute(y, perm))
}

// broadcastTo stretches axes of length 1.
func broadcastTo(o *call) []graph.Value {
	x := o.tensor("x")
	shape, _ := o.ints("shape")
	if len(shape) < x.Rank() {
		o.Failf("%w: %v does not broadcast to %v", graph.ErrShape, x.Shape, shape)
		return nil
	}
	for x.Rank() < len(shape) && o.Err() == nil {
		x = o.expand(x, 0)
	}
	reps := make([]int, len(shape))
	for i, n := range shape {
		reps[i] = 1
		switch have := x.Dim(i); {
		case have == n && n >= 0:
		case have == 1 && n > 0:
			reps[i] = n
		default:
			o.Failf("%w: %v does not broadcast to %v", graph.ErrShape, x.Shape, shape)
			return nil
		}
	}
	return o.one(o.Apply(graph.Tile{Reps: reps}, x))
}
