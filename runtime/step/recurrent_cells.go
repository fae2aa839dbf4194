package step

import (
	"github.com/kerasrun/kerasrun/kernels/conv"
	"github.com/kerasrun/kerasrun/kernels/vec"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// product computes dst(n, columns) += h(n, units)·packed for a dst of the given stride.
func (r *recurrent) product(dst, h, packed []float32, n, columns, stride int) {
	s := conv.DenseShape(n, r.units, columns)
	s.DstStride = stride
	conv.Run(&s, dst, h, packed, &conv.Epilogue{Residual: dst}, 0, n)
}

// A simpleCell is h = act(z + h·U).
type simpleCell struct {
	act func(dst, src []float32)
	u   []float32
}

func (c *simpleCell) room() int { return 0 }

func (c *simpleCell) step(r *recurrent, z, h, _, _ []float32, n int, _ []float32) {
	r.product(z, h, c.u, n, r.units, r.units)
	bend(c.act, h, z)
}

// An lstmCell has gates i, f, c, o.
type lstmCell struct {
	act, gate func(dst, src []float32)
	u         []float32
}

func (m *maker) lstm(op graph.LSTM, units int) *lstmCell {
	return &lstmCell{act: curve(op.Activation), gate: curve(op.RecurrentActivation), u: m.packColumns(2, 0, 4*units)}
}

func (l *lstmCell) room() int { return 0 }

func (l *lstmCell) step(r *recurrent, z, h, c, _ []float32, n int, _ []float32) {
	u := r.units
	r.product(z, h, l.u, n, 4*u, 4*u)
	for b := range n {
		z, h, c := z[b*4*u:(b+1)*4*u], h[b*u:(b+1)*u], c[b*u:(b+1)*u]
		i, f, g, o := z[:u], z[u:2*u], z[2*u:3*u], z[3*u:]
		bend(l.gate, z[:2*u], z[:2*u])
		bend(l.act, g, g)
		bend(l.gate, o, o)
		vec.Mul(c, c, f)
		vec.Mul(i, i, g)
		vec.Add(c, c, i)
		bend(l.act, h, c)
		vec.Mul(h, h, o)
	}
}

// A gruCell has gates z, r, h. u is U of all gates when the reset gate applies
// after the product, else of z and r alone, with own that of h.
type gruCell struct {
	act, gate func(dst, src []float32)
	u, own    []float32
	after     bool
	units     int
}

func (m *maker) gru(op graph.GRU, units int) *gruCell {
	g := &gruCell{act: curve(op.Activation), gate: curve(op.RecurrentActivation), after: op.ResetAfter, units: units}
	if g.after {
		g.u = m.packColumns(2, 0, 3*units)
	} else {
		g.u, g.own = m.packColumns(2, 0, 2*units), m.packColumns(2, 2*units, 3*units)
	}
	return g
}

func (g *gruCell) room() int { return 3 * g.units }

func (g *gruCell) step(r *recurrent, z, h, _, room []float32, n int, bias []float32) {
	u := r.units
	if g.after {
		inner := room[:n*3*u]
		for b := range n {
			row := inner[b*3*u : (b+1)*3*u]
			if bias != nil {
				copy(row, bias[3*u:])
			} else {
				clear(row)
			}
		}
		r.product(inner, h, g.u, n, 3*u, 3*u)
		for b := range n {
			z, k := z[b*3*u:(b+1)*3*u], inner[b*3*u:(b+1)*3*u]
			vec.Add(z[:2*u], z[:2*u], k[:2*u])
			bend(g.gate, z[:2*u], z[:2*u])
			vec.Mul(k[2*u:], k[2*u:], z[u:2*u])
			vec.Add(z[2*u:], z[2*u:], k[2*u:])
		}
	} else {
		r.product(z, h, g.u, n, 2*u, 3*u)
		reset := room[:n*u]
		for b := range n {
			z := z[b*3*u : (b+1)*3*u]
			bend(g.gate, z[:2*u], z[:2*u])
			vec.Mul(reset[b*u:(b+1)*u], z[u:2*u], h[b*u:(b+1)*u])
		}
		r.product(z[2*u:], reset, g.own, n, u, 3*u)
	}
	for b := range n { // h = k + z·(h - k)
		z, h := z[b*3*u:(b+1)*3*u], h[b*u:(b+1)*u]
		k := z[2*u:]
		bend(g.act, k, k)
		vec.Sub(h, h, k)
		vec.Mul(h, h, z[:u])
		vec.Add(h, h, k)
	}
}
