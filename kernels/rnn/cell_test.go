package rnn

import (
	"fmt"
	"math"
	"math/rand"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/kernels/cpu"
	"github.com/kerasrun/kerasrun/kernels/kerneltest"
)

// eachVariant runs a test with every variant this processor has.
func eachVariant(t *testing.T, test func(t *testing.T)) {
	before := use
	t.Cleanup(func() { use = before })
	for _, name := range cpu.Runnable() {
		t.Run(string(name), func(t *testing.T) {
			use = name
			test(t)
		})
	}
}

// A trial is a step in Keras's layout: rows of n samples, without padding.
type trial struct {
	kind          Kind
	units, n      int
	h, c, z, bias []float32 // z is (n, gates·units)
	weights       []float32 // (units, gates·units)
	down          bool
	wantH, wantC  []float64
	gates         int
}

func newTrial(r *rand.Rand, kind Kind, units, n int) *trial {
	tr := &trial{kind: kind, units: units, n: n, gates: 4 - int(kind), down: r.Intn(2) == 0}
	tr.h, tr.c, tr.z = kerneltest.Random(r, n*units), kerneltest.Random(r, n*units), kerneltest.Random(r, n*units*tr.gates)
	tr.bias, tr.weights = kerneltest.Random(r, units), kerneltest.Random(r, units*units*tr.gates)
	for i := range tr.weights {
		tr.weights[i] /= float32(math.Sqrt(float64(units)))
	}
	tr.solve()
	return tr
}

// solve computes the step in float64.
func (tr *trial) solve() {
	tr.wantH, tr.wantC = make([]float64, len(tr.h)), make([]float64, len(tr.c))
	sig := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	for b := range tr.n {
		for u := range tr.units {
			var x, sum [4]float64
			for g := range tr.gates {
				at := g*tr.units + u
				x[g] = float64(tr.z[b*tr.gates*tr.units+at])
				for k := range tr.units {
					sum[g] += float64(tr.h[b*tr.units+k]) * float64(tr.weights[k*tr.gates*tr.units+at])
				}
			}
			at := b*tr.units + u
			if tr.kind == GRU {
				k := math.Tanh(x[2] + sig(x[1]+sum[1])*(sum[2]+float64(tr.bias[u])))
				z := sig(x[0] + sum[0])
				tr.wantH[at] = z*float64(tr.h[at]) + (1-z)*k
				continue
			}
			tr.wantC[at] = sig(x[1]+sum[1])*float64(tr.c[at]) + sig(x[0]+sum[0])*math.Tanh(x[2]+sum[2])
			tr.wantH[at] = sig(x[3]+sum[3]) * math.Tanh(tr.wantC[at])
		}
	}
}

// step lays the trial out in slices that alloc makes.
func (tr *trial) step(t *testing.T, cell *Cell, alloc func(testing.TB, int) []float32) Step {
	t.Helper()
	rows := func(src []float32) []float32 { // padded with zeros
		dst := alloc(t, tr.n*cell.Padded())
		clear(dst)
		for b := range tr.n {
			copy(dst[b*cell.Padded():], src[b*tr.units:(b+1)*tr.units])
		}
		return dst
	}
	s := Step{N: tr.n, Down: tr.down, Now: State{H: rows(tr.h)}, Next: State{H: alloc(t, tr.n*cell.Padded())}}
	if tr.kind == LSTM {
		s.Now.C, s.Next.C = rows(tr.c), alloc(t, tr.n*cell.Padded())
	} else {
		s.Bias = alloc(t, cell.Padded())
		clear(s.Bias)
		copy(s.Bias, tr.bias)
	}
	s.Z = alloc(t, tr.n*cell.Wide())
	cell.Interleave(s.Z, tr.z)
	wide := make([]float32, tr.units*cell.Wide())
	cell.Interleave(wide, tr.weights)
	s.Weights = alloc(t, cell.PackedLen())
	cell.Pack(s.Weights, wide)
	s.Room = alloc(t, tr.n*cell.Room())
	return s
}

// run does the step on slices that alloc makes, and returns the states.
func (tr *trial) run(t *testing.T, alloc func(testing.TB, int) []float32) (h, c []float32) {
	t.Helper()
	cell := New(tr.kind, tr.units)
	s := tr.step(t, &cell, alloc)
	var w Worker
	cell.Run(&w, &s)
	cut := func(src []float32) (dst []float32) {
		for b := range tr.n {
			row := src[b*cell.Padded() : (b+1)*cell.Padded()]
			dst = append(dst, row[:tr.units]...)
			for _, v := range row[tr.units:] {
				require.Zero(t, v, "padding")
			}
		}
		return dst
	}
	if tr.kind == LSTM {
		c = cut(s.Next.C)
	}
	return cut(s.Next.H), c
}

// check holds states against float64: gates and states are at most about 1, but for
// sums of that many terms.
func (tr *trial) check(t *testing.T, h, c []float32) {
	t.Helper()
	limit := 1e-6 + 2e-8*float64(tr.units)
	for i, want := range tr.wantH {
		require.InDelta(t, want, h[i], limit, "h, %d units, %d samples, element %d", tr.units, tr.n, i)
	}
	for i := range c {
		require.InDelta(t, tr.wantC[i], c[i], limit*max(1, math.Abs(float64(tr.c[i]))), "c, %d units, %d samples, element %d", tr.units, tr.n, i)
	}
}

