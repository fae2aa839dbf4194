package plot

import (
	"math"
	"slices"
)

// place returns the x of the middle of each vertex, as Brandes and Köpf have it
// ("Fast and simple horizontal coordinate assignment", 2001): vertices are aligned
// with the median of their neighbours, upwards and downwards, from the left and
// from the right, which makes four drawings; x is the mean of the two middle ones.
// Each keeps the distances that gap asks for, and so does the mean.
func (l *layered) place(gap func(a, b int) float64) []float64 {
	n := len(l.rank)
	conflicts := l.conflicts()
	var drawings [4][]float64
	for k := range drawings {
		fromBelow, fromRight := k&1 == 1, k&2 == 2
		ranks, neighbours := l.clone(), l.up
		if fromBelow {
			slices.Reverse(ranks)
			neighbours = l.down
		}
		if fromRight {
			for _, vs := range ranks {
				slices.Reverse(vs)
			}
		}
		x := l.compact(ranks, l.align(ranks, neighbours, conflicts), gap)
		if fromRight {
			for v := range x {
				x[v] = -x[v]
			}
		}
		drawings[k] = x
	}
	// All are moved to the narrowest: drawings from the left to its left end, the others to its right one.
	narrow, least := 0, math.Inf(1)
	var low, high [4]float64
	for k, x := range drawings {
		low[k], high[k] = math.Inf(1), math.Inf(-1)
		for v := range x {
			low[k] = min(low[k], x[v]-l.width[v]/2)
			high[k] = max(high[k], x[v]+l.width[v]/2)
		}
		if high[k]-low[k] < least {
			narrow, least = k, high[k]-low[k]
		}
	}
	out := make([]float64, n)
	for v := range out {
		var xs [4]float64
		for k := range xs {
			shift := low[narrow] - low[k]
			if k&2 == 2 {
				shift = high[narrow] - high[k]
			}
			xs[k] = drawings[k][v] + shift
		}
		slices.Sort(xs[:])
		out[v] = (xs[1] + xs[2]) / 2
	}
	return out
}

// conflicts finds the edges that cross a part of an edge over several ranks: they
// give way, so that long edges are straight.
func (l *layered) conflicts() map[[2]int]bool {
	out := map[[2]int]bool{}
	for r := 1; r < len(l.ranks); r++ {
		above, here := l.ranks[r-1], l.ranks[r]
		left, done := 0, 0
		for i, v := range here {
			right, inner := len(above), false
			if l.dummy(v) && l.dummy(l.up[v][0]) {
				right, inner = l.pos[l.up[v][0]], true
			}
			if !inner && i < len(here)-1 {
				continue
			}
			for ; done <= i; done++ {
				w := here[done]
				for _, u := range l.up[w] {
					if p := l.pos[u]; (p < left || p > right) && !(l.dummy(u) && l.dummy(w)) {
						out[[2]int{u, w}] = true
					}
				}
			}
			left = right
		}
	}
	return out
}

// align joins vertices with the medians of their neighbours in the rank before, as
// long as no two such joins cross. It returns the first vertex of each vertex's block.
func (l *layered) align(ranks, neighbours [][]int, conflicts map[[2]int]bool) []int {
	root, joined, pos := make([]int, len(l.rank)), make([]bool, len(l.rank)), make([]int, len(l.rank))
	for v := range root {
		root[v] = v
	}
	for _, vs := range ranks {
		for i, v := range vs {
			pos[v] = i
		}
	}
	for _, vs := range ranks {
		last := -1
		for _, v := range vs {
			ws := slices.Clone(neighbours[v])
			if len(ws) == 0 {
				continue
			}
			slices.SortFunc(ws, func(a, b int) int { return pos[a] - pos[b] })
			for _, w := range ws[(len(ws)-1)/2 : len(ws)/2+1] {
				if root[v] != v || joined[w] || pos[w] <= last || conflicts[[2]int{w, v}] || conflicts[[2]int{v, w}] {
					continue
				}
				root[v], joined[w], last = root[w], true, pos[w]
			}
		}
	}
	return root
}

// compact puts blocks as far left as the distances allow, then moves each as far
// right as its neighbours leave room.
func (l *layered) compact(ranks [][]int, root []int, gap func(a, b int) float64) []float64 {
	type side struct {
		block int
		far   float64
	}
	n := len(root)
	after, before := make([][]side, n), make([][]side, n)
	var edges []Edge
	for _, vs := range ranks {
		for i := 1; i < len(vs); i++ {
			a, b := root[vs[i-1]], root[vs[i]]
			far := (l.width[vs[i-1]]+l.width[vs[i]])/2 + gap(vs[i-1], vs[i])
			after[a] = append(after[a], side{b, far})
			before[b] = append(before[b], side{a, far})
			edges = append(edges, Edge{a, b})
		}
	}
	x := make([]float64, n)
	order := topological(n, edges)
	for _, b := range order {
		for _, s := range before[b] {
			x[b] = max(x[b], x[s.block]+s.far)
		}
	}
	for i := len(order) - 1; i >= 0; i-- {
		b := order[i]
		most := math.Inf(1)
		for _, s := range after[b] {
			most = min(most, x[s.block]-s.far)
		}
		if !math.IsInf(most, 1) && most > x[b] {
			x[b] = most
		}
	}
	for v := range x {
		x[v] = x[root[v]]
	}
	return x
}
