package plot

import (
	"fmt"
	"strconv"
)

// Sizes of the drawing, in pixels.
const (
	classSize = 13
	textSize  = 11.5
	titleSize = 18
	line      = 17 // from a baseline to the next
	padX      = 12
	padTop    = 6
	padBottom = 7
	stripe    = 4 // of the family's colour, at the left
	between   = 16
	leastBox  = 108
	margin    = 24
	insidePad = 18
	mostText  = 44 // letters of a name or of options
)

var pixels = unit{
	measure: Measure, nodeGap: 26, lineGap: 16, dummy: 6, rankGap: 30, mostRankGap: 110,
	label: 17, labelSize: textSize, labelDistance: 7, gutter: 64, turn: 30,
}

// Draw lays the graph out and returns what is to be painted.
func (g *Graph) Draw() *Drawing {
	u := pixels
	if g.options.NoShapes {
		u.label = 0
	}
	d := &drawer{theme: light, unit: &u}
	if g.options.Dark {
		d.theme = dark
	}
	p := g.lay(&u, d.size)
	title, facts := orModel(g.Name), factsText(g.Layers, g.Params)
	head := float64(titleSize + line + 22)
	width := max(p.w, Measure(title, titleSize, true), Measure(facts, textSize, false))
	out := &Drawing{Width: width + 2*margin, Height: head + p.h + 2*margin, Background: d.theme.background}
	d.text(margin, margin+titleSize*0.8, title, titleSize, true, false)
	d.text(margin, margin+titleSize*0.8+line+3, facts, textSize, false, true)
	from := len(d.shapes)
	d.draw(p)
	for _, s := range d.shapes[from:] {
		s.move(margin+(width-p.w)/2, margin+head)
	}
	out.Shapes = d.shapes
	return out
}

func orModel(name string) string {
	if name == "" {
		return "model"
	}
	return name
}

func factsText(layers int, params int64) string {
	return fmt.Sprintf("%d %s, %s parameters", layers, plural(layers, "layer"), thousands(params))
}

// thousands writes n with commas.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// A drawer collects shapes.
type drawer struct {
	theme  theme
	unit   *unit
	shapes []Shape
}

// A cell is a row of a box: two lines of two texts each, the second left out when it is empty.
type cell struct{ class, name, options, params string }

func cellOf(l *Layer) cell {
	c := cell{class: l.Class, name: l.Name, options: l.Options}
	if l.Params > 0 {
		c.params = thousands(l.Params)
		if c.options == "" {
			c.options = "parameters"
		}
	}
	return c
}

// short leaves the beginning and the end of a long text.
func short(s string) string {
	r := []rune(s)
	if len(r) <= mostText {
		return s
	}
	half := (mostText - 1) / 2
	return string(r[:half+1]) + "…" + string(r[len(r)-half:])
}

func (c cell) second() bool { return c.options != "" }

func (c cell) width() float64 {
	first := Measure(short(c.class), classSize, true) + between + Measure(short(c.name), textSize, false)
	if c.name == "" {
		first -= between
	}
	second := Measure(short(c.options), textSize, false)
	if c.params != "" {
		second += between + Measure(c.params, textSize, false)
	}
	return stripe + 2*padX + max(first, second)
}

func (c cell) height() float64 {
	h := float64(padTop + line + padBottom)
	if c.second() {
		h += line
	}
	return h
}

// size measures the box of a node.
func (d *drawer) size(n *Node, inside *placed) (w, h, insideX, insideY float64) {
	w = leastBox
	for i := range n.Layers {
		c := cellOf(&n.Layers[i])
		w, h = max(w, c.width()), h+c.height()
	}
	if inside != nil {
		insideY = h + insidePad/2
		w, h = max(w, inside.w+2*insidePad+stripe), insideY+inside.h+insidePad
		insideX = stripe + (w-stripe-inside.w)/2
	}
	return w, h, insideX, insideY
}

// draw adds the boxes, then the edges, of a placed graph.
func (d *drawer) draw(p *placed) {
	for i := range p.boxes {
		d.box(&p.graph.Nodes[i], &p.boxes[i])
	}
	labelled := map[int]bool{}
	for _, r := range p.routes {
		d.edge(r)
		from := p.graph.Edges[r.edge].From
		if n, b := &p.graph.Nodes[from], &p.boxes[from]; d.unit.label > 0 && n.Shape != "" && !labelled[from] {
			labelled[from] = true
			d.text(b.x+b.w/2+d.unit.labelDistance, b.y+b.h+d.unit.label-4, n.Shape, d.unit.labelSize, false, true)
		}
	}
}

