package heat

import (
	"fmt"

	"github.com/kerasrun/kerasrun"
)

// GradCAM returns the map, (height, width) float32, of Selvaraju et al. (2017) as
// the example of Keras computes it: the channels of value, the result of a
// convolutional layer for one image, each times the mean of its gradient, summed,
// 0 where that is negative, and divided by the maximum unless that is 0. value and
// gradient are (1, height, width, channels) or (1, channels, height, width) of a
// floating type.
func GradCAM(value, gradient kerasrun.Tensor, channelsFirst bool) (kerasrun.Tensor, error) {
	r, err := layerRaster(gradient, channelsFirst)
	if err != nil {
		return kerasrun.Tensor{}, err
	}
	sums := make([]float64, r.h*r.w)
	for c := range r.c {
		mean := 0.0
		for p := range sums {
			mean += gradient.Float(p*r.pixel + c*r.channel)
		}
		mean /= float64(len(sums))
		for p := range sums {
			sums[p] += mean * value.Float(p*r.pixel+c*r.channel)
		}
	}
	return relative(sums, r), nil
}

// Saliency returns the map, (height, width) float32, of Simonyan et al. (2014): the
// largest absolute value among a pixel's channels of the gradient of an input, of the
// shapes that [Occlusion.Map] takes, divided by the maximum unless that is 0.
func Saliency(gradient kerasrun.Tensor, channelsFirst bool) (kerasrun.Tensor, error) {
	if len(gradient.Shape) != 3 {
		if _, err := layerRaster(gradient, channelsFirst); err != nil {
			return kerasrun.Tensor{}, err
		}
	}
	r := newRaster(gradient.Shape, channelsFirst)
	most := make([]float64, r.h*r.w)
	for p := range most {
		for c := range r.c {
			d := gradient.Float(p*r.pixel + c*r.channel)
			most[p] = max(most[p], d, -d)
		}
	}
	return relative(most, r), nil
}

func layerRaster(t kerasrun.Tensor, channelsFirst bool) (raster, error) {
	if len(t.Shape) != 4 || t.Shape[0] != 1 || t.Len() == 0 {
		return raster{}, fmt.Errorf("%w: a map of %v %v, want one image with channels", kerasrun.ErrInput, t.DType, t.Shape)
	}
	return newRaster(t.Shape, channelsFirst), nil
}

// relative divides what is positive by the maximum; the rest is 0. One NaN makes all of it NaN.
func relative(v []float64, r raster) kerasrun.Tensor {
	top := 0.0
	for _, x := range v {
		top = max(top, x)
	}
	out := make([]float32, len(v))
	for i, x := range v {
		if top != 0 {
			out[i] = float32(max(x, 0) / top)
		}
	}
	return kerasrun.Floats(out, r.h, r.w)
}
