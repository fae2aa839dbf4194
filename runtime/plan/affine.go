package plan

import (
	"math"
	"slices"

	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/step"
	"github.com/kerasrun/kerasrun/runtime/weight"
)

// A scaleShift is x·scale[c] + shift[c] over the last axis, in float64.
type scaleShift struct{ scale, shift []float64 }

// affine turns arithmetic with constants along the last axis, such as
// Normalization and Rescaling make, into BatchNorm nodes of mean 0 and variance
// 1, and joins those that follow each other.
func affine(p *program) error {
	for _, n := range p.nodes {
		if n.epi != (step.Epilogue{}) {
			continue
		}
		x, m, ok := p.affineOf(n)
		if !ok {
			continue
		}
		p.setAffine(n, x, m)
	}
	p.follow(func(before, n *node) bool {
		xa, a, oka := p.affineOf(before)
		_, b, okb := p.affineOf(n)
		if !oka || !okb || before.epi != (step.Epilogue{}) || n.epi != (step.Epilogue{}) || len(a.scale) != len(b.scale) {
			return false
		}
		for i := range a.scale {
			a.scale[i], a.shift[i] = a.scale[i]*b.scale[i], a.shift[i]*b.scale[i]+b.shift[i]
		}
		p.setAffine(before, xa, a)
		return true
	})
	return nil
}

// setAffine makes n compute x·scale + shift.
func (p *program) setAffine(n *node, x int, m scaleShift) {
	c := len(m.scale)
	vec := func(of []float64, all float32) int {
		v := make([]float32, c) // affineOf reads float32 alone
		for i := range v {
			v[i] = all
		}
		for i, f := range of {
			v[i] = float32(f)
		}
		return p.constant(weight.Of(graph.Floats(v, c)))
	}
	n.op = graph.BatchNorm{Axes: []int{-1}, Scale: true, Center: true}
	n.in = []int{x, vec(m.scale, 0), vec(m.shift, 0), vec(nil, 0), vec(nil, 1)}
}

// maxChannels bounds the vectors of an affine map: a scalar on a long flat axis is cheaper as it is.
const maxChannels = 1 << 16

// affineOf reads n as an affine map of one operand, if it is one. Only float32
// is read so: elsewhere each op rounds by itself.
func (p *program) affineOf(n *node) (x int, m scaleShift, ok bool) {
	if len(n.out) != 1 || p.values[n.out[0]].DType != graph.Float32 || p.values[n.out[0]].Rank() == 0 {
		return 0, m, false
	}
	out := p.values[n.out[0]]
	c := out.Dim(-1)
	if c <= 0 || c > maxChannels {
		return 0, m, false
	}
	switch op := n.op.(type) {
	case graph.BatchNorm:
		if len(op.Axes) != 1 || op.Axes[0] != -1 && op.Axes[0] != out.Rank()-1 {
			return 0, m, false
		}
		m, ok = p.batchNorm(op, n.in, c)
		return n.in[0], m, ok
	case graph.Binary:
		k := 0 // the operand that is not constant
		if p.consts[n.in[0]] != nil {
			k = 1
		}
		w := p.consts[n.in[1-k]]
		if w == nil || p.consts[n.in[k]] != nil || !slices.Equal(p.values[n.in[k]].Shape, out.Shape) {
			return 0, m, false
		}
		v, ok := p.channelVector(w, c)
		if !ok {
			return 0, m, false
		}
		m = scaleShift{make([]float64, c), make([]float64, c)}
		for i, a := range v {
			switch {
			case op.Func == graph.Add:
				m.scale[i], m.shift[i] = 1, a
			case op.Func == graph.Sub && k == 0:
				m.scale[i], m.shift[i] = 1, -a
			case op.Func == graph.Sub:
				m.scale[i], m.shift[i] = -1, a
			case op.Func == graph.Mul:
				m.scale[i] = a
			case op.Func == graph.Div && k == 0 && a != 0:
				m.scale[i] = 1 / a
			default:
				return 0, m, false
			}
		}
		return n.in[k], m, true
	}
	return 0, m, false
}

// channelVector reads a constant that is a scalar or varies along the last axis only.
func (p *program) channelVector(w *weight.Value, c int) ([]float64, bool) {
	n := w.Len()
	if n != 1 && (n != c || w.Shape[len(w.Shape)-1] != c) {
		return nil, false
	}
	t := p.hold(w)
	v := make([]float64, c)
	for i := range v {
		v[i] = t.Float(i % n)
		if math.IsNaN(v[i]) || math.IsInf(v[i], 0) {
			return nil, false
		}
	}
	return v, true
}

// batchNorm reads the constant operands of a BatchNorm over the last axis.
func (p *program) batchNorm(op graph.BatchNorm, in []int, c int) (m scaleShift, ok bool) {
	var w [][]float64
	for _, v := range in[1:] {
		t := p.consts[v]
		if t == nil || t.Len() != c {
			return m, false
		}
		w = append(w, p.hold(t).Float64s())
	}
	mean, variance := w[len(w)-2], w[len(w)-1]
	m = scaleShift{variance, mean} // in place of what they are made of
	for i, v := range variance {
		m.scale[i] = 1 / math.Sqrt(v+op.Epsilon)
	}
	if op.Scale {
		for i, gamma := range w[0] {
			m.scale[i] *= gamma
		}
	}
	for i, scale := range m.scale {
		m.shift[i] *= -scale
	}
	if op.Center {
		for i, beta := range w[len(w)-3] {
			m.shift[i] += beta
		}
	}
	return m, true
}

// foldBatchNorm multiplies an affine map into the weights of the linear op before it.
func foldBatchNorm(p *program) error {
	p.follow(func(before, n *node) bool {
		if n.epi != (step.Epilogue{}) || before.epi.Act != nil || before.epi.Residual {
			return false
		}
		_, m, ok := p.affineOf(n)
		if !ok || len(before.in) < 2 {
			return false
		}
		w := p.consts[before.in[1]]
		if w == nil || w.DType != graph.Float32 || !foldable(m) {
			return false
		}
		e := before.epi
		e.Bias = true
		if !step.Fuses(before.op, e) {
			return false
		}
		c := len(m.scale)
		folded := scaled{of: w, scale: m.scale, run: 1}
		switch before.op.(type) {
		case graph.Conv, graph.DepthwiseConv: // channel cin·dm + m of (..., cin, dm)
		case graph.ConvTranspose: // (..., filters, cin)
			folded.run = w.Shape[len(w.Shape)-1]
		case graph.MatMul:
			if len(w.Shape) != 2 {
				return false
			}
		default:
			return false
		}
		bias := graph.NewTensor(graph.Float32, graph.Shape{c})
		var old *graph.Tensor
		if before.epi.Bias {
			old = p.hold(p.consts[before.in[before.args()]])
		}
		for i := range c {
			b := 0.0
			if old != nil {
				b = old.Float(i)
			}
			bias.SetFloat(i, b*m.scale[i]+m.shift[i])
		}
		in := append([]int{}, before.in[:before.args()]...)
		in[1] = p.constant(weight.From(w.Type, &folded))
		before.in = append(in, p.constant(weight.Of(bias)))
		before.epi = e
		return true
	})
	return nil
}

// foldable reports whether m can be multiplied into float32 weights: a scale
// that overflows or vanishes would change the class of the result.
func foldable(m scaleShift) bool {
	for i := range m.scale {
		if s := math.Abs(m.scale[i]); !(s < 1e12) || s != 0 && s < 1e-12 || math.IsNaN(m.shift[i]) || math.IsInf(m.shift[i], 0) {
			return false
		}
	}
	return true
}
