package keras

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/kerasrun/kerasrun/internal/zipdir"
)

// The members of a .keras archive that this package reads.
const (
	metadataName = "metadata.json"
	configName   = "config.json"
	weightsName  = "model.weights.h5"
	assetsPrefix = "assets/"
)

// An Archive is an open .keras file: a zip that holds the architecture, the
// weights as HDF5, and vocabulary files. It is safe for concurrent use as far
// as its reader is.
type Archive struct {
	// Metadata is metadata.json, for [Hint] and [ParseMetadata]; nil when the archive has none.
	Metadata []byte
	// Config is config.json, for [ParseArchitecture].
	Config []byte
	// WeightsName is the name of the member with the weights, "model.weights.h5",
	// or "" when there is none.
	WeightsName string
	// Assets are the names of the files under assets/, in the order of the archive.
	Assets []string

	r       io.ReaderAt
	size    int64
	limits  Limits
	members map[string]*zip.File
}

// Metadata is the metadata.json of a .keras archive or directory.
type Metadata struct {
	KerasVersion string
	DateSaved    string
}

// ParseMetadata reads a metadata.json.
func ParseMetadata(data []byte, lim Limits) (Metadata, error) {
	v, err := ParseJSON(data, lim)
	if err != nil {
		return Metadata{}, err
	}
	if v.Kind() != Object {
		return Metadata{}, fmt.Errorf("%w: metadata is %s, want an object", ErrFormat, v.Brief())
	}
	var m Metadata
	m.KerasVersion, _ = v.Get("keras_version").Str()
	m.DateSaved, _ = v.Get("date_saved").Str()
	return m, nil
}

// OpenArchive opens the .keras file in the first size bytes of r and reads its
// architecture. Members are found by their exact names; two of the same name
// are refused, as readers differ in which they take.
//
// Errors wrap [ErrFormat], [ErrUnsupported] or [ErrLimit].
func OpenArchive(r io.ReaderAt, size int64, lim Limits) (*Archive, error) {
	lim = lim.withDefaults()
	z, err := zipdir.Open(r, size, lim.Members)
	switch {
	case errors.Is(err, zipdir.ErrLimit):
		return nil, fmt.Errorf("%w: %w", ErrLimit, err)
	case err != nil:
		return nil, fmt.Errorf("%w: zip: %w", ErrFormat, err)
	}
	a := &Archive{r: r, size: size, limits: lim, members: make(map[string]*zip.File, len(z.File))}
	for _, f := range z.File {
		if a.members[f.Name] != nil {
			return nil, fmt.Errorf("%w: zip with two members %q", ErrFormat, f.Name)
		}
		a.members[f.Name] = f
		if name, ok := strings.CutPrefix(f.Name, assetsPrefix); ok && name != "" && !strings.HasSuffix(name, "/") {
			a.Assets = append(a.Assets, f.Name)
		}
	}
	return a, a.readConfig()
}

func (a *Archive) readConfig() error {
	if a.members[configName] == nil {
		if a.members["data.pkl"] != nil || a.has("/data.pkl") {
			return fmt.Errorf("%w: a PyTorch file", ErrUnsupported)
		}
		return fmt.Errorf("%w: zip without %s", ErrFormat, configName)
	}
	var err error
	if a.Config, err = a.ReadFile(configName, a.limits.JSONSize); err != nil {
		return err
	}
	if a.members[metadataName] != nil {
		if a.Metadata, err = a.ReadFile(metadataName, a.limits.JSONSize); err != nil {
			return err
		}
	}
	if a.members[weightsName] != nil {
		a.WeightsName = weightsName
	}
	return nil
}

