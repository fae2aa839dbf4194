package keras

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// model parses an architecture by the Keras of the given version and describes it.
func model(t *testing.T, version, text string) (*Model, string) {
	t.Helper()
	m, err := ParseArchitecture([]byte(text), Hint{Version: version}, Limits{})
	require.NoError(t, err)
	got := describe(m)
	_, got, _ = strings.Cut(got, "\n")
	return m, got
}

const k3Input = `{"module": "keras.layers", "class_name": "InputLayer", "config": {"batch_shape": [null, 4], "name": "x"}, "name": "x", "inbound_nodes": []}`

// tensor is a tensor in the dialect of Keras 3.
func tensor(layer string, node, index int) string {
	return fmt.Sprintf(`{"class_name": "__keras_tensor__", "config": {"shape": [null, 4], "dtype": "float32", "keras_history": ["%s", %d, %d]}}`, layer, node, index)
}

func functional(layers, inputs, outputs string) string {
	return fmt.Sprintf(`{"class_name": "Functional", "config": {"name": "m", "trainable": true, "layers": [%s], "input_layers": %s, "output_layers": %s}}`, layers, inputs, outputs)
}

func TestInboundDialects(t *testing.T) {
	dense := func(nodes string) string {
		return `{"class_name": "Dense", "config": {"name": "d", "trainable": true}, "name": "d", "inbound_nodes": ` + nodes + `}`
	}
	input := func(name string) string {
		return `{"class_name": "InputLayer", "config": {"name": "` + name + `"}, "name": "` + name + `", "inbound_nodes": []}`
	}
	two := input("a") + "," + input("b") + ","
	for _, c := range []struct {
		what, version, layers string
		want                  []string // the lines of calls
	}{
		{"Keras 1", "1.2.2", two + dense(`[[["a", 0, 0]], [["a", 0, 0], ["b", 0, 1]]]`), []string{"<- a[0][0]", "<- [a[0][0], b[0][1]]"}},
		{"Keras 2", "2.3.1", two + dense(`[[["a", 0, 0, {"training": true, "mask": null, "empty": [], "none": {}, "text": ""}]]]`), []string{"<- a[0][0] training=true"}},
		{"initial state", "2.13.1", two + dense(`[[["a", 0, 0, {"initial_state": [["b", 0, 0], ["b", 0, 1]]}]]]`), []string{"<- a[0][0] initial_state=[b[0][0], b[0][1]]"}},
		{"dict of tensors", "2.13.1", two + dense(`[{"q": ["a", 0, 0, {}], "v": ["b", 0, 0, {}]}]`), []string{"<- {q: a[0][0], v: b[0][0]}"}},
		{"nested list", "2.13.1", two + dense(`[[["a", 0, 0, {}], [["b", 0, 0, {}], ["b", 0, 1, {}]]]]`), []string{"<- [a[0][0], [b[0][0], b[0][1]]]"}},
		{"constant first", "2.13.1", two + dense(`[["_CONSTANT_VALUE", -1, 1.0, {"y": ["a", 0, 0]}]]`), []string{"<- 1.0 y=a[0][0]"}},
		{"list that is no tensor", "2.13.1", two + dense(`[["a", 0, 0, {"perm": [0, 2, 1], "other": ["zz", 0, 0]}]]`), []string{`<- a[0][0] perm=[0, 2, 1] other=["zz", 0, 0]`}},
		{"slices", "2.13.1", two + dense(`[["a", 0, 0, {"slice_spec": [{"class_name": "__ellipsis__"}, {"start": null, "stop": 3, "step": null}]}]]`), []string{`<- a[0][0] slice_spec=[..., (null:3:null)]`}},
		{"Keras 3", "3.15.1", two + dense(`[{"args": [`+tensor("a", 0, 0)+`, 2.0, null], "kwargs": {"mask": `+tensor("b", 0, 0)+`, "training": false, "initial_state": null}}]`), []string{"<- a[0][0] 2.0 null mask=b[0][0] training=false"}},
		{"Keras 3 structures", "3.15.1", two + dense(`[{"args": [[`+tensor("a", 0, 0)+`, `+tensor("b", 0, 0)+`], {"k": `+tensor("a", 0, 0)+`}], "kwargs": {}}]`), []string{"<- [a[0][0], b[0][0]] {k: a[0][0]}"}},
		{"Keras 3 constants", "3.15.1", two + dense(`[{"args": [`+tensor("a", 0, 0)+`, {"class_name": "__numpy__", "config": {"value": [1, 2], "dtype": "int32"}}, {"class_name": "__slice__", "config": {"start": 1, "stop": null, "step": null}}, {"class_name": "__ellipsis__", "config": {}}], "kwargs": {"axis": [0, 1]}}]`), []string{"<- a[0][0] int32[1,2] (1:null:null) ... axis=[0, 1]"}},
		{"Keras 3 by keyword", "3.15.1", two + dense(`[{"args": [], "kwargs": {"query": `+tensor("a", 0, 0)+`, "value": `+tensor("b", 0, 0)+`}}]`), []string{"<- query=a[0][0] value=b[0][0]"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			_, got := model(t, c.version, functional(c.layers, `[["a", 0, 0], ["b", 0, 0]]`, `[["d", 0, 0]]`))
			var calls []string
			for _, line := range strings.Split(got, "\n") {
				if line = strings.TrimSpace(line); strings.HasPrefix(line, "<-") {
					calls = append(calls, line)
				}
			}
			require.Equal(t, c.want, calls)
		})
	}
}

