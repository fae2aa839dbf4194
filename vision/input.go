package vision

import (
	"fmt"
	"image"
	"slices"

	"github.com/kerasrun/kerasrun/runtime"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// A Layout is how an input of a model takes images. A size of -1 is free: an image keeps its own.
type Layout struct {
	H, W, C       int
	ChannelsFirst bool // (batch, channels, height, width)
	NoChannels    bool // (batch, height, width); C is 1
}

// LayoutOf reads a layout from the shape of an input: (batch, height, width), or with 1, 3 or 4 channels, last or first.
// An input of another shape, or of strings, takes no images: ErrInput of package runtime.
func LayoutOf(in runtime.IO) (Layout, error) {
	s := in.Shape
	channels := []int{1, 3, 4}
	switch {
	case in.DType == graph.String:
	case len(s) == 3:
		return Layout{H: s[1], W: s[2], C: 1, NoChannels: true}, nil
	case len(s) == 4 && slices.Contains(channels, s[3]):
		return Layout{H: s[1], W: s[2], C: s[3]}, nil
	case len(s) == 4 && slices.Contains(channels, s[1]):
		return Layout{H: s[2], W: s[3], C: s[1], ChannelsFirst: true}, nil
	case len(s) == 4 && s[3] < 0:
		return Layout{H: s[1], W: s[2], C: 3}, nil
	}
	return Layout{}, fmt.Errorf("%w: an image, but input %q is %v %v: an image needs (batch, height, width, channels) with 1, 3 or 4 channels", runtime.ErrInput, in.Name, in.DType, s)
}

// Tensor makes a batch of one from an image, as Keras's load_img, Resizing (bilinear) and preprocess_input would.
func (l Layout) Tensor(img image.Image, m Mode) (runtime.Tensor, error) {
	x, err := FromImage(img, l.C)
	if err != nil {
		return runtime.Tensor{}, err
	}
	h, w := l.Size(img)
	if h != x.H || w != x.W {
		y := NewPixels(h, w, l.C)
		if err := Resize(y, x, Resizing{Interpolation: Bilinear}); err != nil {
			return runtime.Tensor{}, err
		}
		x = y
	}
	if err := Preprocess(x, m); err != nil {
		return runtime.Tensor{}, err
	}
	switch {
	case l.NoChannels:
		return graph.Floats(x.Data, 1, h, w), nil
	case l.ChannelsFirst:
		return graph.Floats(channelsFirst(x), 1, l.C, h, w), nil
	}
	return graph.Floats(x.Data, 1, h, w, l.C), nil
}

// Size is the height and width of what Tensor makes from img.
func (l Layout) Size(img image.Image) (h, w int) {
	h, w = l.H, l.W
	if h < 0 {
		h = img.Bounds().Dy()
	}
	if w < 0 {
		w = img.Bounds().Dx()
	}
	return h, w
}

// channelsFirst returns the pixels as C planes.
func channelsFirst(x Pixels) []float32 {
	out := make([]float32, len(x.Data))
	plane := x.H * x.W
	for i := range plane {
		for c := range x.C {
			out[c*plane+i] = x.Data[i*x.C+c]
		}
	}
	return out
}