// has reports whether the name of some member ends in suffix.
func (a *Archive) has(suffix string) bool {
	for name := range a.members {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

// Has reports whether the archive has a member of that exact name.
func (a *Archive) Has(name string) bool { return a.members[name] != nil }

// Weights returns the bytes of the member with the weights, an HDF5 file, and
// their number: a window on the archive when they are stored as they are, which
// Keras always does, else what they inflate to. The window's checksum is not
// verified.
func (a *Archive) Weights() (io.ReaderAt, int64, error) {
	switch {
	case a.WeightsName != "":
		return a.Open(a.WeightsName)
	case a.Has("model.weights.npz"):
		return nil, 0, fmt.Errorf("%w: weights in model.weights.npz, which holds pickled Python objects", ErrUnsupported)
	case a.Has("model.weights.json"):
		return nil, 0, fmt.Errorf("%w: weights that are not in %s", ErrUnsupported, weightsName)
	}
	return nil, 0, fmt.Errorf("%w: zip without %s", ErrFormat, weightsName)
}

// Open returns the bytes of a member, as [Archive.Weights] does.
func (a *Archive) Open(name string) (io.ReaderAt, int64, error) {
	f, err := a.member(name)
	if err != nil {
		return nil, 0, err
	}
	if f.Method == zip.Store {
		at, err := a.offset(f)
		if err != nil {
			return nil, 0, err
		}
		n := int64(f.UncompressedSize64)
		return io.NewSectionReader(a.r, at, n), n, nil
	}
	data, err := a.ReadFile(name, a.limits.Inflated)
	if err != nil {
		return nil, 0, err
	}
	return bytes.NewReader(data), int64(len(data)), nil
}

// ReadFile returns the contents of a member of at most limit bytes and verifies their checksum.
func (a *Archive) ReadFile(name string, limit int64) ([]byte, error) {
	f, err := a.member(name)
	if err != nil {
		return nil, err
	}
	if f.UncompressedSize64 > uint64(limit) {
		return nil, fmt.Errorf("%w: zip member %q has %d bytes, want at most %d", ErrLimit, name, f.UncompressedSize64, limit)
	}
	if f.Method == zip.Store {
		if _, err := a.offset(f); err != nil {
			return nil, err
		}
	}
	body, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("%w: zip member %q: %w", ErrFormat, name, err)
	}
	defer body.Close()
	// The size is a claim, bounded by limit and by what deflate can do; the buffer grows as data arrives.
	var buf bytes.Buffer
	n, err := io.Copy(&buf, io.LimitReader(body, int64(f.UncompressedSize64)+1))
	if err != nil {
		return nil, fmt.Errorf("%w: zip member %q: %w", ErrFormat, name, err)
	}
	if uint64(n) != f.UncompressedSize64 {
		return nil, fmt.Errorf("%w: zip member %q has %d bytes, want %d", ErrFormat, name, n, f.UncompressedSize64)
	}
	return buf.Bytes(), nil
}

// member finds a member and checks that it can be read at all.
func (a *Archive) member(name string) (*zip.File, error) {
	const encrypted = 1
	f := a.members[name]
	switch {
	case f == nil:
		return nil, fmt.Errorf("%w: zip without %q", ErrFormat, name)
	case f.Flags&encrypted != 0:
		return nil, fmt.Errorf("%w: zip member %q is encrypted", ErrUnsupported, name)
	case f.Method != zip.Store && f.Method != zip.Deflate:
		return nil, fmt.Errorf("%w: zip member %q has compression method %d", ErrUnsupported, name, f.Method)
	case f.CompressedSize64 > uint64(a.size):
		return nil, fmt.Errorf("%w: zip member %q has %d bytes in a file of %d", ErrFormat, name, f.CompressedSize64, a.size)
	case f.Method == zip.Deflate && f.UncompressedSize64/maxInflation > f.CompressedSize64:
		return nil, fmt.Errorf("%w: zip member %q inflates from %d bytes to %d", ErrFormat, name, f.CompressedSize64, f.UncompressedSize64)
	}
	return f, nil
}

// offset returns where a stored member begins, after checking that it lies in the file.
func (a *Archive) offset(f *zip.File) (int64, error) {
	if f.CompressedSize64 != f.UncompressedSize64 {
		return 0, fmt.Errorf("%w: zip member %q is stored as %d bytes, want %d", ErrFormat, f.Name, f.CompressedSize64, f.UncompressedSize64)
	}
	at, err := f.DataOffset()
	if err != nil {
		return 0, fmt.Errorf("%w: zip member %q: %w", ErrFormat, f.Name, err)
	}
	if at < 0 || at > a.size || int64(f.UncompressedSize64) > a.size-at {
		return 0, fmt.Errorf("%w: zip member %q ends beyond the file", ErrFormat, f.Name)
	}
	return at, nil
}
