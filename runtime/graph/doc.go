// Package graph is the form between Keras layers and kernels: a list of nodes
// in execution order, each applying one primitive [Op] to values.
//
// Ops are plain data (no functions, maps, pointers or interfaces), so that they
// can be compared, printed, fused and exported. Every value has a [Type]: an
// element type and a shape, in which a dimension may be unknown ([Dyn]) until
// the model runs. A [Builder] infers types as it appends nodes, so a graph that
// was built has been checked.
//
// Layout is that of Keras's default data_format "channels_last": the batch is
// dimension 0, channels are last. Layers in "channels_first" lower to transposes
// around channels_last ops, which the plan cancels where it can.
package graph
