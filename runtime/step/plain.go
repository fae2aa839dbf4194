package step

import (
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/step/reference"
)

// A plain step runs the reference form: floating operands in float64, with the
// epilogue, rounded once; others exactly. It allocates.
type plain struct {
	base
	op     graph.Op
	args   int
	in     []graph.Type
	out    []graph.Type
	fixed  []*graph.Tensor // constant operands, converted
	epi    Epilogue
	act    func(float64) float64
	double bool // computes in float64
}

func (m *maker) plain() Step {
	p := &plain{op: m.Op, args: m.args, in: m.In, epi: m.Epilogue, double: m.In[0].DType.Floating()}

	n := 0
	for _, t := range m.In {
		n += elems(t.Shape)
	}
	p.base = m.base("go integer", float64(n), split{1, 1, float64(n) * nsScalar})
	if p.double {
		p.info.Kernel = "go float64"
	}
	for _, t := range m.own {
		if p.double && t.DType.Floating() {
			t.DType = graph.Float64
		}
		p.out = append(p.out, t)
	}
	p.fixed = make([]*graph.Tensor, len(m.In))
	for i := range m.In {
		t := m.constant(i)
		if t != nil && p.double && m.In[i].DType.Floating() {
			t = &graph.Tensor{DType: graph.Float64, Shape: m.In[i].Shape, Data: m.packs.Float64s(m.value(i), t)}
		}
		p.fixed[i] = t
	}
	if p.epi.Act != nil {
		p.act = reference.Activation(*p.epi.Act)
	}
	return p
}

func (p *plain) Run(a *Args, _ int, _ []float32) error {
	in := make([]graph.Tensor, len(p.in))
	for i, t := range p.in {
		switch {
		case p.fixed[i] != nil:
			in[i] = *p.fixed[i]
		case p.double && t.DType.Floating():
			in[i] = a.In[i].Cast(graph.Float64)
		default:
			in[i] = a.In[i]
		}
		in[i].Shape = t.Shape
	}
	res, err := reference.Apply(p.op, in[:p.args], p.out)
	if err != nil {
		return err
	}
	y := res[0]
	if v, ok := y.Data.([]float64); ok {
		p.finish(v, in[p.args:])
		if p.epi.Pool != nil {
			pooled := []graph.Type{{DType: graph.Float64, Shape: a.Out[0].Shape}}
			if res, err = reference.Apply(*p.epi.Pool, res, pooled); err != nil {
				return err
			}
		}
		for k := range res {
			for i, x := range res[k].Data.([]float64) {
				a.Out[k].SetFloat(i, x)
			}
		}
		return nil
	}
	if p.epi.Act != nil { // a fused activation of integers
		if res, err = reference.Apply(*p.epi.Act, res, p.out); err != nil {
			return err
		}
		y = res[0]
	}
	whole := newTransfer(0, []int{y.Len()}, []int{1}, []int{1}, 0, 0)
	whole.work = split{y.Len(), 1, 0}
	elementsOf(y.DType).transfer(&whole, a.Out[0].Data, y.Data, 0)
	return nil
}

// finish applies the epilogue in float64.
func (p *plain) finish(v []float64, more []graph.Tensor) {
	if p.epi.Bias {
		b := more[0].Data.([]float64)
		for i := range v {
			v[i] += b[i%len(b)]
		}
	}
	if p.epi.Residual {
		for i, r := range more[len(more)-1].Data.([]float64) {
			v[i] += r
		}
	}
	if p.act != nil {
		for i, x := range v {
			v[i] = p.act(x)
		}
	}
}
