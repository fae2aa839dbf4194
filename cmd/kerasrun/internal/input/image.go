package input

import (
	"fmt"
	"io"
	"slices"

	_ "golang.org/x/image/bmp"  // for vision.Decode
	_ "golang.org/x/image/webp" // for vision.Decode

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/vision"
)

// A layout is how an input takes images; a size of -1 is free.
type layout struct {
	h, w, c       int
	channelsFirst bool
}

// imageLayout reads a layout from a shape: (batch, height, width), or with 1, 3
// or 4 channels, last or first.
func imageLayout(in kerasrun.IO) (layout, error) {
	s := in.Shape
	channels := []int{1, 3, 4}
	switch {
	case in.DType == kerasrun.String:
	case len(s) == 3:
		return layout{h: s[1], w: s[2], c: 1}, nil
	case len(s) == 4 && slices.Contains(channels, s[3]):
		return layout{h: s[1], w: s[2], c: s[3]}, nil
	case len(s) == 4 && slices.Contains(channels, s[1]):
		return layout{h: s[2], w: s[3], c: s[1], channelsFirst: true}, nil
	case len(s) == 4 && s[3] < 0:
		return layout{h: s[1], w: s[2], c: 3}, nil
	}
	return layout{}, fmt.Errorf("%w: an image, but input %q is %v %v: an image needs (batch, height, width, channels) with 1, 3 or 4 channels", kerasrun.ErrInput, in.Name, in.DType, s)
}

// image reads an image as Keras's load_img, Resizing and preprocess_input would.
func (r *Reader) image(f io.Reader, name string, in kerasrun.IO) (kerasrun.Tensor, error) {
	l, err := imageLayout(in)
	if err != nil {
		return kerasrun.Tensor{}, err
	}
	img, err := vision.Decode(f, 0)
	if err != nil {
		return kerasrun.Tensor{}, err
	}
	x, err := vision.FromImage(img, l.c)
	if err != nil {
		return kerasrun.Tensor{}, err
	}
	r.Images++
	h, w := l.h, l.w
	if h < 0 {
		h = x.H
	}
	if w < 0 {
		w = x.W
	}
	if h != x.H || w != x.W {
		y := vision.NewPixels(h, w, l.c)
		if err := vision.Resize(y, x, vision.Resizing{Interpolation: vision.Bilinear}); err != nil {
			return kerasrun.Tensor{}, err
		}
		r.Resized++
		r.LastResize = fmt.Sprintf("%s: resized from %dx%d to %dx%d (height x width, bilinear)", shown(name), x.H, x.W, h, w)
		x = y
	}
	if err := vision.Preprocess(x, r.Preprocess); err != nil {
		return kerasrun.Tensor{}, err
	}
	switch {
	case len(in.Shape) == 3:
		return kerasrun.Floats(x.Data, 1, h, w), nil
	case l.channelsFirst:
		return kerasrun.Floats(channelsFirst(x), 1, l.c, h, w), nil
	}
	return kerasrun.Floats(x.Data, 1, h, w, l.c), nil
}

// channelsFirst returns the pixels as C planes.
func channelsFirst(x vision.Pixels) []float32 {
	out := make([]float32, len(x.Data))
	plane := x.H * x.W
	for i := range plane {
		for c := range x.C {
			out[c*plane+i] = x.Data[i*x.C+c]
		}
	}
	return out
}

// ChannelsFirst reports whether an input takes images whose channels stand before
// rows and columns. An input that takes no images is an error.
func ChannelsFirst(in kerasrun.IO) (bool, error) {
	l, err := imageLayout(in)
	return l.channelsFirst, err
}
