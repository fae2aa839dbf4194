package source

import (
	"fmt"
	"slices"

	"github.com/kerasrun/kerasrun/hdf5load"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/layers"
)

// gatesOf returns the gates of a class whose weights other eras stored in
// another form, 0 for other classes.
func gatesOf(class string) int {
	switch class {
	case "LSTM", "ConvLSTM2D":
		return 4
	case "GRU":
		return 3
	}
	return 0
}

// bindRecurrent binds the kernel, recurrent kernel and bias idx of a recurrent
// layer to the first of stored and returns how many it took: none when idx is no
// such layer, or the file holds its weights as they are today.
//
// Keras 1 kept three arrays for each gate, those of an LSTM in the order i, c,
// f, o. The cuDNN layers kept two biases and each gate's matrices transposed
// (tf_keras, saving/legacy/hdf5_format.py).
func (e era) bindRecurrent(out []binding, prog *layers.Program, idx []int, stored []hdf5load.Weight, split bool) (taken int) {
	params := prog.Graph.Params
	if len(idx) < 3 {
		return 0
	}
	p := params[idx[0]]
	gates := gatesOf(p.Class)
	for k, name := range []string{"kernel", "recurrent_kernel", "bias"} {
		if q := params[idx[k]]; gates == 0 || q.Layer != p.Layer || q.Class != p.Class || q.Name != name {
			return 0
		}
	}
	switch {
	case e.first && split && len(stored) >= 3*gates:
		order := []int{0, 1, 2}
		if gates == 4 {
			order = []int{0, 2, 1, 3}
		}
		for k := range 3 {
			b := binding{convert: joinColumns}
			if p.Class == "ConvLSTM2D" && k < 2 {
				b.convert = e.joinKernels(prog, p)
			}
			for _, g := range order {
				b.stored = append(b.stored, stored[3*g+k])
			}
			out[idx[k]] = b
		}
		return 3 * gates
	case p.Class != "ConvLSTM2D" && len(stored) >= 3 && slices.Equal(stored[2].Shape(), []int{2 * params[idx[1]].Shape[1]}):
		for k, f := range []conversion{cudnnKernel(gates, false), cudnnKernel(gates, true), cudnnBias} {
			out[idx[k]] = binding{stored: stored[k : k+1], convert: func(stored []graph.Tensor, want graph.Type) (graph.Tensor, error) {
				return f(stored[0], want)
			}}
		}
		return 3
	}
	return 0
}

// joinKernels is joinColumns of the gates' convolution kernels in the form of Keras 1.
func (e era) joinKernels(prog *layers.Program, p graph.Param) func([]graph.Tensor, graph.Type) (graph.Tensor, error) {
	return func(stored []graph.Tensor, want graph.Type) (graph.Tensor, error) {
		part := graph.Type{DType: want.DType, Shape: want.Shape.Clone()}
		part.Shape[len(part.Shape)-1] /= len(stored)
		gates := make([]graph.Tensor, len(stored))
		for k, t := range stored {
			var err error
			if gates[k], err = permuteKernel(t, part, kerasOnePerm(prog, p, t.Shape), 2, e.rotated); err != nil {
				return graph.Tensor{}, fmt.Errorf("gate %d: %w", k, err)
			}
		}
		return joinColumns(gates, want)
	}
}

// joinColumns puts arrays side by side along their last axis.
func joinColumns(stored []graph.Tensor, want graph.Type) (graph.Tensor, error) {
	columns := want.Shape[len(want.Shape)-1] / len(stored)
	part := want.Shape.Clone()
	part[len(part)-1] = columns
	out := graph.NewTensor(want.DType, want.Shape)
	for k, t := range stored {
		if !slices.Equal(t.Shape, part) {
			return graph.Tensor{}, fmt.Errorf("%w: the part of gate %d is %v, want %v", graph.ErrShape, k, t.Shape, part)
		}
		for i := range t.Len() {
			out.SetFloat((i/columns*len(stored)+k)*columns+i%columns, t.Float(i))
		}
	}
	return out, nil
}

// cudnnKernel turns a kernel of cuDNN into Keras's: that of a gate, n x units,
// was kept as units x n, in the same place; that of the states is square and transposed.
func cudnnKernel(gates int, recurrent bool) conversion {
	return func(stored graph.Tensor, want graph.Type) (graph.Tensor, error) {
		if !slices.Equal(stored.Shape, want.Shape) {
			return graph.Tensor{}, fmt.Errorf("%w: stored shape %v, want %v", graph.ErrShape, stored.Shape, want.Shape)
		}
		n, wide := want.Shape[0], want.Shape[1]
		units := wide / gates
		out := graph.NewTensor(want.DType, want.Shape)
		for i := range n {
			for j := range wide {
				g, c := j/units*units, j%units
				at := i + c*n // in the gate's elements, row by row
				if recurrent {
					at = c*units + i
				}
				out.SetFloat(i*wide+j, stored.Float(at/units*wide+g+at%units))
			}
		}
		return out, nil
	}
}

// cudnnBias turns the two biases of cuDNN into Keras's: their sum, or both as
// rows where the layer has two.
func cudnnBias(stored graph.Tensor, want graph.Type) (graph.Tensor, error) {
	out := graph.NewTensor(want.DType, want.Shape)
	n := stored.Len() / 2
	for i := range stored.Len() {
		switch {
		case len(want.Shape) > 1:
			out.SetFloat(i, stored.Float(i))
		case i < n:
			out.SetFloat(i, stored.Float(i)+stored.Float(n+i))
		}
	}
	return out, nil
}
