package npy

import (
	"errors"
	"fmt"
	"math"
)

// The kinds of errors; test with errors.Is.
var (
	// ErrFormat means that the bytes are not a valid npy or npz file.
	ErrFormat = errors.New("invalid npy data")
	// ErrUnsupported means a valid file with something in it that this package does not read.
	ErrUnsupported = errors.New("unsupported npy data")
	// ErrLimit means a file that is larger than the limit the caller gave.
	ErrLimit = errors.New("npy data exceeds the limit")
)

// DefaultLimit is the limit used where a caller gives zero, in bytes: 2 GiB - 1.
const DefaultLimit = math.MaxInt32

// maxRank is the most dimensions NumPy allows.
const maxRank = 64

// DType is the element type of an array.
type DType uint8

// The element types, with the type of Array.Data in each case.
const (
	Float32  DType = iota // []float32
	Float64               // []float64
	Float16               // []uint16, IEEE 754 bits
	BFloat16              // []uint16, the upper half of a float32; see ReadBFloat16
	Int8                  // []int8
	Int16                 // []int16
	Int32                 // []int32
	Int64                 // []int64
	Uint8                 // []uint8
	Uint16                // []uint16
	Uint32                // []uint32
	Uint64                // []uint64
	Bool                  // []bool
	String                // []string, from NumPy's U (as UTF-8) and S (bytes as they are)
)

// dtypes describes each DType: its name, NumPy's letter and the bytes of an element in a file.
var dtypes = [...]struct {
	name string
	kind byte
	size int
}{
	Float32: {"float32", 'f', 4}, Float64: {"float64", 'f', 8}, Float16: {"float16", 'f', 2}, BFloat16: {"bfloat16", 'V', 2},
	Int8: {"int8", 'i', 1}, Int16: {"int16", 'i', 2}, Int32: {"int32", 'i', 4}, Int64: {"int64", 'i', 8},
	Uint8: {"uint8", 'u', 1}, Uint16: {"uint16", 'u', 2}, Uint32: {"uint32", 'u', 4}, Uint64: {"uint64", 'u', 8},
	Bool: {"bool", 'b', 1}, String: {"string", 'U', 0},
}

// String returns NumPy's name of the type.
func (d DType) String() string {
	if int(d) < len(dtypes) {
		return dtypes[d].name
	}
	return fmt.Sprintf("DType(%d)", uint8(d))
}

// Array is an n-dimensional array in C order. A scalar has the shape () and one element.
type Array struct {
	DType DType
	Shape []int
	Data  any // a slice with the product of Shape elements, of the type listed at DType
}

// Len returns the number of elements of a's Data, or -1 if Data is not of the type that DType asks for.
func (a Array) Len() int {
	switch a.DType {
	case Float32:
		return lenOf[float32](a.Data)
	case Float64:
		return lenOf[float64](a.Data)
	case Float16, BFloat16, Uint16:
		return lenOf[uint16](a.Data)
	case Int8:
		return lenOf[int8](a.Data)
	case Int16:
		return lenOf[int16](a.Data)
	case Int32:
		return lenOf[int32](a.Data)
	case Int64:
		return lenOf[int64](a.Data)
	case Uint8:
		return lenOf[uint8](a.Data)
	case Uint32:
		return lenOf[uint32](a.Data)
	case Uint64:
		return lenOf[uint64](a.Data)
	case Bool:
		return lenOf[bool](a.Data)
	case String:
		return lenOf[string](a.Data)
	}
	return -1
}

func lenOf[T any](data any) int {
	s, ok := data.([]T)
	if !ok {
		return -1
	}
	return len(s)
}

// count multiplies the dimensions; ok is false when one is negative or the product of those above zero overflows int.
func count(shape []int) (n int, ok bool) {
	n = 1
	empty := false
	for _, d := range shape {
		switch {
		case d < 0:
			return 0, false
		case d == 0:
			empty = true
		case n > math.MaxInt/d:
			return 0, false
		default:
			n *= d
		}
	}
	if empty {
		return 0, true
	}
	return n, true
}
