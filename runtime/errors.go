package runtime

import (
	"errors"

	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/source"
)

// Sentinel errors. Test for them with [errors.Is].
var (
	// ErrFormat reports a file that is not a valid Keras file, or is damaged.
	ErrFormat = source.ErrFormat
	// ErrUnsupported reports a valid file that uses something kerasrun does not implement.
	ErrUnsupported = source.ErrUnsupported
	// ErrShape reports shapes that do not fit together, in the file or in an input.
	ErrShape = graph.ErrShape
	// ErrNotFound reports a part that is missing: a file, a layer, weights.
	ErrNotFound = source.ErrNotFound
	// ErrLimit reports a limit that was exceeded.
	ErrLimit = source.ErrLimit
	// ErrInput reports an input of Predict that the model does not take.
	ErrInput = errors.New("invalid input")
	// ErrClosed reports the use of a closed Model.
	ErrClosed = errors.New("model is closed")
)
