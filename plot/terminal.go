package plot

import (
	"bufio"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// cells is the unit of a drawing made of letters.
var cells = unit{
	measure: func(s string, _ float64, _ bool) float64 { return float64(utf8.RuneCountInString(s)) },
	nodeGap: 3, lineGap: 3, dummy: 1, rankGap: 1, label: 1, labelDistance: 2, whole: true,
}

// WriteText draws the graph with the line-drawing characters of a terminal.
func (g *Graph) WriteText(w io.Writer) error {
	u := cells
	if g.options.NoShapes {
		u.label = 0
	}
	p := g.lay(&u, letterSize)
	left := 0
	for i := range p.boxes { // the columns are those of labels too, which stand to the right
		left = min(left, int(p.boxes[i].x))
	}
	c := &canvas{rows: make([][]letter, int(p.h))}
	c.graph(p, -left, 0, u.label > 0)
	b := bufio.NewWriter(w)
	b.WriteString(orModel(g.Name) + ": " + factsText(g.Layers, g.Params) + "\n\n")
	for _, row := range c.rows {
		var line strings.Builder
		for _, l := range row {
			line.WriteRune(l.rune())
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.Flush()
}

// letterSize measures the box of a node.
func letterSize(n *Node, inside *placed) (w, h, insideX, insideY float64) {
	for i := range n.Layers {
		c := cellOf(&n.Layers[i])
		first, second := utf8.RuneCountInString(short(c.class)+short(c.name)), utf8.RuneCountInString(short(c.options)+c.params)
		w, h = max(w, float64(first+2+4), float64(second+2+4)), h+1
		if c.second() {
			h++
		}
	}
	h += float64(len(n.Layers)-1) + 2
	if inside != nil {
		insideX, insideY = 2, h-1
		w, h = max(w, inside.w+4), h+inside.h
	}
	return w, h, insideX, insideY
}

// A letter is a cell of the canvas: a letter, or lines to some of the four sides.
type letter struct {
	text  rune
	sides uint8
}

const (
	north = 1 << iota
	east
	south
	west
)

func (l letter) rune() rune {
	if l.text != 0 {
		return l.text
	}
	return lineRune[l.sides]
}

// lineRune has the character for each set of sides.
var lineRune = [16]rune{
	0: ' ', north: '│', south: '│', north | south: '│', east: '─', west: '─', east | west: '─',
	north | east: '╰', north | west: '╯', south | east: '╭', south | west: '╮',
	north | south | east: '├', north | south | west: '┤', east | west | south: '┬', east | west | north: '┴', north | east | south | west: '┼',
}

// A canvas is a drawing made of letters.
type canvas struct{ rows [][]letter }

func (c *canvas) at(x, y int) *letter {
	for y >= len(c.rows) {
		c.rows = append(c.rows, nil)
	}
	for x >= len(c.rows[y]) {
		c.rows[y] = append(c.rows[y], letter{})
	}
	return &c.rows[y][x]
}

func (c *canvas) write(x, y int, s string) {
	for _, r := range s {
		*c.at(x, y) = letter{text: r}
		x++
	}
}

// graph draws a placed graph with its upper left corner at x, y.
func (c *canvas) graph(p *placed, x, y int, labels bool) {
	for i := range p.boxes {
		c.box(&p.graph.Nodes[i], &p.boxes[i], x, y, labels)
	}
	rows := p.channels()
	for _, r := range p.routes {
		pts := r.points
		for i := 1; i < len(pts); i++ {
			a, b := pts[i-1], pts[i]
			ax, ay, bx, by := x+int(a.X), y+int(a.Y), x+int(b.X), y+int(b.Y)
			if i%2 == 1 || ax == bx {
				c.down(ax, ay, by)
				continue
			}
			row := y + rows[a]
			c.down(ax, ay, row)
			c.across(ax, bx, row)
			c.down(bx, row+1, by)
			c.at(bx, row).sides |= south
			c.at(ax, row).sides |= north
		}
		end := pts[len(pts)-1]
		*c.at(x+int(end.X), y+int(end.Y)-1) = letter{text: '▼'}
	}
	for i := range p.boxes {
		n, b := &p.graph.Nodes[i], &p.boxes[i]
		leaves := slices.ContainsFunc(p.graph.Edges, func(e Edge) bool { return e.From == i })
		if !leaves {
			continue
		}
		middle, bottom := x+int(b.x)+int(b.w)/2, y+int(b.y+b.h)
		*c.at(middle, bottom-1) = letter{text: '┬'}
		if labels && n.Shape != "" {
			c.write(middle+2, bottom, n.Shape)
		}
	}
}

// down draws a line in column x from row from to the row before to.
func (c *canvas) down(x, from, to int) {
	for y := from; y < to; y++ {
		c.at(x, y).sides |= north | south
	}
}

// across draws a line along a row.
func (c *canvas) across(from, to, row int) {
	a, b := min(from, to), max(from, to)
	for x := a; x <= b; x++ {
		if x > a {
			c.at(x, row).sides |= west
		}
		if x < b {
			c.at(x, row).sides |= east
		}
	}
}

// channels gives each point where an edge begins to go sideways its row. Below a
// rank each source has one of its own, above those of other sources that have a
// target in its column, so that no two lines run along the same cells unless
// that cannot be.
func (p *placed) channels() map[Point]int {
	type source struct {
		at Point
		to []float64
	}
	gaps := map[float64][]*source{}
	for _, r := range p.routes {
		for i := 2; i < len(r.points); i += 2 {
			a, b := r.points[i-1], r.points[i]
			if a.X == b.X {
				continue
			}
			k := slices.IndexFunc(gaps[a.Y], func(s *source) bool { return s.at == a })
			if k < 0 {
				k = len(gaps[a.Y])
				gaps[a.Y] = append(gaps[a.Y], &source{at: a})
			}
			gaps[a.Y][k].to = append(gaps[a.Y][k].to, b.X)
		}
	}
	rows := map[Point]int{}
	for _, sources := range gaps {
		slices.SortFunc(sources, func(a, b *source) int { return int(a.at.X - b.at.X) })
		var before []Edge
		for i, s := range sources {
			for k, t := range sources {
				if i != k && slices.Contains(t.to, s.at.X) {
					before = append(before, Edge{i, k})
				}
			}
		}
		order := topological(len(sources), before)
		for i := range sources {
			if !slices.Contains(order, i) {
				order = append(order, i)
			}
		}
		for row, i := range order {
			rows[sources[i].at] = int(sources[i].at.Y) + row
		}
	}
	return rows
}

// box draws a node.
func (c *canvas) box(n *Node, b *box, x, y int, labels bool) {
	left, top, w, h := x+int(b.x), y+int(b.y), int(b.w), int(b.h)
	rule := func(row int, l, r string) {
		c.write(left, row, l+strings.Repeat("─", w-2)+r)
	}
	rule(top, "╭", "╮")
	rule(top+h-1, "╰", "╯")
	for row := top + 1; row < top+h-1; row++ {
		c.write(left, row, "│")
		c.write(left+w-1, row, "│")
	}
	row := top + 1
	for i := range n.Layers {
		if i > 0 {
			rule(row, "├", "┤")
			row++
		}
		l := cellOf(&n.Layers[i])
		ends := func(a, b string) {
			c.write(left+2, row, a)
			c.write(left+w-2-utf8.RuneCountInString(b), row, b)
			row++
		}
		ends(short(l.class), short(l.name))
		if l.second() {
			ends(short(l.options), l.params)
		}
	}
	if b.inside != nil {
		c.graph(b.inside, left+int(b.insideX), top+int(b.insideY), labels)
	}
}
