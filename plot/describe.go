package plot

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kerasrun/kerasrun/keras"
)

// classText names a layer's class, with that of what it wraps.
func classText(l *keras.Layer) string {
	if l.Class == "InputLayer" {
		return "Input"
	}
	if in := l.Inner["layer"]; len(in) == 1 {
		return l.Class + "(" + in[0].Class + ")"
	}
	if in := l.Inner["cell"]; len(in) == 1 {
		return l.Class + "(" + in[0].Class + ")"
	}
	return l.Class
}

// familyOf finds the family of a class by its name.
func familyOf(l *keras.Layer) Family {
	class := l.Class
	if insideOf(l) != nil {
		return Nested
	}
	if in := l.Inner["layer"]; len(in) == 1 {
		return familyOf(in[0])
	}
	for _, f := range familyNames {
		if strings.Contains(class, f.part) {
			return f.family
		}
	}
	if l.Operation {
		return Merging
	}
	return Other
}

// familyNames are parts of names of classes; the first that fits decides.
var familyNames = []struct {
	part   string
	family Family
}{
	{"InputLayer", End},
	{"ConvLSTM", Recurrent},
	{"Conv", Convolution},
	{"Dropout", Regularization}, {"Noise", Regularization}, {"ActivityRegularization", Regularization},
	{"BatchNorm", Normalization}, {"LayerNorm", Normalization}, {"GroupNorm", Normalization}, {"RMSNorm", Normalization},
	{"UnitNorm", Normalization}, {"SpectralNorm", Normalization},
	{"Attention", Attention},
	{"LSTM", Recurrent}, {"GRU", Recurrent}, {"RNN", Recurrent},
	{"Pool", Pooling}, {"UpSampling", Pooling},
	{"Dense", DenseFamily}, {"Embedding", DenseFamily},
	{"ReLU", Activation}, {"Relu", Activation}, {"Activation", Activation}, {"Softmax", Activation}, {"ELU", Activation}, {"Sigmoid", Activation},
	{"Concatenate", Merging}, {"Add", Merging}, {"Multiply", Merging}, {"Subtract", Merging}, {"Average", Merging}, {"Maximum", Merging}, {"Minimum", Merging}, {"Dot", Merging},
	{"Reshape", Reshaping}, {"Flatten", Reshaping}, {"Permute", Reshaping}, {"Padding", Reshaping}, {"Cropping", Reshaping}, {"RepeatVector", Reshaping},
	{"Normalization", Preprocessing}, {"Rescaling", Preprocessing}, {"Resizing", Preprocessing}, {"Random", Preprocessing}, {"CenterCrop", Preprocessing},
	{"Vectorization", Preprocessing}, {"Lookup", Preprocessing}, {"Hashing", Preprocessing}, {"Encoding", Preprocessing}, {"Discretization", Preprocessing}, {"Spectrogram", Preprocessing},
}

// optionsText says what matters of a layer's config and of the constants of call i.
func optionsText(l *keras.Layer, i int) string {
	config := l.Config
	var prefix []string
	if in := l.Inner["layer"]; len(in) == 1 && in[0].Graph == nil {
		if mode, ok := config.Get("merge_mode").Str(); ok && mode != "concat" {
			prefix = append(prefix, mode)
		}
		config = in[0].Config
	} else if in := l.Inner["cell"]; len(in) == 1 {
		config = in[0].Config
	}
	parts := append(prefix, configText(config)...)
	if l.Operation && i < len(l.Calls) {
		parts = append(parts, constants(&l.Calls[i])...)
	}
	return strings.Join(parts, ", ")
}

// constants are the operands of an operation that are no tensors, at most three.
func constants(c *keras.Call) []string {
	var out []string
	add := func(name string, a *keras.Arg) {
		if a == nil || a.Kind != keras.ArgConst || a.Const.IsNull() {
			return
		}
		text := "constant"
		switch a.Const.Kind() {
		case keras.Number:
			text = brief(a.Const)
		case keras.Bool, keras.String:
			text = a.Const.JSON()
		}
		if name != "" {
			text = name + " " + text
		}
		out = append(out, text)
	}
	for _, a := range c.Args {
		add("", a)
	}
	for _, k := range c.Kwargs {
		add(k.Name, k.Arg)
	}
	return out[:min(len(out), 3)]
}

