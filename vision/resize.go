package vision

import (
	"fmt"

	"github.com/kerasrun/kerasrun/kernels/resize"
)

// Method is an interpolation, named as in Keras ("bilinear", "lanczos3"). Package resize says what each one does.
type Method = resize.Method

// The interpolations.
const (
	Nearest       = resize.Nearest
	Bilinear      = resize.Bilinear
	Bicubic       = resize.Bicubic
	Area          = resize.Area
	Lanczos3      = resize.Lanczos3
	Lanczos5      = resize.Lanczos5
	MitchellCubic = resize.MitchellCubic // Keras 2 only
	Gaussian      = resize.Gaussian      // Keras 2 only
)

// ParseMethod finds an interpolation by Keras's name; an unknown name is ErrUnsupported.
func ParseMethod(name string) (Method, error) {
	m, ok := resize.ParseMethod(name)
	if !ok {
		return 0, fmt.Errorf("resize: interpolation %q: %w", name, ErrUnsupported)
	}
	return m, nil
}

// Resizing says how to resize, with the names of the Keras layer Resizing.
type Resizing struct {
	// Interpolation is Nearest unless set, as in load_img; the layer's own default is Bilinear.
	Interpolation Method
	// Antialias widens the kernel when the image shrinks. Nearest and Area ignore it.
	Antialias bool
	// CropToAspectRatio first cuts the largest centred part with the new aspect ratio, as smart_resize does.
	CropToAspectRatio bool
	// PadToAspectRatio first adds borders of FillValue on two sides until the image has the new aspect ratio.
	PadToAspectRatio bool
	FillValue        float32
}

// Resize fills dst with src at dst's size. The result is that of Keras's layer Resizing, of keras.ops.image.resize and,
// with CropToAspectRatio, of smart_resize, for float32 images, to float32 rounding; values are neither rounded nor
// clipped, so cubic and Lanczos kernels may leave the range of the input. dst and src need the same number of channels
// (ErrShape) and must not share memory. Cropping and padding at once is ErrUnsupported.
func Resize(dst, src Pixels, r Resizing) error {
	if err := src.check("resize: source"); err != nil {
		return err
	}
	if err := dst.check("resize: destination"); err != nil {
		return err
	}
	if dst.C != src.C {
		return fmt.Errorf("resize: destination has %d channels, source %d: %w", dst.C, src.C, ErrShape)
	}
	if r.Interpolation > Gaussian {
		return fmt.Errorf("resize: interpolation %d: %w", r.Interpolation, ErrUnsupported)
	}
	box := resize.Box{H: src.H, W: src.W}
	switch {
	case r.CropToAspectRatio && r.PadToAspectRatio:
		return fmt.Errorf("resize: both crop and pad to aspect ratio: %w", ErrUnsupported)
	case r.CropToAspectRatio:
		box = resize.CropToAspectRatio(src.H, src.W, dst.H, dst.W)
	case r.PadToAspectRatio:
		var err error
		if src, err = pad(src, dst.H, dst.W, r.FillValue); err != nil {
			return err
		}
		box = resize.Box{H: src.H, W: src.W}
	}
	run(dst, src, r.Interpolation, r.Antialias, box)
	return nil
}

// CenterCrop fills dst with the middle of src, as Keras's layer CenterCrop does: where src is smaller than dst, the
// largest part with dst's aspect ratio is enlarged (bilinear). Errors are those of Resize.
func CenterCrop(dst, src Pixels) error {
	if err := src.check("center crop: source"); err != nil {
		return err
	}
	if err := dst.check("center crop: destination"); err != nil {
		return err
	}
	if dst.C != src.C {
		return fmt.Errorf("center crop: destination has %d channels, source %d: %w", dst.C, src.C, ErrShape)
	}
	run(dst, src, Bilinear, false, resize.CenterCrop(src.H, src.W, dst.H, dst.W))
	return nil
}

func run(dst, src Pixels, m Method, antialias bool, box resize.Box) {
	plan := resize.NewCropPlan(m, antialias, src.H, src.W, box, dst.H, dst.W)
	resize.Run(plan, dst.Data, src.Data, src.C, 0, dst.H, make([]float32, plan.Scratch(src.C)))
}

// pad returns src with the borders that give it the aspect ratio w : h.
func pad(src Pixels, h, w int, fill float32) (Pixels, error) {
	top, left := resize.PadToAspectRatio(src.H, src.W, h, w)
	if top == 0 && left == 0 {
		return src, nil
	}
	ph, pw := int64(src.H)+2*int64(top), int64(src.W)+2*int64(left)
	if ph > maxSide || pw > maxSide || ph*pw > maxPixels/int64(src.C) {
		return Pixels{}, fmt.Errorf("resize: %d x %d pixels after padding, want at most %d: %w", ph, pw, maxPixels/src.C, ErrLimit)
	}
	out := NewPixels(int(ph), int(pw), src.C)
	resize.Pad(out.Data, src.Data, src.H, src.W, src.C, top, left, fill)
	return out, nil
}
