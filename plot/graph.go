package plot

// A Graph is a model, or one inside another, as it is drawn.
type Graph struct {
	Name, Class string
	// Layers and Params count those of the whole model, inner ones included.
	Layers int
	Params int64
	Nodes  []Node
	Edges  []Edge

	options Options
}

// A Node is a box of the drawing: a call of a layer, or a chain of them.
type Node struct {
	// Layers are one layer, or several that are applied one after the other.
	Layers []Layer
	// Inside is the graph of a model that is drawn inside the box, else nil.
	Inside *Graph
	// Shape is the text of what the last layer returns: "112×112×64".
	Shape string
}

// A Layer is one call of a layer.
type Layer struct {
	Name    string
	Class   string // "Conv2D", "Bidirectional(LSTM)"; "Input" and "Output" are the ends of a model
	Options string // "64 filters 3×3, stride 2, relu"
	Params  int64  // elements of the weights; 0 for all calls but the first
	Family  Family
}

// An Edge carries what the node From returns to the node To; both are indices of Graph.Nodes.
type Edge struct{ From, To int }

// A Family is a kind of layers that share a colour.
type Family uint8

// The families.
const (
	Other Family = iota
	End          // inputs and outputs
	Convolution
	DenseFamily
	Normalization
	Activation
	Pooling
	Recurrent
	Attention
	Merging // layers and operations of several operands
	Reshaping
	Regularization
	Preprocessing
	Nested // models
	families
)

// Options change what is drawn and how. The zero value is the default.
type Options struct {
	// Dark draws light on dark.
	Dark bool
	// Flat gives each layer a box of its own: without it normalizations,
	// activations and the like stand in the box of the layer that feeds them.
	Flat bool
	// Collapse draws models inside the model as single layers.
	Collapse bool
	// Columns is how many parts of a tall drawing stand side by side at most, 1 for
	// none; 0 chooses so that the drawing is somewhat wider than high.
	Columns int
	// NoShapes leaves out the shapes beside the edges.
	NoShapes bool
}
