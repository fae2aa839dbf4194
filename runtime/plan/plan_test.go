package plan

import (
	"flag"
	"math"
	"math/rand"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/step"
	"github.com/kerasrun/kerasrun/runtime/weight"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the text goldens")

// A net builds a graph whose weights are random.
type net struct {
	*graph.Builder
	rng     *rand.Rand
	weights []*weight.Value
}

func (n *net) weight(shape ...int) graph.Value {
	t := graph.NewTensor(graph.Float32, shape)
	for i, d := 0, t.Data.([]float32); i < len(d); i++ {
		d[i] = float32(n.rng.NormFloat64()) * 0.3
	}
	n.weights = append(n.weights, weight.Of(t))
	return n.Param(graph.Param{Name: "w", Type: graph.Type{DType: graph.Float32, Shape: shape}})
}

func (n *net) variance(c int) graph.Value {
	v := n.weight(c)
	for i, d := 0, n.weights[len(n.weights)-1].Held().Data.([]float32); i < len(d); i++ {
		d[i] = d[i]*d[i] + 0.5
	}
	return v
}

func (n *net) conv(x graph.Value, filters, k, stride int, p graph.PadMode) graph.Value {
	y := n.Apply(graph.Conv{Strides: []int{stride, stride}, Dilation: []int{1, 1}, Groups: 1, Padding: graph.Padding{Mode: p}}, x, n.weight(k, k, x.Dim(-1), filters))
	return n.Apply(graph.AddBias{}, y, n.weight(filters))
}

func (n *net) batchNorm(x graph.Value) graph.Value {
	c := x.Dim(-1)
	return n.Apply(graph.BatchNorm{Axes: []int{-1}, Epsilon: 1e-3, Scale: true, Center: true}, x, n.weight(c), n.weight(c), n.weight(c), n.variance(c))
}

func (n *net) relu(x graph.Value) graph.Value {
	return n.Apply(graph.Activation{Func: graph.ReLU, B: math.Inf(1)}, x)
}

func (n *net) maxPool(x graph.Value, size, stride int) graph.Value {
	return n.Apply(graph.Pool{Kind: graph.MaxPool, Size: []int{size, size}, Strides: []int{stride, stride}, Padding: graph.Padding{Mode: graph.Valid}}, x)
}

var nets = []struct {
	name  string
	input graph.Shape
	build func(n *net, x graph.Value) []graph.Value
}{
	{"residual_block", graph.Shape{2, 9, 8, 3}, func(n *net, x graph.Value) []graph.Value {
		x = n.Apply(graph.Pad{Before: []int{0, 1, 1, 0}, After: []int{0, 2, 1, 0}, Mode: graph.FillConstant}, x)
		x = n.relu(n.batchNorm(n.conv(x, 5, 3, 2, graph.Valid)))
		x = n.Apply(graph.Pad{Before: []int{0, 1, 1, 0}, After: []int{0, 1, 1, 0}, Mode: graph.FillConstant}, x)
		x = n.Apply(graph.Pool{Kind: graph.MaxPool, Size: []int{3, 3}, Strides: []int{1, 1}, Padding: graph.Padding{Mode: graph.Valid}}, x)
		short := n.batchNorm(n.conv(x, 5, 1, 1, graph.Same))
		y := n.relu(n.batchNorm(n.conv(x, 7, 3, 1, graph.Same)))
		y = n.batchNorm(n.conv(y, 5, 1, 1, graph.Valid))
		y = n.relu(n.Apply(graph.Binary{Func: graph.Add}, short, y))
		y = n.Apply(graph.Reduce{Func: graph.ReduceMean, Axes: []int{1, 2}}, y)
		return []graph.Value{n.Apply(graph.AddBias{}, n.Apply(graph.MatMul{}, y, n.weight(5, 4)), n.weight(4))}
	}},
	{"pooled_convolutions", graph.Shape{2, 23, 21, 3}, func(n *net, x graph.Value) []graph.Value {
		x = n.maxPool(n.relu(n.conv(x, 6, 3, 1, graph.Valid)), 2, 2)
		x = n.relu(n.maxPool(n.conv(x, 8, 3, 1, graph.Same), 3, 2)) // overlapping windows: 54 products are few
		y := n.conv(x, 9, 3, 1, graph.Same)
		z := n.maxPool(n.conv(y, 9, 3, 1, graph.Same), 3, 1)            // 81 are not
		return []graph.Value{n.maxPool(y, 2, 2), n.maxPool(y, 2, 1), z} // y is read twice
	}},
	{"skip_connections", graph.Shape{2, 8, 8, 3}, func(n *net, x graph.Value) []graph.Value {
		skip := n.relu(n.conv(x, 128, 3, 1, graph.Same)) // pooled and concatenated
		y := n.relu(n.conv(n.maxPool(skip, 2, 2), 12, 3, 1, graph.Same))
		y = n.Apply(graph.ConvTranspose{Strides: []int{2, 2}, Dilation: []int{1, 1}, Padding: graph.Padding{Mode: graph.Same}}, y, n.weight(2, 2, 136, 12))
		y = n.Apply(graph.Concat{Axis: -1}, y, skip)
		return []graph.Value{n.conv(y, 4, 3, 1, graph.Same)}
	}},
	{"dense_block", graph.Shape{2, 6, 5, 4}, func(n *net, x graph.Value) []graph.Value {
		x = n.conv(x, 130, 3, 1, graph.Same)
		for range 3 { // the new channels are few
			y := n.conv(n.relu(n.batchNorm(x)), 4, 3, 1, graph.Same)
			x = n.Apply(graph.Concat{Axis: 3}, x, y)
		}
		y := n.Apply(graph.Softmax{Axes: []int{-1}}, x) // reads the whole
		z := n.Apply(graph.Concat{Axis: -1}, y, n.Apply(graph.Activation{Func: graph.Tanh}, y), n.Apply(graph.Activation{Func: graph.Sigmoid}, x))
		return []graph.Value{y, z, n.Apply(graph.Reduce{Func: graph.ReduceMean, Axes: []int{1, 2}}, x)}
	}},
	{"outermost_concatenation", graph.Shape{1, 6, 4}, func(n *net, x graph.Value) []graph.Value {
		flat := graph.Reshape{Dims: []int{graph.KeepDim(0), graph.Infer1}}
		y := n.Apply(flat, n.Apply(graph.Softmax{Axes: []int{-1}}, x)) // a part of another shape
		z := n.Apply(graph.AddBias{}, n.Apply(graph.MatMul{}, n.Apply(flat, x), n.weight(24, 5)), n.weight(5))
		return []graph.Value{n.Apply(graph.Concat{Axis: -1}, y, z, n.Apply(flat, x)), z} // the input has to be copied
	}},
	{"preprocessing", graph.Shape{2, 5, 4, 3}, func(n *net, x graph.Value) []graph.Value {
		scale := n.Scalar(graph.Float32, 1.0/255)
		x = n.Apply(graph.Binary{Func: graph.Mul}, x, scale)
		x = n.Apply(graph.Binary{Func: graph.Sub}, x, n.Const(graph.Floats([]float32{.4, .5, .6}, 1, 1, 1, 3)))
		x = n.Apply(graph.Binary{Func: graph.Div}, x, n.Const(graph.Floats([]float32{.2, .3, .4}, 1, 1, 1, 3)))
		one := n.Scalar(graph.Float32, 1)
		x = n.Apply(graph.Binary{Func: graph.Sub}, one, x)
		x = n.Apply(graph.Reshape{Dims: []int{graph.KeepDim(0), graph.KeepDim(1), graph.Infer1}}, x)
		return []graph.Value{n.Apply(graph.Softmax{Axes: []int{-1}}, x)}
	}},
	{"channels_first", graph.Shape{2, 3, 6, 5}, func(n *net, x graph.Value) []graph.Value {
		last, first := graph.Transpose{Perm: []int{0, 2, 3, 1}}, graph.Transpose{Perm: []int{0, 3, 1, 2}}
		x = n.Apply(first, n.conv(n.Apply(last, x), 4, 3, 1, graph.Same))
		x = n.relu(x)
		x = n.Apply(first, n.conv(n.Apply(last, x), 5, 1, 1, graph.Same))
		x = n.Apply(graph.Activation{Func: graph.Tanh}, x)
		return []graph.Value{x, n.Apply(last, x)}
	}},
	{"shared_values", graph.Shape{3, 6}, func(n *net, x graph.Value) []graph.Value {
		h := n.Apply(graph.AddBias{}, n.Apply(graph.MatMul{}, x, n.weight(6, 6)), n.weight(6))
		r := n.relu(h) // h is read twice: the activation must not swallow it
		s := n.Apply(graph.Binary{Func: graph.Add}, h, r)
		return []graph.Value{s, x, r, n.Apply(graph.Reshape{Dims: []int{graph.KeepDim(0), 2, 3}}, x)}
	}},
	{"dead_and_constant", graph.Shape{2, 4}, func(n *net, x graph.Value) []graph.Value {
		c := n.Apply(graph.Activation{Func: graph.Exponential}, n.Const(graph.Floats([]float32{1, 2, 3, 4}, 4)))
		n.relu(x)
		return []graph.Value{n.Apply(graph.Binary{Func: graph.Mul}, x, c)}
	}},
}

func build(t *testing.T, i int, dynamic bool) (*graph.Graph, []*weight.Value) {
	t.Helper()
	n := &net{Builder: graph.NewBuilder(), rng: rand.New(rand.NewSource(7))}
	shape := nets[i].input.Clone()
	if dynamic {
		shape[0] = graph.Dyn
	}
	x := n.Input("x", graph.Type{DType: graph.Float32, Shape: shape})
	for _, v := range nets[i].build(n, x) {
		n.Output("y", v)
	}
	g, err := n.Graph()
	require.NoError(t, err)
	return g, n.weights
}

// execute runs a plan by itself, every chunk in reverse order.
func execute(t *testing.T, p *Plan, in ...graph.Tensor) []graph.Tensor {
	t.Helper()
	arena := make([]float32, p.Arena)
	for i := range arena {
		arena[i] = float32(math.NaN()) // what no step wrote must not be read
	}
	tensors := make([]graph.Tensor, len(p.Slots))
	for i, s := range p.Slots {
		tensors[i] = graph.Tensor{DType: s.DType, Shape: s.Shape}
		n := s.Span()
		switch s.Place {
		case InArena:
			tensors[i].Data = arena[s.Offset : s.Offset+n]
		case InBuffer:
			tensors[i] = graph.NewTensor(s.DType, s.Shape)
		case InConst:
			if s.Tensor != nil {
				tensors[i] = *s.Tensor
			}
		case InInput:
			tensors[i].Data = in[s.Offset].Data
		}
	}
	scratch := make([]float32, p.Scratch)
	for _, s := range p.Steps {
		a := step.Args{}
		for _, v := range s.In {
			a.In = append(a.In, tensors[v])
		}
		for _, v := range s.Out {
			a.Out = append(a.Out, tensors[v])
		}
		for c := s.Chunks() - 1; c >= 0; c-- {
			if s.Chain == nil {
				require.NoError(t, s.Run(&a, c, scratch))
				continue
			}
			part := func(whole graph.Tensor, shape graph.Shape) graph.Tensor {
				n, _ := shape.Elems()
				return graph.Floats(whole.Data.([]float32)[c*n:(c+1)*n], shape...)
			}
			var in []graph.Tensor
			for k, v := range s.Chain.Plan.Inputs {
				in = append(in, part(a.In[k], s.Chain.Plan.Slots[v].Shape))
			}
			for k, y := range execute(t, s.Chain.Plan, in...) {
				copy(part(a.Out[k], y.Shape).Data.([]float32), y.Data.([]float32))
			}
		}
	}
	var out []graph.Tensor
	for _, v := range p.Outputs {
		out = append(out, tensors[v])
	}
	return out
}

// Fused and unfused plans compute the same up to rounding, and the text of the
// fused one is a golden.
func TestPasses(t *testing.T) {
	for i, c := range nets {
		t.Run(c.name, func(t *testing.T) {
			g, weights := build(t, i, true)
			x := graph.NewTensor(graph.Float32, c.input)
			rng := rand.New(rand.NewSource(3))
			for k, d := 0, x.Data.([]float32); k < len(d); k++ {
				d[k] = float32(rng.NormFloat64())
			}
			var results [2][]graph.Tensor
			for k, noFuse := range []bool{false, true} {
				compiled, err := Compile(g, weights, weight.NewPacks(1), Options{NoFuse: noFuse})
				require.NoError(t, err)
				p, err := compiled.Plan([]graph.Shape{c.input})
				require.NoError(t, err)
				results[k] = execute(t, p, x)
				if noFuse {
					continue
				}
				// The variant of the kernels is the CPU's.
				text := regexp.MustCompile(`(conv|pool|vec|transposed)/\w+ +`).ReplaceAllString(p.String(), "$1/CPU ")
				text = regexp.MustCompile(` +\n`).ReplaceAllString(text, "\n")
				file := filepath.Join("testdata", c.name+".txt")
				if *update {
					require.NoError(t, os.MkdirAll("testdata", 0o777))
					require.NoError(t, os.WriteFile(file, []byte(text), 0o666))
				}
				want, err := os.ReadFile(file)
				require.NoError(t, err)
				require.Equal(t, string(want), text)
			}
			for k := range results[0] {
				a, b := results[0][k], results[1][k]
				require.Equal(t, b.Shape, a.Shape)
				for e := range b.Len() {
					require.InDelta(t, b.Float(e), a.Float(e), 2e-5*(1+math.Abs(b.Float(e))), "output %d, element %d", k, e)
				}
			}
		})
	}
}

// A kept value keeps its node from being fused away.
func TestKeep(t *testing.T) {
	g, weights := build(t, 0, false)
	var conv int
	for _, n := range g.Nodes {
		if _, ok := n.Op.(graph.Conv); ok {
			conv = n.Out[0]
			break
		}
	}
	compiled, err := Compile(g, weights, weight.NewPacks(1), Options{Keep: []int{conv}})
	require.NoError(t, err)
	p, err := compiled.Plan([]graph.Shape{nets[0].input})
	require.NoError(t, err)
	require.Len(t, p.Outputs, 2)
	require.Equal(t, g.Values[conv].Shape, p.Slots[p.Outputs[1]].Shape)
	require.Contains(t, p.String(), "AddBias")
}

// Two values whose lives overlap never share memory.
func TestArrange(t *testing.T) {
	rng := rand.New(rand.NewSource(2))
	for range 300 {
		var blocks []*block
		total := 0
		for range 1 + rng.Intn(20) {
			first := rng.Intn(20)
			b := &block{first: first, last: first + rng.Intn(6), size: align * rng.Intn(9), place: InArena}
			total += b.size
			blocks = append(blocks, b)
		}
		size := arrange(blocks)
		require.LessOrEqual(t, size, total)
		for i, a := range blocks {
			require.LessOrEqual(t, a.offset+a.size, size)
			for _, b := range blocks[:i] {
				alive := a.first <= b.last && b.first <= a.last
				disjoint := a.offset+a.size <= b.offset || b.offset+b.size <= a.offset
				require.True(t, !alive || disjoint, "%+v %+v", a, b)
			}
		}
	}
}

func TestPlanErrors(t *testing.T) {
	g, weights := build(t, 0, true)
	compiled, err := Compile(g, weights, weight.NewPacks(1), Options{MaxActivation: 1000})
	require.NoError(t, err)
	_, err = compiled.Plan([]graph.Shape{{2, 9, 8, 3}})
	require.ErrorIs(t, err, ErrLimit)
	_, err = compiled.Plan([]graph.Shape{{2, 9, 8, 4}})
	require.ErrorIs(t, err, graph.ErrShape)
	_, err = compiled.Plan(nil)
	require.ErrorIs(t, err, graph.ErrShape)
	_, err = Compile(g, weights[1:], weight.NewPacks(1), Options{})
	require.ErrorIs(t, err, graph.ErrShape)
}

// The plan of a residual block holds nothing but convolutions, pooling and the head.
func TestNothingLeftUnfused(t *testing.T) {
	g, weights := build(t, 0, true)
	compiled, err := Compile(g, weights, weight.NewPacks(1), Options{})
	require.NoError(t, err)
	p, err := compiled.Plan([]graph.Shape{{2, 9, 8, 3}})
	require.NoError(t, err)
	for _, word := range []string{"Pad", "AddBias", "BatchNorm", "add ", " relu  "} {
		for _, line := range strings.Split(p.String(), "\n") {
			require.False(t, len(line) > 4 && strings.HasPrefix(line[4:], word), "%s: %s", word, line)
		}
	}
}
