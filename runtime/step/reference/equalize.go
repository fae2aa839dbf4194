package reference

import (
	"math"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// EqualizeScratch is the number of elements that [Equalize] needs.
func EqualizeScratch(op graph.Equalize) int { return op.GridH * op.GridW * 256 }

// Equalize computes [graph.Equalize] of one image of h x w x c.
func Equalize[T float32 | float64](op graph.Equalize, dst, src []T, h, w, c int, scratch []T) {
	th, tw := graph.TileSize(h, op.GridH), graph.TileSize(w, op.GridW)
	for ch := range c {
		for i := range op.GridH {
			for j := range op.GridW {
				to := scratch[(i*op.GridW+j)*256:][:256]
				clear(to)
				for y := i * th; y < (i+1)*th; y++ {
					for x := j * tw; x < (j+1)*tw; x++ {
						v := src[(mirrored(y, h)*w+mirrored(x, w))*c+ch]
						if v >= 1<<31 { // outside an int32, as a float to integer conversion has it
							v = 0
						}
						to[level(v)]++
					}
				}
				distribute(to, T(op.ClipLimit)*T(th*tw)/256, T(th*tw))
			}
		}
		for y := range h {
			y0, y1, wy := between[T](y, th, op.GridH)
			for x := range w {
				x0, x1, wx := between[T](x, tw, op.GridW)
				v := level(src[(y*w+x)*c+ch])
				at := func(i, j int) T { return scratch[(i*op.GridW+j)*256+v] }
				top := at(y0, x0)*(1-wx) + at(y0, x1)*wx
				bottom := at(y1, x0)*(1-wx) + at(y1, x1)*wx
				dst[(y*w+x)*c+ch] = top*(1-wy) + bottom*wy
			}
		}
	}
}

// mirrored is the pixel of n that stands at i, which may be beyond the end.
func mirrored(i, n int) int {
	if i >= n {
		return 2*n - 1 - i
	}
	return i
}

// level is the bin of a value.
func level[T float32 | float64](v T) int {
	switch {
	case v >= 255:
		return 255
	case v > 0:
		return int(v)
	}
	return 0 // NaN too
}

// distribute turns the histogram of a tile of n pixels into its map.
func distribute[T float32 | float64](bins []T, limit, n T) {
	if limit > 0 {
		excess := T(0)
		for i, v := range bins {
			if v > limit {
				excess += v - limit
				bins[i] = limit
			}
		}
		for i := range bins {
			bins[i] += excess / 256
		}
	}
	least, sum := bins[0], T(0)
	span := n - least
	if span == 0 {
		span = 1
	}
	for i, v := range bins {
		sum += v
		bins[i] = min(max((sum-least)*255/span, 0), 255)
	}
}

// between returns the tiles on both sides of pixel i, of grid tiles of size
// pixels, and the weight of the second.
func between[T float32 | float64](i, size, grid int) (a, b int, weight T) {
	at := (T(i)-T(size)/2)/T(size) + 1
	floor := T(math.Floor(float64(at)))
	a, b = int(floor)-1, int(floor)
	return min(max(a, 0), grid-1), min(max(b, 0), grid-1), at - floor
}
