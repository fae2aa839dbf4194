package step

import (
	"fmt"

	"github.com/kerasrun/kerasrun/kernels/conv"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/step/reference"
	"github.com/kerasrun/kerasrun/runtime/weight"
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

// An integerProduct multiplies Int8 rows (..., k) with an Int8 matrix (k, n).
// It runs the kernels of float32, in which sums of exactProducts of them are
// exact, and adds those in Int32.
type integerProduct struct {
	base
	x      *graph.Tensor // when constant
	k, n   int
	packed []float32 // blocks of exactProducts rows of the matrix
}

const (
	// exactProducts is the number of products of Int8, each 2^14 at most, whose
	// sums float32 holds in any order: up to 2^24.
	exactProducts = 1 << 10
	// integerRows is the number of rows that are widened to float32 at a time.
	integerRows = 32
)

func (m *maker) integerProduct() Step {
	p := &integerProduct{x: m.constant(0), k: m.In[1].Shape[0], n: m.In[1].Shape[1]}
	rows := elems(m.In[0].Shape) / p.k
	if p.k > 0 {
		p.packed = m.pack(1, fmt.Sprintf("integer product %dx%d", p.k, p.n), p.layout(m.Fixed))
	}
	flops := 2 * float64(rows) * float64(p.k) * float64(p.n)
	ns := flops*nsFLOP + float64(rows*(p.k+p.n))*2*nsPass
	p.base = m.base(kernel("conv", fmt.Sprintf("integer product %dx%dx%d", rows, p.k, p.n)), flops, splitFor(rows, ns))
	p.info.Scratch = min(rows, integerRows) * (min(p.k, exactProducts) + p.n)
	return p
}

// layout is how the matrix is packed, of which only says that it has no other reader.
func (p *integerProduct) layout(only bool) weight.Layout {
	return weight.Layout{
		Len: conv.MatMulScratch(p.k, p.n), Unit: p.n, Only: only,
		Pack: func(packed, rows []float32, at int) {
			for lo := at / p.n; len(rows) > 0; {
				s, at, in := p.block(lo)
				hi := min(in+len(rows)/p.n, s.InC)
				conv.PackRows(packed[at:], rows[:(hi-in)*p.n], &s, in, hi)
				rows, lo = rows[(hi-in)*p.n:], lo+hi-in
			}
		},
	}
}

// block returns the product of the block that has row lo of the matrix, where
// its packed weights start, and which of its rows that is.
func (p *integerProduct) block(lo int) (s conv.Shape, at, row int) {
	first := lo / exactProducts * exactProducts
	return conv.DenseShape(integerRows, min(p.k-first, exactProducts), p.n), conv.MatMulScratch(first, p.n), lo - first
}

func (p *integerProduct) Run(a *Args, chunk int, scratch []float32) error {
	x := p.x
	if x == nil {
		x = &a.In[0]
	}
	src, dst := x.Data.([]int8), a.Out[0].Data.([]int32)
	lo, hi := p.work.bounds(chunk)
	clear(dst[lo*p.n : hi*p.n])
	for ; lo < hi; lo += integerRows {
		rows := min(integerRows, hi-lo)
		for first := 0; first < p.k; first += exactProducts {
			s, at, _ := p.block(first)
			wide, sums := scratch[:rows*s.InC], scratch[rows*s.InC:][:rows*p.n]
			for i := range rows {
				widen(wide[i*s.InC:][:s.InC], src[(lo+i)*p.k+first:][:s.InC])
			}
			conv.Run(&s, sums, wide, p.packed[at:], nil, 0, rows)
			for i, v := range sums {
				dst[lo*p.n+i] += int32(v)
			}
		}
	}
	return nil
}
