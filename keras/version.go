package keras

import (
	"strconv"
	"strings"
)

// ParseVersion reads a version as files give it: "3.15.1", "2.2.4-tf", "2.13.1-rc0".
// Parts that are no numbers count as 0. Keras 2.4 and later of the 2.x line is
// part of TensorFlow, whether or not it says so.
func ParseVersion(text string) Version {
	v := Version{Text: text}
	number, suffix, _ := strings.Cut(text, "-")
	for i, part := range strings.SplitN(number, ".", 3) {
		digits := part
		if j := strings.IndexFunc(part, func(r rune) bool { return r < '0' || r > '9' }); j >= 0 {
			digits = part[:j]
		}
		n, _ := strconv.Atoi(digits)
		*[]*int{&v.Major, &v.Minor, &v.Patch}[i] = n
	}
	v.TF = strings.HasPrefix(suffix, "tf") || v.Major == 2 && v.Minor >= 4
	return v
}

// String returns the version as the file gives it, or "Keras 2 (guessed)".
func (v Version) String() string {
	if v.Text != "" {
		return v.Text
	}
	return "Keras " + strconv.Itoa(v.Major) + " (guessed)"
}

// newest is the last minor release of Keras 3 whose ways are known. A file that does
// not say its own (model.to_json writes none) is taken for one of it.
const newest = 15

// guessVersion tells the generation of Keras that wrote an architecture without
// a version by its dialect.
func guessVersion(root *Value) Version {
	switch d := dialectOf(root); {
	case d.tf:
		return Version{Major: 2, TF: true}
	case d.args || d.module && !d.old:
		return Version{Major: 3, Minor: newest}
	case d.one:
		return Version{Major: 1}
	}
	return Version{Major: 2}
}

// A dialect is what a file shows of its origin.
type dialect struct {
	tf     bool // module of tf_keras
	module bool // some module
	args   bool // inbound nodes or dtype objects of Keras 3
	old    bool // names that Keras 3 never wrote
	one    bool // names that only Keras 1 wrote
}

// dialectOf looks at the layers of root, and at those inside them.
func dialectOf(root *Value) dialect {
	var d dialect
	todo := []*Value{root}
	for len(todo) > 0 {
		v := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if v.Kind() == Array {
			todo = append(todo, v.list.items...)
			continue
		}
		if v.Kind() != Object {
			continue
		}
		module, _ := v.Get("module").Str()
		d.module = d.module || module != ""
		d.tf = d.tf || strings.HasPrefix(module, "tf_keras")
		class, _ := v.Get("class_name").Str()
		config := v.Get("config")
		for _, k := range [...]string{"nb_filter", "border_mode", "dim_ordering", "consume_less", "input_dtype"} {
			d.one = d.one || config.Has(k)
		}
		d.one = d.one || class == "Dense" && config.Has("output_dim")
		d.old = d.old || d.one || config.Has("batch_input_shape") || class == "Model" || class == "Policy" || class == "TFOpLambda" || class == "TensorFlowOpLayer"
		d.args = d.args || class == "__keras_tensor__" || class == "DTypePolicy" || config.Has("batch_shape")
		todo = append(todo, v.list.items...)
	}
	return d
}
