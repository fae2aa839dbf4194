package graph

// A Type is the element type and shape of a value.
type Type struct {
	DType DType
	Shape Shape
}

// A Value is an edge of the graph: a model input, a parameter, a constant or
// the result of a node. ID indexes Graph.Values.
type Value struct {
	ID int
	Type
}

// Dim returns dimension i; a negative i counts from the end. It is [Dyn] when
// unknown or when v has no such dimension.
func (v Value) Dim(i int) int {
	if i < 0 {
		i += len(v.Shape)
	}
	if i < 0 || i >= len(v.Shape) {
		return Dyn
	}
	return v.Shape[i]
}

// Rank returns the number of dimensions.
func (v Value) Rank() int { return len(v.Shape) }

// An Op is a primitive. It is plain data; step executes it.
type Op interface {
	// Infer returns the types of the results for operands of these types. It
	// wraps [ErrShape], [ErrDType] or [ErrAttr], and never panics.
	Infer(in []Type) ([]Type, error)
}

// A Node applies an Op. In and Out are value IDs.
type Node struct {
	// Layer is the path of the Keras layer the node came from: "encoder/dense".
	Layer string
	Op    Op
	In    []int
	Out   []int
}

// A Param declares a weight. It is bound to stored values later.
type Param struct {
	// Layer is the path of the layer by names: "encoder/dense".
	Layer string
	// Class is the layer's Keras class.
	Class string
	// Name is Keras's name of the variable: "kernel".
	Name string
	// Top is the name of the layer of the outermost model that holds the
	// weight: the group of a legacy .h5 file.
	Top string
	// Path is the group of a .weights.h5 file, without "/vars":
	// "layers/functional/layers/dense" or "layers/lstm/cell".
	Path string
	// Trainable is false for moving statistics and for weights of frozen layers.
	Trainable bool
	// Frozen reports a weight that is trainable by kind but whose layer, or a
	// model around it, has trainable=false.
	Frozen bool
	// Copies is the number of weights that stand before the group's first in a
	// .weights.h5 file, where they repeat weights of other groups.
	Copies int
	// Ordered says that the layer's weights stand in a .weights.h5 file in the
	// order of their declaration; otherwise those that are trainable by kind are first.
	Ordered bool
	// Value is the ID of the weight's value.
	Value int
	Type
}

// A Named is an input or output of the model.
type Named struct {
	Name string
	Value
}

// A State is what a stateful layer remembers from one run to the next. Its value
// at the beginning of a run has no node: it is zeros in the first run. Dimension 0
// is that of the first operand of the node that reads it.
type State struct {
	// Layer is the path of the layer, Name that of the state in it: "h".
	Layer, Name string
	// First and Last are the IDs of its values at the beginning and the end of a run.
	First, Last int
}

// A Graph is a lowered model.
type Graph struct {
	Inputs  []Named
	Outputs []Named
	Params  []Param  // in the order of creation: layer by layer
	Consts  []Tensor // values that are part of the architecture
	Nodes   []Node   // in execution order
	States  []State  // of the stateful layers
	Values  []Value  // by ID
	// ConstOf and ParamOf give, by value ID, the index into Consts and Params, or are absent.
	ConstOf, ParamOf map[int]int
}
