package vec

import (
	"fmt"
	"math"
	"math/rand"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/kernels/kerneltest"
)

// Each operation on two slices, with a scalar on either side, and with a row
// on either side, against the operation on float64.
func TestArithmetic(t *testing.T) { eachVariant(t, arithmetic) }

func arithmetic(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	type (
		slices = func(dst, a, b []float32)
		scalar = func(dst, a []float32, s float32)
	)
	for name, op := range map[string]struct {
		f                     func(a, b float64) float64
		slices, row           slices
		swapped               slices // row op a
		scalar, swappedScalar scalar // a op s, s op a
	}{
		"add": {func(a, b float64) float64 { return a + b }, Add, AddRow, nil, AddScalar, nil},
		"sub": {func(a, b float64) float64 { return a - b }, Sub, SubRow, SubFromRow, nil, SubFromScalar},
		"mul": {func(a, b float64) float64 { return a * b }, Mul, MulRow, nil, MulScalar, nil},
		"div": {func(a, b float64) float64 { return a / b }, Div, DivRow, DivIntoRow, DivScalar, DivIntoScalar},
		"max": {math.Max, Max, MaxRow, nil, MaxScalar, nil},
		"min": {math.Min, Min, MinRow, nil, MinScalar, nil},
	} {
		for n := 0; n <= 19; n++ {
			for _, rows := range []int{1, 2, 3, 8, 61} {
				a, b := kerneltest.Random(r, n*rows), kerneltest.Random(r, n*rows)
				if n > 2 {
					a[0], b[1] = float32(math.NaN()), float32(math.NaN())
					a[2] = 0
				}
				check := func(what string, f func(dst, a []float32), want func(i int) float64) {
					t.Helper()
					expected := make([]float64, len(a))
					for i := range a {
						expected[i] = want(i)
					}
					dst, same := kerneltest.Fenced(t, len(a)), kerneltest.Copy(t, a)
					f(dst, a)
					kerneltest.CheckULP(t, dst, expected, 0)
					f(same, same)
					kerneltest.CheckULP(t, same, expected, 0)
				}
				what := fmt.Sprintf("%s %dx%d", name, rows, n)
				check(what, func(dst, a []float32) { op.slices(dst, a, b) }, func(i int) float64 {
					return op.f(float64(a[i]), float64(b[i]))
				})
				row, s := kerneltest.Random(r, n), float32(r.NormFloat64())
				check(what+" row", func(dst, a []float32) { op.row(dst, a, row) }, func(i int) float64 {
					return op.f(float64(a[i]), float64(row[i%n]))
				})
				if op.swapped != nil {
					check(what+" swapped row", func(dst, a []float32) { op.swapped(dst, a, row) }, func(i int) float64 {
						return op.f(float64(row[i%n]), float64(a[i]))
					})
				}
				if op.scalar != nil {
					check(what+" scalar", func(dst, a []float32) { op.scalar(dst, a, s) }, func(i int) float64 {
						return op.f(float64(a[i]), float64(s))
					})
				}
				if op.swappedScalar != nil {
					check(what+" swapped scalar", func(dst, a []float32) { op.swappedScalar(dst, a, s) }, func(i int) float64 {
						return op.f(float64(s), float64(a[i]))
					})
				}
			}
		}
	}
}

func TestScaleShift(t *testing.T) {
	eachVariant(t, scaleShiftByHand)
	eachVariant(t, scaleShiftRows)
}

// Channels that fill registers and that do not, few rows and many.
func scaleShiftRows(t *testing.T) {
	r := rand.New(rand.NewSource(2))
	for _, n := range []int{1, 2, 3, 7, 8, 16, 24, 31, 64, 127, 200} {
		for _, rows := range []int{1, 2, 7, 8, 9, 100, 301} {
			src, scale, shift := kerneltest.Random(r, n*rows), kerneltest.Random(r, n), kerneltest.Random(r, n)
			check := func(got []float32, lo, hi float64) {
				t.Helper()
				for i, v := range got {
					p := float64(src[i]) * float64(scale[i%n])
					want := min(max(p+float64(shift[i%n]), lo), hi)
					// the plain form rounds the product, too
					require.InDelta(t, want, v, math.Ldexp(math.Abs(p)+math.Abs(want), -24), "%d x %d, element %d", rows, n, i)
				}
			}
			dst, same := kerneltest.Fenced(t, n*rows), kerneltest.Copy(t, src)
			ScaleShift(dst, src, scale, shift)
			check(dst, math.Inf(-1), math.Inf(1))
			ScaleShiftClip(same, same, scale, shift, 0, 1)
			check(same, 0, 1)
		}
	}
}

func scaleShiftByHand(t *testing.T) {
	src := []float32{1, 2, 3, 4, 5, 6}
	scale, shift := []float32{2, 3, -1}, []float32{10, 0, 1}
	dst := kerneltest.Guarded(t, len(src))
	ScaleShift(dst, src, scale, shift)
	require.Equal(t, []float32{12, 6, -2, 18, 15, -5}, dst)
	ScaleShift(dst, src, scale, nil)
	require.Equal(t, []float32{2, 6, -3, 8, 15, -6}, dst)
	ScaleShift(dst, src, nil, shift)
	require.Equal(t, []float32{11, 2, 4, 14, 5, 7}, dst)
	ScaleShiftClip(dst, src, scale, shift, 0, 15.5)
	require.Equal(t, []float32{12, 6, 0, 15.5, 15, 0}, dst)
	ScaleShiftClip(dst, src, nil, shift, 0, 6)
	require.Equal(t, []float32{6, 2, 4, 6, 5, 6}, dst)
}
