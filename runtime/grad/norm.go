package grad

import "github.com/kerasrun/kerasrun/runtime/graph"

// batchNorm is gamma·dy/√(variance + epsilon): the op itself about 0.
func batchNorm(n *node, op graph.BatchNorm, dy graph.Value) []graph.Value {
	for i := range n.x[1:] {
		n.weights(1+i, "a weight")
	}
	variance := n.x[len(n.x)-1]
	in := []graph.Value{dy}
	if op.Scale {
		in = append(in, n.x[1])
	}
	op.Center = false
	return []graph.Value{n.b.Apply(op, append(in, n.zeros(variance.Type), variance)...)}
}

func layerNorm(n *node, op graph.LayerNorm, dy graph.Value) []graph.Value {
	for i := range n.x[1:] {
		n.weights(1+i, "a weight")
	}
	axes, err := graph.Axes(op.Axes, n.x[0].Rank())
	if err != nil {
		n.b.Fail(err)
		return nil
	}
	if op.Scale {
		s := graph.Shape(ones(n.x[0].Rank()))
		for i, a := range axes {
			s[a] = n.x[1].Dim(i)
		}
		dy = n.mul(dy, n.tape.reshape(n.x[1], s))
	}
	return []graph.Value{n.normalized(n.x[0], dy, axes, op.Epsilon, op.Kind)}
}

// normalized is the gradient of c·r over axes, where r = 1/√(v + epsilon), v is
// the mean of m², m is x - mean(x), or x for NormRMS, and c is x - mean(x) for
// NormMean, else x:
//
//	r·dc - r³·mean(dy·c)·m,  where dc is dy, for NormMean less its mean
func (t *tape) normalized(x, dy graph.Value, axes []int, epsilon float64, kind graph.LayerNormKind) graph.Value {
	mean := func(v graph.Value) graph.Value { return t.reduce(graph.ReduceMean, v, axes, true) }
	c, m, dc := x, x, dy
	if kind != graph.NormRMS {
		m = t.sub(x, mean(x))
	}
	if kind == graph.NormMean {
		c, dc = m, t.sub(dy, mean(dy))
	}
	r := t.unary(graph.Rsqrt, t.plus(mean(t.unary(graph.Square, m)), epsilon))
	cube := t.mul(t.unary(graph.Square, r), r)
	return t.sub(t.mul(dc, r), t.mul(m, t.mul(cube, mean(t.mul(dy, c)))))
}

func groupNorm(n *node, op graph.GroupNorm, dy graph.Value) []graph.Value {
	for i := range n.x[1:] {
		n.weights(1+i, "a weight")
	}
	x := n.x[0]
	if op.Scale {
		dy = n.mul(dy, n.x[1])
	}
	cells, c := 1, x.Dim(-1)
	for _, d := range x.Shape[1 : x.Rank()-1] {
		cells *= d
	}
	// As (batch, cells, groups, width), a group is axes 1 and 3.
	apart := graph.Shape{x.Dim(0), cells, op.Groups, c / op.Groups}
	dx := n.normalized(n.tape.reshape(x, apart), n.tape.reshape(dy, apart), []int{1, 3}, op.Epsilon, graph.NormMean)
	return []graph.Value{n.tape.reshape(dx, x.Shape)}
}
