package conv

import "math"

// in transforms h+2 x w+2 pixels of src, of the given distances, into v, whose
// points lie point apart.
func (a *winogradArgs) in(v, src []float32, row, pixel, point, h, w, channels int) {
	c := a.inVectors(v, src, row, pixel, point, h, w, channels)
	switch {
	case c == channels:
	case h == 4 && w == 4:
		winogradIn4x4(v, src, row, pixel, point, c, channels)
	default:
		winogradIn(v, src, row, pixel, point, h, w, c, channels)
	}
}

// out brings the products m of a tile back and stores its outputs.
func (a *winogradArgs) out(e *Epilogue, dst, m []float32, o winogradOutput) {
	y := &a.outputs
	for c := a.outVectors(e, dst, m, &o); c < o.channels; c++ {
		if o.h == 4 && o.w == 4 {
			winogradOut4x4(y, m, o.point, c)
		} else {
			winogradOut(y, m, o.point, o.h, o.w, c)
		}
		o.store(e, dst, y, c)
	}
}

// store finishes the outputs y of channel c of the group.
func (o *winogradOutput) store(e *Epilogue, dst []float32, y *[16]float32, c int) {
	if e.Bias != nil {
		b := e.Bias[o.channel+c]
		for i := range y {
			y[i] += b
		}
	}
	if e.Residual != nil {
		for i := range o.h {
			r := e.Residual[o.residual+i*o.residualRow+c:]
			for k := range o.w {
				y[4*i+k] += r[k*e.ResidualStride]
			}
		}
	}
	if e.Clamp {
		for i, v := range y {
			y[i] = clamp(v, e.Lo, e.Hi)
		}
	}
	if o.pool {
		for i := range o.h / 2 {
			for k := range o.w / 2 {
				v := float32(-math.MaxFloat32)
				for _, p := range [4]int{0, 1, 4, 5} {
					if u := y[8*i+2*k+p]; u > v {
						v = u
					}
				}
				dst[o.at+i*o.row+k*o.pixel+c] = v
			}
		}
		return
	}
	for i := range o.h {
		d := dst[o.at+i*o.row+c:]
		for k := range o.w {
			d[k*o.pixel] = y[4*i+k]
		}
	}
}

const (
	winogradA = math.Sqrt2 / 2
	winogradB = math.Sqrt2
)

// winogradInputs holds the input transforms for 1 to 4 outputs: row p holds the
// coefficients of the product of (x - q) over the other finite points q, scaled
// by what the weights of point p are divided by for 4 outputs, over what they
// would be divided by for this number.
var winogradInputs = [4][6][6]float32{
	{
		{1, -winogradB},
		{0, -winogradA, 1},
		{0, -1.5 * winogradB},
	},
	{
		{1, 0, -2},
		{0, -0.5, 0, 1},
		{0, -1.5 * winogradA, -1.5},
		{0, 1.5 * winogradA, -1.5},
	},
	{
		{1, -winogradA, -2, winogradB},
		{0, winogradA, -0.5, -winogradB, 1},
		{0, -1.5 * winogradB, -1.5, 1.5 * winogradB},
		{0, winogradA, -1.5, winogradA},
		{0, -winogradB, 0, 2 * winogradB},
	},
	{
		{1, 0, -2.5, 0, 1},
		{0, 1, 0, -2.5, 0, 1},
		{0, -winogradB, -2, winogradA, 1},
		{0, winogradB, -2, -winogradA, 1},
		{0, -winogradA, -0.5, winogradB, 1},
		{0, winogradA, -0.5, -winogradB, 1},
	},
}

// winogradPowers holds the first powers of the points; the infinite one adds to
// the last output alone.
var winogradPowers = [6][4]float32{
	{1},
	{},
	{1, winogradA, 0.5, 0.5 * winogradA},
	{1, -winogradA, 0.5, -0.5 * winogradA},
	{1, winogradB, 2, 2 * winogradB},
	{1, -winogradB, 2, -2 * winogradB},
}

