package vec

// Add computes a + b.
func Add(dst, a, b []float32) { pairs(mapAdd, dst, a, b, add) }

// Sub computes a - b.
func Sub(dst, a, b []float32) { pairs(mapSub, dst, a, b, sub) }

// Mul computes a * b.
func Mul(dst, a, b []float32) { pairs(mapMul, dst, a, b, mul) }

// Div computes a / b.
func Div(dst, a, b []float32) { pairs(mapDiv, dst, a, b, div) }

// Max computes the larger of a and b, NaN if one of them is.
func Max(dst, a, b []float32) { pairs(mapMaximum, dst, a, b, maximum) }

// Min computes the smaller of a and b, NaN if one of them is.
func Min(dst, a, b []float32) { pairs(mapMinimum, dst, a, b, minimum) }

// AddScalar computes a + s; with -s it subtracts.
func AddScalar(dst, a []float32, s float32) { withScalar(mapAddScalar, dst, a, s, addScalar) }

// SubFromScalar computes s - a.
func SubFromScalar(dst, a []float32, s float32) {
	withScalar(mapSubFromScalar, dst, a, s, subFromScalar)
}

// MulScalar computes a * s.
func MulScalar(dst, a []float32, s float32) { withScalar(mapMulScalar, dst, a, s, mulScalar) }

// DivScalar computes a / s.
func DivScalar(dst, a []float32, s float32) { withScalar(mapDivScalar, dst, a, s, divScalar) }

// DivIntoScalar computes s / a.
func DivIntoScalar(dst, a []float32, s float32) {
	withScalar(mapDivIntoScalar, dst, a, s, divIntoScalar)
}

// MaxScalar computes the larger of a and s, NaN if one of them is.
func MaxScalar(dst, a []float32, s float32) { withScalar(mapMaxScalar, dst, a, s, maxScalar) }

// MinScalar computes the smaller of a and s, NaN if one of them is.
func MinScalar(dst, a []float32, s float32) { withScalar(mapMinScalar, dst, a, s, minScalar) }

// AddRow adds row to every row of a. Here and in the other functions of rows,
// a has rows of len(row) elements, so that row is broadcast along all axes but
// the last ones it spans.
func AddRow(dst, a, row []float32) { rows(mapAdd, dst, a, row, add) }

// SubRow computes a - row.
func SubRow(dst, a, row []float32) { rows(mapSub, dst, a, row, sub) }

// SubFromRow computes row - a.
func SubFromRow(dst, a, row []float32) {
	if !mapRows(mapSub, dst, a, rowsOf{row: row, rowFirst: true}) {
		rowsPlain(dst, a, row, func(d, a, r []float32) { sub(d, r, a) })
	}
}

// MulRow computes a * row.
func MulRow(dst, a, row []float32) { rows(mapMul, dst, a, row, mul) }

// DivRow computes a / row.
func DivRow(dst, a, row []float32) { rows(mapDiv, dst, a, row, div) }

// DivIntoRow computes row / a.
func DivIntoRow(dst, a, row []float32) {
	if !mapRows(mapDiv, dst, a, rowsOf{row: row, rowFirst: true}) {
		rowsPlain(dst, a, row, func(d, a, r []float32) { div(d, r, a) })
	}
}

// MaxRow computes the larger of a and row, NaN if one of them is.
func MaxRow(dst, a, row []float32) { rows(mapMaximum, dst, a, row, maximum) }

// MinRow computes the smaller of a and row, NaN if one of them is.
func MinRow(dst, a, row []float32) { rows(mapMinimum, dst, a, row, minimum) }

// pairs runs a kernel of two slices, or its plain form.
func pairs(k mapKernel, dst, a, b []float32, plain func(dst, a, b []float32)) {
	if !map2(k, dst, a, b) {
		plain(dst, a, b)
	}
}

// withScalar runs a kernel of a slice and a number, or its plain form.
func withScalar(k mapKernel, dst, a []float32, s float32, plain func(dst, a []float32, s float32)) {
	if !map1(k, dst, a, s) {
		plain(dst, a, s)
	}
}

// rows runs a kernel, or its plain form, on each row of a with row.
func rows(k mapKernel, dst, a, row []float32, plain func(dst, a, b []float32)) {
	if !mapRows(k, dst, a, rowsOf{row: row}) {
		rowsPlain(dst, a, row, plain)
	}
}

// rowsPlain applies f to each row of a with row.
func rowsPlain(dst, a, row []float32, f func(dst, a, b []float32)) {
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
// shift may be nil, not both. Assembly rounds once, the plain form twice.
func ScaleShift(dst, src, scale, shift []float32) {
	switch {
	case scale == nil:
		AddRow(dst, src, shift)
	case shift == nil:
		MulRow(dst, src, scale)
	case !mapRows(mapScaleShift, dst, src, rowsOf{row: scale, second: shift}):
		n := len(scale)
		for i := 0; n > 0 && i+n <= len(src); i += n {
			scaleShift(dst[i:i+n], src[i:i+n], scale, shift)
		}
	}
}

// ScaleShiftClip is [ScaleShift] limited to [lo, hi], as [Clip] does it.
func ScaleShiftClip(dst, src, scale, shift []float32, lo, hi float32) {
	if scale != nil && shift != nil &&
		mapRows(mapScaleShiftClip, dst, src, rowsOf{row: scale, second: shift, params: [2]float32{lo, hi}}) {
		return
	}
	n := max(len(scale), len(shift))
	for i := 0; n > 0 && i+n <= len(src); i += n {
		d := dst[i : i+n]
		ScaleShift(d, src[i:i+n], scale, shift)
		Clip(d, d, lo, hi)
	}
}
