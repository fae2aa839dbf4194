package layers

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

var (
	keras1   = keras.Version{Major: 1, Minor: 2, Patch: 2, Text: "1.2.2"}
	keras2   = keras.Version{Major: 2, Minor: 15, TF: true, Text: "2.15.0"}
	keras224 = keras.Version{Major: 2, Minor: 2, Patch: 4, Text: "2.2.4"}
	keras333 = keras.Version{Major: 3, Minor: 3, Patch: 3, Text: "3.3.3"}
	keras3   = keras.Version{Major: 3, Minor: 15, Text: "3.15.1"}
)

// A classTest lowers one layer. in lists the inputs, as "uint8[null,4] ...", or
// float32 by default. want is one line: the weights, * for trainable ones, the
// nodes and the result.
type classTest struct{ class, config, in, want string }

// lowerClass lowers a layer called on inputs, a list when there are several. A
// last input "mask:" is passed as the mask.
func lowerClass(t *testing.T, v keras.Version, c classTest) (*Program, error) {
	t.Helper()
	l := layer(t, c.class, "l", c.config)
	l.Inner = map[string][]*keras.Layer{}
	for _, key := range []string{"layer", "backward_layer", "cell"} {
		if v := l.Config.Get(key); v != nil {
			class, _ := v.Get("class_name").Str()
			l.Inner[key] = []*keras.Layer{layer(t, class, "inner", v.Get("config").JSON())}
		}
	}
	var ins, all []*keras.Arg
	var kwargs []keras.NamedArg
	layers := []*keras.Layer{}
	for i, text := range strings.Fields(c.in) {
		text, masked := strings.CutPrefix(text, "mask:")
		dtype, shape, _ := strings.Cut(text, "[")
		if dtype == "" {
			dtype = "float32"
		}
		in := layer(t, "InputLayer", fmt.Sprint("x", i), fmt.Sprintf(`{"batch_shape":[%s,"dtype":%q}`, shape, dtype))
		layers, all = append(layers, in), append(all, tensor(in))
		if masked {
			kwargs = append(kwargs, keras.NamedArg{Name: "mask", Arg: tensor(in)})
		} else {
			ins = append(ins, tensor(in))
		}
	}
	arg := ins[0]
	if len(ins) > 1 {
		arg = list(ins...)
	}
	l.Calls = []keras.Call{{Args: []*keras.Arg{arg}, Kwargs: kwargs}}
	root := functional(t, "m", list(all...), tensor(l), append(layers, l)...)
	return lower(&keras.Model{Root: root, Version: v}, Options{}, builtinClasses)
}

// brief is the graph of a classTest on one line.
func brief(g *graph.Graph) string {
	var weights, nodes []string
	for _, p := range g.Params {
		star := ""
		if p.Trainable {
			star = "*"
		}
		weights = append(weights, fmt.Sprintf("%s%s%v", p.Name, star, p.Shape))
	}
	for _, n := range g.Nodes {
		nodes = append(nodes, graph.Describe(n.Op))
	}
	out := g.Outputs[0]
	return strings.Join([]string{strings.Join(weights, " "), strings.Join(nodes, " "), fmt.Sprintf("%v%v", out.DType, out.Shape)}, " | ")
}

func checkClasses(t *testing.T, v keras.Version, tests []classTest) {
	t.Helper()
	for _, c := range tests {
		t.Run(c.class+" "+c.config, func(t *testing.T) {
			p, err := lowerClass(t, v, c)
			require.NoError(t, err)
			require.Equal(t, c.want, brief(p.Graph))
		})
	}
}
