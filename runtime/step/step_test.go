package step

import (
	"math"
	"math/rand"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/step/reference"
	"github.com/kerasrun/kerasrun/runtime/weight"
)

// A trial is an op with operands: those of the op, then bias and residual.
type trial struct {
	op    graph.Op
	in    []graph.Tensor
	fixed []int // operands that are constants
	epi   Epilogue
	// terms is the number of products that the kernels sum for an element, 0 for
	// ops that sum nothing or in float64.
	terms int
	// size maps an element of operand i so that the op on the sizes bounds the
	// sum of the absolute values of the terms; nil takes absolute values.
	size func(i int, x float64) float64
	// gain bounds what the sums of absolute values exceed the largest operand by,
	// for ops whose weights are not operands.
	gain float64
	// winograd is the budget for weights transformed for Winograd's convolution.
	winograd int64
}

// spec describes the trial, with results as op infers them.
func (tr *trial) spec(t testing.TB) Spec {
	t.Helper()
	s := Spec{Op: tr.op, Epilogue: tr.epi, Const: make([]*weight.Value, len(tr.in)), Winograd: tr.winograd}
	for _, x := range tr.in {
		s.In = append(s.In, graph.Type{DType: x.DType, Shape: x.Shape})
	}
	for _, i := range tr.fixed {
		s.Const[i] = weight.Of(tr.in[i])
	}
	out, err := tr.op.Infer(s.In[:tr.args()])
	require.NoError(t, err, "%#v of %v", tr.op, s.In)
	if p := tr.epi.Pool; p != nil {
		out, err = p.Infer(out)
		require.NoError(t, err, "%#v of %v", p, s.In)
	}
	s.Out = out
	return s
}

func (tr *trial) args() int {
	n := len(tr.in)
	if tr.epi.Bias {
		n--
	}
	if tr.epi.Residual {
		n--
	}
	return n
}

// run makes the step and runs its chunks, the last first when reversed.
// Constant operands are absent.
func (tr *trial) run(t testing.TB, reversed bool) graph.Tensor {
	t.Helper()
	spec := tr.spec(t)
	s, err := New(spec, nil)
	require.NoError(t, err, "%#v of %v", tr.op, spec.In)
	a := tr.operands(spec)
	scratch := make([]float32, s.Info().Scratch)
	for i := range s.Chunks() {
		if reversed {
			i = s.Chunks() - 1 - i
		}
		for j := range scratch {
			scratch[j] = float32(math.NaN())
		}
		require.NoError(t, s.Run(a, i, scratch), "%#v", tr.op)
	}
	return a.Out[0]
}

// ready makes the step and what it runs with.
func (tr *trial) ready(t testing.TB) (s Step, a *Args, scratch []float32) {
	t.Helper()
	spec := tr.spec(t)
	s, err := New(spec, nil)
	require.NoError(t, err, "%#v of %v", tr.op, spec.In)
	scratch = make([]float32, s.Info().Scratch)
	for j := range scratch {
		scratch[j] = float32(math.NaN())
	}
	return s, tr.operands(spec), scratch
}

// runAll makes the step and runs its chunks together.
func (tr *trial) runAll(t testing.TB) graph.Tensor {
	t.Helper()
	s, a, scratch := tr.ready(t)
	require.NoError(t, RunAll(s, a, scratch), "%#v", tr.op)
	return a.Out[0]
}

// runParts makes the step and runs its chunks in parts of some chunks, the last part
// first, as the threads of a team may.
func (tr *trial) runParts(t testing.TB) graph.Tensor {
	t.Helper()
	s, a, scratch := tr.ready(t)
	r := rand.New(rand.NewSource(int64(s.Chunks())))
	for hi := s.Chunks(); hi > 0; {
		lo := r.Intn(hi)
		for c := lo; c < hi; {
			var err error
			c, err = RunFrom(s, a, c, hi, scratch)
			require.NoError(t, err, "%#v", tr.op)
		}
		hi = lo
	}
	return a.Out[0]
}

// operands are those of a run; float32 results are NaN beforehand.
func (tr *trial) operands(spec Spec) *Args {
	a := &Args{In: slices.Clone(tr.in)}
	for _, o := range spec.Out {
		a.Out = append(a.Out, graph.NewTensor(o.DType, o.Shape))
	}
	for _, i := range tr.fixed {
		a.In[i] = graph.Tensor{}
	}
	for _, o := range a.Out {
		if d, ok := o.Data.([]float32); ok {
			for i := range d {
				d[i] = float32(math.NaN())
			}
		}
	}
	return a
}

