package runtime

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/stretchr/testify/require"
)

// TestNotFinite compares results for NaN, infinities, denormals, zeros and large
// numbers with Keras's (python/nonfinite.py): NaN, infinities of either sign and
// finite numbers are in the same places.
func TestNotFinite(t *testing.T) {
	text, err := os.ReadFile("../testdata/nonfinite/keras3.json")
	require.NoError(t, err)
	var all struct {
		Keras string
		Rows  []struct {
			Layer         string
			Shape         []int
			Input, Output []string
		}
	}
	require.NoError(t, json.Unmarshal(text, &all))
	require.Greater(t, len(all.Rows), 40)
	floats := func(s []string) []float32 {
		out := make([]float32, len(s))
		for i := range s {
			x, err := strconv.ParseFloat(s[i], 64)
			require.NoError(t, err)
			out[i] = float32(x)
		}
		return out
	}
	for _, row := range all.Rows {
		shape := row.Shape
		inner, err := json.Marshal(shape[1:])
		require.NoError(t, err)
		config := fmt.Sprintf(`{"class_name":"Sequential","config":{"name":"s","layers":[{"class_name":"InputLayer","config":{"name":"in","batch_shape":[null,%s,"dtype":"float32"}},%s]}}`,
			string(inner[1:]), row.Layer)
		var layer struct {
			Class  string `json:"class_name"`
			Config struct{ Activation string }
		}
		require.NoError(t, json.Unmarshal([]byte(row.Layer), &layer))
		activation := layer.Config.Activation
		if activation == "" {
			activation = strings.ToLower(layer.Class)
		}
		for _, exact := range []bool{false, true} {
			m, err := openArchitecture([]byte(config), keras.Hint{Version: all.Keras}, nil, Options{Threads: 1, Exact: exact})
			require.NoError(t, err, row.Layer)
			in := floats(row.Input)
			out, err := m.Predict(context.Background(), graph.Floats(in, shape...))
			require.NoError(t, err)
			got, want := out[0].Data.([]float32), floats(row.Output)
			require.Len(t, got, len(want), row.Layer)
			for i := range want {
				if otherClass[activation] == "" && classOf(got[i]) != classOf(want[i]) {
					t.Errorf("%s: element %d is %v, want %v", row.Layer, i, got[i], want[i])
				}
			}
			require.NoError(t, m.Close())
		}
	}
}

// otherClass are the activations whose results may be of another class than
// Keras's where a row has a NaN, an infinity or a number whose square overflows.
var otherClass = map[string]string{
	"softmax":    "TensorFlow's kernel leaves 0 beside a NaN; all of ours is NaN",
	"squareplus": "Keras squares in float32, which overflows to an infinity",
	"sparsemax":  "Keras's cumulative sums overflow to an infinity, ours are in float64",
}

// classOf is 0 for finite numbers, NaN, or an infinity of the sign of x.
func classOf(x float32) string {
	switch y := float64(x); {
	case math.IsNaN(y):
		return "NaN"
	case math.IsInf(y, 0):
		return fmt.Sprint(y)
	}
	return "finite"
}
