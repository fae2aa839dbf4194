package confusion

import (
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"math"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// faces are the sizes of the Go font that were used.
var faces = map[float64]font.Face{}

// face returns the Go font at a size in pixels.
func face(size float64) font.Face {
	if f := faces[size]; f != nil {
		return f
	}
	goFont, err := opentype.Parse(goregular.TTF)
	if err == nil {
		faces[size], err = opentype.NewFace(goFont, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingFull})
	}
	if err != nil {
		panic(err) // the font is part of the program
	}
	return faces[size]
}

// width is that of a text in pixels.
func width(s string, size float64) float64 {
	return float64(font.MeasureString(face(size), s)) / 64
}

// A raster is a canvas of pixels.
type raster struct{ img *image.RGBA }

func (m Matrix) writePNG(w io.Writer) error {
	l := m.layout()
	r := raster{image.NewRGBA(image.Rect(0, 0, int(math.Ceil(l.w)), int(math.Ceil(l.h))))}
	m.draw(r, l)
	return png.Encode(w, r.img)
}

func (r raster) rect(x, y, w, h float64, c color.RGBA) {
	at := func(v float64) int { return int(math.Round(v)) }
	draw.Draw(r.img, image.Rect(at(x), at(y), at(x+w), at(y+h)), image.NewUniform(c), image.Point{}, draw.Src)
}

func (r raster) text(x, y, size, align float64, c color.RGBA, s string) {
	d := font.Drawer{Dst: r.img, Src: image.NewUniform(c), Face: face(size)}
	d.Dot = fixed.Point26_6{X: fixed.Int26_6((x - align*width(s, size)) * 64), Y: fixed.Int26_6(math.Round(y) * 64)}
	d.DrawString(s)
}

// upright draws the text apart and turns it.
func (r raster) upright(x, y, size, align float64, c color.RGBA, s string) {
	w, h := int(math.Ceil(width(s, size)))+2, int(math.Ceil(size*1.6))
	base := size * 1.15
	flat := image.NewAlpha(image.Rect(0, 0, w, h))
	d := font.Drawer{Dst: flat, Src: image.NewUniform(color.Alpha{A: 255}), Face: face(size), Dot: fixed.Point26_6{Y: fixed.Int26_6(base * 64)}}
	d.DrawString(s)
	turned := image.NewAlpha(image.Rect(0, 0, h, w))
	for j := range h {
		for i := range w {
			turned.SetAlpha(j, w-1-i, flat.AlphaAt(i, j))
		}
	}
	// The text runs upwards: it begins at its lower end.
	begin := y + float64(w)*align
	at := image.Pt(int(math.Round(x-base)), int(math.Round(begin))-w)
	draw.DrawMask(r.img, turned.Bounds().Add(at), image.NewUniform(c), image.Point{}, turned, image.Point{}, draw.Over)
}
