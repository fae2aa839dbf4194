package plan

import (
	"math/rand"
	"testing"

	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/weight"
	"github.com/stretchr/testify/require"
)

// What goes over a batch part by part gives what it gives for the whole batch.
func TestChains(t *testing.T) {
	for i, c := range nets {
		t.Run(c.name, func(t *testing.T) {
			g, weights := build(t, i, true)
			compiled, err := Compile(g, weights, weight.NewPacks(1), Options{})
			require.NoError(t, err)
			shape := c.input.Clone()
			shape[0] = 6
			x := graph.NewTensor(graph.Float32, shape)
			rng := rand.New(rand.NewSource(5))
			for k, d := 0, x.Data.([]float32); k < len(d); k++ {
				d[k] = float32(rng.NormFloat64())
			}
			p, err := compiled.plan(compiled.p, []graph.Shape{shape}, nil)
			require.NoError(t, err)
			want := execute(t, p, x)
			chains := 0
			for _, batch := range []int{1, 2, 3} {
				// Of the nodes that can, all or some.
				for k := range 4 {
					p, err := compiled.plan(compiled.p, []graph.Shape{shape}, func(b *planner) []int {
						parts := make([]int, len(b.p.nodes))
						for j, n := range b.p.nodes {
							if b.separable(n, shape[0]) && (k == 0 || rng.Intn(4) > 0) {
								parts[j] = batch
							}
						}
						return parts
					})
					require.NoError(t, err)
					for _, s := range p.Steps {
						if s.Chain != nil {
							require.Equal(t, shape[0]/batch, s.Chunks())
							chains++
						}
					}
					for o, y := range execute(t, p, x) {
						require.Equal(t, want[o].Shape, y.Shape)
						for e := range y.Len() {
							require.InDelta(t, want[o].Float(e), y.Float(e), 1e-5, "output %d, element %d", o, e)
						}
					}
				}
			}
			require.Equal(t, len(compiled.p.nodes) > 1, chains > 0)
		})
	}
}

// An op that mixes the examples of a batch, or reads what is no batch, stays whole.
func TestSeparable(t *testing.T) {
	n := &net{Builder: graph.NewBuilder(), rng: rand.New(rand.NewSource(1))}
	x := n.Input("x", graph.Type{DType: graph.Float32, Shape: graph.Shape{graph.Dyn, 4, 8, 8}})
	table := n.weight(8, 8)
	rows := n.weight(1, 4, 8, 8)
	first := graph.Transpose{Perm: []int{1, 0, 2, 3}}
	for _, v := range []struct {
		y    graph.Value
		want bool
	}{
		{n.relu(x), true},
		{n.Apply(graph.Binary{Func: graph.Add}, x, table), true},
		{n.Apply(graph.Binary{Func: graph.Add}, x, rows), true},
		{n.Apply(graph.Binary{Func: graph.Add}, x, n.weight(8, 4, 8, 8)), false},
		{n.Apply(graph.Binary{Func: graph.Add}, x, n.relu(n.Apply(graph.Reduce{Func: graph.ReduceMean, Axes: []int{0}}, x))), false},
		{n.Apply(graph.Softmax{Axes: []int{1}}, x), true},
		{n.Apply(graph.Softmax{Axes: []int{0}}, x), false},
		{n.Apply(graph.Softmax{Axes: []int{-4}}, x), false},
		{n.Apply(graph.Reduce{Func: graph.ReduceMean, Axes: []int{2, 3}}, x), true},
		{n.Apply(graph.Reduce{Func: graph.ReduceMean, Axes: []int{0, 1}, KeepDims: true}, x), false},
		{n.Apply(graph.MatMul{}, x, x), true},
		{n.Apply(graph.MatMul{}, x, table), true},
		{n.Apply(graph.MatMul{}, x, rows), false},
		{n.Apply(graph.Transpose{Perm: []int{0, 2, 1, 3}}, x), true},
		{n.Apply(first, x), false},
		{n.relu(n.Apply(first, x)), false},
		{n.Apply(graph.Concat{Axis: 1}, x, x), true},
		{n.Apply(graph.Concat{Axis: 0}, x, x), false},
		{n.Apply(graph.Pad{Before: []int{0, 1, 0, 0}, After: []int{0, 0, 0, 0}, Mode: graph.FillConstant}, x), true},
		{n.Apply(graph.Pad{Before: []int{1, 0, 0, 0}, After: []int{0, 0, 0, 0}, Mode: graph.FillConstant}, x), false},
		{n.Apply(graph.Repeat{Axis: 2, N: 2}, x), true},
		{n.Apply(graph.Repeat{Axis: 0, N: 2}, x), false},
		{n.Apply(graph.Reshape{Dims: []int{graph.KeepDim(0), graph.Infer1}}, x), true},
		{n.Apply(graph.Reshape{Dims: []int{graph.Infer1, 8}}, x), false},
		{n.Apply(graph.Cast{To: graph.Int32}, x), false},
		{n.Apply(graph.ArgReduce{Axis: -1}, x), false},
	} {
		g, err := n.Graph()
		require.NoError(t, err)
		p := newProgram(g, n.weights, nil)
		b := &planner{p: p, types: make([]graph.Type, len(p.values))}
		require.NoError(t, b.infer([]graph.Shape{{8, 4, 8, 8}}))
		at := p.producers()[v.y.ID]
		require.Equal(t, v.want, b.separable(p.nodes[at], 8), "%T%+v", p.nodes[at].op, p.nodes[at].op)
	}
}

