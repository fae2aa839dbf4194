package operation

import (
	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// reduceOps are the operations that combine elements along axes.
var reduceOps = map[string]row{
	"Sum":       {"x", reduction(graph.ReduceSum)},
	"Prod":      {"x", reduction(graph.ReduceProd)},
	"Mean":      {"x", reduction(graph.ReduceMean)},
	"Max":       {"x", reduction(graph.ReduceMax)},
	"Amax":      {"x", reduction(graph.ReduceMax)},
	"Min":       {"x", reduction(graph.ReduceMin)},
	"Amin":      {"x", reduction(graph.ReduceMin)},
	"All":       {"x", reduction(graph.ReduceAll)},
	"Any":       {"x", reduction(graph.ReduceAny)},
	"Average":   {"x weights", average},
	"Var":       {"x", variance(false)},
	"Std":       {"x", variance(true)},
	"Logsumexp": {"x", logSumExp},
	"Argmax":    {"x", argReduce(false)},
	"Argmin":    {"x", argReduce(true)},
	"Norm":      {"x", norm},
}

// reduce combines the elements of x along axes; none leaves x as it is.
func (o *call) reduce(f graph.ReduceFunc, x graph.Value, axes []int, keep bool) graph.Value {
	if len(axes) == 0 {
		return x
	}
	return o.Apply(graph.Reduce{Func: f, Axes: axes, KeepDims: keep}, x)
}

// reduction converts as Keras does: sums of small integers are wider, means of integers float32.
func reduction(f graph.ReduceFunc) func(*call) []graph.Value {
	return func(o *call) []graph.Value {
		x := o.tensor("x")
		axes, keep := o.axes("axis", x.Rank()), o.bool("keepdims", false)
		if o.rule == tfRule {
			return o.one(o.reduce(f, x, axes, keep))
		}
		switch f {
		case graph.ReduceAll, graph.ReduceAny:
			x = o.Cast(x, graph.Bool)
		case graph.ReduceMean:
			x = o.float32ed(x)
		case graph.ReduceMax, graph.ReduceMin:
			if x.DType == graph.Bool {
				g := graph.ReduceAny
				if f == graph.ReduceMin {
					g = graph.ReduceAll
				}
				return o.one(o.reduce(g, x, axes, keep))
			}
		default:
			if d, ok := o.dtypeArg("dtype"); ok {
				x = o.Cast(x, d)
			} else {
				x = o.widened(x)
			}
		}
		return o.one(o.reduce(f, x, axes, keep))
	}
}

// widened returns x in the type that Keras sums it in.
func (o *call) widened(x graph.Value) graph.Value {
	switch x.DType {
	case graph.Bool, graph.Int8, graph.Int16:
		return o.Cast(x, graph.Int32)
	case graph.Uint8, graph.Uint16:
		return o.Cast(x, graph.Uint32)
	}
	return x
}

func average(o *call) []graph.Value {
	if a := o.arg("weights"); a != nil {
		o.bad("weights", a)
		return nil
	}
	x := o.float32ed(o.tensor("x"))
	return o.one(o.reduce(graph.ReduceMean, x, o.axes("axis", x.Rank()), false))
}

// variance is mean((x - mean(x))²), or its root.
func variance(root bool) func(*call) []graph.Value {
	return func(o *call) []graph.Value {
		x := o.tensor("x")
		d := x.DType
		if !d.Floating() {
			d = graph.Float32
		}
		axes, keep := o.axes("axis", x.Rank()), o.bool("keepdims", false)
		if d == graph.Float16 || d == graph.BFloat16 { // Keras calculates in float32
			x = o.Cast(x, graph.Float32)
		} else {
			x = o.Cast(x, d)
		}
		c := o.bin(graph.Sub, x, o.reduce(graph.ReduceMean, x, axes, true))
		v := o.reduce(graph.ReduceMean, o.Apply(graph.Unary{Func: graph.Square}, c), axes, keep)
		if root {
			v = o.Apply(graph.Unary{Func: graph.Sqrt}, v)
		}
		return o.one(o.Cast(v, d))
	}
}

// logSumExp is max + log(sum(exp(x - max))). Where the maximum is infinite,
// TensorFlow takes 0 instead.
func logSumExp(o *call) []graph.Value {
	x := o.float32ed(o.tensor("x"))
	axes, keep := o.axes("axis", x.Rank()), o.bool("keepdims", false)
	zero := o.Scalar(x.DType, 0)
	finite := func(m graph.Value) graph.Value {
		return o.Apply(graph.Where{}, o.Apply(graph.Unary{Func: graph.IsFinite}, m), m, zero)
	}
	wide := finite(o.reduce(graph.ReduceMax, x, axes, true))
	e := o.Apply(graph.Unary{Func: graph.Exp}, o.bin(graph.Sub, x, wide))
	sum := o.Apply(graph.Unary{Func: graph.Log}, o.reduce(graph.ReduceSum, e, axes, keep))
	return o.one(o.bin(graph.Add, sum, finite(o.reduce(graph.ReduceMax, x, axes, keep))))
}

func argReduce(least bool) func(*call) []graph.Value {
	return func(o *call) []graph.Value {
		x := o.notBool(o.tensor("x"))
		keep := o.bool("keepdims", false)
		axis := 0
		if o.arg("axis") == nil {
			if keep {
				o.Failf("%w: keepdims without axis", keras.ErrUnsupported)
				return nil
			}
			x = o.Apply(graph.Reshape{Dims: []int{graph.Infer1}}, x)
		} else {
			axis = o.axis("axis", 0, x.Rank())
		}
		return o.one(o.Apply(graph.ArgReduce{Axis: axis, Min: least, KeepDims: keep}, x))
	}
}

// norm is the Euclidean norm along axes.
func norm(o *call) []graph.Value {
	if a := o.arg("ord"); a != nil {
		if text, _ := a.Const.Str(); text != "euclidean" && text != "fro" {
			o.bad("ord", a)
			return nil
		}
	}
	x := o.float32ed(o.tensor("x"))
	axes, keep := o.axes("axis", x.Rank()), o.bool("keepdims", false)
	sum := o.reduce(graph.ReduceSum, o.Apply(graph.Unary{Func: graph.Square}, x), axes, keep)
	return o.one(o.Apply(graph.Unary{Func: graph.Sqrt}, sum))
}
