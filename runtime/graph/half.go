package graph

import "math"

// HalfToFloat converts the bits of an IEEE 754 binary16 number.
func HalfToFloat(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exp, man := uint32(h>>10)&0x1f, uint32(h)&0x3ff
	switch exp {
	case 0: // zero or subnormal: man · 2^-24
		f := float32(man) * (1.0 / (1 << 24))
		return math.Float32frombits(math.Float32bits(f) | sign)
	case 31:
		return math.Float32frombits(sign | 0x7f800000 | man<<13)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | man<<13)
}

// FloatToHalf rounds x to the nearest binary16 number, ties to even, and returns its bits.
func FloatToHalf(x float64) uint16 {
	b := math.Float64bits(x)
	sign := uint16(b >> 48 & 0x8000)
	a := math.Abs(x)
	switch {
	case x != x:
		return sign | 0x7e00
	case a >= 65520: // halfway between the largest finite number and the next power of two
		return sign | 0x7c00
	case a < 0x1p-14: // subnormal: a multiple of 2^-24
		return sign | uint16(math.RoundToEven(a*0x1p24))
	}
	exp := int(b>>52&0x7ff) - 1023
	man := math.RoundToEven(math.Ldexp(a, 10-exp)) // in [1024, 2048]
	return sign | uint16((exp+14)<<10+int(man))
}

// BFloatToFloat converts the bits of a bfloat16 number.
func BFloatToFloat(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }

// FloatToBFloat rounds x to the nearest bfloat16 number, ties to even, and returns its bits.
func FloatToBFloat(x float64) uint16 {
	f := float32(x)
	b := math.Float32bits(f)
	if f != f {
		return uint16(b>>16) | 0x40
	}
	// x may lie beside f on the far side of a tie: round from the double.
	if r := float64(f); r != x && b&0xffff == 0x8000 {
		if math.Abs(x) < math.Abs(r) {
			b--
		} else {
			b++
		}
	}
	b += 0x7fff + b>>16&1
	return uint16(b >> 16)
}
