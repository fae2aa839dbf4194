package grad

import (
	"math"
	"math/rand"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// A trial is an op with operands in float64 and those of them to differentiate by.
type trial struct {
	op graph.Op
	in []graph.Tensor
	to []int
}

func between(r *rand.Rand, lo, hi int) int { return lo + r.Intn(hi-lo+1) }

func pick[T any](r *rand.Rand, of ...T) T { return of[r.Intn(len(of))] }

func flip(r *rand.Rand) bool { return r.Intn(2) == 0 }

func shape(r *rand.Rand, rank, most int) graph.Shape {
	s := make(graph.Shape, rank)
	for i := range s {
		s[i] = between(r, 1, most)
	}
	return s
}

// activations are those with the parameters that Keras gives them.
func activations(r *rand.Rand) graph.Activation {
	a := graph.Activation{Func: pick(r, graph.ActivationFuncs...), B: math.Inf(1)}
	switch a.Func {
	case graph.ReLU:
		a.A, a.B, a.C = pick(r, 0, 0.3), pick(r, math.Inf(1), 6, 0.9), pick(r, 0, 0, 0.4, -0.5)
	case graph.ELU, graph.CELU:
		a.A = 0.7
	case graph.HardSigmoid:
		a.A, a.B = pick(r, 0.2, 1./6), 0.5
	case graph.Clip:
		a.A, a.B = -0.4, 0.8
	case graph.Squareplus:
		a.A = 4
	default:
		a.A, a.B = 0.5, 0.1
	}
	return a
}

// domain is where a function has a derivative and is not too steep.
func domain(f graph.UnaryFunc) (lo, hi float64) {
	switch f {
	case graph.Sqrt, graph.Rsqrt, graph.Reciprocal, graph.Log, graph.Log1p, graph.Log2, graph.Log10:
		return 0.3, 3
	case graph.Asin, graph.Acos, graph.Atanh, graph.Tan:
		return -0.8, 0.8
	case graph.Acosh:
		return 1.3, 3
	}
	return -2, 2
}

// windowOf picks a window, its strides and dilation for axes of the given cells.
func windowOf(r *rand.Rand, cells []int, dilated bool) window {
	w := window{}
	for _, n := range cells {
		d := 1
		if dilated {
			d = between(r, 1, 2)
		}
		w.size, w.strides, w.dilation = append(w.size, between(r, 1, min(4, (n-1)/d+1))), append(w.strides, between(r, 1, 3)), append(w.dilation, d)
	}
	w.padding.Mode = pick(r, graph.Valid, graph.Same, graph.Causal, graph.Explicit)
	if w.padding.Mode == graph.Causal && len(cells) > 1 {
		w.padding.Mode = graph.Same
	}
	if w.padding.Mode == graph.Explicit {
		for range cells {
			w.padding.Before, w.padding.After = append(w.padding.Before, r.Intn(5)), append(w.padding.After, r.Intn(5))
		}
	}
	return w
}

// images are the shape of some: batch and cells along up to three axes.
func images(r *rand.Rand, more ...int) graph.Shape {
	return append(append(graph.Shape{between(r, 1, 2)}, shape(r, between(r, 1, 3), 6)...), more...)
}

// norm appends the weights of a normalization.
func norm(r *rand.Rand, in []graph.Tensor, scale, center bool, s ...int) []graph.Tensor {
	if scale {
		in = append(in, random(r, s...))
	}
	if center {
		in = append(in, random(r, s...))
	}
	return in
}

func dims(s graph.Shape, axes []int) []int {
	var d []int
	for _, a := range axes {
		d = append(d, s[a])
	}
	return d
}

// someAxes picks at least one axis of rank, in order.
func someAxes(r *rand.Rand, rank int) []int {
	axes := []int{r.Intn(rank)}
	for i := axes[0] + 1; i < rank; i++ {
		if flip(r) {
			axes = append(axes, i)
		}
	}
	return axes
}

// stretched are two shapes that broadcast to each other.
func stretched(r *rand.Rand) (a, b graph.Shape) {
	a = shape(r, r.Intn(4), 4)
	b = a.Clone()
	for i := range a {
		switch r.Intn(4) {
		case 0:
			a[i] = 1
		case 1:
			b[i] = 1
		}
	}
	b = b[r.Intn(len(b)+1):]
	if flip(r) {
		a, b = b, a
	}
	return a, b
}

var trials = map[string]func(r *rand.Rand) trial{
	"Activation": func(r *rand.Rand) trial {
		return trial{activations(r), []graph.Tensor{inside(r, -4, 4, shape(r, between(r, 1, 3), 5)...)}, []int{0}}
	},
	"AddBias": func(r *rand.Rand) trial {
		s := shape(r, between(r, 1, 3), 4)
		return trial{graph.AddBias{}, []graph.Tensor{random(r, s...), random(r, s[len(s)-1])}, []int{0, 1}}
	},
	"BatchNorm": func(r *rand.Rand) trial {
		s := shape(r, between(r, 2, 4), 4)
		op := graph.BatchNorm{Axes: someAxes(r, len(s)), Epsilon: 0.01, Scale: flip(r), Center: flip(r)}
		w := dims(s, op.Axes)
		in := norm(r, []graph.Tensor{random(r, s...)}, op.Scale, op.Center, w...)
		return trial{op, append(in, random(r, w...), inside(r, 0.5, 2, w...)), []int{0}}
	},
	"Binary": func(r *rand.Rand) trial {
		f := pick(r, graph.Add, graph.Sub, graph.Mul, graph.Div, graph.Maximum, graph.Minimum, graph.Pow, graph.Mod, graph.Atan2)
		a, b := stretched(r)
		tr := trial{graph.Binary{Func: f}, []graph.Tensor{random(r, a...), random(r, b...)}, []int{0, 1}}
		switch f {
		case graph.Pow, graph.Div, graph.Mod:
			tr.in = []graph.Tensor{inside(r, 0.4, 2, a...), inside(r, 0.5, 2, b...)}
		}
		return tr
	},
	"Cast": func(r *rand.Rand) trial {
		return trial{graph.Cast{To: graph.Float64}, []graph.Tensor{random(r, 2, 3)}, []int{0}}
	},
	"CenterCrop": func(r *rand.Rand) trial {
		op := graph.CenterCrop{Height: between(r, 1, 8), Width: between(r, 1, 8)}
		return trial{op, []graph.Tensor{random(r, 2, between(r, 1, 8), between(r, 1, 8), 2)}, []int{0}}
	},
	"Concat": func(r *rand.Rand) trial {
		s := shape(r, between(r, 1, 4), 4)
		axis := r.Intn(len(s))
		tr := trial{op: graph.Concat{Axis: axis - pick(r, 0, len(s))}}
		for i := range between(r, 1, 4) {
			s[axis] = between(r, 1, 4)
			tr.in, tr.to = append(tr.in, random(r, s...)), append(tr.to, i)
		}
		return tr
	},
	"Conv": func(r *rand.Rand) trial {
		groups := between(r, 1, 3)
		cin, filters := between(r, 1, 2), between(r, 1, 2)*groups
		s := images(r, cin*groups)
		w := windowOf(r, s[1:len(s)-1], true)
		op := graph.Conv{Strides: w.strides, Dilation: w.dilation, Groups: groups, Padding: w.padding}
		return trial{op, []graph.Tensor{random(r, s...), random(r, append(w.size, cin, filters)...)}, []int{0}}
	},
	"ConvTranspose": func(r *rand.Rand) trial {
		cin, filters := between(r, 1, 3), between(r, 1, 3)
		s := images(r, cin)
		w := windowOf(r, []int{5, 5, 5}[:len(s)-2], true)
		op := graph.ConvTranspose{Strides: w.strides, Dilation: w.dilation, Padding: graph.Padding{Mode: pick(r, graph.Same, graph.Valid)}}
		in := []graph.Tensor{random(r, s...), random(r, append(w.size, filters, cin)...)}
		if flip(r) {
			for _, n := range w.strides {
				op.OutputPadding = append(op.OutputPadding, r.Intn(n))
			}
			if _, err := op.Infer([]graph.Type{{DType: graph.Float64, Shape: in[0].Shape}, {DType: graph.Float64, Shape: in[1].Shape}}); err != nil {
				op.OutputPadding = nil // leaves no cell
			}
		}
		return trial{op, in, []int{0}}
	},
	"DepthwiseConv": func(r *rand.Rand) trial {
		s := images(r, between(r, 1, 3))
		w := windowOf(r, s[1:len(s)-1], true)
		op := graph.DepthwiseConv{Strides: w.strides, Dilation: w.dilation, Padding: w.padding}
		return trial{op, []graph.Tensor{random(r, s...), random(r, append(w.size, s[len(s)-1], between(r, 1, 3))...)}, []int{0}}
	},
	"GroupNorm": func(r *rand.Rand) trial {
		op := graph.GroupNorm{Groups: between(r, 1, 3), Epsilon: 0.01, Scale: flip(r), Center: flip(r)}
		c := op.Groups * between(r, 1, 3)
		return trial{op, norm(r, []graph.Tensor{random(r, images(r, c)...)}, op.Scale, op.Center, c), []int{0}}
	},
	"LayerNorm": func(r *rand.Rand) trial {
		s := shape(r, between(r, 1, 4), 4)
		kind := pick(r, graph.NormMean, graph.NormRMS, graph.NormRMSScaling)
		op := graph.LayerNorm{Axes: someAxes(r, len(s)), Epsilon: 0.1, Kind: kind, Scale: flip(r), Center: flip(r)}
		return trial{op, norm(r, []graph.Tensor{random(r, s...)}, op.Scale, op.Center, dims(s, op.Axes)...), []int{0}}
	},
	"MatMul": func(r *rand.Rand) trial {
		m, k, n := between(r, 1, 4), between(r, 1, 4), between(r, 1, 4)
		a, b := stretched(r)
		x, w := append(a, m, k), append(b, k, n)
		if flip(r) { // a matrix, and an operand of any rank
			w = graph.Shape{k, n}
			x = x[r.Intn(len(x)):]
		}
		return trial{graph.MatMul{}, []graph.Tensor{random(r, x...), random(r, w...)}, []int{0, 1}}
	},
	"Pad": func(r *rand.Rand) trial {
		s := shape(r, between(r, 1, 4), 4)
		op := graph.Pad{Mode: pick(r, graph.FillConstant, graph.FillReflect, graph.FillSymmetric), Value: 1}
		for _, n := range s {
			most := map[graph.PadFill]int{graph.FillConstant: 3, graph.FillReflect: n - 1, graph.FillSymmetric: n}[op.Mode]
			op.Before, op.After = append(op.Before, r.Intn(most+1)), append(op.After, r.Intn(most+1))
		}
		return trial{op, []graph.Tensor{random(r, s...)}, []int{0}}
	},
	"Pool": func(r *rand.Rand) trial {
		s := images(r, between(r, 1, 3))
		w := windowOf(r, s[1:len(s)-1], false)
		kind := pick(r, graph.MaxPool, graph.AveragePool)
		if kind == graph.MaxPool && w.padding.Mode == graph.Explicit { // a window of padding alone is -Inf
			w.padding = graph.Padding{Mode: graph.Valid}
		}
		return trial{graph.Pool{Kind: kind, Size: w.size, Strides: w.strides, Padding: w.padding}, []graph.Tensor{random(r, s...)}, []int{0}}
	},
	"PReLU": func(r *rand.Rand) trial {
		s := shape(r, between(r, 1, 4), 4)
		alpha := s.Clone()
		for i := range alpha {
			if flip(r) {
				alpha[i] = 1
			}
		}
		return trial{graph.PReLU{}, []graph.Tensor{random(r, s...), random(r, alpha[r.Intn(len(alpha)):]...)}, []int{0, 1}}
	},
	"Reduce": func(r *rand.Rand) trial {
		s := shape(r, between(r, 1, 4), 4)
		op := graph.Reduce{Func: pick(r, graph.ReduceSum, graph.ReduceMean, graph.ReduceMax, graph.ReduceMin), Axes: someAxes(r, len(s)), KeepDims: flip(r)}
		if flip(r) {
			op.Axes[0] -= len(s)
		}
		return trial{op, []graph.Tensor{random(r, s...)}, []int{0}}
	},
	"Repeat": func(r *rand.Rand) trial {
		s := shape(r, between(r, 1, 4), 4)
		return trial{graph.Repeat{Axis: r.Intn(len(s)) - pick(r, 0, len(s)), N: between(r, 1, 3)}, []graph.Tensor{random(r, s...)}, []int{0}}
	},
	"Reshape": func(r *rand.Rand) trial {
		return trial{graph.Reshape{Dims: []int{graph.LikeDim(0), graph.Infer1, graph.KeepDim(1)}},
			[]graph.Tensor{random(r, 6, 5), random(r, pick(r, 2, 3, 6))}, []int{0}}
	},
	"Resize": func(r *rand.Rand) trial {
		op := graph.Resize{Height: between(r, 1, 8), Width: between(r, 1, 8), Interpolation: pick(r, graph.Interpolations...), Antialias: flip(r),
			Aspect: pick(r, graph.Stretch, graph.CropAspect, graph.PadAspect), FillValue: 0.5}
		if flip(r) {
			op.Height, op.Width, op.ScaleH, op.ScaleW = 0, 0, between(r, 1, 3), between(r, 1, 3)
		}
		return trial{op, []graph.Tensor{random(r, 2, between(r, 1, 8), between(r, 1, 8), 2)}, []int{0}}
	},
	"Slice": func(r *rand.Rand) trial {
		s := shape(r, between(r, 1, 4), 6)
		op := graph.Slice{}
		for _, n := range s[r.Intn(len(s)):] {
			g := graph.Range{Start: between(r, -n-1, n), Stop: between(r, -n-1, n+1), Step: pick(r, 1, 2, 3, -1, -2), HasStart: flip(r), HasStop: flip(r)}
			if r.Intn(4) == 0 {
				g = graph.Range{Index: true, Start: between(r, -1, 0)}
			}
			op.Ranges = append(op.Ranges, g)
		}
		return trial{op, []graph.Tensor{random(r, s...)}, []int{0}}
	},
	"Softmax": func(r *rand.Rand) trial {
		s := shape(r, between(r, 1, 4), 4)
		return trial{graph.Softmax{Axes: someAxes(r, len(s)), Log: flip(r)}, []graph.Tensor{random(r, s...)}, []int{0}}
	},
	"Tile": func(r *rand.Rand) trial {
		s := shape(r, between(r, 1, 4), 4)
		return trial{graph.Tile{Reps: shape(r, len(s), 3)}, []graph.Tensor{random(r, s...)}, []int{0}}
	},
	"Transpose": func(r *rand.Rand) trial {
		s := shape(r, between(r, 1, 4), 4)
		return trial{graph.Transpose{Perm: r.Perm(len(s))}, []graph.Tensor{random(r, s...)}, []int{0}}
	},
	"Unary": func(r *rand.Rand) trial {
		for {
			u := graph.Unary{Func: pick(r, graph.UnaryFuncs...)}
			if !stepwise(u) && refusal(u) == "" {
				lo, hi := domain(u.Func)
				return trial{u, []graph.Tensor{inside(r, lo, hi, shape(r, between(r, 1, 3), 4)...)}, []int{0}}
			}
		}
	},
	"Where": func(r *rand.Rand) trial {
		a, b := stretched(r)
		cond := graph.NewTensor(graph.Bool, a)
		for i := range cond.Len() {
			cond.SetFloat(i, float64(r.Intn(2)))
		}
		return trial{graph.Where{}, []graph.Tensor{cond, random(r, a...), random(r, b...)}, []int{1, 2}}
	},
}
