package npy

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf8"
)

// strings decodes fixed-width strings: without the zeros that fill each one up, as NumPy returns them.
func (e element) strings(dst []string, src []byte) error {
	var b strings.Builder
	for i := range dst {
		raw := src[i*e.size : (i+1)*e.size]
		if e.kind == 'S' {
			dst[i] = strings.TrimRight(string(raw), "\x00")
			continue
		}
		b.Reset()
		for ; len(raw) > 0; raw = raw[4:] {
			c := e.order.Uint32(raw)
			if c > utf8.MaxRune || !utf8.ValidRune(rune(c)) {
				return fmt.Errorf("string %q goes on with %#x, which is no character: %w", b.String(), c, ErrFormat)
			}
			b.WriteRune(rune(c))
		}
		dst[i] = strings.Clone(strings.TrimRight(b.String(), "\x00"))
	}
	return nil
}

// stringWidth is the length in characters of the longest string, at least 1. A string that is not UTF-8 or that ends
// in a zero would not come back as it was.
func stringWidth(s []string) (int, error) {
	w := 1
	for i, v := range s {
		if !utf8.ValidString(v) {
			return 0, fmt.Errorf("npy array string: element %d is %q, want UTF-8: %w", i, v, ErrUnsupported)
		}
		if strings.HasSuffix(v, "\x00") {
			return 0, fmt.Errorf("npy array string: element %d is %q, want no zero at its end: %w", i, v, ErrUnsupported)
		}
		w = max(w, utf8.RuneCountInString(v))
	}
	return w, nil
}

// appendUTF32 appends s in width little-endian characters.
func appendUTF32(b []byte, s string, width int) []byte {
	n := 0
	for _, c := range s {
		b = binary.LittleEndian.AppendUint32(b, uint32(c))
		n++
	}
	return append(b, make([]byte, 4*(width-n))...)
}
