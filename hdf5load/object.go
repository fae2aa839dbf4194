package hdf5load

import (
	"errors"
	"fmt"
)

// Sentinels, for errors.Is. Every error about a file wraps one of them or the
// error of the underlying io.ReaderAt.
var (
	// ErrFormat: the bytes are not an HDF5 file, or contradict the format.
	ErrFormat = errors.New("invalid HDF5")
	// ErrUnsupported: valid HDF5 that this reader does not read, or a
	// conversion it does not make. The message names the feature.
	ErrUnsupported = errors.New("unsupported HDF5")
	// ErrNotFound: no such link or attribute.
	ErrNotFound = errors.New("not found in HDF5 file")
	// ErrLimit: the file asks for more than [Limits] allow.
	ErrLimit = errors.New("HDF5 limit exceeded")
)

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrFormat}, args...)...)
}

func unsupported(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrUnsupported}, args...)...)
}

func overLimit(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrLimit}, args...)...)
}

// Kind says what an object is.
type Kind uint8

// The three kinds of HDF5 objects.
const (
	Group Kind = iota + 1
	Dataset
	NamedType
)

// String returns "group", "dataset" or "named type".
func (k Kind) String() string {
	switch k {
	case Group:
		return "group"
	case Dataset:
		return "dataset"
	case NamedType:
		return "named type"
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// DType is the element type of a dataset or an attribute. Byte order is not
// part of it: values are always delivered in the machine's own order.
type DType uint8

// The element types. Bool is the enumeration {FALSE, TRUE} that h5py writes;
// other enumerations have the type of their integer. BFloat16 is a two-byte
// opaque type with the attribute dtype="bfloat16" (as Keras 3 writes it) or the
// float layout of that name. Other is everything else: compound, array,
// reference, time, bit field, odd float and integer layouts.
const (
	Invalid DType = iota
	Float32
	Float64
	Float16
	BFloat16
	Int8
	Int16
	Int32
	Int64
	Uint8
	Uint16
	Uint32
	Uint64
	Bool
	String
	Opaque
	Other
)

var dtypeNames = [...]string{"invalid", "float32", "float64", "float16", "bfloat16", "int8", "int16", "int32", "int64",
	"uint8", "uint16", "uint32", "uint64", "bool", "string", "opaque", "other"}

// String returns the name NumPy and Keras use ("float32", "bfloat16", "bool").
func (d DType) String() string {
	if int(d) < len(dtypeNames) {
		return dtypeNames[d]
	}
	return fmt.Sprintf("DType(%d)", uint8(d))
}

// Object is a group, a dataset or a named (committed) datatype. Both backends
// implement it; all its methods are safe for concurrent use.
//
// Opening the same object twice, by whatever path, gives interface values that
// compare equal, so that hard-link cycles can be seen.
type Object interface {
	Kind() Kind

	// Links returns the names of a group's members: in creation order where
	// the group tracks it, else sorted by name, as h5py lists them. Soft and
	// external links are listed too; opening them is ErrUnsupported. Objects
	// that are not groups have none.
	Links() ([]string, error)
	// Open follows a slash-separated path of hard links, relative to this
	// object, or to the root group if it starts with a slash. "" and "." are
	// the object itself. The error wraps ErrNotFound if a part is missing.
	Open(path string) (Object, error)

	// Attrs returns the attribute names, ordered like Links.
	Attrs() ([]string, error)
	// Attr reads an attribute; ErrNotFound if there is none of that name.
	Attr(name string) (*Attr, error)

	// DType is Invalid for groups.
	DType() DType
	// ElemSize is the size of one stored element in bytes, 0 for groups and for
	// types of variable length.
	ElemSize() int
	// Shape is a copy of the dimensions, empty for a scalar and for groups. A
	// null dataspace has shape (0). The product of the dimensions times
	// ElemSize has been checked against the file: it fits the stored bytes, or
	// their largest possible decompression.
	Shape() []int

	// Read reads the whole dataset, row-major, into dst, whose length must be
	// the number of elements:
	//
	//	[]float32, []float64     from any number or Bool; rounds to nearest even
	//	[]int8 ... []uint64      from integers and Bool; a value that does not fit is an error
	//	[]uint16                 also the bits of Float16, BFloat16 and 2-byte Opaque
	//	[]bool                   from Bool
	//	[]string                 from String
	//	[]byte                   also from Opaque: elements times ElemSize bytes
	//
	// Other pairs are ErrUnsupported. After an error dst holds garbage.
	Read(dst any) error
	// ReadRaw reads the elements as stored, in the file's byte order; dst has
	// elements times ElemSize bytes. Variable-length types are ErrUnsupported.
	ReadRaw(dst []byte) error
}

// Limits bound what a file can make the reader do. A zero field stands for its
// default.
type Limits struct {
	Objects   int   // distinct objects opened over the life of a File; 100,000
	Links     int   // links of one group, attributes of one object; 100,000
	Rank      int   // dimensions of a dataset or attribute; 8
	Depth     int   // levels of a B-tree, of a fractal heap; 16
	Metadata  int64 // bytes of metadata read over the life of a File, which is never more than 4 times the file + 1 MiB either; 256 MiB
	Attribute int64 // bytes of one decoded attribute or string dataset; 64 MiB
	Data      int64 // bytes of one dataset; 16 GiB
	Expansion int64 // decoded bytes for one stored byte: of a chunk, and of all chunked datasets opened compared with the file; 1032, deflate's bound
}

// DefaultLimits returns the defaults named at the fields of [Limits].
func DefaultLimits() Limits {
	return Limits{
		Objects: 100_000, Links: 100_000, Rank: 8, Depth: 16,
		Metadata: 256 << 20, Attribute: 64 << 20, Data: 16 << 30, Expansion: 1032,
	}
}

func orDefault[T int | int64](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	orDefault(&l.Objects, d.Objects)
	orDefault(&l.Links, d.Links)
	orDefault(&l.Rank, d.Rank)
	orDefault(&l.Depth, d.Depth)
	orDefault(&l.Metadata, d.Metadata)
	orDefault(&l.Attribute, d.Attribute)
	orDefault(&l.Data, d.Data)
	orDefault(&l.Expansion, d.Expansion)
	return l
}
