package step

import (
	"fmt"
	"slices"

	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/step/reference"
)

// Strided reports whether the step of spec reads operand i, or writes its result
// for i = -1, where pixels do not lie side by side: in a part of a wider tensor,
// as the operands of a concatenation along the channels are parts of its result.
func Strided(spec *Spec, i int) bool {
	for _, t := range slices.Concat(spec.In, spec.Out) {
		if n, ok := t.Shape.Elems(); !ok || n == 0 || t.DType != graph.Float32 {
			return false
		}
	}
	if len(spec.Out) != 1 || len(spec.Out[0].Shape) == 0 {
		return false
	}
	residual := spec.Epilogue.Residual && spec.Epilogue.Pool == nil && i == len(spec.In)-1
	rank := len(spec.In[0].Shape)
	switch op := spec.Op.(type) {
	case graph.Conv, graph.DepthwiseConv, graph.ConvTranspose:
		return rank <= 4 && (i <= 0 || residual)
	case graph.MatMul: // a Dense layer
		return len(spec.In[1].Shape) == 2 && spec.known(1) && (i <= 0 || residual)
	case graph.Pool:
		return rank <= 4
	case graph.Activation:
		return true
	case graph.BatchNorm:
		axis := rank > 0 && spec.In[0].Shape[rank-1] > 1 && (slices.Equal(op.Axes, []int{-1}) || slices.Equal(op.Axes, []int{rank - 1}))
		for k := range spec.In[1:] {
			axis = axis && spec.known(k+1)
		}
		return axis && i <= 0
	case graph.Reduce:
		_, n, inner, ok := reducedLines(op, spec.In[0].Shape)
		return ok && n > 1 && inner > 1 && inner == spec.In[0].Shape[rank-1] && i == 0 &&
			(op.Func == graph.ReduceMean || op.Func == graph.ReduceMax)
	case graph.Concat:
		return true
	}
	return false
}

// reducedLines is lines for the axes of a reduction.
func reducedLines(op graph.Reduce, x graph.Shape) (outer, n, inner int, ok bool) {
	axes, err := graph.Axes(op.Axes, len(x))
	if err != nil {
		return 0, 0, 0, false
	}
	return lines(x, axes)
}

// known reports whether operand i is a constant.
func (s *Spec) known(i int) bool { return i < len(s.Const) && s.Const[i] != nil }

// checkStrides holds the strides of the spec against Strided.
func (m *maker) checkStrides() error {
	for i := range m.InStride {
		if s := m.InStride[i]; s != 0 && (s < m.In[i].Shape[len(m.In[i].Shape)-1] || !Strided(&m.Spec, i)) {
			return fmt.Errorf("%w: operand %d with pixels %d apart", graph.ErrAttr, i, s)
		}
	}
	if s := m.OutStride; s != 0 && (s < m.Out[0].Shape[len(m.Out[0].Shape)-1] || !Strided(&m.Spec, -1)) {
		return fmt.Errorf("%w: result with pixels %d apart", graph.ErrAttr, s)
	}
	return nil
}

// inStride is the distance between pixels of operand i, 0 if they lie side by side.
func (m *maker) inStride(i int) int {
	if i >= len(m.InStride) {
		return 0
	}
	return m.InStride[i]
}

// residualStride is that of the residual.
func (m *maker) residualStride() int {
	if !m.Epilogue.Residual {
		return 0
	}
	if s := m.inStride(len(m.In) - 1); s != 0 {
		return s
	}
	return m.own[0].Shape[len(m.own[0].Shape)-1]
}

// pixelStrides are the strides of a tensor whose pixels are apart by the given
// distance, 0 for side by side.
func pixelStrides(s graph.Shape, apart int) []int {
	st := reference.Strides(s)
	if last := len(st) - 1; last >= 0 && apart != 0 {
		for i := range last {
			st[i] = st[i] / s[last] * apart
		}
	}
	return st
}

// pixels are how an element-wise step walks over parts of wider tensors.
type pixels struct {
	apart                   bool // false: all elements lie side by side
	c, srcStride, dstStride int
}

func (m *maker) pixels() pixels {
	y := m.Out[0].Shape
	if m.inStride(0) == 0 && m.OutStride == 0 {
		return pixels{c: 1}
	}
	c := y[len(y)-1]
	return pixels{true, c, orElse(m.inStride(0), c), orElse(m.OutStride, c)}
}

// at is pixel i of both sides.
func (p *pixels) at(dst, src []float32, i int) (d, s []float32) {
	return dst[i*p.dstStride:][:p.c], src[i*p.srcStride:][:p.c]
}

// part is part n of x in parts of size floats; the last one may lack the gap
// behind its last pixel.
func part(x []float32, n, size int) []float32 { return x[n*size : min((n+1)*size, len(x))] }

func orElse(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}
