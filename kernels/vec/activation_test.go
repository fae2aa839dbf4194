package vec

import (
	"encoding/json"
	"math"
	"math/rand"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/kernels/cpu"
	"github.com/kerasrun/kerasrun/kernels/kerneltest"
)

// activation is an entry of testdata/activations.json.
type activation struct {
	name string
	f    func(dst, src []float32)
	// single: the function is computed in float32, as Keras does, so that its
	// last bits differ from the float64 result.
	single bool
}

var inf32 = float32(math.Inf(1))

func reluOf(slope, top, threshold float32) func(dst, src []float32) {
	return func(dst, src []float32) { ReLU(dst, src, slope, top, threshold) }
}

func with(f func(dst, src []float32, p float32), p float32) func(dst, src []float32) {
	return func(dst, src []float32) { f(dst, src, p) }
}

func activations() []activation {
	return []activation{
		{"relu", reluOf(0, inf32, 0), false},
		{"relu_slope", reluOf(0.125, inf32, 0), false},
		{"relu_max", reluOf(0, 2.5, 0), false},
		{"relu_threshold", reluOf(0, inf32, 1), false},
		{"relu_threshold_negative", reluOf(0, inf32, -1), false},
		{"relu_threshold_negative_max", reluOf(0, 6, -1), false},
		{"relu_all", reluOf(0.125, 6, 1), true},
		{"relu_slope_max", reluOf(0.125, 2.5, 0), false},
		{"relu6", ReLU6, false},
		{"leaky_relu", with(LeakyReLU, 0.25), false},
		{"hard_tanh", HardTanh, false},
		{"hard_sigmoid", HardSigmoid, true},
		{"hard_sigmoid_2", HardSigmoid2, true},
		{"hard_silu", HardSiLU, true},
		{"hard_shrink", with(HardShrink, 0.5), false},
		{"soft_shrink", with(SoftShrink, 0.5), true},
		{"threshold", func(dst, src []float32) { Threshold(dst, src, 1, -7) }, false},
		{"sparse_plus", SparsePlus, true},
		{"sparse_sigmoid", SparseSigmoid, true},
		{"exponential", Exp, false},
		{"sigmoid", Sigmoid, false},
		{"log_sigmoid", LogSigmoid, false},
		{"tanh", Tanh, false},
		{"tanh_shrink", TanhShrink, false},
		{"silu", SiLU, false},
		{"mish", Mish, false},
		{"softplus", Softplus, false},
		{"softsign", Softsign, false},
		{"squareplus", with(Squareplus, 4), false},
		{"gelu", GELU, false},
		{"gelu_tanh", GELUTanh, false},
		{"elu", with(ELU, 0.5), false},
		{"selu", SELU, false},
		{"celu", with(CELU, 2), false},
	}
}

// goldens is testdata/activations.json: float64 results of real Keras.
type goldens struct {
	X           []string              `json:"x"`
	Elementwise map[string][]string   `json:"elementwise"`
	Rows        [][]string            `json:"rows"`
	Along       map[string][][]string `json:"along"`
}

func readGoldens(t *testing.T) goldens {
	t.Helper()
	data, err := os.ReadFile("testdata/activations.json")
	require.NoError(t, err)
	var g goldens
	require.NoError(t, json.Unmarshal(data, &g))
	return g
}

func floats(t *testing.T, text []string) []float64 {
	t.Helper()
	out := make([]float64, len(text))
	for i, s := range text {
		v, err := strconv.ParseFloat(s, 64)
		require.NoError(t, err)
		out[i] = v
	}
	return out
}

func singles(v []float64) []float32 {
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(x)
	}
	return out
}

func TestActivationsAgainstKeras(t *testing.T) {
	eachVariant(t, activationsAgainstKeras)
}

