package vision_test

import (
	"errors"
	"fmt"
	"image/color"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/vision"
)

func TestTiledLikeNumPy(t *testing.T) {
	all := goldens(t, "tiles.npz")
	for _, name := range []string{"tall", "wide", "both"} {
		in := all["in_"+name]
		got := vision.NewPixels(in.H, in.W, 1)
		err := vision.Tiled(got, in, vision.Tiling{Height: 8, Width: 12, Overlap: 3}, func(result, tile vision.Pixels) error {
			mean := 0.0
			for _, v := range tile.Data {
				mean += float64(v) / float64(len(tile.Data))
			}
			for i, v := range tile.Data {
				result.Data[i] = v + float32(mean)
			}
			return nil
		})
		require.NoError(t, err)
		within(t, all[name], got, 512*1e-6, name)
	}
}

// Tiles that agree give the image back, every pixel is covered, and results may have more channels.
func TestTiledCovers(t *testing.T) {
	for h := 5; h < 30; h += 3 {
		for w := 7; w < 30; w += 4 {
			for overlap := range 5 {
				src, dst := vision.NewPixels(h, w, 2), vision.NewPixels(h, w, 3)
				for i := range src.Data {
					src.Data[i] = float32(i)
				}
				tiles := 0
				err := vision.Tiled(dst, src, vision.Tiling{Height: 5, Width: 7, Overlap: overlap}, func(result, tile vision.Pixels) error {
					tiles++
					for i := range tile.H * tile.W {
						copy(result.Data[3*i:], tile.Data[2*i:2*i+2])
						result.Data[3*i+2] = 1
					}
					return nil
				})
				require.NoError(t, err)
				for i := range h * w {
					want := []float32{src.Data[2*i], src.Data[2*i+1], 1}
					require.InDeltaSlice(t, want, dst.Data[3*i:3*i+3], 1e-3, "%d x %d, overlap %d, pixel %d", h, w, overlap, i)
				}
				rows, columns := (h-5+4-overlap)/(5-overlap)+1, (w-7+6-overlap)/(7-overlap)+1
				require.Equal(t, rows*columns, tiles, "%d x %d, overlap %d", h, w, overlap)
			}
		}
	}
}

func TestTiledRefused(t *testing.T) {
	p, q := vision.NewPixels(9, 9, 1), vision.NewPixels(9, 9, 1)
	none := func(_, _ vision.Pixels) error { return nil }
	for _, tiling := range []vision.Tiling{{}, {Height: 4, Width: 4, Overlap: 4}, {Height: 4, Width: 4, Overlap: -1}, {Height: 10, Width: 4}} {
		require.ErrorIs(t, vision.Tiled(p, q, tiling, none), vision.ErrShape, "%+v", tiling)
	}
	tiling := vision.Tiling{Height: 4, Width: 4}
	require.ErrorIs(t, vision.Tiled(vision.NewPixels(9, 8, 1), q, tiling, none), vision.ErrShape)
	require.ErrorIs(t, vision.Tiled(p, vision.Pixels{}, tiling, none), vision.ErrShape)
	own := errors.New("no model")
	err := vision.Tiled(p, q, tiling, func(_, _ vision.Pixels) error { return own })
	require.ErrorIs(t, err, own)
	require.EqualError(t, err, "tiles: at row 0, column 0: no model")
}

func TestMaskIoULikeKeras(t *testing.T) {
	all := arrays(t, "masks.npz")
	truth, found := all["truth"].Data.([]uint8), all["found"].Data.([]uint8)
	mean, each := all["mean"].Data.([]float64), all["each"].Data.([]float64)
	n := all["truth"].Shape[1]
	for i := range mean {
		gotMean, gotEach, err := vision.MaskIoU(truth[i*n:(i+1)*n], found[i*n:(i+1)*n], 5)
		require.NoError(t, err)
		require.InDelta(t, mean[i], gotMean, 1e-6, "case %d", i) // Keras computes in float32
		requireClose(t, each[5*i:5*i+5], gotEach, 1e-12, fmt.Sprint("case ", i))
	}
	for _, bad := range []func() error{
		func() error { _, _, err := vision.MaskIoU(truth, found[1:], 5); return err },
		func() error { _, _, err := vision.MaskIoU(truth, found, 4); return err },
		func() error { _, _, err := vision.MaskIoU(truth, found, 0); return err },
		func() error { _, _, err := vision.MaskIoU(truth, found, 257); return err },
	} {
		require.ErrorIs(t, bad(), vision.ErrShape)
	}
}

func TestArgMax(t *testing.T) {
	nan := float32(math.NaN())
	p := vision.Pixels{H: 2, W: 2, C: 3, Data: []float32{1, 3, 2, 4, 4, 1, 1, nan, 9, -3, -2, -1}}
	mask, err := vision.ArgMax(p)
	require.NoError(t, err)
	require.Equal(t, []uint8{1, 0, 1, 2}, mask)
	_, err = vision.ArgMax(vision.NewPixels(1, 1, 257))
	require.ErrorIs(t, err, vision.ErrShape)
	_, err = vision.ArgMax(vision.Pixels{})
	require.ErrorIs(t, err, vision.ErrShape)
}

func TestImage(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	img, err := vision.Image(vision.Pixels{H: 1, W: 2, C: 3, Data: []float32{-1, 0.5, 1.5, 300, nan, inf}})
	require.NoError(t, err)
	require.Equal(t, color.NRGBA{0, 0, 2, 255}, img.NRGBAAt(0, 0))
	require.Equal(t, color.NRGBA{255, 0, 255, 255}, img.NRGBAAt(1, 0))
	for _, c := range []int{1, 3, 4} { // there and back
		p := vision.NewPixels(4, 5, c)
		for i := range p.Data {
			p.Data[i] = float32(i*37%256) + 0
		}
		img, err := vision.Image(p)
		require.NoError(t, err)
		back, err := vision.FromImage(img, c)
		require.NoError(t, err)
		require.Equal(t, p, back)
	}
	_, err = vision.Image(vision.NewPixels(1, 1, 2))
	require.ErrorIs(t, err, vision.ErrUnsupported)
	_, err = vision.Image(vision.Pixels{H: 1, W: 1, C: 3})
	require.ErrorIs(t, err, vision.ErrShape)
}
