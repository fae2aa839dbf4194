package resize_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/kernels/resize"
)

var methods = []resize.Method{
	resize.Nearest, resize.Bilinear, resize.Bicubic, resize.Area,
	resize.Lanczos3, resize.Lanczos5, resize.MitchellCubic, resize.Gaussian,
}

func noise[T resize.Float](n int) []T {
	r := rand.New(rand.NewPCG(1, 2))
	s := make([]T, n)
	for i := range s {
		s[i] = T(r.Float64() * 255)
	}
	return s
}

func run[T resize.Float](p *resize.Plan, src []T, outH, outW, c int) []T {
	dst := make([]T, outH*outW*c)
	resize.Run(p, dst, src, c, 0, outH, make([]T, p.Scratch(c)))
	return dst
}

// kernel is the textbook form of each method's kernel.
func kernel(m resize.Method, x float64) float64 {
	x = math.Abs(x)
	sinc := func(v float64) float64 {
		if v == 0 {
			return 1
		}
		return math.Sin(math.Pi*v) / (math.Pi * v)
	}
	lanczos := func(r float64) float64 {
		if x >= r {
			return 0
		}
		return sinc(x) * sinc(x/r)
	}
	switch m {
	case resize.Bilinear:
		return max(0, 1-x)
	case resize.Lanczos3:
		return lanczos(3)
	case resize.Lanczos5:
		return lanczos(5)
	case resize.Gaussian:
		if x < 1.5 {
			return math.Exp(-2 * x * x)
		}
	case resize.Bicubic:
		if x < 1 {
			return 1.5*x*x*x - 2.5*x*x + 1
		} else if x < 2 {
			return -0.5*x*x*x + 2.5*x*x - 4*x + 2
		}
	case resize.MitchellCubic:
		const b, c = 1.0 / 3, 1.0 / 3
		if x < 1 {
			return ((12-9*b-6*c)*x*x*x + (-18+12*b+6*c)*x*x + 6 - 2*b) / 6
		} else if x < 2 {
			return ((-b-6*c)*x*x*x + (6*b+30*c)*x*x + (-12*b-48*c)*x + 8*b + 24*c) / 6
		}
	}
	return 0
}

// matrix is one axis in float64: row i holds the weights of output i.
func matrix(m resize.Method, antialias bool, in, out int) [][]float64 {
	scale := float64(in) / float64(out)
	stretch := 1.0
	if antialias {
		stretch = max(1, scale)
	}
	rows := make([][]float64, out)
	for i := range rows {
		row := make([]float64, in)
		pos := (float64(i) + 0.5) * scale
		sum := 0.0
		for j := range row {
			switch {
			case m == resize.Nearest:
				if j == int(pos) {
					row[j] = 1
				}
			case m == resize.Area:
				row[j] = max(0, min(float64(i+1)*scale, float64(j+1))-max(float64(i)*scale, float64(j)))
			case m == resize.Bicubic && !antialias:
				at := math.Floor(pos - 0.5)
				row[j] = kernel(m, at+math.Round((pos-0.5-at)*1024)/1024-float64(j))
			case m == resize.Bilinear && !antialias:
				at := max(0, min(pos-0.5, float64(in-1))) // clamped at the edges
				row[j] = kernel(m, at-float64(j))
			default:
				row[j] = kernel(m, (float64(j)+0.5-pos)/stretch)
			}
			sum += row[j]
		}
		for j := range row {
			row[j] /= sum
		}
		rows[i] = row
	}
	return rows
}

func reference(m resize.Method, antialias bool, src []float64, inH, inW, outH, outW, c int) []float64 {
	rows, cols := matrix(m, antialias, inH, outH), matrix(m, antialias, inW, outW)
	dst := make([]float64, outH*outW*c)
	for y := range outH {
		for x := range outW {
			for k := range c {
				for i, wy := range rows[y] {
					for j, wx := range cols[x] {
						dst[(y*outW+x)*c+k] += wy * wx * src[(i*inW+j)*c+k]
					}
				}
			}
		}
	}
	return dst
}

