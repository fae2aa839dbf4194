package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/kerasrun/kerasrun/hdf5load"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/npy"
)

// npzTypes are the element types of NumPy's arrays that a weight can have.
var npzTypes = map[npy.DType]hdf5load.DType{
	npy.Float32: hdf5load.Float32, npy.Float64: hdf5load.Float64, npy.Float16: hdf5load.Float16, npy.BFloat16: hdf5load.BFloat16,
	npy.Int8: hdf5load.Int8, npy.Int16: hdf5load.Int16, npy.Int32: hdf5load.Int32, npy.Int64: hdf5load.Int64,
	npy.Uint8: hdf5load.Uint8, npy.Uint16: hdf5load.Uint16, npy.Uint32: hdf5load.Uint32, npy.Uint64: hdf5load.Uint64, npy.Bool: hdf5load.Bool,
}

// isNpz reports a zip archive whose first member is an array, or one without members.
func isNpz(r io.ReaderAt) bool {
	const fixed, lengthAt = 30, 26 // of the header before a member
	head := make([]byte, fixed+1<<10)
	n, _ := r.ReadAt(head, 0)
	if bytes.HasPrefix(head, []byte("PK\x05\x06")) {
		return true
	}
	if n < fixed {
		return false
	}
	end := fixed + int(head[lengthAt]) + int(head[lengthAt+1])<<8
	return end <= n && strings.HasSuffix(string(head[fixed:end]), ".npy")
}

// npz opens an archive of NumPy arrays.
func (l *loader) npz(r io.ReaderAt, size int64) (store, error) {
	z, err := npy.ReadZip(r, size, npy.Limits{ArrayBytes: l.options.Limits.Weights})
	if err != nil {
		return nil, npzError(err)
	}
	s := namedStore{}
	for _, name := range z.Names() {
		d, shape, err := z.Form(name)
		if err != nil {
			return nil, npzError(err)
		}
		a := &array{kind: d.String(), dtype: hdf5load.Other, shape: shape}
		if own, ok := npzTypes[d]; ok {
			a.dtype = own
		}
		a.load = func() (graph.Tensor, error) {
			x, err := z.OpenBFloat16(name)
			if err != nil {
				return graph.Tensor{}, npzError(err)
			}
			return graph.Tensor{DType: elementTypes[a.dtype], Shape: x.Shape, Data: x.Data}, nil
		}
		s[name] = a
	}
	return s, nil
}

// npzError gives an error of package npy this package's sentinel.
func npzError(err error) error {
	switch {
	case errors.Is(err, npy.ErrLimit):
		return fmt.Errorf("%w: %w", ErrLimit, err)
	case errors.Is(err, npy.ErrUnsupported):
		return fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	return fmt.Errorf("%w: %w", ErrFormat, err)
}
