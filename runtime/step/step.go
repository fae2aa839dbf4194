package step

import (
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/weight"
)

// A Step is an op made ready for operands of concrete types. It is immutable
// and safe for concurrent use; all that a run writes is in its Args.
type Step interface {
	// Chunks is the number of independent parts of the work. It depends on the
	// types only, so that results do not depend on the number of threads.
	Chunks() int
	// Run does one chunk. Chunks may run in any order and at the same time, each
	// with a scratch of its own. It allocates nothing on the float32 path. An
	// error is about the values of the operands (an index out of range).
	Run(a *Args, chunk int, scratch []float32) error
	// Info describes the step.
	Info() Info
}

// Args are the operands and results of a run. Weights that were packed into the
// step are absent operands: zero Tensors.
type Args struct {
	In, Out []graph.Tensor
}

// Info describes a step for inspection.
type Info struct {
	Kernel string // "conv/generic 4x8", "float64"
	FLOPs  int64  // multiplications and additions of one run
	Bytes  int64  // bytes of operands, weights and results
	// Nanoseconds is how long the cost model thinks that one core takes.
	Nanoseconds float64
	Scratch     int // float32 elements that Run needs
}

// An Epilogue is what the plan fused after an op that supports it (see
// Fuses). In Spec.In, the operands of the op come first, then the bias, then
// the residual.
type Epilogue struct {
	Bias     bool              // + bias (last axis)
	Residual bool              // + a tensor of the result's shape, before the activation
	Act      *graph.Activation // applied to the sum, nil for none
	Pool     *graph.Pool       // max pooling of what comes out, nil for none
}

// A Spec describes a step to make.
type Spec struct {
	Op  graph.Op
	In  []graph.Type
	Out []graph.Type
	// Const holds, for each operand, its value when it is known before the run
	// (a weight or constant), else nil. A step holds it, or packs it and then
	// does not read the operand.
	Const    []*weight.Value
	Epilogue Epilogue
	// Func is what a Call runs.
	Func graph.Func
	// InStride, by operand, and OutStride are the distances from pixel to pixel
	// (elements along the last axis) of what is a part of a wider tensor; 0, or no
	// InStride, means that pixels lie side by side. See Strided.
	InStride  []int
	OutStride int
	// InPlace marks the operands of a Concat that were written into its result.
	InPlace []bool
	// Winograd is the bytes that weights transformed for Winograd's convolution
	// may take in the Packs, those of other steps included; 0 leaves it out.
	Winograd int64
	// Fixed says that only the batch of the operands can differ between the plans
	// of a model, that the first is for the smallest, and that the constants have
	// no other reader: the form of the weights is then settled by the first plan.
	Fixed bool
}
