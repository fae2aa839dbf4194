package conv

import "unsafe"

// tile1x4 is the micro-kernel in plain Go. It takes one pixel times four
// channels at a time: the compiler keeps 4 accumulators and 4 products in
// registers, while wider tiles spill and run slower.
func tile1x4(t *tileArgs) {
	if t.k <= 0 {
		return
	}
	for r := 0; r < t.rows; r++ {
		var c0, c1, c2, c3 float32
		for i := 0; i < t.n1; i++ {
			a := t.a + r*t.rowStep + i*t.a1
			b := t.b + i*t.b1
			for j := 0; j < t.n0; j++ {
				x := t.src[a : a+t.k]
				w := rowsOf4(t.packed[b : b+4*t.k])[:len(x)]
				for k := range w {
					v, q := x[k], &w[k]
					c0 += v * q[0]
					c1 += v * q[1]
					c2 += v * q[2]
					c3 += v * q[3]
				}
				a += t.a0
				b += t.b0
			}
		}
		sum := (*[4]float32)(t.sum[r*4:])
		sum[0] += c0
		sum[1] += c1
		sum[2] += c2
		sum[3] += c3
	}
}

// rowsOf4 views a packed panel as rows, which takes the bounds checks out of
// the inner loop. p is not empty.
func rowsOf4(p []float32) [][4]float32 {
	return unsafe.Slice((*[4]float32)(unsafe.Pointer(&p[0])), len(p)/4)
}

// storeTile finishes the sums of a tile of full width: channels c to c+3 of
// the pixels pixel, pixel+step, ... It does what storeRow does, in registers.
func (e *Epilogue) storeTile(dst []float32, sum *[tileRows * genericWidth]float32, rows, pixel, step, stride, c int) {
	var b0, b1, b2, b3 float32
	if e.Bias != nil {
		b := (*[4]float32)(e.Bias[c:])
		b0, b1, b2, b3 = b[0], b[1], b[2], b[3]
	}
	for r := 0; r < rows; r++ {
		s := (*[4]float32)(sum[r*4:])
		v0, v1, v2, v3 := s[0]+b0, s[1]+b1, s[2]+b2, s[3]+b3
		if e.Residual != nil {
			x := (*[4]float32)(e.Residual[pixel*e.ResidualStride+c:])
			v0, v1, v2, v3 = v0+x[0], v1+x[1], v2+x[2], v3+x[3]
		}
		if e.Clamp {
			v0, v1 = clamp(v0, e.Lo, e.Hi), clamp(v1, e.Lo, e.Hi)
			v2, v3 = clamp(v2, e.Lo, e.Hi), clamp(v3, e.Lo, e.Hi)
		}
		d := (*[4]float32)(dst[pixel*stride+c:])
		d[0], d[1], d[2], d[3] = v0, v1, v2, v3
		pixel += step
	}
}
