package npy

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strconv"
)

// align is the alignment of the payload in a file, as NumPy writes it.
const align = 64

// Write writes a as an npy file of version 1.0: little-endian, C order, the same bytes NumPy writes. Strings are
// written as UTF-32 in the width of the longest, a BFloat16 as two raw bytes. An array whose Data does not match its
// DType and Shape is ErrFormat, a string that npy cannot hold ErrUnsupported.
func Write(w io.Writer, a Array) error {
	n, ok := count(a.Shape)
	if !ok || len(a.Shape) > maxRank {
		return fmt.Errorf("npy array %s: shape %v: %w", a.DType, a.Shape, ErrFormat)
	}
	if got := a.Len(); got != n {
		return fmt.Errorf("npy array %s %v: Data is %T with %d elements, want %d: %w", a.DType, a.Shape, a.Data, max(got, 0), n, ErrFormat)
	}
	width := 0
	if a.DType == String {
		var err error
		if width, err = stringWidth(a.Data.([]string)); err != nil {
			return err
		}
	}
	head, err := fileHeader(descrOf(a.DType, width), a.Shape)
	if err != nil {
		return err
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	return writeData(w, a, width)
}

// descrOf is the dtype string NumPy writes.
func descrOf(d DType, width int) string {
	t := dtypes[d]
	order, size := "<", t.size
	if size == 1 {
		order = "|"
	}
	if d == String {
		size = width
	}
	return order + string(t.kind) + strconv.Itoa(size)
}

// fileHeader is everything before the payload. The longest header, of 64 dimensions, is far below version 1.0's limit.
func fileHeader(descr string, shape []int) ([]byte, error) {
	text := headerText(descr, false, shape)
	text = text[:len(text)-1]
	const before = len(magic) + 4
	// NumPy leaves room for the first dimension to grow to 20 digits; without it files differ from NumPy's.
	if len(shape) > 0 {
		text += spaces(21 - len(strconv.Itoa(shape[0])))
	}
	pad := align - (before+len(text)+1)%align
	text += spaces(pad) + "\n"
	if len(text) > math.MaxUint16 {
		return nil, fmt.Errorf("npy header: %d bytes long, want at most %d: %w", len(text), math.MaxUint16, ErrLimit)
	}
	b := append([]byte(magic), 1, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(text)))
	return append(b, text...), nil
}

func spaces(n int) string {
	b := make([]byte, max(0, n))
	for i := range b {
		b[i] = ' '
	}
	return string(b)
}

func writeData(w io.Writer, a Array, width int) error {
	switch d := a.Data.(type) {
	case []float32:
		return writeNumbers(w, d, 4)
	case []float64:
		return writeNumbers(w, d, 8)
	case []uint16:
		return writeNumbers(w, d, 2)
	case []int8:
		return writeNumbers(w, d, 1)
	case []int16:
		return writeNumbers(w, d, 2)
	case []int32:
		return writeNumbers(w, d, 4)
	case []int64:
		return writeNumbers(w, d, 8)
	case []uint8:
		return writeNumbers(w, d, 1)
	case []uint32:
		return writeNumbers(w, d, 4)
	case []uint64:
		return writeNumbers(w, d, 8)
	case []bool:
		return writeNumbers(w, d, 1)
	case []string:
		return writeStrings(w, d, width)
	}
	return fmt.Errorf("npy array: Data is %T: %w", a.Data, ErrFormat)
}

func writeNumbers[T any](w io.Writer, data []T, size int) error {
	buf := make([]byte, min(len(data)*size, chunk))
	for len(data) > 0 {
		k := min(len(data), chunk/size)
		n, err := binary.Encode(buf, binary.LittleEndian, data[:k])
		if err != nil {
			return fmt.Errorf("npy array: %w", err)
		}
		if _, err := w.Write(buf[:n]); err != nil {
			return err
		}
		data = data[k:]
	}
	return nil
}

func writeStrings(w io.Writer, data []string, width int) error {
	var buf []byte
	for i, s := range data {
		buf = appendUTF32(buf, s, width)
		if len(buf) < chunk && i < len(data)-1 {
			continue
		}
		if _, err := w.Write(buf); err != nil {
			return err
		}
		buf = buf[:0]
	}
	return nil
}
