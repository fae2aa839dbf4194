package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/runtime/grad"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/step"
)

// TestGradientsOfCases takes the gradients of every golden case that has some, with
// respect to its first input, and compares them with the same graph run op by op in
// float64: what is between are the plan's passes and the kernels.
func TestGradientsOfCases(t *testing.T) {
	files, err := filepath.Glob("../testdata/models/*/case.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	taken := 0
	for i, file := range files {
		if testing.Short() && i%9 != 0 {
			continue
		}
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			var c struct{ Model, Weights string }
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			require.NoError(t, json.Unmarshal(text, &c))
			weights := ""
			if c.Weights != "" {
				weights = filepath.Join(dir, c.Weights)
			}
			m, err := OpenPath(filepath.Join(dir, c.Model), weights, Options{Exact: true, KeepWeights: true})
			require.NoError(t, err)
			defer m.Close()
			if compareGradients(t, m) {
				taken++
			}
		})
	}
	require.Greater(t, taken*3, len(files)/9, "few cases had a gradient")
}

// compareGradients reports whether m has gradients, and holds them to the reference form.
func compareGradients(t *testing.T, m *Model) bool {
	r := rand.New(rand.NewSource(1))
	var in []Tensor
	var shapes []graph.Shape
	for _, v := range m.prog.Graph.Inputs {
		s := v.Shape.Clone()
		for i, d := range s {
			if d == graph.Dyn {
				s[i] = []int{2, 6, 8, 8, 8}[i]
			}
		}
		x := graph.NewTensor(v.DType, s)
		for i := range x.Len() {
			x.SetFloat(i, r.NormFloat64())
			if !v.DType.Floating() {
				x.SetFloat(i, float64(r.Intn(2)))
			}
		}
		in, shapes = append(in, x), append(shapes, s)
	}
	score := Score{Logits: true}
	if n, ok := m.prog.Graph.Outputs[0].Shape[1:].Elems(); ok {
		score.Element = r.Intn(n)
	}
	got, err := m.PredictGradients(context.Background(), score, []string{m.prog.Graph.Inputs[0].Name}, in...)
	if errors.Is(err, ErrUnsupported) || errors.Is(err, ErrInput) && !errors.Is(err, ErrShape) {
		return false
	}
	require.NoError(t, err)
	of, err := m.scored(score)
	require.NoError(t, err)
	g, err := grad.Of(m.prog.Graph, grad.Request{Inputs: shapes, Funcs: m.prog.Funcs, Of: of, To: []int{m.prog.Graph.Inputs[0].ID}})
	require.NoError(t, err)
	seed, err := seedOf(g.Outputs[0].Type, score, "")
	require.NoError(t, err)
	if work(g) > 1e7 { // the reference form takes its time
		return true
	}
	want := m.interpret(t, g, append(in, seed))
	name := m.prog.Graph.Inputs[0].Name
	for i, x := range []Tensor{got.Scores, got.Values[name], got.Of[name]} {
		near(t, want[i], x, coarsest(g))
	}
	return true
}

// work estimates the multiplications of a run of g.
func work(g *graph.Graph) int {
	sum := 0
	for _, n := range g.Nodes {
		one, _ := g.Values[n.Out[0]].Shape.Elems()
		switch n.Op.(type) {
		case graph.Conv, graph.DepthwiseConv, graph.ConvTranspose, graph.MatMul:
			k := g.Values[n.In[1]].Shape
			for _, d := range k[:len(k)-1] {
				one *= d
			}
		}
		sum += one
	}
	return sum
}

// interpret computes the outputs of g op by op.
func (m *Model) interpret(t *testing.T, g *graph.Graph, in []Tensor) []Tensor {
	t.Helper()
	values := make([]Tensor, len(g.Values))
	for i, v := range g.Inputs {
		values[v.ID] = in[i]
	}
	for i, p := range g.Params {
		w, err := m.weights[i].Tensor()
		require.NoError(t, err)
		values[p.Value] = w
	}
	for id, i := range g.ConstOf {
		values[id] = g.Consts[i]
	}
	for _, s := range g.States {
		values[s.First] = graph.NewTensor(g.Values[s.First].DType, g.Values[s.First].Shape)
	}
	for _, n := range g.Nodes {
		var x []Tensor
		var types []graph.Type
		for _, v := range n.In {
			x = append(x, values[v])
		}
		for _, v := range n.Out {
			types = append(types, g.Values[v].Type)
		}
		res, err := step.Reference(n.Op, x, types)
		require.NoError(t, err, graph.Describe(n.Op))
		for i, v := range n.Out {
			values[v] = res[i]
		}
	}
	out := make([]Tensor, len(g.Outputs))
	for i, v := range g.Outputs {
		out[i] = values[v.ID]
	}
	return out
}

// coarsest is the floating type of g with the fewest digits.
func coarsest(g *graph.Graph) DType {
	d := graph.Float64
	for _, v := range g.Values {
		if v.DType.Floating() && roundings[v.DType] > roundings[d] {
			d = v.DType
		}
	}
	return d
}

// roundings are what many roundings to a type may add up to, relative to the largest element.
var roundings = map[DType]float64{graph.Float64: 1e-12, graph.Float32: 2e-5, graph.Float16: 2e-2, graph.BFloat16: 0.1}

// near holds got to want up to roundings to type d, relative to its largest element.
func near(t *testing.T, want, got Tensor, d DType) {
	t.Helper()
	require.Equal(t, want.DType, got.DType)
	require.Equal(t, want.Shape, got.Shape)
	largest := 0.0
	for i := range want.Len() {
		largest = max(largest, math.Abs(want.Float(i)))
	}
	limit := roundings[d] * largest
	for i := range want.Len() {
		w, g := want.Float(i), got.Float(i)
		require.True(t, math.Abs(w-g) <= limit || w == g || w != w && g != g, "element %d is %v, want %v", i, g, w)
	}
}