// box draws a node with its layers.
func (d *drawer) box(n *Node, b *box) {
	radius := 5.0
	first := n.Layers[0].Family
	if first == End {
		radius = b.h / 2
	}
	fill := d.theme.box
	if n.Inside != nil {
		fill = d.theme.inside
	}
	d.shapes = append(d.shapes, &Rect{X: b.x, Y: b.y, W: b.w, H: b.h, Radius: radius, Fill: fill, Stroke: d.theme.outline, Line: 1, Node: true})
	y := b.y
	for i := range n.Layers {
		l := &n.Layers[i]
		c := cellOf(l)
		if i > 0 {
			d.shapes = append(d.shapes, &Path{Segments: []Segment{{End: Point{b.x + stripe, y}}, {End: Point{b.x + b.w, y}}}, Stroke: d.theme.outline, Line: 0.75})
		}
		colour := d.theme.families[l.Family]
		height := c.height()
		if n.Inside != nil {
			height = b.h
		}
		if first != End {
			d.shapes = append(d.shapes, &Rect{X: b.x + 0.5, Y: y + 0.5, W: stripe, H: height - 1, Radius: 2, Fill: colour})
		}
		left, right, base := b.x+stripe+padX, b.x+b.w-padX, y+padTop+line*0.76
		t := d.text(left, base, short(c.class), classSize, true, false)
		t.Color, t.Full = colour, whole(c.class)
		if name := short(c.name); name != "" {
			t := d.text(right-Measure(name, textSize, false), base, name, textSize, false, false)
			t.Full = whole(c.name)
		}
		if c.second() {
			d.text(left, base+line, short(c.options), textSize, false, true).Full = whole(c.options)
			d.text(right-Measure(c.params, textSize, false), base+line, c.params, textSize, false, true)
		}
		y += c.height()
	}
	if b.inside != nil {
		from := len(d.shapes)
		d.draw(b.inside)
		for _, s := range d.shapes[from:] {
			s.move(b.x+b.insideX, b.y+b.insideY)
		}
	}
}

// whole returns what short cuts.
func whole(s string) string {
	if short(s) == s {
		return ""
	}
	return s
}

func (d *drawer) text(x, y float64, s string, size float64, bold, muted bool) *Text {
	t := &Text{X: x, Y: y, Text: s, Size: size, Bold: bold, Color: d.theme.text, Width: Measure(s, size, bold)}
	if muted {
		t.Color = d.theme.muted
	}
	if s != "" {
		d.shapes = append(d.shapes, t)
	}
	return t
}

// Sizes of the arrow at the end of an edge, and of the corners of its turns.
const (
	arrowLength, arrowWidth = 7, 6
	corner                  = 9
)

// edge draws a line with an arrow: straight where it passes a rank, curved between.
func (d *drawer) edge(r route) {
	pts := r.points
	segments := []Segment{{End: pts[0]}}
	end := pts[len(pts)-1]
	tip := Point{end.X, end.Y - arrowLength + 1}
	for i := 1; i < len(pts); i++ {
		to := pts[i]
		if i == len(pts)-1 {
			to = tip
		}
		from := pts[i-1]
		switch {
		case r.turn != nil && i == r.turn.after:
			segments = append(segments, turned(from, to, r.turn)...)
		case from.X == to.X || i == 1:
			segments = append(segments, Segment{End: to})
		case from.X != to.X:
			half := (to.Y - from.Y) / 2
			segments = append(segments, Segment{Curve: true, C1: Point{from.X, from.Y + half}, C2: Point{to.X, to.Y - half}, End: to})
		}
	}
	d.shapes = append(d.shapes,
		&Path{Segments: segments, Stroke: d.theme.edge, Line: 1.4, Edge: true},
		&Path{Segments: []Segment{{End: Point{end.X - arrowWidth/2, end.Y - arrowLength}}, {End: Point{end.X + arrowWidth/2, end.Y - arrowLength}}, {End: Point{end.X, end.Y - 0.5}}}, Fill: d.theme.edge})
}

// turned leads down, to the gutter, up and over to the next column, with round corners.
func turned(from, to Point, t *turn) []Segment {
	corners := []Point{from, {from.X, t.bottom}, {t.x, t.bottom}, {t.x, t.top}, {to.X, t.top}, to}
	var out []Segment
	for i := 1; i < len(corners)-1; i++ {
		a, b, c := corners[i-1], corners[i], corners[i+1]
		p, q := towards(b, a), towards(b, c)
		out = append(out, Segment{End: p}, Segment{Curve: true, C1: nearer(p, b), C2: nearer(q, b), End: q})
	}
	return append(out, Segment{End: to})
}

// towards is the point a corner's radius from b on the way to a, at most half of it.
func towards(b, a Point) Point {
	dx, dy := a.X-b.X, a.Y-b.Y
	long := max(dx, -dx) + max(dy, -dy) // one of them is zero
	if long == 0 {
		return b
	}
	f := min(corner/long, 0.5)
	return Point{b.X + f*dx, b.Y + f*dy}
}

// nearer is the control point between p and the corner b of a quarter of a circle.
func nearer(p, b Point) Point { return Point{p.X + 0.55*(b.X-p.X), p.Y + 0.55*(b.Y-p.Y)} }
