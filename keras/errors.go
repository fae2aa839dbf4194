package keras

import "errors"

// Sentinel errors. Test for them with [errors.Is].
var (
	// ErrFormat reports input that is not a valid Keras file.
	ErrFormat = errors.New("not a valid Keras file")
	// ErrUnsupported reports a valid file that uses something this package does not implement.
	ErrUnsupported = errors.New("unsupported")
	// ErrLimit reports input beyond a limit.
	ErrLimit = errors.New("limit exceeded")
)
