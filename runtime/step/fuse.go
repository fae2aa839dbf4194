package step

import (
	"math"

	"github.com/kerasrun/kerasrun/kernels/conv"
	"github.com/kerasrun/kerasrun/kernels/vec"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// Fuses reports whether [New] accepts e after op.
func Fuses(op graph.Op, e Epilogue) bool {
	if p := e.Pool; p != nil && (p.Kind != graph.MaxPool || len(p.Size) > 2) {
		return false
	}
	switch op := op.(type) {
	case graph.Conv, graph.DepthwiseConv:
		return true
	case graph.ConvTranspose, graph.MatMul:
		return e.Pool == nil
	case graph.Binary:
		return !e.Bias && !e.Residual && e.Pool == nil && (op.Func == graph.Add || e.Act == nil)
	case graph.BatchNorm:
		return !e.Bias && !e.Residual && e.Pool == nil
	}
	return e == (Epilogue{})
}

// A finish is an activation in the form that suits float32: limits that a
// kernel applies as it stores, or a function over what is stored.
type finish struct {
	clamp  bool
	lo, hi float32
	act    func(dst, src []float32)
	rows   func(d []float32, n, stride int) // act in place of n of every stride elements, or nil
}

func newFinish(a *graph.Activation) finish {
	if a == nil {
		return finish{}
	}
	if lo, hi, ok := clampOf(*a); ok {
		return finish{clamp: true, lo: lo, hi: hi}
	}
	return finish{act: activation32(*a), rows: rowsOf(a.Func)}
}

// clampOf returns the limits when a is min(max(x, lo), hi).
func clampOf(a graph.Activation) (lo, hi float32, ok bool) {
	switch {
	case a.Func == graph.ReLU && a.A == 0 && a.C == 0:
		return 0, float32(a.B), true
	case a.Func == graph.Clip:
		return float32(a.A), float32(a.B), true
	case a.Func == graph.HardTanh:
		return -1, 1, true
	}
	return 0, 0, false
}

// into lets the kernel's epilogue clamp.
func (f *finish) into(e *conv.Epilogue) {
	e.Clamp, e.Lo, e.Hi = f.clamp, f.lo, f.hi
}

// apply finishes elements that no kernel has clamped.
func (f *finish) apply(d []float32) {
	switch {
	case f.clamp:
		vec.Clip(d, d, f.lo, f.hi)
	case f.act != nil:
		f.act(d, d)
	}
}

// eachPixel applies act to channels lo to hi-1 of pixels that are stride floats apart.
func (f *finish) eachPixel(pixels []float32, stride, lo, hi int) {
	switch {
	case hi-lo == stride:
		f.act(pixels, pixels)
	case f.rows != nil:
		f.rows(pixels[min(lo, len(pixels)):], hi-lo, stride)
	default:
		for at := 0; at < len(pixels); at += stride {
			d := pixels[at+lo : at+hi]
			f.act(d, d)
		}
	}
}

// rowsOf returns finish.rows of the smooth activations that follow convolutions.
func rowsOf(f graph.ActivationFunc) func(d []float32, n, stride int) {
	switch f {
	case graph.Sigmoid:
		return vec.SigmoidRows
	case graph.SiLU:
		return vec.SiLURows
	case graph.Tanh:
		return vec.TanhRows
	case graph.GELU:
		return vec.GELURows
	}
	return nil
}

// activation32 returns a over float32; dst may be src.
func activation32(a graph.Activation) func(dst, src []float32) {
	p, q, r := float32(a.A), float32(a.B), float32(a.C)
	switch a.Func {
	case graph.ReLU:
		if r == 0 && math.IsInf(a.B, 1) {
			return func(d, s []float32) { vec.LeakyReLU(d, s, p) }
		}
		return func(d, s []float32) { vec.ReLU(d, s, p, q, r) }
	case graph.ELU:
		return func(d, s []float32) { vec.ELU(d, s, p) }
	case graph.SELU:
		return vec.SELU
	case graph.CELU:
		return func(d, s []float32) { vec.CELU(d, s, p) }
	case graph.Sigmoid:
		return vec.Sigmoid
	case graph.HardSigmoid:
		switch {
		case p == 1.0/6 && q == 0.5:
			return vec.HardSigmoid
		case p == 0.2 && q == 0.5:
			return vec.HardSigmoid2
		}
		return func(d, s []float32) {
			vec.MulScalar(d, s, p)
			vec.AddScalar(d, d[:len(s)], q)
			vec.Clip(d, d[:len(s)], 0, 1)
		}
	case graph.SiLU:
		return vec.SiLU
	case graph.HardSiLU:
		return vec.HardSiLU
	case graph.GELU:
		return vec.GELU
	case graph.GELUTanh:
		return vec.GELUTanh
	case graph.Tanh:
		return vec.Tanh
	case graph.HardTanh:
		return vec.HardTanh
	case graph.TanhShrink:
		return vec.TanhShrink
	case graph.HardShrink:
		return func(d, s []float32) { vec.HardShrink(d, s, p) }
	case graph.SoftShrink:
		return func(d, s []float32) { vec.SoftShrink(d, s, p) }
	case graph.Softplus:
		return vec.Softplus
	case graph.Softsign:
		return vec.Softsign
	case graph.LogSigmoid:
		return vec.LogSigmoid
	case graph.Mish:
		return vec.Mish
	case graph.Squareplus:
		return func(d, s []float32) { vec.Squareplus(d, s, p) }
	case graph.SparsePlus:
		return vec.SparsePlus
	case graph.SparseSigmoid:
		return vec.SparseSigmoid
	case graph.Threshold:
		return func(d, s []float32) { vec.Threshold(d, s, p, q) }
	case graph.Clip:
		return func(d, s []float32) { vec.Clip(d, s, p, q) }
	case graph.Exponential:
		return vec.Exp
	}
	return nil
}

// costOf is the cost of an activation of one element.
func costOf(f finish) float64 {
	if f.act == nil {
		return nsPass
	}
	return nsSmooth
}
