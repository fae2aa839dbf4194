package runtime

import (
	"fmt"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/source"
	"github.com/kerasrun/kerasrun/runtime/weight"
)

// FileInfo says what was opened.
type FileInfo = source.Info

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

// A Weight describes a weight of the model.
type Weight struct {
	Layer     string // path of the layer
	Name      string // "kernel"
	Trainable bool
	DType     DType
	Shape     Shape
}

// Len is the number of elements.
func (w Weight) Len() int {
	n, _ := w.Shape.Elems()
	return n
}

// Weights describes all weights, layer by layer in order of creation.
func (m *Model) Weights() []Weight {
	out := make([]Weight, len(m.prog.Graph.Params))
	for i, p := range m.prog.Graph.Params {
		out[i] = Weight{p.Layer, p.Name, p.Trainable, p.DType, p.Shape.Clone()}
	}
	return out
}

// WeightValues returns the values of all weights, in the order of m.Weights.
// They must not be changed. Unless KeepWeights was set they are read from the
// file again, and it is an error if that has changed.
func (m *Model) WeightValues() ([]Tensor, error) {
	var out []Tensor
	err := m.withWeights(func(weights []*weight.Value) error {
		for _, w := range weights {
			t, err := w.Tensor()
			if err != nil {
				return err
			}
			out = append(out, t)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
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