// Chains begin and end where the cost model says: large images one by one, with
// what is left of them for the whole batch, small ones all together.
func TestPartBatches(t *testing.T) {
	n := &net{Builder: graph.NewBuilder(), rng: rand.New(rand.NewSource(1))}
	x := n.Input("x", graph.Type{DType: graph.Float32, Shape: graph.Shape{graph.Dyn, graph.Dyn, graph.Dyn, 3}})
	y := n.relu(n.conv(n.relu(n.conv(x, 16, 3, 2, graph.Same)), 16, 3, 2, graph.Same))
	y = n.Apply(graph.Reduce{Func: graph.ReduceMean, Axes: []int{1, 2}}, y)
	n.Output("y", n.Apply(graph.MatMul{}, y, n.weight(16, 2000)))
	g, err := n.Graph()
	require.NoError(t, err)
	compiled, err := Compile(g, n.weights, weight.NewPacks(1), Options{})
	require.NoError(t, err)
	for _, c := range []struct{ batch, size, parts int }{
		{7, 400, 0}, {8, 400, 8}, {16, 400, 16}, {64, 8, 0},
	} {
		p, err := compiled.Plan([]graph.Shape{{c.batch, c.size, c.size, 3}})
		require.NoError(t, err)
		if c.parts == 0 {
			require.Len(t, p.Steps, 4, "%v", c)
			continue
		}
		require.Len(t, p.Steps, 2, p.String())
		require.Equal(t, c.parts, p.Steps[0].Chunks())
		require.Len(t, p.Steps[0].Chain.Plan.Steps, 3)
		require.Equal(t, graph.Shape{c.batch, 16}, p.Slots[p.Steps[0].Out[0]].Shape)
		require.Contains(t, p.String(), "parts of the batch, each:")
		require.Less(t, p.Bytes, int64(c.batch*200*200*16*4))
		info := p.Steps[0].Info()
		require.Equal(t, int64(c.parts)*p.Steps[0].Chain.Plan.Steps[0].Info().FLOPs, info.FLOPs-int64(c.parts)*(p.Steps[0].Chain.Plan.Steps[1].Info().FLOPs+p.Steps[0].Chain.Plan.Steps[2].Info().FLOPs))
	}
}
