package runtime

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kerasrun/kerasrun/hdf5load"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/layers"
)

// A store is a file's weights in one of Keras's layouts: a pathStore or a legacyStore.
type store any

// A binder pairs declared weights with stored ones.
type binder interface {
	// bind pairs the parameters of prog, by index, with stored weights. A
	// parameter may have several when the file's era split what is one today.
	bind(prog *layers.Program) ([]binding, error)
}

// A binding says where the value of a parameter is stored.
type binding struct {
	stored []hdf5load.Weight
	// convert turns stored arrays into the parameter's, or is nil when they are the same.
	convert func(stored []graph.Tensor, want graph.Type) (graph.Tensor, error)
}

// readWeights reads the value of every parameter, in the order of Graph.Params.
func readWeights(prog *layers.Program, from binder, limit int64) ([]graph.Tensor, error) {
	params := prog.Graph.Params
	total := int64(0)
	for _, p := range params {
		n, _ := p.Shape.Elems()
		if total += int64(n) * int64(p.DType.Size()); total > limit || total < 0 {
			return nil, fmt.Errorf("%w: the weights need more than %d bytes", ErrLimit, limit)
		}
	}
	bound, err := from.bind(prog)
	if err != nil {
		return nil, err
	}
	out := make([]graph.Tensor, len(params))
	for i, p := range params {
		t, err := readParam(p, bound[i])
		if err != nil {
			return nil, fmt.Errorf("layer %s (%s): weight %q: %w", p.Layer, p.Class, p.Name, err)
		}
		out[i] = t
	}
	return out, nil
}

// readParam reads one parameter straight into its tensor where the file holds it as it is.
func readParam(p graph.Param, b binding) (graph.Tensor, error) {
	if b.convert != nil {
		stored := make([]graph.Tensor, len(b.stored))
		for i, w := range b.stored {
			d := p.DType
			t, err := readStored(w, d, w.Shape())
			if err != nil {
				return graph.Tensor{}, err
			}
			stored[i] = t
		}
		return b.convert(stored, p.Type)
	}
	w := b.stored[0]
	if !slices.Equal(w.Shape(), p.Shape) {
		return graph.Tensor{}, fmt.Errorf("%w: stored %q is %v, want %v", graph.ErrShape, w.Name, graph.Shape(w.Shape()), p.Shape)
	}
	return readStored(w, p.DType, p.Shape)
}

// readStored reads a stored array as elements of type d.
func readStored(w hdf5load.Weight, d graph.DType, shape graph.Shape) (graph.Tensor, error) {
	raw := d
	switch stored := w.DType(); {
	case d == graph.BFloat16 || d == graph.Float16:
		// Read as stored bits when they are, else through float32.
		if want := map[graph.DType]hdf5load.DType{graph.Float16: hdf5load.Float16, graph.BFloat16: hdf5load.BFloat16}[d]; stored != want && !(d == graph.BFloat16 && stored == hdf5load.Opaque) {
			raw = graph.Float32
		}
	case stored == hdf5load.Opaque && d.Floating(): // Keras 2 writes bfloat16 so
		raw = graph.BFloat16
	}
	n, ok := shape.Elems()
	if !ok {
		return graph.Tensor{}, fmt.Errorf("%w: stored shape %v", graph.ErrShape, shape)
	}
	if have, _ := graph.Shape(w.Shape()).Elems(); n != have {
		return graph.Tensor{}, fmt.Errorf("%w: %v has %d elements, stored are %d", graph.ErrShape, shape, n, have)
	}
	t := graph.NewTensor(raw, shape)
	if err := w.Read(t.Data); err != nil {
		return graph.Tensor{}, err
	}
	return t.Cast(d), nil
}

// fileOrder sorts parameters of one layer into the order of the file: Keras
// keeps trained variables before the others, whether or not they are frozen.
func fileOrder(params []graph.Param, idx []int) []int {
	idx = slices.Clone(idx)
	slices.SortStableFunc(idx, func(a, b int) int { return kindRank(params[a]) - kindRank(params[b]) })
	return idx
}

func kindRank(p graph.Param) int {
	if p.Trainable || p.Frozen {
		return 0
	}
	return 1
}

// list joins names for a message, shortened.
func list(names []string) string {
	if len(names) > 6 {
		names = append(slices.Clone(names[:6]), "...")
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
