package kerasrun

import (
	"io"

	"github.com/kerasrun/kerasrun/runtime"
)

// An Npz is an opened NumPy .npz file: named arrays, read when asked for.
type Npz = runtime.Npz

// ReadNpy reads a NumPy .npy file of at most limit bytes of elements (0: 2 GiB).
func ReadNpy(r io.Reader, limit int64) (Tensor, error) { return runtime.ReadNpy(r, limit) }

// WriteNpy writes t as a NumPy .npy file.
func WriteNpy(w io.Writer, t Tensor) error { return runtime.WriteNpy(w, t) }

// OpenNpz opens a NumPy .npz file of size bytes, each of whose arrays may have
// at most limit bytes (0: 2 GiB).
func OpenNpz(r io.ReaderAt, size, limit int64) (*Npz, error) { return runtime.OpenNpz(r, size, limit) }

// WriteNpz writes named tensors as a .npz file; the same tensors give the same bytes.
func WriteNpz(w io.Writer, names []string, tensors []Tensor) error {
	return runtime.WriteNpz(w, names, tensors)
}
