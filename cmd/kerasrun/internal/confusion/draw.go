// Package confusion draws confusion matrices: a row for each true class, a column for each predicted one, darker the larger the
// part of its class that a cell has, with the number of examples where there is room. It is not safe for concurrent use.
package confusion

import (
	"fmt"
	"image/color"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/kerasrun/kerasrun/metrics"
)

// Formats are the endings of files that Write knows.
var Formats = []string{".png", ".svg"}

// A Matrix is what is to be drawn.
type Matrix struct {
	*metrics.Confusion
	Labels []string // of the classes; nil for their numbers
	Title  string
}

// Write draws m in the format that the ending of a file's name says.
func (m Matrix) Write(w io.Writer, name string) error {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".png":
		return m.writePNG(w)
	case ".svg":
		return m.writeSVG(w)
	}
	return fmt.Errorf("%s: want a name that ends in one of %s", name, strings.Join(Formats, ", "))
}

// A canvas is where pictures are drawn; units are pixels from the top left corner.
type canvas interface {
	rect(x, y, w, h float64, c color.RGBA)
	// text writes s, whose baseline is at y; align is 0 for what begins at x, 0.5 for what is centred there, 1 for what ends there.
	text(x, y, size, align float64, c color.RGBA, s string)
	// upright writes s from below upwards, its baseline at x, beginning (0), centred (0.5) or ending (1) at y.
	upright(x, y, size, align float64, c color.RGBA, s string)
}

var (
	white = color.RGBA{255, 255, 255, 255}
	ink   = color.RGBA{31, 41, 55, 255}
	faint = color.RGBA{107, 114, 128, 255}
	grid  = color.RGBA{229, 231, 235, 255}
	full  = color.RGBA{8, 48, 107, 255}
)

// shade is the colour of a part of a class, 0 to 1.
func shade(part float64) color.RGBA {
	stops := []color.RGBA{white, {198, 219, 239, 255}, {107, 174, 214, 255}, {33, 113, 181, 255}, full}
	at := min(max(part, 0), 1) * float64(len(stops)-1)
	k := min(int(at), len(stops)-2)
	mix := func(a, b uint8) uint8 {
		return uint8(float64(a) + (float64(b)-float64(a))*(at-float64(k)) + 0.5)
	}
	a, b := stops[k], stops[k+1]
	return color.RGBA{mix(a.R, b.R), mix(a.G, b.G), mix(a.B, b.B), 255}
}

// A layout is where things stand.
type layout struct {
	cell, font   float64
	left, top    float64
	side         float64 // of the matrix
	w, h         float64
	upright      bool // labels of columns
	every        int  // class that has a label
	numbers      bool
	names        []string
	labels, legs float64 // widths of the longest label and of the legend
}

const margin = 18.0

func (m Matrix) layout() layout {
	n := m.Classes
	l := layout{cell: 44, font: 13, every: 1}
	switch {
	case n > 100:
		l.cell, l.font = max(2, 900/float64(n)), 11
	case n > 40:
		l.cell, l.font = 13, 11
	case n > 14:
		l.cell, l.font = 28, 12
	}
	for float64(l.every)*l.cell < l.font+3 {
		l.every++
	}
	widest := 0.0
	for k := range n {
		name := strconv.Itoa(k)
		if m.Labels != nil {
			name = shorten(m.Labels[k])
		}
		l.names = append(l.names, name)
		l.labels = max(l.labels, width(name, l.font))
	}
	if n > 0 {
		widest = width(strconv.FormatInt(slices.Max(m.Counts), 10), l.font) // digits have one width
	}
	if l.cell >= 20 && widest+6 > l.cell {
		l.cell = min(widest+6, 72)
	}
	l.numbers = l.cell >= 20 && widest+4 <= l.cell
	l.upright = l.labels+6 > l.cell*float64(l.every)
	below := l.font + 10
	if l.upright {
		below = l.labels + 10
	}
	l.side = l.cell * float64(n)
	l.left = margin + 22 + l.labels + 8
	l.top = margin + 34
	l.legs = 74
	l.w = max(l.left+l.side+l.legs, margin+width(m.Title, 16)+margin)
	l.h = l.top + max(l.side, 120) + below + 26 + margin/2
	return l
}

// shorten cuts a long name.
func shorten(s string) string {
	const most = 24
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	return string(r[:most-1]) + "…"
}

// draw draws the matrix.
func (m Matrix) draw(c canvas, l layout) {
	n := m.Classes
	c.rect(0, 0, l.w, l.h, white)
	c.text(margin, margin+16, 16, 0, ink, m.Title)
	c.rect(l.left-1, l.top-1, l.side+2, l.side+2, grid)
	for t := range n {
		row := m.Counts[t*n : (t+1)*n]
		total := int64(0)
		for _, v := range row {
			total += v
		}
		for p, v := range row {
			part := 0.0
			if total > 0 {
				part = float64(v) / float64(total)
			}
			x, y := l.left+float64(p)*l.cell, l.top+float64(t)*l.cell
			gap := 0.0
			if l.cell >= 8 {
				gap = 1
			}
			c.rect(x, y, l.cell-gap, l.cell-gap, shade(part))
			if l.numbers && v > 0 {
				on := ink
				if part > 0.55 {
					on = white
				}
				c.text(x+l.cell/2, y+l.cell/2+l.font*0.36, l.font, 0.5, on, strconv.FormatInt(v, 10))
			}
		}
		if t%l.every == 0 {
			c.text(l.left-8, l.top+(float64(t)+0.5)*l.cell+l.font*0.36, l.font, 1, ink, l.names[t])
			at := l.left + (float64(t)+0.5)*l.cell
			if l.upright {
				c.upright(at+l.font*0.36, l.top+l.side+8, l.font, 1, ink, l.names[t])
			} else {
				c.text(at, l.top+l.side+l.font+6, l.font, 0.5, ink, l.names[t])
			}
		}
	}
	c.text(l.left+l.side/2, l.h-margin, 13, 0.5, faint, "predicted")
	c.upright(margin+8, l.top+l.side/2, 13, 0.5, faint, "true")
	m.legend(c, l)
}

// legend draws the scale of colours at the right.
func (m Matrix) legend(c canvas, l layout) {
	x, h := l.left+l.side+18, min(max(l.side, 80), 200)
	const steps = 40
	for k := range steps {
		c.rect(x, l.top+h*float64(k)/steps, 12, h/steps+0.6, shade(1-(float64(k)+0.5)/steps))
	}
	for _, k := range []int{0, 50, 100} {
		c.text(x+17, l.top+h*(1-float64(k)/100)+4, 11, 0, faint, fmt.Sprintf("%d%%", k))
	}
}

// Known reports whether Write knows the ending of a file's name.
func Known(name string) bool {
	return slices.Contains(Formats, strings.ToLower(filepath.Ext(name)))
}
