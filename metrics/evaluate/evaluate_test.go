package evaluate_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/metrics"
	"github.com/kerasrun/kerasrun/metrics/evaluate"
)

// digits returns the test split of the digits.
func digits(t *testing.T) (x, y kerasrun.Tensor) {
	t.Helper()
	text, err := os.ReadFile("../../testdata/models/digits/split.npz")
	require.NoError(t, err)
	z, err := kerasrun.OpenNpz(bytes.NewReader(text), int64(len(text)), 0)
	require.NoError(t, err)
	x, err = z.Read("x_test")
	require.NoError(t, err)
	y, err = z.Read("y_test")
	require.NoError(t, err)
	return x, y
}

// TestDigits holds a model with L2 regularizers to what Keras's model.evaluate says.
func TestDigits(t *testing.T) {
	x, y := digits(t)
	e, err := evaluate.Load("../../testdata/models/digits/model.keras", evaluate.Config{})
	require.NoError(t, err)
	defer e.Close()
	require.Len(t, e.Outputs(), 1)
	const batch = 32
	pixels, size := x.Data.([]uint8), 32*32
	for from := 0; from < 360; from += batch {
		to := min(from+batch, 360)
		in := kerasrun.Tensor{DType: kerasrun.Uint8, Shape: kerasrun.Shape{to - from, 32, 32, 1}, Data: pixels[from*size : to*size]}
		labels := kerasrun.Tensor{DType: kerasrun.Int64, Shape: kerasrun.Shape{to - from}, Data: y.Data.([]int64)[from:to]}
		p, err := e.Batch(context.Background(), []kerasrun.Tensor{in}, []kerasrun.Tensor{labels}, nil)
		require.NoError(t, err)
		require.Equal(t, kerasrun.Shape{to - from, 10}, p[0].Values.Shape)
		require.NotNil(t, p[0].Logits)
	}
	got := e.Results()
	require.Equal(t, "loss", got[0].Name)
	require.InDelta(t, 0.04381953179836273, got[0].Values[0], 1e-7)
	require.Equal(t, metrics.Result{Name: "accuracy", Values: []float64{1}}, got[1])
}

func TestNotCompiled(t *testing.T) {
	model := filepath.Join("../../testdata/models/dense/model.keras")
	_, err := evaluate.Load(model, evaluate.Config{})
	require.ErrorIs(t, err, metrics.ErrNotCompiled)
	e, err := evaluate.Load(model, evaluate.Config{Loss: keras.NewString("mse")})
	require.NoError(t, err)
	require.NoError(t, e.Close())
	_, err = evaluate.Load(model, evaluate.Config{Loss: keras.NewString("magic")})
	require.ErrorContains(t, err, `loss "magic" is none of Keras's`)
}
