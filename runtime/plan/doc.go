// Package plan turns a graph into a list of steps.
//
// [Compile] runs a table of passes once a model: they drop identities, fold
// constants and BatchNormalization into weights, and fuse bias, activation,
// padding, residual addition and max pooling into the op before them. [Compiled.Plan] then
// makes the plan for concrete input shapes: it infers every type, makes a
// [step.Step] of each node and lays all intermediate values into one arena by
// their lifetimes; operands of concatenations are written into the result where
// the steps on both sides allow it.
package plan
