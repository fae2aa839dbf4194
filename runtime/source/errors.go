package source

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/kerasrun/kerasrun/hdf5load"
	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// Sentinel errors. Test for them with [errors.Is].
var (
	// ErrFormat reports a file that is not a valid Keras file, or is damaged.
	ErrFormat = errors.New("invalid model file")
	// ErrUnsupported reports a valid file that uses something kerasrun does not implement.
	ErrUnsupported = errors.New("unsupported")
	// ErrShape reports shapes that do not fit together, in the file or in an input.
	ErrShape = graph.ErrShape
	// ErrNotFound reports a part that is missing: a file, a layer, weights.
	ErrNotFound = errors.New("not found")
	// ErrLimit reports a limit that was exceeded.
	ErrLimit = errors.New("limit exceeded")
)

// loadError adds the name of the file and this package's sentinel for the kind of err.
type loadError struct {
	file string
	kind error
	err  error
}

func (e *loadError) Error() string { return fmt.Sprintf("%s: %v", e.file, e.err) }

func (e *loadError) Unwrap() []error { return []error{e.kind, e.err} }

// Recover turns a panic into an error that names the file: a bug of ours must
// not end the process that opens a stranger's file. Call it deferred.
func Recover(file string, err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%s: internal error: %v\n%s", file, r, debug.Stack())
	}
}

// FileError adds the name of the file to an error of opening it, and this
// package's sentinel for its kind. It returns nil for nil.
func FileError(file string, err error) error {
	if err == nil {
		return nil
	}
	return &loadError{file, kindOf(err), err}
}

// kindOf maps the sentinels of the packages below to this package's.
func kindOf(err error) error {
	for _, k := range []error{context.Canceled, context.DeadlineExceeded} { // the file is not to blame
		if errors.Is(err, k) {
			return k
		}
	}
	for _, k := range []struct {
		kind  error
		below []error
	}{
		{ErrLimit, []error{ErrLimit, keras.ErrLimit, hdf5load.ErrLimit, graph.ErrLimit}},
		{ErrNotFound, []error{ErrNotFound, hdf5load.ErrNotFound}},
		{ErrUnsupported, []error{ErrUnsupported, keras.ErrUnsupported, hdf5load.ErrUnsupported}},
		{ErrShape, []error{graph.ErrShape, graph.ErrAttr, graph.ErrDType}},
	} {
		for _, b := range k.below {
			if errors.Is(err, b) {
				return k.kind
			}
		}
	}
	return ErrFormat
}
