package runtime

import (
	"errors"
	"fmt"
	"io"

	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/npy"
)

// npyTypes maps element types to those of package npy.
var npyTypes = map[graph.DType]npy.DType{
	graph.Float32: npy.Float32, graph.Float64: npy.Float64, graph.Float16: npy.Float16, graph.BFloat16: npy.BFloat16,
	graph.Int8: npy.Int8, graph.Int16: npy.Int16, graph.Int32: npy.Int32, graph.Int64: npy.Int64,
	graph.Uint8: npy.Uint8, graph.Uint16: npy.Uint16, graph.Uint32: npy.Uint32, graph.Uint64: npy.Uint64,
	graph.Bool: npy.Bool, graph.String: npy.String,
}

func fromNpy(a npy.Array) (Tensor, error) {
	for d, n := range npyTypes {
		if n == a.DType {
			return Tensor{DType: d, Shape: a.Shape, Data: a.Data}, nil
		}
	}
	return Tensor{}, fmt.Errorf("%w: npy elements of type %v", ErrUnsupported, a.DType)
}

func toNpy(t Tensor) npy.Array {
	return npy.Array{DType: npyTypes[t.DType], Shape: t.Shape, Data: t.Data}
}

// npyError marks an error of package npy with this package's sentinel.
func npyError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, npy.ErrLimit):
		return fmt.Errorf("%w: %w", ErrLimit, err)
	case errors.Is(err, npy.ErrUnsupported):
		return fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	return err
}

// ReadNpy reads a NumPy .npy file of at most limit bytes of elements (0: 2 GiB).
func ReadNpy(r io.Reader, limit int64) (Tensor, error) {
	a, err := npy.Read(r, limit)
	if err != nil {
		return Tensor{}, npyError(err)
	}
	return fromNpy(a)
}

// WriteNpy writes t as a NumPy .npy file.
func WriteNpy(w io.Writer, t Tensor) error { return npy.Write(w, toNpy(t)) }

// An Npz is an opened NumPy .npz file: named arrays.
type Npz struct{ zip *npy.Zip }

// OpenNpz opens a .npz file of size bytes, each of whose arrays may have at
// most limit bytes (0: 2 GiB). Arrays are read when asked for.
func OpenNpz(r io.ReaderAt, size, limit int64) (*Npz, error) {
	z, err := npy.ReadZip(r, size, npy.Limits{ArrayBytes: limit})
	if err != nil {
		return nil, npyError(err)
	}
	return &Npz{z}, nil
}

// Names returns the names of the arrays in the order of the file.
func (z *Npz) Names() []string { return z.zip.Names() }

// Read reads the array name.
func (z *Npz) Read(name string) (Tensor, error) {
	a, err := z.zip.Open(name)
	if err != nil {
		return Tensor{}, npyError(err)
	}
	return fromNpy(a)
}

// WriteNpz writes named tensors as a .npz file; the same tensors give the same bytes.
func WriteNpz(w io.Writer, names []string, tensors []Tensor) error {
	arrays := make([]npy.Array, len(tensors))
	for i, t := range tensors {
		arrays[i] = toNpy(t)
	}
	return npy.WriteZip(w, names, arrays)
}
