package quantize

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kerasrun/kerasrun/keras"
)

// A Kind is a way to store weights.
type Kind string

// The kinds.
const (
	None   Kind = ""
	Int8   Kind = "int8"
	Int4   Kind = "int4"
	Float8 Kind = "float8"
	GPTQ   Kind = "gptq"
	AWQ    Kind = "awq"
)

// A Mode is the mode of a quantized layer's dtype policy.
type Mode struct {
	Kind Kind
	// Bits is the size of a weight.
	Bits int
	// Block is the number of weights along the summed axis that share a scale, 0 for all of them.
	Block int
}

// ParseMode reads a mode as policies name it: "" (of a layer that is not
// quantized), "int8", "float8", "int4", "int4/128", "gptq/3/64", "awq/4/-1". An
// error wraps [keras.ErrUnsupported].
func ParseMode(text string) (Mode, error) {
	parts := strings.Split(text, "/")
	m := Mode{Kind: Kind(parts[0])}
	want, bits := 1, []int{8}
	switch m.Kind {
	case None:
		bits = []int{0}
	case Int8, Float8:
	case Int4:
		want, bits = min(len(parts), 2), []int{4}
	case GPTQ:
		want, bits = 3, []int{2, 3, 4, 8}
	case AWQ:
		want, bits = 3, []int{4}
	default:
		return m, fmt.Errorf("%w: quantization mode %q", keras.ErrUnsupported, text)
	}
	bad := fmt.Errorf("%w: quantization mode %q", keras.ErrFormat, text)
	if len(parts) != want {
		return m, bad
	}
	m.Bits = bits[0]
	var err error
	if want == 3 {
		if m.Bits, err = strconv.Atoi(parts[1]); err != nil || !slices.Contains(bits, m.Bits) {
			return m, bad
		}
	}
	if want > 1 {
		block, err := strconv.Atoi(parts[want-1])
		if err != nil || block < -1 || block == 0 {
			return m, bad
		}
		m.Block = max(block, 0)
	}
	return m, nil
}

// An AbsMax is keras.quantizers.AbsMaxQuantizer of activations: it scales them by
// their largest absolute value and rounds them to int8.
type AbsMax struct {
	Low, High, Epsilon float64
}

// DefaultAbsMax is the quantizer of layers that name none.
var DefaultAbsMax = AbsMax{Low: -127, High: 127, Epsilon: 1e-7}

// A Config is a layer's quantization_config.
type Config struct {
	// Given reports that the layer has one.
	Given bool
	// Activation quantizes the layer's inputs, nil for none.
	Activation *AbsMax
	// Int4 reports a config of int4; Block is its block_size, 0 for none.
	Int4  bool
	Block int
	// Axis is the axis that the quantizer of activations has of its own.
	Axis *keras.Value
}

// String returns "None" for no config, and else what it holds.
func (c Config) String() string {
	if !c.Given {
		return "None"
	}
	return fmt.Sprintf("activation=%v int4=%v block_size=%d", c.Activation, c.Int4, c.Block)
}

// Inputs returns the quantizer of a layer's inputs, nil for none.
func (c Config) Inputs(otherwise *AbsMax) *AbsMax {
	if c.Given {
		return c.Activation
	}
	return otherwise
}

// UnmarshalKeras implements [keras.Unmarshaler].
func (c *Config) UnmarshalKeras(v *keras.Value) error {
	*c = Config{}
	if v.IsNull() {
		return nil
	}
	class, ok := v.Get("class_name").Str()
	config := v.Get("config")
	if !ok {
		return fmt.Errorf("%w: %s, want an object with a class_name", keras.ErrFormat, v.JSON())
	}
	c.Given, c.Int4 = true, class == "Int4QuantizationConfig"
	switch class {
	case "Int8QuantizationConfig", "Int4QuantizationConfig", "QuantizationConfig":
	case "Float8QuantizationConfig", "GPTQConfig", "AWQConfig":
		return nil
	default:
		return fmt.Errorf("%w: class %q", keras.ErrUnsupported, class)
	}
	if block := config.Get("block_size"); !block.IsNull() {
		n, ok := block.Int()
		if !ok || n < -1 || n == 0 {
			return fmt.Errorf("%w: block_size is %s", keras.ErrFormat, block.JSON())
		}
		c.Block = max(n, 0)
	}
	return c.activation(config.Get("activation_quantizer"))
}

func (c *Config) activation(v *keras.Value) error {
	if v.IsNull() {
		return nil
	}
	if class, _ := v.Get("class_name").Str(); class != "AbsMaxQuantizer" {
		return fmt.Errorf("%w: activation_quantizer of class %q", keras.ErrUnsupported, class)
	}
	config, q := v.Get("config"), DefaultAbsMax
	if r := config.Get("value_range"); !r.IsNull() {
		var ok, ok2 bool
		if items := r.Items(); len(items) == 2 {
			q.Low, ok = items[0].Float()
			q.High, ok2 = items[1].Float()
		}
		if !ok || !ok2 || q.Low < -128 || q.High > 127 || q.Low > q.High {
			return fmt.Errorf("%w: value_range is %s", keras.ErrFormat, r.JSON())
		}
	}
	if e := config.Get("epsilon"); !e.IsNull() {
		var ok bool
		if q.Epsilon, ok = e.Float(); !ok {
			return fmt.Errorf("%w: epsilon is %s", keras.ErrFormat, e.JSON())
		}
	}
	if d := config.Get("output_dtype"); !d.IsNull() {
		if name, _ := d.Str(); name != "int8" {
			return fmt.Errorf("%w: activation_quantizer with output_dtype %s", keras.ErrUnsupported, d.JSON())
		}
	}
	c.Activation, c.Axis = &q, config.Get("axis")
	return nil
}
