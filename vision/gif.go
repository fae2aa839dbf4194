package vision

import (
	"image"
	"image/color"
)

// makeOpaque clears the transparency of the first frame in a GIF and returns the transparent colour's index, or -1.
// The standard library's decoder would replace that palette entry by black, while Keras sees its colour.
// Source: GIF89a specification, sections 18 (screen descriptor) and 23 (graphic control extension).
func makeOpaque(data []byte) int {
	const screen = 13
	if len(data) < screen {
		return -1
	}
	at := screen
	if flags := data[10]; flags&0x80 != 0 {
		at += 3 << (1 + flags&7)
	}
	transparent := -1
	for at+1 < len(data) && data[at] == 0x21 {
		if control := at + 2; data[at+1] == 0xf9 && control+5 <= len(data) && data[control] == 4 {
			transparent = -1
			if data[control+1]&1 != 0 {
				data[control+1] &^= 1
				transparent = int(data[control+4])
			}
		}
		at += 2
		for at < len(data) && data[at] != 0 {
			at += int(data[at]) + 1
		}
		at++
	}
	return transparent
}

// onScreen places a frame on a w x h screen and marks the transparent colour, if there is one.
func onScreen(frame *image.Paletted, w, h, transparent int) image.Image {
	background := uint8(max(transparent, 0))
	pal := make(color.Palette, max(len(frame.Palette), int(background)+1))
	for i := range pal {
		c := color.NRGBA{A: 255}
		if i < len(frame.Palette) {
			r, g, b, _ := frame.Palette[i].RGBA()
			c = color.NRGBA{R: uint8(r >> 8), G: uint8(g >> 8), B: uint8(b >> 8), A: 255}
		}
		if i == transparent {
			c.A = 0
		}
		pal[i] = c
	}
	out := image.NewPaletted(image.Rect(0, 0, w, h), pal)
	for i := range out.Pix {
		out.Pix[i] = background
	}
	b := frame.Rect.Intersect(out.Rect)
	for y := b.Min.Y; y < b.Max.Y; y++ {
		copy(out.Pix[out.PixOffset(b.Min.X, y):][:b.Dx()], frame.Pix[frame.PixOffset(b.Min.X, y):])
	}
	return out
}
