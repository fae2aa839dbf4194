package layers

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// Operations are nodes of a model like layers: their tensors come from other
// nodes, several results are told apart, and the nodes carry their path.
func TestOperationNodes(t *testing.T) {
	x := input(t, "x", "[null,4]")
	halves := layer(t, "Split", "halves", `{"indices_or_sections":2,"axis":1}`)
	halves.Operation, halves.Calls = true, calls(tensor(x))
	diff := layer(t, "TFOpLambda", "diff", `{"name":"diff","function":"math.subtract"}`)
	diff.Calls = []keras.Call{{
		Args:   []*keras.Arg{tensor(halves, 0, 1)},
		Kwargs: []keras.NamedArg{{Name: "y", Arg: tensor(halves, 0, 0)}},
	}}
	first := layer(t, "SlicingOpLambda", "first", `{"name":"first","function":"__operators__.getitem"}`)
	first.Calls = []keras.Call{{
		Args:   []*keras.Arg{tensor(diff)},
		Kwargs: []keras.NamedArg{{Name: "slice_spec", Arg: constant(t, `[{"start":null,"stop":null,"step":null},0]`)}},
	}}
	p, text := dump(t, functional(t, "m", tensor(x), tensor(first), x, halves, diff, first))
	require.Equal(t, `input  %0 x float32 (None, 4)
%1 = Slice{Ranges:[{Step:1} {Stop:2 Step:1 HasStart:true HasStop:true}]} %0 : float32 (None, 2) # halves
%2 = Slice{Ranges:[{Step:1} {Start:2 Stop:4 Step:1 HasStart:true HasStop:true}]} %0 : float32 (None, 2) # halves
%3 = Binary{Func:sub} %2 %1 : float32 (None, 2) # diff
%4 = Slice{Ranges:[{Step:1} {Step:1 Index:true}]} %3 : float32 (None,) # first
output %4 first
`, text)
	require.True(t, p.Layers[1].Operation)
	require.Len(t, p.Layers[1].Calls[0], 2)
}

// A failing operation is named like a layer.
func TestOperationErrors(t *testing.T) {
	for _, c := range []struct {
		class, config string
		is            error
		want          string
	}{
		{"Sort", "{}", keras.ErrUnsupported, `layer op (Sort): unsupported: operation "Sort"`},
		{"Sum", `{"axis":5}`, graph.ErrAttr, "layer op (Sum): "},
		{"TFOpLambda", `{"function":"raw_ops.Strange"}`, keras.ErrUnsupported, `TensorFlow function "raw_ops.Strange"`},
	} {
		x, op := input(t, "x", "[null,4]"), layer(t, c.class, "op", c.config)
		op.Operation, op.Calls = c.class != "TFOpLambda", calls(tensor(x))
		_, err := lowerTest(functional(t, "m", tensor(x), tensor(op), x, op), Options{})
		require.ErrorIs(t, err, c.is)
		require.ErrorContains(t, err, c.want)
	}
}