// A Sequential of Keras 1 that begins with a Merge of models is a Functional one.
func TestMergedModels(t *testing.T) {
	dense := func(name, shape string) string {
		return `{"class_name": "Dense", "config": {"name": "` + name + `", "output_dim": 2` + shape + `}}`
	}
	sequential := func(layers string) string {
		return `{"class_name": "Sequential", "config": [` + layers + `]}`
	}
	merge := func(name, models string) string {
		return `{"class_name": "Merge", "config": {"name": "` + name + `", "mode": "sum", "layers": [` + models + `]}}`
	}
	a, b := sequential(dense("a", `, "batch_input_shape": [null, 3]`)+","+dense("a2", "")), sequential(dense("b", `, "batch_input_shape": [null, 4]`))
	inner := sequential(merge("m", a+","+b) + "," + dense("c", ""))
	m, got := model(t, "1.2.2", sequential(merge("n", inner+","+sequential(dense("d", `, "batch_input_shape": [null, 5]`)))+","+dense("e", "")))
	var names []string
	for _, l := range m.Root.Graph.Layers {
		names = append(names, l.Name)
	}
	require.Equal(t, "a_input a a2 b_input b m c d_input d n e", strings.Join(names, " "))
	require.Contains(t, got, "<- [a2[0][0], b[0][0]]\n")
	require.Contains(t, got, "<- [c[0][0], d[0][0]]\n")
	require.Len(t, m.Root.Graph.Inputs.Tensors(nil), 3)
	require.Equal(t, "e", m.Root.Graph.Outputs.Layer.Name)

	for text, want := range map[string]string{
		sequential(merge("n", dense("a", "")+","+b)): `a Merge of layer "a", want a model`,
		sequential(merge("n", sequential("")+","+b)): "a Merge of an empty Sequential",
		sequential(merge("n", b+","+b)):              `two layers are called "b_input"`,
		sequential(merge("n", sequential(dense("x", ""))+","+sequential(dense("y", ""))) + "," + dense("z", "")): "do not say the shape of their inputs",
	} {
		_, err := ParseArchitecture([]byte(text), Hint{Version: "1.2.2"}, Limits{})
		require.ErrorContains(t, err, want)
	}
}

