package operation

import (
	"slices"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// getItem is Python's x[key]: a slice, an integer, an ellipsis, None (a new
// axis), or several of them.
func getItem(o *call) []graph.Value {
	x := o.tensor("x")
	o.used["key"] = true
	key := o.args["key"] // None is a key too
	if key == nil {
		o.bad("key", nil)
		return nil
	}
	parts := []*keras.Arg{key}
	switch {
	case key.Kind == keras.ArgList:
		parts = key.Items
	case key.Kind == keras.ArgConst && key.Const.Kind() == keras.Array:
		parts = nil
		for _, v := range key.Const.Items() {
			parts = append(parts, &keras.Arg{Kind: keras.ArgConst, Const: v})
		}
	}
	taken, dots := 0, -1
	for i, p := range parts {
		switch {
		case isEllipsis(p) && dots >= 0:
			o.bad("key", key)
			return nil
		case isEllipsis(p):
			dots = i
		case !isNone(p):
			taken++
		}
	}
	if taken > x.Rank() {
		o.Failf("%w: %d indices of %v", graph.ErrShape, taken, x.Shape)
		return nil
	}
	var ranges []graph.Range
	var dims []int // of the result, by axis of the slice
	axis, added := 0, false
	keep := func(n int) {
		for range n {
			dims = append(dims, graph.KeepDim(axis))
			axis++
		}
	}
	for _, p := range parts {
		switch {
		case isNone(p):
			dims, added = append(dims, 1), true
			continue
		case isEllipsis(p):
			n := x.Rank() - taken
			for range n {
				ranges = append(ranges, graph.Range{Step: 1})
			}
			keep(n)
			continue
		}
		r, ok := rangeOf(p)
		if !ok {
			o.bad("key", key)
			return nil
		}
		ranges = append(ranges, r)
		if !r.Index {
			keep(1)
		}
	}
	if slices.ContainsFunc(ranges, func(r graph.Range) bool { return r != graph.Range{Step: 1} }) {
		x = o.Apply(graph.Slice{Ranges: ranges}, x)
	}
	if added {
		keep(x.Rank() - axis)
		x = o.Apply(graph.Reshape{Dims: dims}, x)
	}
	return o.one(x)
}

func isNone(a *keras.Arg) bool {
	return a.Kind == keras.ArgConst && a.Const.Kind() == keras.Null
}

func isEllipsis(a *keras.Arg) bool {
	if a.Kind == keras.ArgEllipsis {
		return true
	}
	name, _ := a.Const.Get("class_name").Str()
	return a.Kind == keras.ArgConst && name == "__ellipsis__"
}

// rangeOf reads an index or a slice: an ArgSlice, or the object
// {"start": ..., "stop": ..., "step": ...} of Keras 2.
func rangeOf(a *keras.Arg) (graph.Range, bool) {
	var part [3]*keras.Value
	switch a.Kind {
	case keras.ArgConst:
		if n, ok := a.Const.Int(); ok {
			return graph.Range{Start: n, Step: 1, Index: true}, true
		}
		v := a.Const
		if c := v.Get("config"); c != nil { // {"class_name": "__slice__", "config": {...}}
			v = c
		}
		if v.Kind() != keras.Object {
			return graph.Range{}, false
		}
		part = [3]*keras.Value{v.Get("start"), v.Get("stop"), v.Get("step")}
	case keras.ArgSlice:
		if len(a.Items) != 3 {
			return graph.Range{}, false
		}
		for i, it := range a.Items {
			if it.Kind != keras.ArgConst {
				return graph.Range{}, false
			}
			part[i] = it.Const
		}
	case keras.ArgDict:
		for i, name := range []string{"start", "stop", "step"} {
			if k := index(a.Keys, name); k >= 0 {
				if a.Items[k].Kind != keras.ArgConst {
					return graph.Range{}, false
				}
				part[i] = a.Items[k].Const
			}
		}
	default:
		return graph.Range{}, false
	}
	r := graph.Range{Step: 1}
	for i, dst := range []*int{&r.Start, &r.Stop, &r.Step} {
		if part[i].Kind() == keras.Null {
			continue
		}
		n, ok := part[i].Int()
		if !ok {
			return r, false
		}
		*dst = n
		switch i {
		case 0:
			r.HasStart = true
		case 1:
			r.HasStop = true
		}
	}
	return r, true
}

// cut takes cells from:to of an axis.
func (o *call) cut(x graph.Value, axis, from, to int) graph.Value {
	return o.slice1(x, axis, graph.Range{Start: from, Stop: to, Step: 1, HasStart: true, HasStop: true})
}

func (o *call) slice1(x graph.Value, axis int, r graph.Range) graph.Value {
	ranges := make([]graph.Range, axis+1)
	for i := range ranges {
		ranges[i] = graph.Range{Step: 1}
	}
	ranges[axis] = r
	return o.Apply(graph.Slice{Ranges: ranges}, x)
}

// maxParts bounds the results of a split.
const maxParts = 1 << 12

// parts checks the length of an axis that is taken apart.
func (o *call) parts(x graph.Value, axis int) (n int, ok bool) {
	if n = x.Dim(axis); o.Err() == nil && (n == graph.Dyn || n > maxParts) {
		o.Failf("%w: split of axis %d of %v", keras.ErrUnsupported, axis, x.Shape)
	}
	return n, o.Err() == nil
}

func unstack(o *call) []graph.Value {
	x := o.tensor("x")
	axis := o.axis("axis", 0, x.Rank())
	n, ok := o.parts(x, axis)
	if !ok {
		return nil
	}
	if want := o.int("num", n); want != n {
		o.Failf("%w: num %d of an axis of %d", graph.ErrAttr, want, n)
	}
	var out []graph.Value
	for i := range n {
		out = append(out, o.slice1(x, axis, graph.Range{Start: i, Step: 1, Index: true}))
	}
	return out
}

// split cuts an axis into equal sections, or at indices.
func split(o *call) []graph.Value {
	x := o.tensor("x")
	axis := o.axis("axis", 0, x.Rank())
	a := o.arg("indices_or_sections")
	at, _ := o.ints("indices_or_sections")
	n := x.Dim(axis)
	if o.Err() != nil || n == graph.Dyn || a == nil || len(at) > maxParts {
		o.Failf("%w: split of axis %d of %v", keras.ErrUnsupported, axis, x.Shape)
		return nil
	}
	if a.Kind == keras.ArgConst && a.Const.Kind() == keras.Number {
		k := at[0]
		if k < 1 || k > maxParts || n%k != 0 {
			o.Failf("%w: indices_or_sections is %d for an axis of %d", graph.ErrAttr, k, n)
			return nil
		}
		at = nil
		for i := 1; i < k; i++ {
			at = append(at, i*(n/k))
		}
	}
	var out []graph.Value
	from := 0
	for _, to := range append(slices.Clone(at), n) {
		if to < from || to > n {
			o.Failf("%w: indices %v of an axis of %d", graph.ErrAttr, at, n)
			return nil
		}
		out = append(out, o.cut(x, axis, from, to))
		from = to
	}
	return out
}
