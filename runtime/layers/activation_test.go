package layers

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

func TestActivationNames(t *testing.T) {
	// The order is that of the table in https://keras.io/api/layers/activations/ by name.
	want := map[string]string{
		"celu":           "Activation{Func:celu A:1}",
		"elu":            "Activation{Func:elu A:1}",
		"exponential":    "Activation{Func:exponential}",
		"gelu":           "Activation{Func:gelu}",
		"hard_shrink":    "Activation{Func:hard_shrink A:0.5}",
		"hard_sigmoid":   "Activation{Func:hard_sigmoid A:0.16666666666666666 B:0.5}",
		"hard_silu":      "Activation{Func:hard_silu}",
		"hard_swish":     "Activation{Func:hard_silu}",
		"hard_tanh":      "Activation{Func:hard_tanh}",
		"leaky_relu":     "Activation{Func:relu A:0.2 B:+Inf}",
		"linear":         "",
		"log_sigmoid":    "Activation{Func:log_sigmoid}",
		"log_softmax":    "Softmax{Axes:[-1] Log:true}",
		"mish":           "Activation{Func:mish}",
		"relu":           "Activation{Func:relu B:+Inf}",
		"relu6":          "Activation{Func:relu B:6}",
		"selu":           "Activation{Func:selu}",
		"sigmoid":        "Activation{Func:sigmoid}",
		"silu":           "Activation{Func:silu}",
		"soft_shrink":    "Activation{Func:soft_shrink A:0.5}",
		"softmax":        "Softmax{Axes:[-1]}",
		"softplus":       "Activation{Func:softplus}",
		"softsign":       "Activation{Func:softsign}",
		"sparse_plus":    "Activation{Func:sparse_plus}",
		"sparse_sigmoid": "Activation{Func:sparse_sigmoid}",
		"sparsemax":      "Sparsemax",
		"squareplus":     "Activation{Func:squareplus A:4}",
		"swish":          "Activation{Func:silu}",
		"tanh":           "Activation{Func:tanh}",
		"tanh_shrink":    "Activation{Func:tanh_shrink}",
		"glu":            "Slice{Ranges:[{Step:1} {Stop:2 Step:1 HasStop:true}]} Slice{Ranges:[{Step:1} {Start:2 Step:1 HasStart:true}]} Activation{Func:sigmoid} Binary{Func:mul}",
	}
	for name, ops := range want {
		shape := "(None, 4)"
		if name == "glu" {
			shape = "(None, 2)"
		}
		for _, spelling := range []string{`%q`, `{"module":"builtins","class_name":"function","config":%q,"registered_name":"function"}`} {
			c := classTest{class: "Activation", config: fmt.Sprintf(`{"activation":`+spelling+`}`, name), in: "[null,4]"}
			p, err := lowerClass(t, keras3, c)
			require.NoError(t, err, c.config)
			require.Equal(t, " | "+ops+" | float32"+shape, brief(p.Graph), c.config)
		}
	}
}

func TestActivationLayerDicts(t *testing.T) {
	for text, ops := range map[string]string{
		`{"module":"keras.layers","class_name":"LeakyReLU","config":{"name":"r","negative_slope":0.1},"registered_name":null}`: "Activation{Func:relu A:0.1 B:+Inf}",
		`{"class_name":"LeakyReLU","config":{"name":"r","trainable":true,"alpha":0.1}}`:                                        "Activation{Func:relu A:0.1 B:+Inf}",
		`{"class_name":"ReLU","config":{"max_value":6.0}}`:                                                                     "Activation{Func:relu B:6}",
		`{"class_name":"ELU","config":{"alpha":0.5}}`:                                                                          "Activation{Func:elu A:0.5}",
		`{"class_name":"Softmax","config":{"axis":1}}`:                                                                         "Softmax{Axes:[1]}",
		`"ThresholdedReLU"`: "Activation{Func:threshold A:1}",
		`null`:              "",
	} {
		p, err := lowerClass(t, keras3, classTest{class: "Activation", config: `{"activation":` + text + `}`, in: "[null,4]"})
		require.NoError(t, err, text)
		require.Equal(t, " | "+ops+" | float32(None, 4)", brief(p.Graph), text)
	}
}

// A layer dict is decoded as strictly as a layer.
func TestActivationLayerDictIsStrict(t *testing.T) {
	_, err := lowerClass(t, keras3, classTest{class: "Activation", config: `{"activation":{"class_name":"ReLU","config":{"slope":1}}}`, in: "[null,4]"})
	require.ErrorIs(t, err, keras.ErrUnsupported)
	require.ErrorContains(t, err, `"slope"`)
}

func TestHardSigmoidByVersion(t *testing.T) {
	for v, ops := range map[keras.Version]string{
		keras1: "A:0.2 B:0.5",
		keras2: "A:0.2 B:0.5",
		keras3: "A:0.16666666666666666 B:0.5",
	} {
		p, err := lowerClass(t, v, classTest{class: "Dense", config: `{"units":2,"use_bias":false,"activation":"hard_sigmoid"}`, in: "[null,4]"})
		require.NoError(t, err)
		require.Contains(t, brief(p.Graph), "Activation{Func:hard_sigmoid "+ops+"}", v.Text)
	}
}

// An activation along the last axis sees that of the layer's data format.
func TestActivationAlongAxis(t *testing.T) {
	s := &scope{shared: &shared{options: Options{Activations: map[string]ActivationFunc{"mine": func(_ *LayerBuilder, x graph.Value) (graph.Value, error) { return x, nil }}}}}
	for _, text := range []string{`"softmax"`, `"log_softmax"`, `"sparsemax"`, `{"class_name":"Softmax","config":{}}`, `{"class_name":"function","config":"softmax"}`, `"mine"`} {
		a := activationArg{config(t, text)}
		require.True(t, s.alongAxis(a), text)
	}
	for _, text := range []string{`"relu"`, `null`, `{"class_name":"ReLU","config":{}}`} {
		a := activationArg{config(t, text)}
		require.False(t, s.alongAxis(a), text)
	}
}