func activationsAgainstKeras(t *testing.T) {
	g := readGoldens(t)
	x := singles(floats(t, g.X))
	require.Len(t, activations(), len(g.Elementwise))
	for _, a := range activations() {
		t.Run(a.name, func(t *testing.T) {
			want := floats(t, g.Elementwise[a.name])
			got := kerneltest.Guarded(t, len(x))
			a.f(got, x)
			for i, v := range got {
				// Keras cancels digits even in float64 (x - tanh(x), 1 + erf(x)).
				lost := math.Ldexp(math.Max(1, math.Abs(float64(x[i]))), -50)
				if a.single {
					lost = math.Ldexp(math.Max(1, math.Abs(want[i])), -23)
				}
				near := math.Abs(float64(v)-want[i]) <= lost
				limit := uint32(1) // of the plain form; that of the assembly is stated for each function
				if use != cpu.Generic {
					limit = max(limit, smoothLimits[a.name])
				}
				require.True(t, near || kerneltest.ULP(v, float32(want[i])) <= limit,
					"f(%v) = %v, want %v", x[i], v, want[i])
			}
		})
	}
}

// Lengths, ends of slices, and dst being src: an element's result depends on
// nothing but itself.
func TestActivationLengths(t *testing.T) {
	eachVariant(t, activationLengths)
}

func activationLengths(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for _, a := range activations() {
		for n := 0; n <= 35; n++ {
			src := kerneltest.Random(r, n)
			one := make([]float32, n)
			for i := range src {
				a.f(one[i:i+1], src[i:i+1])
			}
			dst, same := kerneltest.Fenced(t, n), kerneltest.Copy(t, src)
			a.f(dst, src)
			require.Equal(t, one, append([]float32{}, dst...), "%s of %d", a.name, n)
			a.f(same, same)
			require.Equal(t, one, append([]float32{}, same...), "%s of %d in place", a.name, n)
		}
	}
}

// Rows of all lengths, near 0 and far from it, against the plain form, in place and at fences.
// Rows in place are the function of their elements, and nothing else is touched.
func TestActivationRows(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		r := rand.New(rand.NewSource(9))
		for _, a := range []struct {
			name string
			rows func(d []float32, n, stride int)
			f    func(dst, src []float32)
		}{{"sigmoid", SigmoidRows, Sigmoid}, {"silu", SiLURows, SiLU}, {"tanh", TanhRows, Tanh}, {"gelu", GELURows, GELU}} {
			for _, n := range []int{1, 7, 16, 24, 64, 100, maxCall - 3, maxCall + 5} {
				for _, gap := range []int{0, 1, 40} {
					rows := 1 + r.Intn(5)
					d := kerneltest.Guarded(t, (rows-1)*(n+gap)+n)
					copy(d, kerneltest.Random(r, len(d)))
					want := append([]float32(nil), d...)
					for at := 0; at < len(d); at += n + gap {
						a.f(want[at:at+n], want[at:at+n])
					}
					a.rows(d, n, n+gap)
					require.Equal(t, want, d, "%s of %d rows of %d, %d apart", a.name, rows, n, n+gap)
				}
			}
			a.rows(nil, 3, 4) // no row
		}
	})
}

func TestSoftmaxRows(t *testing.T) {
	r := rand.New(rand.NewSource(5))
	for n := 1; n < 90; n++ {
		for _, scale := range []float32{1, 10, 1e3, 1e30} {
			src, want := kerneltest.Random(r, 3*n), make([]float32, 3*n)
			MulScalar(src, src, scale)
			if n > 3 {
				src[n+2] = -inf32 // a masked place
			}
			alongAxis(want, src, 3, n, 1, softmax)
			eachVariant(t, func(t *testing.T) {
				dst, same := kerneltest.Fenced(t, 3*n), kerneltest.Copy(t, src)
				Softmax(dst, src, 3, n, 1)
				Softmax(same, same, 3, n, 1)
				for i, w := range want {
					require.LessOrEqual(t, kerneltest.ULP(w, dst[i]), uint32(2), "%d of %d x %v: %v, want %v", i, n, scale, dst[i], w)
				}
				require.Equal(t, append([]float32{}, dst...), same)
			})
		}
	}
}

func TestPReLURow(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		src := []float32{-1, 2, -3, -4, 0, 6}
		dst := kerneltest.Guarded(t, len(src))
		PReLURow(dst, src, []float32{10, 0.5, -1})
		require.Equal(t, []float32{-10, 2, 3, -40, 0, 6}, dst)
	})
}

