package grad

import "github.com/kerasrun/kerasrun/runtime/graph"

// A node is one of the forward pass whose gradients are being written.
type node struct {
	*tape
	graph.Node
	x     []graph.Value // operands
	y     graph.Value   // the result
	wants []bool        // which operands need a gradient
}

// A rule returns the gradients of the operands, in their order; those that
// nobody wants may be none, and those at the end be left out. dy is the gradient
// of the result.
type rule func(n *node, dy graph.Value) []graph.Value

// none stands for no gradient.
var none = graph.Value{ID: -1}

// with makes a rule of one that takes its op.
func with[O graph.Op](f func(n *node, op O, dy graph.Value) []graph.Value) rule {
	return func(n *node, dy graph.Value) []graph.Value { return f(n, n.Op.(O), dy) }
}

// one makes a rule of a gradient of the first operand.
func one[O graph.Op](f func(n *node, op O, dy graph.Value) graph.Value) rule {
	return func(n *node, dy graph.Value) []graph.Value { return []graph.Value{f(n, n.Op.(O), dy)} }
}

// rules holds the rule of every op that has one, by name.
var rules = map[string]rule{
	"Activation":    one(activation),
	"AddBias":       with(addBias),
	"BatchNorm":     with(batchNorm),
	"Binary":        with(binary),
	"Cast":          one(cast),
	"CenterCrop":    one(centerCrop),
	"Concat":        with(concat),
	"Conv":          one(conv),
	"ConvTranspose": one(convTranspose),
	"DepthwiseConv": one(depthwise),
	"GroupNorm":     with(groupNorm),
	"LayerNorm":     with(layerNorm),
	"MatMul":        with(matMul),
	"Pad":           one(pad),
	"Pool":          one(pool),
	"PReLU":         with(prelu),
	"Reduce":        one(reduce),
	"Repeat":        one(repeat),
	"Reshape":       one(reshape),
	"Resize":        one(resizeRule),
	"Slice":         one(slice),
	"Softmax":       one(softmax),
	"Tile":          one(tile),
	"Transpose":     one(transpose),
	"Unary":         one(unary),
	"Where":         with(where),
}

// refusals say why the other ops have no rule.
var refusals = map[string]string{
	"Call":        "the function of the program has no gradient",
	"ConvLSTM":    "a recurrent layer",
	"Equalize":    "a histogram",
	"Gather":      "the table of a lookup depends on it",
	"GRU":         "a recurrent layer",
	"LSTM":        "a recurrent layer",
	"MaxPoolGrad": "the gradient of a gradient",
	"SimpleRNN":   "a recurrent layer",
	"Sparsemax":   "its arithmetic is Keras's own",
}

// constant are the ops whose results do not change, or by steps only, when
// operands change a little; they pass no gradient.
var constant = map[string]bool{
	"ArgReduce": true, "Band": true, "CrossHash": true, "Hash": true, "Lookup": true, "Tokens": true,
}

// stepwise reports whether op passes no gradient.
func stepwise(op graph.Op) bool {
	switch op := op.(type) {
	case graph.Unary:
		switch op.Func {
		case graph.Sign, graph.Floor, graph.Ceil, graph.Round, graph.LogicalNot, graph.IsNaN, graph.IsInf, graph.IsFinite:
			return true
		}
	case graph.Binary:
		switch op.Func {
		case graph.FloorDiv, graph.Equal, graph.NotEqual, graph.Less, graph.LessEqual, graph.Greater, graph.GreaterEqual,
			graph.LogicalAnd, graph.LogicalOr, graph.LogicalXor:
			return true
		}
	case graph.Reduce:
		return op.Func == graph.ReduceAll || op.Func == graph.ReduceAny
	}
	return constant[graph.Name(op)]
}

// refusal says why op has no gradient, or "".
func refusal(op graph.Op) string {
	switch op := op.(type) {
	case graph.Unary:
		if op.Func == graph.Float8 {
			return "rounding to float8"
		}
	case graph.Reduce:
		if op.Func == graph.ReduceProd {
			return "a product"
		}
	}
	return refusals[graph.Name(op)]
}
