package kerasfile

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/convert/target"
	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/source"
)

// written converts a golden case to a .keras archive and returns its config.json.
func written(t *testing.T, name string) (*keras.Value, []string) {
	m, err := source.Open("../../testdata/models/"+name, "", source.Options{})
	require.NoError(t, err)
	defer m.Close()
	var notes []string
	job := func() *target.Job {
		return &target.Job{Model: m, Context: context.Background(), Note: func(f string, args ...any) { notes = append(notes, fmt.Sprintf(f, args...)) }}
	}
	var b, again bytes.Buffer
	require.NoError(t, Archive(job(), &b))
	require.NoError(t, Archive(job(), &again))
	require.Equal(t, b.Bytes(), again.Bytes(), "written twice")
	z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	require.NoError(t, err)
	f, err := z.Open("config.json")
	require.NoError(t, err)
	text, err := io.ReadAll(f)
	require.NoError(t, err)
	v, err := keras.ParseJSON(text, keras.Limits{})
	require.NoError(t, err)
	return v, notes
}

func layersOf(v *keras.Value) (names []string, byName map[string]*keras.Value) {
	byName = map[string]*keras.Value{}
	for _, l := range v.Get("config").Get("layers").Items() {
		name, _ := l.Get("config").Get("name").Str()
		names = append(names, name)
		byName[name] = l
	}
	return names, byName
}

// Keras 3 refuses slashes in names.
func TestNamesWithSlashes(t *testing.T) {
	v, _ := written(t, "names_slash_k2/model.keras")
	names, _ := layersOf(v)
	require.NotEmpty(t, names)
	for _, name := range names {
		require.NotContains(t, name, "/")
	}
}

func TestHardSigmoidBecomesScaled(t *testing.T) {
	row := []float32{1, 2, 3, 4, 10, 20, 30, 40}
	scale{1.5, []int{0, 1, 3}, 4}.apply(row, 4)
	require.Equal(t, []float32{1.5, 3, 3, 6, 15, 30, 30, 60}, row)
	scale{factor: 2}.apply(row, 4)
	require.Equal(t, []float32{3, 6, 6, 12, 30, 60, 60, 120}, row)
}

func TestModernTraining(t *testing.T) {
	parse := func(text string) *keras.Value {
		v, err := keras.ParseJSON([]byte(text), keras.Limits{})
		require.NoError(t, err)
		return v
	}
	for _, c := range []struct{ was, now string }{
		{ // Keras 2.2
			`{"optimizer_config":{"class_name":"Adam","config":{"lr":0.5,"beta_1":0.9,"decay":0.0,"amsgrad":false}},"loss":"mse","metrics":["accuracy"],"sample_weight_mode":null,"loss_weights":null}`,
			`{"optimizer":{"module":"keras.optimizers","class_name":"Adam","config":{"learning_rate":0.5,"beta_1":0.9,"amsgrad":false},"registered_name":null},"loss":"mse","loss_weights":null,"metrics":["accuracy"],"weighted_metrics":null}`,
		},
		{ // tf.keras 2.15
			`{"loss":{"class_name":"SparseCategoricalCrossentropy","config":{"reduction":"auto","name":"s","from_logits":true,"fn":"f"}},
			"metrics":[[{"class_name":"MeanMetricWrapper","config":{"name":"accuracy","dtype":"float32","fn":"sparse_categorical_accuracy"}}]],
			"optimizer_config":{"class_name":"Custom>RMSprop","config":{"name":"RMSprop","learning_rate":{"class_name":"ExponentialDecay","config":{"decay_rate":0.9}},"rho":0.9,"jit_compile":true,"is_legacy_optimizer":false}}}`,
			`{"optimizer":{"module":"keras.optimizers","class_name":"RMSprop","config":{"name":"RMSprop","learning_rate":{"module":"keras.optimizers.schedules","class_name":"ExponentialDecay","config":{"decay_rate":0.9},"registered_name":null},"rho":0.9},"registered_name":null},"loss":{"module":"keras.losses","class_name":"SparseCategoricalCrossentropy","config":{"reduction":"sum_over_batch_size","name":"s","from_logits":true},"registered_name":null},"loss_weights":null,"metrics":["accuracy"],"weighted_metrics":null}`,
		},
	} {
		got, err := modernTraining(parse(c.was))
		require.NoError(t, err)
		require.Equal(t, c.now, got.JSON())
		require.Contains(t, trainingConfig(got).JSON(), `"optimizer_config":{"class_name":`)
	}
	_, err := modernTraining(parse(`{"optimizer_config":{"class_name":"MyOptimizer","config":{}},"loss":"mse"}`))
	require.EqualError(t, err, `optimizer "MyOptimizer"`)
}

func TestDifference(t *testing.T) {
	for _, c := range []struct {
		now, was []string
		want     string
	}{
		{[]string{"LSTM{A:{Masked:false} Z:true}"}, []string{"LSTM{A:{Masked:true} Z:true}"}, "LSTM with Masked:false, want Masked:true"},
		{[]string{"Where{}"}, []string{"Where{}", "MatMul{}"}, "nothing, want MatMul"},
		{[]string{"Reshape{Dims:[1]}"}, []string{"Binary{Func:mul}"}, "Reshape, want Binary"},
	} {
		require.Equal(t, c.want, difference(c.now, c.was))
	}
}

