package vision

import (
	"fmt"
	"math"
)

// A Placement says where Letterbox put an image: rows Top to Top+Height and columns Left to Left+Width of the
// destination, from an image of SourceHeight x SourceWidth pixels.
type Placement struct {
	Top, Left, Height, Width  int
	SourceHeight, SourceWidth int
}

// Back returns the box in the source that b in the destination shows, both in pixels. Parts of b on the borders lie
// outside of the source: Clip cuts them off.
func (p Placement) Back(b Box) Box {
	y, x := float32(p.SourceHeight)/float32(p.Height), float32(p.SourceWidth)/float32(p.Width)
	return Box{b.Top - float32(p.Top), b.Left - float32(p.Left), b.Bottom - float32(p.Top), b.Right - float32(p.Left)}.Scale(y, x)
}

// Letterbox fills dst with the whole of src, its aspect ratio kept, in the middle of borders of r.FillValue, and says
// where it lies. With a FillValue of 0 that is tf.image.resize_with_pad; of r, Interpolation and Antialias count.
// Resizing.PadToAspectRatio, Keras's own way, adds the borders before it resizes, and so blurs their edge. Errors are
// those of Resize; a source so long that nothing of its width or height would be left is ErrShape.
func Letterbox(dst, src Pixels, r Resizing) (Placement, error) {
	if err := src.check("letterbox: source"); err != nil {
		return Placement{}, err
	}
	if err := dst.check("letterbox: destination"); err != nil {
		return Placement{}, err
	}
	p := place(src.H, src.W, dst.H, dst.W)
	if p.Height < 1 || p.Width < 1 {
		return Placement{}, fmt.Errorf("letterbox: %d x %d pixels shrink to %d x %d in %d x %d: %w", src.H, src.W, p.Height, p.Width, dst.H, dst.W, ErrShape)
	}
	small := NewPixels(p.Height, p.Width, dst.C)
	if err := Resize(small, src, Resizing{Interpolation: r.Interpolation, Antialias: r.Antialias}); err != nil {
		return Placement{}, err
	}
	for i := range dst.Data {
		dst.Data[i] = r.FillValue
	}
	for y := range small.H {
		copy(dst.Data[((p.Top+y)*dst.W+p.Left)*dst.C:], small.Data[y*small.W*small.C:][:small.W*small.C])
	}
	return p, nil
}

// place does tf.image.resize_with_pad's float32 arithmetic.
func place(h, w, toH, toW int) Placement {
	ratio := max(float32(w)/float32(toW), float32(h)/float32(toH))
	fh, fw := float32(h)/ratio, float32(w)/ratio
	floor := func(v float32) int { return int(math.Floor(float64(v))) }
	return Placement{
		Top: max(0, floor((float32(toH)-fh)/2)), Left: max(0, floor((float32(toW)-fw)/2)),
		Height: min(floor(fh), toH), Width: min(floor(fw), toW), SourceHeight: h, SourceWidth: w,
	}
}