func TestFunctionsOfTensorFlowKeepLists(t *testing.T) {
	layers := `{"class_name": "InputLayer", "config": {"name": "a"}, "name": "a", "inbound_nodes": []},
		{"class_name": "TFOpLambda", "config": {"name": "tf.concat", "trainable": true, "function": "concat"}, "name": "tf.concat", "inbound_nodes": [[["a", 0, 0, {"axis": 1}]]]}`
	_, got := model(t, "2.13.1", functional(layers, `[["a", 0, 0]]`, `[["tf.concat", 0, 0]]`))
	require.Contains(t, got, "<- [a[0][0]] axis=1\n")
	require.NotContains(t, got, "operation") // a layer, which has a weight path
}

func TestStructures(t *testing.T) {
	for text, want := range map[string]string{
		`["x", 0, 0]`:   "x[0][0]",
		`[["x", 0, 0]]`: "[x[0][0]]",
		`{"a": ["x", 0, 0], "b": {"c": ["x", 0, 1]}}`: "{a: x[0][0], b: {c: x[0][1]}}",
		`[["x", 0, 0], [["x", 0, 1]]]`:                "[x[0][0], [x[0][1]]]",
	} {
		m, _ := model(t, "3.15.1", functional(k3Input, `["x", 0, 0]`, text))
		require.Equal(t, want, argText(m.Root.Graph.Outputs))
	}
}

// TestNestedNumbering covers the ways in which files number the calls of a nested model.
func TestNestedNumbering(t *testing.T) {
	inner := func(class, nodes string) string {
		config := `{"name": "in", "layers": [` + k3Input + `]}`
		if class != "Sequential" {
			config = `{"name": "in", "layers": [` + k3Input + `], "input_layers": ["x", 0, 0], "output_layers": ["x", 0, 0]}`
		}
		return k3Input + `, {"class_name": "` + class + `", "config": ` + config + `, "name": "in", "inbound_nodes": ` + nodes + `}`
	}
	old := func(nodes ...int) string { // calls on x and then on call nodes[i]
		text := `[[["x", 0, 0, {}]]`
		for _, n := range nodes {
			text += fmt.Sprintf(`, [["in", %d, 0, {}]]`, n)
		}
		return text + "]"
	}
	now := func(nodes ...int) string {
		text := `[{"args": [` + tensor("x", 0, 0) + `], "kwargs": {}}`
		for _, n := range nodes {
			text += `, {"args": [` + tensor("in", n, 0) + `], "kwargs": {}}`
		}
		return text + "]"
	}
	for _, c := range []struct {
		what, version, class, nodes, outputs, want string
	}{
		{"one call, whatever the number", "2.13.1", "Functional", old(), `[["in", 7, 0]]`, "<- x[0][0] -> [in[0][0]]"},
		{"Keras 2 counts from 1", "2.13.1", "Functional", old(1), `[["in", 2, 0]]`, "<- x[0][0] <- in[0][0] -> [in[1][0]]"},
		{"Keras 2, Sequential", "2.13.1", "Sequential", old(1), `[["in", 2, 0]]`, "<- x[0][0] <- in[0][0] -> [in[1][0]]"},
		{"Keras 2 that counts from 0", "2.13.1", "Sequential", old(0), `[["in", 1, 0]]`, "<- x[0][0] <- in[0][0] -> [in[1][0]]"},
		{"Keras 3, outputs from 1", "3.15.1", "Functional", now(0), `["in", 2, 0]`, "<- x[0][0] <- in[0][0] -> in[1][0]"},
		{"Keras 3, three calls", "3.15.1", "Functional", now(0, 1), `[["in", 3, 0], ["in", 2, 0]]`, "<- x[0][0] <- in[0][0] <- in[1][0] -> [in[2][0], in[1][0]]"},
		{"Keras 3, Sequential from 0", "3.15.1", "Sequential", now(0), `["in", 1, 0]`, "<- x[0][0] <- in[0][0] -> in[1][0]"},
		{"Keras 3.0, Sequential built by a call", "3.0.5", "Sequential", now(1), `["in", 2, 0]`, "<- x[0][0] <- in[0][0] -> in[1][0]"},
	} {
		t.Run(c.what, func(t *testing.T) {
			m, _ := model(t, c.version, functional(inner(c.class, c.nodes), `["x", 0, 0]`, c.outputs))
			var got []string
			for _, call := range m.Root.Graph.Layers[1].Calls {
				got = append(got, "<- "+argText(call.Args[0]))
			}
			require.Equal(t, c.want, strings.Join(append(got, "-> "+argText(m.Root.Graph.Outputs)), " "))
		})
	}
}

