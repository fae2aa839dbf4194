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
	r = f.fnma(n, f.num(lnHigh), x)
	return f.fnma(n, f.num(math.Ln2-lnHigh), r), n, low
}

// lnHigh is ln 2 with 20 bits.
const lnHigh = 0x1.62e43p-1

// exponential computes e^x within 2^-24 for expMin <= x <= expMax or NaN.
func (f *formula) exponential(x value) exponential { return f.exponentialOf(x, -1) }

// exponentialOf computes e^(x-less), where less is small or, when negative, nothing.
func (f *formula) exponentialOf(x, less value) exponential {
	r, n, low := f.reduce(x)
	if less >= 0 {
		r = f.sub(r, less)
	}
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
	for _, power := range by {
		if f.arch.scales {
			x = f.add1("scale", 0, 0, x, power)
		} else {
			x = f.mul(x, power)
		}
	}
	return x
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

// expLess is e^(x-p) for x <= p, or NaN. What the difference loses to rounding is
// taken into account, unless it is so far that the result is 0.
func expLess(f *formula) {
	x, p := f.operand(0), f.param(0)
	d := f.sub(x, p)
	z := f.sub(d, x)
	lost := f.sub(f.add(p, z), f.sub(x, f.sub(d, z)))
	lost = f.choose(f.lt(f.num(expMin), d), lost, f.num(0))
	f.value(f.exponentialOf(f.max(f.num(expMin), d), lost))
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

// overOnePlus is num/(1+e^-x). Where e^-x is large, what it is larger than 2^most
// divides last, so that the result may be denormal. x is not below expMin, or with an
// instruction for x·2^n not below -2^127, where e^-x comes out as +Inf.
func (f *formula) overOnePlus(num, x value) value {
	const (
		least = 86  // of more, 1+e^-x rounds to 1 and e^-x might be denormal
		most  = 120 // 1 + p·2^most has the digits of p and is finite
	)
	x = f.min(f.num(least), x)
	low := f.fnma(x, f.num(math.Log2E), f.num(magic))
	n := f.sub(low, f.num(magic))
	r := f.fma(n, f.num(lnHigh), x) // -r of reduce, which saves the sign of x
	r = f.fma(n, f.num(math.Ln2-lnHigh), r)
	p := f.horner(r, 1, -1, 0.499999934337, -0.166665204019, 0.0416683903171, -0.00836874496214, 0.00138145688773)
	limited := f.min(f.num(magic+most), low)
	power := f.iadd(f.shl(limited, 23), f.num(1)) // 2^min(n, most)
	y := f.div(num, f.fma(p, power, f.num(1)))
	if f.arch.scales {
		return f.scale(y, factors{f.sub(limited, low)})
	}
	return f.scale(y, factors{f.iadd(f.shl(f.isub(limited, low), 23), f.num(1))})
}

// logistic is 1/(1+e^-x).
func (f *formula) logistic(x value) value {
	return f.overOnePlus(f.num(1), f.max(f.num(expMin), x))
}

func sigmoid(f *formula) { f.logistic(f.operand(0)) }

func glu(f *formula) { f.mul(f.operand(0), f.logistic(f.operand(1))) }

// lessOne is e^x - 1 = (s-1) + s·p for -20 <= x <= 0 or NaN, where s = 2^n. As p is
// e^r - 1 and not e^r, no digits are lost near 0.
func (f *formula) lessOne(x value) (s, p value) {
	r, _, low := f.reduce(x)
	q := f.horner(r, 0.500000004652, 0.166666668177, 0.0416663541624, 0.00833327289023, 0.00139410504166, 0.000199142610969)
	return f.iadd(f.shl(low, 23), f.num(1)), f.fma(f.mul(r, r), q, r)
}

// tanh is (1-e)/(1+e) with e = e^-2|x|.
func tanh(f *formula) {
	x, one := f.operand(0), f.num(1)
	a := f.or(x, f.sign())
	s, p := f.lessOne(f.max(f.num(-20), f.add(a, a)))
	y := f.div(f.fnma(s, p, f.sub(one, s)), f.fma(s, p, f.add(one, s)))
	f.or(y, f.and(x, f.sign()))
}

// expm1 is e^x - 1 for x <= 0; for others it is some number.
func (f *formula) expm1(x value) value {
	zero := f.num(0)
	s, p := f.lessOne(f.min(zero, f.max(f.num(-20), x)))
	return f.fma(s, p, f.sub(s, f.num(1)))
}

// linearAbove is y, or scale·x for x > 0.
func (f *formula) linearAbove(x, y value, scale float64) {
	above := f.lt(f.num(0), x)
	if scale != 1 {
		x = f.mul(x, f.num(scale))
	}
	f.choose(above, x, y)
}

func elu(f *formula) {
	x := f.operand(0)
	f.linearAbove(x, f.mul(f.expm1(x), f.param(0)), 1)
}

func selu(f *formula) {
	const scale, alpha = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
	x := f.operand(0)
	f.linearAbove(x, f.mul(f.expm1(x), f.num(scale*alpha)), scale)
}

func celu(f *formula) {
	x, alpha := f.operand(0), f.param(0)
	f.linearAbove(x, f.mul(f.expm1(f.div(x, alpha)), alpha), 1)
}

// softplus is max(x, 0) + log(1+u) with u = e^-|x|.
func (f *formula) softplus(x value) value {
	u := f.value(f.exponential(f.negative(x)))
	q := f.horner(u, -0.49999999887, 0.33333089707, -0.249932798685, 0.199261657408, -0.162278320571,
		0.126784460452, -0.0859038510814, 0.0442869125396, -0.0146772374282, 0.00227546050891)
	return f.add(f.max(f.num(0), x), f.fma(f.mul(u, u), q, u))
}

func softplus(f *formula) { f.softplus(f.operand(0)) }

func logSigmoid(f *formula) {
	f.xor(f.softplus(f.xor(f.operand(0), f.sign())), f.sign())
}

// A tail is what a function x·y needs where y falls to 0 like an exponential e =
// p·2^n, for negative x: y is computed with p alone and the power of two
// multiplied last, since x·e is a number also where e is denormal.
type tail struct {
	x, below value
	by       factors // 2^n below 0, else 1
}

// tail takes the exponential of a number that is negative wherever x is.
func (f *formula) tail(x value, e exponential) tail {
	below := f.lt(x, f.num(0))
	neutral := f.num(1)
	if f.arch.scales {
		neutral = f.num(0)
	}
	by := f.factors(e)
	for i := range by {
		by[i] = f.choose(below, by[i], neutral)
	}
	return tail{x, below, by}
}

// times is x·y·2^n, the last where x < 0. Of -Inf it is NaN, as of -Inf times 0.
func (f *formula) times(t tail, y value) value {
	z := f.scale(f.mul(f.max(f.num(expMin), t.x), y), t.by)
	return f.choose(f.eq(t.x, f.num(math.Inf(-1))), f.num(math.NaN()), z)
}

// silu is x/(1+e^-x). Of -Inf it is NaN, as of -Inf times 0, or of -Inf/Inf.
func silu(f *formula) {
	x := f.operand(0)
	if f.arch.scales {
		f.overOnePlus(x, f.max(f.num(-0x1p127), x))
		return
	}
	limited := f.max(f.num(expMin), x)
	y := f.overOnePlus(limited, limited)
	f.choose(f.eq(x, f.num(math.Inf(-1))), f.num(math.NaN()), y)
}

// mish is x·tanh(log(1+e^x)): with e = e^-|x|, x·(1+2e)/(1+2e+2e²) for x >= 0 and
// x·e(e+2)/(e(e+2)+2) below.
func mish(f *formula) {
	x, one, two := f.operand(0), f.num(1), f.num(2)
	parts := f.exponential(f.negative(x))
	e := f.value(parts)
	t := f.tail(x, parts)
	more, twice := f.add(e, two), f.add(e, e)
	num := f.choose(t.below, f.mul(parts.p, more), f.add(one, twice))
	den := f.choose(t.below, f.fma(e, more, two), f.fma(twice, e, f.add(one, twice)))
	f.times(t, f.div(num, den))
}

// geluTanh is x/(1+e^-y) with y = x·(c + d·x²), 2·√(2/π)·(x + 0.044715·x³). As e^-y
// multiplies the error of y, that is computed with twice the digits.
func geluTanh(f *formula) {
	const c = 1.5957691216057307117597842397375
	const d = c * 0.044715
	rest := func(x float64) value { return f.num(x - float64(float32(x))) }
	x, c1, d1 := f.operand(0), f.num(c), f.num(d)
	a := f.min(f.num(20), f.magnitude(x))
	h := f.mul(a, a)
	p := f.mul(h, d1)
	w := f.add(p, c1)
	// What w lacks: of the sum, of the product, of the constants, of the square.
	low := f.sub(f.min(c1, p), f.sub(w, f.max(c1, p)))
	low = f.sub(low, f.fnma(h, d1, p))
	low = f.add(low, f.fma(h, rest(d), rest(c)))
	low = f.fnma(f.fnma(a, a, h), d1, low)
	y := f.xor(f.mul(a, w), f.sign())
	e := f.exponentialOf(f.max(f.num(expMin), y), f.fma(a, low, f.fma(a, w, y)))
	t := f.tail(x, e)
	sum, lost := f.onePlus(f.value(e))
	f.times(t, f.quotient(f.choose(t.below, e.p, f.num(1)), sum, lost))
}

// gelu is x·Φ(x). With a = |x|, Φ(-a) = e^(-a²/2)·R(a), where R is smooth and falls like
// 1/a: a polynomial of (a-3)/(a+3). Φ(a) is 1 - Φ(-a).
func gelu(f *formula) {
	x, three := f.operand(0), f.num(3)
	a := f.min(f.num(15), f.magnitude(x))
	v := f.div(f.sub(a, three), f.add(a, three))
	r := f.horner(v, 0.121513947391, -0.206402621914, 0.123225052286, -0.0462132344915, 0.00613181119322,
		0.00290421377135, -0.000982822181545, -0.000338546008027, 0.000114504376395, 5.26763770989e-5)
	half := f.num(-0.5)
	b := f.mul(a, half)
	h := f.mul(a, b)
	e := f.exponentialOf(f.max(f.num(expMin), h), f.fnma(a, b, h))
	t := f.tail(x, e)
	below := f.mul(e.p, r)
	f.times(t, f.choose(t.below, below, f.sub(f.num(1), f.scale(below, f.factors(e)))))
}
