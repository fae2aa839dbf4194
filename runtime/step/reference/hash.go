package reference

import (
	"encoding/binary"
	"math/bits"
)

// Fingerprint64 is FarmHash's hash of that name, which never changes.
func Fingerprint64(s []byte) uint64 {
	n := len(s)
	switch {
	case n > 64:
		return farmLong(s)
	case n > 32:
		return farm64(s)
	case n > 16:
		mul := farm2 + uint64(n)*2
		a, b := word(s, 0)*farm1, word(s, 8)
		c, d := word(s, n-8)*mul, word(s, n-16)*farm2
		return farmMix(right(a+b, 43)+right(c, 30)+d, a+right(b+farm2, 18)+c, mul)
	case n >= 8:
		mul := farm2 + uint64(n)*2
		a, b := word(s, 0)+farm2, word(s, n-8)
		return farmMix(right(b, 37)*mul+a, (right(a, 25)+b)*mul, mul)
	case n >= 4:
		a, b := uint64(binary.LittleEndian.Uint32(s)), uint64(binary.LittleEndian.Uint32(s[n-4:]))
		return farmMix(uint64(n)+a<<3, b, farm2+uint64(n)*2)
	case n > 0:
		y := uint32(s[0]) + uint32(s[n>>1])<<8
		z := uint32(n) + uint32(s[n-1])<<2
		return shiftMix(uint64(y)*farm2^uint64(z)*farm0) * farm2
	}
	return farm2
}

const (
	farm0 = 0xc3a5c85c97cb3127
	farm1 = 0xb492b66fbe98f273
	farm2 = 0x9ae16a3b2f90404f
)

func word(s []byte, i int) uint64     { return binary.LittleEndian.Uint64(s[i:]) }
func right(x uint64, n int) uint64    { return bits.RotateLeft64(x, -n) }
func shiftMix(x uint64) uint64        { return x ^ x>>47 }
func farmMix(u, v, mul uint64) uint64 { return shiftMix((v^shiftMix((u^v)*mul))*mul) * mul }

// farm64 hashes 33 to 64 bytes.
func farm64(s []byte) uint64 {
	n := len(s)
	mul := farm2 + uint64(n)*2
	a, b := word(s, 0)*farm2, word(s, 8)
	c, d := word(s, n-8)*mul, word(s, n-16)*farm2
	y := right(a+b, 43) + right(c, 30) + d
	z := farmMix(y, a+right(b+farm2, 18)+c, mul)
	e, f := word(s, 16)*mul, word(s, 24)
	g, h := (y+word(s, n-32))*mul, (z+word(s, n-24))*mul
	return farmMix(right(e+f, 43)+right(g, 30)+h, e+right(f+a, 18)+g, mul)
}

// farmLong hashes more than 64 bytes.
func farmLong(s []byte) uint64 {
	const seed = 81
	var v, w [2]uint64
	var one uint64 = farm1
	x := uint64(seed)
	y := x*one + 113
	z := shiftMix(y*farm2+113) * farm2
	x = x*farm2 + word(s, 0)
	last := len(s) - 64
	for p := s; len(p) > 64; p = p[64:] {
		x = right(x+y+v[0]+word(p, 8), 37) * farm1
		y = right(y+v[1]+word(p, 48), 42) * farm1
		x ^= w[1]
		y += v[0] + word(p, 40)
		z = right(z+w[0], 33) * farm1
		v = farmWeak(p, v[1]*farm1, x+w[0])
		w = farmWeak(p[32:], z+w[1], y+word(p, 16))
		z, x = x, z
	}
	mul := farm1 + (z&0xff)<<1
	p := s[last:]
	w[0] += uint64((len(s) - 1) & 63)
	v[0] += w[0]
	w[0] += v[0]
	x = right(x+y+v[0]+word(p, 8), 37) * mul
	y = right(y+v[1]+word(p, 48), 42) * mul
	x ^= w[1] * 9
	y += v[0]*9 + word(p, 40)
	z = right(z+w[0], 33) * mul
	v = farmWeak(p, v[1]*mul, x+w[0])
	w = farmWeak(p[32:], z+w[1], y+word(p, 16))
	z, x = x, z
	return farmMix(farmMix(v[0], w[0], mul)+shiftMix(y)*farm0+z, farmMix(v[1], w[1], mul)+x, mul)
}

// farmWeak hashes 32 bytes with two seeds.
func farmWeak(s []byte, a, b uint64) [2]uint64 {
	w, x, y, z := word(s, 0), word(s, 8), word(s, 16), word(s, 24)
	a += w
	b = right(b+a+z, 21)
	c := a
	a += x + y
	b += right(a, 44)
	return [2]uint64{a + z, b + c}
}

// concatFingerprints is TensorFlow's FingerprintCat64.
func concatFingerprints(a, b uint64) uint64 {
	const mul = 0xc6a4a7935bd1e995
	x := (a ^ mul ^ shiftMix(b*mul)*mul) * mul
	return shiftMix(shiftMix(x) * mul)
}

// SipHash is SipHash-2-4 of s under key.
func SipHash(key [2]uint64, s []byte) uint64 {
	v := [4]uint64{
		key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
		key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573,
	}
	last := uint64(len(s)) << 56
	for ; len(s) >= 8; s = s[8:] {
		v = sipBlock(v, word(s, 0))
	}
	for i, c := range s {
		last |= uint64(c) << (8 * i)
	}
	v = sipBlock(v, last)
	v[2] ^= 0xff
	for range 4 {
		v = sipRound(v)
	}
	return v[0] ^ v[1] ^ v[2] ^ v[3]
}

func sipBlock(v [4]uint64, m uint64) [4]uint64 {
	v[3] ^= m
	v = sipRound(sipRound(v))
	v[0] ^= m
	return v
}

func sipRound(v [4]uint64) [4]uint64 {
	v[0] += v[1]
	v[1] = bits.RotateLeft64(v[1], 13) ^ v[0]
	v[0] = bits.RotateLeft64(v[0], 32)
	v[2] += v[3]
	v[3] = bits.RotateLeft64(v[3], 16) ^ v[2]
	v[0] += v[3]
	v[3] = bits.RotateLeft64(v[3], 21) ^ v[0]
	v[2] += v[1]
	v[1] = bits.RotateLeft64(v[1], 17) ^ v[2]
	v[2] = bits.RotateLeft64(v[2], 32)
	return v
}
