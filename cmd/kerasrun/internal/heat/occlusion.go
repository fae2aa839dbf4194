// Package heat makes heat maps of images: which parts of one a model's score rests on.
package heat

import (
	"context"
	"fmt"
	"slices"

	"github.com/kerasrun/kerasrun"
)

// A Scorer returns one score for each example of a batch.
type Scorer func(ctx context.Context, batch kerasrun.Tensor) ([]float32, error)

// An Occlusion hides a square of an image at a time and sees how far the score falls.
type Occlusion struct {
	Patch         int  // side of the square, in pixels; cut to the image where that is smaller
	Stride        int  // pixels from one square to the next, at most Patch
	Batch         int  // examples in one run
	Fixed         bool // every run has Batch examples, as a model with a fixed batch needs
	ChannelsFirst bool // x is (1, channels, height, width)
}

// Map returns the heat map, (height, width) float32, of an image x: float32 of
// shape (1, height, width), (1, height, width, channels) or (1, channels, height,
// width). An element is the mean, over the squares that cover the pixel, of the
// score of the whole image, base, minus the score with the square hidden: positive
// where the score rests on the pixel. A hidden square has the image's mean in each
// channel. The last square of a row or column ends with the image.
func (o Occlusion) Map(ctx context.Context, x kerasrun.Tensor, base float32, score Scorer) (kerasrun.Tensor, error) {
	data, ok := x.Data.([]float32)
	if !ok || len(x.Shape) < 3 || len(x.Shape) > 4 || x.Shape[0] != 1 || len(data) == 0 {
		return kerasrun.Tensor{}, fmt.Errorf("%w: occlusion of %v %v, want one image of float32", kerasrun.ErrInput, x.DType, x.Shape)
	}
	if o.Patch < 1 || o.Stride < 1 || o.Stride > o.Patch || o.Batch < 1 {
		return kerasrun.Tensor{}, fmt.Errorf("%w: occlusion with patch %d, stride %d and batch %d, want 1 or more and a stride of at most the patch", kerasrun.ErrInput, o.Patch, o.Stride, o.Batch)
	}
	im := newRaster(x.Shape, o.ChannelsFirst)
	means := im.means(data)
	ys, xs := starts(im.h, o.Patch, o.Stride), starts(im.w, o.Patch, o.Stride)
	fall := make([]float64, im.h*im.w)
	covers := make([]float64, im.h*im.w)
	n := len(ys) * len(xs)
	batch := make([]float32, 0, min(o.Batch, max(n, 1))*len(data))
	for from := 0; from < n; from += o.Batch {
		to := min(n, from+o.Batch)
		batch = batch[:0]
		for k := from; k < to; k++ {
			batch = append(batch, data...)
			hidden := batch[len(batch)-len(data):]
			im.each(ys[k/len(xs)], xs[k%len(xs)], o.Patch, func(p int) {
				for c := range im.c {
					hidden[p*im.pixel+c*im.channel] = means[c]
				}
			})
		}
		examples := to - from
		for ; o.Fixed && examples < o.Batch; examples++ {
			batch = append(batch, data...)
		}
		shape := slices.Clone(x.Shape)
		shape[0] = examples
		scores, err := score(ctx, kerasrun.Floats(batch, shape...))
		if err != nil {
			return kerasrun.Tensor{}, err
		}
		for k := from; k < to; k++ {
			d := float64(base) - float64(scores[k-from])
			im.each(ys[k/len(xs)], xs[k%len(xs)], o.Patch, func(p int) {
				fall[p] += d
				covers[p]++
			})
		}
	}
	out := make([]float32, len(fall))
	for i := range out {
		out[i] = float32(fall[i] / covers[i])
	}
	return kerasrun.Floats(out, im.h, im.w), nil
}

// Settle fills in what is 0: Patch is a seventh of the shorter side of an image of
// shape s, Stride half of Patch.
func (o *Occlusion) Settle(s kerasrun.Shape) {
	im := newRaster(s, o.ChannelsFirst)
	if o.Patch == 0 {
		o.Patch = max(1, min(im.h, im.w)/7, o.Stride)
	}
	if o.Stride == 0 {
		o.Stride = max(1, o.Patch/2)
	}
}

// starts returns where the squares along an axis of n pixels begin.
func starts(n, patch, stride int) []int {
	last := max(0, n-patch)
	var s []int
	for at := 0; at < last; at += stride {
		s = append(s, at)
	}
	return append(s, last)
}

// A raster says where in memory the pixels of one image are: channel k of pixel
// p is element p*pixel + k*channel.
type raster struct{ h, w, c, pixel, channel int }

func newRaster(s kerasrun.Shape, channelsFirst bool) raster {
	switch {
	case len(s) == 3:
		return raster{s[1], s[2], 1, 1, 1}
	case channelsFirst:
		return raster{s[2], s[3], s[1], 1, s[2] * s[3]}
	}
	return raster{s[1], s[2], s[3], s[3], 1}
}

// means returns the mean of each channel.
func (r raster) means(data []float32) []float32 {
	m := make([]float32, r.c)
	for c := range m {
		sum := 0.0
		for p := range r.h * r.w {
			sum += float64(data[p*r.pixel+c*r.channel])
		}
		m[c] = float32(sum / float64(r.h*r.w))
	}
	return m
}

// each calls f for the pixels of a square.
func (r raster) each(y, x, side int, f func(p int)) {
	for i := y; i < min(y+side, r.h); i++ {
		for j := x; j < min(x+side, r.w); j++ {
			f(i*r.w + j)
		}
	}
}
