package vision

import (
	"fmt"
	"image"
	"math"
)

// Image returns p, whose values are 0 to 255, as a picture to draw on or to encode: 1 (gray), 3 (RGB) or 4 (RGBA)
// channels. Values are rounded, halves to even, and those outside of the range become 0 or 255, NaN 0. Other numbers of channels are ErrUnsupported.
func Image(p Pixels) (*image.NRGBA, error) {
	if err := p.check("image"); err != nil {
		return nil, err
	}
	if p.C != 1 && p.C != 3 && p.C != 4 {
		return nil, fmt.Errorf("image: %d channels, want 1, 3 or 4: %w", p.C, ErrUnsupported)
	}
	img := image.NewNRGBA(image.Rect(0, 0, p.W, p.H))
	for i := range p.H * p.W {
		v, out := p.Data[i*p.C:][:p.C], img.Pix[4*i:][:4]
		out[3] = 255
		if p.C == 1 {
			out[0] = eightBits(v[0])
			out[1], out[2] = out[0], out[0]
			continue
		}
		for k := range v {
			out[k] = eightBits(v[k])
		}
	}
	return img, nil
}

func eightBits(v float32) uint8 {
	if !(v > 0) {
		return 0
	}
	return uint8(math.RoundToEven(min(float64(v), 255)))
}
