package plot

import (
	"bufio"
	"fmt"
	"image/color"
	"io"
	"strconv"
	"strings"
)

// WriteSVG draws the graph as an SVG that stands alone: no script, no style sheet, no font.
func (g *Graph) WriteSVG(w io.Writer) error { return g.Draw().WriteSVG(w) }

// WriteSVG writes the drawing as an SVG.
func (d *Drawing) WriteSVG(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, `<svg xmlns="http://www.w3.org/2000/svg" width="%s" height="%s" viewBox="0 0 %[1]s %[2]s" font-family="Go, Helvetica, Arial, sans-serif">`+"\n", num(d.Width), num(d.Height))
	fmt.Fprintf(b, `<rect width="100%%" height="100%%" fill="%s"/>`+"\n", hex(d.Background))
	for _, s := range d.Shapes {
		switch s := s.(type) {
		case *Rect:
			fmt.Fprintf(b, `<rect x="%s" y="%s" width="%s" height="%s" rx="%s"%s/>`+"\n", num(s.X), num(s.Y), num(s.W), num(s.H), num(s.Radius), paint(s.Fill, s.Stroke, s.Line))
		case *Path:
			fmt.Fprintf(b, `<path d="%s"%s/>`+"\n", pathText(s), paint(s.Fill, s.Stroke, s.Line))
		case *Text:
			weight := ""
			if s.Bold {
				weight = ` font-weight="bold"`
			}
			title := ""
			if s.Full != "" {
				title = "<title>" + escape(s.Full) + "</title>"
			}
			fmt.Fprintf(b, `<text x="%s" y="%s" font-size="%s"%s fill="%s" textLength="%s">%s%s</text>`+"\n",
				num(s.X), num(s.Y), num(s.Size), weight, hex(s.Color), num(s.Width), escape(s.Text), title)
		}
	}
	b.WriteString("</svg>\n")
	return b.Flush()
}

func pathText(p *Path) string {
	var b strings.Builder
	for i, s := range p.Segments {
		switch {
		case i == 0:
			fmt.Fprintf(&b, "M%s %s", num(s.End.X), num(s.End.Y))
		case s.Curve:
			fmt.Fprintf(&b, "C%s %s %s %s %s %s", num(s.C1.X), num(s.C1.Y), num(s.C2.X), num(s.C2.Y), num(s.End.X), num(s.End.Y))
		default:
			fmt.Fprintf(&b, "L%s %s", num(s.End.X), num(s.End.Y))
		}
	}
	if p.Fill.A > 0 {
		b.WriteString("Z")
	}
	return b.String()
}

func paint(fill, stroke color.RGBA, line float64) string {
	text := ` fill="none"`
	if fill.A > 0 {
		text = ` fill="` + hex(fill) + `"`
	}
	if stroke.A > 0 {
		text += ` stroke="` + hex(stroke) + `" stroke-width="` + num(line) + `"`
	}
	return text
}

func hex(c color.RGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

// num writes a coordinate with at most one digit after the point.
func num(x float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(x, 'f', 1, 64), ".0")
}

// escape replaces what XML gives a meaning, and control characters, which it does not have.
func escape(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0xfffe || r == 0xffff {
			return '?'
		}
		return r
	}, xmlEscapes.Replace(strings.ToValidUTF8(s, "?")))
}

var xmlEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")
