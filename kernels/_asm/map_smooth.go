package main

import "math"

// magic is 1.5·2^23: adding it to a number below 2^22 rounds it to an integer,
// which then stands in the low bits of the sum.
const magic = 0x1.8p23

// An exponential is e^x = p·2^n with an integer n, p in [0.7, 1.42].
type exponential struct {
	p, n value
	low  value // holds n in its low bits
}

// reduce returns n = round(x/ln 2) and r = x - n·ln 2, for |x| < 2^21. The first
// of the two products is exact but for one rounding below r's own.
func (f *formula) reduce(x value) (r, n, low value) {
	low = f.fma(x, f.num(math.Log2E), f.num(magic))
	n = f.sub(low, f.num(magic))
	const high = 0x1.62e43p-1 // ln 2 with 20 bits
	r = f.fnma(n, f.num(high), x)
	return f.fnma(n, f.num(math.Ln2-high), r), n, low
}

// exponential computes e^x within 2^-24 for -104 <= x <= 89 or NaN.
func (f *formula) exponential(x value) exponential {
	r, n, low := f.reduce(x)
	p := f.horner(r, 1, 1, 0.499999934337, 0.166665204019, 0.0416683903171, 0.00836874496214, 0.00138145688773)
	return exponential{p, n, low}
}

// value is p·2^n, also when that overflows or is denormal.
func (f *formula) value(e exponential) value { return f.scale(e.p, f.factors(e)) }

// A factors is 2^n in the form that scales best: n itself, or two numbers
// whose product it is, as each of them can be represented.
type factors []value

func (f *formula) factors(e exponential) factors {
	if f.arch.scales {
		return factors{e.n}
	}
	n := f.isub(e.low, f.num(magic))
	half := f.sra(n, 1)
	one := f.num(1)
	return factors{f.iadd(f.shl(half, 23), one), f.iadd(f.shl(f.isub(n, half), 23), one)}
}

// scale multiplies by 2^n.
func (f *formula) scale(x value, by factors) value {
	if f.arch.scales {
		return f.add1("scale", 0, 0, x, by[0])
	}
	return f.mul(f.mul(x, by[0]), by[1])
}

// expMin is where x·e^x rounds to 0, expMax where e^x overflows.
const (
	expMin = -112
	expMax = 89
)

func exp(f *formula) {
	x := f.operand(0)
	f.value(f.exponential(f.min(f.num(expMax), f.max(f.num(expMin), x))))
}

// negative is -|x|, not below expMin.
func (f *formula) negative(x value) value { return f.max(f.num(expMin), f.or(x, f.sign())) }

// quotient is num/(den+low), rounded nearly once, where low is what den lost.
// It divides 1, so that what is left of num can be divided again by a product.
// No operand may be infinite.
func (f *formula) quotient(num, den, low value) value {
	y := f.div(f.num(1), den)
	q := f.mul(num, y)
	return f.fma(f.fnma(q, low, f.fnma(q, den, num)), y, q)
}

// onePlus is 1 + e for 0 <= e <= 1, and what that loses.
func (f *formula) onePlus(e value) (sum, low value) {
	one := f.num(1)
	sum = f.add(one, e)
	return sum, f.sub(e, f.sub(sum, one))
}

// logistic is 1/(1+e^-x): with e = e^-|x|, which cannot overflow, it is 1/(1+e) for
// x >= 0 and e/(1+e) below.
func (f *formula) logistic(x value) value {
	e := f.value(f.exponential(f.negative(x)))
	sum, low := f.onePlus(e)
	return f.quotient(f.choose(f.lt(x, f.num(0)), e, f.num(1)), sum, low)
}

func sigmoid(f *formula) { f.logistic(f.operand(0)) }

func glu(f *formula) { f.mul(f.operand(0), f.logistic(f.operand(1))) }

// silu is x/(1+e^-x). For x < 0, e^-|x| = p·2^n is multiplied in two steps, the
// power of two last, since x·e is a number also where e is denormal. Of -Inf
// it is NaN, as of -Inf times 0.
func silu(f *formula) {
	x, one, zero := f.operand(0), f.num(1), f.num(0)
	e := f.exponential(f.negative(x))
	below := f.lt(x, zero)
	by := f.factors(e)
	sum, low := f.onePlus(f.scale(e.p, by))
	y := f.mul(f.max(f.num(expMin), x), f.quotient(f.choose(below, e.p, one), sum, low))
	neutral := one
	if f.arch.scales {
		neutral = zero
	}
	for i := range by {
		by[i] = f.choose(below, by[i], neutral)
	}
	f.choose(f.eq(x, f.num(math.Inf(-1))), f.num(math.NaN()), f.scale(y, by))
}

// tanh is (1-e)/(1+e) with e = e^-2|x| = s·(1+p), 2^n = s. As p is e^r - 1 and not
// e^r, no digits are lost near 0.
func tanh(f *formula) {
	x, one := f.operand(0), f.num(1)
	a := f.or(x, f.sign())
	r, _, low := f.reduce(f.max(f.num(-20), f.add(a, a)))
	q := f.horner(r, 0.500000004652, 0.166666668177, 0.0416663541624, 0.00833327289023, 0.00139410504166, 0.000199142610969)
	p := f.fma(f.mul(r, r), q, r)
	s := f.iadd(f.shl(low, 23), one)
	y := f.div(f.fnma(s, p, f.sub(one, s)), f.fma(s, p, f.add(one, s)))
	f.or(y, f.and(x, f.sign()))
}
