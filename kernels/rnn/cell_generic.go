package rnn

import (
	"math"

	"github.com/kerasrun/kerasrun/kernels/conv"
)

// runGeneric does a step: the product on the kernels of package conv, the gates in plain Go.
func (c *Cell) runGeneric(s *Step) {
	sums, epi := s.Z, conv.Epilogue{Residual: s.Z}
	if c.kind == GRU {
		sums, epi = s.Room[:s.N*c.Wide()], conv.Epilogue{}
	}
	shape := c.product(s.N)
	conv.Run(&shape, sums, s.Now.H, s.Weights, &epi, 0, s.N)
	for b := range s.N {
		row := func(of []float32, size int) []float32 { return of[b*size : (b+1)*size] }
		z, h, next := row(s.Z, c.Wide()), row(s.Now.H, c.padded), row(s.Next.H, c.padded)
		for u := 0; u < c.padded; u += c.lanes {
			if c.kind == GRU {
				c.gruGates(next[u:], h[u:], z[c.gates*u:], row(sums, c.Wide())[c.gates*u:], s.Bias[u:])
			} else {
				c.lstmGates(next[u:], row(s.Next.C, c.padded)[u:], row(s.Now.C, c.padded)[u:], z[c.gates*u:])
			}
		}
	}
}

// lstmGates finishes a block of units from their sums.
func (c *Cell) lstmGates(h, next, state, sums []float32) {
	for l := range c.lanes {
		i, f, g, o := sums[l], sums[c.lanes+l], sums[2*c.lanes+l], sums[3*c.lanes+l]
		v := sigmoid(f)*float64(state[l]) + sigmoid(i)*math.Tanh(float64(g))
		next[l] = float32(v)
		h[l] = float32(sigmoid(o) * math.Tanh(v))
	}
}

// gruGates finishes a block of units from their projected inputs and the products of the state.
func (c *Cell) gruGates(next, h, x, sums, bias []float32) {
	for l := range c.lanes {
		z, r := sigmoid(x[l]+sums[l]), sigmoid(x[c.lanes+l]+sums[c.lanes+l])
		k := math.Tanh(float64(x[2*c.lanes+l]) + r*float64(sums[2*c.lanes+l]+bias[l]))
		next[l] = float32(k + z*(float64(h[l])-k))
	}
}

func sigmoid(x float32) float64 { return 1 / (1 + math.Exp(-float64(x))) }
