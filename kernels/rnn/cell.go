package rnn

import (
	"github.com/kerasrun/kerasrun/kernels/conv"
	"github.com/kerasrun/kerasrun/kernels/cpu"
)

// Kind is a kind of cell.
type Kind int

const (
	// LSTM has the gates i, f, c, o and the states h and c:
	//
	//	c = sigmoid(f)·c + sigmoid(i)·tanh(c gate)
	//	h = sigmoid(o)·tanh(c)
	LSTM Kind = iota
	// GRU has the gates z, r, k and the state h. The product of the state and the
	// weights of k, with a bias of its own, is scaled by r:
	//
	//	k = tanh(x·Wk + bk + sigmoid(r)·(h·Uk + b'k))
	//	h = k + sigmoid(z)·(h - k)
	GRU
)

// A Cell is the layout of the cells of a layer for the variant in use.
type Cell struct {
	kind         Kind
	units, gates int
	lanes        int // units whose gates lie side by side
	padded       int // units rounded up to lanes
	variant      cpu.Variant
}

// use is the variant of this process; tests set it to try the others.
var use = cpu.Active()

// New returns the layout for so many units.
func New(kind Kind, units int) Cell {
	c := Cell{kind: kind, units: units, gates: 4, lanes: 4, variant: use}
	if kind == GRU {
		c.gates = 3
	}
	switch use {
	case cpu.AVX512:
		// A register for 16 of which 8 or fewer are there is no gain if it is the only one, or one of two.
		c.lanes = 16
		if 5*ceil(units, 8) <= 4*ceil(units, 16) {
			c.lanes, c.variant = 8, cpu.AVX2
		}
	case cpu.AVX2:
		c.lanes = 8
	default:
		c.variant = cpu.Generic
	}
	c.padded = ceil(units, c.lanes)
	return c
}

func ceil(n, of int) int { return (n + of - 1) / of * of }

// Padded is the length of a sample's row of a state: the units, then zeros.
func (c *Cell) Padded() int { return c.padded }

// Wide is the length of a sample's row of gates.
func (c *Cell) Wide() int { return c.gates * c.padded }

// Interleave copies rows of all gates, each (gates, units) in Keras's order, into
// rows of Wide: for each block of units its gates. Units that there are not are
// zero. It makes the kernel and bias of the projection.
func (c *Cell) Interleave(dst, src []float32) {
	for len(src) > 0 {
		row, out := src[:c.gates*c.units], dst[:c.Wide()]
		clear(out)
		for g := range c.gates {
			for u, v := range row[g*c.units : (g+1)*c.units] {
				out[(u/c.lanes*c.gates+g)*c.lanes+u%c.lanes] = v
			}
		}
		src, dst = src[len(row):], dst[len(out):]
	}
}

// product is the product of the states of n samples with the weights.
func (c *Cell) product(n int) conv.Shape {
	s := conv.DenseShape(n, c.units, c.Wide())
	s.SrcStride = c.padded
	return s
}

// PackedLen is the length of the packed weights of the state.
func (c *Cell) PackedLen() int {
	if c.variant == cpu.Generic {
		s := c.product(1)
		return conv.PackedLen(&s)
	}
	return c.units * c.Wide()
}

// Pack packs the weights of the state, interleaved (units, Wide), into dst of
// length PackedLen: for tiles, block after block of units.
func (c *Cell) Pack(dst, weights []float32) {
	if c.variant == cpu.Generic {
		s := c.product(1)
		conv.Pack(dst, weights, &s)
		return
	}
	width := c.gates * c.lanes
	for at := 0; at < c.Wide(); at += width {
		for k := range c.units {
			copy(dst[:width], weights[k*c.Wide()+at:])
			dst = dst[width:]
		}
	}
}

// Room is the number of floats of Step.Room for each sample.
func (c *Cell) Room() int {
	if c.variant == cpu.Generic && c.kind == GRU {
		return c.Wide()
	}
	return 0
}

// Variant is the variant that Run runs on.
func (c *Cell) Variant() cpu.Variant { return c.variant }

// State is a state of samples, (n, Padded) each. GRU has no C.
type State struct{ H, C []float32 }

// A Step is what [Cell.Run] computes: the state Next of N samples from the
// state Now and the projected inputs Z, (N, Wide), which it may overwrite.
type Step struct {
	Now, Next State
	Z         []float32
	Weights   []float32 // of the state, from Pack
	Bias      []float32 // of GRU: b'k, Padded long
	Room      []float32 // N times Cell.Room long
	N         int
	// Down tells to walk through the weights downwards. The order of the sums depends on it.
	Down bool
}

// Run does a step. w is memory for it, of any content.
func (c *Cell) Run(w *Worker, s *Step) {
	switch {
	case s.N < 1:
	case c.variant == cpu.Generic:
		c.runGeneric(s)
	default:
		c.runTiles(w, s)
	}
}
