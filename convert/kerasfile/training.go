package kerasfile

import (
	"slices"
	"strings"

	"github.com/kerasrun/kerasrun/keras"
)

// initializers are the names of Keras 1 and 2 for what Keras 3 has: "" as it is.
var initializers = map[string]string{
	"uniform": "random_uniform", "normal": "random_normal", "zero": "zeros", "one": "ones",
	"zeros": "", "ones": "", "random_uniform": "", "random_normal": "", "truncated_normal": "", "orthogonal": "", "identity": "",
	"glorot_uniform": "", "glorot_normal": "", "he_uniform": "", "he_normal": "", "lecun_uniform": "", "lecun_normal": "",
	"variance_scaling": "", "constant": "",
}

var initializerClasses = []string{
	"Zeros", "Ones", "Constant", "RandomUniform", "RandomNormal", "TruncatedNormal", "VarianceScaling", "Orthogonal", "Identity",
	"GlorotUniform", "GlorotNormal", "HeUniform", "HeNormal", "LecunUniform", "LecunNormal",
}

// modernTrainingKeys brings what matters in training alone to the form of Keras
// 3: initializers, regularizers and constraints. What it has no name for is
// left out, with a note: such as functions, which old files name "<lambda>".
func (a *architect) modernTrainingKeys(l *keras.Layer, config *keras.Value) *keras.Value {
	for _, key := range config.Keys() {
		v := config.Get(key)
		now, ok := v, true
		switch {
		case v.IsNull():
			continue
		case strings.HasSuffix(key, "_initializer"):
			now, ok = modernInitializer(v)
		case strings.HasSuffix(key, "_regularizer"):
			now, ok = modernRegularizer(v)
		case strings.HasSuffix(key, "_constraint"):
			now, ok = modernConstraint(v)
		default:
			continue
		}
		if !ok {
			a.j.Note("layer %s: %s is left out: %s", a.path(l), key, v.JSON())
			config = config.Without(key)
			continue
		}
		config = config.With(key, now)
	}
	return config
}

func modernInitializer(v *keras.Value) (*keras.Value, bool) {
	if name, isName := v.Str(); isName {
		now, ok := initializers[keras.SnakeCase(name)]
		if now == "" {
			now = keras.SnakeCase(name)
		}
		return keras.NewString(now), ok
	}
	return modernPart(v, "keras.initializers", initializerClasses)
}

func modernRegularizer(v *keras.Value) (*keras.Value, bool) {
	if name, isName := v.Str(); isName {
		return v, slices.Contains([]string{"l1", "l2", "l1_l2", "orthogonal_regularizer"}, name)
	}
	if v.Has("name") && !v.Has("class_name") { // Keras 1: {"name": "WeightRegularizer", "l1": ..., "l2": ...}
		if !v.Has("l1") && !v.Has("l2") {
			return nil, false
		}
		config := keras.NewObject()
		for _, key := range []string{"l1", "l2"} {
			x := v.Get(key)
			if x == nil {
				x = keras.NewNumber(0)
			}
			config = config.With(key, x)
		}
		return object("keras.regularizers", "L1L2", "", config), true
	}
	return modernPart(v, "keras.regularizers", []string{"L1L2", "L1", "L2", "OrthogonalRegularizer"})
}

// constraintKeys are what Keras 1 called the values of constraints.
var constraintKeys = map[string]string{"m": "max_value"}

func modernConstraint(v *keras.Value) (*keras.Value, bool) {
	classes := []string{"MaxNorm", "NonNeg", "UnitNorm", "MinMaxNorm", "RadialConstraint"}
	if v.Has("name") && !v.Has("class_name") { // Keras 1: {"name": "MaxNorm", "m": 2, "axis": 0}
		name, _ := v.Get("name").Str()
		config := keras.NewObject()
		for i, key := range v.Keys() {
			if now := constraintKeys[key]; now != "" {
				key = now
			}
			if key != "name" {
				config = config.With(key, v.Items()[i])
			}
		}
		return object("keras.constraints", name, "", config), slices.Contains(classes, name)
	}
	if name, isName := v.Str(); isName {
		return v, slices.Contains([]string{"max_norm", "non_neg", "unit_norm", "min_max_norm"}, name)
	}
	return modernPart(v, "keras.constraints", classes)
}

// modernPart gives an object of Keras 2 the module that its class is in.
func modernPart(v *keras.Value, module string, classes []string) (*keras.Value, bool) {
	class, _ := v.Get("class_name").Str()
	class = class[strings.LastIndexByte(class, '>')+1:]
	switch class {
	case "MaxNormConstraint", "NonNegConstraint", "UnitNormConstraint", "MinMaxNormConstraint":
		class = strings.TrimSuffix(class, "Constraint")
	}
	return object(module, class, "", v.Get("config").Without("dtype")), slices.Contains(classes, class)
}