// want computes the result in float64, unrounded, by the reference form of each op.
func (tr *trial) want(t testing.TB, f func(i int, x float64) float64) []float64 {
	t.Helper()
	in := make([]graph.Tensor, len(tr.in))
	for i, x := range tr.in {
		in[i] = x
		if x.DType.Floating() {
			in[i] = graph.NewTensor(graph.Float64, x.Shape)
			for j := range x.Len() {
				in[i].SetFloat(j, f(i, x.Float(j)))
			}
		}
	}
	out := tr.spec(t).Out
	for k := range out {
		if out[k].DType.Floating() {
			out[k].DType = graph.Float64
		}
	}
	res, err := Reference(tr.op, in[:tr.args()], out)
	require.NoError(t, err)
	v := res[0].Float64s()
	more := in[tr.args():]
	for i := range v {
		if tr.epi.Bias {
			v[i] += more[0].Float(i % more[0].Len())
		}
		if tr.epi.Residual {
			v[i] += more[len(more)-1].Float(i)
		}
	}
	return v
}

func same(_ int, x float64) float64 { return x }

func absolute(_ int, x float64) float64 { return math.Abs(x) }

// sizes bounds the sum of the absolute values of the terms of each element.
func (tr *trial) sizes(t testing.TB) []float64 {
	t.Helper()
	switch {
	case tr.gain > 0:
		largest := 0.0
		for i := range tr.in[0].Len() {
			largest = max(largest, math.Abs(tr.in[0].Float(i)))
		}
		n, _ := tr.spec(t).Out[0].Shape.Elems()
		return slices.Repeat([]float64{largest * tr.gain}, n)
	case tr.size != nil:
		return tr.want(t, tr.size)
	}
	return tr.want(t, absolute)
}

// check holds a float32 run against float64. Sums may be off by what rounding
// can do to them (Higham, Accuracy and Stability of Numerical Algorithms, §3.1);
// other results by a few roundings of numbers of their size, or of size 1.
func (tr *trial) check(t testing.TB) {
	t.Helper()
	got := tr.run(t, false)
	require.Equal(t, bits(got), bits(tr.run(t, true)), "%#v: the order of chunks changes the result", tr.op)
	require.Equal(t, bits(got), bits(tr.runAll(t)), "%#v: chunks together change the result", tr.op)
	require.Equal(t, bits(got), bits(tr.runParts(t)), "%#v: parts of the chunks change the result", tr.op)
	want := tr.want(t, same)
	var size []float64
	if tr.terms > 0 {
		size = tr.sizes(t)
	}
	require.Equal(t, len(want), got.Len())
	for i, w := range want {
		limit := 0.0
		if tr.terms > 0 {
			limit = float64(tr.terms+4) * size[i] * 0x1p-24
		}
		if tr.epi.Act != nil {
			w = reference.Activation(*tr.epi.Act)(w)
			limit *= 1.2 // the steepest activation but exp is GELU
			if tr.epi.Act.Func == graph.Exponential {
				limit *= w
			}
		}
		if tr.terms == 0 || tr.epi.Act != nil {
			limit += 0x1p-21 * max(1, math.Abs(w))
		}
		g := got.Float(i)
		if !got.DType.Floating() {
			limit = 0
		}
		if g == w || g != g && w != w {
			continue
		}
		if !(math.Abs(g-w) <= limit) {
			require.Failf(t, "wrong element", "%#v of %v: element %d is %v, want %v: off by %g, rounding explains %g",
				tr.op, tr.spec(t).In, i, g, w, math.Abs(g-w), limit)
		}
	}
}

// bits are the elements in a form in which NaN equals itself.
func bits(t graph.Tensor) any {
	d, ok := t.Data.([]float32)
	if !ok {
		return t.Data
	}
	b := make([]uint32, len(d))
	for i, v := range d {
		b[i] = math.Float32bits(v)
	}
	return b
}

// random returns a float32 tensor of normally distributed elements.
func random(r *rand.Rand, shape ...int) graph.Tensor {
	t := graph.NewTensor(graph.Float32, shape)
	d := t.Data.([]float32)
	for i := range d {
		d[i] = float32(r.NormFloat64())
	}
	return t
}

// positive returns a float32 tensor of elements from 0.1 to 2.1.
func positive(r *rand.Rand, shape ...int) graph.Tensor {
	t := graph.NewTensor(graph.Float32, shape)
	d := t.Data.([]float32)
	for i := range d {
		d[i] = 0.1 + 2*r.Float32()
	}
	return t
}

// integers returns a tensor of elements from lo to hi-1.
func integers(r *rand.Rand, d graph.DType, lo, hi int, shape ...int) graph.Tensor {
	t := graph.NewTensor(d, shape)
	for i := range t.Len() {
		t.SetFloat(i, float64(lo+r.Intn(hi-lo)))
	}
	return t
}

// between returns a number from lo to hi.
func between(r *rand.Rand, lo, hi int) int { return lo + r.Intn(hi-lo+1) }

// shape returns rank dimensions from 1 to most.
func shape(r *rand.Rand, rank, most int) []int {
	s := make([]int, rank)
	for i := range s {
		s[i] = between(r, 1, most)
	}
	return s
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.Intn(len(of))] }
