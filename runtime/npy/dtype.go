package npy

import (
	"encoding/binary"
	"fmt"
	"strconv"
)

// element is how one element lies in a file.
type element struct {
	dtype DType
	kind  byte // NumPy's letter; U and S for strings
	size  int  // bytes
	order binary.ByteOrder
}

// parseDescr understands dtype strings such as <f4, >i8, |b1, <U5 and |S3. With bf16, two raw bytes are a bfloat16.
func parseDescr(descr string, bf16 bool) (element, error) {
	if len(descr) < 2 {
		return element{}, fmt.Errorf("npy header: dtype %q: %w", descr, ErrFormat)
	}
	e := element{order: binary.LittleEndian, kind: descr[1]}
	switch descr[0] {
	case '<', '|':
	case '>':
		e.order = binary.BigEndian
	default:
		return element{}, fmt.Errorf("npy header: dtype %q, want one that starts with <, > or |: %w", descr, ErrUnsupported)
	}
	if e.kind == 'O' {
		return element{}, fmt.Errorf("npy header: dtype %q holds pickled Python objects, want numbers or strings: %w", descr, ErrUnsupported)
	}
	size, err := strconv.ParseUint(descr[2:], 10, 31)
	if err != nil {
		return element{}, fmt.Errorf("npy header: dtype %q: %w", descr, ErrUnsupported)
	}
	e.size = int(size)
	switch e.kind {
	case 'U':
		if e.size > (1<<31-1)/4 {
			return element{}, fmt.Errorf("npy header: dtype %q: strings are too long: %w", descr, ErrFormat)
		}
		e.size *= 4
		fallthrough
	case 'S':
		// Elements without bytes would let a header of 100 bytes ask for any number of strings.
		if e.size == 0 {
			return element{}, fmt.Errorf("npy header: dtype %q: strings of no length: %w", descr, ErrUnsupported)
		}
		e.dtype = String
		return e, nil
	}
	if descr[0] == '|' && e.size > 1 && e.kind != 'V' {
		return element{}, fmt.Errorf("npy header: dtype %q has no byte order: %w", descr, ErrUnsupported)
	}
	for d, t := range dtypes {
		if t.kind == e.kind && t.size == e.size && (e.kind != 'V' || bf16) {
			e.dtype = DType(d)
			return e, nil
		}
	}
	if descr == "|V2" || descr == "<V2" {
		return element{}, fmt.Errorf("npy header: dtype %q: two raw bytes, perhaps a bfloat16: %w", descr, ErrUnsupported)
	}
	return element{}, fmt.Errorf("npy header: dtype %q: %w", descr, ErrUnsupported)
}
