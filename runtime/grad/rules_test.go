package grad

import (
	"math"
	"math/rand"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

func vector(v ...float64) graph.Tensor {
	return graph.Tensor{DType: graph.Float64, Shape: graph.Shape{len(v)}, Data: v}
}

// TestKinks holds the gradients where a function has no derivative to those of
// TensorFlow 2 (GradientTape on a CPU), measured on what Keras computes.
func TestKinks(t *testing.T) {
	inf := math.Inf(1)
	act := func(f graph.ActivationFunc, a, b, c float64) graph.Op {
		return graph.Activation{Func: f, A: a, B: b, C: c}
	}
	zeros := vector(0, 0, 0)
	of := func(f graph.BinaryFunc) graph.Op { return graph.Binary{Func: f} }
	for _, c := range []struct {
		name string
		op   graph.Op
		in   []graph.Tensor
		to   int
		want []float64
	}{
		{"relu", act(graph.ReLU, 0, inf, 0), []graph.Tensor{vector(-1, 0, 1)}, 0, []float64{0, 0, 1}},
		{"relu6", act(graph.ReLU, 0, 6, 0), []graph.Tensor{vector(0, 1, 6, 7)}, 0, []float64{0, 1, 0, 0}},
		{"relu max_value", act(graph.ReLU, 0, 4, 0), []graph.Tensor{vector(-1, 0, 1, 4, 5)}, 0, []float64{0, 0, 1, 1, 0}},
		{"relu max_value, slope", act(graph.ReLU, 0.3, 4, 0), []graph.Tensor{vector(-1, 0, 1, 4, 5)}, 0, []float64{0.3, 0, 1, 1, 0}},
		{"leaky relu", act(graph.ReLU, 0.3, inf, 0), []graph.Tensor{vector(-1, 0, 1)}, 0, []float64{0.3, 0.3, 1}},
		{"relu threshold", act(graph.ReLU, 0, inf, 1), []graph.Tensor{vector(0, 1, 2)}, 0, []float64{0, 0, 1}},
		{"relu threshold, slope", act(graph.ReLU, 0.3, inf, 1), []graph.Tensor{vector(0, 1, 2)}, 0, []float64{0.3, 0, 1}},
		{"relu negative threshold", act(graph.ReLU, 0, inf, -1), []graph.Tensor{vector(-2, -1, -0.5, 0, 1)}, 0, []float64{0, 0, 1, 1, 1}},
		{"relu of all three", act(graph.ReLU, 0.3, 4, -1), []graph.Tensor{vector(-2, -1, -0.5, 0, 1, 4, 5)}, 0, []float64{0.3, 0, 0, 1, 1, 1, 0}},
		{"prelu", graph.PReLU{}, []graph.Tensor{vector(-1, 0, 1), vector(0.3)}, 0, []float64{0.3, 0, 1}},
		{"elu", act(graph.ELU, 0.7, 0, 0), []graph.Tensor{vector(-1, 0, 1)}, 0, []float64{0.7 / math.E, 0.7, 1}},
		{"selu", act(graph.SELU, 0, 0, 0), []graph.Tensor{vector(0, 1)}, 0, []float64{1.0507009873554804934, 1.0507009873554804934}},
		{"celu", act(graph.CELU, 0.7, 0, 0), []graph.Tensor{vector(0, 1)}, 0, []float64{2, 1}},
		{"hard sigmoid", act(graph.HardSigmoid, 1./6, 0.5, 0), []graph.Tensor{vector(-4, -3, 0, 3, 4)}, 0, []float64{0, 0, 1. / 6, 0, 0}},
		{"hard sigmoid of Keras 2", act(graph.HardSigmoid, 0.2, 0.5, 0), []graph.Tensor{vector(-4, -2.5, 0, 2.5, 4)}, 0, []float64{0, 0.2, 0.2, 0.2, 0}},
		{"hard silu", act(graph.HardSiLU, 0, 0, 0), []graph.Tensor{vector(-4, -3, 0, 3, 4)}, 0, []float64{0, 0, 0.5, 1, 1}},
		{"hard tanh", act(graph.HardTanh, 0, 0, 0), []graph.Tensor{vector(-2, -1, 0, 1, 2)}, 0, []float64{0, 1, 1, 1, 0}},
		{"hard shrink", act(graph.HardShrink, 0.5, 0, 0), []graph.Tensor{vector(-1, -0.5, 0, 0.5, 1)}, 0, []float64{1, 0, 0, 0, 1}},
		{"soft shrink", act(graph.SoftShrink, 0.5, 0, 0), []graph.Tensor{vector(-1, -0.5, 0, 0.5, 1)}, 0, []float64{1, 0, 0, 0, 1}},
		{"threshold", act(graph.Threshold, 0.5, 2, 0), []graph.Tensor{vector(0, 0.5, 1)}, 0, []float64{0, 0, 1}},
		{"sparse plus", act(graph.SparsePlus, 0, 0, 0), []graph.Tensor{vector(-2, -1, 0, 1, 2)}, 0, []float64{0, 0, 0.5, 1, 1}},
		{"sparse sigmoid", act(graph.SparseSigmoid, 0, 0, 0), []graph.Tensor{vector(-2, -1, 0, 1, 2)}, 0, []float64{0, 0, 0.5, 0, 0}},
		{"clip", act(graph.Clip, 0, 1, 0), []graph.Tensor{vector(-1, 0, 1, 2)}, 0, []float64{0, 1, 1, 0}},
		{"abs", graph.Unary{Func: graph.Abs}, []graph.Tensor{vector(-1, 0, 1)}, 0, []float64{-1, 0, 1}},
		{"maximum, first", of(graph.Maximum), []graph.Tensor{vector(-1, 0, 1), zeros}, 0, []float64{0, 1, 1}},
		{"maximum, second", of(graph.Maximum), []graph.Tensor{zeros, vector(-1, 0, 1)}, 1, []float64{0, 0, 1}},
		{"minimum, first", of(graph.Minimum), []graph.Tensor{vector(-1, 0, 1), zeros}, 0, []float64{1, 1, 0}},
		{"minimum, second", of(graph.Minimum), []graph.Tensor{zeros, vector(-1, 0, 1)}, 1, []float64{1, 0, 0}},
		{"exponent of 0", of(graph.Pow), []graph.Tensor{vector(0, -1, 2), vector(2, 2, 2)}, 1, []float64{0, 0, 4 * math.Ln2}},
		{"largest", graph.Reduce{Func: graph.ReduceMax, Axes: []int{0}}, []graph.Tensor{vector(1, 2, 2)}, 0, []float64{0, 0.5, 0.5}},
		{"least", graph.Reduce{Func: graph.ReduceMin, Axes: []int{0}}, []graph.Tensor{vector(1, 1, 2)}, 0, []float64{0.5, 0.5, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, of := lowered(t, c.op, c.in)
			back, err := Of(g, Request{Inputs: shapes(c.in), Of: of, To: []int{g.Inputs[c.to].ID}})
			require.NoError(t, err)
			seed := graph.NewTensor(graph.Float64, g.Values[of].Shape)
			for i := range seed.Len() {
				seed.SetFloat(i, 1)
			}
			got := run(t, back, append(c.in, seed)...)[2]
			require.InDeltaSlice(t, c.want, got.Data, 1e-12)
		})
	}
}

// TestMaxPoolTies: a window's first maximum has its gradient; all of them, in a volume.
func TestMaxPoolTies(t *testing.T) {
	for rank, want := range map[int][]float64{2: {1, 0, 0, 0}, 3: {1, 1, 1, 1}} {
		x := graph.NewTensor(graph.Float64, append(append(graph.Shape{1}, [][]int{2: {2, 2}, 3: {1, 2, 2}}[rank]...), 1))
		size := ones(rank)
		size[rank-1], size[rank-2] = 2, 2
		g, of := lowered(t, graph.Pool{Kind: graph.MaxPool, Size: size, Strides: size, Padding: graph.Padding{Mode: graph.Valid}}, []graph.Tensor{x})
		back, err := Of(g, Request{Inputs: shapes([]graph.Tensor{x}), Of: of, To: []int{g.Inputs[0].ID}})
		require.NoError(t, err)
		seed := graph.NewTensor(graph.Float64, g.Values[of].Shape)
		seed.SetFloat(0, 1)
		require.Equal(t, want, run(t, back, x, seed)[2].Data)
	}
}

// TestRefused names all that has no gradient at once, and only what the gradient meets.
func TestRefused(t *testing.T) {
	b := graph.NewBuilder()
	x := b.Input("x", graph.Type{DType: graph.Float32, Shape: graph.Shape{graph.Dyn, 4, 4, 3}})
	b.Enter("before")
	before := b.Apply(graph.Equalize{GridH: 1, GridW: 1}, x)
	b.Enter("first")
	first := b.Apply(graph.Sparsemax{}, before)
	b.Enter("fine")
	fine := b.Apply(graph.Activation{Func: graph.Tanh}, first)
	b.Enter("product")
	y := b.Apply(graph.Reduce{Func: graph.ReduceProd, Axes: []int{1}}, fine)
	b.Enter("aside")
	b.Apply(graph.Sparsemax{}, fine)
	g, err := b.Graph()
	require.NoError(t, err)
	one := []graph.Shape{{1, 4, 4, 3}}

	_, err = Of(g, Request{Inputs: one, Of: y.ID, To: []int{x.ID}})
	require.ErrorIs(t, err, ErrUnsupported)
	require.EqualError(t, err, "no gradient: layer before (Equalize): a histogram; layer first (Sparsemax): its arithmetic is Keras's own; layer product (Reduce): a product")
	_, err = Of(g, Request{Inputs: one, Of: y.ID, To: []int{fine.ID}})
	require.EqualError(t, err, "no gradient: layer product (Reduce): a product")
	_, err = Of(g, Request{Inputs: one, Of: fine.ID, To: []int{y.ID}})
	require.ErrorAs(t, err, new(*Independent))
	_, err = Of(g, Request{Inputs: []graph.Shape{{1, 4, 4, graph.Dyn}}, Of: fine.ID, To: []int{first.ID}})
	require.ErrorIs(t, err, graph.ErrShape)
}

// TestWeights: the gradient of a kernel or of a normalization's weight is refused where it is wanted.
func TestWeights(t *testing.T) {
	window, r := []int{1, 1}, rand.New(rand.NewSource(1))
	valid := graph.Padding{Mode: graph.Valid}
	for want, tr := range map[string]trial{
		"the kernel": {graph.Conv{Strides: window, Dilation: window, Groups: 1, Padding: valid}, []graph.Tensor{random(r, 1, 2, 2, 3), random(r, 1, 1, 3, 2)}, []int{0, 1}},
		"a weight":   {graph.BatchNorm{Axes: []int{-1}, Epsilon: 1, Scale: true}, []graph.Tensor{random(r, 2, 3), random(r, 3), random(r, 3), random(r, 3)}, []int{1}},
	} {
		g, of := lowered(t, tr.op, tr.in)
		ids := []int{}
		for _, i := range tr.to {
			ids = append(ids, g.Inputs[i].ID)
		}
		_, err := Of(g, Request{Inputs: shapes(tr.in), Of: of, To: ids})
		require.EqualError(t, err, "no gradient: layer layer ("+graph.Name(tr.op)+"): "+want+" depends on it")
	}
}

// TestGraph takes gradients through several readers of a value, by a value inside,
// behind Go code and a state, and past what changes by steps.
func TestGraph(t *testing.T) {
	double := graph.Func{Run: func(in, out []graph.Tensor) error {
		for i := range in[0].Len() {
			out[0].SetFloat(i, 2*in[0].Float(i))
		}
		return nil
	}}
	b := graph.NewBuilder()
	x := b.Input("x", graph.Type{DType: graph.Float64, Shape: graph.Shape{graph.Dyn}})
	call, err := double.Call("double", []graph.Type{x.Type})
	require.NoError(t, err)
	called := b.Apply(call, x)
	state := b.State("layer", "s", graph.Type{DType: graph.Float64, Shape: graph.Shape{graph.Dyn}})
	u := b.Apply(graph.Binary{Func: graph.Add}, called, state)
	b.Remember(state, u)
	cos := b.Apply(graph.Unary{Func: graph.Cos}, u)
	steps := b.Apply(graph.Unary{Func: graph.Floor}, u)
	sum := b.Apply(graph.Binary{Func: graph.Add}, b.Apply(graph.Binary{Func: graph.Mul}, u, cos), steps)
	y := b.Apply(graph.Binary{Func: graph.Add}, sum, u)
	b.Output("y", y)
	g, err := b.Graph()
	require.NoError(t, err)
	r := Request{Inputs: []graph.Shape{{3}}, Of: y.ID, To: []int{u.ID, cos.ID}, Funcs: map[string]graph.Func{"double": double}}
	back, err := Of(g, r)
	require.NoError(t, err)
	require.Len(t, back.States, 1)
	require.Equal(t, graph.Shape{3}, back.Values[back.States[0].First].Shape)

	// The same without what the reference form does not run.
	i := slices.IndexFunc(back.Nodes, func(n graph.Node) bool { return n.Out[0] == back.States[0].Last })
	in := vector(0.1, -0.7, 2)
	back.Inputs = append([]graph.Named{{Name: "u", Value: back.Values[back.Nodes[i].Out[0]]}}, back.Inputs[1:]...)
	back.Nodes = back.Nodes[i+1:]
	out := run(t, back, in, vector(1, 1, 1))
	for k, v := range in.Data.([]float64) {
		require.InDelta(t, math.Cos(v)-v*math.Sin(v)+1, out[3].Float(k), 1e-12)
		require.InDelta(t, v, out[4].Float(k), 1e-12)
	}
	r.To = []int{x.ID}
	_, err = Of(g, r)
	require.EqualError(t, err, "no gradient: layer  (Call): the function of the program has no gradient")
	r.Of = steps.ID
	_, err = Of(g, r)
	require.ErrorAs(t, err, new(*Independent))
}

// TestFunctions holds that every function of an op has a derivative, passes nothing or is refused.
func TestFunctions(t *testing.T) {
	var ops []graph.Op
	for _, f := range graph.ActivationFuncs {
		ops = append(ops, graph.Activation{Func: f, A: 0.5})
	}
	for _, f := range graph.UnaryFuncs {
		ops = append(ops, graph.Unary{Func: f})
	}
	for _, f := range graph.BinaryFuncs {
		ops = append(ops, graph.Binary{Func: f})
	}
	for _, f := range graph.ReduceFuncs {
		ops = append(ops, graph.Reduce{Func: f, Axes: []int{0}})
	}
	for _, op := range ops {
		if stepwise(op) || refusal(op) != "" {
			continue
		}
		in := []graph.Tensor{vector(1, 2)}
		if _, ok := op.(graph.Binary); ok {
			in = append(in, vector(3, 4))
		}
		g, of := lowered(t, op, in)
		_, err := Of(g, Request{Inputs: shapes(in), Of: of, To: []int{g.Inputs[0].ID}})
		require.NoError(t, err)
	}
}
