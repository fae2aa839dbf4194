package graph

import "fmt"

// Band yields Bool over the last two axes of its operand, rows t and columns s:
// true where s - t is at most Above and t - s at most Below. A limit of -1
// stands for none. The operand gives the sizes alone: with attention scores, a
// band of {Below: -1, Above: 0} is the causal mask (Vaswani et al., 2017), and
// one of {w-1, w-1} a sliding window.
//
//	x       (..., t, s)
//	result  (t, s)
type Band struct {
	Below, Above int
}

// Infer implements [Op].
func (b Band) Infer(in []Type) ([]Type, error) {
	if err := operands(in, 1); err != nil {
		return nil, err
	}
	x := in[0].Shape
	if len(x) < 2 {
		return nil, fmt.Errorf("%w: band of %v", ErrShape, x)
	}
	if b.Below < -1 || b.Above < -1 {
		return nil, fmt.Errorf("%w: band of %d below and %d above", ErrAttr, b.Below, b.Above)
	}
	return one(Bool, x[len(x)-2:].Clone())
}

// Holds reports whether row t and column s lie in the band.
func (b Band) Holds(t, s int) bool {
	return (b.Above < 0 || s-t <= b.Above) && (b.Below < 0 || t-s <= b.Below)
}
