// Package picture makes images: of drawings of package plot, and of arrays as contact sheets.
package picture

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math"

	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"

	"github.com/kerasrun/kerasrun/plot"
)

// mostPixels bounds the size of an image.
const mostPixels = 200 << 20

// Render paints a drawing, scale pixels for each of its own.
func Render(d *plot.Drawing, scale float64) (*image.RGBA, error) {
	w, h := math.Ceil(d.Width*scale), math.Ceil(d.Height*scale)
	if w*h > mostPixels {
		return nil, fmt.Errorf("a picture of %.0f by %.0f pixels is too large; take a smaller scale, or svg", w, h)
	}
	p, err := newPainter(int(w), int(h), scale)
	if err != nil {
		return nil, err
	}
	draw.Draw(p.img, p.img.Bounds(), image.NewUniform(d.Background), image.Point{}, draw.Src)
	for _, s := range d.Shapes {
		switch s := s.(type) {
		case *plot.Rect:
			p.rect(s)
		case *plot.Path:
			p.path(s)
		case *plot.Text:
			if err := p.text(s); err != nil {
				return nil, err
			}
		}
	}
	return p.img, nil
}

// A painter fills outlines of an image.
type painter struct {
	img           *image.RGBA
	scale         float64
	regular, bold *sfnt.Font
	buffer        sfnt.Buffer
	raster        *vector.Rasterizer
}

func newPainter(w, h int, scale float64) (*painter, error) {
	p := &painter{img: image.NewRGBA(image.Rect(0, 0, w, h)), scale: scale, raster: vector.NewRasterizer(0, 0)}
	var err error
	if p.regular, err = sfnt.Parse(goregular.TTF); err != nil {
		return nil, err
	}
	p.bold, err = sfnt.Parse(gobold.TTF)
	return p, err
}

// An outline is made of closed lines of straight pieces, in pixels of the image.
type outline [][]point

type point struct{ x, y float64 }

// fill paints what is inside an outline.
func (p *painter) fill(o outline, c color.RGBA) {
	low, high := point{math.Inf(1), math.Inf(1)}, point{math.Inf(-1), math.Inf(-1)}
	for _, loop := range o {
		for _, q := range loop {
			low, high = point{min(low.x, q.x), min(low.y, q.y)}, point{max(high.x, q.x), max(high.y, q.y)}
		}
	}
	area := image.Rect(int(math.Floor(low.x)), int(math.Floor(low.y)), int(math.Ceil(high.x))+1, int(math.Ceil(high.y))+1).Intersect(p.img.Bounds())
	if area.Empty() {
		return
	}
	p.raster.Reset(area.Dx(), area.Dy())
	for _, loop := range o {
		for i, q := range loop {
			x, y := float32(q.x)-float32(area.Min.X), float32(q.y)-float32(area.Min.Y)
			if i == 0 {
				p.raster.MoveTo(x, y)
			} else {
				p.raster.LineTo(x, y)
			}
		}
		p.raster.ClosePath()
	}
	p.raster.Draw(p.img, area, image.NewUniform(c), image.Point{})
}

// rect paints a rectangle with round corners.
func (p *painter) rect(r *plot.Rect) {
	if r.Fill.A > 0 {
		p.fill(outline{p.round(r.X, r.Y, r.W, r.H, r.Radius)}, r.Fill)
	}
	if r.Stroke.A > 0 {
		half := r.Line / 2
		outer := p.round(r.X-half, r.Y-half, r.W+2*half, r.H+2*half, r.Radius+half)
		inner := p.round(r.X+half, r.Y+half, r.W-2*half, r.H-2*half, max(0, r.Radius-half))
		for i, j := 0, len(inner)-1; i < j; i, j = i+1, j-1 { // a hole turns the other way
			inner[i], inner[j] = inner[j], inner[i]
		}
		p.fill(outline{outer, inner}, r.Stroke)
	}
}

// round is the outline of a rectangle with round corners.
func (p *painter) round(x, y, w, h, radius float64) []point {
	radius = min(radius, w/2, h/2)
	const steps = 8
	var out []point
	for i, c := range [4]point{{x + w - radius, y + radius}, {x + w - radius, y + h - radius}, {x + radius, y + h - radius}, {x + radius, y + radius}} {
		for k := range steps + 1 {
			a := (float64(i-1) + float64(k)/steps) * math.Pi / 2
			out = append(out, point{p.scale * (c.x + radius*math.Cos(a)), p.scale * (c.y + radius*math.Sin(a))})
		}
	}
	return out
}

