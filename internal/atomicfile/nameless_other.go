//go:build !linux

package atomicfile

import (
	"errors"
	"os"
)

// createNameless fails: only Linux has files without a name.
func createNameless(string) (*os.File, error) { return nil, errors.ErrUnsupported }

func procPath(*os.File) string { return "" }

func giveName(*os.File, string) error { return errors.ErrUnsupported }
