package keras

import (
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

type mode string

// upper is a field that reads itself.
type upper struct{ text string }

func (u *upper) UnmarshalKeras(v *Value) error {
	if v.IsNull() {
		u.text = "none"
		return nil
	}
	s, ok := v.Str()
	if !ok {
		return errors.New("not a word")
	}
	u.text = s
	return nil
}

type inner struct {
	Rate float64 `json:"rate"`
}

type sample struct {
	inner
	Units   int          `json:"units"`
	Bias    bool         `json:"use_bias"`
	Padding mode         `json:"padding"`
	Max     *float64     `json:"max_value"`
	Count   *int         `json:"count"`
	Pool    *[2]int      `json:"pool"`
	Size    [2]int       `json:"size"`
	Length  [1]int       `json:"length"`
	Cube    [3]int       `json:"cube"`
	Sides   [2][2]int    `json:"sides"`
	Ends    [1][2]int    `json:"ends"`
	Axes    []int        `json:"axes"`
	Scale   []float64    `json:"scale"`
	Names   []string     `json:"names"`
	Any     *Value       `json:"any"`
	Copy    Value        `json:"copy"`
	Seed    TrainingOnly `json:"seed"`
	Act     upper        `json:"activation"`
}

func TestDecodeConfig(t *testing.T) {
	number, count := 6.0, 4
	for _, c := range []struct {
		config string
		want   func(s *sample)
	}{
		{`{}`, func(*sample) {}},
		{`null`, func(*sample) {}},
		{`{"units": 3.0, "use_bias": false, "padding": "same", "rate": 1}`, func(s *sample) { s.Units, s.Bias, s.Padding, s.Rate = 3, false, "same", 1 }},
		{`{"use_bias": 0}`, func(s *sample) { s.Bias = false }},
		{`{"max_value": 6, "count": 4, "pool": 2}`, func(s *sample) { s.Max, s.Count, s.Pool = &number, &count, &[2]int{2, 2} }},
		{`{"max_value": null, "count": null, "pool": null}`, func(*sample) {}},
		{`{"max_value": Infinity}`, func(s *sample) { inf := math.Inf(1); s.Max = &inf }},
		{`{"size": 3, "length": 3, "cube": 3}`, func(s *sample) { s.Size, s.Length, s.Cube = [2]int{3, 3}, [1]int{3}, [3]int{3, 3, 3} }},
		{`{"size": [3, 4], "length": [3], "cube": [3, 4, 5]}`, func(s *sample) { s.Size, s.Length, s.Cube = [2]int{3, 4}, [1]int{3}, [3]int{3, 4, 5} }},
		{`{"sides": 1, "ends": 1}`, func(s *sample) { s.Sides, s.Ends = [2][2]int{{1, 1}, {1, 1}}, [1][2]int{{1, 1}} }},
		{`{"sides": [1, 2], "ends": [1, 2]}`, func(s *sample) { s.Sides, s.Ends = [2][2]int{{1, 1}, {2, 2}}, [1][2]int{{1, 2}} }},
		{`{"sides": [[1, 2], [3, 4]], "ends": [[1, 2]]}`, func(s *sample) { s.Sides, s.Ends = [2][2]int{{1, 2}, {3, 4}}, [1][2]int{{1, 2}} }},
		{`{"axes": [1, 2], "scale": [0.5, 1], "names": ["a"]}`, func(s *sample) { s.Axes, s.Scale, s.Names = []int{1, 2}, []float64{0.5, 1}, []string{"a"} }},
		{`{"axes": null}`, func(*sample) {}},
		{`{"activation": "relu", "seed": {"class_name": "SeedGenerator"}}`, func(s *sample) { s.Act.text = "relu" }},
		{`{"activation": null}`, func(s *sample) { s.Act.text = "none" }},
		{`{"any": [1], "copy": "x"}`, func(s *sample) { s.Any = NewInts(1); s.Copy = *NewString("x") }},
		{`{"any": null}`, func(*sample) {}},
		// Undeclared keys that cannot matter.
		{`{"name": "d", "trainable": true, "dtype": "float32", "batch_shape": [null, 4], "new": null, "kernel_initializer": {}, "bias_constraint": {}, "gamma_regularizer": "l2"}`, func(*sample) {}},
	} {
		s, want := sample{Units: 1, Bias: true}, sample{Units: 1, Bias: true}
		require.NoError(t, DecodeConfig(parse(t, c.config), &s), c.config)
		c.want(&want)
		require.Equal(t, want, s, c.config)
	}
}

func TestDecodeConfigErrors(t *testing.T) {
	for _, c := range []struct {
		config string
		is     error
		want   string
	}{
		{`{"alpha": 0.3}`, ErrUnsupported, `config key "alpha" = 0.3`},
		{`{"groups": [ ]}`, ErrUnsupported, `config key "groups" = []`},
		{`{"hidden": 1}`, ErrUnsupported, `config key "hidden" = 1`},
		{`{"units": "x"}`, ErrFormat, `config key "units": not a valid Keras file: "x", want a whole number`},
		{`{"units": 2.5}`, ErrFormat, `2.5, want a whole number`},
		{`{"units": null}`, ErrFormat, `null, want a whole number`},
		{`{"units": true}`, ErrFormat, `true, want a whole number`},
		{`{"rate": "x"}`, ErrFormat, `"x", want a number`},
		{`{"use_bias": 2}`, ErrFormat, `2, want true or false`},
		{`{"padding": 1}`, ErrFormat, `1, want a string`},
		{`{"size": [1]}`, ErrFormat, `[1], want a list of 2`},
		{`{"size": [1, 2, 3]}`, ErrFormat, `[1,2,3], want a list of 2`},
		{`{"size": null}`, ErrFormat, `null, want a list of 2`},
		{`{"sides": [[1, 2, 3], 4]}`, ErrFormat, `[1,2,3], want a list of 2`},
		{`{"axes": 1}`, ErrFormat, `1, want a list`},
		{`{"axes": [1, "a"]}`, ErrFormat, `"a", want a whole number`},
		{`{"activation": 1}`, ErrFormat, `config key "activation": not a valid Keras file: not a word`},
		{`[1]`, ErrFormat, `config is [1], want an object`},
	} {
		var s sample
		err := DecodeConfig(parse(t, c.config), &s)
		require.ErrorIs(t, err, c.is, c.config)
		require.ErrorContains(t, err, c.want)
	}
	require.NoError(t, DecodeKnownKeys(parse(t, `{"alpha": 0.3, "units": 3}`), &sample{}))
	require.Error(t, DecodeKnownKeys(parse(t, `{"units": "x"}`), &sample{}))
	require.Error(t, DecodeConfig(NewObject(), sample{}))
	require.Error(t, DecodeConfig(parse(t, `{"x": 1}`), &struct {
		X complex128 `json:"x"`
	}{}))
}

func TestDecodeCommon(t *testing.T) {
	c, err := DecodeCommon(parse(t, `{"name": "d", "units": 3}`))
	require.NoError(t, err)
	require.Equal(t, Common{Name: "d", Trainable: true, DType: DefaultPolicy()}, c)
	c, err = DecodeCommon(parse(t, `{"name": "d", "trainable": false, "dtype": "mixed_float16", "batch_shape": [null, 3]}`))
	require.NoError(t, err)
	require.False(t, c.Trainable)
	require.Equal(t, "mixed_float16", c.DType.Name())
	require.Equal(t, "[null,3]", c.BatchShape.JSON())
}

func TestDTypePolicy(t *testing.T) {
	for text, want := range map[string]DTypePolicy{
		`null`:             {"float32", "float32", "", 0},
		`"float32"`:        {"float32", "float32", "", 0},
		`"_infer"`:         {"float32", "float32", "", 0},
		`"mixed_bfloat16"`: {"bfloat16", "float32", "", 0},
		`"int32"`:          {"int32", "int32", "", 0},
		`{"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float64"}, "registered_name": null}`: {"float64", "float64", "", 0},
		`{"class_name": "Policy", "config": {"name": "mixed_float16"}}`:                                            {"float16", "float32", "", 0},
		`{"class_name": "PolicyV1", "config": {"name": "mixed_float16", "loss_scale": null}}`:                      {"float16", "float32", "", 0},
		`{"class_name": "Policy", "config": {"name": null}}`:                                                       {"float32", "float32", "", 0},
		`{"class_name": "QuantizedDTypePolicy", "config": {"mode": "int8", "source_name": "mixed_bfloat16"}}`:      {"bfloat16", "float32", "int8", 0},
		`{"class_name": "QuantizedDTypePolicy", "config": {"name": "int8_from_float32"}}`:                          {"float32", "float32", "int8", 0},
		`{"class_name": "Int4DTypePolicy", "config": {"mode": "int4/128", "source_name": "float32"}}`:              {"float32", "float32", "int4/128", 0},
		`"int8_from_float32"`: {"float32", "float32", "int8", 0},
		`{"class_name": "DTypePolicyMap", "config": {"default_policy": "float16", "policy_map": {}}}`: {"float16", "float16", "", 0},
	} {
		got, err := ParseDTypePolicy(parse(t, text))
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	require.Equal(t, "int8_from_mixed_bfloat16", DTypePolicy{"bfloat16", "float32", "int8", 0}.Name())
	for text, is := range map[string]error{
		`"float31"`:                            ErrUnsupported,
		`"mixed_float32"`:                      ErrUnsupported,
		`"a_from_b_from_float32"`:              ErrUnsupported,
		`{"class_name": "Mine", "config": {}}`: ErrUnsupported,
		`32`:                                   ErrFormat,
		`{}`:                                   ErrFormat,
		`{"class_name": "Policy", "config": {"name": 1}}`:                                             ErrFormat,
		`{"class_name": "QuantizedDTypePolicy", "config": {}}`:                                        ErrFormat,
		`{"class_name": "DTypePolicyMap", "config": {"default_policy": "a", "policy_map": {"a": 1}}}`: ErrUnsupported,
	} {
		_, err := ParseDTypePolicy(parse(t, text))
		require.ErrorIs(t, err, is, text)
	}
}
