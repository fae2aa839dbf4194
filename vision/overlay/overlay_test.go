package overlay_test

import (
	"image"
	"image/color"
	"image/draw"
	"math"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/vision"
	"github.com/kerasrun/kerasrun/vision/overlay"
)

var red = color.NRGBA{255, 0, 0, 255}

// white returns a white image whose bounds do not begin at 0, 0.
func white(h, w int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(5, 3, 5+w, 3+h))
	draw.Draw(img, img.Rect, image.White, image.Point{}, draw.Src)
	return img
}

// picture has a letter for each pixel: . white, # black, r red, o any other colour.
func picture(img *image.NRGBA) []string {
	var rows []string
	for y := range img.Rect.Dy() {
		row := ""
		for x := range img.Rect.Dx() {
			switch img.NRGBAAt(img.Rect.Min.X+x, img.Rect.Min.Y+y) {
			case color.NRGBA{255, 255, 255, 255}:
				row += "."
			case color.NRGBA{0, 0, 0, 255}:
				row += "#"
			case red:
				row += "r"
			default:
				row += "o"
			}
		}
		rows = append(rows, row)
	}
	return rows
}

func TestBox(t *testing.T) {
	for _, c := range []struct {
		box       vision.Box
		thickness int
		want      []string
	}{
		{vision.Box{Top: 0.6, Left: 2.4, Bottom: 3.6, Right: 6}, 1, []string{
			"........", "..rrrr..", "..r..r..", "..rrrr..", "........"}},
		{vision.Box{Top: -3, Left: -3, Bottom: 3, Right: 3}, 1, []string{
			"..r.....", "..r.....", "rrr.....", "........", "........"}},
		{vision.Box{Top: 1, Left: 1, Bottom: 4, Right: 5}, 9, []string{
			"........", ".rrrr...", ".rrrr...", ".rrrr...", "........"}},
		{vision.Box{Top: float32(math.Inf(-1)), Left: 1, Bottom: float32(math.Inf(1)), Right: 3}, 1, []string{
			".rr.....", ".rr.....", ".rr.....", ".rr.....", ".rr....."}},
		{vision.Box{Top: float32(math.NaN()), Left: 1, Bottom: 4, Right: 3}, 1, []string{
			"........", "........", "........", "........", "........"}},
		{vision.Box{Top: 4, Left: 1, Bottom: 1, Right: 3}, 1, []string{
			"........", "........", "........", "........", "........"}},
	} {
		img := white(5, 8)
		overlay.Box(img, c.box, red, c.thickness)
		require.Equal(t, c.want, picture(img), "%+v", c.box)
	}
}

func TestLabel(t *testing.T) {
	img := white(15, 20)
	require.Equal(t, 16, overlay.Label(img, 2, 1, "1T", color.White))
	require.Equal(t, []string{
		"....................",
		"....................",
		"....................",
		"......#....#####....",
		".....##......#......",
		"....#.#......#......",
		"......#......#......",
		"......#......#......",
		"......#......#......",
		"......#......#......",
		"......#......#......",
		"....#####....#......",
		"....................",
		"....................",
		"....................",
	}, picture(img))
	img = white(13, 9)
	overlay.Label(img, 0, 0, "-", color.Black)
	require.Equal(t, color.NRGBA{255, 255, 255, 255}, img.NRGBAAt(5+4, 3+6)) // white on black
	require.Equal(t, color.NRGBA{0, 0, 0, 255}, img.NRGBAAt(5, 3))
	overlay.Label(img, -100, 100, "beyond the image", red)
}

func TestDetections(t *testing.T) {
	img := white(60, 90)
	overlay.Detections(img, []vision.Detection{
		{Box: vision.Box{Top: 20, Left: 10, Bottom: 50, Right: 40}, Class: 1, Score: 0.987},
		{Box: vision.Box{Top: 20, Left: 10, Bottom: 50, Right: 40}, Class: 7, Score: 0.1}, // hidden below the first
		{Box: vision.Box{Top: 2, Left: 50, Bottom: 40, Right: 80}, Class: 9},
		{Box: vision.Box{Top: float32(math.NaN())}, Class: -1},
	}, []string{"cat", "dog"})
	at := func(y, x int) color.NRGBA { return img.NRGBAAt(5+x, 3+y) }
	require.Equal(t, overlay.Colour(1), at(20, 10))
	require.Equal(t, overlay.Colour(1), at(49, 39))
	require.Equal(t, overlay.Colour(1), at(7, 10), "label above the box")
	require.Equal(t, color.NRGBA{255, 255, 255, 255}, at(30, 20), "inside")
	require.Equal(t, overlay.Colour(1), at(2, 50), "class 9 has the colour of class 1")
	require.Equal(t, color.NRGBA{255, 255, 255, 255}, at(1, 51), "no label above")
	require.NotEqual(t, overlay.Colour(0), overlay.Colour(1))
	require.Equal(t, overlay.Colour(7), overlay.Colour(-1))
}

func TestMask(t *testing.T) {
	img := white(2, 3)
	colours := []color.NRGBA{{}, red, {0, 0, 255, 128}}
	require.NoError(t, overlay.Mask(img, []uint8{0, 1, 2, 2, 0, 1}, colours))
	require.Equal(t, []string{".ro", "o.r"}, picture(img))
	half := img.NRGBAAt(7, 3) // blue over white, half and half
	require.InDelta(t, 127, half.R, 1)
	require.Equal(t, half.R, half.G)
	require.EqualValues(t, 255, half.B)
	require.EqualValues(t, 255, half.A)

	before := picture(img)
	require.ErrorIs(t, overlay.Mask(img, make([]uint8, 5), colours), vision.ErrShape)
	require.EqualError(t, overlay.Mask(img, []uint8{1, 1, 1, 1, 1, 3}, colours), "overlay: pixel 5 is of class 3, but there are 3 colours: wrong image shape")
	require.Equal(t, before, picture(img))
}

func TestWritePNG(t *testing.T) {
	img, name := white(2, 3), filepath.Join(t.TempDir(), "picture.png")
	overlay.Box(img, vision.Box{Bottom: 1, Right: 1}, red, 1)
	require.NoError(t, overlay.WritePNG(name, img))
	p, err := vision.LoadImage(name, 3)
	require.NoError(t, err)
	require.Equal(t, []float32{255, 0, 0, 255, 255, 255}, p.Data[:6])
	require.Error(t, overlay.WritePNG(t.TempDir(), img))
	require.Error(t, overlay.WritePNG(name, image.NewNRGBA(image.Rectangle{})))
}