// path paints a polygon or a line.
func (p *painter) path(s *plot.Path) {
	var pts []point
	for _, g := range s.Segments {
		if g.Curve && len(pts) > 0 {
			a := pts[len(pts)-1]
			b, c, d := p.at(g.C1), p.at(g.C2), p.at(g.End)
			const steps = 24
			for k := 1; k <= steps; k++ {
				t := float64(k) / steps
				u := 1 - t
				pts = append(pts, point{
					u*u*u*a.x + 3*u*u*t*b.x + 3*u*t*t*c.x + t*t*t*d.x,
					u*u*u*a.y + 3*u*u*t*b.y + 3*u*t*t*c.y + t*t*t*d.y,
				})
			}
			continue
		}
		pts = append(pts, p.at(g.End))
	}
	if s.Fill.A > 0 {
		p.fill(outline{pts}, s.Fill)
	}
	if s.Stroke.A > 0 {
		p.fill(stroke(pts, s.Line*p.scale/2), s.Stroke)
	}
}

func (p *painter) at(q plot.Point) point { return point{q.X * p.scale, q.Y * p.scale} }

// stroke is the outline of a line: both of its sides, with mitred corners, which
// are blunt enough here, where lines bend in small steps.
func stroke(pts []point, half float64) outline {
	var clean []point
	for i, q := range pts {
		if i == 0 || math.Hypot(q.x-clean[len(clean)-1].x, q.y-clean[len(clean)-1].y) > 1e-3 {
			clean = append(clean, q)
		}
	}
	if len(clean) < 2 {
		return nil
	}
	n := len(clean)
	left, right := make([]point, n), make([]point, n)
	for i, q := range clean {
		a, b := clean[max(i-1, 0)], clean[min(i+1, n-1)]
		d1, d2 := unit(a, q), unit(q, b)
		if i == 0 {
			d1 = d2
		}
		if i == n-1 {
			d2 = d1
		}
		nx, ny := -(d1.y + d2.y), d1.x+d2.x
		long := math.Hypot(nx, ny)
		if long < 1e-6 {
			nx, ny, long = -d1.y, d1.x, 1
		}
		// The mitre is longer than half a line's width by 1/cos of half the angle, 2/long.
		f := half / long * min(2/long, 2)
		left[i], right[n-1-i] = point{q.x + nx*f, q.y + ny*f}, point{q.x - nx*f, q.y - ny*f}
	}
	return outline{append(left, right...)}
}

func unit(a, b point) point {
	long := math.Hypot(b.x-a.x, b.y-a.y)
	if long == 0 {
		return point{}
	}
	return point{(b.x - a.x) / long, (b.y - a.y) / long}
}

// text paints a line of text letter by letter.
func (p *painter) text(t *plot.Text) error {
	font := p.regular
	if t.Bold {
		font = p.bold
	}
	size := t.Size * p.scale
	x, y := t.X*p.scale, t.Y*p.scale
	ppem := fixed.Int26_6(math.Round(size * 64))
	for _, r := range t.Text {
		index, err := font.GlyphIndex(&p.buffer, r)
		if err != nil {
			return err
		}
		glyph, err := font.LoadGlyph(&p.buffer, index, ppem, nil)
		if err != nil {
			return err
		}
		var o outline
		at := func(q fixed.Point26_6) point { return point{x + float64(q.X)/64, y + float64(q.Y)/64} }
		for _, s := range glyph {
			switch s.Op {
			case sfnt.SegmentOpMoveTo:
				o = append(o, []point{at(s.Args[0])})
			case sfnt.SegmentOpLineTo:
				o[len(o)-1] = append(o[len(o)-1], at(s.Args[0]))
			default: // the Go fonts are TrueType: their curves are quadratic
				loop := o[len(o)-1]
				a, b, c := loop[len(loop)-1], at(s.Args[0]), at(s.Args[1])
				const steps = 5
				for k := 1; k <= steps; k++ {
					u := float64(k) / steps
					v := 1 - u
					loop = append(loop, point{v*v*a.x + 2*v*u*b.x + u*u*c.x, v*v*a.y + 2*v*u*b.y + u*u*c.y})
				}
				o[len(o)-1] = loop
			}
		}
		if len(o) > 0 {
			p.fill(o, t.Color)
		}
		x += plot.Measure(string(r), t.Size, t.Bold) * p.scale
	}
	return nil
}
