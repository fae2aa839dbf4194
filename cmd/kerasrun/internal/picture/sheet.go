package picture

import (
	"image"
	"image/color"
	"image/draw"
	"math"

	"github.com/kerasrun/kerasrun/plot"
)

// A Tile is a small image of a contact sheet.
type Tile struct {
	Image   *image.RGBA
	Caption string
}

// A Sheet shows tiles of one size side by side.
type Sheet struct {
	Title, Facts string
	Tiles        []Tile
	Columns      int // 0: as the form of the picture asks
	Dark         bool
}

// Sizes of a sheet, in pixels.
const (
	sheetMargin  = 20
	sheetHead    = 52
	tileGap      = 8
	captionSize  = 10
	captionLine  = 14
	leastTile    = 56 // tiles are enlarged by whole factors to about this
	leastCaption = 26
)

// Draw paints a sheet.
func (s *Sheet) Draw() (*image.RGBA, error) {
	tile := s.Tiles[0].Image.Bounds()
	factor := max(1, (leastTile+max(tile.Dx(), tile.Dy())-1)/max(tile.Dx(), tile.Dy()))
	w, h := tile.Dx()*factor, tile.Dy()*factor
	cellW, cellH, caption := max(w, leastCaption)+tileGap, h+tileGap, 0
	for _, t := range s.Tiles {
		if t.Caption != "" {
			caption = captionLine
			cellW = max(cellW, int(plot.Measure(t.Caption, captionSize, false))+tileGap)
		}
	}
	cellH += caption
	columns := s.Columns
	if columns == 0 {
		columns = min(len(s.Tiles), int(math.Ceil(math.Sqrt(1.4*float64(len(s.Tiles))*float64(cellH)/float64(cellW)))))
	}
	rows := (len(s.Tiles) + columns - 1) / columns
	text, muted, ground := color.RGBA{0x1c, 0x24, 0x30, 255}, color.RGBA{0x5d, 0x68, 0x78, 255}, color.RGBA{255, 255, 255, 255}
	if s.Dark {
		text, muted, ground = color.RGBA{0xe8, 0xec, 0xf2, 255}, color.RGBA{0xa3, 0xad, 0xbd, 255}, color.RGBA{0x14, 0x18, 0x1f, 255}
	}
	width := max(float64(columns*cellW-tileGap), plot.Measure(s.Title, 16, true), plot.Measure(s.Facts, 11.5, false))
	d := &plot.Drawing{Width: width + 2*sheetMargin, Height: float64(rows*cellH-tileGap) + sheetHead + 2*sheetMargin, Background: ground}
	d.Shapes = append(d.Shapes,
		&plot.Text{X: sheetMargin, Y: sheetMargin + 13, Text: s.Title, Size: 16, Bold: true, Color: text},
		&plot.Text{X: sheetMargin, Y: sheetMargin + 32, Text: s.Facts, Size: 11.5, Color: muted})
	at := func(i int) (x, y int) {
		return sheetMargin + i%columns*cellW, sheetMargin + sheetHead + i/columns*cellH
	}
	for i, t := range s.Tiles {
		if t.Caption != "" {
			x, y := at(i)
			d.Shapes = append(d.Shapes, &plot.Text{X: float64(x), Y: float64(y + h + captionLine - 4), Text: t.Caption, Size: captionSize, Color: muted})
		}
	}
	img, err := Render(d, 1)
	if err != nil {
		return nil, err
	}
	for i, t := range s.Tiles {
		x, y := at(i)
		for dy := range tile.Dy() {
			for dx := range tile.Dx() {
				c := t.Image.RGBAAt(tile.Min.X+dx, tile.Min.Y+dy)
				r := image.Rect(x+dx*factor, y+dy*factor, x+(dx+1)*factor, y+(dy+1)*factor)
				draw.Draw(img, r, image.NewUniform(c), image.Point{}, draw.Src)
			}
		}
	}
	return img, nil
}

// broken is the colour of NaN and the infinities.
var broken = color.RGBA{0xff, 0x2f, 0xd0, 255}

// Range returns the least and the greatest finite element, 0 and 0 without any.
func Range(data []float32) (low, high float32) {
	low, high = float32(math.Inf(1)), float32(math.Inf(-1))
	for _, v := range data {
		if v-v == 0 {
			low, high = min(low, v), max(high, v)
		}
	}
	if low > high {
		return 0, 0
	}
	return low, high
}

// Map paints an array of height h, row by row: its least element gets colour(0), its
// greatest colour(1), and one that is not finite a colour of its own.
func Map(data []float32, h, w int, colour func(float32) color.RGBA) *image.RGBA {
	low, high := Range(data)
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i, v := range data {
		c := broken
		if v-v == 0 {
			c = colour(scaled(v, low, high))
		}
		img.SetRGBA(i%w, i/w, c)
	}
	return img
}

// RGB paints an array of shape (h, w, 3), its least element as 0, its greatest as 255.
func RGB(data []float32, h, w int) *image.RGBA {
	low, high := Range(data)
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range h * w {
		c := color.RGBA{A: 255}
		for k, to := range []*uint8{&c.R, &c.G, &c.B} {
			v := data[3*i+k]
			if v-v != 0 {
				c = broken
				break
			}
			*to = uint8(255*scaled(v, low, high) + 0.5)
		}
		img.SetRGBA(i%w, i/w, c)
	}
	return img
}

// scaled brings v from low to high to 0 to 1; in a constant array all are 0.
func scaled(v, low, high float32) float32 {
	if high <= low {
		return 0
	}
	return (v/2 - low/2) / (high/2 - low/2) // halves: the difference of two numbers may be infinite
}

// Gray is the gray of v, 0 to 1.
func Gray(v float32) color.RGBA {
	g := uint8(255*v + 0.5)
	return color.RGBA{g, g, g, 255}
}
