package keras

import (
	"slices"
	"strings"
)

// An eraSet is a set of eras: generations of Keras that gave the same names to things.
type eraSet uint8

const (
	keras1  eraSet = 1 << iota // Keras 1.x
	keras2                     // Keras 2.x, tf.keras and tf_keras
	keras3                     // Keras 3.x
	anyEra  = keras1 | keras2 | keras3
	oldEras = keras1 | keras2
)

func eraOf(v Version) eraSet {
	switch {
	case v.Major <= 1:
		return keras1
	case v.Major == 2:
		return keras2
	}
	return keras3
}

// A classRow says what a class of some eras is called today.
type classRow struct {
	eras     eraSet
	old, now string
	// set holds config members that the new name needs and the old one implied.
	set map[string]*Value
}

// A keyRow changes one config key of some classes of some eras. At most one of
// the actions to, neutral, absent and rewrite is set; values goes with to.
type keyRow struct {
	eras    eraSet
	classes string // today's names, separated by spaces; "*" is every class
	key     string
	// to renames the key.
	to string
	// values replaces the value, by its JSON; others stay.
	values map[string]string
	// neutral drops the key when the JSON of its value is one of these; "*" is
	// any value: it has no effect at inference. A value that is not neutral
	// stays, so that strict decoding refuses it.
	neutral []string
	// absent sets the key when the config lacks it, as that era's default was another.
	absent *Value
	// rewrite returns the config with the key brought to today's form.
	rewrite func(config, value *Value) *Value
}

// applies reports whether the row is about a class of an era.
func (r *keyRow) applies(era eraSet, class string) bool {
	return r.eras&era != 0 && (r.classes == "*" || slices.Contains(strings.Fields(r.classes), class))
}

// apply returns config after the row.
func (r *keyRow) apply(config *Value) *Value {
	v := config.Get(r.key)
	has := config.Has(r.key)
	switch {
	case r.absent != nil:
		if !has {
			return config.With(r.key, r.absent)
		}
	case !has:
	case r.rewrite != nil:
		return r.rewrite(config, v)
	case r.neutral != nil:
		if r.neutral[0] == "*" || slices.Contains(r.neutral, v.JSON()) {
			return config.Without(r.key)
		}
	default:
		if v.Kind() <= String && r.values != nil { // not a list, which may be long
			if now, ok := r.values[v.JSON()]; ok {
				v, _ = ParseJSON([]byte(now), Limits{})
			}
		}
		config = config.With(r.key, v)
		if r.to != "" {
			config = config.rename(r.key, r.to)
		}
	}
	return config
}

// modernize brings the class and the config of a layer to today's names.
func modernize(class string, config *Value, era eraSet) (string, *Value) {
	config = plainMembers(config)
	if class == "Merge" && era != keras3 { // Keras 2.0 and 2.1 still had it
		class, config = splitMerge(config)
	}
	for i := range classRows {
		r := &classRows[i]
		if r.eras&era == 0 || r.old != class {
			continue
		}
		class = r.now
		for _, k := range sortedKeys(r.set) {
			if !config.Has(k) {
				config = config.With(k, r.set[k])
			}
		}
		break
	}
	for i := range keyRows {
		if r := &keyRows[i]; r.eras&era != 0 && (r.absent != nil || config.Has(r.key)) && r.applies(era, class) {
			config = r.apply(config)
		}
	}
	for _, key := range []string{"activation", "recurrent_activation"} {
		if a := config.Get(key); a.Get("config").Kind() == Object {
			if inner, ok := a.Get("class_name").Str(); ok {
				inner, c := modernize(inner, a.Get("config"), era)
				config = config.With(key, a.With("class_name", NewString(inner)).With("config", c))
			}
		}
	}
	return class, config
}

func sortedKeys(m map[string]*Value) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// plainMembers returns config with arrays, tuples and shapes of Python objects as plain lists.
func plainMembers(config *Value) *Value {
	if config.Kind() != Object {
		return NewObject()
	}
	changed := config
	for i, v := range config.list.items {
		if p := plain(v); p != v {
			if changed == config {
				changed = config.clone()
			}
			changed.list.items[i] = p
		}
	}
	return changed
}

// plain returns what a Python object in v holds as JSON, or v itself:
//
//	{"type": "ndarray", "value": ...}                      Keras 2.x
//	{"class_name": "__numpy__", "config": {"value": ...}}  Keras 3, also __tensor__
//	{"class_name": "TensorShape", "items": [...]}          tf.keras, also __tuple__
func plain(v *Value) *Value {
	if v.Kind() != Object {
		return v
	}
	if t, _ := v.Get("type").Str(); t == "ndarray" && v.Has("value") {
		return v.Get("value")
	}
	switch class, _ := v.Get("class_name").Str(); class {
	case "__numpy__", "__tensor__":
		if v.Get("config").Has("value") {
			return v.Get("config").Get("value")
		}
	case "TensorShape", "__tuple__":
		if v.Get("items").Kind() == Array {
			return v.Get("items")
		}
	}
	return v
}

// splitMerge returns the class that a Merge layer of Keras 1 is today, by its
// mode, or "Merge" when there is none: Python code, and cos, whose result has
// another shape.
func splitMerge(config *Value) (string, *Value) {
	raw, _ := config.Get("mode_type").Str()
	mode, _ := config.Get("mode").Str()
	now := map[string]string{
		"sum": "Add", "mul": "Multiply", "concat": "Concatenate", "ave": "Average", "max": "Maximum", "dot": "Dot",
	}[mode]
	if now == "" || raw != "" && raw != "raw" || config.Get("layers").Len() > 0 {
		return "Merge", config
	}
	axis, axes := config.Get("concat_axis"), config.Get("dot_axes")
	config = config.Without("mode", "mode_type", "concat_axis", "dot_axes", "output_shape", "output_shape_type",
		"output_mask", "output_mask_type", "arguments", "layers")
	switch now {
	case "Concatenate":
		config = config.With("axis", axis)
	case "Dot":
		config = config.With("axes", axes)
	}
	return now, config
}
