package reference

import (
	"math"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// A windowed op over spatial axes: x is (batch, in..., c), the result (batch, out..., filters).
type windowed struct {
	in, out, taps            []int
	stride, dilation, before []int
}

func newWindowed(x, y graph.Shape, taps, stride, dilation []int, p graph.Padding) windowed {
	rank := len(taps)
	w := windowed{x[1 : 1+rank], y[1 : 1+rank], taps, stride, dilation, make([]int, rank)}
	for i := range taps {
		w.before[i], _ = p.Pads(i, w.in[i], (taps[i]-1)*dilation[i]+1, stride[i])
	}
	return w
}

// each calls f for every output cell, in order, with the taps that lie inside
// the input: tap number t reads input cell at.
func (w windowed) each(f func(cell int, taps func(g func(t, at int)))) {
	st := Strides(w.in)
	coords(w.out, func(cell int, o []int) {
		f(cell, func(g func(t, at int)) {
			coords(w.taps, func(t int, k []int) {
				at := 0
				for i := range k {
					p := o[i]*w.stride[i] - w.before[i] + k[i]*w.dilation[i]
					if p < 0 || p >= w.in[i] {
						return
					}
					at += p * st[i]
				}
				g(t, at)
			})
		})
	})
}

func product(s []int) int {
	n := 1
	for _, d := range s {
		n *= d
	}
	return n
}

func convolve(y, x, k array, op graph.Conv) {
	rank := len(x.shape) - 2
	cin, filters := x.shape[rank+1], y.shape[rank+1]
	group, width := cin/op.Groups, filters/op.Groups
	w := newWindowed(x.shape, y.shape, k.shape[:rank], op.Strides, op.Dilation, op.Padding)
	for b := range x.shape[0] {
		src, dst := x.v[b*product(w.in)*cin:], y.v[b*product(w.out)*filters:]
		w.each(func(cell int, taps func(func(t, at int))) {
			sum := dst[cell*filters:][:filters]
			taps(func(t, at int) {
				for c := range group {
					row := k.v[(t*group+c)*filters:]
					for f := range sum {
						sum[f] += src[at*cin+f/width*group+c] * row[f]
					}
				}
			})
		})
	}
}

func depthwise(y, x, k array, op graph.DepthwiseConv) {
	rank := len(x.shape) - 2
	cin, filters := x.shape[rank+1], y.shape[rank+1]
	w := newWindowed(x.shape, y.shape, k.shape[:rank], op.Strides, op.Dilation, op.Padding)
	for b := range x.shape[0] {
		src, dst := x.v[b*product(w.in)*cin:], y.v[b*product(w.out)*filters:]
		w.each(func(cell int, taps func(func(t, at int))) {
			sum := dst[cell*filters:][:filters]
			taps(func(t, at int) {
				for f := range sum {
					sum[f] += src[at*cin+f*cin/filters] * k.v[t*filters+f]
				}
			})
		})
	}
}

// transposed scatters every input cell.
func transposed(y, x, k array, op graph.ConvTranspose) {
	rank := len(x.shape) - 2
	cin, filters := x.shape[rank+1], y.shape[rank+1]
	in, out, taps := x.shape[1:1+rank], y.shape[1:1+rank], k.shape[:rank]
	crop := make([]int, rank)
	for i := range crop {
		_, crop[i] = op.Out(i, in[i], taps[i])
	}
	st := Strides(out)
	for b := range x.shape[0] {
		src, dst := x.v[b*product(in)*cin:], y.v[b*product(out)*filters:]
		coords(in, func(cell int, o []int) {
			coords(taps, func(t int, kc []int) {
				at := 0
				for i := range kc {
					p := o[i]*op.Strides[i] + kc[i]*op.Dilation[i] - crop[i]
					if p < 0 || p >= out[i] {
						return
					}
					at += p * st[i]
				}
				for f := range filters {
					for c := range cin {
						dst[at*filters+f] += src[cell*cin+c] * k.v[(t*filters+f)*cin+c]
					}
				}
			})
		})
	}
}

// pool leaves padding out; a window of padding alone is -Inf or 0.
func pool(y, x array, op graph.Pool) {
	rank := len(x.shape) - 2
	c := x.shape[rank+1]
	ones := []int{1, 1, 1}[:rank]
	w := newWindowed(x.shape, y.shape, op.Size, op.Strides, ones, op.Padding)
	for b := range x.shape[0] {
		src, dst := x.v[b*product(w.in)*c:], y.v[b*product(w.out)*c:]
		w.each(func(cell int, taps func(func(t, at int))) {
			d := dst[cell*c:][:c]
			n := 0
			if op.Kind == graph.MaxPool {
				for i := range d {
					d[i] = math.Inf(-1)
				}
			}
			taps(func(_, at int) {
				n++
				for i, v := range src[at*c:][:c] {
					if op.Kind == graph.MaxPool {
						d[i] = max(d[i], v)
					} else {
						d[i] += v
					}
				}
			})
			if op.Kind == graph.AveragePool && n > 0 {
				for i := range d {
					d[i] /= float64(n)
				}
			}
		})
	}
}

// poolGrad gives dy to the maxima of the windows, as float32 kernels do: a NaN
// is one only where it stands first, and of All it is none.
func poolGrad(dx, x, dy array, op graph.MaxPoolGrad) {
	rank := len(x.shape) - 2
	c := x.shape[rank+1]
	w := newWindowed(x.shape, dy.shape, op.Size, op.Strides, []int{1, 1, 1}[:rank], op.Padding)
	for b := range x.shape[0] {
		src, d, dst := x.v[b*product(w.in)*c:], dy.v[b*product(w.out)*c:], dx.v[b*product(w.in)*c:]
		w.each(func(cell int, taps func(func(t, at int))) {
			for i := range c {
				best := -1
				taps(func(_, at int) {
					if best < 0 || src[at*c+i] > src[best*c+i] {
						best = at
					}
				})
				if best < 0 {
					continue // a window of padding alone
				}
				taps(func(_, at int) {
					if at == best && !op.All || op.All && src[at*c+i] == src[best*c+i] {
						dst[at*c+i] += d[cell*c+i]
					}
				})
			}
		})
	}
}

func matmul(y, x, w array) {
	n, k := w.shape[len(w.shape)-1], w.shape[len(w.shape)-2]
	m, batch := 1, y.shape[:0]
	if len(w.shape) == 2 {
		m = product(y.shape[:len(y.shape)-1])
	} else {
		m, batch = y.shape[len(y.shape)-2], y.shape[:len(y.shape)-2]
	}
	operands := []graph.Shape{{}, {}}
	if len(w.shape) > 2 {
		operands = []graph.Shape{x.shape[:len(x.shape)-2], w.shape[:len(w.shape)-2]}
	}
	broadcast(batch, operands, func(b int, at []int) {
		xs, ws, ys := x.v[at[0]*m*k:], w.v[at[1]*k*n:], y.v[b*m*n:]
		for i := range m {
			for l := range k {
				v := xs[i*k+l]
				for j := range n {
					ys[i*n+j] += v * ws[l*n+j]
				}
			}
		}
	})
}
