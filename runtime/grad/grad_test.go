package grad

import (
	"math"
	"math/rand"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/step"
)

// TestOps holds that every op has a rule, passes nothing, or is refused with a reason.
func TestOps(t *testing.T) {
	for _, op := range graph.Ops {
		name := graph.Name(op)
		_, rule := rules[name]
		why, refused := refusals[name]
		is := 0
		for _, b := range []bool{rule, refused, constant[name]} {
			if b {
				is++
			}
		}
		require.Equal(t, 1, is, name)
		require.Equal(t, refused, why != "", name)
	}
	require.Len(t, graph.Ops, len(rules)+len(refusals)+len(constant))
}

// run computes the outputs of g in float64 by the reference form of each op.
func run(t testing.TB, g *graph.Graph, inputs ...graph.Tensor) []graph.Tensor {
	t.Helper()
	values := make([]graph.Tensor, len(g.Values))
	for i, in := range g.Inputs {
		require.Equal(t, in.Shape, inputs[i].Shape)
		values[in.ID] = inputs[i]
	}
	for id, i := range g.ConstOf {
		values[id] = g.Consts[i]
	}
	for _, n := range g.Nodes {
		var in []graph.Tensor
		var out []graph.Type
		for _, v := range n.In {
			in = append(in, values[v])
		}
		for _, v := range n.Out {
			out = append(out, g.Values[v].Type)
		}
		res, err := step.Reference(n.Op, in, out)
		require.NoError(t, err, graph.Describe(n.Op))
		for i, v := range n.Out {
			values[v] = res[i]
		}
	}
	out := make([]graph.Tensor, len(g.Outputs))
	for i, o := range g.Outputs {
		out[i] = values[o.ID]
	}
	return out
}

// lowered applies op to inputs and returns the graph, in which nothing is known of them, and its result.
func lowered(t testing.TB, op graph.Op, in []graph.Tensor) (*graph.Graph, int) {
	t.Helper()
	b := graph.NewBuilder()
	b.Enter("layer")
	var x []graph.Value
	for _, v := range in {
		x = append(x, b.Input("x", graph.Type{DType: v.DType, Shape: v.Shape}))
	}
	y := b.Apply(op, x...)
	b.Output("y", y)
	g, err := b.Graph()
	require.NoError(t, err, "%s of %v", graph.Describe(op), in)
	return g, y.ID
}

func shapes(in []graph.Tensor) []graph.Shape {
	s := make([]graph.Shape, len(in))
	for i, x := range in {
		s[i] = x.Shape
	}
	return s
}

func random(r *rand.Rand, s ...int) graph.Tensor {
	x := graph.NewTensor(graph.Float64, s)
	for i := range x.Len() {
		x.SetFloat(i, r.NormFloat64())
	}
	return x
}

// inside maps random numbers into (lo, hi).
func inside(r *rand.Rand, lo, hi float64, s ...int) graph.Tensor {
	x := graph.NewTensor(graph.Float64, s)
	for i := range x.Len() {
		x.SetFloat(i, lo+(hi-lo)*r.Float64())
	}
	return x
}

func dot(a, b graph.Tensor) float64 {
	sum := 0.0
	for i := range a.Len() {
		sum += a.Float(i) * b.Float(i)
	}
	return sum
}

// moved is x + h·d.
func moved(x, d graph.Tensor, h float64) graph.Tensor {
	y := graph.NewTensor(x.DType, x.Shape)
	for i := range x.Len() {
		y.SetFloat(i, x.Float(i)+h*d.Float(i))
	}
	return y
}

// TestFiniteDifferences compares the gradients of every rule with differences of
// the op's float64 form, along random directions.
func TestFiniteDifferences(t *testing.T) {
	for name := range rules {
		require.Contains(t, trials, name)
	}
	for name, make := range trials {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewSource(1))
			for range 60 {
				tr := make(r)
				require.Equal(t, name, graph.Name(tr.op))
				tr.check(t, r)
			}
		})
	}
}

// check compares derivatives along some directions of the operands to.
func (tr trial) check(t *testing.T, r *rand.Rand) {
	t.Helper()
	g, of := lowered(t, tr.op, tr.in)
	ids := []int{}
	for _, i := range tr.to {
		ids = append(ids, g.Inputs[i].ID)
	}
	what := graph.Describe(tr.op)
	back, err := Of(g, Request{Inputs: shapes(tr.in), Of: of, To: ids})
	require.NoError(t, err, "%s of %v", what, shapes(tr.in))
	y := run(t, g, tr.in...)[0]
	seed := random(r, y.Shape...)
	out := run(t, back, append(slices.Clone(tr.in), seed)...)
	require.Len(t, out, 1+2*len(tr.to))
	require.Equal(t, y, out[0], what)
	for k, i := range tr.to {
		x, d := out[1+k], out[1+len(tr.to)+k]
		require.Equal(t, tr.in[i], x, what)
		require.Equal(t, x.Shape, d.Shape, what)
		for range 3 {
			const h = 1e-6
			along := random(r, x.Shape...)
			up, down := slices.Clone(tr.in), slices.Clone(tr.in)
			up[i], down[i] = moved(x, along, h), moved(x, along, -h)
			want := (dot(run(t, g, up...)[0], seed) - dot(run(t, g, down...)[0], seed)) / (2 * h)
			got := dot(d, along)
			size := math.Sqrt(dot(d, d)*dot(along, along)) + math.Sqrt(dot(y, y)*dot(seed, seed))
			require.InDelta(t, want, got, 1e-7*(size+1), "operand %d of %s of %v", i, what, shapes(tr.in))
		}
	}
}
