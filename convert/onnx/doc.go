// Package onnx writes models as ONNX files: the ops of a lowered model as nodes
// of the default operator set (https://onnx.ai/onnx/operators/), its weights as
// initializers.
//
// Keras's models have their channels last, ONNX's convolutions first. A value is
// transposed where an op needs the other form, which is kept: elementwise ops take
// the form that there is, so that a chain of convolutions is transposed at its ends.
// Kernels are transposed as they are written.
//
// Values of bfloat16 and of small integers are stored so and computed in float32
// and int64, since few ops are defined for them.
package onnx