func TestOperations(t *testing.T) {
	// An .h5 file has no modules: Add of keras.ops and Add of keras.layers differ in their config.
	layers := k3Input + `,
		{"class_name": "Add", "config": {"name": "add"}, "name": "add", "inbound_nodes": [{"args": [` + tensor("x", 0, 0) + `, 3.0], "kwargs": {}}]},
		{"class_name": "Add", "config": {"name": "add_1", "trainable": true, "dtype": "float32"}, "name": "add_1", "inbound_nodes": [{"args": [[` + tensor("x", 0, 0) + `, ` + tensor("add", 0, 0) + `]], "kwargs": {}}]},
		{"class_name": "Cast", "config": {"name": "cast", "dtype": "float16"}, "name": "cast", "inbound_nodes": [{"args": [` + tensor("x", 0, 0) + `], "kwargs": {}}]},
		{"class_name": "SpatialDropout1D", "config": {"name": "drop", "rate": 0.5, "dtype": "float32"}, "name": "drop", "inbound_nodes": [{"args": [` + tensor("add_1", 0, 0) + `], "kwargs": {}}]}`
	m, _ := model(t, "3.15.1", functional(layers, `["x", 0, 0]`, `["drop", 0, 0]`))
	var operations []string
	for _, l := range m.Root.Graph.Layers {
		if l.Operation {
			operations = append(operations, l.Name)
		}
	}
	require.Equal(t, []string{"add", "cast"}, operations)
	require.Equal(t, []string{"layers/input_layer", "", "layers/add", "", "layers/spatial_dropout1d"}, pathsOf(m.Root.Graph))
}

func pathsOf(g *Graph) []string {
	paths := FilePaths(g)
	var out []string
	for _, l := range g.Layers {
		out = append(out, paths[l])
	}
	return out
}

