// Package cost counts what the layers of a model cost: multiplications with
// additions (MACs), and bytes of results. It counts the graph as the layers were
// lowered, before the plan fuses and folds: a layer costs the same here whatever
// stands beside it.
package cost

import (
	"fmt"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// A Layer is the cost of one layer.
type Layer struct {
	// MACs are the multiplications with an addition of convolutions, matrix products
	// and recurrences. Other arithmetic is not counted.
	MACs int64
	// Bytes are those of the results of its ops.
	Bytes int64
}

// Of returns the cost of layers by their paths, for inputs of the given shapes, in
// the order of g.Inputs. Layers without ops (Dropout) are not in it. An error is
// about shapes that do not fit.
func Of(g *graph.Graph, inputs []graph.Shape) (map[string]Layer, error) {
	if len(inputs) != len(g.Inputs) {
		return nil, fmt.Errorf("%w: %d shapes, want those of %d inputs", graph.ErrShape, len(inputs), len(g.Inputs))
	}
	types := make([]graph.Type, len(g.Values))
	for i := range g.Values {
		types[i] = g.Values[i].Type
	}
	for i, in := range g.Inputs {
		types[in.ID].Shape = inputs[i]
	}
	costs := map[string]Layer{}
	for _, n := range g.Nodes {
		in := make([]graph.Type, len(n.In))
		for i, id := range n.In {
			in[i] = types[id]
		}
		out, err := n.Op.Infer(in)
		if err != nil {
			return nil, fmt.Errorf("layer %s: %s: %w", n.Layer, graph.Name(n.Op), err)
		}
		c := costs[n.Layer]
		for i, id := range n.Out {
			types[id] = out[i]
			c.Bytes += elements(out[i].Shape) * int64(out[i].DType.Size())
		}
		c.MACs += macs(n.Op, in, out[0])
		costs[n.Layer] = c
	}
	return costs, nil
}

// macs counts those of an op.
func macs(op graph.Op, in []graph.Type, out graph.Type) int64 {
	switch op.(type) {
	case graph.Conv: // each output: a window of the input channels of its group
		k := in[1].Shape
		return elements(out.Shape) * elements(k[:len(k)-1])
	case graph.DepthwiseConv:
		k := in[1].Shape
		return elements(out.Shape) * elements(k[:len(k)-2])
	case graph.ConvTranspose: // each input: a window of the filters
		k := in[1].Shape
		return elements(in[0].Shape) * elements(k[:len(k)-1])
	case graph.MatMul:
		x := in[0].Shape
		return elements(out.Shape) * int64(max(x[len(x)-1], 0))
	case graph.LSTM, graph.GRU, graph.SimpleRNN: // each step: the kernel and the recurrent kernel
		x := in[0].Shape
		return elements(x[:2]) * (elements(in[1].Shape) + elements(in[2].Shape))
	case graph.ConvLSTM: // each step and position: the recurrent kernel; the kernel is a Conv before it
		z := in[0].Shape
		return elements(z[:len(z)-1]) * elements(in[1].Shape)
	}
	return 0
}

// elements is the product of dimensions; one that is not known counts 1.
func elements(dims []int) int64 {
	n := int64(1)
	for _, d := range dims {
		if d >= 0 {
			n *= int64(d)
		}
	}
	return n
}
