package graph

import "errors"

// Sentinel errors. Test for them with [errors.Is].
var (
	// ErrShape reports operands whose shapes do not fit together.
	ErrShape = errors.New("shape mismatch")
	// ErrDType reports operands whose element types do not fit together.
	ErrDType = errors.New("dtype mismatch")
	// ErrAttr reports an op attribute out of range.
	ErrAttr = errors.New("attribute out of range")
	// ErrLimit reports sizes beyond a limit that was set.
	ErrLimit = errors.New("limit exceeded")
)