func TestSequentialInput(t *testing.T) {
	dense := `{"class_name": "Dense", "config": {"name": "d", "units": 3, "dtype": "mixed_float16"%s}}`
	plain := fmt.Sprintf(dense, "")
	for _, c := range []struct{ what, version, config, want string }{
		{"on the first layer", "2.3.1", `{"name": "s", "layers": [` + fmt.Sprintf(dense, `, "batch_input_shape": [null, 8]`) + `]}`, `{"batch_shape":[null,8],"dtype":"float32","name":"d_input"}`},
		{"list of layers", "2.0.6", `[` + fmt.Sprintf(dense, `, "batch_input_shape": [null, 8]`) + `]`, `{"batch_shape":[null,8],"dtype":"float32","name":"d_input"}`},
		{"input_dtype", "1.2.2", `[{"class_name": "Embedding", "config": {"name": "e", "batch_input_shape": [null, 8], "input_dtype": "int32"}}]`, `{"batch_shape":[null,8],"dtype":"int32","name":"e_input"}`},
		{"build_input_shape", "3.15.1", `{"name": "s", "layers": [` + plain + `], "build_input_shape": [1, 8]}`, `{"batch_shape":[null,8],"dtype":"float16","name":"d_input"}`},
		{"TensorShape", "2.13.1", `{"name": "s", "layers": [` + plain + `], "build_input_shape": {"class_name": "TensorShape", "items": [2, 8]}}`, `{"batch_shape":[null,8],"dtype":"float32","name":"d_input"}`},
		{"nested model", "2.3.1", `{"name": "s", "layers": [{"class_name": "Sequential", "config": {"name": "in", "layers": [` + fmt.Sprintf(dense, `, "batch_input_shape": [null, 8]`) + `]}}]}`, `{"batch_shape":[null,8],"dtype":"float32","name":"in_input"}`},
		{"several inputs", "3.15.1", `{"name": "s", "layers": [` + plain + `], "build_input_shape": [[null, 8], [null, 9]]}`, ``},
		{"unknown", "3.15.1", `{"name": "s", "layers": [` + plain + `]}`, ``},
	} {
		t.Run(c.what, func(t *testing.T) {
			m, _ := model(t, c.version, `{"class_name": "Sequential", "config": `+c.config+`}`)
			first := m.Root.Graph.Layers[0]
			require.Equal(t, c.want != "", first.Synthetic)
			if c.want != "" {
				require.Equal(t, c.want, first.Config.JSON())
				require.Empty(t, pathsOf(m.Root.Graph)[0])
				require.NotEmpty(t, pathsOf(m.Root.Graph)[1])
			}
		})
	}
	m, _ := model(t, "3.15.1", `{"class_name": "Sequential", "config": {"name": "s", "layers": [`+k3Input+`, `+plain+`, `+strings.Replace(plain, `"d"`, `"e"`, 1)+`]}}`)
	require.Equal(t, []string{"", "layers/dense", "layers/dense_1"}, pathsOf(m.Root.Graph))
}

func TestWrappers(t *testing.T) {
	m, _ := model(t, "1.2.2", `{"class_name": "Sequential", "config": [
		{"class_name": "TimeDistributed", "config": {"name": "td", "layer": {"class_name": "Dense", "config": {"name": "d", "output_dim": 3}}}},
		{"class_name": "Bidirectional", "config": {"name": "bi", "merge_mode": "concat", "layer": {"class_name": "GRU", "config": {"name": "g", "output_dim": 2, "inner_activation": "sigmoid"}}}},
		{"class_name": "Sequential", "config": []}]}`)
	td := m.Root.Graph.Layers[0]
	require.Equal(t, "units", td.Inner["layer"][0].Config.Keys()[1])
	require.Equal(t, `{"class_name":"Dense","config":{"name":"d","units":3}}`, td.Config.Get("layer").JSON())
	gru := m.Root.Graph.Layers[1].Inner["layer"][0]
	require.Equal(t, `{"name":"g","units":2,"recurrent_activation":"sigmoid","reset_after":false}`, gru.Config.JSON())
	require.Equal(t, "sequential_1", m.Root.Graph.Layers[2].Name) // Keras 1 wrote none
}

// TestMissingDimOrdering: Keras 1.0 did not write it for UpSampling2D.
func TestMissingDimOrdering(t *testing.T) {
	const up = `{"class_name": "UpSampling2D", "config": {"name": "u", "size": [2, 2]}}`
	conv := func(order string) string {
		return `,{"class_name": "Convolution2D", "config": {"name": "` + order + `", "dim_ordering": "` + order + `"}}`
	}
	for layers, want := range map[string]string{
		up + conv("th"):              `"channels_first"`,
		up + conv("tf"):              `"channels_last"`,
		up + conv("tf") + conv("th"): "null",
		up:                           "null",
	} {
		m, _ := model(t, "1.0.5", `{"class_name": "Sequential", "config": [`+layers+`]}`)
		require.Equal(t, want, m.Root.Graph.Layers[0].Config.Get("data_format").JSON())
	}
}

