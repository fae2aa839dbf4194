package npy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/sbinet/npyio/npy"
)

const magic = "\x93NUMPY"

// maxHeader is the longest header accepted, in bytes. NumPy itself reads 10,000.
const maxHeader = 1 << 16

// header is a checked npy header.
type header struct {
	descr   string // as in the file, such as <f4
	fortran bool
	shape   []int
	n       int   // product of shape
	sure    int64 // bytes that are known to follow, from the reader and not from the header
}

// readHeader reads and checks everything before the payload.
func readHeader(r io.Reader) (header, error) {
	var pre [8]byte
	if _, err := io.ReadFull(r, pre[:]); err != nil {
		return header{}, short("header", err)
	}
	if string(pre[:6]) != magic {
		return header{}, fmt.Errorf("npy header: starts with %q, want %q: %w", pre[:6], magic, ErrFormat)
	}
	n, err := headerLen(r, pre[6])
	if err != nil {
		return header{}, err
	}
	if n > maxHeader {
		return header{}, fmt.Errorf("npy header: %d bytes long, want at most %d: %w", n, maxHeader, ErrLimit)
	}
	text, err := io.ReadAll(io.LimitReader(r, int64(n)))
	if err == nil && len(text) < int(n) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return header{}, short("header", err)
	}
	h, err := parseDict(string(text))
	if err != nil {
		return header{}, err
	}
	return viaNpyio(h)
}

// headerLen reads the length field, whose width depends on the version of the format.
func headerLen(r io.Reader, version byte) (uint32, error) {
	var b [4]byte
	switch version {
	case 1:
		if _, err := io.ReadFull(r, b[:2]); err != nil {
			return 0, short("header", err)
		}
	case 2, 3:
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return 0, short("header", err)
		}
	default:
		return 0, fmt.Errorf("npy header: format version %d, want 1 to 3: %w", version, ErrUnsupported)
	}
	return binary.LittleEndian.Uint32(b[:]), nil
}

// viaNpyio hands the checked header to npyio in the form NumPy writes and takes over what npyio makes of it.
func viaNpyio(h header) (out header, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("npy header: npyio: %v: %w", p, ErrFormat)
		}
	}()
	text := headerText(h.descr, h.fortran, h.shape)
	buf := append([]byte(magic), 2, 0)
	buf = binary.LittleEndian.AppendUint32(buf, uint32(len(text)))
	r, err := npy.NewReader(bytes.NewReader(append(buf, text...)))
	if err != nil {
		return header{}, fmt.Errorf("npy header: npyio: %v: %w", err, ErrFormat)
	}
	d := r.Header.Descr
	n, ok := count(d.Shape)
	if !ok {
		return header{}, fmt.Errorf("npy header: shape %v has too many elements: %w", d.Shape, ErrFormat)
	}
	return header{descr: d.Type, fortran: d.Fortran, shape: append([]int{}, d.Shape...), n: n}, nil
}

// headerText is the dict of a header as NumPy writes it, with the newline that ends it.
func headerText(descr string, fortran bool, shape []int) string {
	var b strings.Builder
	b.WriteString("{'descr': '" + descr + "', 'fortran_order': ")
	if fortran {
		b.WriteString("True")
	} else {
		b.WriteString("False")
	}
	b.WriteString(", 'shape': (")
	for i, d := range shape {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(strconv.Itoa(d))
	}
	if len(shape) == 1 {
		b.WriteByte(',')
	}
	b.WriteString("), }\n")
	return b.String()
}

// short turns the end of the data into a format error and leaves a reader's own error as it is.
func short(what string, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("npy %s: data ends inside it: %w", what, ErrFormat)
	}
	return fmt.Errorf("npy %s: %w", what, err)
}
