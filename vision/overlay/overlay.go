// Package overlay draws what a model found onto pictures: boxes with labels, and masks.
//
// Functions draw onto a draw.Image, for example what vision.Image returns, and leave alone what lies outside of its
// bounds. Coordinates are pixels from the image's upper left corner, wherever its bounds begin. The package holds no
// state; functions may be called concurrently on different images.
package overlay

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"
	"os"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"

	"github.com/kerasrun/kerasrun/vision"
)

// colours are those of classes 0, 1, ...
var colours = [...]color.NRGBA{
	{230, 159, 0, 255}, {86, 180, 233, 255}, {0, 158, 115, 255}, {240, 228, 66, 255},
	{0, 114, 178, 255}, {213, 94, 0, 255}, {204, 121, 167, 255}, {0, 0, 0, 255},
}

// Colour returns the colour of a class: eight that people with any colour vision tell apart (those of Okabe and Ito),
// again and again.
func Colour(class int) color.NRGBA {
	return colours[((class%len(colours))+len(colours))%len(colours)]
}

// Box draws the edges of b, in pixels rounded to whole ones, as lines of the given thickness that lie inside of it.
// A box whose coordinates are not finite, or that is empty, is not drawn.
func Box(dst draw.Image, b vision.Box, c color.Color, thickness int) {
	r, ok := pixels(b, dst.Bounds())
	if !ok {
		return
	}
	t := max(0, min(thickness, (r.Dx()+1)/2, (r.Dy()+1)/2))
	for _, edge := range []image.Rectangle{
		image.Rect(r.Min.X, r.Min.Y, r.Max.X, r.Min.Y+t), image.Rect(r.Min.X, r.Max.Y-t, r.Max.X, r.Max.Y),
		image.Rect(r.Min.X, r.Min.Y+t, r.Min.X+t, r.Max.Y-t), image.Rect(r.Max.X-t, r.Min.Y+t, r.Max.X, r.Max.Y-t),
	} {
		draw.Draw(dst, edge, image.NewUniform(c), image.Point{}, draw.Over)
	}
}

// pixels returns b as a rectangle of whole pixels of an image with the given bounds; far outside of them coordinates are cut off.
func pixels(b vision.Box, bounds image.Rectangle) (image.Rectangle, bool) {
	at := func(v float32, size int) int { // beyond the bounds by more than any line is thick
		return int(math.RoundToEven(max(-1<<20, min(float64(v), float64(size+1<<20)))))
	}
	for _, v := range [4]float32{b.Top, b.Left, b.Bottom, b.Right} {
		if v != v {
			return image.Rectangle{}, false
		}
	}
	h, w := bounds.Dy(), bounds.Dx()
	r := image.Rectangle{image.Pt(at(b.Left, w), at(b.Top, h)), image.Pt(at(b.Right, w), at(b.Bottom, h))}
	return r.Add(bounds.Min), !r.Empty()
}

// LabelHeight is the height of a label in pixels.
const LabelHeight = 13

// Label writes text on a ground of colour c, with its upper left corner in the column left and row top. Text is black
// or white, whichever stands out; characters that are not ASCII are shown as a box. It returns the width in pixels.
func Label(dst draw.Image, left, top int, text string, c color.Color) int {
	face := basicfont.Face7x13
	width := font.MeasureString(face, text).Ceil() + 2
	origin := dst.Bounds().Min.Add(image.Pt(left, top))
	draw.Draw(dst, image.Rectangle{origin, origin.Add(image.Pt(width, LabelHeight))}, image.NewUniform(c), image.Point{}, draw.Over)
	ink := color.Color(color.Black)
	if color.GrayModel.Convert(c).(color.Gray).Y < 128 {
		ink = color.White
	}
	d := font.Drawer{Dst: dst, Src: image.NewUniform(ink), Face: face, Dot: fixed.P(origin.X+1, origin.Y+face.Ascent)}
	d.DrawString(text)
	return width
}

// Detections draws the boxes of found, the best last, each in the colour of its class and with its name and score in
// percent above it, or below its upper edge where there is no room. A class without a name is called by its number.
func Detections(dst draw.Image, found []vision.Detection, names []string) {
	for i := len(found) - 1; i >= 0; i-- {
		d := found[i]
		c := Colour(d.Class)
		Box(dst, d.Box, c, 2)
		name := fmt.Sprint(d.Class)
		if d.Class >= 0 && d.Class < len(names) {
			name = names[d.Class]
		}
		if r, ok := pixels(d.Box, dst.Bounds()); ok {
			at := r.Min.Sub(dst.Bounds().Min)
			top := at.Y - LabelHeight
			if top < 0 {
				top = at.Y
			}
			Label(dst, at.X, top, fmt.Sprintf("%s %.0f%%", name, 100*d.Score), c)
		}
	}
}

// Mask lays the colours of a mask's classes over dst: a colour for each class, of which alpha says how much it covers (0 is
// not at all), and mask has the class of each pixel of dst, row by row. A mask of another size, and a class without a colour, are
// vision.ErrShape; nothing is drawn then.
func Mask(dst draw.Image, mask []uint8, colours []color.NRGBA) error {
	b := dst.Bounds()
	if len(mask) != b.Dx()*b.Dy() {
		return fmt.Errorf("overlay: mask of %d pixels, image of %d x %d: %w", len(mask), b.Dy(), b.Dx(), vision.ErrShape)
	}
	layer := image.NewNRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	for i, class := range mask {
		if int(class) >= len(colours) {
			return fmt.Errorf("overlay: pixel %d is of class %d, but there are %d colours: %w", i, class, len(colours), vision.ErrShape)
		}
		c := colours[class]
		copy(layer.Pix[4*i:], []uint8{c.R, c.G, c.B, c.A})
	}
	draw.Draw(dst, b, layer, image.Point{}, draw.Over)
	return nil
}

// WritePNG writes img to the file name as a PNG, in place of one that is there.
func WritePNG(name string, img image.Image) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	err = png.Encode(f, img)
	return errors.Join(err, f.Close())
}
