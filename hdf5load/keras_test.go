package hdf5load

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// outline is the names and shapes of layers' weights.
func outline(layers []LayerWeights) map[string][]any {
	out := map[string][]any{}
	for _, l := range layers {
		out[l.Layer] = []any{}
		for _, w := range l.Weights {
			out[l.Layer] = append(out[l.Layer], w.Name, w.Shape())
		}
	}
	return out
}

func TestLegacyLayers(t *testing.T) {
	for _, test := range []struct {
		file string
		want map[string][]any
	}{
		{"k2_cnn.h5", map[string][]any{ // under model_weights
			"conv_a": {"conv_a/kernel:0", []int{3, 3, 3, 4}, "conv_a/bias:0", []int{4}},
			"pool_a": {}, "flat": {}, "drop": {},
			"fc1": {"fc1/kernel:0", []int{196, 8}, "fc1/bias:0", []int{8}},
			"out": {"out/kernel:0", []int{8, 3}, "out/bias:0", []int{3}},
		}},
		{"k2_bnemb.w.h5", nil}, // at the root
		{"adv__small_split.h5", map[string][]any{ // layer_names0, weight_names0, a layer with a slash in its name
			"a/b":     {"k0:0", []int{1}, "k1:0", []int{1}, "k2:0", []int{1}, "k3:0", []int{1}, "k4:0", []int{1}},
			"conv2d":  {"conv2d/kernel:0", []int{1}},
			"flatten": {},
		}},
	} {
		layers, err := LegacyLayers(openFile(t, test.file).Root())
		require.NoError(t, err, test.file)
		require.NotEmpty(t, layers, test.file)
		if test.want != nil {
			require.Equal(t, test.want, outline(layers), test.file)
		}
	}
	layers, err := LegacyLayers(openFile(t, "adv__small_split.h5").Root())
	require.NoError(t, err)
	for i, w := range layers[0].Weights {
		v := []float32{-1}
		require.NoError(t, w.Read(v))
		require.Equal(t, []float32{float32(i)}, v)
	}

	_, err = LegacyLayers(openFile(t, "k3_cnn.weights.h5").Root())
	require.ErrorIs(t, err, ErrNotFound)
}

func TestVarsGroups(t *testing.T) {
	groups, err := VarsGroups(openFile(t, "k3_cnn.weights.h5").Root())
	require.NoError(t, err)
	var paths []string
	for _, g := range groups {
		paths = append(paths, g.Path+" "+g.Name)
	}
	require.Equal(t, []string{" cnn", "layers/conv2d conv_a", "layers/dense fc1", "layers/dense_1 out", "layers/dropout drop",
		"layers/flatten flat", "layers/max_pooling2d pool_a"}, paths)
	require.Len(t, groups[1].Weights, 2)
	require.Equal(t, "0", groups[1].Weights[0].Name)
	require.Equal(t, []int{3, 3, 3, 4}, groups[1].Weights[0].Shape())

	for _, file := range []string{"adv__small_vars_groups.h5", "adv__small_vars_groups_order.h5", "adv__small_vars_groups_v110.h5"} {
		groups, err = VarsGroups(openFile(t, file).Root())
		require.NoError(t, err)
		require.Len(t, groups, 3)
		for _, g := range groups {
			if g.Path != "layers/dense" {
				continue
			}
			require.Equal(t, "fc", g.Name)
			var names []string
			for _, w := range g.Weights {
				names = append(names, w.Name)
			}
			require.Equal(t, []string{"0", "1", "2", "10", "idf_weights"}, names)
		}
	}

	groups, err = VarsGroups(openFile(t, "k2_cnn.h5").Root())
	require.NoError(t, err)
	require.Empty(t, groups)
}

// Files that were written on Windows have paths for names.
func TestVarsGroupsOfWindows(t *testing.T) {
	tree := NewTree()
	for _, name := range []string{`layers\dense`, `layers\bidirectional`, `layers\bidirectional\forward_layer\cell`} {
		tree.Dataset(name+"/vars/0", Float32, []int{1}, values([]float32{1}))
	}
	f := openBytes(t, written(t, tree))
	groups, err := VarsGroups(f.Root())
	require.NoError(t, err)
	var paths []string
	for _, g := range groups {
		paths = append(paths, g.Path)
		require.Len(t, g.Weights, 1)
	}
	require.ElementsMatch(t, []string{"layers/dense", "layers/bidirectional", "layers/bidirectional/forward_layer/cell"}, paths)
}

// TestBFloat16 reads what Keras 3 marks and what Keras 2 does not.
func TestBFloat16(t *testing.T) {
	marked := openFile(t, "k3_cnn_bfloat16.weights.h5").Root()
	o, err := marked.Open("layers/conv2d/vars/0")
	require.NoError(t, err)
	require.Equal(t, BFloat16, o.DType())
	require.Equal(t, 2, o.ElemSize())
	bits, values := make([]uint16, elements(o)), make([]float32, elements(o))
	require.NoError(t, o.Read(bits))
	require.NoError(t, o.Read(values))
	var nonzero bool
	for i, v := range values {
		require.Equal(t, uint32(bits[i])<<16, math.Float32bits(v))
		nonzero = nonzero || v != 0
	}
	require.True(t, nonzero)

	legacy, err := LegacyLayers(openFile(t, "k3_cnn_bfloat16.h5").Root())
	require.NoError(t, err)
	require.Len(t, legacy[0].Weights, 2)
	w := legacy[0].Weights[0]
	n := elements(w)
	require.NoError(t, w.Read(make([]uint16, n)))
	if w.DType() == Opaque {
		require.ErrorIs(t, w.Read(make([]float32, n)), ErrUnsupported)
		require.NoError(t, w.Read(make([]byte, 2*n)))
	}
}

func TestAttrString(t *testing.T) {
	root := openFile(t, "k3_cnn.h5").Root()
	config, err := AttrString(root, "model_config")
	require.NoError(t, err)
	require.True(t, json.Valid([]byte(config)))
	version, err := AttrString(root, "keras_version")
	require.NoError(t, err)
	require.Regexp(t, `^3\.`, version)
	_, err = AttrString(root, "absent")
	require.ErrorIs(t, err, ErrNotFound)

	fixed, err := AttrString(openFile(t, "var__k3cnnfit_fixattr.h5").Root(), "keras_version")
	require.NoError(t, err)
	require.Regexp(t, `^3\.`, fixed)

	strings := openFile(t, "adv__small_strings.h5").Root()
	_, err = AttrString(strings, "vl_arr")
	require.ErrorIs(t, err, ErrFormat)
	_, err = AttrString(strings, "int")
	require.ErrorIs(t, err, ErrUnsupported)
	list, err := AttrStrings(strings, "empty_f8")
	require.NoError(t, err)
	require.Empty(t, list)
	_, err = AttrStrings(strings, "int")
	require.ErrorIs(t, err, ErrUnsupported)
	_, err = AttrStrings(strings, "absent")
	require.ErrorContains(t, err, `"absent"`)
}
