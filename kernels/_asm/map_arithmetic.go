package main

import "math"

func add(f *formula) { f.add(f.operand(0), f.operand(1)) }
func sub(f *formula) { f.sub(f.operand(0), f.operand(1)) }
func mul(f *formula) { f.mul(f.operand(0), f.operand(1)) }
func div(f *formula) { f.div(f.operand(0), f.operand(1)) }

// maximum and minimum are NaN when either operand is.
func maximum(f *formula) { f.either(f.max) }
func minimum(f *formula) { f.either(f.min) }

func (f *formula) either(op func(limit, x value) value) {
	a, b := f.operand(0), f.operand(1)
	f.choose(f.eq(a, a), op(a, b), a)
}

func addScalar(f *formula)     { f.add(f.operand(0), f.param(0)) }
func subFromScalar(f *formula) { f.sub(f.param(0), f.operand(0)) }
func mulScalar(f *formula)     { f.mul(f.operand(0), f.param(0)) }
func divScalar(f *formula)     { f.div(f.operand(0), f.param(0)) }
func divIntoScalar(f *formula) { f.div(f.param(0), f.operand(0)) }

// maxScalar and minScalar are NaN also when the number is.
func maxScalar(f *formula) { f.eitherScalar(f.max) }
func minScalar(f *formula) { f.eitherScalar(f.min) }

func (f *formula) eitherScalar(op func(limit, x value) value) {
	s, x := f.param(0), f.operand(0)
	f.choose(f.eq(s, s), op(s, x), s)
}

func scaleShift(f *formula) { f.fma(f.operand(0), f.operand(1), f.operand(2)) }

func scaleShiftClip(f *formula) {
	f.clamp(f.fma(f.operand(0), f.operand(1), f.operand(2)), f.param(0), f.param(1))
}

func (f *formula) clamp(x, lo, hi value) value { return f.min(hi, f.max(lo, x)) }

func clip(f *formula) { f.clamp(f.operand(0), f.param(0), f.param(1)) }

func leakyReLU(f *formula) {
	x := f.operand(0)
	f.choose(f.le(x, f.num(0)), f.mul(x, f.param(0)), x)
}

func prelu(f *formula) {
	x := f.operand(0)
	f.choose(f.le(x, f.num(0)), f.mul(x, f.operand(1)), x)
}

func (f *formula) hardSigmoid(x value) value {
	six := f.num(6)
	return f.div(f.clamp(f.add(x, f.num(3)), f.num(0), six), six)
}

func hardSigmoid(f *formula) { f.hardSigmoid(f.operand(0)) }

func hardSilu(f *formula) {
	x := f.operand(0)
	f.mul(x, f.hardSigmoid(x))
}

// hardSigmoid2 rounds the product and the sum apart, as Keras does.
func hardSigmoid2(f *formula) {
	y := f.add(f.mul(f.operand(0), f.num(0.2)), f.num(0.5))
	f.clamp(y, f.num(0), f.num(1))
}

// magnitude is |x|.
func (f *formula) magnitude(x value) value { return f.and(x, f.bits(math.MaxInt32)) }

func hardShrink(f *formula) {
	x := f.operand(0)
	f.choose(f.lt(f.param(0), f.magnitude(x)), x, f.num(0))
}

// softShrink is x - t, x + t or 0.
func softShrink(f *formula) {
	x, t := f.operand(0), f.param(0)
	below := f.choose(f.lt(x, f.xor(t, f.sign())), f.add(x, t), f.num(0))
	f.choose(f.lt(t, x), f.sub(x, t), below)
}

func threshold(f *formula) {
	x := f.operand(0)
	f.choose(f.lt(f.param(0), x), x, f.param(1))
}

func softsign(f *formula) {
	x := f.operand(0)
	f.div(x, f.add(f.num(1), f.magnitude(x)))
}

func abs(f *formula)    { f.magnitude(f.operand(0)) }
func square(f *formula) { f.mul(f.operand(0), f.operand(0)) }
func sqrt(f *formula)   { f.sqrt(f.operand(0)) }
