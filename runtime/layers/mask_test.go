package layers

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/keras"
)

// Every class says what becomes of a mask, by intention: those that refuse one are listed.
func TestMaskRules(t *testing.T) {
	refusing := map[string]bool{
		"Softmax": true, "RandAugment": true, "AugMix": true, "CutMix": true, "MixUp": true, "Solarization": true,
		"LayerScale": true, "CustomScaleLayer": true, "MaxoutDense": true, "Highway": true,
	}
	for _, c := range builtinClasses {
		s := &scope{shared: &shared{version: keras3}, class: c.name}
		require.Equal(t, refusing[c.name], s.maskRule() == refuseMask, c.name)
	}
	s := &scope{shared: &shared{version: keras2}, class: "GroupNormalization"}
	require.Equal(t, refuseMask, s.maskRule())
}

// A layer that would have to know what to do with a mask refuses it.
func TestMaskRefused(t *testing.T) {
	in := layer(t, "InputLayer", "x", `{"batch_shape":[null,4],"dtype":"int32"}`)
	table := layer(t, "Embedding", "e", `{"input_dim":3,"output_dim":5,"mask_zero":true}`)
	last := layer(t, "Softmax", "s", `{}`)
	table.Calls = []keras.Call{{Args: []*keras.Arg{tensor(in)}}}
	last.Calls = []keras.Call{{Args: []*keras.Arg{tensor(table)}}}
	root := functional(t, "m", tensor(in), tensor(last), in, table, last)
	_, err := lower(&keras.Model{Root: root, Version: keras2}, Options{}, builtinClasses)
	require.ErrorIs(t, err, keras.ErrUnsupported)
	require.ErrorContains(t, err, "layer s (Softmax): ")
	require.ErrorContains(t, err, "masked")
}
