package quantize

import "github.com/kerasrun/kerasrun/runtime/graph"

// Quantize is keras.quantizers.abs_max_quantize over axes of x, which is
// floating: the whole numbers (Int8) and the scale that they are x times, whose
// axes have length 1.
func (q AbsMax) Quantize(b *graph.Builder, x graph.Value, axes []int) (y, scale graph.Value) {
	largest := b.Apply(graph.Reduce{Func: graph.ReduceMax, Axes: axes, KeepDims: true}, b.Apply(graph.Unary{Func: graph.Abs}, x))
	largest = b.Apply(graph.Binary{Func: graph.Add}, largest, b.Scalar(x.DType, q.Epsilon))
	scale = b.Apply(graph.Binary{Func: graph.Div}, b.Scalar(x.DType, q.High), largest)
	y = b.Apply(graph.Unary{Func: graph.Round}, b.Apply(graph.Binary{Func: graph.Mul}, x, scale))
	y = b.Apply(graph.Activation{Func: graph.Clip, A: q.Low, B: q.High}, y)
	return b.Cast(y, graph.Int8), scale
}

// ThroughFloat8 is keras.quantizers.quantize_and_dequantize with float8_e4m3fn:
// x rounded to what a float8 times scale, a scalar of x's type, can hold.
func ThroughFloat8(b *graph.Builder, x, scale graph.Value) graph.Value {
	const largest = 448
	y := b.Apply(graph.Binary{Func: graph.Div}, x, scale)
	y = b.Apply(graph.Activation{Func: graph.Clip, A: -largest, B: largest}, y)
	return b.Apply(graph.Binary{Func: graph.Mul}, b.Apply(graph.Unary{Func: graph.Float8}, y), scale)
}

// Unpack is keras.quantizers.unpack_int4: n numbers along axis from half as many
// bytes, the lower four bits first. They are signed when packed is Int8, from 0
// to 15 when it is Uint8.
func Unpack(b *graph.Builder, packed graph.Value, axis, n int) graph.Value {
	d := packed.DType
	const wide = graph.Int16
	x := b.Cast(packed, wide)
	of := func(f graph.BinaryFunc, x graph.Value, n float64) graph.Value {
		return b.Apply(graph.Binary{Func: f}, x, b.Scalar(wide, n))
	}
	high := of(graph.FloorDiv, x, 16)
	var low graph.Value
	if d == graph.Int8 {
		low = of(graph.Sub, of(graph.Mod, of(graph.Add, x, 8), 16), 8)
	} else {
		low = of(graph.Mod, x, 16)
	}
	// Between two axes: (..., half, 2, ...) is (..., 2·half, ...).
	var apart, joined []int
	var ranges []graph.Range
	for i, size := range packed.Shape {
		if apart = append(apart, size); i == axis {
			apart, size = append(apart, 1), 2*size
		}
		joined = append(joined, size)
		ranges = append(ranges, graph.Range{Step: 1, Stop: n, HasStop: i == axis})
	}
	pairs := b.Apply(graph.Concat{Axis: axis + 1}, b.Apply(graph.Reshape{Dims: apart}, low), b.Apply(graph.Reshape{Dims: apart}, high))
	return b.Cast(b.Apply(graph.Slice{Ranges: ranges}, b.Apply(graph.Reshape{Dims: joined}, pairs)), d)
}

// Dequantize is dequantize_with_sz_map: (q - zero)·scale, where the elements of
// q at i along axis have the scale and the zero at groups[i]. The result has the
// type of scale, which is floating.
func Dequantize(b *graph.Builder, q, scale, zero, groups graph.Value, axis int) graph.Value {
	groups = b.Cast(groups, graph.Int32)
	scale, zero = take(b, scale, groups, axis), take(b, zero, groups, axis)
	y := b.Apply(graph.Binary{Func: graph.Sub}, b.Cast(q, scale.DType), b.Cast(zero, scale.DType))
	return b.Apply(graph.Binary{Func: graph.Mul}, y, scale)
}

// take picks elements of x along axis at the places of index, a vector.
func take(b *graph.Builder, x, index graph.Value, axis int) graph.Value {
	if axis == 0 {
		return b.Apply(graph.Gather{}, x, index)
	}
	front, back := []int{axis}, []int{}
	for i := range x.Rank() {
		switch {
		case i < axis:
			front, back = append(front, i), append(back, i+1)
		case i == axis:
			back = append(back, 0)
		default:
			front, back = append(front, i), append(back, i)
		}
	}
	x = b.Apply(graph.Gather{}, b.Apply(graph.Transpose{Perm: front}, x), index)
	return b.Apply(graph.Transpose{Perm: back}, x)
}

// Turn transposes a matrix.
func Turn(b *graph.Builder, x graph.Value) graph.Value {
	return b.Apply(graph.Transpose{Perm: []int{1, 0}}, x)
}

// Wider is the type that Keras promotes two floating types to.
func Wider(a, c graph.DType) graph.DType {
	switch {
	case a == c:
		return a
	case a == graph.Float64 || c == graph.Float64:
		return graph.Float64
	}
	return graph.Float32
}
