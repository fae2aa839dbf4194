package resize

import "math"

// axis says how each output position of one axis is made: output i is the sum over t of weight[i*taps+t] times input
// index[i*taps+t]. Rows with fewer taps carry weight 0 at a valid index. Indices are relative to the whole image, not
// to the crop.
type axis struct {
	out    int
	taps   int
	index  []int32
	weight []float32
	count  []int32 // taps in use of each output position
}

// newAxis plans one axis: out positions over the in input pixels that start at offset.
func newAxis(m Method, antialias bool, in, out, offset int) axis {
	var a axis
	switch {
	case m == Nearest:
		a = nearestAxis(in, out)
	case m == Area:
		a = areaAxis(in, out)
	case m == Bilinear && !antialias:
		a = bilinearAxis(in, out)
	case m == Bicubic && !antialias:
		a = bicubicAxis(in, out)
	default:
		a = kernelAxis(m, antialias, in, out)
	}
	for i := range a.index {
		a.index[i] += int32(offset)
	}
	return a
}

func makeAxis(out, taps int) axis {
	return axis{out: out, taps: taps, index: make([]int32, out*taps), weight: make([]float32, out*taps), count: make([]int32, out)}
}

// centre is (i+0.5)·scale in float32, the input position of output i.
func centre(i int, scale float32) float32 { return float32((float32(i) + 0.5) * scale) }

func floor32(x float32) int { return int(math.Floor(float64(x))) }
func ceil32(x float32) int  { return int(math.Ceil(float64(x))) }

func clamp(i, n int) int { return max(0, min(i, n-1)) }

func nearestAxis(in, out int) axis {
	a := makeAxis(out, 1)
	scale := float32(in) / float32(out)
	for i := range out {
		a.index[i] = int32(clamp(floor32(centre(i, scale)), in))
		a.weight[i] = 1
		a.count[i] = 1
	}
	return a
}

// bilinearAxis keeps the two neighbours; weight[1] is the fraction, from which Run interpolates in TensorFlow's order.
func bilinearAxis(in, out int) axis {
	a := makeAxis(out, 2)
	scale := float32(in) / float32(out)
	for i := range out {
		pos := centre(i, scale) - 0.5
		lo := floor32(pos)
		frac := pos - float32(lo)
		a.index[2*i] = int32(clamp(lo, in))
		a.index[2*i+1] = int32(clamp(ceil32(pos), in))
		a.weight[2*i] = 1 - frac
		a.weight[2*i+1] = frac
		a.count[i] = 2
	}
	return a
}

// bicubicTable is the number of fractions ResizeBicubic distinguishes.
const bicubicTable = 1024

func bicubicAxis(in, out int) axis {
	const a0 = -0.5
	near := func(t int) float32 {
		x := float64(t) / bicubicTable
		return float32(float64(float64((float64((a0+2)*x)-(a0+3))*x)*x) + 1)
	}
	far := func(t int) float32 {
		x := float64(t)/bicubicTable + 1
		return float32(float64((float64((float64(a0*x)-5*a0)*x)+8*a0)*x) - 4*a0)
	}
	a := makeAxis(out, 4)
	scale := float32(in) / float32(out)
	for i := range out {
		pos := centre(i, scale) - 0.5
		lo := floor32(pos)
		t := int(math.RoundToEven(float64((pos - float32(lo)) * bicubicTable)))
		w := [4]float32{far(t), near(t), near(bicubicTable - t), far(bicubicTable - t)}
		var sum float32
		for k := range w {
			if j := lo - 1 + k; j < 0 || j >= in {
				w[k] = 0
			}
			sum += w[k]
			a.index[4*i+k] = int32(clamp(lo-1+k, in))
		}
		normalise(w[:], sum)
		copy(a.weight[4*i:], w[:])
		a.count[i] = 4
	}
	return a
}

func areaAxis(in, out int) axis {
	scale := float32(in) / float32(out)
	a := makeAxis(out, min(ceil32(scale)+2, in+1))
	for i := range out {
		lo, hi := float32(i)*scale, float32(i+1)*scale
		row := a.weight[i*a.taps : (i+1)*a.taps]
		n := 0
		for j := floor32(lo); j < ceil32(hi) && n < a.taps; j++ {
			w := float32(1)
			switch {
			case float32(j) < lo && float32(j+1) > hi:
				w = scale
			case float32(j) < lo:
				w = float32(j+1) - lo
			case float32(j+1) > hi:
				w = hi - float32(j)
			}
			row[n] = w / scale
			a.index[i*a.taps+n] = int32(clamp(j, in))
			n++
		}
		a.count[i] = int32(n)
	}
	return a
}

// kernelAxis is one axis of ScaleAndTranslate.
func kernelAxis(m Method, antialias bool, in, out int) axis {
	inv := 1 / (float32(out) / float32(in))
	stretch := float32(1)
	if antialias {
		stretch = max(inv, 1)
	}
	reach := float32(m.radius() * stretch)
	invStretch := 1 / stretch
	a := makeAxis(out, min(2*ceil32(reach)+1, in))
	for i := range out {
		pos := centre(i, inv)
		if pos < 0 || pos > float32(in) {
			continue // rounding moved the sample off the image: TensorFlow leaves it 0
		}
		first := clamp(ceil32(pos-reach-0.5), in)
		last := clamp(floor32(pos+reach-0.5), in)
		row := a.weight[i*a.taps : (i+1)*a.taps]
		var sum float32
		n := 0
		for j := first; j <= last && n < a.taps; j++ {
			d := float32(j) + 0.5 - pos
			if d < 0 {
				d = -d
			}
			row[n] = m.weight(float32(d * invStretch))
			sum += row[n]
			a.index[i*a.taps+n] = int32(j)
			n++
		}
		normalise(row[:n], sum)
		a.count[i] = int32(n)
	}
	return a
}

// normalise makes the weights sum to 1 unless their sum is next to nothing.
func normalise(w []float32, sum float32) {
	const tiny = 1000 * 1.17549435e-38
	if sum > -tiny && sum < tiny {
		return
	}
	inv := 1 / sum
	for i := range w {
		w[i] = float32(w[i] * inv)
	}
}
