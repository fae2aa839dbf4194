package main

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/examples/internal/expected"
	"github.com/kerasrun/kerasrun/vision"
)

const digits = "../../testdata/models/digits/"

func TestDigits(t *testing.T) {
	var files []string
	for d := range 10 {
		files = append(files, "../../testdata/images/digit_"+string(rune('0'+d))+".png")
	}
	var out bytes.Buffer
	require.NoError(t, run(&out, digits+"model.keras", "none", files))
	expected.Text(t, "digits.txt", out.String())
}

// The share of the held-back digits that are read right is Keras's.
func TestDigitsAccuracy(t *testing.T) {
	model, err := kerasrun.Load(digits + "model.keras")
	require.NoError(t, err)
	split := expected.Arrays(t, digits+"split.npz")
	x := split["x_test"].Cast(kerasrun.Float32)
	out, err := model.Predict(context.Background(), x)
	require.NoError(t, err)
	right, labels := 0, split["y_test"].Data.([]int64)
	for i, label := range labels {
		scores := vision.Pixels{H: 1, W: 1, C: 10, Data: out[0].Float32s()[10*i:][:10]}
		best, err := vision.ArgMax(scores)
		require.NoError(t, err)
		if int64(best[0]) == label {
			right++
		}
	}
	var figures struct {
		Accuracy float64 `json:"test_accuracy"`
		Images   int     `json:"test_images"`
	}
	expected.Figures(t, digits+"case.json", &figures)
	require.Len(t, labels, figures.Images)
	accuracy := float64(right) / float64(len(labels))
	require.InDelta(t, figures.Accuracy, accuracy, 1e-3)
	require.GreaterOrEqual(t, accuracy, 0.98)
}

// From the file of a photograph to scores, each step is Keras's: resize and preprocess_input, then the model.
func TestPhotos(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(&out, "photo.keras", "tf", []string{"china.png", "flower.png"}))
	expected.Text(t, "photos.txt", out.String())

	keras := expected.Arrays(t, "photos.npz")
	x := keras["inputs"].Float32s()
	for i, name := range []string{"china.png", "flower.png"} {
		y := vision.NewPixels(128, 128, 3)
		require.NoError(t, vision.Resize(y, expected.Pixels(t, name, 3), vision.Resizing{Interpolation: vision.Bilinear, Antialias: true}))
		require.NoError(t, vision.Preprocess(y, vision.TF))
		expected.Close(t, x[i*len(y.Data):][:len(y.Data)], y.Data, 1e-5)
	}
	model, err := kerasrun.Load("photo.keras")
	require.NoError(t, err)
	scores, err := model.Predict(context.Background(), keras["inputs"])
	require.NoError(t, err)
	expected.Close(t, keras["scores"].Float32s(), scores[0].Float32s(), 1e-5)
}

func TestRefused(t *testing.T) {
	require.ErrorIs(t, run(nil, "none.keras", "none", nil), kerasrun.ErrNotFound)
	require.ErrorIs(t, run(nil, "photo.keras", "half", nil), vision.ErrUnsupported)
	require.ErrorIs(t, run(nil, "photo.keras", "tf", []string{"main.go"}), vision.ErrFormat)
}
