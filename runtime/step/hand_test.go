package step

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

var (
	nan = math.NaN()
	inf = math.Inf(1)
)

// tensor makes a tensor of the given elements, rounded to d.
func tensor(d graph.DType, shape []int, v ...float64) graph.Tensor {
	t := graph.NewTensor(d, shape)
	for i, x := range v {
		t.SetFloat(i, x)
	}
	return t
}

func vector(v ...float64) graph.Tensor { return tensor(graph.Float32, []int{len(v)}, v...) }

// TestByHand holds steps and their reference forms against results worked out
// by hand or printed by TensorFlow 2.21 and Keras 3.15 (those with NaN).
func TestByHand(t *testing.T) {
	f32, i32 := graph.Float32, graph.Int32
	image := tensor(f32, []int{1, 2, 2, 1}, 1, 2, 3, 4)
	for _, c := range []struct {
		name string
		op   graph.Op
		in   []graph.Tensor
		want graph.Tensor
	}{
		{"conv valid", graph.Conv{Strides: []int{1, 1}, Dilation: []int{1, 1}, Groups: 1, Padding: graph.Padding{Mode: graph.Valid}},
			[]graph.Tensor{image, tensor(f32, []int{2, 1, 1, 1}, 10, 1)}, tensor(f32, []int{1, 1, 2, 1}, 13, 24)},
		{"conv same pads after", graph.Conv{Strides: []int{1}, Dilation: []int{1}, Groups: 1, Padding: graph.Padding{Mode: graph.Same}},
			[]graph.Tensor{tensor(f32, []int{1, 3, 1}, 1, 2, 3), tensor(f32, []int{2, 1, 1}, 10, 1)}, tensor(f32, []int{1, 3, 1}, 12, 23, 30)},
		{"conv causal", graph.Conv{Strides: []int{1}, Dilation: []int{2}, Groups: 1, Padding: graph.Padding{Mode: graph.Causal}},
			[]graph.Tensor{tensor(f32, []int{1, 3, 1}, 1, 2, 3), tensor(f32, []int{2, 1, 1}, 10, 1)}, tensor(f32, []int{1, 3, 1}, 1, 2, 13)},
		{"depthwise multiplier", graph.DepthwiseConv{Strides: []int{1}, Dilation: []int{1}, Padding: graph.Padding{Mode: graph.Valid}},
			[]graph.Tensor{tensor(f32, []int{1, 1, 2}, 1, 2), tensor(f32, []int{1, 2, 2}, 1, 10, 100, 1000)}, tensor(f32, []int{1, 1, 4}, 1, 10, 200, 2000)},
		{"conv transposed", graph.ConvTranspose{Strides: []int{2}, Dilation: []int{1}, Padding: graph.Padding{Mode: graph.Valid}},
			[]graph.Tensor{tensor(f32, []int{1, 2, 1}, 1, 2), tensor(f32, []int{3, 1, 1}, 1, 10, 100)}, tensor(f32, []int{1, 5, 1}, 1, 10, 102, 20, 200)},
		{"conv transposed same", graph.ConvTranspose{Strides: []int{2}, Dilation: []int{1}, Padding: graph.Padding{Mode: graph.Same}},
			[]graph.Tensor{tensor(f32, []int{1, 2, 1}, 1, 2), tensor(f32, []int{3, 1, 1}, 1, 10, 100)}, tensor(f32, []int{1, 4, 1}, 1, 10, 102, 20)},
		{"matmul", graph.MatMul{}, []graph.Tensor{tensor(f32, []int{2, 2}, 1, 2, 3, 4), tensor(f32, []int{2, 1}, 10, 1)}, tensor(f32, []int{2, 1}, 12, 34)},
		{"matmul batches", graph.MatMul{}, []graph.Tensor{tensor(f32, []int{2, 1, 1}, 2, 3), tensor(f32, []int{1, 1, 1}, 5)}, tensor(f32, []int{2, 1, 1}, 10, 15)},
		{"integer matmul", graph.MatMul{}, []graph.Tensor{tensor(graph.Int8, []int{2, 2}, -128, 127, 3, 4), tensor(graph.Int8, []int{2, 1}, -128, 127)}, tensor(i32, []int{2, 1}, 32513, 124)},
		{"max pool", graph.Pool{Kind: graph.MaxPool, Size: []int{2, 2}, Strides: []int{1, 1}, Padding: graph.Padding{Mode: graph.Same}},
			[]graph.Tensor{tensor(f32, []int{1, 2, 2, 1}, -1, -2, -3, -4)}, tensor(f32, []int{1, 2, 2, 1}, -1, -2, -3, -4)},
		{"average pool leaves padding out", graph.Pool{Kind: graph.AveragePool, Size: []int{2, 2}, Strides: []int{1, 1}, Padding: graph.Padding{Mode: graph.Same}},
			[]graph.Tensor{image}, tensor(f32, []int{1, 2, 2, 1}, 2.5, 3, 3.5, 4)},
		{"a row for each sample", graph.Binary{Func: graph.Sub}, []graph.Tensor{tensor(f32, []int{2, 2, 2}, 1, 2, 3, 4, 5, 6, 7, 8), tensor(f32, []int{2, 1, 2}, 1, 10, 100, 1000)},
			tensor(f32, []int{2, 2, 2}, 0, -8, 2, -6, -95, -994, -93, -992)},
		{"a row for each sample first", graph.Binary{Func: graph.Sub}, []graph.Tensor{tensor(f32, []int{2, 1, 2}, 1, 10, 100, 1000), tensor(f32, []int{2, 2, 2}, 1, 2, 3, 4, 5, 6, 7, 8)},
			tensor(f32, []int{2, 2, 2}, 0, 8, -2, 6, 95, 994, 93, 992)},
		{"cast of pixels", graph.Cast{To: f32}, []graph.Tensor{tensor(graph.Uint8, []int{3}, 0, 127, 255)}, vector(0, 127, 255)},
		{"cast of large integers", graph.Cast{To: f32}, []graph.Tensor{tensor(i32, []int{2}, math.MaxInt32, -16777217)}, vector(1<<31, -16777216)},
		{"relu", graph.Activation{Func: graph.ReLU, B: inf}, []graph.Tensor{vector(nan, -inf, inf, -1, 2)}, vector(nan, 0, inf, 0, 2)},
		{"relu threshold", graph.Activation{Func: graph.ReLU, B: inf, C: 1}, []graph.Tensor{vector(nan, -inf, inf, .5, 1, 2)}, vector(0, 0, inf, 0, 0, 2)},
		{"relu threshold below zero", graph.Activation{Func: graph.ReLU, B: 6, C: -1}, []graph.Tensor{vector(-2, -.5, .5, 7)}, vector(0, 0, .5, 6)},
		{"relu threshold below zero, no top", graph.Activation{Func: graph.ReLU, B: inf, C: -1}, []graph.Tensor{vector(-2, -.5, .5, 7)}, vector(0, -.5, .5, 7)},
		{"relu slope", graph.Activation{Func: graph.ReLU, A: .25, B: 6, C: 1}, []graph.Tensor{vector(nan, -2, -1, 0, .5, 2, 7)}, vector(nan, -.75, -.5, -.25, -.125, 2, 6)},
		{"hard shrink", graph.Activation{Func: graph.HardShrink, A: .5}, []graph.Tensor{vector(nan, -2, -.5, .5, 2)}, vector(0, -2, 0, 0, 2)},
		{"soft shrink", graph.Activation{Func: graph.SoftShrink, A: .5}, []graph.Tensor{vector(nan, -2, -.5, .5, 2)}, vector(0, -1.5, 0, 0, 1.5)},
		{"threshold", graph.Activation{Func: graph.Threshold, A: .5, B: 9}, []graph.Tensor{vector(nan, -2, .5, 2)}, vector(9, 9, 9, 2)},
		{"sparse plus", graph.Activation{Func: graph.SparsePlus}, []graph.Tensor{vector(nan, -2, -.5, 0, 2)}, vector(nan, 0, .0625, .25, 2)},
		{"sign", graph.Unary{Func: graph.Sign}, []graph.Tensor{vector(nan, 0, 2, -3)}, vector(nan, 0, 1, -1)},
		{"round", graph.Unary{Func: graph.Round}, []graph.Tensor{vector(.5, 1.5, 2.5, -.5)}, vector(0, 2, 2, 0)},
		{"float8", graph.Unary{Func: graph.Float8}, []graph.Tensor{vector(nan, inf, 448, 464, 465, 0, 1.0625, -1.1875, 1.07, 0x1p-9, 0x1p-10, 0x3p-10, 0x1.fp-7)},
			vector(nan, nan, 448, 448, nan, 0, 1, -1.25, 1.125, 0x1p-9, 0, 0x1p-8, 0x1p-6)},
		{"is nan", graph.Unary{Func: graph.IsNaN}, []graph.Tensor{vector(nan, 0)}, tensor(graph.Bool, []int{2}, 1, 0)},
		{"maximum", graph.Binary{Func: graph.Maximum}, []graph.Tensor{vector(nan, 1, 2), vector(1, nan, 1)}, vector(nan, nan, 2)},
		{"minimum by a scalar", graph.Binary{Func: graph.Minimum}, []graph.Tensor{vector(nan, 1, 2), tensor(f32, []int{}, 1)}, vector(nan, 1, 1)},
		{"floor_div", graph.Binary{Func: graph.FloorDiv}, []graph.Tensor{vector(7, -7, 7, -7, 1, 0), vector(2, 2, -2, -2, 0, 0)}, vector(3, -4, -4, 3, inf, nan)},
		{"mod", graph.Binary{Func: graph.Mod}, []graph.Tensor{vector(7, -7, 7, -7, 1, 6), vector(4, 4, -4, -4, 0, -3)}, vector(3, 1, -1, -3, nan, 0)},
		{"integer floor_div", graph.Binary{Func: graph.FloorDiv}, []graph.Tensor{tensor(i32, []int{4}, 7, -7, 7, -7), tensor(i32, []int{4}, 2, 2, -2, -2)}, tensor(i32, []int{4}, 3, -4, -4, 3)},
		{"integer mod", graph.Binary{Func: graph.Mod}, []graph.Tensor{tensor(i32, []int{4}, 7, -7, 7, -7), tensor(i32, []int{4}, 4, 4, -4, -4)}, tensor(i32, []int{4}, 3, 1, -1, -3)},
		{"integer pow wraps", graph.Binary{Func: graph.Pow}, []graph.Tensor{tensor(i32, []int{4}, 3, 2, -3, 2), tensor(i32, []int{4}, 40, 31, 3, 0)}, tensor(i32, []int{4}, 689956897, -2147483648, -27, 1)},
		{"integer mul wraps", graph.Binary{Func: graph.Mul}, []graph.Tensor{tensor(i32, []int{1}, 65537), tensor(i32, []int{1}, 65537)}, tensor(i32, []int{1}, 131073)},
		{"uint8 sub wraps", graph.Binary{Func: graph.Sub}, []graph.Tensor{tensor(graph.Uint8, []int{1}, 3), tensor(graph.Uint8, []int{1}, 5)}, tensor(graph.Uint8, []int{1}, 254)},
		{"add bias", graph.AddBias{}, []graph.Tensor{tensor(f32, []int{2, 2}, 1, 2, 3, 4), vector(10, 20)}, tensor(f32, []int{2, 2}, 11, 22, 13, 24)},
		{"prelu", graph.PReLU{}, []graph.Tensor{tensor(f32, []int{2, 2}, nan, -4, 3, -2), vector(.25, .5)}, tensor(f32, []int{2, 2}, nan, -2, 3, -1)},
		{"where", graph.Where{}, []graph.Tensor{tensor(graph.Bool, []int{2, 1}, 1, 0), vector(1, 2), tensor(f32, []int{}, 9)}, tensor(f32, []int{2, 2}, 1, 2, 9, 9)},
		{"softmax", graph.Softmax{Axes: []int{-1}}, []graph.Tensor{tensor(f32, []int{2, 2}, -inf, 0, 1000, 1000)}, tensor(f32, []int{2, 2}, 0, 1, .5, .5)},
		{"softmax of two axes", graph.Softmax{Axes: []int{0, 2}}, []graph.Tensor{graph.NewTensor(f32, graph.Shape{2, 3, 2})}, tensor(f32, []int{2, 3, 2}, .25, .25, .25, .25, .25, .25, .25, .25, .25, .25, .25, .25)},
		{"sparsemax as Keras", graph.Sparsemax{}, []graph.Tensor{tensor(f32, []int{2, 2}, .5, .25, 3, 0)}, tensor(f32, []int{2, 2}, .375, .125, 1, 0)},
		{"batch norm", graph.BatchNorm{Axes: []int{-1}, Scale: true, Center: true}, []graph.Tensor{tensor(f32, []int{2, 2}, 1, 2, 3, 4), vector(2, 4), vector(10, 20), vector(1, 2), vector(4, 16)}, tensor(f32, []int{2, 2}, 10, 20, 12, 22)},
		{"layer norm", graph.LayerNorm{Axes: []int{-1}, Kind: graph.NormMean}, []graph.Tensor{tensor(f32, []int{1, 2}, 1, 3)}, tensor(f32, []int{1, 2}, -1, 1)},
		{"layer norm, rms scaling", graph.LayerNorm{Axes: []int{-1}, Kind: graph.NormRMSScaling}, []graph.Tensor{tensor(f32, []int{1, 2}, 1, 3)}, tensor(f32, []int{1, 2}, 1, 3)},
		{"rms norm", graph.LayerNorm{Axes: []int{-1}, Kind: graph.NormRMS}, []graph.Tensor{tensor(f32, []int{1, 2}, 2, -2)}, tensor(f32, []int{1, 2}, 1, -1)},
		{"group norm", graph.GroupNorm{Groups: 2}, []graph.Tensor{tensor(f32, []int{1, 2, 2}, 1, 10, 3, 30)}, tensor(f32, []int{1, 2, 2}, -1, -1, 1, 1)},
		{"reduce mean", graph.Reduce{Func: graph.ReduceMean, Axes: []int{1, 2}}, []graph.Tensor{image}, tensor(f32, []int{1, 1}, 2.5)},
		{"reduce max", graph.Reduce{Func: graph.ReduceMax, Axes: []int{0}}, []graph.Tensor{tensor(f32, []int{2, 3}, nan, 1, 2, 1, nan, 3)}, vector(nan, nan, 3)},
		{"reduce sum of integers wraps", graph.Reduce{Func: graph.ReduceSum, Axes: []int{0}}, []graph.Tensor{tensor(graph.Int8, []int{2}, 100, 100)}, tensor(graph.Int8, []int{}, -56)},
		{"reduce all", graph.Reduce{Func: graph.ReduceAll, Axes: []int{-1}, KeepDims: true}, []graph.Tensor{tensor(graph.Bool, []int{2, 2}, 1, 1, 1, 0)}, tensor(graph.Bool, []int{2, 1}, 1, 0)},
		{"reduce sum of nothing", graph.Reduce{Func: graph.ReduceSum, Axes: []int{0}}, []graph.Tensor{graph.NewTensor(f32, graph.Shape{0, 2})}, vector(0, 0)},
		{"arg max passes over NaN", graph.ArgReduce{Axis: 1}, []graph.Tensor{tensor(f32, []int{5, 3}, nan, 1, 2, 1, nan, 2, 3, nan, 1, nan, nan, nan, 5, 5, 4)}, tensor(i32, []int{5}, 2, 2, 0, 0, 0)},
		{"arg min", graph.ArgReduce{Axis: 0, Min: true}, []graph.Tensor{tensor(f32, []int{2, 3}, nan, 1, 2, 1, nan, 2)}, tensor(i32, []int{3}, 1, 0, 0)},
		{"cast truncates", graph.Cast{To: i32}, []graph.Tensor{vector(1.9, -1.9, 3e9, nan)}, tensor(i32, []int{4}, 1, -1, -2147483648, -2147483648)},
		{"cast to uint8 wraps", graph.Cast{To: graph.Uint8}, []graph.Tensor{vector(300, -1, inf, -1.9)}, tensor(graph.Uint8, []int{4}, 44, 255, 0, 255)},
		{"cast saturates", graph.Cast{To: graph.Uint8, Saturate: true}, []graph.Tensor{vector(300, -1, 2.5, 3.5, nan, inf)}, tensor(graph.Uint8, []int{6}, 255, 0, 2, 4, 0, 255)},
		{"cast integers saturates", graph.Cast{To: graph.Int8, Saturate: true}, []graph.Tensor{tensor(i32, []int{3}, 300, -300, 7)}, tensor(graph.Int8, []int{3}, 127, -128, 7)},
		{"cast to bool", graph.Cast{To: graph.Bool}, []graph.Tensor{vector(0, -.5, nan)}, tensor(graph.Bool, []int{3}, 0, 1, 1)},
		{"slice", graph.Slice{Ranges: []graph.Range{{Start: -1, Index: true}, {Step: -1}}}, []graph.Tensor{tensor(f32, []int{2, 3}, 1, 2, 3, 4, 5, 6)}, vector(6, 5, 4)},
		{"pad reflect", graph.Pad{Before: []int{2}, After: []int{1}, Mode: graph.FillReflect}, []graph.Tensor{vector(1, 2, 3)}, vector(3, 2, 1, 2, 3, 2)},
		{"pad symmetric", graph.Pad{Before: []int{2}, After: []int{1}, Mode: graph.FillSymmetric}, []graph.Tensor{vector(1, 2, 3)}, vector(2, 1, 1, 2, 3, 3)},
		{"pad constant", graph.Pad{Before: []int{0, 1}, After: []int{1, 0}, Mode: graph.FillConstant, Value: 9}, []graph.Tensor{tensor(f32, []int{1, 2}, 1, 2)}, tensor(f32, []int{2, 3}, 9, 1, 2, 9, 9, 9)},
		{"repeat", graph.Repeat{Axis: 0, N: 2}, []graph.Tensor{vector(1, 2)}, vector(1, 1, 2, 2)},
		{"tile", graph.Tile{Reps: []int{2}}, []graph.Tensor{vector(1, 2)}, vector(1, 2, 1, 2)},
		{"transpose", graph.Transpose{Perm: []int{1, 0}}, []graph.Tensor{tensor(f32, []int{2, 3}, 1, 2, 3, 4, 5, 6)}, tensor(f32, []int{3, 2}, 1, 4, 2, 5, 3, 6)},
		{"concat", graph.Concat{Axis: -1}, []graph.Tensor{tensor(f32, []int{2, 1}, 1, 2), tensor(f32, []int{2, 2}, 3, 4, 5, 6)}, tensor(f32, []int{2, 3}, 1, 3, 4, 2, 5, 6)},
		{"reshape like", graph.Reshape{Dims: []int{graph.LikeDim(1), 2}}, []graph.Tensor{vector(1, 2, 3, 4), tensor(f32, []int{1, 2}, 7, 8)}, tensor(f32, []int{2, 2}, 1, 2, 3, 4)},
		{"reshape", graph.Reshape{Dims: []int{graph.Infer1, 2}}, []graph.Tensor{vector(1, 2, 3, 4)}, tensor(f32, []int{2, 2}, 1, 2, 3, 4)},
		{"gather", graph.Gather{}, []graph.Tensor{tensor(f32, []int{2, 2}, 1, 2, 3, 4), tensor(i32, []int{3}, 1, 0, 1)}, tensor(f32, []int{3, 2}, 3, 4, 1, 2, 3, 4)},
		{"resize nearest", graph.Resize{ScaleH: 2, ScaleW: 1, Interpolation: "nearest"}, []graph.Tensor{image}, tensor(f32, []int{1, 4, 2, 1}, 1, 2, 1, 2, 3, 4, 3, 4)},
		{"resize bilinear", graph.Resize{Height: 1, Width: 1, Interpolation: "bilinear"}, []graph.Tensor{image}, tensor(f32, []int{1, 1, 1, 1}, 2.5)},
		{"resize pads", graph.Resize{Height: 4, Width: 4, Interpolation: "nearest", Aspect: graph.PadAspect, FillValue: 7},
			[]graph.Tensor{tensor(f32, []int{1, 4, 2, 1}, 1, 2, 3, 4, 5, 6, 7, 8)}, tensor(f32, []int{1, 4, 4, 1}, 7, 1, 2, 7, 7, 3, 4, 7, 7, 5, 6, 7, 7, 7, 8, 7)},
		{"resize crops", graph.Resize{Height: 2, Width: 2, Interpolation: "nearest", Aspect: graph.CropAspect},
			[]graph.Tensor{tensor(f32, []int{1, 4, 2, 1}, 1, 2, 3, 4, 5, 6, 7, 8)}, tensor(f32, []int{1, 2, 2, 1}, 3, 4, 5, 6)},
		{"center crop", graph.CenterCrop{Height: 1, Width: 1}, []graph.Tensor{tensor(f32, []int{1, 3, 3, 1}, 1, 2, 3, 4, 5, 6, 7, 8, 9)}, tensor(f32, []int{1, 1, 1, 1}, 5)},
		// 2 x 3 has no 4 rows: its middle column, which has the aspect ratio, is stretched.
		{"center crop too small", graph.CenterCrop{Height: 4, Width: 2}, []graph.Tensor{tensor(f32, []int{1, 2, 3, 1}, 1, 5, 2, 3, 7, 4)}, tensor(f32, []int{1, 4, 2, 1}, 5, 5, 5.5, 5.5, 6.5, 6.5, 7, 7)},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr := trial{op: c.op, in: c.in}
			equalTensors(t, c.want, tr.run(t, false))
			for i := range c.in {
				tr.fixed = append(tr.fixed, i)
			}
			equalTensors(t, c.want, tr.run(t, false))
			out := tr.spec(t).Out
			ref, err := Reference(c.op, c.in, out)
			require.NoError(t, err)
			equalTensors(t, c.want, ref[0])
		})
	}
}

// equalTensors wants equal types and elements; NaN equals itself, and -0 is 0.
func equalTensors(t *testing.T, want, got graph.Tensor) {
	t.Helper()
	require.Equal(t, want.DType, got.DType)
	require.Equal(t, []int(want.Shape), []int(got.Shape))
	for i := range want.Len() {
		w, g := want.Float(i), got.Float(i)
		require.True(t, w == g || w != w && g != g, "element %d is %v, want %v", i, g, w)
	}
}
