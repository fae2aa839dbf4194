package source

import (
	"fmt"
	"math"
	"slices"

	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/layers"
)

// learnsBoundaries reports the weight of a Discretization of Keras 2 that learnt
// its boundaries: files have a summary of the data in its place.
func learnsBoundaries(p graph.Param) bool { return p.Class == "Discretization" && p.Name == "summary" }

// boundaries returns what makes the boundaries of layer p from a summary, (2, n):
// values and how many of the data each stands for. It is compressed to a value for each
// bin, as get_bin_boundaries of tf_keras 2.21 does (preprocessing/discretization.py),
// and the last is left out. A list of boundaries stays as it is.
func boundaries(prog *layers.Program, p graph.Param) func([]graph.Tensor, graph.Type) (graph.Tensor, error) {
	bins := 0
	for _, l := range prog.Layers {
		if l.Path == p.Layer && l.Layer != nil {
			bins, _ = l.Layer.Config.Get("num_bins").Int()
		}
	}
	return func(stored []graph.Tensor, want graph.Type) (graph.Tensor, error) {
		summary := stored[0]
		switch shape := summary.Shape; {
		case slices.Equal(shape, want.Shape):
			return summary, nil
		case len(shape) != 2 || shape[0] != 2:
			return graph.Tensor{}, fmt.Errorf("%w: a summary of the data is %v, want [2 n]", graph.ErrShape, shape)
		case shape[1] < bins || bins == 0:
			return graph.Tensor{}, fmt.Errorf("%w: %d bins that were learnt from %d values", ErrUnsupported, bins, shape[1])
		}
		return quantiles(summary, 1/float64(bins), want), nil
	}
}

// quantiles are the values of a summary at the shares epsilon, 2·epsilon... of the data.
func quantiles(summary graph.Tensor, epsilon float64, want graph.Type) graph.Tensor {
	n := summary.Shape[1]
	data := summary.Float32s()
	values, share := data[:n], make([]float32, n)
	total := float32(0)
	for i, count := range data[n:] {
		total += count
		share[i] = total
	}
	for i := range share {
		share[i] /= total
	}
	out := graph.NewTensor(want.DType, want.Shape)
	for i := range out.Len() {
		out.SetFloat(i, interpolate(epsilon+float64(float64(i)*epsilon), share, values))
	}
	return out
}

// interpolate is y at x between the points (xs, ys) as numpy.interp computes it; xs ascend.
func interpolate(x float64, xs, ys []float32) float64 {
	j := 0 // points that are not right of x
	for j < len(xs) && float64(xs[j]) <= x {
		j++
	}
	switch {
	case j == 0:
		return float64(ys[0])
	case j == len(xs) || float64(xs[j-1]) == x:
		return float64(ys[j-1])
	}
	x0, y0 := float64(xs[j-1]), float64(ys[j-1])
	x1, y1 := float64(xs[j]), float64(ys[j])
	slope := (y1 - y0) / (x1 - x0)
	y := float64(slope*(x-x0)) + y0 // rounded twice
	if math.IsNaN(y) {
		y = float64(slope*(x-x1)) + y1
		if math.IsNaN(y) && y0 == y1 {
			y = y0
		}
	}
	return y
}
