package source

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/layers"
)

// A conversion turns a stored weight of an old era into today's.
type conversion func(stored graph.Tensor, want graph.Type) (graph.Tensor, error)

// An era says how the convolution kernels of a legacy file are stored.
type era struct {
	// first: Keras 1, which with dim_ordering "th" stores kernels as (filters, channels, rows, columns).
	first bool
	// rotated: trained with Theano, whose convolution flips the kernel where
	// TensorFlow's does not, so that they are turned by 180 degrees.
	rotated bool
}

// eraOf tells the era of a legacy file (tf_keras, saving/legacy/hdf5_format.py).
//
// Keras 1 does not say which backend it ran on, but TensorFlow's variables are
// called "dense_1_W:0" and Theano's "dense_1_W". A Keras 2 file names its
// backend. Keras 2.0 to 2.3 turned kernels of Theano when they loaded them into
// TensorFlow; tf.keras and tf_keras, which are what opens such files today, take
// them as they are, and so does this package, with a warning (ADR 5).
func eraOf(arch *keras.Model, groups legacyStore, o Options) (e era, warning string) {
	e.first = arch.Version.Major == 1
	theano := arch.Backend == "theano"
	switch {
	case o.TheanoKernels != nil:
		e.rotated = *o.TheanoKernels
	case e.first && arch.Backend == "":
		e.rotated = namedByTheano(groups)
	case e.first:
		e.rotated = theano
	case theano && convolves(arch):
		warning = "trained with Theano: convolution kernels are taken as they are stored, as tf_keras does; WithTheanoKernels(true) turns them as Keras 2 on Theano did"
	}
	return e, warning
}

// namedByTheano reports whether no weight has the ":0" of a TensorFlow variable.
func namedByTheano(groups legacyStore) bool {
	any := false
	for _, g := range groups {
		for _, w := range g.Weights {
			if strings.HasSuffix(w.Name, ":0") {
				return false
			}
			any = true
		}
	}
	return any
}

// convolves reports whether the model has a layer whose kernel Theano flips.
func convolves(arch *keras.Model) bool {
	todo := []*keras.Graph{arch.Root.Graph}
	for len(todo) > 0 {
		g := todo[0]
		todo = todo[1:]
		for _, l := range g.Layers {
			if slices.Contains(flipped, l.Class) {
				return true
			}
			if l.Graph != nil {
				todo = append(todo, l.Graph)
			}
		}
	}
	return false
}

// flipped lists the classes whose kernels depend on the backend.
var flipped = []string{"Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose"}

// conversion returns what to do with the stored value of p, or nil to take it as it is.
func (e era) conversion(prog *layers.Program, p graph.Param, stored []int) conversion {
	if p.Name != "kernel" || !slices.Contains(flipped, p.Class) {
		return nil
	}
	rank := len(p.Shape) - 2
	perm := identityPerm(len(p.Shape))
	if e.first {
		perm = kerasOnePerm(prog, p, stored)
	}
	if len(stored) == len(p.Shape) && slices.IsSorted(perm) && !e.rotated {
		return nil
	}
	return func(stored graph.Tensor, want graph.Type) (graph.Tensor, error) {
		return permuteKernel(stored, want, perm, rank, e.rotated)
	}
}

func identityPerm(n int) []int {
	perm := make([]int, n)
	for i := range perm {
		perm[i] = i
	}
	return perm
}

// kerasOnePerm returns which axis of a Keras 1 kernel each axis of today's is.
func kerasOnePerm(prog *layers.Program, p graph.Param, stored []int) []int {
	first := false
	for _, l := range prog.Layers {
		if l.Path == p.Layer && l.Layer != nil {
			f, _ := l.Layer.Config.Get("data_format").Str()
			first = f == "channels_first"
		}
	}
	switch {
	case p.Class == "Conv1D" && len(stored) == 4: // (length, 1, channels, filters) or (filters, channels, length, 1)
		if stored[0] == p.Shape[0] && stored[1] == 1 && stored[3] == p.Shape[2] {
			return []int{0, 2, 3}
		}
		return []int{2, 1, 0}
	case (p.Class == "Conv2D" || p.Class == "ConvLSTM2D") && first:
		return []int{2, 3, 1, 0}
	case p.Class == "Conv3D" && first:
		return []int{2, 3, 4, 1, 0}
	case p.Class == "Conv2DTranspose" && first:
		return []int{2, 3, 0, 1}
	case p.Class == "Conv2DTranspose":
		return []int{0, 1, 3, 2}
	}
	return identityPerm(len(p.Shape))
}

// permuteKernel makes result axis i of stored axis perm[i] (axes that perm
// leaves out have length 1) and reverses the first rank axes when flip.
func permuteKernel(stored graph.Tensor, want graph.Type, perm []int, rank int, flip bool) (graph.Tensor, error) {
	strides := make([]int, len(stored.Shape))
	n := 1
	for i := len(strides) - 1; i >= 0; i-- {
		strides[i] = n
		n *= stored.Shape[i]
	}
	got := make(graph.Shape, len(perm))
	for i, a := range perm {
		if a >= len(stored.Shape) {
			return graph.Tensor{}, fmt.Errorf("%w: stored shape %v, want %v", graph.ErrShape, stored.Shape, want.Shape)
		}
		got[i] = stored.Shape[a]
	}
	if elems, _ := want.Shape.Elems(); !slices.Equal(got, want.Shape) || elems != stored.Len() {
		return graph.Tensor{}, fmt.Errorf("%w: stored shape %v, want %v", graph.ErrShape, stored.Shape, want.Shape)
	}
	out := graph.NewTensor(want.DType, want.Shape)
	index := make([]int, len(perm))
	for i := range out.Len() {
		src := 0
		for a, v := range index {
			if flip && a < rank {
				v = want.Shape[a] - 1 - v
			}
			src += v * strides[perm[a]]
		}
		out.SetFloat(i, stored.Float(src))
		for a := len(index) - 1; a >= 0; a-- {
			if index[a]++; index[a] < want.Shape[a] {
				break
			}
			index[a] = 0
		}
	}
	return out, nil
}
