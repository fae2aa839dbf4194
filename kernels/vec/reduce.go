package vec

// ReduceSum sums along the axis into dst of outer*inner elements. This and
// the other reductions sum in float64; over no elements, a sum is 0, a product
// 1, a mean NaN, a maximum -Inf and a minimum +Inf.
func ReduceSum(dst, src []float32, outer, axis, inner int) {
	reduce(dst, src, outer, axis, inner, sumLine)
}

// ReduceMean averages along the axis.
func ReduceMean(dst, src []float32, outer, axis, inner int) {
	reduce(dst, src, outer, axis, inner, meanLine)
}

// ReduceProd multiplies along the axis.
func ReduceProd(dst, src []float32, outer, axis, inner int) {
	reduce(dst, src, outer, axis, inner, prodLine)
}

// ReduceMax takes the maximum along the axis, NaN if there is one.
func ReduceMax(dst, src []float32, outer, axis, inner int) {
	reduce(dst, src, outer, axis, inner, maxLine)
}

// ReduceMin takes the minimum along the axis, NaN if there is one.
func ReduceMin(dst, src []float32, outer, axis, inner int) {
	reduce(dst, src, outer, axis, inner, minLine)
}

// Moments computes mean and (biased) variance along the axis, in two passes
// over float64.
func Moments(mean, variance, src []float32, outer, axis, inner int) {
	for o := 0; o < outer; o++ {
		for i := 0; i < inner; i++ {
			at := min(o*axis*inner+i, len(src))
			m, v := momentsLine(src[at:], axis, inner)
			mean[o*inner+i], variance[o*inner+i] = float32(m), float32(v)
		}
	}
}

func reduce(dst, src []float32, outer, axis, inner int, f func(src []float32, n, step int) float32) {
	for o := 0; o < outer; o++ {
		for i := 0; i < inner; i++ {
			at := min(o*axis*inner+i, len(src)) // an empty axis has no first element
			dst[o*inner+i] = f(src[at:], axis, inner)
		}
	}
}
