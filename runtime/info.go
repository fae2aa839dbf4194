package runtime

import (
	"fmt"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// FileInfo says what was opened.
type FileInfo struct {
	Name    string // as given; "" for a reader
	Format  string // "Keras archive (.keras)"
	Weights string // the file of the weights where it is another one
	Bytes   int64  // of the file or files
	Keras   string // version that wrote it, "" when the file does not say
	Backend string // "tensorflow", ... or ""
	// Warnings say what was assumed where the file leaves room for doubt.
	Warnings []string
}

// An IO is an input or output of a model.
type IO struct {
	Name  string
	DType DType
	Shape Shape // the batch first; -1 where free
}

// LayerInfo describes a layer or operation node.
type LayerInfo struct {
	Path      string // by names, from the outermost model inwards: "encoder/dense_1"
	Name      string
	Class     string
	Depth     int // 0 in the outermost model
	Operation bool
	Outputs   []IO     // results of the first call
	Params    int64    // elements of all weights, those of inner layers included
	Trainable int64    // of which trained
	Inbound   []string // layers that feed it: "conv2d[0][0]"
}

// File says what was opened.
func (m *Model) File() FileInfo { return m.file }

// Architecture returns the parsed architecture: plain data that must not be changed.
func (m *Model) Architecture() *keras.Model { return m.arch }

// Name returns the name of the model.
func (m *Model) Name() string { return m.arch.Root.Name }

// Inputs describes the inputs, in the order that Predict takes them.
func (m *Model) Inputs() []IO { return describe(m.prog.Graph.Inputs) }

// Outputs describes the outputs, in the order that Predict returns them.
func (m *Model) Outputs() []IO { return describe(m.prog.Graph.Outputs) }

func describe(values []graph.Named) []IO {
	out := make([]IO, len(values))
	for i, v := range values {
		out[i] = IO{v.Name, v.DType, v.Shape.Clone()}
	}
	return out
}

// Layers describes the layers in the order of the file; the layers inside a
// nested model follow it, one Depth further in.
func (m *Model) Layers() []LayerInfo {
	out := make([]LayerInfo, len(m.prog.Layers))
	for i, l := range m.prog.Layers {
		info := LayerInfo{Path: l.Path, Name: l.Name, Class: l.Class, Depth: l.Depth, Operation: l.Operation, Inbound: l.Inbound}
		if len(l.Calls) > 0 {
			for j, v := range l.Calls[0] {
				info.Outputs = append(info.Outputs, IO{fmt.Sprint(j), v.DType, v.Shape.Clone()})
			}
		}
		for _, p := range l.Params {
			n, _ := m.prog.Graph.Params[p].Shape.Elems()
			info.Params += int64(n)
			if m.prog.Graph.Params[p].Trainable {
				info.Trainable += int64(n)
			}
		}
		out[i] = info
	}
	return out
}

// A Weight is a weight of the model. Data is shared: it must not be changed.
type Weight struct {
	Layer     string // path of the layer
	Name      string // "kernel"
	Trainable bool
	Tensor
}

// Weights returns all weights, layer by layer in order of creation.
func (m *Model) Weights() []Weight {
	out := make([]Weight, len(m.weights))
	for i, p := range m.prog.Graph.Params {
		out[i] = Weight{p.Layer, p.Name, p.Trainable, m.weights[i]}
	}
	return out
}

// PlanText returns the steps for inputs of the given shapes, batch included,
// one a line: what is computed with what fused, its result and its kernel.
func (m *Model) PlanText(shapes ...Shape) (string, error) {
	p, err := m.plan(shapes)
	if err != nil {
		return "", inputError(err)
	}
	return p.String(), nil
}