// All numbers of units up to 70, and some more, of samples up to two tiles.
func TestSteps(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		r := rand.New(rand.NewSource(1))
		for _, kind := range []Kind{LSTM, GRU} {
			for units := 1; units <= 70; units++ {
				for n := 1; n <= 9; n += 1 + r.Intn(3) {
					tr := newTrial(r, kind, units, n)
					h, c := tr.run(t, kerneltest.Guarded)
					tr.check(t, h, c)
				}
			}
			for _, units := range []int{128, 255, 256, 257, 300, 600} { // sums in pieces, weights in groups
				tr := newTrial(r, kind, units, 1+r.Intn(16))
				h, c := tr.run(t, kerneltest.Guarded)
				tr.check(t, h, c)
			}
		}
	})
}

// Slices that end at an inaccessible page, and the number of samples that makes every tile.
func TestFenced(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		r := rand.New(rand.NewSource(2))
		for _, kind := range []Kind{LSTM, GRU} {
			for n := 1; n <= 8; n++ {
				tr := newTrial(r, kind, 1+r.Intn(40), n)
				h, c := tr.run(t, kerneltest.Fenced)
				tr.check(t, h, c)
			}
		}
	})
}

// A sample's states do not depend on the samples beside it, nor on the vectors of the variant.
func TestSamplesAlone(t *testing.T) {
	for _, kind := range []Kind{LSTM, GRU} {
		for _, units := range []int{5, 24, 64, 300} {
			for n := 1; n <= 8; n++ {
				t.Run(fmt.Sprint(kind, units, n), func(t *testing.T) {
					r := rand.New(rand.NewSource(int64(units)))
					tr := newTrial(r, kind, units, n)
					var tiles [][]float32
					eachVariant(t, func(t *testing.T) {
						h, _ := tr.run(t, kerneltest.Guarded)
						if use != cpu.Generic {
							tiles = append(tiles, h)
						}
						for b := range n {
							one := *tr
							one.n = 1
							one.h, one.c = tr.h[b*units:(b+1)*units], tr.c[b*units:(b+1)*units]
							one.z = tr.z[b*tr.gates*units : (b+1)*tr.gates*units]
							alone, _ := one.run(t, kerneltest.Guarded)
							require.Equal(t, h[b*units:(b+1)*units], alone, "sample %d", b)
						}
					})
					for _, h := range tiles {
						require.Equal(t, tiles[0], h)
					}
				})
			}
		}
	}
}

// Gates far from zero are 0 and 1, also at infinity; NaN stays NaN and within its sample.
func TestSpecialValues(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	eachVariant(t, func(t *testing.T) {
		for _, big := range []float32{50, 1e3, 1e30, inf} {
			tr := &trial{kind: LSTM, units: 3, n: 2, gates: 4, weights: make([]float32, 36), h: make([]float32, 6)}
			tr.c = []float32{-2, 3, nan, 1, 1, 1}
			tr.z = []float32{
				-big, big, big, big, -big, big, 0, big, 0, big, -big, big, // i, f, c, o of the first sample
				0, 0, 0, 0, 0, 0, 0, 0, 0, nan, 0, 0,
			}
			h, c := tr.run(t, kerneltest.Guarded)
			require.InDeltaSlice(t, []float32{-2, 1, 0}, []float32{c[0], c[1], 0}, 1e-6)
			require.InDeltaSlice(t, []float64{math.Tanh(-2), 0}, []float32{h[0], h[1]}, 1e-6)
			require.True(t, c[2] != c[2] && h[2] != h[2])
			require.InDeltaSlice(t, []float32{0.5, 0.5, 0.5}, c[3:], 1e-6)
			require.True(t, h[3] != h[3] && h[4] == h[4] && h[5] == h[5])

			tr = &trial{kind: GRU, units: 2, n: 2, gates: 3, weights: make([]float32, 12), h: []float32{0.25, 0.5, 0.25, 0.5}, bias: make([]float32, 2)}
			tr.z = []float32{big, -big, 0, 0, big, -big, 0, nan, 0, 0, 0, 0}
			h, _ = tr.run(t, kerneltest.Guarded)
			require.InDeltaSlice(t, []float32{0.25, -1, 0.125}, h[:3], 1e-6)
			require.True(t, h[3] != h[3])
		}
	})
}

// A slice that is too short panics before assembly touches it.
func TestShortSlices(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		for _, kind := range []Kind{LSTM, GRU} {
			tr := newTrial(rand.New(rand.NewSource(3)), kind, 20, 3)
			cell := New(kind, 20)
			for short := range 8 {
				s := tr.step(t, &cell, kerneltest.Guarded)
				var w Worker
				require.NotPanics(t, func() { cell.Run(&w, &s) })
				field := []*[]float32{&s.Now.H, &s.Next.H, &s.Now.C, &s.Next.C, &s.Z, &s.Weights, &s.Bias, &s.Room}[short]
				if len(*field) == 0 {
					continue
				}
				*field = (*field)[: len(*field)-1 : len(*field)-1]
				require.Panics(t, func() { cell.Run(&w, &s) }, "slice %d", short)
			}
		}
	})
}