var sizes = [][4]int{
	{5, 7, 10, 14}, {5, 7, 3, 4}, {5, 7, 8, 5}, {5, 7, 5, 7}, {5, 7, 1, 1}, {1, 1, 4, 3}, {1, 9, 2, 4}, {16, 12, 4, 24}, {33, 2, 7, 3}, {2, 31, 3, 5},
}

// Every method agrees with its definition as a matrix, in float32 and float64. Weights are float32 in both. Gaussian
// jumps from 0.011 to 0 at its radius, so that with antialias rounding decides about samples exactly there: the goldens
// of package vision check it against TensorFlow.
func TestRunAgainstDefinition(t *testing.T) {
	const c = 3
	for _, m := range methods {
		for _, antialias := range []bool{false, true} {
			if m == resize.Gaussian && antialias {
				continue
			}
			for _, s := range sizes {
				src := noise[float64](s[0] * s[1] * c)
				src32 := make([]float32, len(src))
				for i, v := range src {
					src32[i] = float32(v)
				}
				want := reference(m, antialias, src, s[0], s[1], s[2], s[3], c)
				p := resize.NewPlan(m, antialias, s[0], s[1], s[2], s[3])
				got, got32 := run(p, src, s[2], s[3], c), run(p, src32, s[2], s[3], c)
				for i := range want {
					require.InDelta(t, want[i], got[i], 255*4e-6, "%s antialias=%v %v element %d", m, antialias, s, i)
					require.InDelta(t, want[i], float64(got32[i]), 255*4e-6, "float32 %s antialias=%v %v element %d", m, antialias, s, i)
				}
			}
		}
	}
}

// A constant image stays what it is, at any size and with every method. The weights of Area are differences of float32
// positions, up to o/n of an input pixel wide and not renormalised, hence the second term.
func TestRunKeepsConstant(t *testing.T) {
	for _, m := range methods {
		for _, antialias := range []bool{false, true} {
			for n := 1; n < 40; n += 3 {
				for o := 1; o < 40; o += 2 {
					src := make([]float64, n*2)
					for i := range src {
						src[i] = 100
					}
					tolerance := 100 * (1e-6 + float64(o)*0x1p-23)
					for _, v := range run(resize.NewPlan(m, antialias, n, 2, o, 3), src, o, 3, 1) {
						require.InDelta(t, 100, v, tolerance, "%s antialias=%v %d to %d", m, antialias, n, o)
					}
				}
			}
		}
	}
}

// Rows may be computed in any pieces; other rows, and what lies around dst, stay untouched.
func TestRunRows(t *testing.T) {
	const inH, inW, outH, outW, c, canary = 9, 6, 7, 11, 2, -1e9
	src := noise[float32](inH * inW * c)
	for _, m := range methods {
		p := resize.NewPlan(m, true, inH, inW, outH, outW)
		whole := run(p, src, outH, outW, c)
		for y := range outH {
			dst := make([]float32, outH*outW*c+2)
			for i := range dst {
				dst[i] = canary
			}
			scratch := make([]float32, p.Scratch(c))
			for i := range scratch {
				scratch[i] = canary
			}
			resize.Run(p, dst[1:len(dst)-1], src, c, y, y+1, scratch)
			for i, v := range dst {
				if i > y*outW*c && i <= (y+1)*outW*c {
					require.Equal(t, whole[i-1], v, "%s row %d", m, y)
				} else {
					require.Equal(t, float32(canary), v, "%s row %d element %d", m, y, i)
				}
			}
		}
	}
}

