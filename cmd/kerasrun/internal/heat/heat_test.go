package heat

import (
	"context"
	"image"
	"image/color"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun"
)

// TestOcclusion holds the map of a score that is one channel of one pixel, in both orders of the axes.
func TestOcclusion(t *testing.T) {
	const h, w, at = 3, 5, 1*5 + 3 // the pixel in row 1 and column 3
	for _, first := range []bool{false, true} {
		x, element := make([]float32, h*w*2), at*2+1
		shape := []int{1, h, w, 2}
		if first {
			shape, element = []int{1, 2, h, w}, h*w+at
		}
		x[element] = 30 // the channel's mean is 2
		batches := []int{}
		score := func(_ context.Context, b kerasrun.Tensor) ([]float32, error) {
			batches = append(batches, b.Shape[0])
			s := make([]float32, b.Shape[0])
			for i := range s {
				s[i] = b.Data.([]float32)[i*len(x)+element]
			}
			return s, nil
		}
		o := Occlusion{Patch: 2, Stride: 2, Batch: 4, ChannelsFirst: first}
		m, err := o.Map(context.Background(), kerasrun.Floats(x, shape...), 30, score)
		require.NoError(t, err)
		require.Equal(t, kerasrun.Shape{h, w}, m.Shape)
		// Rows begin at 0 and 1, columns at 0, 2 and 3: the pixel is in the squares of both rows, at columns 2 and 3.
		require.Equal(t, []float32{
			0, 0, 28, 28, 28,
			0, 0, 28, 28, 28,
			0, 0, 28, 28, 28,
		}, m.Data)
		require.Equal(t, []int{4, 2}, batches)
		o.Fixed, batches = true, nil
		fixed, err := o.Map(context.Background(), kerasrun.Floats(x, shape...), 30, score)
		require.NoError(t, err)
		require.Equal(t, m, fixed)
		require.Equal(t, []int{4, 4}, batches)
	}
}

func TestOcclusionErrors(t *testing.T) {
	x := kerasrun.Floats(make([]float32, 4), 1, 2, 2)
	_, err := Occlusion{Patch: 1, Stride: 2, Batch: 1}.Map(context.Background(), x, 0, nil)
	require.ErrorIs(t, err, kerasrun.ErrInput)
	_, err = Occlusion{Patch: 1, Stride: 1, Batch: 1}.Map(context.Background(), kerasrun.Floats(make([]float32, 8), 2, 2, 2), 0, nil)
	require.ErrorIs(t, err, kerasrun.ErrInput)
}

func TestStarts(t *testing.T) {
	require.Equal(t, []int{0}, starts(3, 8, 4))
	require.Equal(t, []int{0, 2, 4}, starts(6, 2, 2))
	require.Equal(t, []int{0, 3, 4}, starts(7, 3, 3))
}

func TestOverlay(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 2, 1))
	img.SetGray(0, 0, color.Gray{200})
	out, err := Overlay(img, kerasrun.Floats([]float32{-1, 3}, 1, 2), 1)
	require.NoError(t, err)
	require.Equal(t, image.Rect(0, 0, 448, 224), out.Bounds())
	require.Equal(t, color.RGBA{200, 200, 200, 255}, out.At(223, 223))
	require.Equal(t, color.RGBA{252, 255, 164, 255}, out.At(224, 0))
	out, err = Overlay(img, kerasrun.Floats([]float32{1, 4}, 1, 2), 0.5)
	require.NoError(t, err)
	c := infernoAt(0.25)
	require.Equal(t, color.RGBA{uint8(150 + c[0]/4 + 0.5), uint8(150 + c[1]/4 + 0.5), uint8(150 + c[2]/4 + 0.5), 255}, out.At(0, 0))
	nan := float32(math.NaN())
	out, err = Overlay(img, kerasrun.Floats([]float32{nan, 0}, 1, 2), 1)
	require.NoError(t, err)
	require.Equal(t, color.RGBA{200, 200, 200, 255}, out.At(0, 0))
}