func TestRoots(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		r := rand.New(rand.NewSource(4))
		for n := range 40 {
			src, want := kerneltest.Random(r, n), make([]float64, n)
			dst := kerneltest.Fenced(t, n)
			Abs(dst, src)
			for i, x := range src {
				want[i] = math.Abs(float64(x))
			}
			kerneltest.CheckULP(t, dst, want, 0)
			Square(dst, src)
			for i, x := range src {
				want[i] = float64(x) * float64(x)
			}
			kerneltest.CheckULP(t, dst, want, 0)
			Sqrt(dst, src)
			for i, x := range src {
				want[i] = math.Sqrt(float64(x))
			}
			kerneltest.CheckULP(t, dst, want, 0)
		}
	})
}

func TestGLU(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		dst := kerneltest.Guarded(t, 2)
		GLU(dst, []float32{2, -4}, []float32{0, inf32})
		require.Equal(t, []float32{1, -4}, dst)
		r := rand.New(rand.NewSource(3))
		for n := range 50 {
			a, b, want := kerneltest.Random(r, n), kerneltest.Random(r, n), make([]float64, n)
			for i, x := range b {
				want[i] = float64(a[i]) * sigmoid64(float64(x))
			}
			dst, same := kerneltest.Fenced(t, n), kerneltest.Copy(t, b)
			GLU(dst, a, b)
			kerneltest.CheckULP(t, dst, want, 2)
			GLU(same, a, same)
			kerneltest.CheckULP(t, same, want, 2)
		}
	})
}

func TestSoftmaxAgainstKeras(t *testing.T) { eachVariant(t, softmaxAgainstKeras) }

func softmaxAgainstKeras(t *testing.T) {
	g := readGoldens(t)
	for name, f := range map[string]func(dst, src []float32, n int){
		"softmax":     func(dst, src []float32, n int) { Softmax(dst, src, 1, n, 1) },
		"log_softmax": func(dst, src []float32, n int) { LogSoftmax(dst, src, 1, n, 1) },
		"sparsemax":   func(dst, src []float32, n int) { Sparsemax(dst, src, 1, n, 1, make([]float32, n)) },
	} {
		for i, row := range g.Rows {
			src, want := singles(floats(t, row)), floats(t, g.Along[name][i])
			if name == "sparsemax" && src[0] != src[0] {
				continue // where a sort puts NaN is not defined
			}
			dst := kerneltest.Guarded(t, len(src))
			f(dst, src, len(src))
			for j, v := range dst {
				near := math.Abs(float64(v)-want[j]) <= 3e-7
				require.True(t, near || kerneltest.ULP(v, float32(want[j])) <= 1,
					"%s(%v)[%d] = %v, want %v", name, src, j, v, want[j])
			}
		}
	}
}

// An inner axis gives what the same lines give when they are contiguous.
func TestSoftmaxAxis(t *testing.T) { eachVariant(t, softmaxAxis) }

func softmaxAxis(t *testing.T) {
	r := rand.New(rand.NewSource(2))
	const outer, axis, inner = 3, 5, 4
	src := kerneltest.Random(r, outer*axis*inner)
	scratch := make([]float32, axis)
	for name, f := range map[string]func(dst, src []float32, outer, axis, inner int){
		"softmax":     Softmax,
		"log_softmax": LogSoftmax,
		"sparsemax": func(dst, src []float32, outer, axis, inner int) {
			Sparsemax(dst, src, outer, axis, inner, scratch)
		},
	} {
		dst := kerneltest.Guarded(t, len(src))
		f(dst, src, outer, axis, inner)
		line, want := make([]float32, axis), make([]float32, axis)
		for o := 0; o < outer; o++ {
			for i := 0; i < inner; i++ {
				for j := range line {
					line[j] = src[(o*axis+j)*inner+i]
				}
				f(want, line, 1, axis, 1)
				for j, w := range want {
					limit := uint32(0)
					if name == "softmax" && use != cpu.Generic {
						limit = 2 // the last axis alone has assembly
					}
					require.LessOrEqual(t, kerneltest.ULP(w, dst[(o*axis+j)*inner+i]), limit, name)
				}
			}
		}
		same := append([]float32{}, src...)
		f(same, same, outer, axis, inner)
		require.Equal(t, append([]float32{}, dst...), same, name)
		f(nil, nil, 2, 0, 3)
	}
}
