package layers

import (
	"slices"

	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/layers/operation"
)

// merge brings the inputs of a merging layer to one rank and one dtype. Inputs
// of a lower rank get axes of size 1 right after the batch axis.
func (s *scope) merge(in []graph.Value) []graph.Value {
	if len(in) == 0 {
		s.Failf("%w: no inputs", graph.ErrShape)
		return nil
	}
	rank := 0
	for _, v := range in {
		rank = max(rank, v.Rank())
	}
	in = slices.Clone(in)
	for i, v := range in {
		if v.DType != in[0].DType {
			in[0], in[i] = s.floating(in[0]), s.floating(v)
		}
		if v = in[i]; v.Rank() == 0 || v.Rank() == rank {
			continue
		}
		dims := []int{graph.KeepDim(0)}
		for range rank - v.Rank() {
			dims = append(dims, 1)
		}
		for k := 1; k < v.Rank(); k++ {
			dims = append(dims, graph.KeepDim(k))
		}
		in[i] = s.Apply(graph.Reshape{Dims: dims}, v)
	}
	// An input before the first floating one may still be of an integer type.
	if slices.ContainsFunc(in, func(v graph.Value) bool { return v.DType.Floating() }) {
		for i, v := range in {
			in[i] = s.floating(v)
		}
	}
	return in
}

// fold applies f to the merged inputs from left to right.
func (s *scope) fold(f graph.BinaryFunc, in []graph.Value) graph.Value {
	in = s.merge(in)
	if s.Err() != nil {
		return none()
	}
	y := in[0]
	for _, v := range in[1:] {
		y = s.Apply(graph.Binary{Func: f}, y, v)
	}
	return y
}

// merging lowers a layer that folds its inputs with f.
func merging(f graph.BinaryFunc) func(*scope, struct{}, []graph.Value) []graph.Value {
	return func(s *scope, _ struct{}, in []graph.Value) []graph.Value {
		if f != graph.Add && s.eitherMask() && slices.ContainsFunc(in, func(v graph.Value) bool { _, ok := s.implicitMask(v); return ok }) {
			return []graph.Value{s.mergeMasked(f, in)}
		}
		return []graph.Value{s.fold(f, in)}
	}
}

// addLayer is the sum of its inputs.
//
//	x1, x2, ...  (batch, ...)    of a lower rank: with axes of 1 after the batch
//	result       (batch, ...)    broadcast
//
// See https://keras.io/api/layers/merging_layers/add/.
var addLayer = define("Add", struct{}{}, merging(graph.Add))

// subtractLayer is x1 - x2.
//
//	x1, x2  (batch, ...)    of a lower rank: with axes of 1 after the batch
//	result  (batch, ...)    broadcast
//
// See https://keras.io/api/layers/merging_layers/subtract/.
var subtractLayer = define("Subtract", struct{}{}, func(s *scope, _ struct{}, in []graph.Value) []graph.Value {
	if len(in) != 2 {
		s.Failf("%w: %d inputs, want 2", graph.ErrShape, len(in))
		return nil
	}
	return []graph.Value{s.fold(graph.Sub, in)}
})

// multiplyLayer is the product of its inputs.
//
//	x1, x2, ...  (batch, ...)    of a lower rank: with axes of 1 after the batch
//	result       (batch, ...)    broadcast
//
// See https://keras.io/api/layers/merging_layers/multiply/.
var multiplyLayer = define("Multiply", struct{}{}, merging(graph.Mul))

// averageLayer is the mean of its inputs.
//
//	x1, x2, ...  (batch, ...)    of a lower rank: with axes of 1 after the batch
//	result       (batch, ...)    broadcast
//
// See https://keras.io/api/layers/merging_layers/average/.
var averageLayer = define("Average", struct{}{}, func(s *scope, _ struct{}, in []graph.Value) []graph.Value {
	sum := s.floating(s.fold(graph.Add, in))
	return []graph.Value{s.Apply(graph.Binary{Func: graph.Div}, sum, s.Scalar(sum.DType, float64(len(in))))}
})

// maximumLayer is the largest of its inputs.
//
//	x1, x2, ...  (batch, ...)    of a lower rank: with axes of 1 after the batch
//	result       (batch, ...)    broadcast
//
// See https://keras.io/api/layers/merging_layers/maximum/.
var maximumLayer = define("Maximum", struct{}{}, merging(graph.Maximum))

// minimumLayer is the smallest of its inputs.
//
//	x1, x2, ...  (batch, ...)    of a lower rank: with axes of 1 after the batch
//	result       (batch, ...)    broadcast
//
// See https://keras.io/api/layers/merging_layers/minimum/.
var minimumLayer = define("Minimum", struct{}{}, merging(graph.Minimum))

type concatenateConfig struct {
	Axis int `json:"axis"`
}

// concatenateLayer joins its inputs along axis.
//
//	x1, x2, ...  (batch, ..., n1, ...), (batch, ..., n2, ...), ...
//	result       (batch, ..., n1 + n2 + ..., ...)
//
// See https://keras.io/api/layers/merging_layers/concatenate/.
var concatenateLayer = define("Concatenate", concatenateConfig{Axis: -1},
	func(s *scope, c concatenateConfig, in []graph.Value) []graph.Value {
		for _, v := range in {
			if v.Rank() != in[0].Rank() {
				s.Failf("%w: inputs are %v and %v", graph.ErrShape, in[0].Shape, v.Shape)
				return nil
			}
		}
		return []graph.Value{s.Apply(graph.Concat{Axis: c.Axis}, s.merge(in)...)}
	})

type dotConfig struct {
	Axes      whole `json:"axes"`
	Normalize bool  `json:"normalize"`
}

// dotLayer sums the products of two inputs along an axis of each; axes is one
// number for both or two. With normalize the inputs are first scaled to length 1
// along those axes.
//
//	x1      (batch, a..., n, b...)
//	x2      (batch, c..., n, d...)
//	result  (batch, a..., b..., c..., d...)    (batch, 1) when no other axis is left
//
// See https://keras.io/api/layers/merging_layers/dot/.
var dotLayer = define("Dot", dotConfig{}, func(s *scope, c dotConfig, in []graph.Value) []graph.Value {
	if len(in) != 2 {
		s.Failf("%w: %d inputs, want 2", graph.ErrShape, len(in))
		return nil
	}
	const letters = "abcdefghijklmnopqrstuvwxyz"
	axes := s.each("axes", c.Axes, 2, -maxSize)
	var labels [2]string
	next := 2
	out := "a"
	for i, v := range in {
		v = s.floating(v)
		ax, err := graph.Axes(axes[i:i+1], v.Rank())
		if err != nil || ax[0] == 0 || v.Rank()+next > len(letters) {
			s.Failf("%w: axes is %v for an input %v", graph.ErrAttr, c.Axes, v.Shape)
			return nil
		}
		if c.Normalize {
			v = s.unit(v, ax)
		}
		in[i], labels[i] = v, "a"
		for k := 1; k < v.Rank(); k++ {
			if k == ax[0] {
				labels[i] += "b"
				continue
			}
			labels[i] += letters[next : next+1]
			out += letters[next : next+1]
			next++
		}
	}
	y := operation.Einsum(s.Builder, labels[0]+","+labels[1]+"->"+out, in...)
	if y.Rank() == 1 {
		y = s.insertAxis(y, 1)
	}
	return []graph.Value{y}
})