func TestModernTrainingKeys(t *testing.T) {
	config, err := keras.ParseJSON([]byte(`{
		"kernel_initializer": "uniform", "bias_initializer": "<lambda>", "recurrent_initializer": {"class_name": "Orthogonal", "config": {"gain": 1.0, "dtype": "float32"}},
		"kernel_regularizer": {"name": "WeightRegularizer", "l2": 0.5}, "bias_regularizer": null,
		"kernel_constraint": {"name": "MaxNorm", "m": 2, "axis": 0}, "bias_constraint": {"class_name": "MyConstraint", "config": {}}, "units": 3}`), keras.Limits{})
	require.NoError(t, err)
	var notes []string
	a := &architect{j: &target.Job{Note: func(f string, args ...any) { notes = append(notes, fmt.Sprintf(f, args...)) }}}
	got := a.modernTrainingKeys(&keras.Layer{Name: "d"}, config)
	require.Equal(t, `{"kernel_initializer":"random_uniform","recurrent_initializer":{"module":"keras.initializers","class_name":"Orthogonal","config":{"gain":1.0},"registered_name":null},`+
		`"kernel_regularizer":{"module":"keras.regularizers","class_name":"L1L2","config":{"l1":0.0,"l2":0.5},"registered_name":null},"bias_regularizer":null,`+
		`"kernel_constraint":{"module":"keras.constraints","class_name":"MaxNorm","config":{"max_value":2,"axis":0},"registered_name":null},"units":3}`, got.JSON())
	require.Equal(t, []string{`layer d: bias_initializer is left out: "<lambda>"`, `layer d: bias_constraint is left out: {"class_name":"MyConstraint","config":{}}`}, notes)
}

// What is written for Keras 2 reads back with the results of its own Keras.
func TestKeras2(t *testing.T) {
	for _, name := range []string{"cnn/model.keras", "lstm_h5/model.h5", "nested_functional/model.keras", "multi_head_attention/model.keras", "ops_join/model.keras", "tfop_slices_k2_h5/model.h5"} {
		m, err := source.Open("../../testdata/models/"+name, "", source.Options{})
		require.NoError(t, err)
		j := &target.Job{Model: m, Context: context.Background(), Options: target.Options{Keras: 2}, Note: t.Logf}
		var b bytes.Buffer
		require.NoError(t, HDF5(j, &b), name)
		after, err := source.OpenReader(bytes.NewReader(b.Bytes()), int64(b.Len()), source.Options{})
		require.NoError(t, err, name)
		require.Equal(t, 2, after.Arch.Version.Major)
		require.Len(t, after.Weights, len(m.Weights))
		for i, w := range m.Weights {
			want, err := w.Tensor()
			require.NoError(t, err)
			got, err := after.Weights[i].Tensor()
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
		require.ErrorIs(t, Archive(j, &b), source.ErrUnsupported)
		m.Close()
	}
}

// A model made from its input has a node before that of its first call: tf_keras
// waits for ever for one that is not there.
func TestKeras2NestedNode(t *testing.T) {
	for _, name := range []string{"nested_functional/model.keras", "nested_functional_k2_h5/model.h5"} {
		m, err := source.Open("../../testdata/models/"+name, "", source.Options{})
		require.NoError(t, err)
		defer m.Close()
		j := &target.Job{Model: m, Context: context.Background(), Options: target.Options{Keras: 2}}
		k, err := NewKeras2(j)
		require.NoError(t, err)
		nested := map[string]bool{}
		for _, l := range m.Arch.Root.Graph.Layers {
			nested[l.Name] = l.Graph != nil
		}
		seen := 0
		for _, l := range k.Config().Get("config").Get("layers").Items() {
			for _, call := range l.Get("inbound_nodes").Items() {
				for _, tensor := range call.Items() {
					from, _ := tensor.Items()[0].Str()
					node, _ := tensor.Items()[1].Int()
					if nested[from] {
						require.Equal(t, 1, node, "%s: %s", name, tensor.JSON())
						seen++
					}
				}
			}
		}
		require.NotZero(t, seen, name)
	}
}

// Kerases find weights by the order that they give layers: the branches of a Merge of
// Keras 1, one after the other in its file, are sorted by their distance to the output.
func TestOrderOfMergedBranches(t *testing.T) {
	for _, version := range []int{2, 3} {
		m, err := source.Open("../../testdata/models/old_108_merge_sequential/model.h5", "", source.Options{})
		require.NoError(t, err)
		defer m.Close()
		r, err := prepare(&target.Job{Model: m, Context: context.Background()}, form{major: version, inline: true, functions: true})
		require.NoError(t, err)
		var names []string
		for _, l := range r.config.Get("config").Get("layers").Items() {
			name, _ := l.Get("config").Get("name").Str()
			names = append(names, name)
		}
		require.Equal(t, []string{"dense_3_input", "dense_2_input", "dense_3", "dense_2", "activation_1", "merge_1", "dense_4"}, names)
		for i, p := range r.program.Graph.Params {
			require.Equal(t, p.Layer, m.Program.Graph.Params[r.from[i]].Layer)
		}
	}
}

// Early Kerases 3 wrote names of initializers that Keras 2 does not have.
func TestInitializer2(t *testing.T) {
	parse := func(text string) *keras.Value {
		v, err := keras.ParseJSON([]byte(text), keras.Limits{})
		require.NoError(t, err)
		return v
	}
	for in, want := range map[string]string{
		`{"class_name": "OrthogonalInitializer", "config": {"gain": 1.0, "seed": null}}`: `{"class_name": "Orthogonal", "config": {"gain": 1.0, "seed": null}}`,
		`{"class_name": "IdentityInitializer", "config": {"gain": 2}}`:                   `{"class_name": "Identity", "config": {"gain": 2}}`,
		`{"class_name": "RandomUniform", "config": {"minval": null, "seed": 1}}`:         `{"class_name": "RandomUniform", "config": {"seed": 1}}`,
	} {
		require.Equal(t, parse(want).JSON(), initializer2(parse(in)).JSON())
	}
}
