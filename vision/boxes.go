package vision

import (
	"fmt"
	"math"
)

// A Box is a rectangle with edges along the rows and columns of an image. Coordinates are those of edges, not of
// pixels: the pixel in row 0 and column 0 is the box 0, 0, 1, 1. They may be in pixels or in fractions of the image;
// functions that mix boxes need them all in the same unit. A box whose Bottom is not below its Top, or whose Right is
// not right of its Left, is empty.
type Box struct {
	Top, Left, Bottom, Right float32
}

// Area returns the area of b, 0 where it is empty.
func (b Box) Area() float32 {
	h, w := b.Bottom-b.Top, b.Right-b.Left
	if !(h > 0 && w > 0) {
		return 0
	}
	return float32(h * w) // rounded on every processor, where sums could fuse with it
}

// IoU returns the intersection over union of b and c, from 0 (apart) to 1 (the same); 0 where one of them is empty.
// The arithmetic is that of TensorFlow's non_max_suppression.
func (b Box) IoU(c Box) float32 {
	areaB, areaC := b.Area(), c.Area()
	if areaB == 0 || areaC == 0 {
		return 0
	}
	both := Box{max(b.Top, c.Top), max(b.Left, c.Left), min(b.Bottom, c.Bottom), min(b.Right, c.Right)}.Area()
	return both / (areaB + areaC - both)
}

// Clip returns the part of b that lies in an image of height x width.
func (b Box) Clip(height, width float32) Box {
	return Box{
		Top: min(max(b.Top, 0), height), Left: min(max(b.Left, 0), width),
		Bottom: min(max(b.Bottom, 0), height), Right: min(max(b.Right, 0), width),
	}
}

// Scale returns b with its rows multiplied by y and its columns by x: Scale(height, width) turns fractions into pixels.
func (b Box) Scale(y, x float32) Box {
	return Box{b.Top * y, b.Left * x, b.Bottom * y, b.Right * x}
}

// A Grid says where a detector's feature map has its anchors: around the middle of each cell of Rows x Columns cells
// that cover an image of Height x Width, one of each size.
type Grid struct {
	Rows, Columns int
	Height, Width float32
	Sizes         []Size
}

// A Size is the height and width of an anchor, in the unit of the image's.
type Size struct {
	Height, Width float32
}

// maxAnchors is the most anchors of a grid; each takes 16 bytes.
const maxAnchors = 1 << 24

// Anchors returns the boxes of g, Rows x Columns x len(Sizes) of them: all sizes of the first cell, then those of the
// cell to its right. That is the order of a convolution's output (rows, columns, sizes x 4) reshaped to (-1, 4).
// Anchors may reach beyond the image. Grids and sizes that are not positive are ErrShape.
func (g Grid) Anchors() ([]Box, error) {
	if g.Rows < 1 || g.Columns < 1 || len(g.Sizes) == 0 || !(g.Height > 0 && g.Width > 0) {
		return nil, fmt.Errorf("anchors: %d sizes on %d x %d cells of an image of %v x %v, want at least one of each: %w",
			len(g.Sizes), g.Rows, g.Columns, g.Height, g.Width, ErrShape)
	}
	if g.Rows > maxAnchors || g.Columns > maxAnchors/g.Rows || len(g.Sizes) > maxAnchors/(g.Rows*g.Columns) {
		return nil, fmt.Errorf("anchors: %d x %d cells with %d sizes, want at most %d: %w", g.Rows, g.Columns, len(g.Sizes), maxAnchors, ErrLimit)
	}
	for _, s := range g.Sizes {
		if !(s.Height > 0 && s.Width > 0) {
			return nil, fmt.Errorf("anchors: size %v x %v: %w", s.Height, s.Width, ErrShape)
		}
	}
	boxes := make([]Box, 0, g.Rows*g.Columns*len(g.Sizes))
	for r := range g.Rows {
		y := float32((float64(r) + 0.5) * float64(g.Height) / float64(g.Rows))
		for c := range g.Columns {
			x := float32((float64(c) + 0.5) * float64(g.Width) / float64(g.Columns))
			for _, s := range g.Sizes {
				boxes = append(boxes, Box{y - s.Height/2, x - s.Width/2, y + s.Height/2, x + s.Width/2})
			}
		}
	}
	return boxes, nil
}

// DecodeBoxes turns what a detector's box head returns into boxes, as keras.utils.bounding_boxes.decode_deltas_to_boxes
// does with encoded_format "center_yxhw", its default. deltas has (y, x, h, w) for each anchor: multiplied by variances,
// y and x move the anchor's middle by as many of its heights and widths, and exp(h), exp(w) multiply those.
// The results have the unit of the anchors, and are infinite or empty where a delta is infinite or NaN; Clip bounds
// them. Deltas that are not 4 for each anchor are ErrShape.
func DecodeBoxes(deltas []float32, anchors []Box, variances [4]float32) ([]Box, error) {
	if len(deltas)%4 != 0 || len(deltas)/4 != len(anchors) {
		return nil, fmt.Errorf("boxes: %d deltas for %d anchors, want 4 for each: %w", len(deltas), len(anchors), ErrShape)
	}
	boxes := make([]Box, len(anchors))
	for i, a := range anchors {
		d := deltas[4*i : 4*i+4]
		h, w := a.Bottom-a.Top, a.Right-a.Left
		y := (a.Top+a.Bottom)/2 + float32(float32(d[0]*variances[0])*h)
		x := (a.Left+a.Right)/2 + float32(float32(d[1]*variances[1])*w)
		h *= float32(math.Exp(float64(d[2] * variances[2])))
		w *= float32(math.Exp(float64(d[3] * variances[3])))
		boxes[i] = Box{y - h/2, x - w/2, y + h/2, x + w/2}
	}
	return boxes, nil
}
