package runtime

import "github.com/kerasrun/kerasrun/runtime/graph"

// A Tensor is a dense array in row-major order: see [graph.Tensor].
type Tensor = graph.Tensor

// A Shape lists dimensions, outermost first; -1 is a dimension that is free.
type Shape = graph.Shape

// A DType is an element type.
type DType = graph.DType
