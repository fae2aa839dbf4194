package source

import (
	"testing"

	"github.com/kerasrun/kerasrun/hdf5load"
	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/stretchr/testify/require"
)

// A Keras 1 kernel of dim_ordering "th" is (filters, channels, rows, columns);
// one of Theano is turned as well.
func TestPermuteKernel(t *testing.T) {
	stored := graph.NewTensor(graph.Float32, graph.Shape{2, 3, 4, 5}) // filters 2, channels 3, rows 4, columns 5
	for i, d := 0, stored.Data.([]float32); i < len(d); i++ {
		d[i] = float32(i)
	}
	want := graph.Type{DType: graph.Float32, Shape: graph.Shape{4, 5, 3, 2}}
	at := func(f, c, y, x int) float64 { return stored.Float(((f*3+c)*4+y)*5 + x) }
	for _, flip := range []bool{false, true} {
		got, err := permuteKernel(stored, want, []int{2, 3, 1, 0}, 2, flip)
		require.NoError(t, err)
		for y := range 4 {
			for x := range 5 {
				for c := range 3 {
					for f := range 2 {
						sy, sx := y, x
						if flip {
							sy, sx = 3-y, 4-x
						}
						require.Equal(t, at(f, c, sy, sx), got.Float(((y*5+x)*3+c)*2+f))
					}
				}
			}
		}
	}
	_, err := permuteKernel(stored, graph.Type{DType: graph.Float32, Shape: graph.Shape{4, 5, 2, 3}}, []int{2, 3, 1, 0}, 2, false)
	require.ErrorIs(t, err, graph.ErrShape)
}

func TestEraOf(t *testing.T) {
	named := func(names ...string) legacyStore {
		s := legacyStore{{Layer: "l"}}
		for _, n := range names {
			s[0].Weights = append(s[0].Weights, hdf5load.Weight{Name: n})
		}
		return s
	}
	model := func(major int, backend string) *keras.Model {
		conv := &keras.Layer{Class: "Conv2D"}
		return &keras.Model{Version: keras.Version{Major: major}, Backend: backend, Root: &keras.Layer{Graph: &keras.Graph{Layers: []*keras.Layer{conv}}}}
	}
	yes, no := true, false
	for _, c := range []struct {
		name    string
		m       *keras.Model
		s       legacyStore
		o       Options
		first   bool
		rotated bool
		warns   bool
	}{
		{"Keras 1 on TensorFlow", model(1, ""), named("dense_1_W:0"), Options{}, true, false, false},
		{"Keras 1 on Theano", model(1, ""), named("dense_1_W"), Options{}, true, true, false},
		{"Keras 1, told otherwise", model(1, ""), named("dense_1_W"), Options{TheanoKernels: &no}, true, false, false},
		{"Keras 2 on TensorFlow", model(2, "tensorflow"), named("d/kernel:0"), Options{}, false, false, false},
		{"Keras 2 on Theano", model(2, "theano"), named("d/kernel"), Options{}, false, false, true},
		{"Keras 2 on Theano, told so", model(2, "theano"), named("d/kernel"), Options{TheanoKernels: &yes}, false, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, warning := eraOf(c.m, c.s, c.o)
			require.Equal(t, era{c.first, c.rotated}, e)
			require.Equal(t, c.warns, warning != "")
		})
	}
}

func TestFileOrder(t *testing.T) {
	params := []graph.Param{{Name: "gamma", Trainable: true}, {Name: "moving_mean"}, {Name: "kernel", Frozen: true}, {Name: "count"}}
	require.Equal(t, []int{0, 2, 1, 3}, fileOrder(params, []int{0, 1, 2, 3}))
}

// Keras 2.12 counted layers with weights twice, and called their group otherwise.
func TestPathsOfKeras212(t *testing.T) {
	at := func(name string) []hdf5load.Weight { return []hdf5load.Weight{{Name: name}} }
	const d = dependencies + "/"
	got := pathStore{
		"": nil, d + "dense": at("a"), d + "dense_2": at("b"), d + "dense_10": at("c"), d + "re_lu": nil,
		d + "sequential": nil, d + "sequential/" + d + "dense": at("d"), d + "sequential/" + d + "dense_1": at("e"),
		d + "rnn/cell/cells/lstm_cell_1": at("f"), "optimizer": at("g"),
	}.today()
	require.Equal(t, pathStore{
		"": nil, "layers/dense": at("a"), "layers/dense_1": at("b"), "layers/dense_2": at("c"), "layers/re_lu": nil,
		"layers/sequential": nil, "layers/sequential/layers/dense": at("d"), "layers/sequential/layers/dense_1": at("e"),
		"layers/rnn/cell/cells/lstm_cell_1": at("f"), "optimizer": at("g"),
	}, got)
	now := pathStore{"layers/dense_4": at("a")}
	require.Equal(t, now, now.today())
}
