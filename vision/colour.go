package vision

import (
	"fmt"
	"image"
	"image/color"
)

// FromImage converts an image to 1 (grayscale), 3 (RGB) or 4 (RGBA) channels of 0 to 255, as load_img does with
// color_mode "grayscale", "rgb" and "rgba". Other numbers of channels are ErrUnsupported, an empty image is ErrShape.
//
// Alpha is dropped without being multiplied into the colours, or 255 where the image has none. Gray is Pillow's
// (19595·R + 38470·G + 7471·B + 32768) >> 16. CMYK becomes RGB as in Pillow, without colour management. Of images with
// 16 bits a channel the upper 8 count, except for gray ones without alpha: there Keras keeps 0 to 65535 with one
// channel and, with 3 or 4, turns all above 255 into 255.
func FromImage(img image.Image, channels int) (Pixels, error) {
	if channels != 1 && channels != 3 && channels != 4 {
		return Pixels{}, fmt.Errorf("image: %d channels, want 1, 3 or 4: %w", channels, ErrUnsupported)
	}
	b := img.Bounds()
	if b.Empty() {
		return Pixels{}, fmt.Errorf("image: %d x %d pixels: %w", b.Dx(), b.Dy(), ErrShape)
	}
	w, h := b.Dx(), b.Dy()
	if w > maxSide || h > maxSide || int64(w)*int64(h) > maxPixels {
		return Pixels{}, fmt.Errorf("image: %d x %d pixels, want at most %d: %w", w, h, maxPixels, ErrLimit)
	}
	p := NewPixels(h, w, channels)
	if g, ok := img.(*image.Gray16); ok {
		fromGray16(p, g)
		return p, nil
	}
	read := rowReader(img)
	row := make([]uint8, 4*w)
	for y := range h {
		read(row, y)
		storeRow(p.Data[y*w*channels:][:w*channels], row, channels)
	}
	return p, nil
}

// maxPixels is the largest image FromImage and Resize make: 4 channels of it are 4 GiB, and its size fits in 32 bits.
const maxPixels = 1 << 28

// storeRow writes a row of 8-bit R, G, B, A as floats.
func storeRow(dst []float32, row []uint8, channels int) {
	for i := 0; i+3 < len(row); i += 4 {
		r, g, b := row[i], row[i+1], row[i+2]
		switch out := dst[i/4*channels:]; channels {
		case 1:
			out[0] = float32(luma(r, g, b))
		case 4:
			out[3] = float32(row[i+3])
			fallthrough
		default:
			out[0], out[1], out[2] = float32(r), float32(g), float32(b)
		}
	}
}

// luma is Pillow's conversion to mode L, from ITU-R 601-2.
func luma(r, g, b uint8) uint8 {
	return uint8((uint32(r)*19595 + uint32(g)*38470 + uint32(b)*7471 + 0x8000) >> 16)
}

func fromGray16(p Pixels, g *image.Gray16) {
	for y := range p.H {
		for x := range p.W {
			v := float32(g.Gray16At(g.Rect.Min.X+x, g.Rect.Min.Y+y).Y)
			out := p.Data[(y*p.W+x)*p.C:][:p.C]
			if p.C == 1 {
				out[0] = v
				continue
			}
			v = min(v, 255)
			out[0], out[1], out[2] = v, v, v
			if p.C == 4 {
				out[3] = 255
			}
		}
	}
}

// rowReader returns a function that writes row y, counted from 0, of img as R, G, B, A without premultiplication.
func rowReader(img image.Image) func(row []uint8, y int) {
	switch img := img.(type) {
	case *image.NRGBA:
		return func(row []uint8, y int) { copy(row, img.Pix[y*img.Stride:][:len(row)]) }
	case *image.NRGBA64:
		return func(row []uint8, y int) {
			for i, src := 0, img.Pix[y*img.Stride:]; i < len(row); i++ {
				row[i] = src[2*i] // the upper byte
			}
		}
	case *image.RGBA:
		return func(row []uint8, y int) {
			copy(row, img.Pix[y*img.Stride:][:len(row)])
			for i := 0; i+3 < len(row); i += 4 {
				if row[i+3] != 255 {
					c := straight(color.RGBA{R: row[i], G: row[i+1], B: row[i+2], A: row[i+3]})
					setPixel(row, i/4, c.R, c.G, c.B, c.A)
				}
			}
		}
	case *image.Gray:
		return func(row []uint8, y int) {
			for x, v := range img.Pix[y*img.Stride:][:len(row)/4] {
				setPixel(row, x, v, v, v, 255)
			}
		}
	case *image.Paletted:
		return palettedRows(img)
	case *image.CMYK:
		return func(row []uint8, y int) {
			for x, src := 0, img.Pix[y*img.Stride:]; x < len(row)/4; x++ {
				c := src[4*x : 4*x+4]
				setPixel(row, x, inkLeft(c[0], c[3]), inkLeft(c[1], c[3]), inkLeft(c[2], c[3]), 255)
			}
		}
	case *image.YCbCr:
		return ycbcrRows(img)
	case *image.NYCbCrA:
		rgb, alpha := ycbcrRows(&img.YCbCr), img.A
		return func(row []uint8, y int) {
			rgb(row, y)
			for x := range len(row) / 4 {
				row[4*x+3] = alpha[y*img.AStride+x]
			}
		}
	}
	return anyRows(img)
}

func setPixel(row []uint8, x int, r, g, b, a uint8) {
	row[4*x], row[4*x+1], row[4*x+2], row[4*x+3] = r, g, b, a
}

// inkLeft is what an ink c and black k leave of white: Pillow's 255 - k - c·(255-k)/255, rounded.
func inkLeft(c, k uint8) uint8 {
	white := uint32(255 - k)
	t := uint32(c)*white + 128
	return uint8(white - (t+t>>8)>>8)
}

func palettedRows(img *image.Paletted) func(row []uint8, y int) {
	var table [256][4]uint8
	for i, c := range img.Palette[:min(256, len(img.Palette))] {
		n := straight(c)
		table[i] = [4]uint8{n.R, n.G, n.B, n.A}
	}
	return func(row []uint8, y int) {
		for x, v := range img.Pix[y*img.Stride:][:len(row)/4] {
			copy(row[4*x:], table[v][:])
		}
	}
}

// anyRows reads images of every other type pixel by pixel. Types that premultiply (RGBA, RGBA64) are divided by alpha;
// the decoders of this package use them for opaque images only.
func anyRows(img image.Image) func(row []uint8, y int) {
	origin := img.Bounds().Min
	return func(row []uint8, y int) {
		for x := range len(row) / 4 {
			c := straight(img.At(origin.X+x, origin.Y+y))
			setPixel(row, x, c.R, c.G, c.B, c.A)
		}
	}
}

// straight returns a colour without premultiplication, the upper byte of each channel.
func straight(c color.Color) color.NRGBA {
	if n, ok := c.(color.NRGBA); ok {
		return n
	}
	r, g, b, a := c.RGBA()
	if a == 0 {
		return color.NRGBA{}
	}
	if a != 0xffff {
		r, g, b = r*0xffff/a, g*0xffff/a, b*0xffff/a
	}
	return color.NRGBA{R: uint8(r >> 8), G: uint8(g >> 8), B: uint8(b >> 8), A: uint8(a >> 8)}
}
