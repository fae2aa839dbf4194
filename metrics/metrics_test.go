package metrics_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/metrics"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

func floats(shape []int, v ...float32) metrics.Tensor { return graph.Floats(v, shape...) }

func parse(t *testing.T, text string) *keras.Value {
	t.Helper()
	v, err := keras.ParseJSON([]byte(text), keras.Limits{})
	require.NoError(t, err)
	return v
}

var keras3 = keras.Version{Major: 3, Minor: 15}

// TestLogits holds crossentropies to what is lost in probabilities of 0 and 1.
func TestLogits(t *testing.T) {
	logits := floats([]int{1, 2}, 0, 200)
	p := metrics.Prediction{Values: floats([]int{1, 2}, 0, 1), Logits: &logits}
	for name, y := range map[string]metrics.Tensor{"sparse_categorical_crossentropy": floats([]int{1}, 0), "categorical_crossentropy": floats([]int{1, 2}, 1, 0)} {
		loss, err := metrics.NewLoss(name)
		require.NoError(t, err)
		v, err := loss.Of(y, p, nil)
		require.NoError(t, err)
		require.Equal(t, 200.0, v, name)
		p := p
		p.Logits = nil
		v, err = loss.Of(y, p, nil)
		require.NoError(t, err)
		require.InDelta(t, -math.Log(1e-7), v, 1e-5, name)
		p.Logits, p.Sigmoid = &logits, true // of a sigmoid: not this loss's
		v, err = loss.Of(y, p, nil)
		require.NoError(t, err)
		require.InDelta(t, -math.Log(1e-7), v, 1e-5, name)
	}
	loss, err := metrics.NewLoss("binary_crossentropy")
	require.NoError(t, err)
	v, err := loss.Of(floats([]int{1, 2}, 0, 0), metrics.Prediction{Values: floats([]int{1, 2}, 0.5, 1), Logits: &logits, Sigmoid: true}, nil)
	require.NoError(t, err)
	require.InDelta(t, (math.Ln2+200)/2, v, 1e-12)
}

func TestRefusals(t *testing.T) {
	for text, want := range map[string]string{
		`"magic"`: `loss "magic" is none of Keras's`,
		`{"class_name":"Huber","config":{"delta":1,"temperature":2}}`: `option "temperature" = 2`,
		`{"class_name":"Huber","config":{"reduction":"none"}}`:        `reduction "none"`,
		`{"class_name":"Mine","module":"mine.losses","config":{}}`:    `Mine of module mine.losses`,
		`{"class_name":"Huber","config":{"delta":"a"}}`:               `config key "delta"`,
		`7`: `want a name or an object with class_name and config`,
	} {
		_, err := metrics.ParseLoss(parse(t, text))
		require.ErrorContains(t, err, want, text)
	}
	for text, want := range map[string]string{
		`"magic"`: `metric magic: unsupported: it is none of Keras's`,
		`{"class_name":"AUC","config":{"curve":"XY"}}`:                           `curve "XY"`,
		`{"class_name":"AUC","config":{"num_thresholds":1}}`:                     `num_thresholds 1, want 2 or more`,
		`{"class_name":"Precision","config":{"thresholds":[2]}}`:                 `threshold 2, want 0 to 1`,
		`{"class_name":"MeanIoU","config":{"num_classes":1000000}}`:              `num_classes 1000000`,
		`{"class_name":"IoU","config":{"num_classes":2,"target_class_ids":[5]}}`: `target_class_ids has 5, want 0 to 1`,
		`{"class_name":"R2Score","config":{"class_aggregation":"x"}}`:            `class_aggregation "x"`,
		`{"class_name":"F1Score","config":{"average":"x"}}`:                      `average "x"`,
		`{"class_name":"SensitivityAtSpecificity","config":{"specificity":2}}`:   `value 2`,
	} {
		_, err := metrics.ParseMetric(parse(t, text))
		require.ErrorContains(t, err, want, text)
	}
	mse, err := metrics.NewLoss("mse")
	require.NoError(t, err)
	_, err = mse.Of(floats([]int{2, 1}, 1, 2), metrics.Prediction{Values: floats([]int{2, 3}, 1, 2, 3, 4, 5, 6)}, nil)
	require.ErrorIs(t, err, graph.ErrShape)
	require.ErrorContains(t, err, "loss mse: ")
	sparse, err := metrics.NewLoss("sparse_categorical_crossentropy")
	require.NoError(t, err)
	_, err = sparse.Of(floats([]int{1}, 3), metrics.Prediction{Values: floats([]int{1, 3}, 1, 0, 0)}, nil)
	require.ErrorContains(t, err, "true value 0 is 3, want a class from 0 to 2")
	hinge, err := metrics.NewMetric("hinge")
	require.NoError(t, err)
	err = hinge.Update(floats([]int{2}, 1, 0), metrics.Prediction{Values: floats([]int{2, 1}, 1, 0)}, nil)
	require.ErrorContains(t, err, "metric hinge: ", "Keras 3 broadcasts (2) and (2, 1) to (2, 2)")
}

