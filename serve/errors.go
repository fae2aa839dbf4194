package serve

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/vision"
)

// An Error says why a request got no outputs, in the words that the client sees.
type Error struct {
	Status  int // of HTTP: 400, 404, 405, 408, 413, 415, 500, 503 or 504
	Message string
	cause   error // for the log, of a 500
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Unwrap returns what went wrong inside, or nil.
func (e *Error) Unwrap() error { return e.cause }

func fail(status int, format string, args ...any) *Error {
	return &Error{Status: status, Message: fmt.Sprintf(format, args...)}
}

func badRequest(format string, args ...any) *Error {
	return fail(http.StatusBadRequest, format, args...)
}

// The errors of a server under load.
var (
	errBusy    = &Error{Status: http.StatusServiceUnavailable, Message: "the queue is full"}
	errMemory  = &Error{Status: http.StatusServiceUnavailable, Message: "too many large requests at a time"}
	errStopped = &Error{Status: http.StatusServiceUnavailable, Message: "the server is shutting down"}
	errTimeout = &Error{Status: http.StatusGatewayTimeout, Message: "the request was not answered in time"}
)

// asError finds the answer to what went wrong in reading a request or running a model.
func asError(err error) *Error {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return errTimeout
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fail(http.StatusRequestTimeout, "the request body did not arrive in time")
	case errors.Is(err, kerasrun.ErrClosed):
		return errStopped
	case errors.Is(err, kerasrun.ErrInput), errors.Is(err, kerasrun.ErrShape), errors.Is(err, kerasrun.ErrLimit),
		errors.Is(err, vision.ErrFormat), errors.Is(err, vision.ErrLimit), errors.Is(err, vision.ErrUnsupported), errors.Is(err, vision.ErrShape):
		return badRequest("%v", err)
	}
	return &Error{Status: http.StatusInternalServerError, cause: err} // whoever logs it gives it a number
}
