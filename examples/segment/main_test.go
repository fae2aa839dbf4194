package main

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/examples/internal/expected"
	"github.com/kerasrun/kerasrun/vision"
)

func TestLarge(t *testing.T) {
	var out bytes.Buffer
	picture := filepath.Join(t.TempDir(), "mask.png")
	require.NoError(t, run(&out, "model.keras", "large.png", picture))
	expected.Text(t, "mask.txt", out.String())
	expected.Picture(t, "mask.png", picture)
}

// classes reads a picture of a mask.
func classes(t *testing.T, name string) vision.Pixels {
	t.Helper()
	return expected.Pixels(t, name, 1)
}

func bytesOf(v []float32) []uint8 {
	b := make([]uint8, len(v))
	for i := range v {
		b[i] = uint8(v[i])
	}
	return b
}

// The intersection over union of each kind on the held-back scenes is that of Keras's metrics on Keras's outputs.
func TestMeanIoU(t *testing.T) {
	model, err := kerasrun.Load("model.keras")
	require.NoError(t, err)
	truths := expected.Cut(classes(t, "masks.png"), side)
	var truth, found []uint8
	for i, scene := range expected.Cut(expected.Pixels(t, "scenes.png", 3), side) {
		all, err := scores(model, scene)
		require.NoError(t, err)
		mask, err := vision.ArgMax(all)
		require.NoError(t, err)
		truth, found = append(truth, bytesOf(truths[i].Data)...), append(found, mask...)
	}
	var figures struct {
		Scenes  int                `json:"scenes"`
		MeanIoU float64            `json:"mean_iou"`
		IoU     map[string]float64 `json:"iou"`
	}
	expected.Figures(t, "expect.json", &figures)
	require.Len(t, truth, figures.Scenes*side*side)
	mean, each, err := vision.MaskIoU(truth, found, len(kinds))
	require.NoError(t, err)
	t.Logf("mean IoU %.4f, of each kind %.4f", mean, each)
	require.InDelta(t, figures.MeanIoU, mean, 1e-3)
	for k, kind := range kinds {
		require.InDelta(t, figures.IoU[kind], each[k], 1e-3, kind)
	}
	require.GreaterOrEqual(t, mean, 0.9)
}

// An image larger than the model's input is segmented as well as the scenes it was trained on, across the seams too.
func TestTilesOfLarge(t *testing.T) {
	model, err := kerasrun.Load("model.keras")
	require.NoError(t, err)
	img := expected.Pixels(t, "large.png", 3)
	require.Greater(t, img.H, side)
	all, err := scores(model, img)
	require.NoError(t, err)
	for i := 0; i < len(all.Data); i += 4 { // still probabilities
		require.InDelta(t, 1, all.Data[i]+all.Data[i+1]+all.Data[i+2]+all.Data[i+3], 1e-5)
	}
	mask, err := vision.ArgMax(all)
	require.NoError(t, err)
	mean, each, err := vision.MaskIoU(bytesOf(classes(t, "large_mask.png").Data), mask, len(kinds))
	require.NoError(t, err)
	t.Logf("mean IoU of the large image %.4f, of each kind %.4f", mean, each)
	require.GreaterOrEqual(t, mean, 0.8)
}

func TestOutputsLikeKeras(t *testing.T) {
	model, err := kerasrun.Load("model.keras")
	require.NoError(t, err)
	keras := expected.Arrays(t, "expect.npz")["scores"]
	scenes := expected.Cut(expected.Pixels(t, "scenes.png", 3), side)
	var x []float32
	for _, s := range scenes[:keras.Shape[0]] {
		x = append(x, s.Data...)
	}
	out, err := model.Predict(context.Background(), kerasrun.Floats(x, keras.Shape[0], side, side, 3))
	require.NoError(t, err)
	expected.Close(t, keras.Float32s(), out[0].Float32s(), 1e-4)
}

func TestRefused(t *testing.T) {
	require.ErrorIs(t, run(nil, "none.keras", "large.png", ""), kerasrun.ErrNotFound)
	require.ErrorIs(t, run(nil, "model.keras", "../../testdata/images/digit_7.png", ""), vision.ErrShape) // smaller than a tile
}
