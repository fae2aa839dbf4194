package keras

import "slices"

// A Model is a parsed architecture: the outermost layer, which is itself a
// model, and what the file says about its making.
type Model struct {
	// Root is the model as a layer: class Sequential or Functional, with Graph set.
	Root *Layer
	// File is the architecture as the file has it, in the names of the Keras that wrote it.
	File *Value
	// Version is the Keras that wrote the file, whose semantics the model has.
	Version Version
	// Backend is "tensorflow", "theano", "jax", "torch" or "" when unknown.
	Backend string
	// Training is the compile config (training_config in .h5), or nil.
	Training *Value
}

// A Layer is one layer of a model, or one operation node.
type Layer struct {
	// Class is the class name of Keras 3 ("Conv2D" also for Keras 1's
	// "Convolution2D", "Functional" also for Keras 2's "Model"). A custom class
	// whose name is also one of Keras's has its package in front: "mine>Dense".
	Class string
	// FileClass is the class as the file names it, without the package of a
	// registered class: weight paths are made from it.
	FileClass string
	// Name is unique among the layers of a Graph.
	Name string
	// Module and Registered are as in the file, "" when absent.
	Module, Registered string
	// Operation reports a node made by calling keras.ops (x + y), not a layer.
	Operation bool
	// Synthetic reports an InputLayer that the file lacks: it was added in front
	// of a Sequential from the shape that the file gives elsewhere.
	Synthetic bool
	// Config is the config object after the era table, never nil.
	Config *Value
	// BuildConfig is the build_config object of Keras 3, or nil.
	BuildConfig *Value
	// Calls lists the places where the layer is applied in its Functional
	// model, in node order. It is empty for an InputLayer and in a Sequential.
	Calls []Call
	// Graph is set when the layer is itself a model.
	Graph *Graph
	// Inner holds the layers a wrapper wraps, by config key: "layer",
	// "backward_layer", "cell", "cells", "layers" of a Pipeline. Their Config also stands in Config,
	// except for a model.
	Inner map[string][]*Layer
}

// A Graph is the inside of a model.
type Graph struct {
	// Sequential reports that Layers are applied one after the other and that
	// Inputs, Outputs and Calls are empty.
	Sequential bool
	Layers     []*Layer
	// Inputs and Outputs are the structures that the model takes and returns.
	Inputs, Outputs *Arg
}

// A Call is one application of a layer: an inbound node.
type Call struct {
	// Args are the positional arguments. A layer called on a list has one Arg
	// of kind ArgList; every dialect is brought to this form.
	Args []*Arg
	// Kwargs are the keyword arguments in file order; null and empty ones are left out.
	Kwargs []NamedArg
}

// A NamedArg is a keyword argument.
type NamedArg struct {
	Name string
	Arg  *Arg
}

// ArgKind says what an Arg is.
type ArgKind uint8

// The kinds of an Arg.
const (
	ArgTensor   ArgKind = iota // the output Tensor of call Node of layer Layer
	ArgConst                   // a JSON value: number, string, bool, null, or an array constant (DType is set), or an object of unknown meaning
	ArgList                    // Items, in order
	ArgDict                    // Items named by Keys
	ArgSlice                   // Items: start, stop, step (ArgConst)
	ArgEllipsis                // "..."
)

// An Arg is an argument of a call, or a structure of a model's inputs or outputs.
type Arg struct {
	Kind   ArgKind
	Layer  *Layer // ArgTensor: the producing layer, in the same Graph
	Node   int    // ArgTensor: index into Layer.Calls (0 for an InputLayer)
	Tensor int    // ArgTensor: which output of that call
	Const  *Value // ArgConst
	DType  string // ArgConst: the type of an array that was a NumPy array or a tensor, else ""
	Keys   []string
	Items  []*Arg
}

// Tensors appends the tensors of a in depth-first order; a dict's in the order of its keys in the file.
func (a *Arg) Tensors(into []*Arg) []*Arg {
	if a == nil {
		return into
	}
	if a.Kind == ArgTensor {
		return append(into, a)
	}
	for _, it := range a.Items {
		into = it.Tensors(into)
	}
	return into
}

// Neutral reports a constant that means "leave it": None and False, and
// structures of them.
func (a *Arg) Neutral() bool {
	switch a.Kind {
	case ArgConst:
		on, isBool := a.Const.Bool()
		return a.Const.IsNull() || isBool && !on
	case ArgList, ArgDict:
		return !slices.ContainsFunc(a.Items, func(it *Arg) bool { return !it.Neutral() })
	}
	return false
}

// Version is a Keras version.
type Version struct {
	Major, Minor, Patch int
	// TF reports tf.keras or tf_keras, rather than Keras itself.
	TF bool
	// Text is the version as the file gives it, "" when the file does not say
	// (then Major is a guess from the dialect).
	Text string
}

// Before reports whether v is older than major.minor.
func (v Version) Before(major, minor int) bool {
	return v.Major < major || v.Major == major && v.Minor < minor
}
