package reference

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// TestActivation holds activations against float32 results of Keras 3.15 on TensorFlow 2.21.
func TestActivation(t *testing.T) {
	x := []float64{-2, -1, -0.5, 0, 0.5, 2, 7}
	for _, c := range []struct {
		a    graph.Activation
		want []float64
	}{
		{graph.Activation{Func: graph.HardSigmoid, A: 1. / 6, B: .5}, []float64{0.1666666716337204, 0.3333333432674408, 0.4166666567325592, 0.5, 0.5833333134651184, 0.8333333134651184, 1}},
		{graph.Activation{Func: graph.HardSiLU}, []float64{-0.3333333432674408, -0.3333333432674408, -0.2083333283662796, 0, 0.2916666567325592, 1.6666666269302368, 7}},
		{graph.Activation{Func: graph.HardTanh}, []float64{-1, -1, -0.5, 0, 0.5, 1, 1}},
		{graph.Activation{Func: graph.CELU, A: 1}, []float64{-0.8646647334098816, -0.6321205496788025, -0.39346933364868164, 0, 0.5, 2, 7}},
		{graph.Activation{Func: graph.ELU, A: 1}, []float64{-0.8646647334098816, -0.6321205496788025, -0.39346933364868164, 0, 0.5, 2, 7}},
		{graph.Activation{Func: graph.SELU}, []float64{-1.5201665163040161, -1.1113307476043701, -0.6917581558227539, 0, 0.5253505110740662, 2.1014020442962646, 7.354907035827637}},
		{graph.Activation{Func: graph.GELU}, []float64{-0.045500267297029495, -0.15865525603294373, -0.1542687714099884, 0, 0.3457312285900116, 1.9544997215270996, 7}},
		{graph.Activation{Func: graph.Softplus}, []float64{0.12692800164222717, 0.3132616877555847, 0.4740769863128662, 0.6931471824645996, 0.9740769267082214, 2.1269280910491943, 7.000911712646484}},
		{graph.Activation{Func: graph.Mish}, []float64{-0.2525014579296112, -0.30340149998664856, -0.22074377536773682, 0, 0.37524518370628357, 1.9439589977264404, 6.999989032745361}},
		{graph.Activation{Func: graph.SiLU}, []float64{-0.23840588331222534, -0.26894140243530273, -0.1887703388929367, 0, 0.3112296760082245, 1.7615941762924194, 6.993622779846191}},
		{graph.Activation{Func: graph.Squareplus, A: 4}, []float64{0.41421353816986084, 0.6180340051651001, 0.7807763814926147, 1, 1.2807763814926147, 2.4142136573791504, 7.140054702758789}},
		{graph.Activation{Func: graph.Softsign}, []float64{-0.6666666865348816, -0.5, -0.3333333432674408, 0, 0.3333333432674408, 0.6666666865348816, 0.875}},
		{graph.Activation{Func: graph.TanhShrink}, []float64{-1.0359723567962646, -0.23840582370758057, -0.037882864475250244, 0, 0.037882864475250244, 1.0359723567962646, 6.000001907348633}},
		{graph.Activation{Func: graph.LogSigmoid}, []float64{-2.1269280910491943, -1.31326162815094, -0.9740769267082214, -0.6931471824645996, -0.4740769863128662, -0.12692800164222717, -0.000911466486286372}},
		{graph.Activation{Func: graph.SparseSigmoid}, []float64{0, 0, 0.25, 0.5, 0.75, 1, 1}},
		{graph.Activation{Func: graph.ReLU, A: .1, B: math.Inf(1)}, []float64{-0.2, -0.1, -0.05, 0, 0.5, 2, 7}},
	} {
		f := Activation(c.a)
		for i, v := range x {
			require.InDelta(t, c.want[i], f(v), 4*0x1p-24*max(1, math.Abs(c.want[i])), "%s(%v)", c.a.Func, v)
		}
	}
}

// TestNamesAreKnown wants a function for every name.
func TestNamesAreKnown(t *testing.T) {
	for _, f := range graph.ActivationFuncs {
		require.NotNil(t, Activation(graph.Activation{Func: f}), f)
	}
	for _, f := range graph.UnaryFuncs {
		require.NotNil(t, Unary(f), f)
	}
	for _, f := range graph.BinaryFuncs {
		if f != graph.LogicalAnd && f != graph.LogicalOr && f != graph.LogicalXor {
			require.False(t, math.IsNaN(Binary(f, 3, 2)), f)
		}
	}
}
