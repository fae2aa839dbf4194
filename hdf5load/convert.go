package hdf5load

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"
)

// sink is where the elements of a dataset go: straight into the destination's
// memory if it has the stored representation, else through a conversion.
type sink struct {
	size int                            // bytes of a stored element
	view []byte                         // the destination's memory, if nothing is to be converted
	put  func(at int, raw []byte) error // converts whole elements for dst[at:]; may overwrite raw
}

// place stores whole elements, the first being number at.
func (s sink) place(at int, raw []byte) error {
	if s.view != nil {
		copy(s.view[at*s.size:], raw)
		return nil
	}
	if len(raw) == 0 {
		return nil
	}
	return s.put(at, raw)
}

var littleEndianHost = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

type number interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~float32 | ~float64
}

// memory returns the memory of s as bytes. The length is the destination's own.
func memory[T number](s []T) []byte {
	if len(s) == 0 {
		return []byte{}
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(s[0])))
}

// newSink makes the conversion from n elements of type t to dst.
func newSink(t datatype, dst any, n int64) (sink, error) {
	switch d := dst.(type) {
	case []float32:
		return floatSink(t, d, n, Float32)
	case []float64:
		return floatSink(t, d, n, Float64)
	case []int8:
		return intSink(t, d, n, Int8)
	case []int16:
		return intSink(t, d, n, Int16)
	case []int32:
		return intSink(t, d, n, Int32)
	case []int64:
		return intSink(t, d, n, Int64)
	case []uint8:
		if t.dtype == Opaque {
			return rawSink(t, d, n)
		}
		return intSink(t, d, n, Uint8)
	case []uint16:
		switch {
		case t.dtype == Float16, t.dtype == BFloat16, t.dtype == Opaque && t.size == 2:
			t.dtype = Uint16
		}
		return intSink(t, d, n, Uint16)
	case []uint32:
		return intSink(t, d, n, Uint32)
	case []uint64:
		return intSink(t, d, n, Uint64)
	case []bool:
		return boolSink(t, d, n)
	}
	return sink{}, unsupported("%s into %T", t.describe(), dst)
}

func (t datatype) describe() string {
	if t.dtype == Other {
		return t.what
	}
	return t.dtype.String()
}

func checkLen(got int, n int64) error {
	if int64(got) != n {
		return fmt.Errorf("destination of %d elements, want %d", got, n)
	}
	return nil
}

func rawSink(t datatype, d []byte, n int64) (sink, error) {
	total, err := t.bytesOf(n)
	if err != nil {
		return sink{}, err
	}
	return sink{size: t.size, view: d[:len(d):len(d)]}, checkLen(len(d), total)
}

// boolByte is the value of a stored bool.
func boolByte(b byte) (byte, error) {
	if b > 1 {
		return 0, corrupt("bool of value %d", b)
	}
	return b, nil
}

func boolSink(t datatype, d []bool, n int64) (sink, error) {
	if t.dtype != Bool {
		return sink{}, unsupported("%s into []bool", t.describe())
	}
	return sink{size: t.size, put: func(at int, raw []byte) error {
		for i, b := range raw {
			v, err := boolByte(b)
			if err != nil {
				return err
			}
			d[at+i] = v == 1
		}
		return nil
	}}, checkLen(len(d), n)
}

// swap turns the byte order of elements around, in place.
func swap(raw []byte, size int) {
	switch size {
	case 2:
		for i := 0; i+2 <= len(raw); i += 2 {
			raw[i], raw[i+1] = raw[i+1], raw[i]
		}
	case 4:
		for i := 0; i+4 <= len(raw); i += 4 {
			binary.LittleEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
		}
	case 8:
		for i := 0; i+8 <= len(raw); i += 8 {
			binary.LittleEndian.PutUint64(raw[i:], binary.BigEndian.Uint64(raw[i:]))
		}
	}
}

func (t datatype) isInt() bool { return t.dtype >= Int8 && t.dtype <= Uint64 }

func floatSink[T float32 | float64](t datatype, d []T, n int64, want DType) (sink, error) {
	if err := checkLen(len(d), n); err != nil {
		return sink{}, err
	}
	s := sink{size: t.size}
	if t.dtype == want && !t.big && littleEndianHost {
		s.view = memory(d)
		return s, nil
	}
	if !t.isInt() && t.dtype != Bool && (t.dtype < Float32 || t.dtype > BFloat16) {
		return s, unsupported("%s into []%s", t.describe(), want)
	}
	s.put = func(at int, raw []byte) error {
		if t.big {
			swap(raw, t.size)
		}
		return toFloats(t.dtype, d[at:at+len(raw)/t.size], raw)
	}
	return s, nil
}

