package reference

import (
	"math"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// reduceFloats sums and multiplies in index order; over no elements a sum is 0,
// a product 1, a mean NaN, a maximum -Inf and a minimum +Inf.
func reduceFloats(y, x array, op graph.Reduce) {
	kept, along := SplitAxes(x.shape, axesOf(op.Axes, len(x.shape)))
	for i, k := range kept {
		var r float64
		switch op.Func {
		case graph.ReduceSum, graph.ReduceMean:
			for _, a := range along {
				r += x.v[k+a]
			}
			if op.Func == graph.ReduceMean {
				r /= float64(len(along))
			}
		case graph.ReduceProd:
			r = 1
			for _, a := range along {
				r *= x.v[k+a]
			}
		case graph.ReduceMax:
			r = math.Inf(-1)
			for _, a := range along {
				r = max(r, x.v[k+a])
			}
		case graph.ReduceMin:
			r = math.Inf(1)
			for _, a := range along {
				r = min(r, x.v[k+a])
			}
		}
		y.v[i] = r
	}
}

// argReduce finds the first of the largest or smallest elements by their order
// less. A NaN is passed over, as in TensorFlow; of NaN alone the first counts.
func argReduce(v []float64, shape graph.Shape, op graph.ArgReduce, less func(i, j int) bool, nan func(i int) bool, out graph.Tensor) {
	kept, along := SplitAxes(shape, axesOf([]int{op.Axis}, len(shape)))
	for i, k := range kept {
		best := 0
		for j, a := range along {
			at, top := k+a, k+along[best]
			if nan(top) && !nan(at) || !op.Min && less(top, at) || op.Min && less(at, top) {
				best = j
			}
		}
		v[i] = float64(best)
	}
	store(out, v)
}
