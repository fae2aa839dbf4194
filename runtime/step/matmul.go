package step

import (
	"fmt"

	"github.com/kerasrun/kerasrun/kernels/conv"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/step/reference"
)

// A product multiplies activations: (..., m, k) with (..., k, n). Each chunk
// packs the matrices it needs into its scratch.
type product struct {
	base
	shape          conv.Shape // of one product
	x, w           operand
	bias, residual operand
	xAt, wAt       lattice // where the matrices of product b start
	m, k, n        int
	parts          split // rows of one product
	finish         finish
	products       split
}

func (m *maker) matmul() Step {
	x, w, y := m.In[0].Shape, m.In[1].Shape, m.Out[0].Shape
	k, n := w[len(w)-2], w[len(w)-1]
	if len(w) == 2 && m.value(1) != nil {
		return m.dense(elems(x)/k, k, n)
	}
	p := &product{
		x: m.operand(0), w: m.operand(1), bias: m.bias(), residual: m.residual(),
		m: elems(y) / n, k: k, n: n, finish: newFinish(m.Epilogue.Act),
	}
	products := 1
	p.xAt, p.wAt = newLattice(nil, nil), newLattice(nil, nil)
	if len(w) > 2 {
		p.m = y[len(y)-2]
		batch := y[:len(y)-2]
		products = elems(batch)
		starts := func(s graph.Shape, size int) lattice {
			st := reference.BroadcastStrides(s[:len(s)-2], batch)
			for i := range st {
				st[i] *= size
			}
			return newLattice(batch, st)
		}
		p.xAt, p.wAt = starts(x, p.m*k), starts(w, k*n)
	}
	p.shape = conv.DenseShape(p.m, k, n)
	flops := 2 * float64(p.m) * float64(k) * float64(n) * float64(products)
	p.products, p.parts = splitProducts(products, p.m, flops*nsFLOP)
	p.base = m.base(kernel("conv", fmt.Sprintf("product %dx%dx%d", p.m, k, n)), flops,
		split{products * p.m, p.products.chunks * p.parts.chunks, flops * nsFLOP})
	p.info.Scratch = conv.MatMulScratch(k, n)
	return p
}

// minPart is the fewest rows for which packing the other matrix again is cheap.
const minPart = 64

// splitProducts splits products of m rows each: between products, and within
// one where there are too few of them.
func splitProducts(products, m int, ns float64) (between, within split) {
	chunks := chunksFor(ns)
	between = split{products, min(products, chunks), ns}
	within = split{m, max(1, min(m/minPart, chunks/between.chunks)), ns}
	return between, within
}

func (p *product) Run(a *Args, chunk int, scratch []float32) error {
	x, w, bias, residual, dst := p.x.of(a), p.w.of(a), p.bias.of(a), p.residual.of(a), result(a)
	packed := scratch[:p.info.Scratch]
	lo, hi := p.products.bounds(chunk / p.parts.chunks)
	y0, y1 := p.parts.bounds(chunk % p.parts.chunks)
	last := -1
	for b := lo; b < hi; b++ {
		if at := p.wAt.at(b); at != last {
			conv.PackMatrix(packed, w[at:at+p.k*p.n], p.k, p.n, false)
			last = at
		}
		at := b * p.m * p.n
		e := conv.Epilogue{Bias: bias}
		if residual != nil {
			e.Residual = residual[at : at+p.m*p.n]
		}
		p.finish.into(&e)
		d := dst[at : at+p.m*p.n]
		conv.Run(&p.shape, d, x[p.xAt.at(b):][:p.m*p.k], packed, &e, y0, y1)
		if p.finish.act != nil {
			p.finish.apply(d[y0*p.n : y1*p.n])
		}
	}
	return nil
}
