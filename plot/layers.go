package plot

import (
	"cmp"
	"slices"
)

// topological returns the nodes so that each comes after all that feed it. Nodes
// on a cycle, which no model has, are left out.
func topological(n int, edges []Edge) []int {
	next, missing := make([][]int, n), make([]int, n)
	for _, e := range edges {
		next[e.From] = append(next[e.From], e.To)
		missing[e.To]++
	}
	var order []int
	for v := range n {
		if missing[v] == 0 {
			order = append(order, v)
		}
	}
	for i := 0; i < len(order); i++ {
		for _, w := range next[order[i]] {
			if missing[w]--; missing[w] == 0 {
				order = append(order, w)
			}
		}
	}
	return order
}

// ranks gives each node the length of the longest path to it, and moves those that
// nothing feeds down to what they feed.
func ranks(n int, edges []Edge) []int {
	next, fed := make([][]int, n), make([]bool, n)
	for _, e := range edges {
		next[e.From] = append(next[e.From], e.To)
		fed[e.To] = true
	}
	rank := make([]int, n)
	for _, v := range topological(n, edges) {
		for _, w := range next[v] {
			rank[w] = max(rank[w], rank[v]+1)
		}
	}
	for v := range n {
		if !fed[v] && len(next[v]) > 0 {
			rank[v] = rank[next[v][0]] - 1
			for _, w := range next[v] {
				rank[v] = min(rank[v], rank[w]-1)
			}
		}
	}
	return rank
}

// A layered graph is one whose edges all go from a rank to the next: vertices from
// nodes on stand for edges that pass a rank.
type layered struct {
	nodes    int
	rank     []int
	ranks    [][]int // the vertices of each rank, from left to right
	pos      []int   // of a vertex in its rank
	up, down [][]int // neighbours in the rank above and below
	paths    [][]int // vertices of each edge
	width    []float64
}

func newLayered(n int, edges []Edge) *layered {
	l := &layered{nodes: n, rank: ranks(n, edges)}
	last := 0
	for _, r := range l.rank {
		last = max(last, r)
	}
	l.up, l.down = make([][]int, n), make([][]int, n)
	for _, e := range edges {
		path := []int{e.From}
		for r := l.rank[e.From] + 1; r < l.rank[e.To]; r++ {
			path = append(path, len(l.rank))
			l.rank = append(l.rank, r)
			l.up, l.down = append(l.up, nil), append(l.down, nil)
		}
		path = append(path, e.To)
		for i := 1; i < len(path); i++ {
			l.down[path[i-1]] = append(l.down[path[i-1]], path[i])
			l.up[path[i]] = append(l.up[path[i]], path[i-1])
		}
		l.paths = append(l.paths, path)
	}
	l.ranks = make([][]int, last+1)
	l.pos = make([]int, len(l.rank))
	// The first order is that of a walk from the inputs, so that branches stay together.
	seen := make([]bool, len(l.rank))
	walk := func(v int) {
		for stack := []int{v}; len(stack) > 0; {
			u := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if seen[u] {
				continue
			}
			seen[u] = true
			l.ranks[l.rank[u]] = append(l.ranks[l.rank[u]], u)
			for i := len(l.down[u]) - 1; i >= 0; i-- {
				stack = append(stack, l.down[u][i])
			}
		}
	}
	for v := range l.rank {
		if len(l.up[v]) == 0 {
			walk(v)
		}
	}
	l.number()
	return l
}

func (l *layered) number() {
	for _, vs := range l.ranks {
		for i, v := range vs {
			l.pos[v] = i
		}
	}
}

// dummy reports whether v stands for an edge.
func (l *layered) dummy(v int) bool { return v >= l.nodes }

// sweeps bounds the passes of order, and patience those without gain.
const (
	sweeps   = 32
	patience = 6
)

// order lowers the number of crossings: each rank in turn is sorted by the mean
// position of the neighbours above, then below, and neighbours change places
// where that helps.
func (l *layered) order() {
	best, bestRanks := l.crossings(), l.clone()
	for i, idle := 0, 0; i < sweeps && idle < patience && best > 0; i++ {
		if i%2 == 0 {
			for r := 1; r < len(l.ranks); r++ {
				l.sort(r, l.up)
			}
		} else {
			for r := len(l.ranks) - 2; r >= 0; r-- {
				l.sort(r, l.down)
			}
		}
		l.exchange()
		idle++
		if n := l.crossings(); n < best {
			best, bestRanks, idle = n, l.clone(), 0
		}
	}
	l.ranks = bestRanks
	l.number()
}

func (l *layered) clone() [][]int {
	out := make([][]int, len(l.ranks))
	for i, vs := range l.ranks {
		out[i] = slices.Clone(vs)
	}
	return out
}

// sort orders rank r by the mean position of neighbours; what has none stays where it is.
func (l *layered) sort(r int, neighbours [][]int) {
	mean := map[int]float64{}
	for _, v := range l.ranks[r] {
		sum := 0
		for _, w := range neighbours[v] {
			sum += l.pos[w]
		}
		if n := len(neighbours[v]); n > 0 {
			mean[v] = float64(sum) / float64(n)
		} else {
			mean[v] = float64(l.pos[v])
		}
	}
	slices.SortStableFunc(l.ranks[r], func(a, b int) int { return cmp.Compare(mean[a], mean[b]) })
	for i, v := range l.ranks[r] {
		l.pos[v] = i
	}
}

// exchange swaps neighbours of a rank as long as that lowers crossings, three rounds at most.
func (l *layered) exchange() {
	for better, round := true, 0; better && round < 3; round++ {
		better = false
		for _, vs := range l.ranks {
			for i := 1; i < len(vs); i++ {
				a, b := vs[i-1], vs[i]
				if l.between(a, b) > l.between(b, a) {
					vs[i-1], vs[i] = b, a
					l.pos[a], l.pos[b] = i, i-1
					better = true
				}
			}
		}
	}
}

// between counts the crossings of the edges of a and b when a is to the left.
func (l *layered) between(a, b int) int {
	n := 0
	for _, next := range [][][]int{l.up, l.down} {
		for _, x := range next[a] {
			for _, y := range next[b] {
				if l.pos[x] > l.pos[y] {
					n++
				}
			}
		}
	}
	return n
}

// crossings counts those of all edges: for each pair of ranks, the pairs of edges
// whose ends are in opposite orders.
func (l *layered) crossings() int {
	total := 0
	for r := 0; r+1 < len(l.ranks); r++ {
		size := len(l.ranks[r+1])
		tree := make([]int, size+1) // Fenwick tree of how many edges ended at each position
		seen := 0
		for _, v := range l.ranks[r] {
			for _, w := range l.down[v] {
				right := seen
				for i := l.pos[w] + 1; i > 0; i -= i & -i {
					right -= tree[i]
				}
				total += right
			}
			for _, w := range l.down[v] {
				seen++
				for i := l.pos[w] + 1; i <= size; i += i & -i {
					tree[i]++
				}
			}
		}
	}
	return total
}
