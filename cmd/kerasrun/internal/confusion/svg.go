package confusion

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image/color"
	"io"
)

// A vector is a canvas of SVG elements.
type vector struct{ b *bytes.Buffer }

func (m Matrix) writeSVG(w io.Writer) error {
	l := m.layout()
	v := vector{&bytes.Buffer{}}
	fmt.Fprintf(v.b, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\" font-family=\"Helvetica, Arial, sans-serif\">\n", l.w, l.h, l.w, l.h)
	m.draw(v, l)
	v.b.WriteString("</svg>\n")
	_, err := w.Write(v.b.Bytes())
	return err
}

func hex(c color.RGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

func (v vector) rect(x, y, w, h float64, c color.RGBA) {
	fmt.Fprintf(v.b, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>\n", x, y, w, h, hex(c))
}

func anchor(align float64) string {
	switch align {
	case 0:
		return "start"
	case 1:
		return "end"
	}
	return "middle"
}

func (v vector) text(x, y, size, align float64, c color.RGBA, s string) {
	fmt.Fprintf(v.b, "<text x=\"%.1f\" y=\"%.1f\" font-size=\"%.0f\" text-anchor=\"%s\" fill=\"%s\">", x, y, size, anchor(align), hex(c))
	v.words(s)
}

func (v vector) upright(x, y, size, align float64, c color.RGBA, s string) {
	fmt.Fprintf(v.b, "<text transform=\"translate(%.1f %.1f) rotate(-90)\" font-size=\"%.0f\" text-anchor=\"%s\" fill=\"%s\">", x, y, size, anchor(align), hex(c))
	v.words(s)
}

func (v vector) words(s string) {
	_ = xml.EscapeText(v.b, []byte(s)) // a buffer takes everything
	v.b.WriteString("</text>\n")
}
