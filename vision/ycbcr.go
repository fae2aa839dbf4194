package vision

import "image"

// ycbcrRows reads a JPEG's colours as libjpeg does with its defaults, which is what Keras sees: chroma is interpolated
// ("fancy upsampling") where the standard library's At repeats it.
// Source: libjpeg-turbo, jdsample.c and jdcolor.c.
func ycbcrRows(img *image.YCbCr) func(row []uint8, y int) {
	w := img.Rect.Dx()
	cb, cr := newChroma(img, img.Cb), newChroma(img, img.Cr)
	us, vs := make([]uint8, w+3), make([]uint8, w+3) // an upsampled row may end up to 3 columns behind the image
	return func(row []uint8, y int) {
		cb.row(us, y)
		cr.row(vs, y)
		ys := img.Y[y*img.YStride:][:w]
		for x, v := range ys {
			r, g, b := ycbcrToRGB(int32(v), int32(us[x])-128, int32(vs[x])-128)
			setPixel(row, x, r, g, b, 255)
		}
	}
}

// ycbcrToRGB is JFIF's conversion in 16-bit fixed point; cb and cr are centred on 0.
func ycbcrToRGB(y, cb, cr int32) (r, g, b uint8) {
	const half = 1 << 15
	return clamp8(y + (91881*cr+half)>>16), clamp8(y + (-22554*cb-46802*cr+half)>>16), clamp8(y + (116130*cb+half)>>16)
}

func clamp8(v int32) uint8 { return uint8(max(0, min(v, 255))) }

// chroma is one subsampled plane; w and h are its size, fx and fy how many pixels a sample covers.
type chroma struct {
	pix    []uint8
	stride int
	w, h   int
	fx, fy int
	aside  bool // the plane does not start at a sample's border: repeat samples
	origin image.Point
	sums   []int32
}

func newChroma(img *image.YCbCr, pix []uint8) *chroma {
	c := &chroma{pix: pix, stride: img.CStride, fx: 1, fy: 1, origin: img.Rect.Min}
	switch img.SubsampleRatio {
	case image.YCbCrSubsampleRatio422:
		c.fx = 2
	case image.YCbCrSubsampleRatio420:
		c.fx, c.fy = 2, 2
	case image.YCbCrSubsampleRatio440:
		c.fy = 2
	case image.YCbCrSubsampleRatio411:
		c.fx = 4
	case image.YCbCrSubsampleRatio410:
		c.fx, c.fy = 4, 2
	}
	c.aside = c.origin.X%c.fx != 0 || c.origin.Y%c.fy != 0
	c.w = (img.Rect.Dx() + c.fx - 1) / c.fx
	c.h = (img.Rect.Dy() + c.fy - 1) / c.fy
	c.sums = make([]int32, c.w)
	return c
}

// row writes the samples of image row y, one a pixel.
func (c *chroma) row(dst []uint8, y int) {
	switch {
	case c.aside:
		c.repeatAside(dst, y)
	case c.fx == 2 && c.fy == 2 && c.w > 2:
		c.row22(dst, y)
	case c.fx == 2 && c.fy == 1 && c.w > 2:
		c.row21(dst, y)
	case c.fx == 1 && c.fy == 2:
		c.row12(dst, y)
	default:
		for x, v := range c.line(y / c.fy) {
			for k := range c.fx {
				dst[x*c.fx+k] = v
			}
		}
	}
}

func (c *chroma) line(y int) []uint8 {
	return c.pix[max(0, min(y, c.h-1))*c.stride:][:c.w]
}

// near returns the sample row of image row y and the row next to it on y's side.
func (c *chroma) near(y int) (this, next []uint8) {
	if y%2 == 0 {
		return c.line(y / 2), c.line(y/2 - 1)
	}
	return c.line(y / 2), c.line(y/2 + 1)
}

func (c *chroma) row21(dst []uint8, y int) {
	s := c.line(y)
	n := len(s)
	for x := range s {
		v := 3 * int32(s[x])
		dst[2*x] = uint8((v + int32(s[max(x-1, 0)]) + 1) >> 2)
		dst[2*x+1] = uint8((v + int32(s[min(x+1, n-1)]) + 2) >> 2)
	}
}

func (c *chroma) row12(dst []uint8, y int) {
	this, next := c.near(y)
	bias := int32(1 + y%2)
	for x := range this {
		dst[x] = uint8((3*int32(this[x]) + int32(next[x]) + bias) >> 2)
	}
}

func (c *chroma) row22(dst []uint8, y int) {
	this, next := c.near(y)
	for x := range c.sums {
		c.sums[x] = 3*int32(this[x]) + int32(next[x])
	}
	n := len(c.sums)
	for x, v := range c.sums {
		dst[2*x] = uint8((3*v + c.sums[max(x-1, 0)] + 8) >> 4)
		dst[2*x+1] = uint8((3*v + c.sums[min(x+1, n-1)] + 7) >> 4)
	}
}

// repeatAside serves parts of an image (SubImage) that begin inside a sample.
func (c *chroma) repeatAside(dst []uint8, y int) {
	line := c.pix[((c.origin.Y+y)/c.fy-c.origin.Y/c.fy)*c.stride:]
	for x := range dst[:len(dst)-3] {
		dst[x] = line[(c.origin.X+x)/c.fx-c.origin.X/c.fx]
	}
}
