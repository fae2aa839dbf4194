package hdf5load

import "math"

// elementSizes are the bytes of an element of the types that can be written.
var elementSizes = map[DType]int{
	Float32: 4, Float64: 8, Float16: 2, BFloat16: 2, Int8: 1, Int16: 2, Int32: 4, Int64: 8,
	Uint8: 1, Uint16: 2, Uint32: 4, Uint64: 8, Bool: 1,
}

// encodeSpace returns a dataspace message (IV.A.2.b).
func encodeSpace(shape []int) encoder {
	e := encoder{1, byte(len(shape)), 0, 0, 0, 0, 0, 0}
	for _, d := range shape {
		e.u64(uint64(d))
	}
	return e
}

// encodeType returns a datatype message of numbers (IV.A.2.d).
func encodeType(d DType) encoder {
	size := elementSizes[d]
	switch d {
	case Float16:
		return encodeFloat(size, 5)
	case Float32:
		return encodeFloat(size, 8)
	case Float64:
		return encodeFloat(size, 11)
	case BFloat16:
		e := encoder{1<<4 | classOpaque, 0, 0, 0}
		e.u32(size)
		return e
	case Bool:
		const members = 2
		e := encoder{1<<4 | classEnum, members, 0, 0}
		e.u32(size)
		e = append(e, encodeInteger(size, true)...)
		return append(e, "FALSE\x00\x00\x00TRUE\x00\x00\x00\x00\x00\x01"...)
	}
	return encodeInteger(size, d < Uint8)
}

func encodeInteger(size int, signed bool) encoder {
	e := encoder{1 << 4, 0, 0, 0} // class 0: integers
	if signed {
		e[1] = 8
	}
	e.u32(size)
	e.u16(0)
	e.u16(8 * size)
	return e
}

// encodeFloat returns an IEEE 754 type with the sign on top.
func encodeFloat(size, exponent int) encoder {
	const impliedOne = 0x20
	bits := 8 * size
	mantissa := bits - 1 - exponent
	e := encoder{1<<4 | classFloat, impliedOne, byte(bits - 1), 0}
	e.u32(size)
	e.u16(0)
	e.u16(bits)
	e = append(e, byte(mantissa), byte(exponent), 0, byte(mantissa))
	e.u32(1<<(exponent-1) - 1)
	return e
}

const (
	nullPadded = 1
	utf8Set    = 1
	varString  = 1
)

// attribute returns an attribute message, version 1 (IV.A.2.m).
func (l *filePlan) attribute(a *treeAttr) encoder {
	var typ, value encoder
	var shape []int
	switch v := a.value.(type) {
	case string, []string:
		typ = encoder{1<<4 | classVarLen, varString, utf8Set, 0}
		typ.u32(stringReference)
		typ = append(typ, encodeInteger(1, false)...)
		for _, r := range l.heap.refs[a] {
			value.u32(r.length)
			value.u64(r.collection)
			value.u32(r.index)
		}
		if list, ok := v.([]string); ok {
			shape = []int{len(list)}
		}
	case FixedStrings:
		shape = []int{len(v)}
		size := 1
		for _, s := range v {
			size = max(size, len(s))
		}
		typ = encoder{1<<4 | classString, nullPadded, 0, 0}
		typ.u32(size)
		for _, s := range v {
			value = append(append(value, s...), make([]byte, size-len(s))...)
		}
	case int64:
		typ = encodeType(Int64)
		value.u64(uint64(v))
	case []int64:
		typ, shape = encodeType(Int64), []int{len(v)}
		for _, n := range v {
			value.u64(uint64(n))
		}
	case float64:
		typ = encodeType(Float64)
		value.u64(math.Float64bits(v))
	case []float64:
		typ, shape = encodeType(Float64), []int{len(v)}
		for _, x := range v {
			value.u64(math.Float64bits(x))
		}
	}
	space := encodeSpace(shape)
	e := encoder{1, 0}
	e.u16(len(a.name) + 1)
	e.u16(len(typ))
	e.u16(len(space))
	e = pad8(append(append(e, a.name...), 0))
	e = pad8(append(e, typ...))
	e = pad8(append(e, space...))
	e = append(e, value...)
	if len(e) > maxMessage {
		l.fail("attribute %q of %d bytes, want at most %d", a.name, len(e), maxMessage)
	}
	return e
}

const (
	stringReference = 16 // bytes of a reference to a variable-length string
	maxMessage      = 1<<16 - 8
)
