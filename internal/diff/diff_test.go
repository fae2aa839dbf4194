package diff

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// Options mean the same with and without what is null, and a policy is its name; a
// wrapped model is looked into.
func TestLayers(t *testing.T) {
	parse := func(dtype, layer string) *keras.Layer {
		m, err := keras.ParseArchitecture([]byte(`{"class_name":"Sequential","config":{"name":"m","layers":[
			{"class_name":"InputLayer","module":"keras.layers","config":{"name":"x","batch_shape":[null,4,3]}},
			{"class_name":"TimeDistributed","module":"keras.layers","config":{"name":"t","dtype":`+dtype+`,"layer":
				{"class_name":"Sequential","module":"keras","config":{"name":"inner","layers":[
					{"class_name":"InputLayer","module":"keras.layers","config":{"name":"y","batch_shape":[null,3]}},`+layer+`]}}}}]}}`),
			keras.Hint{Version: "3.15.1"}, keras.Limits{})
		require.NoError(t, err)
		return m.Root
	}
	dense := func(options string) string {
		return `{"class_name":"Dense","module":"keras.layers","config":{"name":"d",` + options + `}}`
	}
	a := parse(`"float32"`, dense(`"units":2,"bias_regularizer":null`))
	require.Empty(t, layersOf(a, parse(`{"module":"keras","class_name":"DTypePolicy","config":{"name":"float32"}}`, dense(`"units":2`))))
	require.Equal(t, []Layer{{"t/inner/d", "units", "2", "3"}, {"t/inner/d", "kernel_regularizer", "", "L2(l2=0.1)"}},
		layersOf(a, parse(`"float32"`, dense(`"units":3,"kernel_regularizer":{"class_name":"L2","config":{"l2":0.1,"l1":null}}`))))
}

// Weights are compared bit by bit: NaN is NaN, and 0 is not -0.
func TestWeightDiff(t *testing.T) {
	compare := func(x, y []float32) (d Weight) {
		tensor := func(v []float32) graph.Tensor {
			return graph.Tensor{DType: graph.Float32, Shape: graph.Shape{len(v)}, Data: v}
		}
		d.compare(tensor(x), tensor(y))
		return d
	}
	nan, zero, inf := float32(math.NaN()), float32(0), float32(math.Inf(1))
	require.Equal(t, Weight{Elements: 4}, compare([]float32{1, nan, zero, 3}, []float32{1, nan, zero, 3}))
	require.Equal(t, Weight{Elements: 3, Changed: 2, Largest: 0.5}, compare([]float32{1, zero, 5}, []float32{1.5, -zero, 5}))
	require.Equal(t, Weight{Elements: 2, Changed: 2, Infinite: true}, compare([]float32{1, inf}, []float32{nan, 2}))
}
