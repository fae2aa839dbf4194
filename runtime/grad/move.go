package grad

import "github.com/kerasrun/kerasrun/runtime/graph"

func reshape(n *node, _ graph.Reshape, dy graph.Value) graph.Value {
	return n.tape.reshape(dy, n.x[0].Shape)
}

func transpose(n *node, op graph.Transpose, dy graph.Value) graph.Value {
	back := make([]int, len(op.Perm))
	for i, p := range op.Perm {
		back[p] = i
	}
	return n.tape.transpose(dy, back...)
}

func concat(n *node, op graph.Concat, dy graph.Value) []graph.Value {
	axis, at := op.Axis, 0
	if axis < 0 {
		axis += dy.Rank()
	}
	d := make([]graph.Value, len(n.x))
	for i, x := range n.x {
		d[i] = none
		if n.wants[i] {
			d[i] = n.part(dy, axis, at, at+x.Dim(axis))
		}
		at += x.Dim(axis)
	}
	return d
}

// slice puts the gradient of each cell where it came from.
func slice(n *node, op graph.Slice, dy graph.Value) graph.Value {
	x := n.x[0].Shape
	type run struct{ first, count, step int }
	runs := make([]run, len(x))
	cells, steps := x.Clone(), ones(len(x))
	var back []int
	for i, size := range x {
		r := graph.Range{Step: 1}
		if i < len(op.Ranges) {
			r = op.Ranges[i]
		}
		first, count, step := r.Bounds(size)
		if count == 0 {
			return n.zeros(n.x[0].Type)
		}
		if step < 0 {
			first, step = first+(count-1)*step, -step
			back = append(back, i)
		}
		runs[i], cells[i], steps[i] = run{first, count, step}, count, step
	}
	dy = n.tape.reshape(dy, cells) // with the axes that an index dropped
	if back != nil {
		dy = n.reverse(dy, back...)
	}
	dy = n.spread(dy, steps)
	for i, r := range runs {
		dy = n.fit(dy, i, r.count*r.step, r.first, x[i])
	}
	return dy
}

// pad takes the middle, and adds what was a mirror of it.
func pad(n *node, op graph.Pad, dy graph.Value) graph.Value {
	for i, size := range n.x[0].Shape {
		before, after := op.Before[i], op.After[i]
		d := n.part(dy, i, before, before+size)
		if op.Mode != graph.FillConstant {
			skip := 0
			if op.Mode == graph.FillReflect {
				skip = 1
			}
			if before > 0 {
				d = n.add(d, n.fit(n.reverse(n.part(dy, i, 0, before), i), i, before, skip, size))
			}
			if after > 0 {
				d = n.add(d, n.fit(n.reverse(n.part(dy, i, before+size, before+size+after), i), i, after, size-skip-after, size))
			}
		}
		dy = d
	}
	return dy
}

func repeat(n *node, op graph.Repeat, dy graph.Value) graph.Value {
	x := n.x[0].Shape
	axis := op.Axis
	if axis < 0 {
		axis += len(x)
	}
	apart := append(append(x[:axis+1:axis+1], op.N), x[axis+1:]...)
	return n.tape.reduce(graph.ReduceSum, n.tape.reshape(dy, apart), []int{axis + 1}, false)
}

func tile(n *node, op graph.Tile, dy graph.Value) graph.Value {
	var apart graph.Shape
	var axes []int
	for i, size := range n.x[0].Shape {
		if op.Reps[i] > 1 {
			axes = append(axes, len(apart))
			apart = append(apart, op.Reps[i])
		}
		apart = append(apart, size)
	}
	if axes == nil {
		return dy
	}
	return n.tape.reduce(graph.ReduceSum, n.tape.reshape(dy, apart), axes, false)
}

// reduce stretches the gradient again; equal maxima share it.
func reduce(n *node, op graph.Reduce, dy graph.Value) graph.Value {
	x := n.x[0]
	axes, err := graph.Axes(op.Axes, x.Rank())
	if err != nil {
		n.b.Fail(err)
		return none
	}
	kept, reps, count := x.Shape.Clone(), ones(x.Rank()), 1
	for _, a := range axes {
		kept[a], reps[a] = 1, x.Dim(a)
		count *= x.Dim(a)
	}
	if count == 0 {
		return n.zeros(x.Type)
	}
	dy = n.tape.reshape(dy, kept)
	switch op.Func {
	case graph.ReduceSum, graph.ReduceMean:
		if op.Func == graph.ReduceMean {
			dy = n.scale(dy, 1/float64(count))
		}
		return n.b.Apply(graph.Tile{Reps: reps}, dy)
	case graph.ReduceMax, graph.ReduceMin:
		top := n.b.Cast(n.compare(graph.Equal, x, n.tape.reshape(n.y, kept)), x.DType)
		return n.mul(top, n.div(dy, n.tape.reduce(graph.ReduceSum, top, axes, true)))
	}
	return n.cannot(string(op.Func))
}
