package layers

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/hdf5load"
	"github.com/kerasrun/kerasrun/keras"
)

// A golden is a case of testdata/models: its name and the model as Keras wrote it.
type golden struct {
	name  string
	model *keras.Model
}

// goldens reads the architectures of all golden cases, in the order of their names.
func goldens(t *testing.T) []golden {
	t.Helper()
	all, err := readGoldens()
	require.NoError(t, err)
	return all
}

var readGoldens = sync.OnceValues(func() ([]golden, error) {
	names, err := filepath.Glob("../../testdata/models/*/case.json")
	var out []golden
	for _, name := range names {
		g, err := readGolden(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, g)
	}
	return out, err
})

func readGolden(name string) (golden, error) {
	var c struct{ Name, Model string }
	text, err := os.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		return golden{}, err
	}
	config, hint, err := architecture(filepath.Join(filepath.Dir(name), c.Model))
	if err != nil {
		return golden{}, err
	}
	m, err := keras.ParseArchitecture(config, hint, keras.Limits{})
	return golden{c.Name, m}, err
}

// architecture reads the architecture in a model file of any kind.
func architecture(name string) (config []byte, hint keras.Hint, err error) {
	if st, err := os.Stat(name); err == nil && st.IsDir() {
		config, _ = os.ReadFile(filepath.Join(name, "config.json"))
		hint.Metadata, err = os.ReadFile(filepath.Join(name, "metadata.json"))
		return config, hint, err
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, hint, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, hint, err
	}
	switch filepath.Ext(name) {
	case ".json":
		config, err = os.ReadFile(name)
		return config, hint, err
	case ".keras":
		a, err := keras.OpenArchive(f, st.Size(), keras.Limits{})
		if err != nil {
			return nil, hint, err
		}
		return a.Config, keras.Hint{Metadata: a.Metadata}, nil
	}
	h, err := hdf5load.Open(f, st.Size(), hdf5load.Limits{})
	if err != nil {
		return nil, hint, err
	}
	texts := map[string]string{}
	for _, key := range []string{"model_config", "keras_version"} {
		a, err := h.Root().Attr(key)
		if err != nil {
			return nil, hint, err
		}
		text, err := a.Strings()
		if err != nil {
			return nil, hint, err
		}
		texts[key] = text[0]
	}
	return []byte(texts["model_config"]), keras.Hint{Version: texts["keras_version"]}, nil
}

// A use is a layer of a golden case.
type use struct {
	name  string // of the case
	major int    // of the Keras that answered
	layer *keras.Layer
}

// uses lists the layers of all golden cases by class.
func uses(t *testing.T) map[string][]use {
	out := map[string][]use{}
	for _, g := range goldens(t) {
		var walk func(l *keras.Layer)
		walk = func(l *keras.Layer) {
			if !l.Operation {
				out[l.Class] = append(out[l.Class], use{g.name, g.model.Version.Major, l})
			}
			if l.Graph != nil {
				for _, in := range l.Graph.Layers {
					walk(in)
				}
			}
			for _, inner := range l.Inner {
				for _, in := range inner {
					walk(in)
				}
			}
		}
		walk(g.model.Root)
	}
	return out
}

// withoutCase are the classes, by "class Keras", that a Keras has and no case of it, and why.
var withoutCase = map[string]string{
	"SpectralNormalization 2": "tf_keras 2.21 cannot build one: it takes the InputSpec of Keras 3",
}

// TestEveryClassHasACase holds that every Keras of today that has a class has
// answered for it.
func TestEveryClassHasACase(t *testing.T) {
	all := uses(t)
	for _, c := range builtinClasses {
		for _, r := range c.versions() {
			major := keras.ParseVersion(r).Major
			if major > 1 && withoutCase[fmt.Sprint(c.name, " ", major)] == "" && !slices.ContainsFunc(all[c.name], func(u use) bool { return u.major == major }) {
				t.Errorf("class %s has no golden case of Keras %d: add a line to python/cases.py", c.name, major)
			}
		}
		for _, u := range all[c.name] {
			if !slices.ContainsFunc(c.versions(), func(r string) bool { return keras.ParseVersion(r).Major == u.major }) {
				t.Errorf("class %s is in case %s, but not in Keras %d by its table line", c.name, u.name, u.major)
			}
		}
	}
}

// withoutOption are the options, by "class.key", that no case has with another
// value than the default, and why.
var withoutOption = map[string]string{
	"Discretization.sparse":          "refused",
	"HashedCrossing.sparse":          "refused",
	"Hashing.sparse":                 "refused",
	"IntegerLookup.sparse":           "refused",
	"IntegerLookup.vocabulary_dtype": "another one is refused",
	"Resizing.fill_mode":             "Keras has no other",
	"StringLookup.encoding":          "another one is refused",
	"StringLookup.sparse":            "refused",
	"TextVectorization.encoding":     "another one is refused",
	"TextVectorization.ragged":       "refused",
	"TextVectorization.sparse":       "refused",
}

// TestEveryOptionHasACase holds that both Kerases have answered for another
// value than the default of each config key that they write, of each class.
func TestEveryOptionHasACase(t *testing.T) {
	all := uses(t)
	classes := slices.Concat(builtinClasses, []class{
		{name: "LSTMCell", config: lstmLayer.config}, {name: "GRUCell", config: gruLayer.config}, {name: "SimpleRNNCell", config: simpleRNNLayer.config},
	})
	missing := map[string]bool{}
	for _, c := range classes {
		defaults := fields(c.config())
		for major := 2; major <= 3; major++ {
			seen, covered := map[string]bool{}, map[string]bool{}
			for _, u := range all[c.name] {
				if u.major != major {
					continue
				}
				config := c.config()
				require.NoError(t, keras.DecodeConfig(u.layer.Config, config), u.name)
				for key, v := range fields(config) {
					seen[key] = seen[key] || u.layer.Config.Has(key)
					covered[key] = covered[key] || optionText(v) != optionText(defaults[key])
				}
			}
			for key, v := range defaults {
				name := c.name + "." + key
				if !seen[key] || covered[key] || v.Type() == reflect.TypeFor[keras.TrainingOnly]() {
					continue
				}
				missing[name] = true
				if withoutOption[name] == "" {
					t.Errorf("no case of Keras %d has %s other than %s: add a line to python/cases.py", major, name, optionText(v))
				}
			}
		}
	}
	for name := range withoutOption {
		require.True(t, missing[name], "%s has cases: take it off the list", name)
	}
}

// fields are the fields of a config, a pointer to a struct, by their key.
func fields(config any) map[string]reflect.Value {
	out := map[string]reflect.Value{}
	eachField(config, func(key string, v reflect.Value) { out[key] = v })
	return out
}

// eachField calls f for the fields of a config, a pointer to a struct, in order.
func eachField(config any, f func(key string, v reflect.Value)) {
	var walk func(v reflect.Value)
	walk = func(v reflect.Value) {
		for i := range v.NumField() {
			field := v.Type().Field(i)
			key, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			switch {
			case field.Anonymous && key == "":
				walk(v.Field(i))
			case key != "" && field.IsExported():
				f(key, v.Field(i))
			}
		}
	}
	walk(reflect.ValueOf(config).Elem())
}

// optionText is the value of an option, the same for values that mean the same.
func optionText(v reflect.Value) string {
	if w, ok := v.Interface().(whole); ok && len(w.list) > 0 && slices.Max(w.list) == slices.Min(w.list) {
		return fmt.Sprint(w.list[0])
	}
	return defaultText(v)
}
