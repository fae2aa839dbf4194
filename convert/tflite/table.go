package tflite

import "github.com/kerasrun/kerasrun/runtime/graph"

// An exporter writes the operators of the node in work.
type exporter func(e *emitter, op graph.Op)

// with makes an exporter of a function for one op.
func with[T graph.Op](f func(*emitter, T)) exporter {
	return func(e *emitter, op graph.Op) { f(e, op.(T)) }
}

// exporters are the ops that have a form in LiteRT, by name.
var exporters = map[string]exporter{
	"Activation":    with((*emitter).activation),
	"AddBias":       with((*emitter).addBias),
	"ArgReduce":     with((*emitter).argReduce),
	"Band":          with((*emitter).band),
	"BatchNorm":     with((*emitter).batchNorm),
	"Binary":        with((*emitter).binaryOp),
	"Cast":          with((*emitter).castOp),
	"CenterCrop":    with((*emitter).centerCrop),
	"Concat":        with((*emitter).concat),
	"Conv":          with((*emitter).conv),
	"ConvLSTM":      with((*emitter).convLSTM),
	"ConvTranspose": with((*emitter).convTranspose),
	"DepthwiseConv": with((*emitter).depthwise),
	"GRU":           with((*emitter).gru),
	"Gather":        with((*emitter).gather),
	"GroupNorm":     with((*emitter).groupNorm),
	"LSTM":          with((*emitter).lstm),
	"LayerNorm":     with((*emitter).layerNorm),
	"MatMul":        with((*emitter).matMul),
	"PReLU":         with((*emitter).prelu),
	"Pad":           with((*emitter).pad),
	"Pool":          with((*emitter).pool),
	"Reduce":        with((*emitter).reduce),
	"Repeat":        with((*emitter).repeat),
	"Reshape":       with((*emitter).reshapeOp),
	"Resize":        with((*emitter).resize),
	"SimpleRNN":     with((*emitter).simpleRNN),
	"Slice":         with((*emitter).slice),
	"Softmax":       with((*emitter).softmax),
	"Tile":          with((*emitter).tile),
	"Transpose":     with((*emitter).transposeOp),
	"Unary":         with((*emitter).unaryOp),
	"Where":         with((*emitter).where),
}

// refusals say why the other ops have none.
var refusals = map[string]string{
	"Call":        "Go code of the program",
	"CrossHash":   "LiteRT has no hash of strings",
	"Equalize":    "LiteRT has no histogram",
	"Hash":        "LiteRT has no hash of strings",
	"Lookup":      "LiteRT's builtins have no vocabulary",
	"MaxPoolGrad": "a gradient, which no model has",
	"Sparsemax":   "LiteRT has no sort",
	"Tokens":      "LiteRT's builtins split no text",
}
