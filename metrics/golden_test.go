package metrics_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/metrics"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// goldens is testdata/goldens.json, which python/goldens_metrics.py writes.
type goldens struct {
	Batches []int
	Weights []float64
	Data    map[string]struct{ Y, X values }
	Cases   []struct {
		Keras            int
		What, Name, Data string
		Config           json.RawMessage
		Want             struct {
			Loss, Weighted *float64
			Metric         []float64
		}
	}
}

type values struct {
	Shape []int
	Data  []float64
}

func (v values) rows(from, to int) metrics.Tensor {
	size := len(v.Data) / v.Shape[0]
	shape := slices.Clone(v.Shape)
	shape[0] = to - from
	return metrics.Tensor{DType: graph.Float64, Shape: shape, Data: v.Data[from*size : to*size]}
}

func read(t *testing.T) goldens {
	t.Helper()
	text, err := os.ReadFile("testdata/goldens.json")
	require.NoError(t, err)
	var g goldens
	require.NoError(t, json.Unmarshal(text, &g))
	return g
}

// close holds a number to Keras's, which has summed in float32.
func close(t *testing.T, want, got float64) {
	t.Helper()
	require.LessOrEqual(t, math.Abs(want-got), 1e-6+1e-5*math.Abs(want), "got %v, want %v", got, want)
}

// TestGoldens holds losses and metrics, made from the configs that Keras writes, to what Keras computes.
func TestGoldens(t *testing.T) {
	g := read(t)
	for _, c := range g.Cases {
		t.Run(fmt.Sprintf("%d/%s/%s/%s", c.Keras, c.What, c.Name, c.Data), func(t *testing.T) {
			config, err := keras.ParseJSON(c.Config, keras.Limits{})
			require.NoError(t, err)
			version := metrics.For(keras.Version{Major: c.Keras, Minor: 15, TF: c.Keras == 2})
			y, x := g.Data[c.Data].Y, g.Data[c.Data].X
			n := y.Shape[0]
			if c.What == "loss" {
				loss, err := metrics.ParseLoss(config, version)
				require.NoError(t, err)
				got, err := loss.Of(y.rows(0, n), metrics.Prediction{Values: x.rows(0, n)}, nil)
				require.NoError(t, err)
				close(t, *c.Want.Loss, got)
				if c.Want.Weighted != nil {
					w := metrics.Tensor{DType: graph.Float64, Shape: graph.Shape{n}, Data: g.Weights}
					got, err := loss.Of(y.rows(0, n), metrics.Prediction{Values: x.rows(0, n)}, &w)
					require.NoError(t, err)
					close(t, *c.Want.Weighted, got)
				}
				return
			}
			m, err := metrics.ParseMetric(config, version)
			require.NoError(t, err)
			require.Equal(t, c.Name, m.Name)
			for range 2 { // again after Reset
				at := 0
				for _, n := range g.Batches {
					require.NoError(t, m.Update(y.rows(at, at+n), metrics.Prediction{Values: x.rows(at, at+n)}, nil))
					at += n
				}
				got := m.Result()
				require.Len(t, got, len(c.Want.Metric))
				for i := range got {
					close(t, c.Want.Metric[i], got[i])
				}
				m.Reset()
			}
		})
	}
}

// TestGoldensCoverTheTables fails while a loss or metric has no case.
func TestGoldensCoverTheTables(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range read(t).Cases {
		var config struct {
			Class string `json:"class_name"`
		}
		require.NoError(t, json.Unmarshal(c.Config, &config))
		seen[c.What+" "+config.Class] = true
	}
	for _, n := range metrics.LossNames() {
		require.True(t, seen["loss "+n], n)
	}
	for _, n := range metrics.MetricNames() {
		require.True(t, seen["metric "+n], n)
	}
}
