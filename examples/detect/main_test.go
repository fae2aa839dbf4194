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

func TestScene(t *testing.T) {
	var out bytes.Buffer
	picture := filepath.Join(t.TempDir(), "found.png")
	require.NoError(t, run(&out, "model.keras", "scene.png", picture))
	expected.Text(t, "found.txt", out.String())
	expected.Picture(t, "found.png", picture)
}

// Mean average precision on the held-back scenes is that of the reference in NumPy on Keras's outputs.
func TestMeanAveragePrecision(t *testing.T) {
	model, err := kerasrun.Load("model.keras")
	require.NoError(t, err)
	var found, truth [][]vision.Detection
	for _, scene := range expected.Cut(expected.Pixels(t, "scenes.png", 3), side) {
		f, err := find(model, scene, 0.01)
		require.NoError(t, err)
		found = append(found, f)
	}
	truth = make([][]vision.Detection, len(found))
	arrays := expected.Arrays(t, "truth.npz")
	boxes, kinds := arrays["boxes"].Float32s(), arrays["kinds"].Data.([]int64)
	for i, scene := range arrays["scenes"].Data.([]int64) {
		b := vision.Box{Top: boxes[4*i], Left: boxes[4*i+1], Bottom: boxes[4*i+2], Right: boxes[4*i+3]}
		truth[scene] = append(truth[scene], vision.Detection{Box: b, Class: int(kinds[i])})
	}
	var figures struct {
		Scenes    int     `json:"scenes"`
		Precision float64 `json:"mean_average_precision"`
	}
	expected.Figures(t, "expect.json", &figures)
	require.Len(t, found, figures.Scenes)
	mean, each, err := vision.MeanAveragePrecision(found, truth, len(names), 0.5)
	require.NoError(t, err)
	t.Logf("mAP@0.5 %.4f, of each kind %.4f", mean, each)
	require.InDelta(t, figures.Precision, mean, 1e-3)
	require.GreaterOrEqual(t, mean, 0.9)
}

func TestOutputsLikeKeras(t *testing.T) {
	model, err := kerasrun.Load("model.keras")
	require.NoError(t, err)
	keras := expected.Arrays(t, "expect.npz")
	scenes := expected.Cut(expected.Pixels(t, "scenes.png", 3), side)
	var x []float32
	n := keras["boxes"].Shape[0]
	for _, s := range scenes[:n] {
		x = append(x, s.Data...)
	}
	out, err := model.Predict(context.Background(), kerasrun.Floats(x, n, side, side, 3))
	require.NoError(t, err)
	expected.Close(t, keras["boxes"].Float32s(), out[0].Float32s(), 1e-4) // of deltas up to about 10
	expected.Close(t, keras["scores"].Float32s(), out[1].Float32s(), 1e-5)
}

func TestRefused(t *testing.T) {
	require.ErrorIs(t, run(nil, "none.keras", "scene.png", ""), kerasrun.ErrNotFound)
	require.ErrorIs(t, run(nil, "model.keras", "main.go", ""), vision.ErrFormat)
}
