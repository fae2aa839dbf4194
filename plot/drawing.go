package plot

import "image/color"

// A Drawing is a list of shapes to be painted one after the other. Coordinates
// are those of SVG: pixels from the upper left corner.
type Drawing struct {
	Width, Height float64
	Background    color.RGBA
	Shapes        []Shape
}

// A Shape is a Rect, a Path or a Text.
type Shape interface{ move(dx, dy float64) }

// A Rect is a rectangle with round corners, filled, outlined or both.
type Rect struct {
	X, Y, W, H, Radius float64
	Fill, Stroke       color.RGBA // of alpha 0: none
	Line               float64    // width of the outline
	// Node says that it is the box of a node: no other box and no edge touches it,
	// but those of the model that is drawn inside.
	Node bool
}

// A Path is a line of straight and curved segments, or a filled polygon.
type Path struct {
	Segments     []Segment
	Fill, Stroke color.RGBA
	Line         float64
	Edge         bool // it is an edge of the graph
}

// A Segment goes on from the end of the one before. The first has its end alone, where the path begins.
type Segment struct {
	// C1 and C2 are the control points of a cubic Bézier curve if Curve is set.
	C1, C2, End Point
	Curve       bool
}

// A Point is a place of the drawing.
type Point struct{ X, Y float64 }

// A Text is one line.
type Text struct {
	X, Y  float64 // of the left end of the baseline
	Text  string
	Size  float64 // of the font, in pixels
	Bold  bool
	Color color.RGBA
	Width float64
	Full  string // the whole text, where Text is a part of it
}

func (r *Rect) move(dx, dy float64) { r.X, r.Y = r.X+dx, r.Y+dy }
func (t *Text) move(dx, dy float64) { t.X, t.Y = t.X+dx, t.Y+dy }
func (p *Path) move(dx, dy float64) {
	for i := range p.Segments {
		s := &p.Segments[i]
		for _, q := range []*Point{&s.C1, &s.C2, &s.End} {
			q.X, q.Y = q.X+dx, q.Y+dy
		}
	}
}

// A theme has the colours of a drawing.
type theme struct {
	background, box, inside, outline, text, muted, edge color.RGBA
	families                                            [families]color.RGBA
}

func rgb(hex uint32) color.RGBA {
	return color.RGBA{uint8(hex >> 16), uint8(hex >> 8), uint8(hex), 255}
}

var light = theme{
	background: rgb(0xffffff), box: rgb(0xffffff), inside: rgb(0xf4f6f8), outline: rgb(0xc3cad3), text: rgb(0x1c2430), muted: rgb(0x5d6878), edge: rgb(0x7b8797),
	families: [families]color.RGBA{
		Other: rgb(0x8a94a3), End: rgb(0x3d4b5f), Convolution: rgb(0x2f6fd0), DenseFamily: rgb(0x7a4fc4), Normalization: rgb(0x2a9d8f), Activation: rgb(0xd9772b),
		Pooling: rgb(0x4c9a3f), Recurrent: rgb(0xb0428e), Attention: rgb(0xc8443f), Merging: rgb(0xb8962e), Reshaping: rgb(0x8b6f56), Regularization: rgb(0x9aa5b4),
		Preprocessing: rgb(0x4796b8), Nested: rgb(0x5d6878),
	},
}

var dark = theme{
	background: rgb(0x14181f), box: rgb(0x1f2530), inside: rgb(0x191e27), outline: rgb(0x465063), text: rgb(0xe8ecf2), muted: rgb(0xa3adbd), edge: rgb(0x8b97a9),
	families: [families]color.RGBA{
		Other: rgb(0x8a94a3), End: rgb(0xc3cad3), Convolution: rgb(0x6ea2f2), DenseFamily: rgb(0xaa8cf0), Normalization: rgb(0x4fc3b4), Activation: rgb(0xf0a35e),
		Pooling: rgb(0x7cc46e), Recurrent: rgb(0xe07cc0), Attention: rgb(0xf07e78), Merging: rgb(0xdcbd5a), Reshaping: rgb(0xb9977a), Regularization: rgb(0x8793a5),
		Preprocessing: rgb(0x74bfe0), Nested: rgb(0xa3adbd),
	},
}
