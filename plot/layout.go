package plot

import "math"

// A unit is what a drawing is measured in: pixels, or the cells of a terminal.
type unit struct {
	measure                  func(text string, size float64, bold bool) float64
	nodeGap, lineGap         float64 // between nodes of a rank; to a line that passes
	dummy                    float64 // width of a line that passes
	rankGap, mostRankGap     float64
	label                    float64 // height of the shape below a node, 0 without
	labelSize, labelDistance float64
	gutter                   float64 // between columns
	turn                     float64 // height of the turn of a line from a column to the next
	whole                    bool    // coordinates are whole numbers
}

// A placed graph has coordinates: those of the upper left corner of each node's box.
type placed struct {
	graph  *Graph
	w, h   float64
	boxes  []box
	routes []route
}

// A box is where a node is drawn.
type box struct {
	x, y, w, h float64
	inside     *placed // relative to the box
	insideX    float64
	insideY    float64
}

// A route is what an edge follows: the points where it enters and leaves each rank.
// Between ranks it may bend, in them it is straight down.
type route struct {
	edge   int
	points []Point
	// turn is set where the edge goes from one column to the next.
	turn *turn
}

// A turn leads from the end of the first half of a route, down to bottom, along x up to top, and to its second half.
type turn struct {
	after          int // points of the route before the turn
	bottom, x, top float64
}

// lay places the nodes of g, whose boxes have the sizes that size gives.
func (g *Graph) lay(u *unit, size func(n *Node, inside *placed) (w, h, insideX, insideY float64)) *placed {
	p := &placed{graph: g, boxes: make([]box, len(g.Nodes))}
	if len(g.Nodes) == 0 {
		return p
	}
	l := newLayered(len(g.Nodes), g.Edges)
	l.width = make([]float64, len(l.rank))
	height := make([]float64, len(l.rank)) // with the shape below
	for v := range l.rank {
		if l.dummy(v) {
			l.width[v] = u.dummy
			continue
		}
		n, b := &g.Nodes[v], &p.boxes[v]
		if n.Inside != nil {
			b.inside = n.Inside.lay(u, size)
		}
		b.w, b.h, b.insideX, b.insideY = size(n, b.inside)
		l.width[v], height[v] = b.w, b.h
		if g.labels(u, v, l) {
			l.width[v] = max(b.w, 2*(u.labelDistance+u.measure(n.Shape, u.labelSize, false)))
			height[v] += u.label
		}
		if u.whole { // an odd width has a middle cell
			l.width[v] += math.Mod(l.width[v]+1, 2)
		}
	}
	l.order()
	x := l.place(func(a, b int) float64 {
		if l.dummy(a) && l.dummy(b) {
			return u.lineGap
		}
		if l.dummy(a) || l.dummy(b) {
			return (u.lineGap + u.nodeGap) / 2
		}
		return u.nodeGap
	})
	if u.whole {
		for v := range x {
			x[v] = math.Floor(x[v])
		}
	}
	p.stand(l, x, height, u)
	return p
}

// labels reports whether the shape of node v is written below it.
func (g *Graph) labels(u *unit, v int, l *layered) bool {
	return u.label > 0 && g.Nodes[v].Shape != "" && len(l.down[v]) > 0
}

// A band is the place of a rank.
type band struct{ top, height, left, right, gap float64 }

