package quantize

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

func TestParseMode(t *testing.T) {
	for text, want := range map[string]Mode{
		"":          {},
		"int8":      {Kind: Int8, Bits: 8},
		"float8":    {Kind: Float8, Bits: 8},
		"int4":      {Kind: Int4, Bits: 4},
		"int4/-1":   {Kind: Int4, Bits: 4},
		"int4/128":  {Kind: Int4, Bits: 4, Block: 128},
		"gptq/3/64": {Kind: GPTQ, Bits: 3, Block: 64},
		"gptq/8/-1": {Kind: GPTQ, Bits: 8},
		"awq/4/32":  {Kind: AWQ, Bits: 4, Block: 32},
	} {
		got, err := ParseMode(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for text, is := range map[string]error{
		"int2": keras.ErrUnsupported, "int8/4": keras.ErrFormat, "int4/0": keras.ErrFormat, "int4/x": keras.ErrFormat,
		"int4/8/8": keras.ErrFormat, "gptq": keras.ErrFormat, "gptq/5/8": keras.ErrFormat, "awq/3/8": keras.ErrFormat,
	} {
		_, err := ParseMode(text)
		require.ErrorIs(t, err, is, text)
	}
}

func TestConfig(t *testing.T) {
	half := AbsMax{Low: -64, High: 63, Epsilon: 1e-3}
	for text, want := range map[string]Config{
		`null`: {},
		`{"class_name": "Float8QuantizationConfig", "config": {}}`:                                             {Given: true},
		`{"class_name": "Int4QuantizationConfig", "config": {"block_size": 64, "activation_quantizer": null}}`: {Given: true, Int4: true, Block: 64},
		`{"class_name": "Int4QuantizationConfig", "config": {"block_size": -1}}`:                               {Given: true, Int4: true},
		`{"class_name": "Int8QuantizationConfig", "config": {"activation_quantizer": {"class_name": "AbsMaxQuantizer", "config": {"value_range": [-64, 63], "epsilon": 0.001}}}}`: {
			Given: true, Activation: &half},
	} {
		v, err := keras.ParseJSON([]byte(text), keras.Limits{})
		require.NoError(t, err)
		var got Config
		require.NoError(t, got.UnmarshalKeras(v), text)
		got.Axis = nil
		require.Equal(t, want, got, text)
	}
	require.Equal(t, &DefaultAbsMax, Config{}.Inputs(&DefaultAbsMax))
	require.Nil(t, Config{Given: true}.Inputs(&DefaultAbsMax))
}

func TestWider(t *testing.T) {
	require.Equal(t, graph.BFloat16, Wider(graph.BFloat16, graph.BFloat16))
	require.Equal(t, graph.Float32, Wider(graph.BFloat16, graph.Float16))
	require.Equal(t, graph.Float32, Wider(graph.BFloat16, graph.Float32))
	require.Equal(t, graph.Float64, Wider(graph.Float64, graph.Float32))
}
