package source

import (
	"fmt"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/layers"
)

// TFJSNames returns the name of each parameter, by index, in a layers model of
// TensorFlow.js: the name of its layer, whatever models are around it, and its own,
// "dense/kernel". A weight inside a wrapper bears the wrapper's name,
// "time_distributed/kernel", "bidirectional/forward_lstm/kernel", one of stacked cells their
// positions, "rnn/RNNCell_0/kernel". Names are not unique where models inside have
// layers of the same name.
func TFJSNames(p *layers.Program) []string {
	n := tfjsNames{params: p.Graph.Params, of: map[*keras.Layer][]int{}, names: make([]string, len(p.Graph.Params))}
	for i := range p.Layers {
		n.of[p.Layers[i].Layer] = p.Layers[i].Params
	}
	for i := range p.Layers {
		if l := &p.Layers[i]; l.Depth == 0 {
			n.layer(l.Layer, l.Params, l.Name)
		}
	}
	return n.names
}

type tfjsNames struct {
	params []graph.Param
	of     map[*keras.Layer][]int // parameters of each layer
	names  []string
}

// layer names the parameters of l, a part of what is called scope: l's own name, or that of the wrapper around it.
func (n *tfjsNames) layer(l *keras.Layer, params []int, scope string) {
	if len(params) == 0 || l == nil {
		return
	}
	if l.Graph != nil {
		for _, in := range l.Graph.Layers {
			n.layer(in, n.of[in], in.Name)
		}
		return
	}
	inner := func(key string) *keras.Layer {
		if list := l.Inner[key]; len(list) > 0 {
			return list[0]
		}
		return nil
	}
	switch {
	case l.Class == "Bidirectional" && inner("layer") != nil:
		of := inner("layer")
		n.layer(of, params[:len(params)/2], scope+"/forward_"+of.Name)
		n.layer(of, params[len(params)/2:], scope+"/backward_"+of.Name)
	case l.Class == "TimeDistributed" && inner("layer") != nil:
		n.layer(inner("layer"), params, scope)
	case l.Class == "RNN" && (len(l.Inner["cell"]) > 1 || inner("cell") != nil && inner("cell").Class == "StackedRNNCells"):
		position, last := -1, ""
		for _, p := range params {
			if path := n.params[p].Path; position < 0 || path != last {
				position, last = position+1, path
			}
			n.names[p] = fmt.Sprintf("%s/RNNCell_%d/%s", scope, position, n.params[p].Name)
		}
	default:
		for _, p := range params {
			name := n.params[p].Name
			if l.Class == "DepthwiseConv2D" && name == "kernel" {
				name = "depthwise_kernel"
			}
			n.names[p] = scope + "/" + name
		}
	}
}
