package step

import (
	"fmt"
	"math"
	"math/rand"
	"slices"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// trials makes random trials of every op. big asks for work of several chunks.
var trials = map[string]func(r *rand.Rand, big bool) trial{
	"Activation": func(r *rand.Rand, big bool) trial {
		return trial{op: activations(r), in: []graph.Tensor{random(r, between(r, 1, 5), size(big, 17, 70_000))}}
	},
	"AddBias": func(r *rand.Rand, big bool) trial {
		c := between(r, 1, 9)
		return trial{op: graph.AddBias{}, in: []graph.Tensor{random(r, 2, size(big, 4, 40_000), c), random(r, c)}, fixed: fixed(r, 1)}
	},
	"ArgReduce": func(r *rand.Rand, big bool) trial {
		s := shape(r, between(r, 1, 4), 5)
		return trial{op: graph.ArgReduce{Axis: r.Intn(len(s)), Min: r.Intn(2) == 0, KeepDims: r.Intn(2) == 0}, in: []graph.Tensor{random(r, scaled(s, big, 30_000)...)}}
	},
	"BatchNorm": func(r *rand.Rand, big bool) trial {
		s := scaled(shape(r, between(r, 2, 4), 6), big, 20_000)
		op := graph.BatchNorm{Axes: someAxes(r, len(s)), Epsilon: 1e-3, Scale: r.Intn(2) == 0, Center: r.Intn(2) == 0}
		if r.Intn(2) == 0 {
			op.Axes = []int{-1}
		}
		tr := trial{op: op, in: normOperands(r, s, op.Axes, op.Scale, op.Center)}
		w := dims(s, op.Axes)
		tr.in = append(tr.in, random(r, w...), positive(r, w...))
		for i := 1; i < len(tr.in) && r.Intn(4) > 0; i++ {
			tr.fixed = append(tr.fixed, i)
		}
		if r.Intn(2) == 0 {
			a := activations(r)
			tr.epi.Act = &a
		}
		// x·scale + shift, with both weights rounded.
		mean := len(tr.in) - 2
		tr.terms = 3
		tr.size = func(i int, x float64) float64 {
			if i == mean {
				return -math.Abs(x)
			}
			return math.Abs(x)
		}
		return tr
	},
	"Binary": func(r *rand.Rand, big bool) trial {
		f := graph.BinaryFuncs[r.Intn(len(graph.BinaryFuncs))]
		s := scaled(shape(r, between(r, 0, 4), 5), big, 20_000)
		a, b := slices.Clone(s), slices.Clone(s)
		for i := range s {
			switch r.Intn(4) {
			case 0:
				a[i] = 1
			case 1:
				b[i] = 1
			}
		}
		b = b[r.Intn(len(b)+1):]
		tr := trial{op: graph.Binary{Func: f}, in: []graph.Tensor{random(r, a...), random(r, b...)}}
		switch f {
		case graph.LogicalAnd, graph.LogicalOr, graph.LogicalXor:
			tr.in = []graph.Tensor{integers(r, graph.Bool, 0, 2, a...), integers(r, graph.Bool, 0, 2, b...)}
		case graph.FloorDiv, graph.Mod, graph.Equal, graph.NotEqual, graph.LessEqual:
			tr.in = []graph.Tensor{integers(r, graph.Float32, -9, 10, a...), integers(r, graph.Float32, 1, 5, b...)}
		case graph.Pow, graph.Div:
			tr.in = []graph.Tensor{positive(r, a...), positive(r, b...)}
		case graph.Add:
			if r.Intn(2) == 0 {
				act := activations(r)
				tr.epi.Act = &act
			}
		}
		if r.Intn(2) == 0 {
			tr.in[0], tr.in[1] = tr.in[1], tr.in[0]
		}
		tr.fixed = fixed(r, 1)
		return tr
	},
	"Cast": func(r *rand.Rand, big bool) trial {
		return trial{op: graph.Cast{To: graph.Float32}, in: []graph.Tensor{integers(r, pick(r, graph.Uint8, graph.Int32, graph.Bool, graph.Float32), 0, 200, 3, size(big, 5, 20_000))}}
	},
	"CenterCrop": func(r *rand.Rand, big bool) trial {
		n := size(big, 12, 150)
		return trial{op: graph.CenterCrop{Height: between(r, 1, n), Width: between(r, 1, n)}, in: []graph.Tensor{random(r, 2, between(r, 1, n), between(r, 1, n), 3)}}
	},
	"Concat": func(r *rand.Rand, big bool) trial {
		s := scaled(shape(r, between(r, 1, 4), 5), big, 100_000)
		ax := r.Intn(len(s))
		tr := trial{op: graph.Concat{Axis: ax}}
		for range between(r, 1, 4) {
			t := slices.Clone(s)
			t[ax] = between(r, 0, 5)
			tr.in = append(tr.in, random(r, t...))
		}
		return tr
	},
	"Conv":          convTrial,
	"ConvTranspose": transposedTrial,
	"DepthwiseConv": depthwiseTrial,
	"Gather": func(r *rand.Rand, big bool) trial {
		n := between(r, 1, 9)
		d := pick(r, graph.Int32, graph.Int64, graph.Uint8, graph.Int8, graph.Int16, graph.Uint16, graph.Uint32, graph.Uint64)
		return trial{op: graph.Gather{}, in: []graph.Tensor{random(r, append([]int{n}, shape(r, r.Intn(3), 4)...)...), integers(r, d, 0, n, 2, size(big, 4, 5000))}, fixed: fixed(r, 0)}
	},
	"Equalize": func(r *rand.Rand, big bool) trial {
		h, w := between(r, 1, 9), between(r, 1, 9)
		op := graph.Equalize{GridH: between(r, 1, h), GridW: between(r, 1, w), ClipLimit: pick(r, 0, 1, 4.5, 40)}
		x := positive(r, size(big, 2, 400), h, w, between(r, 1, 3))
		for i := range x.Len() {
			x.SetFloat(i, 300*math.Mod(x.Float(i), 1)-20)
		}
		return trial{op: op, in: []graph.Tensor{x}, terms: 256}
	},
	"Hash": func(r *rand.Rand, big bool) trial {
		op := graph.Hash{Bins: between(r, 1, 99), Strong: r.Intn(2) == 0, Key: [2]uint64{r.Uint64(), r.Uint64()}}
		return trial{op: op, in: []graph.Tensor{texts(r, pick(r, graph.String, graph.Int64, graph.Uint8), 3, size(big, 5, 20_000))}}
	},
	"CrossHash": func(r *rand.Rand, big bool) trial {
		tr := trial{op: graph.CrossHash{Bins: between(r, 1, 99)}, fixed: fixed(r, 0)}
		n := size(big, 5, 20_000)
		for range between(r, 1, 4) {
			tr.in = append(tr.in, texts(r, pick(r, graph.String, graph.Int64, graph.Int32), 2, n))
		}
		return tr
	},
	"Lookup": func(r *rand.Rand, big bool) trial {
		d := pick(r, graph.String, graph.Int64)
		vocabulary := graph.NewTensor(d, graph.Shape{9})
		for i := range 9 {
			if d == graph.String {
				vocabulary.Data.([]string)[i] = fmt.Sprint("word", 9-i)
			} else {
				vocabulary.SetFloat(i, float64(9-i))
			}
		}
		return trial{op: graph.Lookup{}, in: []graph.Tensor{texts(r, d, 3, size(big, 5, 20_000)), vocabulary}, fixed: []int{1}}
	},
	"GroupNorm": func(r *rand.Rand, big bool) trial {
		g := between(r, 1, 3)
		c := g * between(r, 1, 3)
		op := graph.GroupNorm{Groups: g, Epsilon: 1e-3, Scale: r.Intn(2) == 0, Center: r.Intn(2) == 0}
		s := append(shape(r, between(r, 1, 3), 4), c)
		s[0] = size(big, 3, 3000)
		return trial{op: op, in: normOperands(r, s, []int{-1}, op.Scale, op.Center)}
	},
	"LayerNorm": func(r *rand.Rand, big bool) trial {
		s := scaled(shape(r, between(r, 2, 4), 6), big, 4000)
		op := graph.LayerNorm{Axes: someAxes(r, len(s)), Epsilon: 1e-3, Kind: pick(r, graph.NormMean, graph.NormRMS, graph.NormRMSScaling), Scale: r.Intn(2) == 0, Center: r.Intn(2) == 0}
		if r.Intn(2) == 0 {
			op.Axes = []int{-1}
		}
		return trial{op: op, in: normOperands(r, s, op.Axes, op.Scale, op.Center), fixed: fixed(r, 0)}
	},
	"GRU":       gruTrial,
	"ConvLSTM":  convLSTMTrial,
	"LSTM":      lstmTrial,
	"MatMul":    matmulTrial,
	"SimpleRNN": simpleRNNTrial,
	"PReLU": func(r *rand.Rand, big bool) trial {
		s := scaled(shape(r, between(r, 1, 4), 5), big, 50_000)
		a := slices.Clone(s)
		for i := range a {
			if r.Intn(2) == 0 {
				a[i] = 1
			}
		}
		return trial{op: graph.PReLU{}, in: []graph.Tensor{random(r, s...), random(r, a[r.Intn(len(a)+1):]...)}, fixed: fixed(r, 1)}
	},
	"MaxPoolGrad": func(r *rand.Rand, big bool) trial {
		rank := between(r, 1, 3)
		s := append(append([]int{between(r, 1, 3)}, shape(r, rank, 6)...), between(r, 1, 70))
		if big {
			s[0], s[1] = 9, 300
		}
		size, strides, _ := window(r, s[1:1+rank], []int{1, 1, 1}[:rank])
		op := graph.MaxPoolGrad{Size: size, Strides: strides, Padding: padding(r, rank, size), All: r.Intn(2) == 0}
		x := integers(r, graph.Float32, 0, 4, s...) // many are equal
		y, err := graph.Pool{Kind: graph.MaxPool, Size: size, Strides: strides, Padding: op.Padding}.Infer([]graph.Type{{DType: x.DType, Shape: x.Shape}})
		if err != nil {
			panic(err)
		}
		return trial{op: op, in: []graph.Tensor{x, random(r, y[0].Shape...)}, terms: product1(size)}
	},
	"Pad": func(r *rand.Rand, big bool) trial {
		s := scaled(shape(r, between(r, 1, 3), 5), big, 15_000)
		op := graph.Pad{Mode: pick(r, graph.FillConstant, graph.FillReflect, graph.FillSymmetric), Value: 2.5}
		for _, n := range s {
			most := 3
			if op.Mode == graph.FillReflect {
				most = min(3, n-1)
			} else if op.Mode == graph.FillSymmetric {
				most = min(3, n)
			}
			op.Before, op.After = append(op.Before, r.Intn(most+1)), append(op.After, r.Intn(most+1))
		}
		return trial{op: op, in: []graph.Tensor{random(r, s...)}}
	},
	"Pool": func(r *rand.Rand, big bool) trial {
		rank := between(r, 1, 3)
		s := append(append([]int{2}, shape(r, rank, 6)...), between(r, 1, 5))
		if big {
			s[1] = 4000
		}
		ones := []int{1, 1, 1}[:rank]
		size, strides, _ := window(r, s[1:1+rank], ones)
		return trial{op: graph.Pool{Kind: pick(r, graph.MaxPool, graph.AveragePool), Size: size, Strides: strides, Padding: padding(r, rank, size)}, in: []graph.Tensor{random(r, s...)}}
	},
	"Reduce": func(r *rand.Rand, big bool) trial {
		s := scaled(shape(r, between(r, 1, 4), 5), big, 30_000)
		f := graph.ReduceFuncs[r.Intn(len(graph.ReduceFuncs))]
		x := random(r, s...)
		switch f {
		case graph.ReduceAll, graph.ReduceAny:
			x = integers(r, graph.Bool, 0, 2, s...)
		case graph.ReduceProd:
			x = integers(r, graph.Float32, 1, 2, s...)
		}
		return trial{op: graph.Reduce{Func: f, Axes: someAxes(r, len(s)), KeepDims: r.Intn(2) == 0}, in: []graph.Tensor{x}}
	},
	"Repeat": func(r *rand.Rand, big bool) trial {
		s := scaled(shape(r, between(r, 1, 4), 5), big, 60_000)
		return trial{op: graph.Repeat{Axis: r.Intn(len(s)), N: between(r, 1, 4)}, in: []graph.Tensor{random(r, s...)}}
	},
	"Reshape": func(r *rand.Rand, big bool) trial {
		return trial{op: graph.Reshape{Dims: []int{3, graph.Infer1, 2}}, in: []graph.Tensor{random(r, 2, size(big, 3, 300_000), 3)}}
	},
	"Resize": func(r *rand.Rand, big bool) trial {
		n := size(big, 9, 60)
		op := graph.Resize{Height: between(r, 1, n), Width: between(r, 1, n), Interpolation: pick(r, graph.Interpolations...), Antialias: r.Intn(2) == 0,
			Aspect: pick(r, graph.Stretch, graph.CropAspect, graph.PadAspect), FillValue: 3}
		x := random(r, 2, between(r, 1, n), between(r, 1, n), 3)
		x.SetFloat(0, 3) // no less than the fill
		// Weights sum to 1 and, with the negative lobes of lanczos5, to less than 1.5 by absolute value.
		taps := 11 * (max(x.Shape[1]/op.Height, x.Shape[2]/op.Width) + 2)
		return trial{op: op, in: []graph.Tensor{x}, terms: 2 * taps, gain: 1.5 * 1.5}
	},
	"Slice": func(r *rand.Rand, big bool) trial {
		s := scaled(shape(r, between(r, 1, 4), 6), big, 100_000)
		op := graph.Slice{}
		for _, n := range s[:between(r, 1, len(s))] {
			g := graph.Range{Start: between(r, -n, n-1), Stop: between(r, -n-1, n+1), Step: pick(r, -2, -1, 1, 1, 2), HasStart: r.Intn(2) == 0, HasStop: r.Intn(3) == 0, Index: r.Intn(4) == 0}
			op.Ranges = append(op.Ranges, g)
		}
		return trial{op: op, in: []graph.Tensor{random(r, s...)}}
	},
	"Softmax": func(r *rand.Rand, big bool) trial {
		s := scaled(shape(r, between(r, 1, 4), 6), big, 3000)
		return trial{op: graph.Softmax{Axes: someAxes(r, len(s)), Log: r.Intn(2) == 0}, in: []graph.Tensor{random(r, s...)}}
	},
	"Sparsemax": func(r *rand.Rand, big bool) trial {
		return trial{op: graph.Sparsemax{}, in: []graph.Tensor{random(r, size(big, 3, 3000), between(r, 1, 4))}}
	},
	"Tile": func(r *rand.Rand, big bool) trial {
		s := scaled(shape(r, between(r, 1, 4), 4), big, 5_000)
		return trial{op: graph.Tile{Reps: shape(r, len(s), 3)}, in: []graph.Tensor{random(r, s...)}}
	},
	"Tokens": func(r *rand.Rand, big bool) trial {
		op := graph.Tokens{Lower: r.Intn(2) == 0, Strip: r.Intn(2) == 0, Split: graph.TextSplits[r.Intn(3)], Size: between(r, 6, 12), Count: r.Intn(2) == 0}
		if r.Intn(2) == 0 {
			op.NGrams = shape(r, between(r, 1, 3), 3)
		}
		s := []int{2, size(big, 5, 5000)}
		if op.Split == graph.NoSplit {
			s = append(s, between(r, 1, 4))
		}
		x := graph.NewTensor(graph.String, s)
		for i := range x.Data.([]string) {
			text := ""
			for range between(r, 0, 6) {
				text += pick(r, "a", "B", "b,", "\u00e9", " ", "  \t", "!", "ab", "\xe6\x97", "\n")
			}
			x.Data.([]string)[i] = text
		}
		vocabulary := graph.Tensor{DType: graph.String, Shape: graph.Shape{5}, Data: []string{"a", "\u00e9", "a b", "b", "\ufffd"}}
		return trial{op: op, in: []graph.Tensor{x, vocabulary}, fixed: fixed(r, 1)}
	},
	"Transpose": func(r *rand.Rand, big bool) trial {
		s := shape(r, between(r, 1, 4), 40)
		if !big {
			s = shape(r, between(r, 1, 4), 5)
		} else {
			s[0] = 100
		}
		return trial{op: graph.Transpose{Perm: r.Perm(len(s))}, in: []graph.Tensor{random(r, s...)}}
	},
	"Unary": func(r *rand.Rand, big bool) trial {
		f := graph.UnaryFuncs[r.Intn(len(graph.UnaryFuncs))]
		n := size(big, 20, 40_000)
		x := positive(r, n)
		switch f {
		case graph.LogicalNot:
			x = integers(r, graph.Bool, 0, 2, n)
		case graph.IsNaN, graph.IsInf, graph.IsFinite:
			x = random(r, n)
			x.SetFloat(0, math.NaN())
			x.SetFloat(1, math.Inf(1))
		case graph.Acosh: // from 1 on, and not close to it, where it is steep
			x = positive(r, n)
			for i := range n {
				x.SetFloat(i, 1.5+x.Float(i))
			}
		case graph.Asin, graph.Acos, graph.Atanh, graph.Tan:
			for i := range n {
				x.SetFloat(i, x.Float(i)/3)
			}
		case graph.Sin, graph.Cos, graph.Neg, graph.Abs, graph.Sign, graph.Square, graph.Exp, graph.Erf, graph.Floor, graph.Ceil, graph.Round, graph.Float8:
			x = random(r, n)
		}
		return trial{op: graph.Unary{Func: f}, in: []graph.Tensor{x}}
	},
	"Band": func(r *rand.Rand, big bool) trial {
		return trial{op: graph.Band{Below: between(r, -1, 4), Above: between(r, -1, 4)}, in: []graph.Tensor{random(r, scaled(shape(r, between(r, 2, 4), 5), big, 60_000)...)}}
	},
	"Where": func(r *rand.Rand, big bool) trial {
		s := scaled(shape(r, between(r, 1, 3), 5), big, 60_000)
		var in [3][]int
		for k := range in {
			in[k] = slices.Clone(s)
			for i := range s {
				if r.Intn(3) == 0 {
					in[k][i] = 1
				}
			}
		}
		return trial{op: graph.Where{}, in: []graph.Tensor{integers(r, graph.Bool, 0, 2, in[0]...), random(r, in[1]...), random(r, in[2]...)}, fixed: fixed(r, 2)}
	},
}

// texts returns words or the numbers from 0 to 29.
func texts(r *rand.Rand, d graph.DType, shape ...int) graph.Tensor {
	if d != graph.String {
		return integers(r, d, 0, 30, shape...)
	}
	t := graph.NewTensor(d, shape)
	for i := range t.Data.([]string) {
		t.Data.([]string)[i] = fmt.Sprint("word", r.Intn(30))
	}
	return t
}

func size(big bool, small, large int) int {
	if big {
		return large
	}
	return small
}

// scaled makes one dimension of s large.
func scaled(s []int, big bool, n int) []int {
	if big && len(s) > 0 {
		s[len(s)/2] = n
	}
	return s
}

// fixed makes operand i a constant, half of the time.
func fixed(r *rand.Rand, i int) []int {
	if r.Intn(2) == 0 {
		return nil
	}
	return []int{i}
}

func someAxes(r *rand.Rand, rank int) []int { return r.Perm(rank)[:between(r, 1, rank)] }

// dims are the dimensions of axes, in ascending order.
func dims(s, axes []int) []int {
	ax, _ := graph.Axes(axes, len(s))
	var d []int
	for _, a := range ax {
		d = append(d, s[a])
	}
	return d
}

func normOperands(r *rand.Rand, s, axes []int, scale, center bool) []graph.Tensor {
	in := []graph.Tensor{random(r, s...)}
	for _, has := range []bool{scale, center} {
		if has {
			in = append(in, random(r, dims(s, axes)...))
		}
	}
	return in
}

// activations picks an activation with parameters.
func activations(r *rand.Rand) graph.Activation {
	a := graph.Activation{Func: graph.ActivationFuncs[r.Intn(len(graph.ActivationFuncs))]}
	switch a.Func {
	case graph.ReLU:
		a.A, a.B, a.C = pick(r, 0, 0.25), pick(r, 6, math.Inf(1), 1), pick(r, 0, 0, 0.5)
	case graph.HardSigmoid:
		a.A, a.B = pick(r, 1.0/6, 0.2, 0.3), 0.5
	case graph.Threshold, graph.Clip:
		a.A, a.B = -0.5, 0.75
	default:
		a.A = 0.5
	}
	if !continuous(a) {
		a = graph.Activation{Func: graph.SiLU}
	}
	return a
}

// continuous reports whether rounding before a moves its result little.
func continuous(a graph.Activation) bool {
	return a.Func != graph.HardShrink && a.Func != graph.Threshold && (a.Func != graph.ReLU || a.C == 0)
}

// epilogue gives tr a random epilogue for a result of shape y.
func (tr *trial) epilogue(r *rand.Rand, y []int) {
	if r.Intn(2) == 0 {
		tr.epi.Bias = true
		tr.in = append(tr.in, random(r, y[len(y)-1]))
		tr.fixed = append(tr.fixed, len(tr.in)-1)
	}
	if r.Intn(2) == 0 {
		tr.epi.Residual = true
		tr.in = append(tr.in, random(r, y...))
	}
	if r.Intn(2) == 0 {
		a := activations(r)
		tr.epi.Act = &a
	}
}
