package graph

// DType is the element type of a value. Float32 is the fast path; the others
// run in plain Go.
type DType uint8

// The element types.
const (
	Float32 DType = iota
	Float64
	Float16  // IEEE 754 binary16, held as its bits in a uint16
	BFloat16 // the upper half of a float32, held as its bits in a uint16
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
	numDTypes
)

var dtypes = [numDTypes]struct {
	name string
	size int
}{
	Float32:  {"float32", 4},
	Float64:  {"float64", 8},
	Float16:  {"float16", 2},
	BFloat16: {"bfloat16", 2},
	Int8:     {"int8", 1},
	Int16:    {"int16", 2},
	Int32:    {"int32", 4},
	Int64:    {"int64", 8},
	Uint8:    {"uint8", 1},
	Uint16:   {"uint16", 2},
	Uint32:   {"uint32", 4},
	Uint64:   {"uint64", 8},
	Bool:     {"bool", 1},
	String:   {"string", 16},
}

// String returns Keras's name of d.
func (d DType) String() string { return dtypes[d].name }

// Size returns the bytes of one element in memory.
func (d DType) Size() int { return dtypes[d].size }

// Floating reports whether d is a floating-point type.
func (d DType) Floating() bool { return d <= BFloat16 }

// Integer reports whether d is a signed or unsigned integer type.
func (d DType) Integer() bool { return d >= Int8 && d <= Uint64 }

// ParseDType returns the DType that Keras calls name.
func ParseDType(name string) (DType, bool) {
	for d, t := range dtypes {
		if t.name == name {
			return DType(d), true
		}
	}
	return 0, false
}
