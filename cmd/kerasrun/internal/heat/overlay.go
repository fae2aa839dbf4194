package heat

import (
	"image"
	"image/color"
	"math"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/vision"
)

// inferno has ten colours, at equal distances, of matplotlib's map of that name.
var inferno = [...][3]float32{
	{0, 0, 4}, {27, 12, 65}, {74, 12, 107}, {120, 28, 109}, {165, 44, 96},
	{207, 68, 70}, {237, 105, 37}, {251, 155, 6}, {247, 209, 61}, {252, 255, 164},
}

// leastSide is how long the shorter side of an overlay is at least.
const leastSide = 224

// Overlay lays a heat map, (height, width) float32, over the gray form of an
// image. The map is stretched to the image; its maximum has the brightest colour,
// and alpha, 0 to 1, is the weight of that colour. Weights fall as the root of the map, so that
// the image alone is seen where the map is zero, less, or NaN. Small images are enlarged by a whole factor.
func Overlay(img image.Image, heat kerasrun.Tensor, alpha float64) (image.Image, error) {
	gray, err := vision.FromImage(img, 3) // with one channel, gray of 16 bits would stay 0 to 65535
	if err != nil {
		return nil, err
	}
	m := vision.Pixels{H: heat.Shape[0], W: heat.Shape[1], C: 1, Data: heat.Data.([]float32)}
	if m.H != gray.H || m.W != gray.W {
		y := vision.NewPixels(gray.H, gray.W, 1)
		if err := vision.Resize(y, m, vision.Resizing{Interpolation: vision.Bilinear}); err != nil {
			return nil, err
		}
		m = y
	}
	var top float32
	for _, v := range m.Data {
		top = max(top, positive(v))
	}
	factor := max(1, (leastSide+min(gray.H, gray.W)-1)/min(gray.H, gray.W))
	out := image.NewRGBA(image.Rect(0, 0, gray.W*factor, gray.H*factor))
	for y := range gray.H * factor {
		for x := range gray.W * factor {
			p := y/factor*gray.W + x/factor
			var v float32
			if top > 0 {
				v = positive(m.Data[p]) / top
			}
			rgb := gray.Data[3*p : 3*p+3]
			light := 0.299*rgb[0] + 0.587*rgb[1] + 0.114*rgb[2]
			out.SetRGBA(x, y, blend(light, infernoAt(v), float32(alpha*math.Sqrt(float64(v)))))
		}
	}
	return out, nil
}

// positive returns v, or 0 where it is less or NaN.
func positive(v float32) float32 {
	if v > 0 {
		return v
	}
	return 0
}

// infernoAt returns the colour of v, 0 to 1.
func infernoAt(v float32) [3]float32 {
	at := v * float32(len(inferno)-1)
	i := min(int(at), len(inferno)-2)
	f := at - float32(i)
	var c [3]float32
	for k := range c {
		c[k] = inferno[i][k] + f*(inferno[i+1][k]-inferno[i][k])
	}
	return c
}

// blend mixes a gray with a colour whose weight is alpha, 0 to 1.
func blend(light float32, c [3]float32, alpha float32) color.RGBA {
	mix := func(v float32) uint8 { return uint8(min(255, light+alpha*(v-light)+0.5)) }
	return color.RGBA{mix(c[0]), mix(c[1]), mix(c[2]), 255}
}

// Colour is that of v, 0 to 1, on the scale of heat maps: black, violet, red, yellow.
func Colour(v float32) color.RGBA {
	c := infernoAt(min(max(v, 0), 1))
	return color.RGBA{uint8(c[0] + 0.5), uint8(c[1] + 0.5), uint8(c[2] + 0.5), 255}
}