func TestCustomClasses(t *testing.T) {
	m, _ := model(t, "3.15.1", `{"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": [
		{"module": null, "class_name": "Mine", "config": {"name": "a"}, "registered_name": "pkg>Mine"},
		{"module": null, "class_name": "Dense", "config": {"name": "b"}, "registered_name": "pkg>Dense"},
		{"module": "work.layers", "class_name": "Dense", "config": {"name": "c"}, "registered_name": "Dense"},
		{"module": "keras.layers", "class_name": "Dense", "config": {"name": "d"}, "registered_name": null}]}}`)
	var classes []string
	for _, l := range m.Root.Graph.Layers {
		classes = append(classes, l.Class)
	}
	require.Equal(t, []string{"Mine", "pkg>Dense", "work.layers>Dense", "Dense"}, classes)
	require.Equal(t, []string{"layers/mine", "layers/dense", "layers/dense_1", "layers/dense_2"}, pathsOf(m.Root.Graph))
	m, _ = model(t, "2.13.1", `{"class_name": "Sequential", "config": {"name": "s", "layers": [{"class_name": "Custom>CustomScaleLayer", "config": {"name": "a"}}]}}`)
	require.Equal(t, "CustomScaleLayer", m.Root.Graph.Layers[0].Class)
	require.Equal(t, "layers/custom_scale_layer", pathsOf(m.Root.Graph)[0])
}

func TestVersions(t *testing.T) {
	for text, want := range map[string]Version{
		"3.15.1":     {3, 15, 1, false, "3.15.1"},
		"2.2.4-tf":   {2, 2, 4, true, "2.2.4-tf"},
		"2.13.1-rc0": {2, 13, 1, true, "2.13.1-rc0"},
		"2.3.1":      {2, 3, 1, false, "2.3.1"},
		"1.0":        {1, 0, 0, false, "1.0"},
		"3.9rc1":     {3, 9, 0, false, "3.9rc1"},
		"":           {},
		"nightly":    {Text: "nightly"},
	} {
		require.Equal(t, want, ParseVersion(text))
	}
	require.True(t, ParseVersion("2.3.1").Before(2, 4))
	require.False(t, ParseVersion("3.0.5").Before(2, 4))
	require.Equal(t, "Keras 2 (guessed)", Version{Major: 2}.String())

	seq := `{"class_name": "Sequential", "config": {"name": "s", "layers": []}, "keras_version": "2.2.4", "backend": "theano", "training_config": {"loss": "mse"}}`
	m, err := ParseArchitecture([]byte(seq), Hint{}, Limits{})
	require.NoError(t, err)
	require.Equal(t, "theano", m.Backend)
	require.Equal(t, `{"loss":"mse"}`, m.Training.JSON())
	require.Equal(t, ParseVersion("2.2.4"), m.Version)
	// The container knows better; a training config that cannot be read is no reason to fail.
	m, err = ParseArchitecture([]byte(seq), Hint{Metadata: []byte(`{"keras_version": "3.1.0"}`), Backend: "jax", Training: []byte("{")}, Limits{})
	require.NoError(t, err)
	require.Equal(t, 3, m.Version.Major)
	require.Equal(t, "jax", m.Backend)
	require.Nil(t, m.Training)
	// JSON text inside JSON, as json.dump(model.to_json()) writes.
	m, err = ParseArchitecture([]byte(NewString(seq).JSON()), Hint{}, Limits{})
	require.NoError(t, err)
	require.Equal(t, "s", m.Root.Name)
	m, err = ParseArchitecture([]byte(`{"keras_version": "2.1.0", "model_config": `+NewString(seq).JSON()+`}`), Hint{}, Limits{})
	require.NoError(t, err)
	require.Equal(t, "s", m.Root.Name)
	m, err = ParseArchitecture([]byte(`{"class_name": "Sequential", "config": "{\"name\": \"t\", \"layers\": []}"}`), Hint{}, Limits{})
	require.NoError(t, err)
	require.Equal(t, "t", m.Root.Name)
}

