package main

import (
	"context"
	"errors"
	"strings"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/vision"
)

// The exit codes.
const (
	exitOK          = 0
	exitFailure     = 1   // anything else
	exitUsage       = 2   // the command line is wrong
	exitModel       = 3   // the model is missing, invalid or unsupported
	exitInput       = 4   // the input data are wrong
	exitVerify      = 5   // the results are not the expected ones
	exitLimit       = 6   // a limit was exceeded
	exitInterrupted = 130 // as shells have it: 128 + SIGINT
)

// failure gives an error its exit code.
type failure struct {
	code int
	err  error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func usageError(err error) error { return &failure{exitUsage, err} }
func modelError(err error) error { return &failure{exitModel, err} }
func inputError(err error) error { return &failure{exitInput, err} }

// exitCode is the one place that maps errors to exit codes. Interruption and
// limits win over the place where they happened.
func exitCode(err error) int {
	var f *failure
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.Is(err, kerasrun.ErrLimit), errors.Is(err, vision.ErrLimit):
		return exitLimit
	case errors.As(err, &f):
		return f.code
	case errors.Is(err, kerasrun.ErrInput), errors.Is(err, kerasrun.ErrShape):
		return exitInput
	}
	return exitFailure
}

// message returns the one line that is printed for err.
func message(err error) string {
	if errors.Is(err, context.Canceled) {
		return "interrupted"
	}
	text := err.Error()
	if what, names, ok := strings.Cut(text, "Did you mean this?"); ok { // cobra's, on several lines
		return strings.TrimSpace(what) + "; did you mean " + strings.Join(strings.Fields(names), " or ") + "?"
	}
	var lines []string
	for _, l := range strings.Split(text, "\n") {
		if l = strings.TrimSpace(l); l != "" {
			lines = append(lines, l)
		}
	}
	return strings.Join(lines, "; ")
}
