package expression

import (
	"strings"
	"sync"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/layers/operation"
)

// A function is what a dotted name stands for: a function of TensorFlow by its
// name there, or an operation of keras.ops by its class.
type function struct {
	tensorflow string
	class      string
}

// A backendFunction is one of keras.backend: the function of TensorFlow it is, its
// parameters in order, and defaults that are other ones than TensorFlow's.
type backendFunction struct {
	tensorflow string
	params     string
	defaults   map[string]*keras.Value
}

// last is the default axis of several functions of keras.backend.
var last = map[string]*keras.Value{"axis": keras.NewInt(-1)}

// backendFunctions are those of keras.backend whose name or parameters are not
// TensorFlow's: https://www.tensorflow.org/api_docs/python/tf/keras/backend.
// Parameters are those of the function of TensorFlow, in the order of keras.backend.
var backendFunctions = map[string]backendFunction{
	"mean":               {tensorflow: "math.reduce_mean", params: "input_tensor axis keepdims"},
	"sum":                {tensorflow: "math.reduce_sum", params: "input_tensor axis keepdims"},
	"max":                {tensorflow: "math.reduce_max", params: "input_tensor axis keepdims"},
	"min":                {tensorflow: "math.reduce_min", params: "input_tensor axis keepdims"},
	"prod":               {tensorflow: "math.reduce_prod", params: "input_tensor axis keepdims"},
	"var":                {tensorflow: "math.reduce_variance", params: "input_tensor axis keepdims"},
	"std":                {tensorflow: "math.reduce_std", params: "input_tensor axis keepdims"},
	"logsumexp":          {tensorflow: "math.reduce_logsumexp", params: "input_tensor axis keepdims"},
	"any":                {tensorflow: "math.reduce_any", params: "input_tensor axis keepdims"},
	"all":                {tensorflow: "math.reduce_all", params: "input_tensor axis keepdims"},
	"clip":               {tensorflow: "clip_by_value", params: "t=x clip_value_min=min_value clip_value_max=max_value"},
	"expand_dims":        {tensorflow: "expand_dims", params: "input=x axis", defaults: last},
	"squeeze":            {tensorflow: "squeeze", params: "input=x axis"},
	"concatenate":        {tensorflow: "concat", params: "values=tensors axis", defaults: last},
	"stack":              {tensorflow: "stack", params: "values=x axis"},
	"permute_dimensions": {tensorflow: "transpose", params: "a=x perm=pattern"},
	"reshape":            {tensorflow: "reshape", params: "tensor=x shape"},
	"tile":               {tensorflow: "tile", params: "input=x multiples=n"},
	"repeat_elements":    {tensorflow: "repeat", params: "input=x repeats=rep axis"},
	"reverse":            {tensorflow: "reverse", params: "tensor=x axis=axes"},
	"l2_normalize":       {tensorflow: "nn.l2_normalize", params: "x axis"},
	"softmax":            {tensorflow: "nn.softmax", params: "logits=x axis"},
	"relu":               {tensorflow: "nn.relu", params: "features=x"},
	"elu":                {tensorflow: "nn.elu", params: "features=x"},
	"softplus":           {tensorflow: "nn.softplus", params: "features=x"},
	"softsign":           {tensorflow: "nn.softsign", params: "features=x"},
	"stop_gradient":      {tensorflow: "stop_gradient", params: "input=variables"},
	"cast":               {tensorflow: "cast", params: "x dtype"},
	"gather":             {tensorflow: "gather", params: "params=reference indices"},
}

// modules are the names that stand for a package, the longest first, and which one.
var modules = []struct{ prefix, of string }{
	{"tensorflow.keras.backend.", "backend"}, {"tf.keras.backend.", "backend"}, {"tensorflow.keras.ops.", "ops"}, {"tf.keras.ops.", "ops"},
	{"keras.backend.", "backend"}, {"backend.", "backend"}, {"K.", "backend"},
	{"keras.ops.", "ops"}, {"ops.", "ops"}, {"tensorflow.", "tf"}, {"tf.", "tf"},
}

// opsClasses are the classes of keras.ops by the names of their functions.
var opsClasses = sync.OnceValue(func() map[string]string {
	out := map[string]string{}
	for _, c := range operation.Classes() {
		out[keras.SnakeCase(c)] = c
	}
	return out
})

// tensorflows are the functions of TensorFlow that are known.
var tensorflows = sync.OnceValue(func() map[string]bool {
	out := map[string]bool{}
	for _, f := range operation.TFFunctions() {
		out[f] = true
	}
	return out
})

// find returns what a dotted name stands for.
func find(dotted string) (f function, b *backendFunction, ok bool) {
	of, rest := "", dotted
	for _, m := range modules {
		if r, found := strings.CutPrefix(dotted, m.prefix); found {
			of, rest = m.of, r
			break
		}
	}
	switch of {
	case "ops":
		rest = strings.TrimPrefix(strings.TrimPrefix(rest, "nn."), "numpy.")
		class, ok := opsClasses()[rest]
		return function{class: class}, nil, ok
	case "backend":
		if b, ok := backendFunctions[rest]; ok {
			return function{tensorflow: b.tensorflow}, &b, true
		}
	case "":
		if rest != "abs" && rest != "pow" && rest != "round" {
			return f, nil, false
		}
	}
	if rest == "sqrt" && of == "backend" { // that of numbers below 0 is 0 there
		return f, nil, false
	}
	for _, in := range []string{"", "math.", "nn."} {
		if tensorflows()[in+rest] {
			return function{tensorflow: in + rest}, nil, true
		}
	}
	return f, nil, false
}
