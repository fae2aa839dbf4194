package vec

// Add computes a + b.
func Add(dst, a, b []float32) { add(dst, a, b) }

// Sub computes a - b.
func Sub(dst, a, b []float32) { sub(dst, a, b) }

// Mul computes a * b.
func Mul(dst, a, b []float32) { mul(dst, a, b) }

// Div computes a / b.
func Div(dst, a, b []float32) { div(dst, a, b) }

// Max computes the larger of a and b, NaN if one of them is.
func Max(dst, a, b []float32) { maximum(dst, a, b) }

// Min computes the smaller of a and b, NaN if one of them is.
func Min(dst, a, b []float32) { minimum(dst, a, b) }

// AddScalar computes a + s; with -s it subtracts.
func AddScalar(dst, a []float32, s float32) { addScalar(dst, a, s) }

// SubFromScalar computes s - a.
func SubFromScalar(dst, a []float32, s float32) { subFromScalar(dst, a, s) }

// MulScalar computes a * s.
func MulScalar(dst, a []float32, s float32) { mulScalar(dst, a, s) }

// DivScalar computes a / s.
func DivScalar(dst, a []float32, s float32) { divScalar(dst, a, s) }

// DivIntoScalar computes s / a.
func DivIntoScalar(dst, a []float32, s float32) { divIntoScalar(dst, a, s) }

// MaxScalar computes the larger of a and s, NaN if one of them is.
func MaxScalar(dst, a []float32, s float32) { maxScalar(dst, a, s) }

// MinScalar computes the smaller of a and s, NaN if one of them is.
func MinScalar(dst, a []float32, s float32) { minScalar(dst, a, s) }

// AddRow adds row to every row of a. Here and in the other functions of rows,
// a has rows of len(row) elements, so that row is broadcast along all axes but
// the last ones it spans.
func AddRow(dst, a, row []float32) { rows(dst, a, row, add) }

// SubRow computes a - row.
func SubRow(dst, a, row []float32) { rows(dst, a, row, sub) }

// SubFromRow computes row - a.
func SubFromRow(dst, a, row []float32) {
	rows(dst, a, row, func(d, a, r []float32) { sub(d, r, a) })
}

// MulRow computes a * row.
func MulRow(dst, a, row []float32) { rows(dst, a, row, mul) }

// DivRow computes a / row.
func DivRow(dst, a, row []float32) { rows(dst, a, row, div) }

// DivIntoRow computes row / a.
func DivIntoRow(dst, a, row []float32) {
	rows(dst, a, row, func(d, a, r []float32) { div(d, r, a) })
}

// MaxRow computes the larger of a and row, NaN if one of them is.
func MaxRow(dst, a, row []float32) { rows(dst, a, row, maximum) }

// MinRow computes the smaller of a and row, NaN if one of them is.
func MinRow(dst, a, row []float32) { rows(dst, a, row, minimum) }

// rows applies f to each row of a with row.
func rows(dst, a, row []float32, f func(dst, a, b []float32)) {
	n := len(row)
	if n == 0 {
		return
	}
	for i := 0; i+n <= len(a); i += n {
		f(dst[i:i+n], a[i:i+n], row)
	}
}

// ScaleShift computes x*scale + shift for every row of src, whose rows have
// one element per channel: an inference-time BatchNormalization. scale or
// shift may be nil, not both.
func ScaleShift(dst, src, scale, shift []float32) {
	switch {
	case scale == nil:
		AddRow(dst, src, shift)
	case shift == nil:
		MulRow(dst, src, scale)
	default:
		n := len(scale)
		for i := 0; n > 0 && i+n <= len(src); i += n {
			scaleShift(dst[i:i+n], src[i:i+n], scale, shift)
		}
	}
}

// ScaleShiftClip is [ScaleShift] limited to [lo, hi], as [Clip] does it.
func ScaleShiftClip(dst, src, scale, shift []float32, lo, hi float32) {
	n := max(len(scale), len(shift))
	for i := 0; n > 0 && i+n <= len(src); i += n {
		d := dst[i : i+n]
		ScaleShift(d, src[i:i+n], scale, shift)
		clip(d, d, lo, hi)
	}
}