// A crop plan sees nothing outside of its box: it equals the plan for the box cut out, and the rest may hold anything.
func TestCropPlan(t *testing.T) {
	const h, w, c = 9, 8, 2
	box := resize.Box{Y: 2, X: 3, H: 5, W: 4}
	src := noise[float32](h * w * c)
	var cut []float32
	for y := range h {
		for i := range w * c {
			at := y*w*c + i
			if y >= box.Y && y < box.Y+box.H && i >= box.X*c && i < (box.X+box.W)*c {
				cut = append(cut, src[at])
			} else {
				src[at] = float32(math.NaN())
			}
		}
	}
	for _, m := range methods {
		for _, antialias := range []bool{false, true} {
			want := run(resize.NewPlan(m, antialias, box.H, box.W, 3, 6), cut, 3, 6, c)
			got := run(resize.NewCropPlan(m, antialias, h, w, box, 3, 6), src, 3, 6, c)
			require.Equal(t, want, got, m)
		}
	}
}

func TestRunNearestAnyType(t *testing.T) {
	p := resize.NewPlan(resize.Nearest, false, 2, 3, 3, 2)
	dst := make([]string, 6)
	resize.RunNearest(p, dst, []string{"a", "b", "c", "d", "e", "f"}, 1, 0, 3)
	require.Equal(t, []string{"a", "c", "d", "f", "d", "f"}, dst)
}

func TestRunAllocatesNothing(t *testing.T) {
	src, dst := noise[float32](20*20*3), make([]float32, 30*10*3)
	for _, m := range methods {
		p := resize.NewPlan(m, false, 20, 20, 30, 10)
		scratch := make([]float32, p.Scratch(3))
		require.Zero(t, testing.AllocsPerRun(5, func() { resize.Run(p, dst, src, 3, 0, 30, scratch) }), m)
	}
}

func TestMethodNames(t *testing.T) {
	for _, m := range methods {
		got, ok := resize.ParseMethod(m.String())
		require.True(t, ok)
		require.Equal(t, m, got)
	}
	_, ok := resize.ParseMethod("hamming")
	require.False(t, ok)
	require.Equal(t, "unknown", resize.Method(99).String())
}

func TestAspect(t *testing.T) {
	require.Equal(t, resize.Box{Y: 0, X: 80, H: 340, W: 340}, resize.CropToAspectRatio(340, 500, 200, 200))
	require.Equal(t, resize.Box{Y: 2, X: 0, H: 1, W: 7}, resize.CropToAspectRatio(5, 7, 1, 100))
	require.Equal(t, resize.Box{Y: 1, X: 2, H: 3, W: 4}, resize.CenterCrop(5, 8, 3, 4))
	require.Equal(t, resize.CropToAspectRatio(5, 8, 6, 4), resize.CenterCrop(5, 8, 6, 4))

	top, left := resize.PadToAspectRatio(5, 8, 4, 4)
	require.Equal(t, [2]int{1, 0}, [2]int{top, left}, "3 missing rows: one on each side, as in Keras")
	top, left = resize.PadToAspectRatio(8, 5, 1, 3)
	require.Equal(t, [2]int{0, 9}, [2]int{top, left})
}

func TestPad(t *testing.T) {
	dst := make([]float32, 4*3*2)
	resize.Pad(dst, []float32{1, 2, 3, 4}, 2, 1, 2, 1, 1, 9)
	require.Equal(t, []float32{
		9, 9, 9, 9, 9, 9,
		9, 9, 1, 2, 9, 9,
		9, 9, 3, 4, 9, 9,
		9, 9, 9, 9, 9, 9,
	}, dst)
}

func BenchmarkRun(b *testing.B) {
	src, dst := noise[float32](512*512*3), make([]float32, 224*224*3)
	for _, m := range methods {
		b.Run(m.String(), func(b *testing.B) {
			p := resize.NewPlan(m, false, 512, 512, 224, 224)
			scratch := make([]float32, p.Scratch(3))
			for i := 0; i < b.N; i++ {
				resize.Run(p, dst, src, 3, 0, 224, scratch)
			}
		})
	}
}
