package npy

import (
	"archive/zip"
	"bufio"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/kerasrun/kerasrun/internal/zipdir"
)

// Limits bounds what an archive may ask for. A zero field means its default.
type Limits struct {
	ArrayBytes int64 // bytes of one array in memory, see Read; default DefaultLimit
	Members    int   // files in the archive; default 1<<16
}

const defaultMembers = 1 << 16

// Zip is an open npz archive. It holds no array; each Open reads one from the file.
type Zip struct {
	limits  Limits
	names   []string
	members map[string]*zip.File
}

// ReadZip reads the directory of an npz archive of size bytes, with zip64 or without. Two members of the same name, or
// one name with and without the ending .npy, are ErrFormat.
func ReadZip(r io.ReaderAt, size int64, lim Limits) (*Zip, error) {
	if lim.Members <= 0 {
		lim.Members = defaultMembers
	}
	zr, err := zipdir.Open(r, size, lim.Members)
	if err != nil {
		return nil, zipError("npz directory", err)
	}
	z := &Zip{limits: lim, members: make(map[string]*zip.File, len(zr.File))}
	for _, f := range zr.File {
		if strings.HasSuffix(f.Name, "/") {
			continue
		}
		name := strings.TrimSuffix(f.Name, ".npy")
		if z.members[name] != nil {
			return nil, fmt.Errorf("npz directory: two members named %q: %w", name, ErrFormat)
		}
		// A member cannot be longer than the file it is in, nor unpack to more than deflate's largest ratio.
		if f.CompressedSize64 > uint64(size) || f.UncompressedSize64/1040 > f.CompressedSize64 {
			return nil, fmt.Errorf("npz member %q: %d bytes from %d, in a file of %d: %w",
				name, f.UncompressedSize64, f.CompressedSize64, size, ErrFormat)
		}
		z.names = append(z.names, name)
		z.members[name] = f
	}
	return z, nil
}

// Names returns the names of the arrays in file order, without .npy. The caller owns the slice.
func (z *Zip) Names() []string { return append([]string{}, z.names...) }

// Open reads the array of that name. An unknown name is an error that is fs.ErrNotExist; the others are those of Read.
func (z *Zip) Open(name string) (Array, error) { return z.open(name, false) }

// OpenBFloat16 is Open with ReadBFloat16 in the place of Read.
func (z *Zip) OpenBFloat16(name string) (Array, error) { return z.open(name, true) }

// Form returns the element type, as OpenBFloat16 has it, and the shape of the array of that name without reading its elements.
func (z *Zip) Form(name string) (DType, []int, error) {
	rc, _, err := z.member(name)
	if err != nil {
		return 0, nil, err
	}
	defer rc.Close()
	h, err := readHeader(bufio.NewReader(rc))
	if err == nil {
		var e element
		if e, err = parseDescr(h.descr, true); err == nil {
			return e.dtype, h.shape, nil
		}
	}
	return 0, nil, zipError(fmt.Sprintf("npz member %q", name), err)
}

// member opens the member of that name.
func (z *Zip) member(name string) (io.ReadCloser, *zip.File, error) {
	f := z.members[name]
	if f == nil {
		return nil, nil, fmt.Errorf("npz member %q: %w", name, fs.ErrNotExist)
	}
	const encrypted = 1
	if f.Flags&encrypted != 0 {
		return nil, nil, fmt.Errorf("npz member %q: encrypted: %w", name, ErrUnsupported)
	}
	rc, err := f.Open()
	if err != nil {
		return nil, nil, zipError(fmt.Sprintf("npz member %q", name), err)
	}
	return rc, f, nil
}

func (z *Zip) open(name string, bf16 bool) (Array, error) {
	rc, f, err := z.member(name)
	if err != nil {
		return Array{}, err
	}
	defer rc.Close()
	who := fmt.Sprintf("npz member %q", name)
	r := bufio.NewReader(rc)
	// A stored member is as long in the file as in memory, and ReadZip has seen that the file has room for it.
	sure := int64(0)
	if f.Method == zip.Store {
		sure = int64(f.CompressedSize64)
	}
	a, err := read(r, z.limits.ArrayBytes, bf16, sure)
	if err != nil {
		return Array{}, zipError(who, err)
	}
	// Reading on to the end is what makes archive/zip compare the checksum.
	switch _, err := r.ReadByte(); {
	case err == nil:
		return Array{}, fmt.Errorf("%s: bytes behind the array: %w", who, ErrFormat)
	case err != io.EOF:
		return Array{}, zipError(who, err)
	}
	return a, nil
}

// zipError gives what archive/zip and flate complain about one of this package's kinds.
func zipError(who string, err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, zipdir.ErrLimit):
		return fmt.Errorf("%s: %v: %w", who, err, ErrLimit)
	case errors.Is(err, zipdir.ErrFormat), errors.Is(err, zip.ErrFormat), errors.Is(err, zip.ErrChecksum), errors.As(err, &corrupt),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%s: %v: %w", who, err, ErrFormat)
	case errors.Is(err, zip.ErrAlgorithm):
		return fmt.Errorf("%s: %v: %w", who, err, ErrUnsupported)
	}
	return fmt.Errorf("%s: %w", who, err)
}

// WriteZip writes arrays under their names, in that order, as numpy.savez does: stored, not compressed, each name with
// .npy added. The same arguments give the same bytes. Lengths that differ, an empty name or one that occurs twice are
// ErrFormat.
func WriteZip(w io.Writer, names []string, arrays []Array) error {
	if len(names) != len(arrays) {
		return fmt.Errorf("npz: %d names for %d arrays: %w", len(names), len(arrays), ErrFormat)
	}
	seen := make(map[string]bool, len(names))
	for _, n := range names {
		if n == "" || strings.HasSuffix(n, "/") || seen[n] {
			return fmt.Errorf("npz: name %q is empty, a folder or there twice: %w", n, ErrFormat)
		}
		seen[n] = true
	}
	zw := zip.NewWriter(w)
	for i, a := range arrays {
		m, err := zw.CreateHeader(&zip.FileHeader{Name: names[i] + ".npy", Method: zip.Store, Modified: epoch()})
		if err == nil {
			err = Write(m, a)
		}
		if err != nil {
			return fmt.Errorf("npz member %q: %w", names[i], err)
		}
	}
	return zw.Close()
}

// epoch is the first time a zip can hold, and what NumPy writes.
func epoch() time.Time { return time.Date(1980, time.January, 1, 0, 0, 0, 0, time.UTC) }