func TestCompile(t *testing.T) {
	outputs := []string{"u", "v"}
	y := []metrics.Tensor{floats([]int{2, 1}, 1, 3), floats([]int{2}, 0, 1)}
	p := []metrics.Prediction{{Values: floats([]int{2, 1}, 0, 1)}, {Values: floats([]int{2, 2}, 0.5, 0.5, 0.75, 0.25)}}
	named := func(config string, v keras.Version) map[string][]float64 {
		c, err := metrics.Compile(parse(t, config), outputs, v)
		require.NoError(t, err)
		require.NoError(t, c.Update(y, p, nil, 0.125))
		out := map[string][]float64{}
		for _, r := range c.Results() {
			require.NotContains(t, out, r.Name)
			out[r.Name] = r.Values
		}
		return out
	}
	got := named(`{"loss":{"u":"mse","v":"sparse_categorical_crossentropy"},"loss_weights":[0.5,0],"metrics":{"v":["accuracy"]},"weighted_metrics":[null,["accuracy"]]}`, keras3)
	require.Contains(t, got, "v_weighted_accuracy")
	require.Equal(t, []float64{0.5}, got["v_accuracy"])
	require.Equal(t, []float64{2.5}, got["u_loss"])
	require.Equal(t, []float64{2.5*0.5 + 0.125}, got["loss"])
	y[1] = floats([]int{2, 2}, 1, 0, 0, 1)
	got = named(`{"loss":"mse","metrics":["mae","mse"]}`, keras.Version{Major: 2, Minor: 15, TF: true})
	require.Equal(t, []float64{1.5}, got["u_mae"], "Keras 2 gives a list of names to every output")
	require.Len(t, got, 7)
	for config, want := range map[string]string{
		`{}`:                                        "was not compiled",
		`{"optimizer":"adam"}`:                      "was not compiled",
		`{"loss":{"w":"mse"}}`:                      `the model has no output "w"; its outputs are u, v`,
		`{"loss":["mse"]}`:                          "1 of them for 2 outputs",
		`{"loss":"mse","metrics":["mae"]}`:          "1 lists for 2 outputs",
		`{"loss":"mse","metrics":{"w":"mae"}}`:      `the model has no output "w"`,
		`{"loss":"mse","loss_weights":["a","b"]}`:   "loss_weights:",
		`{"loss":"mse","metrics":[["magic"],null]}`: "metric magic",
	} {
		_, err := metrics.Compile(parse(t, config), outputs, keras3)
		require.ErrorContains(t, err, want, config)
	}
}

// TestAccuracyOfOldKeras holds that accuracy was once decided by the loss.
func TestAccuracyOfOldKeras(t *testing.T) {
	y, p := floats([]int{1, 2}, 0, 1), metrics.Prediction{Values: floats([]int{1, 2}, 0.6, 0.7)}
	for v, want := range map[keras.Version]float64{
		{Major: 1, Minor: 2}:            0.5,
		{Major: 2, Minor: 2}:            0.5,
		{Major: 2, Minor: 3}:            0.5,
		{Major: 2, Minor: 3, TF: true}:  1,
		{Major: 2, Minor: 15, TF: true}: 1,
		{Major: 3}:                      1,
	} {
		c, err := metrics.Compile(parse(t, `{"loss":"binary_crossentropy","metrics":["accuracy"]}`), []string{"o"}, v)
		require.NoError(t, err)
		require.NoError(t, c.Update([]metrics.Tensor{y}, []metrics.Prediction{p}, nil, 0))
		require.Equal(t, metrics.Result{Name: "accuracy", Values: []float64{want}}, c.Results()[1], "%v", v)
	}
}

func TestConfusion(t *testing.T) {
	scores := floats([]int{4, 3}, 0.6, 0.3, 0.1, 0.2, 0.7, 0.1, 0.5, 0.4, 0.1, 0.1, 0.2, 0.7)
	classes, n, ok := metrics.Classes(floats([]int{4}, 0, 1, 1, 2), scores)
	require.True(t, ok)
	require.Equal(t, 3, n)
	spread, _, ok := metrics.Classes(floats([]int{4, 3}, 1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1), scores)
	require.True(t, ok)
	require.Equal(t, classes, spread)
	c := metrics.NewConfusion(n)
	require.NoError(t, c.Add(classes, scores, false))
	require.Equal(t, []int64{1, 0, 0, 1, 1, 0, 0, 0, 1}, c.Counts)
	require.Equal(t, 0.75, c.Accuracy())
	require.Equal(t, 1.0, c.TopK(2))
	require.True(t, c.Probabilities)
	per := c.PerClass()
	require.Equal(t, metrics.ClassScore{Precision: 0.5, Recall: 1, F1: 2.0 / 3, Support: 1}, per[0])
	require.Equal(t, metrics.ClassScore{Precision: 1, Recall: 0.5, F1: 2.0 / 3, Support: 2}, per[1])
	macro, weighted := c.Means()
	require.InDelta(t, (0.5+1+1)/3, macro.Precision, 1e-12)
	require.InDelta(t, (0.5+2+1)/4, weighted.Precision, 1e-12)
	require.InDelta(t, (0.4+0.3+0.5+0.3)/4, c.CalibrationError(), 1e-6, "bins of one example each, but for 0.7 twice")

	binary := metrics.NewConfusion(2)
	require.NoError(t, binary.Add([]int{0, 1, 1}, floats([]int{3, 1}, -1, 2, -3), true))
	require.Equal(t, []int64{1, 0, 1, 1}, binary.Counts)

	for _, y := range []metrics.Tensor{floats([]int{4}, 0, 1, 1, 3), floats([]int{4}, 0, 1, 1, 0.5), floats([]int{4, 3}, 1, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1), floats([]int{3}, 0, 1, 1)} {
		_, _, ok := metrics.Classes(y, scores)
		require.False(t, ok)
	}
}
