package plan

import (
	"errors"
	"math/rand"
	"testing"

	"github.com/kerasrun/kerasrun/kernels/cpu"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/weight"
	"github.com/stretchr/testify/require"
)

// A closing is a source of weights that stops to answer.
type closing struct {
	all    graph.Tensor
	closed error
}

func (c *closing) Tensor() (graph.Tensor, error) {
	return graph.Floats(append([]float32(nil), c.all.Data.([]float32)...), c.all.Shape...), c.closed
}

func (c *closing) Floats(dst []float32, at int) error {
	copy(dst, c.all.Data.([]float32)[at:])
	return c.closed
}

// The kernel of a convolution is in memory in Winograd's form alone where only the
// batch can change, and beside it where another plan may want another form.
func TestOnlyWinograd(t *testing.T) {
	if v := cpu.Active(); v != cpu.AVX2 && v != cpu.AVX512 {
		t.Skip("no Winograd in kernels of ", v)
	}
	const channels = 64
	image := graph.Shape{3, 56, 56, channels}
	for _, c := range []struct {
		name  string
		input graph.Shape
		alone bool
	}{
		{"batch open", graph.Shape{graph.Dyn, 56, 56, channels}, true},
		{"all known", image, true},
		{"sizes open", graph.Shape{graph.Dyn, graph.Dyn, graph.Dyn, channels}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := &net{Builder: graph.NewBuilder(), rng: rand.New(rand.NewSource(3))}
			x := n.Input("x", graph.Type{DType: graph.Float32, Shape: c.input})
			w := n.weight(3, 3, channels, channels)
			conv := graph.Conv{Strides: []int{1, 1}, Dilation: []int{1, 1}, Groups: 1, Padding: graph.Padding{Mode: graph.Same}}
			n.Output("y", n.Apply(conv, x, w))
			g, err := n.Graph()
			require.NoError(t, err)
			file := &closing{all: *n.weights[0].Held()}
			value := weight.From(n.weights[0].Type, file)
			compiled, err := Compile(g, []*weight.Value{value}, weight.NewPacks(1), Options{Winograd: 1 << 30})
			require.NoError(t, err)
			p, err := compiled.Plan([]graph.Shape{image})
			require.NoError(t, err)
			require.Contains(t, p.String(), "winograd")
			require.NoError(t, value.Settle())
			file.closed = errors.New("closed")
			_, err = value.Tensor()
			if c.alone {
				require.ErrorIs(t, err, file.closed, "the elements are kept beside the only form")
			} else {
				require.NoError(t, err, "another plan needs the elements")
			}
			more := image.Clone()
			if c.input[0] == graph.Dyn {
				more[0] = 5
			}
			_, err = compiled.Plan([]graph.Shape{more})
			require.NoError(t, err)
		})
	}
}