// winogradIn transforms channels c0 to c1-1 of a tile of any size.
func winogradIn(v, src []float32, row, pixel, point, h, w, c0, c1 int) {
	down, across := &winogradInputs[h-1], &winogradInputs[w-1]
	var t [6][6]float32 // by point down, pixel across
	for c := c0; c < c1; c++ {
		for x := range w + 2 {
			for p := range h + 2 {
				var sum float32
				for y, k := range down[p][:h+2] {
					if k != 0 {
						sum += k * src[y*row+x*pixel+c]
					}
				}
				t[p][x] = sum
			}
		}
		for p := range h + 2 {
			for q := range w + 2 {
				var sum float32
				for x, k := range across[q][:w+2] {
					sum += k * t[p][x]
				}
				v[(6*p+q)*point+c] = sum
			}
		}
	}
}

// winogradIn4x4 is winogradIn for a whole tile.
func winogradIn4x4(v, src []float32, row, pixel, point, c0, c1 int) {
	for c := c0; c < c1; c++ {
		var t [6][6]float32 // by pixel across, point down
		for x := range t {
			s := src[x*pixel+c:]
			t[x] = winogradIn4(s[0], s[row], s[2*row], s[3*row], s[4*row], s[5*row])
		}
		for p := range 6 {
			u := winogradIn4(t[0][p], t[1][p], t[2][p], t[3][p], t[4][p], t[5][p])
			d := v[6*p*point+c:]
			d[0], d[point], d[2*point] = u[0], u[1], u[2]
			d[3*point], d[4*point], d[5*point] = u[3], u[4], u[5]
		}
	}
}

func winogradIn4(d0, d1, d2, d3, d4, d5 float32) [6]float32 {
	evenA, oddA := d4-2*d2, winogradA*d3-winogradB*d1
	evenB, oddB := d4-0.5*d2, winogradB*d3-winogradA*d1
	return [6]float32{d4 - 2.5*d2 + d0, d5 - 2.5*d3 + d1, evenA + oddA, evenA - oddA, evenB + oddB, evenB - oddB}
}

// winogradOut computes the outputs of one channel of a tile of any size.
func winogradOut(y *[16]float32, m []float32, point, h, w, c int) {
	var t [4][6]float32 // by output down, point across
	for q := range w + 2 {
		for i := range h {
			var sum float32
			for p := range h + 2 {
				sum += winogradPower(p, i, h) * m[(6*p+q)*point+c]
			}
			t[i][q] = sum
		}
	}
	for i := range h {
		for k := range w {
			var sum float32
			for q := range w + 2 {
				sum += winogradPower(q, k, w) * t[i][q]
			}
			y[4*i+k] = sum
		}
	}
}

// winogradPower is what point p counts in output k of n.
func winogradPower(p, k, n int) float32 {
	if p == 1 && k == n-1 {
		return 1
	}
	return winogradPowers[p][k]
}

// winogradOut4x4 is winogradOut for a whole tile.
func winogradOut4x4(y *[16]float32, m []float32, point, c int) {
	var t [6][4]float32 // by point across, output down
	down := 6 * point
	for q := range t {
		s := m[q*point+c:]
		t[q] = winogradOut4(s[0], s[down], s[2*down], s[3*down], s[4*down], s[5*down])
	}
	for i := range 4 {
		u := winogradOut4(t[0][i], t[1][i], t[2][i], t[3][i], t[4][i], t[5][i])
		y[4*i], y[4*i+1], y[4*i+2], y[4*i+3] = u[0], u[1], u[2], u[3]
	}
}

func winogradOut4(m0, m1, m2, m3, m4, m5 float32) [4]float32 {
	evenA, oddA, evenB, oddB := m2+m3, m2-m3, m4+m5, m4-m5
	return [4]float32{
		m0 + evenA + evenB,
		winogradA*oddA + winogradB*oddB,
		0.5*evenA + 2*evenB,
		0.5*winogradA*oddA + 2*winogradB*oddB + m1,
	}
}