// toFloats converts little-endian elements, rounding to nearest even.
func toFloats[T float32 | float64](from DType, out []T, raw []byte) error {
	le := binary.LittleEndian
	switch from {
	case Float32:
		for i := range out {
			out[i] = T(math.Float32frombits(le.Uint32(raw[4*i:])))
		}
	case Float64:
		for i := range out {
			out[i] = T(math.Float64frombits(le.Uint64(raw[8*i:])))
		}
	case Float16:
		for i := range out {
			out[i] = T(float16(le.Uint16(raw[2*i:])))
		}
	case BFloat16:
		for i := range out {
			out[i] = T(math.Float32frombits(uint32(le.Uint16(raw[2*i:])) << 16))
		}
	case Int8:
		for i := range out {
			out[i] = T(int8(raw[i]))
		}
	case Int16:
		for i := range out {
			out[i] = T(int16(le.Uint16(raw[2*i:])))
		}
	case Int32:
		for i := range out {
			out[i] = T(int32(le.Uint32(raw[4*i:])))
		}
	case Int64:
		for i := range out {
			out[i] = T(int64(le.Uint64(raw[8*i:])))
		}
	case Uint8:
		for i := range out {
			out[i] = T(raw[i])
		}
	case Uint16:
		for i := range out {
			out[i] = T(le.Uint16(raw[2*i:]))
		}
	case Uint32:
		for i := range out {
			out[i] = T(le.Uint32(raw[4*i:]))
		}
	case Uint64:
		for i := range out {
			out[i] = T(le.Uint64(raw[8*i:]))
		}
	case Bool:
		for i := range out {
			v, err := boolByte(raw[i])
			if err != nil {
				return err
			}
			out[i] = T(v)
		}
	}
	return nil
}

// float16 widens IEEE 754 binary16, exactly.
func float16(h uint16) float32 {
	sign, exp, man := uint32(h>>15)<<31, uint32(h>>10&31), uint32(h&1023)
	switch exp {
	case 0: // subnormal: man * 2^-24
		f := float32(man) * 0x1p-24
		return math.Float32frombits(math.Float32bits(f) | sign)
	case 31:
		return math.Float32frombits(sign | 0xff<<23 | man<<13)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | man<<13)
}

func intSink[T number](t datatype, d []T, n int64, want DType) (sink, error) {
	if err := checkLen(len(d), n); err != nil {
		return sink{}, err
	}
	s := sink{size: t.size}
	if t.dtype == want && (t.size == 1 || !t.big && littleEndianHost) {
		s.view = memory(d)
		return s, nil
	}
	if !t.isInt() && t.dtype != Bool {
		return s, unsupported("%s into []%s", t.describe(), want)
	}
	s.put = func(at int, raw []byte) error {
		if t.big {
			swap(raw, t.size)
		}
		return toInts(t.dtype, d[at:at+len(raw)/t.size], raw)
	}
	return s, nil
}

// toInts converts little-endian integers, refusing values that do not fit.
func toInts[T number](from DType, out []T, raw []byte) error {
	le := binary.LittleEndian
	for i := range out {
		var v int64
		var u uint64
		switch from {
		case Int8:
			v = int64(int8(raw[i]))
		case Int16:
			v = int64(int16(le.Uint16(raw[2*i:])))
		case Int32:
			v = int64(int32(le.Uint32(raw[4*i:])))
		case Int64:
			v = int64(le.Uint64(raw[8*i:]))
		case Uint8:
			u = uint64(raw[i])
		case Uint16:
			u = uint64(le.Uint16(raw[2*i:]))
		case Uint32:
			u = uint64(le.Uint32(raw[4*i:]))
		case Uint64:
			u = le.Uint64(raw[8*i:])
		case Bool:
			b, err := boolByte(raw[i])
			if err != nil {
				return err
			}
			u = uint64(b)
		}
		if from <= Int64 { // signed
			x := T(v)
			if int64(x) != v || (x < 0) != (v < 0) {
				return unsupported("value %d does not fit %T", v, x)
			}
			out[i] = x
			continue
		}
		x := T(u)
		if uint64(x) != u || x < 0 {
			return unsupported("value %d does not fit %T", u, x)
		}
		out[i] = x
	}
	return nil
}