// stand gives ranks their heights, cuts a tall drawing into columns, and routes the edges.
func (p *placed) stand(l *layered, x, height []float64, u *unit) {
	bands := make([]band, len(l.ranks))
	sources := make([]int, len(l.ranks)) // vertices of a rank that have edges to the next
	for r, vs := range l.ranks {
		b := &bands[r]
		b.left, b.right = math.Inf(1), math.Inf(-1)
		far := 0.0
		for _, v := range vs {
			b.height = max(b.height, height[v])
			b.left, b.right = min(b.left, x[v]-l.width[v]/2), max(b.right, x[v]+l.width[v]/2)
			for _, w := range l.down[v] {
				far = max(far, math.Abs(x[w]-x[v]))
			}
			if len(l.down[v]) > 0 {
				sources[r]++
			}
		}
		b.gap = min(max(u.rankGap, u.rankGap*0.6+far*0.12), u.mostRankGap)
		if u.whole {
			b.gap = u.rankGap + float64(p.tracks(l, r, x))
		}
	}
	starts := columns(bands, sources, p.graph.options.Columns, u)
	column, shift := make([]int, len(bands)), make([]float64, len(starts)) // of ranks; to the right, of columns
	bottom, gutter := make([]float64, len(starts)), make([]float64, len(starts))
	right := 0.0
	for c, from := range starts {
		to := len(bands)
		if c+1 < len(starts) {
			to = starts[c+1]
		}
		left, most, y := math.Inf(1), math.Inf(-1), 0.0
		if c > 0 {
			y = u.turn
		}
		for r := from; r < to; r++ {
			column[r] = c
			bands[r].top = y
			y += bands[r].height + bands[r].gap
			left, most = min(left, bands[r].left), max(most, bands[r].right)
		}
		bottom[c] = y - bands[to-1].gap
		shift[c] = right - left
		right += most - left
		p.h = max(p.h, bottom[c])
		if c+1 < len(starts) {
			gutter[c] = right + u.gutter/2
			right += u.gutter
			p.h = max(p.h, bottom[c]+u.turn)
		}
	}
	p.w = right
	at := func(v int) float64 { return x[v] + shift[column[l.rank[v]]] }
	for v := range p.boxes {
		b := &p.boxes[v]
		b.x, b.y = at(v)-b.w/2, bands[l.rank[v]].top
		if u.whole {
			b.x = at(v) - math.Floor(b.w/2)
		}
	}
	for e, path := range l.paths {
		first := path[0]
		r := l.rank[first]
		rt := route{edge: e, points: []Point{{at(first), p.boxes[first].y + p.boxes[first].h}, {at(first), bands[r].top + bands[r].height}}}
		for i, v := range path[1:] {
			r := l.rank[v]
			if column[r] != column[r-1] {
				c := column[r-1]
				rt.turn = &turn{after: len(rt.points), bottom: bottom[c] + u.turn/2, x: gutter[c], top: u.turn / 2}
			}
			rt.points = append(rt.points, Point{at(v), bands[r].top})
			if i < len(path)-2 {
				rt.points = append(rt.points, Point{at(v), bands[r].top + bands[r].height})
			}
		}
		p.routes = append(p.routes, rt)
	}
}

// tracks counts the rows that the edges below rank r need when they go along
// rows, as on a terminal: one for each vertex whose edges go sideways.
func (p *placed) tracks(l *layered, r int, x []float64) int {
	n := 0
	for _, v := range l.ranks[r] {
		for _, w := range l.down[v] {
			if x[v] != x[w] {
				n++
				break
			}
		}
	}
	return n
}

// A drawing is cut into columns if it is higher than tall, in pixels, so that it
// is about wide times as wide as high, and the columns are full at least to the share full.
const (
	tall = 1500
	wide = 1.5
	full = 0.7
)

// columns returns the first rank of each column. It cuts where all edges come from one vertex.
func columns(bands []band, sources []int, most int, u *unit) []int {
	one := []int{0}
	whole := form(bands, one, u)
	if most == 1 || u.whole || most == 0 && whole.h < tall {
		return one
	}
	if most == 0 {
		most = 16
	}
	best, bestScore := one, whole.score()
	for k := 2; k <= min(most, len(bands)); k++ {
		starts := split(bands, sources, whole.h/float64(k)*1.04)
		f := form(bands, starts, u)
		if n := float64(len(starts)); len(starts) > most || whole.h < full*n*f.h {
			continue
		}
		if s := f.score(); s < bestScore {
			best, bestScore = starts, s
		}
	}
	return best
}

// A size is that of a drawing.
type size struct{ w, h float64 }

// form returns the size of a drawing in columns.
func form(bands []band, starts []int, u *unit) size {
	var s size
	for c, from := range starts {
		to := len(bands)
		if c+1 < len(starts) {
			to = starts[c+1]
		}
		left, right, y := math.Inf(1), math.Inf(-1), 0.0
		for _, b := range bands[from:to] {
			y += b.height + b.gap
			left, right = min(left, b.left), max(right, b.right)
		}
		if c > 0 {
			s.w += u.gutter
		}
		s.w, s.h = s.w+right-left, max(s.h, y)
	}
	return s
}

// score is how far the form of a drawing is from the wanted one.
func (s size) score() float64 { return math.Abs(math.Log(s.w / s.h / wide)) }

// split cuts ranks into columns of at most the given height where edges allow.
func split(bands []band, sources []int, most float64) []int {
	starts, y, cut, atCut := []int{0}, 0.0, 0, 0.0
	for r, b := range bands {
		if r > 0 && sources[r-1] == 1 {
			cut, atCut = r, y
		}
		y += b.height + b.gap
		if y > most && cut > starts[len(starts)-1] {
			starts = append(starts, cut)
			y -= atCut
		}
	}
	return starts
}
