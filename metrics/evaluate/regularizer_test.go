package evaluate

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/keras"
)

func TestRegularizers(t *testing.T) {
	w := kerasrun.Floats([]float32{1, -2, 3, 0}, 2, 2)
	for text, want := range map[string]float64{
		`{"class_name":"L2","config":{"l2":0.5}}`:                                           7,
		`{"class_name":"L1","config":{"l1":0.5}}`:                                           3,
		`{"module":"keras.regularizers","class_name":"L1L2","config":{"l1":0.5,"l2":0.25}}`: 6.5,
		`{"class_name":"L1L2","config":{"l1":0.0,"l2":0.25}}`:                               3.5,
		`{"name":"WeightRegularizer","l1":0.25,"l2":0.25}`:                                  5,
		`{"class_name":"OrthogonalRegularizer","config":{"factor":2.0,"mode":"rows"}}`:      2 * 3 / (2.23606797749979 * 3),
		`{"class_name":"OrthogonalRegularizer","config":{"factor":2.0,"mode":"columns"}}`:   2 * 2 / (3.1622776601683795 * 2),
		`"l2"`: 0.14,
	} {
		v, err := keras.ParseJSON([]byte(text), keras.Limits{})
		require.NoError(t, err)
		r, ok, err := parseRegularizer(v, keras.Version{Major: 3})
		require.NoError(t, err)
		require.True(t, ok)
		got, err := r.loss(w)
		require.NoError(t, err)
		require.InDelta(t, want, got, 1e-6, text)
	}
	r, _, err := parseRegularizer(keras.NewString("l1_l2"), keras.Version{Major: 3})
	require.NoError(t, err)
	require.Zero(t, r)
	r, _, err = parseRegularizer(keras.NewString("l1_l2"), keras.Version{Major: 2})
	require.NoError(t, err)
	require.Equal(t, regularizer{l1: 0.01, l2: 0.01}, r)
	_, _, err = parseRegularizer(keras.NewString("mine"), keras.Version{Major: 3})
	require.ErrorIs(t, err, kerasrun.ErrUnsupported)
	r, _, err = parseRegularizer(keras.NewString("orthogonal_regularizer"), keras.Version{Major: 3})
	require.NoError(t, err)
	_, err = r.loss(kerasrun.Floats([]float32{1}, 1))
	require.ErrorIs(t, err, kerasrun.ErrShape)
}

func TestWeightKeys(t *testing.T) {
	for _, c := range [][3]string{
		{"Dense", "kernel", "kernel_regularizer"}, {"DepthwiseConv2D", "kernel", "depthwise_regularizer"}, {"SeparableConv2D", "pointwise_kernel", "pointwise_regularizer"},
		{"LSTM", "recurrent_kernel", "recurrent_regularizer"}, {"MultiHeadAttention", "query bias", "bias_regularizer"}, {"Embedding", "embeddings", "embeddings_regularizer"},
		{"Dense", "lora_kernel_a", "kernel_regularizer"}, {"MaxoutDense", "bias", "b_regularizer"}, {"Highway", "carry_kernel", "W_regularizer"}, {"BatchNormalization", "gamma", "gamma_regularizer"},
	} {
		require.Equal(t, c[2], weightKey(c[0], c[1]))
	}
}