// configText lists the options of a config that shape the layer, each only where it is not the usual one.
func configText(c *keras.Value) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	number := func(key string) (float64, bool) { return c.Get(key).Float() }
	text := func(key string) string { s, _ := c.Get(key).Str(); return s }
	size := func(key string) string { return sizes(c.Get(key)) }

	kernel := size("kernel_size")
	if n, ok := number("filters"); ok {
		say("%v %s %s", n, plural(int(n), "filter"), kernel)
	} else if kernel != "" {
		say("%s", kernel)
	}
	if n, ok := number("units"); ok {
		say("%v %s", n, plural(int(n), "unit"))
	}
	if s := size("pool_size"); s != "" {
		say("%s", s)
	}
	if s := size("size"); s != "" {
		say("×%s", s)
	}
	if in, ok := number("input_dim"); ok {
		if n, ok := number("output_dim"); ok {
			say("%v → %v", in, n)
		}
	}
	if n, ok := number("num_heads"); ok {
		heads := fmt.Sprintf("%v %s", n, plural(int(n), "head"))
		if d, ok := number("key_dim"); ok {
			heads += fmt.Sprintf(" of %v", d)
		}
		say("%s", heads)
	}
	if s := size("strides"); s != "" && s != "1" && s != "1×1" && s != "1×1×1" && s != size("pool_size") {
		say("stride %s", same(s))
	}
	if s := text("padding"); s != "" && s != "valid" {
		say("%s", s)
	} else if s := size("padding"); s != "" {
		say("%s", same(s))
	}
	if s := size("cropping"); s != "" {
		say("%s", same(s))
	}
	if s := size("dilation_rate"); s != "" && same(s) != "1" {
		say("dilation %s", same(s))
	}
	for _, k := range []struct{ key, usual, format string }{
		{"groups", "1", "%s groups"}, {"depth_multiplier", "1", "multiplier %s"}, {"rate", "0", "rate %s"}, {"stddev", "0", "stddev %s"},
		{"alpha", "", "alpha %s"}, {"negative_slope", "0", "slope %s"}, {"max_value", "", "max %s"}, {"n", "", "%s times"},
		{"scale", "1", "scale %s"}, {"offset", "0", "offset %s"}, {"height", "", "height %s"}, {"width", "", "width %s"},
	} {
		if v := c.Get(k.key); v.Kind() == keras.Number {
			if s := v.JSON(); strings.TrimSuffix(s, ".0") != k.usual {
				say(k.format, brief(v))
			}
		}
	}
	if s := size("target_shape"); s != "" {
		say("to %s", s)
	}
	if s := size("dims"); s != "" {
		say("axes %s", strings.ReplaceAll(s, "×", ", "))
	}
	_, recurrent := number("recurrent_dropout")
	if s := activationText(c.Get("activation")); s != "" && s != "linear" && !(recurrent && s == "tanh") {
		say("%s", s)
	}
	for _, k := range []struct{ key, say string }{{"return_sequences", "sequences"}, {"go_backwards", "backwards"}, {"stateful", "stateful"}, {"mask_zero", "mask zero"}} {
		if on, ok := c.Get(k.key).Bool(); ok && on {
			say("%s", k.say)
		}
	}
	if on, ok := c.Get("use_bias").Bool(); ok && !on {
		say("no bias")
	}
	if s := text("interpolation"); s != "" {
		say("%s", s)
	}
	if text("data_format") == "channels_first" {
		say("channels first")
	}
	return out
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

// activationText names an activation, which is a name, an object or a layer.
func activationText(v *keras.Value) string {
	if s, ok := v.Str(); ok {
		return s
	}
	if s, ok := v.Get("class_name").Str(); ok {
		if name, ok := v.Get("config").Str(); ok {
			return name
		}
		return s
	}
	return ""
}

// sizes writes a number or an array of numbers as 3×3, and pairs of equal numbers as one.
func sizes(v *keras.Value) string {
	switch v.Kind() {
	case keras.Number:
		return brief(v)
	case keras.Array:
		var parts []string
		for _, item := range v.Items() {
			s := sizes(item)
			if s == "" {
				return ""
			}
			if item.Kind() == keras.Array {
				if s = same(s); strings.Contains(s, "×") {
					s = "(" + strings.ReplaceAll(s, "×", ", ") + ")"
				}
			}
			parts = append(parts, s)
		}
		return strings.Join(parts, "×")
	}
	return ""
}

// same writes equal sizes once.
func same(s string) string {
	parts := strings.Split(s, "×")
	if len(slices.Compact(slices.Clone(parts))) == 1 {
		return parts[0]
	}
	return s
}

// brief writes a number with at most four digits after the point.
func brief(v *keras.Value) string {
	x, ok := v.Float()
	if !ok {
		return ""
	}
	return strconv.FormatFloat(x, 'g', 5, 64)
}
