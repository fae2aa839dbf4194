package verify

import (
	"fmt"
	"math"

	"github.com/kerasrun/kerasrun"
)

// A Tolerance is the rule for float32 results: |a - b| <= ATol·max|b| + RTol·|b|.
type Tolerance struct{ ATol, RTol float64 }

// DefaultTolerance is the rule for results of unknown error.
var DefaultTolerance = Tolerance{ATol: 1e-5, RTol: 1e-4}

// A Difference says how far an array is from the expected one.
type Difference struct {
	OK bool
	// Worst is the element that is farthest beyond the rule.
	Worst      int
	Got, Want  float64
	MaxAbs     float64 // largest |got - want|
	Reason     string  // why shapes or types do not compare, or what was exceeded
	ErrorRatio float64 // Exact: our rms error over Keras's; 0 otherwise
}

// sameForm checks dtype and shape. Floating types compare with each other.
func sameForm(got, want kerasrun.Tensor) string {
	if fmt.Sprint(got.Shape) != fmt.Sprint(want.Shape) {
		return fmt.Sprintf("shape %v, want %v", got.Shape, want.Shape)
	}
	if got.DType != want.DType && !(got.DType.Floating() && want.DType.Floating()) && !(got.DType.Integer() && want.DType.Integer()) {
		return fmt.Sprintf("dtype %v, want %v", got.DType, want.DType)
	}
	return ""
}

// Compare applies the rule to every element. Integers, bools and strings must
// be equal. NaN equals NaN and an infinity itself.
func (tol Tolerance) Compare(got, want kerasrun.Tensor) Difference {
	if r := sameForm(got, want); r != "" {
		return Difference{Reason: r}
	}
	if d, ok := compareExactly(got, want); ok {
		return d
	}
	scale := 0.0
	for i := range want.Len() {
		if v := math.Abs(want.Float(i)); !math.IsInf(v, 0) {
			scale = max(scale, v)
		}
	}
	d := Difference{OK: true}
	worst := math.Inf(-1)
	for i := range want.Len() {
		a, b := got.Float(i), want.Float(i)
		if a == b || a != a && b != b {
			continue
		}
		diff := math.Abs(a - b)
		if diff != diff {
			diff = math.Inf(1)
		}
		d.MaxAbs = max(d.MaxAbs, diff)
		beyond := diff - tol.ATol*scale - tol.RTol*math.Abs(b)
		if math.IsInf(b, 0) {
			beyond = math.Inf(1)
		}
		if beyond > worst {
			worst, d.Worst, d.Got, d.Want = beyond, i, a, b
		}
	}
	if worst > 0 {
		d.OK = false
		d.Reason = fmt.Sprintf("element %d is %.9g, want %.9g (largest difference %.3g)", d.Worst, d.Got, d.Want, d.MaxAbs)
	}
	return d
}

// compareExactly compares what must be equal: everything but floating types.
func compareExactly(got, want kerasrun.Tensor) (Difference, bool) {
	if want.DType.Floating() {
		return Difference{}, false
	}
	if want.DType == kerasrun.String {
		a, b := got.Data.([]string), want.Data.([]string)
		for i := range b {
			if a[i] != b[i] {
				return Difference{Worst: i, Reason: fmt.Sprintf("element %d is %q, want %q", i, a[i], b[i])}, true
			}
		}
		return Difference{OK: true}, true
	}
	for i := range want.Len() {
		if a, b := got.Float(i), want.Float(i); a != b {
			return Difference{Worst: i, Got: a, Want: b, MaxAbs: math.Abs(a - b), Reason: fmt.Sprintf("element %d is %v, want %v", i, a, b)}, true
		}
	}
	return Difference{OK: true}, true
}

// Exact bounds the error against the float64 result by Keras's own: the rms
// error is at most max(Factor·Keras's, 4·ulp·rms of the result) and the largest
// error at most max(5·Keras's, 4·ulp·largest of the result). ulp is the unit of
// the result's type: 2^-23 for float32.
type Exact struct {
	// Factor is 2 for exact arithmetic and 3 where the plan may choose faster forms.
	Factor float64
}

// Compare compares got with the float64 result exact, given Keras's own result.
func (r Exact) Compare(got, keras, exact kerasrun.Tensor) Difference {
	if reason := sameForm(got, keras); reason != "" {
		return Difference{Reason: reason}
	}
	if d, ok := compareExactly(got, keras); ok {
		return d
	}
	if reason := sameForm(exact, keras); reason != "" {
		return Difference{Reason: "float64 result: " + reason}
	}
	var ours, theirs, size sizes
	worst := 0
	for i := range exact.Len() {
		a, k, e := got.Float(i), keras.Float(i), exact.Float(i)
		if nonFinite(k) || nonFinite(a) {
			// The class of a result that is not finite must be Keras's.
			if a == k || a != a && k != k {
				continue
			}
			return Difference{Worst: i, Got: a, Want: k, Reason: fmt.Sprintf("element %d is %v, want %v", i, a, k)}
		}
		if math.Abs(a-e) > ours.largest {
			worst = i
		}
		ours.add(a - e)
		theirs.add(k - e)
		size.add(e)
	}
	unit := ulp(keras.DType)
	floor := 4 * unit * size.rms()
	d := Difference{
		OK: true, Worst: worst, MaxAbs: ours.largest,
		ErrorRatio: ours.rms() / max(theirs.rms(), unit*size.rms(), math.SmallestNonzeroFloat64),
	}
	if exact.Len() > 0 {
		d.Got, d.Want = got.Float(worst), exact.Float(worst)
	}
	// The bound is the factor of the rule on Keras's error, or the floor.
	if lim := max(r.Factor*theirs.rms(), floor); ours.rms() > lim {
		d.OK, d.Reason = false, fmt.Sprintf("rms error %.3g, want at most %.3g (Keras's own %.3g, rms of the result %.3g)", ours.rms(), lim, theirs.rms(), size.rms())
	} else if lim := max(5*theirs.largest, 4*unit*size.largest); ours.largest > lim {
		d.OK, d.Reason = false, fmt.Sprintf("element %d is %.9g, want %.9g: error %.3g, want at most %.3g", worst, d.Got, d.Want, ours.largest, lim)
	}
	return d
}

func nonFinite(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) }

// ulp is the distance from 1 to the next number of type d.
func ulp(d kerasrun.DType) float64 {
	switch d {
	case kerasrun.Float64:
		return 0x1p-52
	case kerasrun.Float16:
		return 0x1p-10
	case kerasrun.BFloat16:
		return 0x1p-7
	}
	return 0x1p-23
}

// sizes gathers the sizes of differences.
type sizes struct {
	sum, largest float64
	n            int
}

func (e *sizes) add(x float64) {
	e.sum += x * x
	e.largest = max(e.largest, math.Abs(x))
	e.n++
}

func (e *sizes) rms() float64 {
	if e.n == 0 {
		return 0
	}
	return math.Sqrt(e.sum / float64(e.n))
}
