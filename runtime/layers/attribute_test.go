package layers

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

func TestWhole(t *testing.T) {
	for text, want := range map[string]whole{
		`3`:         {[]int{3}, true},
		`3.0`:       {[]int{3}, true},
		`[3]`:       {[]int{3}, false},
		`[-1,2,-3]`: {[]int{-1, 2, -3}, false},
		`[]`:        {},
		`null`:      {},
	} {
		var got whole
		require.NoError(t, got.UnmarshalKeras(config(t, text)), text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{`3.5`, `"3"`, `[1,[2]]`, `[null]`, `{}`, `true`, `1e30`} {
		var got whole
		require.ErrorIs(t, got.UnmarshalKeras(config(t, text)), keras.ErrFormat, text)
	}
}

func TestBorders(t *testing.T) {
	for text, want := range map[string][2][2]int{
		`2`:             {{2, 2}, {2, 2}},
		`[1,2]`:         {{1, 1}, {2, 2}},
		`[[1,2],3]`:     {{1, 2}, {3, 3}},
		`[[1,2],[3,4]]`: {{1, 2}, {3, 4}},
	} {
		var got borders[[2][2]int]
		require.NoError(t, got.UnmarshalKeras(config(t, text)), text)
		require.Equal(t, want, got.cells, text)
	}
	for text, want := range map[string][1][2]int{`2`: {{2, 2}}, `[1,2]`: {{1, 2}}, `[[1,2]]`: {{1, 2}}} {
		var got borders[[1][2]int]
		require.NoError(t, got.UnmarshalKeras(config(t, text)), text)
		require.Equal(t, want, got.cells, text)
	}
	for _, text := range []string{`null`, `"1"`, `[1]`, `[1,2,3]`, `[[1],[2]]`, `[[1,2],[3,"4"]]`, `[[1,2],null]`, `0.5`} {
		var got borders[[2][2]int]
		require.ErrorIs(t, got.UnmarshalKeras(config(t, text)), keras.ErrFormat, text)
	}
}

func TestNumbers(t *testing.T) {
	for text, want := range map[string]numbers{
		`2`:               {nil, []float64{2}},
		`[1,2.5]`:         {[]int{2}, []float64{1, 2.5}},
		`[[1,2],[3,4]]`:   {[]int{2, 2}, []float64{1, 2, 3, 4}},
		`[[[1]],[[2.0]]]`: {[]int{2, 1, 1}, []float64{1, 2}},
		`null`:            {},
	} {
		var got numbers
		require.NoError(t, got.UnmarshalKeras(config(t, text)), text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{`[]`, `[[]]`, `[1,[2]]`, `[[1,2],[3]]`, `"1"`, `[null]`, `{}`} {
		var got numbers
		require.ErrorIs(t, got.UnmarshalKeras(config(t, text)), keras.ErrFormat, text)
	}
}

// floatConsts lists the constants of a graph in order.
func floatConsts(g *graph.Graph) (shapes []graph.Shape, values [][]float64) {
	for _, c := range g.Consts {
		shapes, values = append(shapes, c.Shape), append(values, c.Float64s())
	}
	return shapes, values
}

func TestNormalizationConstants(t *testing.T) {
	for _, c := range []struct {
		config, in     string
		shape          graph.Shape
		mean, variance []float64
	}{
		{`{"axis":null,"mean":2.0,"variance":4.0}`, "[null,5,2]", graph.Shape{1, 1, 1}, []float64{2}, []float64{2}},
		{`{"axis":-1,"mean":[1,2],"variance":[4,0]}`, "[null,5,2]", graph.Shape{1, 1, 2}, []float64{1, 2}, []float64{2, float64(float32(1e-7))}},
		{`{"axis":1,"mean":[1,2],"variance":[9,4]}`, "[null,2,5]", graph.Shape{1, 2, 1}, []float64{1, 2}, []float64{3, 2}},
		{`{"axis":[1,2],"mean":[[1,2]],"variance":[[9,4]]}`, "[null,1,2]", graph.Shape{1, 1, 2}, []float64{1, 2}, []float64{3, 2}},
		{`{"axis":[1,2],"mean":[1,2],"variance":[9,4]}`, "[null,3,2]", graph.Shape{1, 1, 2}, []float64{1, 2}, []float64{3, 2}},
	} {
		p, err := lowerClass(t, keras3, classTest{class: "Normalization", config: c.config, in: c.in})
		require.NoError(t, err, c.config)
		shapes, values := floatConsts(p.Graph)
		require.Equal(t, []graph.Shape{c.shape, c.shape}, shapes, c.config)
		require.Equal(t, [][]float64{c.mean, c.variance}, values, c.config)
	}
}

func TestConstants(t *testing.T) {
	for _, c := range []struct {
		test   classTest
		values [][]float64
	}{
		{classTest{class: "Rescaling", config: `{"scale":[0.5,0.25],"offset":-1}`, in: "[null,2]"}, [][]float64{{0.5, 0.25}, {-1}}},
		{classTest{class: "Average", config: `{}`, in: "[null,2] [null,2] [null,2]"}, [][]float64{{3}}},
		{classTest{class: "CustomScaleLayer", config: `{"scale":0.5}`, in: "[null,2] [null,2]"}, [][]float64{{0.5}}},
	} {
		p, err := lowerClass(t, keras3, c.test)
		require.NoError(t, err)
		_, values := floatConsts(p.Graph)
		require.Equal(t, c.values, values, c.test.class)
	}
}
