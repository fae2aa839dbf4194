package graph

import "fmt"

// PadMode says how a convolution or pooling treats the border.
type PadMode string

// The padding modes.
const (
	// Valid adds nothing: out = floor((n - span)/stride) + 1.
	Valid PadMode = "valid"
	// Same adds what makes out = ceil(n/stride), the odd cell after.
	Same PadMode = "same"
	// Causal adds span - 1 cells before and none after (one spatial axis).
	Causal PadMode = "causal"
	// Explicit adds Before and After cells.
	Explicit PadMode = "explicit"
)

// A Padding describes the border of each spatial axis.
type Padding struct {
	Mode          PadMode
	Before, After []int // Explicit only: one entry a spatial axis
}

// Pads returns the cells before and after an axis of n cells, where span =
// (kernel - 1)·dilation + 1.
func (p Padding) Pads(i, n, span, stride int) (before, after int) {
	switch p.Mode {
	case Same:
		total := max((ceilDiv(n, stride)-1)*stride+span-n, 0)
		return total / 2, total - total/2
	case Causal:
		return span - 1, 0
	case Explicit:
		return p.Before[i], p.After[i]
	}
	return 0, 0
}

// out returns the output size of an axis.
func (p Padding) out(i, n, span, stride int) (int, error) {
	if n == Dyn {
		return Dyn, nil
	}
	before, after := p.Pads(i, n, span, stride)
	o := (n+before+after-span)/stride + 1
	if n+before+after < span || o < 1 {
		return 0, fmt.Errorf("%w: a window of %d does not fit into %d cells", ErrShape, span, n+before+after)
	}
	return o, nil
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// maxAttr bounds strides, dilations, sizes and pads so that arithmetic on them cannot overflow.
const maxAttr = 1 << 24

func (p Padding) check(rank int) error {
	switch p.Mode {
	case Valid, Same:
	case Causal:
		if rank != 1 {
			return fmt.Errorf("%w: causal padding of %d axes", ErrAttr, rank)
		}
	case Explicit:
		if len(p.Before) != rank || len(p.After) != rank {
			return fmt.Errorf("%w: padding %v, %v for %d axes", ErrAttr, p.Before, p.After, rank)
		}
		for i := range p.Before {
			if p.Before[i] < 0 || p.After[i] < 0 || p.Before[i] > maxAttr || p.After[i] > maxAttr {
				return fmt.Errorf("%w: padding %v, %v", ErrAttr, p.Before, p.After)
			}
		}
	default:
		return fmt.Errorf("%w: padding %q", ErrAttr, p.Mode)
	}
	return nil
}

// positive checks that v has rank entries of at least 1.
func positive(name string, v []int, rank int) error {
	if len(v) != rank {
		return fmt.Errorf("%w: %s %v for %d axes", ErrAttr, name, v, rank)
	}
	for _, x := range v {
		if x < 1 || x > maxAttr {
			return fmt.Errorf("%w: %s %v", ErrAttr, name, v)
		}
	}
	return nil
}

// windows infers the spatial output sizes of a convolution or pooling.
func windows(x Shape, size, strides, dilation []int, p Padding) (Shape, error) {
	rank := len(x) - 2
	for _, c := range []struct {
		name string
		v    []int
	}{{"window", size}, {"strides", strides}, {"dilation", dilation}} {
		if err := positive(c.name, c.v, rank); err != nil {
			return nil, err
		}
	}
	if err := p.check(rank); err != nil {
		return nil, err
	}
	out := make(Shape, rank)
	for i := range out {
		o, err := p.out(i, x[1+i], (size[i]-1)*dilation[i]+1, strides[i])
		if err != nil {
			return nil, err
		}
		out[i] = o
	}
	return out, nil
}

// Conv is a convolution over 1, 2 or 3 spatial axes.
//
//	x       (batch, spatial..., cin)
//	kernel  (window..., cin/groups, filters)
//	result  (batch, out..., filters)
//
// Of a picture, with strides s, dilation d and p rows and q columns of zeros before the first:
//
//	result[b, i, j, f] = Σ x[b, i·s₀ + u·d₀ - p, j·s₁ + v·d₁ - q, c] · kernel[u, v, c, f]   over u, v, c
//	out                = ⌊(in + zeros - ((window - 1)·d + 1)) / s⌋ + 1                    along each axis
//
// Groups are contiguous blocks of input and output channels.
type Conv struct {
	Strides, Dilation []int
	Groups            int
	Padding           Padding
}

// Infer implements [Op].
func (c Conv) Infer(in []Type) ([]Type, error) {
	x, k, err := convOperands(in)
	if err != nil {
		return nil, err
	}
	filters, cin := k[len(k)-1], k[len(k)-2]
	if c.Groups < 1 || filters%c.Groups != 0 {
		return nil, fmt.Errorf("%w: %d groups of %d filters", ErrAttr, c.Groups, filters)
	}
	if n := x[len(x)-1]; n != Dyn && n != cin*c.Groups {
		return nil, fmt.Errorf("%w: %v with kernel %v in %d groups", ErrShape, x, k, c.Groups)
	}
	out, err := windows(x, k[:len(k)-2], c.Strides, c.Dilation, c.Padding)
	if err != nil {
		return nil, err
	}
	return one(in[0].DType, append(append(Shape{x[0]}, out...), filters))
}

// convOperands checks the operands of a convolution.
func convOperands(in []Type) (x, k Shape, err error) {
	if err := operands(in, 2); err != nil {
		return nil, nil, err
	}
	if err := floating(in); err != nil {
		return nil, nil, err
	}
	x, k = in[0].Shape, in[1].Shape
	if len(x) < 3 || len(x) > 5 || len(k) != len(x) || !k.Known() {
		return nil, nil, fmt.Errorf("%w: %v with kernel %v", ErrShape, x, k)
	}
	return x, k, nil
}

// DepthwiseConv convolves each channel on its own. Output channel c·dm + m is
// input channel c with kernel m.
//
//	x       (batch, spatial..., c)
//	kernel  (window..., c, dm)
//	result  (batch, out..., c·dm)
type DepthwiseConv struct {
	Strides, Dilation []int
	Padding           Padding
}

// Infer implements [Op].
func (c DepthwiseConv) Infer(in []Type) ([]Type, error) {
	x, k, err := convOperands(in)
	if err != nil {
		return nil, err
	}
	if !sameDim(x[len(x)-1], k[len(k)-2]) {
		return nil, fmt.Errorf("%w: %v with depthwise kernel %v", ErrShape, x, k)
	}
	out, err := windows(x, k[:len(k)-2], c.Strides, c.Dilation, c.Padding)
	if err != nil {
		return nil, err
	}
	filters, err := mul(k[len(k)-2], k[len(k)-1])
	if err != nil {
		return nil, err
	}
	return one(in[0].DType, append(append(Shape{x[0]}, out...), filters))
}

// ConvTranspose is the gradient of Conv with respect to its input: every input
// cell scatters the kernel. Padding is Valid or Same.
//
//	x       (batch, spatial..., cin)
//	kernel  (window..., filters, cin)
//	result  (batch, out..., filters)
//
// Without OutputPadding, out is n·stride (Same) or n·stride + max(span -
// stride, 0) (Valid), where span is the dilated window; with it, (n-1)·stride +
// span - 2·(span/2 if Same) + output padding.
type ConvTranspose struct {
	Strides, Dilation []int
	Padding           Padding
	OutputPadding     []int // nil when Keras computes it
}

// Out returns the size of output axis i for n input cells and the cells that
// are cropped before it: the padding of the forward convolution.
func (c ConvTranspose) Out(i, n, kernel int) (out, before int) {
	s := c.Strides[i]
	span := (kernel-1)*c.Dilation[i] + 1
	switch {
	case c.OutputPadding == nil && c.Padding.Mode == Same:
		out = n * s
	case c.OutputPadding == nil:
		out = n*s + max(span-s, 0)
	case c.Padding.Mode == Same:
		out = (n-1)*s + span - 2*(span/2) + c.OutputPadding[i]
	default:
		out = (n-1)*s + span + c.OutputPadding[i]
	}
	if c.Padding.Mode == Same {
		before = max((ceilDiv(out, s)-1)*s+span-out, 0) / 2
	}
	return out, before
}

// Infer implements [Op].
func (c ConvTranspose) Infer(in []Type) ([]Type, error) {
	x, k, err := convOperands(in)
	if err != nil {
		return nil, err
	}
	rank := len(x) - 2
	if !sameDim(x[len(x)-1], k[len(k)-1]) {
		return nil, fmt.Errorf("%w: %v with transposed kernel %v", ErrShape, x, k)
	}
	if c.Padding.Mode != Same && c.Padding.Mode != Valid {
		return nil, fmt.Errorf("%w: padding %q of a transposed convolution", ErrAttr, c.Padding.Mode)
	}
	if err := positive("strides", c.Strides, rank); err != nil {
		return nil, err
	}
	if err := positive("dilation", c.Dilation, rank); err != nil {
		return nil, err
	}
	if err := positive("kernel", k[:rank], rank); err != nil {
		return nil, err
	}
	if c.OutputPadding != nil {
		if len(c.OutputPadding) != rank {
			return nil, fmt.Errorf("%w: output_padding %v for %d axes", ErrAttr, c.OutputPadding, rank)
		}
		for i, p := range c.OutputPadding {
			if p < 0 || p >= c.Strides[i] {
				return nil, fmt.Errorf("%w: output_padding %v with strides %v", ErrAttr, c.OutputPadding, c.Strides)
			}
		}
	}
	out := Shape{x[0]}
	for i := range rank {
		if x[1+i] == Dyn {
			out = append(out, Dyn)
			continue
		}
		if x[1+i] > maxAttr {
			return nil, fmt.Errorf("%w: axis of %d cells", ErrShape, x[1+i])
		}
		o, _ := c.Out(i, x[1+i], k[i])
		if o < 1 {
			return nil, fmt.Errorf("%w: transposed convolution of %v leaves %d cells", ErrShape, x, o)
		}
		out = append(out, o)
	}
	return one(in[0].DType, append(out, k[len(k)-2]))
}

// PoolKind says what a pooling computes.
type PoolKind string

// The kinds of pooling.
const (
	MaxPool     PoolKind = "max"     // padding does not take part
	AveragePool PoolKind = "average" // padding is not counted in the divisor
)

// Pool reduces windows over 1, 2 or 3 spatial axes.
//
//	x       (batch, spatial..., c)
//	result  (batch, out..., c)
//
// Of a picture, with strides s and no padding:
//
//	result[b, i, j, c] = max x[b, i·s₀ + u, j·s₁ + v, c]   over u, v, or their mean
//	out                = ⌊(in - size) / s⌋ + 1             along each axis
type Pool struct {
	Kind          PoolKind
	Size, Strides []int
	Padding       Padding
}

// Infer implements [Op].
func (p Pool) Infer(in []Type) ([]Type, error) {
	if err := operands(in, 1); err != nil {
		return nil, err
	}
	if err := floating(in); err != nil {
		return nil, err
	}
	x := in[0].Shape
	if len(x) < 3 || len(x) > 5 {
		return nil, fmt.Errorf("%w: pooling of %v", ErrShape, x)
	}
	if p.Kind != MaxPool && p.Kind != AveragePool {
		return nil, fmt.Errorf("%w: pooling %q", ErrAttr, p.Kind)
	}
	ones := []int{1, 1, 1}[:len(x)-2]
	out, err := windows(x, p.Size, p.Strides, ones, p.Padding)
	if err != nil {
		return nil, err
	}
	return one(in[0].DType, append(append(Shape{x[0]}, out...), x[len(x)-1]))
}

// MaxPoolGrad is the gradient of a [Pool] of kind [MaxPool] with respect to its
// operand: that of each window goes to its first maximum in row-major order, or,
// if All, to every cell that equals it, as in TensorFlow's pooling of volumes.
//
//	x       (batch, spatial..., c)
//	dy      (batch, out..., c)
//	result  (batch, spatial..., c)
type MaxPoolGrad struct {
	Size, Strides []int
	Padding       Padding
	All           bool
}

// Infer implements [Op].
func (m MaxPoolGrad) Infer(in []Type) ([]Type, error) {
	if err := operands(in, 2); err != nil {
		return nil, err
	}
	y, err := Pool{MaxPool, m.Size, m.Strides, m.Padding}.Infer(in[:1])
	if err != nil {
		return nil, err
	}
	if in[1].DType != y[0].DType || !y[0].Shape.Fits(in[1].Shape) {
		return nil, fmt.Errorf("%w: gradient %v %v of pooled %v %v", ErrShape, in[1].DType, in[1].Shape, y[0].DType, y[0].Shape)
	}
	return one(in[0].DType, in[0].Shape)
}
