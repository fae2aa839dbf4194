package vision

import (
	"fmt"
	"math"
)

// A Tiling cuts images into tiles of Height x Width pixels, neighbours of which share at least Overlap pixels.
type Tiling struct {
	Height, Width, Overlap int
}

// starts returns where tiles of size begin along a side of n pixels: as few as there can be, at equal distances to a pixel.
func starts(n, size, overlap int) []int {
	count := 1
	if n > size {
		count += (n - size + size - overlap - 1) / (size - overlap)
	}
	at := make([]int, count)
	for i := 1; i < count; i++ {
		at[i] = i * (n - size) / (count - 1)
	}
	return at
}

// ramp returns the weight of each pixel along a side of a tile: it rises over overlap pixels and falls again.
func ramp(size, overlap int) []float32 {
	w := make([]float32, size)
	for i := range w {
		w[i] = float32(min(i+1, size-i, overlap+1)) / float32(overlap+1)
	}
	return w
}

// Tiled fills dst, an image as high and wide as src with any number of channels, by calling predict on tiles of src
// that cover it, row by row. Where tiles overlap, their results are blended: each pixel is the mean of what the
// tiles say of it, and a tile's word weighs less towards its edge, in equal steps over Overlap pixels. A dst that has
// the results of a softmax again has scores that add up to 1.
//
// predict gets a tile of src, Height x Width, and fills result, of the same size with the channels of dst; both are
// overwritten between calls. Its first error ends Tiled. Sizes that do not fit, images smaller than a tile
// among them, are ErrShape.
func Tiled(dst, src Pixels, t Tiling, predict func(result, tile Pixels) error) error {
	if err := src.check("tiles: source"); err != nil {
		return err
	}
	if err := dst.check("tiles: destination"); err != nil {
		return err
	}
	switch {
	case dst.H != src.H || dst.W != src.W:
		return fmt.Errorf("tiles: destination of %d x %d pixels, source of %d x %d: %w", dst.H, dst.W, src.H, src.W, ErrShape)
	case t.Height < 1 || t.Width < 1 || t.Overlap < 0 || t.Overlap >= min(t.Height, t.Width):
		return fmt.Errorf("tiles: of %d x %d pixels that share %d, want an overlap of 0 to less than a side: %w", t.Height, t.Width, t.Overlap, ErrShape)
	case src.H < t.Height || src.W < t.Width:
		return fmt.Errorf("tiles: of %d x %d pixels in an image of %d x %d: %w", t.Height, t.Width, src.H, src.W, ErrShape)
	case t.Width > math.MaxInt/t.Height/max(src.C, dst.C):
		return fmt.Errorf("tiles: of %d x %d pixels: %w", t.Height, t.Width, ErrLimit)
	}
	tile, result := NewPixels(t.Height, t.Width, src.C), NewPixels(t.Height, t.Width, dst.C)
	rows, columns := starts(src.H, t.Height, t.Overlap), starts(src.W, t.Width, t.Overlap)
	rowWeight, columnWeight := ramp(t.Height, t.Overlap), ramp(t.Width, t.Overlap)
	clear(dst.Data)
	for _, top := range rows {
		for _, left := range columns {
			for y := range tile.H {
				copy(tile.Data[y*tile.W*tile.C:][:tile.W*tile.C], src.Data[((top+y)*src.W+left)*src.C:])
			}
			if err := predict(result, tile); err != nil {
				return fmt.Errorf("tiles: at row %d, column %d: %w", top, left, err)
			}
			for y := range result.H {
				out := dst.Data[((top+y)*dst.W+left)*dst.C:]
				for i, v := range result.Data[y*result.W*result.C:][:result.W*result.C] {
					out[i] += rowWeight[y] * columnWeight[i/result.C] * v
				}
			}
		}
	}
	rowSum, columnSum := sums(rows, rowWeight, src.H), sums(columns, columnWeight, src.W)
	for i := range dst.Data {
		dst.Data[i] /= rowSum[i/(dst.W*dst.C)] * columnSum[i/dst.C%dst.W]
	}
	return nil
}

// sums adds up the weights of the tiles that begin at the given places.
func sums(at []int, weight []float32, n int) []float32 {
	total := make([]float32, n)
	for _, a := range at {
		for i, w := range weight {
			total[a+i] += w
		}
	}
	return total
}
