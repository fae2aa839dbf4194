package graph

import (
	"fmt"
	"slices"
)

// Interpolations lists what Resize knows, by Keras's names.
var Interpolations = []string{"nearest", "bilinear", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic"}

// Aspect says what Resize does when the aspect ratios of input and output differ.
type Aspect string

// The aspect rules.
const (
	Stretch    Aspect = ""
	CropAspect Aspect = "crop" // crop the centre first (crop_to_aspect_ratio)
	PadAspect  Aspect = "pad"  // pad with FillValue first (pad_to_aspect_ratio)
)

// Resize samples images at another size, with half-pixel centres and clamped
// edges as tf.image.resize does.
//
//	x       (batch, h, w, c)
//	result  (batch, Height, Width, c), or (batch, h·ScaleH, w·ScaleW, c)
type Resize struct {
	Height, Width  int // 0 when the scales are given
	ScaleH, ScaleW int
	Interpolation  string
	Antialias      bool
	Aspect         Aspect
	FillValue      float64
}

// Infer implements [Op].
func (r Resize) Infer(in []Type) ([]Type, error) {
	x, err := imageOperand(in)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(Interpolations, r.Interpolation) {
		return nil, fmt.Errorf("%w: interpolation %q", ErrAttr, r.Interpolation)
	}
	h, w := r.Height, r.Width
	if h == 0 && w == 0 {
		if err := positive("scale", []int{r.ScaleH, r.ScaleW}, 2); err != nil {
			return nil, err
		}
		if h, err = mul(x[1], r.ScaleH); err != nil {
			return nil, err
		}
		if w, err = mul(x[2], r.ScaleW); err != nil {
			return nil, err
		}
	} else if err := positive("size", []int{h, w}, 2); err != nil {
		return nil, err
	}
	return one(in[0].DType, Shape{x[0], h, w, x[3]})
}

// CenterCrop cuts the centre out of images; the offset is (n - size)/2 rounded
// towards zero. An image that is too small on either axis is instead cropped to
// the aspect ratio and resized bilinearly.
//
//	x       (batch, h, w, c)
//	result  (batch, Height, Width, c)
type CenterCrop struct{ Height, Width int }

// Infer implements [Op].
func (c CenterCrop) Infer(in []Type) ([]Type, error) {
	x, err := imageOperand(in)
	if err != nil {
		return nil, err
	}
	if err := positive("size", []int{c.Height, c.Width}, 2); err != nil {
		return nil, err
	}
	return one(in[0].DType, Shape{x[0], c.Height, c.Width, x[3]})
}

// Equalize is contrast-limited adaptive histogram equalization: every channel
// of the image is cut into GridH x GridW tiles (its end is mirrored where they
// do not fit), the distribution of a tile's values, whole numbers from 0 to 255,
// maps them to 0 to 255, and a pixel has the bilinear mean of the maps of the
// tiles around it. A bin holds ClipLimit times its equal share at most; the
// excess is spread over all bins. ClipLimit 0 is no limit.
//
//	x       (batch, h, w, c)
//	result  (batch, h, w, c)
type Equalize struct {
	GridH, GridW int
	ClipLimit    float64
}

// Infer implements [Op].
func (e Equalize) Infer(in []Type) ([]Type, error) {
	x, err := imageOperand(in)
	if err != nil {
		return nil, err
	}
	if err := positive("grid", []int{e.GridH, e.GridW}, 2); err != nil {
		return nil, err
	}
	if e.GridH > maxGrid || e.GridW > maxGrid {
		return nil, fmt.Errorf("%w: grid of %d x %d", ErrAttr, e.GridH, e.GridW)
	}
	if !(e.ClipLimit >= 0) {
		return nil, fmt.Errorf("%w: clip limit %v", ErrAttr, e.ClipLimit)
	}
	for i, grid := range []int{e.GridH, e.GridW} {
		if n := x[1+i]; n != Dyn && TileSize(n, grid)*grid > 2*n {
			return nil, fmt.Errorf("%w: %d tiles of %d pixels", ErrShape, grid, n)
		}
	}
	return one(in[0].DType, x)
}

// maxGrid bounds the tiles of Equalize along an axis.
const maxGrid = 1 << 8

// TileSize is the length of each of grid tiles that cover n pixels.
func TileSize(n, grid int) int { return (n + grid - 1) / grid }

func imageOperand(in []Type) (Shape, error) {
	if err := operands(in, 1); err != nil {
		return nil, err
	}
	if err := floating(in); err != nil {
		return nil, err
	}
	if len(in[0].Shape) != 4 {
		return nil, fmt.Errorf("%w: %v is no batch of images", ErrShape, in[0].Shape)
	}
	return in[0].Shape, nil
}
