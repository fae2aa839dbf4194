package reference

import (
	"math"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// Cast converts the elements of src to dst's type: see [graph.Cast]. Where
// TensorFlow leaves a conversion to the processor (a float out of an integer's
// range), the result is that of an x86.
func Cast(dst, src graph.Tensor, saturate bool) { CastRange(dst, src, saturate, 0, dst.Len()) }

// CastRange is [Cast] of elements lo to hi-1. It allocates nothing.
func CastRange(dst, src graph.Tensor, saturate bool, lo, hi int) {
	switch {
	case dst.DType == graph.String:
		copy(dst.Data.([]string)[lo:hi], src.Data.([]string)[lo:hi])
	case src.DType.Floating() && dst.DType.Integer():
		for i := lo; i < hi; i++ {
			setInt(dst, i, toInt(src.Float(i), dst.DType, saturate))
		}
	case src.DType.Floating() || src.DType == graph.Bool:
		for i := lo; i < hi; i++ {
			dst.SetFloat(i, src.Float(i))
		}
	default:
		castInts(dst, src, saturate, lo, hi)
	}
}

func castInts(dst, src graph.Tensor, saturate bool, lo, hi int) {
	lowest, highest := limits(dst.DType)
	unsigned := src.DType == graph.Uint64
	f, single := dst.Data.([]float32)
	for i := lo; i < hi; i++ {
		v := intAt(src, i)
		switch {
		case single && unsigned:
			f[i] = float32(uint64(v)) // rounded once
		case single:
			f[i] = float32(v)
		case dst.DType == graph.Bool || dst.DType.Floating():
			dst.SetFloat(i, src.Float(i))
		case !saturate:
			setInt(dst, i, v)
		case unsigned && v < 0: // 2^63 and more
			if dst.DType != graph.Uint64 {
				v = highest
			}
			setInt(dst, i, v)
		case dst.DType == graph.Uint64:
			setInt(dst, i, max(v, 0))
		default:
			setInt(dst, i, min(max(v, lowest), highest))
		}
	}
}

// toInt truncates x to an integer of type d, whose bits it returns.
func toInt(x float64, d graph.DType, saturate bool) int64 {
	if saturate {
		lowest, highest := limits(d)
		low, high := float64(lowest), float64(highest)
		if d == graph.Uint64 {
			high = math.MaxUint64
		}
		x = math.RoundToEven(x)
		switch {
		case x <= low:
			return lowest
		case x >= high:
			return highest
		case x != x:
			return 0
		}
	}
	switch {
	case d == graph.Uint64 && x >= 1<<63 && x < 1<<64:
		return int64(uint64(x))
	case d == graph.Int64 || d == graph.Uint64 || d == graph.Uint32:
		if x >= -1<<63 && x < 1<<63 {
			return int64(x)
		}
		return math.MinInt64
	}
	if x > -1<<31-1 && x < 1<<31 {
		return int64(x)
	}
	return math.MinInt32
}

func intAt(t graph.Tensor, i int) int64 {
	switch d := t.Data.(type) {
	case []int64:
		return d[i]
	case []uint64:
		return int64(d[i])
	}
	return int64(t.Float(i)) // 32 bits and less are exact
}

func setInt(t graph.Tensor, i int, v int64) {
	switch d := t.Data.(type) {
	case []int8:
		d[i] = int8(v)
	case []int16:
		d[i] = int16(v)
	case []int32:
		d[i] = int32(v)
	case []int64:
		d[i] = v
	case []uint8:
		d[i] = uint8(v)
	case []uint16:
		d[i] = uint16(v)
	case []uint32:
		d[i] = uint32(v)
	case []uint64:
		d[i] = uint64(v)
	}
}
