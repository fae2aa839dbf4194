package npy

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
)

// chunk is how many bytes are read at a time, and how many are allocated before any have been seen.
const chunk = 1 << 18

// Read reads one array from r and leaves r behind its last byte. limit is the most bytes the array may take in memory
// (16 and its text for a string), zero means DefaultLimit. Memory grows with the bytes that are there, not with what
// the header says, to at most three times their number, and twice more while an array in Fortran order is transposed.
//
// Errors are ErrFormat, ErrUnsupported (structured dtypes, pickled objects, complex numbers, dates, raw bytes),
// ErrLimit, or r's own.
func Read(r io.Reader, limit int64) (Array, error) { return read(r, limit, false, left(r)) }

// ReadBFloat16 is Read, except that elements of two raw bytes (|V2), which is how NumPy writes a bfloat16, are read as
// BFloat16.
func ReadBFloat16(r io.Reader, limit int64) (Array, error) { return read(r, limit, true, left(r)) }

// left is a number of bytes that r holds for certain, 0 if nothing is known.
func left(r io.Reader) int64 {
	switch r := r.(type) {
	case interface{ Len() int }:
		return int64(r.Len())
	case *os.File:
		info, err := r.Stat()
		if err != nil || !info.Mode().IsRegular() {
			return 0
		}
		at, err := r.Seek(0, io.SeekCurrent)
		if err != nil {
			return 0
		}
		return info.Size() - at
	}
	return 0
}

// read reads an array from r, of which sure bytes are known to be there.
func read(r io.Reader, limit int64, bf16 bool, sure int64) (Array, error) {
	if limit <= 0 {
		limit = DefaultLimit
	}
	h, err := readHeader(r)
	if err != nil {
		return Array{}, err
	}
	e, err := parseDescr(h.descr, bf16)
	if err != nil {
		return Array{}, err
	}
	each := int64(e.size)
	if e.dtype == String {
		each += 16
	}
	if int64(h.n) > limit/each {
		return Array{}, fmt.Errorf("npy array %s %v: %d elements of %d bytes, want at most %d bytes: %w",
			e.dtype, h.shape, h.n, each, limit, ErrLimit)
	}
	h.sure = sure
	data, err := e.read(r, h)
	if err != nil {
		return Array{}, fmt.Errorf("npy array %s %v: %w", e.dtype, h.shape, err)
	}
	return Array{DType: e.dtype, Shape: h.shape, Data: data}, nil
}

// read reads the payload into a new slice in C order.
func (e element) read(r io.Reader, h header) (any, error) {
	switch e.dtype {
	case Float32:
		return numbers[float32](r, e, h)
	case Float64:
		return numbers[float64](r, e, h)
	case Float16, BFloat16, Uint16:
		return numbers[uint16](r, e, h)
	case Int8:
		return numbers[int8](r, e, h)
	case Int16:
		return numbers[int16](r, e, h)
	case Int32:
		return numbers[int32](r, e, h)
	case Int64:
		return numbers[int64](r, e, h)
	case Uint8:
		return numbers[uint8](r, e, h)
	case Uint32:
		return numbers[uint32](r, e, h)
	case Uint64:
		return numbers[uint64](r, e, h)
	case Bool:
		return numbers[bool](r, e, h)
	case String:
		return elements(r, e, h, func(dst []string, src []byte) error { return e.strings(dst, src) })
	}
	return nil, ErrUnsupported
}

func numbers[T any](r io.Reader, e element, h header) ([]T, error) {
	return elements(r, e, h, func(dst []T, src []byte) error {
		_, err := binary.Decode(src, e.order, dst)
		return err
	})
}

// elements reads h.n elements chunk by chunk; decode fills dst from the len(dst) elements in src.
func elements[T any](r io.Reader, e element, h header, decode func(dst []T, src []byte) error) ([]T, error) {
	step := max(1, chunk/e.size)
	out := make([]T, 0, min(h.n, max(step, int(min(h.sure/int64(e.size), int64(h.n))))))
	var buf []byte
	if e.size <= chunk {
		buf = make([]byte, min(h.n, step)*e.size)
	}
	for len(out) < h.n {
		k := min(h.n-len(out), step)
		b, err := fill(r, buf, k*e.size)
		if err != nil {
			return nil, short(fmt.Sprintf("element %d of %d", len(out), h.n), err)
		}
		if cap(out) < len(out)+k {
			out = append(make([]T, 0, min(h.n, max(2*cap(out), len(out)+k))), out...)
		}
		out = out[:len(out)+k]
		if err := decode(out[len(out)-k:], b); err != nil {
			return nil, fmt.Errorf("element %d: %w", len(out)-k, err)
		}
	}
	if h.fortran && len(h.shape) > 1 {
		out = cOrder(out, h.shape)
	}
	return out, nil
}

// fill reads n bytes into buf, or, if buf is too short because one element is longer than a chunk, into a slice that
// grows with the data.
func fill(r io.Reader, buf []byte, n int) ([]byte, error) {
	if n <= len(buf) {
		_, err := io.ReadFull(r, buf[:n])
		return buf[:n], err
	}
	b, err := io.ReadAll(io.LimitReader(r, int64(n)))
	if err == nil && len(b) < n {
		err = io.ErrUnexpectedEOF
	}
	return b, err
}

// cOrder returns the elements of an array in Fortran order (first index fastest) in C order (last index fastest).
func cOrder[T any](src []T, shape []int) []T {
	if len(src) == 0 {
		return src
	}
	out := make([]T, len(src))
	stride := make([]int, len(shape))
	s := 1
	for i, d := range shape {
		stride[i] = s
		s *= d
	}
	index := make([]int, len(shape))
	at := 0
	for i := range out {
		out[i] = src[at]
		for k := len(shape) - 1; k >= 0; k-- {
			index[k]++
			at += stride[k]
			if index[k] < shape[k] {
				break
			}
			at -= index[k] * stride[k]
			index[k] = 0
		}
	}
	return out
}