func TestArchitectureErrors(t *testing.T) {
	dense := func(name, nodes string) string {
		return `{"class_name": "Dense", "config": {"name": "` + name + `", "trainable": true}, "name": "` + name + `", "inbound_nodes": ` + nodes + `}`
	}
	in := k3Input + ","
	nested := `{"class_name": "Sequential", "config": {"name": "enc", "layers": [{"class_name": "Dense", "config": 3, "name": "d"}]}}`
	for _, c := range []struct {
		text string
		is   error
		want string
	}{
		{`[1]`, ErrFormat, "not an architecture: [1], want an object"},
		{`{"a": 1}`, ErrFormat, "no class_name, keys are a"},
		{`{"modelTopology": {}}`, ErrUnsupported, "TensorFlow.js"},
		{`{"weight_map": {}}`, ErrFormat, "index of sharded weights"},
		{`{"class_name": "Mine", "config": {}}`, ErrUnsupported, `model class "Mine"`},
		{`{"class_name": "Sequential", "config": {"layers": 3}}`, ErrFormat, "layers is 3, want a list"},
		{`{"class_name": "Sequential", "config": {"name": "s", "layers": [7]}}`, ErrFormat, "a layer is 7, want an object with a class_name"},
		{`{"class_name": "Sequential", "config": {"name": "s", "layers": [` + nested + `]}}`, ErrFormat, "layer enc/d (Dense): not a valid Keras file: config is 3, want an object"},
		{`{"class_name": "Sequential", "config": {"name": "s", "layers": [` + dense("d", "[]") + `,` + dense("d", "[]") + `]}}`, ErrFormat, `two layers are called "d"`},
		{functional(in+dense("d", `[[["y", 0, 0]]]`), `["x", 0, 0]`, `["d", 0, 0]`), ErrFormat, `layer d (Dense): not a valid Keras file: refers to layer "y", which is not in the model`},
		{functional(in+dense("d", `[[["x", 1, 0]]]`), `["x", 0, 0]`, `["d", 0, 0]`), ErrFormat, `layer d (Dense): not a valid Keras file: refers to call 1 of layer "x", which is called 0 times`},
		{functional(in+dense("d", `[[["x", -1, 0]]]`), `["x", 0, 0]`, `["d", 0, 0]`), ErrFormat, `refers to output 0 of call -1`},
		{functional(in+dense("d", `[[["x", 0, 0]]]`), `["x", 0, 0]`, `["d", 1, 0]`), ErrFormat, `refers to call 1 of layer "d", which is called 1 times`},
		{functional(in+dense("d", `[]`), `["x", 0, 0]`, `["d", 0, 0]`), ErrFormat, `which is called 0 times`},
		{functional(in+dense("d", `7`), `["x", 0, 0]`, `["d", 0, 0]`), ErrFormat, `inbound_nodes is 7, want a list`},
		{functional(in+dense("d", `[7]`), `["x", 0, 0]`, `["d", 0, 0]`), ErrFormat, `a node is 7, want [layer, node, index]`},
		{functional(in+dense("d", `[[]]`), `["x", 0, 0]`, `["d", 0, 0]`), ErrFormat, `a node without tensors`},
		{functional(in+dense("d", `[{"args": 7}]`), `["x", 0, 0]`, `["d", 0, 0]`), ErrFormat, `args of a node is 7, want a list`},
		{functional(in+dense("d", `[{"args": [], "kwargs": 7}]`), `["x", 0, 0]`, `["d", 0, 0]`), ErrFormat, `keyword arguments of a node are 7`},
		{functional(in+dense("d", `[{"args": [{"class_name": "__keras_tensor__", "config": {}}]}]`), `["x", 0, 0]`, `["d", 0, 0]`), ErrFormat, `keras_history is null`},
		{functional(k3Input, `["x", 0, 0]`, `[]`), ErrFormat, "output_layers names no tensor"},
		{functional(k3Input, `["x", 0, 0]`, `null`), ErrFormat, "output_layers has null"},
		{functional(k3Input, `["y", 0, 0]`, `["x", 0, 0]`), ErrFormat, `refers to layer "y"`},
		{functional(in+dense("a", `[[["c", 0, 0]]]`)+","+dense("b", `[[["a", 0, 0]]]`)+","+dense("c", `[[["b", 0, 0]]]`)+","+dense("d", `[[["c", 0, 0]]]`),
			`["x", 0, 0]`, `["d", 0, 0]`), ErrFormat, "the layers a -> b -> c -> a form a cycle"},
		{functional(in+dense("a", `[[["a", 0, 0]]]`), `["x", 0, 0]`, `["a", 0, 0]`), ErrFormat, "the layers a -> a form a cycle"},
	} {
		_, err := ParseArchitecture([]byte(c.text), Hint{Version: "3.15.1"}, Limits{})
		require.ErrorIs(t, err, c.is, c.text)
		require.ErrorContains(t, err, c.want)
	}
	_, err := ParseArchitecture([]byte(`{"class_name": "Sequential", "config": []}`), Hint{Metadata: []byte("x")}, Limits{})
	require.ErrorContains(t, err, "metadata.json")
	_, err = ParseArchitecture([]byte(strings.Repeat(`{"class_name":"Sequential","config":{"layers":[`, 200)), Hint{}, Limits{})
	require.True(t, errors.Is(err, ErrLimit))
	// A layer that is called on its own result is no cycle.
	model(t, "2.3.1", functional(in+dense("a", `[[["x", 0, 0]], [["a", 0, 0]]]`), `["x", 0, 0]`, `["a", 1, 0]`))
}

