package keras

import (
	"fmt"
	"slices"
	"strings"
)

// A DTypePolicy says in which types a layer keeps its weights and computes.
// See https://keras.io/api/mixed_precision/policy/.
type DTypePolicy struct {
	// Compute and Variable are names of types, such as "float32".
	Compute, Variable string
	// Quantization is the mode of a quantized layer ("int8", "float8",
	// "int4/128"), or "".
	Quantization string
	// AmaxHistory is amax_history_length of a float8 policy.
	AmaxHistory int
}

// amaxHistory is Keras's default of amax_history_length.
const amaxHistory = 1024

// DefaultPolicy returns the policy of a layer that names none: float32.
func DefaultPolicy() DTypePolicy {
	return DTypePolicy{Compute: "float32", Variable: "float32"}
}

// Name returns the policy as Keras names it: "float32", "mixed_float16",
// "int8_from_float32".
func (p DTypePolicy) Name() string {
	name := p.Compute
	if p.Compute != p.Variable {
		name = "mixed_" + p.Compute
	}
	if p.Quantization != "" {
		return p.Quantization + "_from_" + name
	}
	return name
}

// String is [DTypePolicy.Name].
func (p DTypePolicy) String() string { return p.Name() }

// types are the names of Keras's types.
var types = []string{
	"float32", "float64", "float16", "bfloat16",
	"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
	"bool", "string", "complex64", "complex128",
	"float8_e4m3fn", "float8_e5m2",
}

// ParseDTypePolicy reads the dtype of a layer in every spelling: a name, an
// object of class DTypePolicy, Policy, PolicyV1 or of a quantized kind, or null
// for the default.
func ParseDTypePolicy(v *Value) (DTypePolicy, error) {
	switch v.Kind() {
	case Null:
		return DefaultPolicy(), nil
	case String:
		return policyByName(v.text)
	case Object:
		return policyByObject(v)
	}
	return DTypePolicy{}, mismatch(v, "a dtype policy")
}

// UnmarshalKeras implements [Unmarshaler].
func (p *DTypePolicy) UnmarshalKeras(v *Value) error {
	got, err := ParseDTypePolicy(v)
	if err != nil {
		return err
	}
	*p = got
	return nil
}

func policyByName(name string) (DTypePolicy, error) {
	if name == "infer" || name == "_infer" { // tf.keras 2.0: the type of the first input, float32 in saved models
		return DefaultPolicy(), nil
	}
	if mode, source, ok := strings.Cut(name, "_from_"); ok && !strings.Contains(source, "_from_") {
		p, err := policyByName(source)
		if p.Quantization = mode; mode == "float8" {
			p.AmaxHistory = amaxHistory
		}
		return p, err
	}
	if half, ok := strings.CutPrefix(name, "mixed_"); ok && (half == "float16" || half == "bfloat16") {
		return DTypePolicy{Compute: half, Variable: "float32"}, nil
	}
	if !slices.Contains(types, name) {
		return DTypePolicy{}, fmt.Errorf("%w: dtype policy %q", ErrUnsupported, name)
	}
	return DTypePolicy{Compute: name, Variable: name}, nil
}

func policyByObject(v *Value) (DTypePolicy, error) {
	class, ok := v.Get("class_name").Str()
	if !ok {
		return DTypePolicy{}, mismatch(v, "a dtype policy with a class_name")
	}
	config := v.Get("config")
	switch class {
	case "DTypePolicy", "Policy", "PolicyV1", "FloatDTypePolicy":
		if config.Get("name").IsNull() {
			return DefaultPolicy(), nil
		}
		name, ok := config.Get("name").Str()
		if !ok {
			return DTypePolicy{}, mismatch(config, "a dtype policy's config with a name")
		}
		return policyByName(name)
	case "QuantizedDTypePolicy", "QuantizedFloat8DTypePolicy", "Int4DTypePolicy", "GPTQDTypePolicy", "AWQDTypePolicy":
		mode, ok := config.Get("mode").Str()
		if !ok {
			// Keras 3.3 wrote the name alone.
			if name, named := config.Get("name").Str(); named {
				return policyByName(name)
			}
			return DTypePolicy{}, mismatch(config, "a dtype policy's config with a mode")
		}
		p, err := ParseDTypePolicy(config.Get("source_name"))
		p.Quantization = mode
		if mode == "float8" {
			p.AmaxHistory = amaxHistory
		}
		if n := config.Get("amax_history_length"); !n.IsNull() {
			if p.AmaxHistory, ok = n.Int(); !ok || p.AmaxHistory < 0 {
				return DTypePolicy{}, mismatch(n, "an amax_history_length")
			}
		}
		return p, err
	case "DTypePolicyMap":
		// One policy for all layers unless the map says otherwise for some.
		if config.Get("policy_map").Len() == 0 {
			return ParseDTypePolicy(config.Get("default_policy"))
		}
	}
	return DTypePolicy{}, fmt.Errorf("%w: dtype policy %s", ErrUnsupported, v.Brief())
}
