package reference

import "github.com/kerasrun/kerasrun/runtime/graph"

// Strides returns the distance of neighbours along each axis, in row-major order.
func Strides(s graph.Shape) []int {
	st := make([]int, len(s))
	n := 1
	for i := len(s) - 1; i >= 0; i-- {
		st[i] = n
		n *= s[i]
	}
	return st
}

// BroadcastStrides returns the strides with which an operand of shape s is read
// for a result of shape out: 0 along stretched axes.
func BroadcastStrides(s, out graph.Shape) []int {
	st := make([]int, len(out))
	own := Strides(s)
	off := len(out) - len(s)
	for i, n := range s {
		if n != 1 || out[off+i] == 1 {
			st[off+i] = own[i]
		}
	}
	return st
}

// Offsets lists Σ coordinate·stride over all coordinates of dims, in row-major order.
func Offsets(dims, strides []int) []int {
	list := []int{0}
	for i, n := range dims {
		next := make([]int, 0, len(list)*n)
		for _, base := range list {
			for j := range n {
				next = append(next, base+j*strides[i])
			}
		}
		list = next
	}
	return list
}

// SplitAxes separates the elements of shape by axes, which are resolved: element
// kept[i] + along[j] is number j along the axes at place i of the others.
func SplitAxes(shape graph.Shape, axes []int) (kept, along []int) {
	st := Strides(shape)
	in := make([]bool, len(shape))
	for _, a := range axes {
		in[a] = true
	}
	var kd, ks, ad, as []int
	for i, n := range shape {
		if in[i] {
			ad, as = append(ad, n), append(as, st[i])
		} else {
			kd, ks = append(kd, n), append(ks, st[i])
		}
	}
	return Offsets(kd, ks), Offsets(ad, as)
}

// coords calls f for every coordinate of shape in row-major order. f must not keep c.
func coords(shape []int, f func(i int, c []int)) {
	n := 1
	for _, d := range shape {
		n *= d
	}
	c := make([]int, len(shape))
	for i := range n {
		f(i, c)
		for k := len(c) - 1; k >= 0; k-- {
			if c[k]++; c[k] < shape[k] {
				break
			}
			c[k] = 0
		}
	}
}

// broadcast calls f for every element i of a result, with the elements of the
// operands that belong to it.
func broadcast(out graph.Shape, in []graph.Shape, f func(i int, at []int)) {
	st := make([][]int, len(in))
	for k, s := range in {
		st[k] = BroadcastStrides(s, out)
	}
	at := make([]int, len(in))
	coords(out, func(i int, c []int) {
		for k := range at {
			at[k] = dot(c, st[k])
		}
		f(i, at)
	})
}

func dot(a, b []int) int {
	n := 0
	for i := range a {
		n += a[i] * b[i]
	}
	return n
}

// axesOf resolves axes that Infer has accepted.
func axesOf(axes []int, rank int) []int {
	ax, err := graph.Axes(axes, rank)
	if err != nil {
		return nil
	}
	return ax
}