// TestLargeArchitectures holds sizes at which quadratic work would not end.
func TestLargeArchitectures(t *testing.T) {
	const n = 100_000
	layers := strings.Repeat(`{"class_name":"Sequential","config":[]},`, n)
	m, err := ParseArchitecture([]byte(`{"class_name":"Sequential","config":[`+layers[:len(layers)-1]+`]}`), Hint{}, Limits{})
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf("sequential_%d", n), m.Root.Graph.Layers[n-1].Name)

	var config strings.Builder
	for i := range n {
		fmt.Fprintf(&config, `"k%d":{"type":"ndarray","value":1},`, i)
	}
	m, err = ParseArchitecture([]byte(`{"class_name":"Sequential","config":[{"class_name":"Dense","config":{`+config.String()+`"name":"d"}}]}`), Hint{}, Limits{})
	require.NoError(t, err)
	require.Equal(t, "1", m.Root.Graph.Layers[0].Config.Get("k9").JSON())

	var chain strings.Builder
	chain.WriteString(k3Input)
	from := "x"
	for i := range n / 4 {
		fmt.Fprintf(&chain, `,{"class_name":"Dense","config":{"name":"d%d"},"name":"d%d","inbound_nodes":[[["%s",0,0]]]}`, i, i, from)
		from = fmt.Sprintf("d%d", i)
	}
	m, err = ParseArchitecture([]byte(functional(chain.String(), `["x",0,0]`, `["`+from+`",0,0]`)), Hint{}, Limits{})
	require.NoError(t, err)
	require.Len(t, m.Root.Graph.Layers, n/4+1)
}

func TestSnakeCase(t *testing.T) {
	for class, want := range map[string]string{
		"Conv2D": "conv2d", "ReLU": "re_lu", "PReLU": "p_re_lu", "MaxPooling2D": "max_pooling2d", "UpSampling2D": "up_sampling2d",
		"Functional": "functional", "TFOpLambda": "tf_op_lambda", "BatchNormalization": "batch_normalization", "LSTM": "lstm",
		"GroupedQueryAttention": "grouped_query_attention", "STFTSpectrogram": "stft_spectrogram", "My Layer-X": "my_layer_x", "RMSNormalization": "rms_normalization",
		"Conv1DTranspose": "conv1d_transpose", "ELU": "elu",
	} {
		require.Equal(t, want, SnakeCase(class), class)
	}
}
