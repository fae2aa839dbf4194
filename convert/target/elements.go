package target

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/weight"
)

// blockBytes is about how much of a weight is in memory at a time.
const blockBytes = 1 << 20

// WriteWeight writes the elements of weight i as they are, but in the type that
// [Job.Stored] says: row-major, little-endian, a bool as a byte. Large float32 weights stream from the file.
func (j *Job) WriteWeight(w io.Writer, i int) error {
	v, to := j.Weights[i], j.Stored(i)
	if v.DType != graph.Float32 {
		t, err := v.Tensor()
		if err != nil {
			return err
		}
		return WriteElements(w, t.Cast(to))
	}
	return Blocks(j.Context, v, func(block []float32) error { return WriteElements(w, graph.Floats(block, len(block)).Cast(to)) })
}

// Blocks calls f with the elements of a float32 value, part by part, until ctx ends.
func Blocks(ctx context.Context, v *weight.Value, f func([]float32) error) error {
	n := v.Len()
	row := 1
	if k := len(v.Shape); k > 0 {
		row = max(1, v.Shape[k-1])
	}
	size := min(n, max(1, blockBytes/4/row)*row)
	block := make([]float32, size)
	for at := 0; at < n; at += size {
		if err := ctx.Err(); err != nil {
			return err
		}
		part := block[:min(size, n-at)]
		if err := v.Floats(part, at); err != nil {
			return err
		}
		if err := f(part); err != nil {
			return err
		}
	}
	return nil
}

// WriteElements writes the elements of t: row-major, little-endian, a bool as a
// byte. Strings are refused.
func WriteElements(w io.Writer, t graph.Tensor) error {
	switch d := t.Data.(type) {
	case []uint8:
		_, err := w.Write(d)
		return err
	case []float32:
		return inBlocks(w, d, 4, func(b []byte, x float32) []byte { return binary.LittleEndian.AppendUint32(b, math.Float32bits(x)) })
	case []float64:
		return inBlocks(w, d, 8, func(b []byte, x float64) []byte { return binary.LittleEndian.AppendUint64(b, math.Float64bits(x)) })
	case []uint16:
		return inBlocks(w, d, 2, binary.LittleEndian.AppendUint16)
	case []int8:
		return inBlocks(w, d, 1, func(b []byte, x int8) []byte { return append(b, byte(x)) })
	case []int16:
		return inBlocks(w, d, 2, func(b []byte, x int16) []byte { return binary.LittleEndian.AppendUint16(b, uint16(x)) })
	case []int32:
		return inBlocks(w, d, 4, func(b []byte, x int32) []byte { return binary.LittleEndian.AppendUint32(b, uint32(x)) })
	case []int64:
		return inBlocks(w, d, 8, func(b []byte, x int64) []byte { return binary.LittleEndian.AppendUint64(b, uint64(x)) })
	case []uint32:
		return inBlocks(w, d, 4, binary.LittleEndian.AppendUint32)
	case []uint64:
		return inBlocks(w, d, 8, binary.LittleEndian.AppendUint64)
	case []bool:
		return inBlocks(w, d, 1, func(b []byte, x bool) []byte {
			if x {
				return append(b, 1)
			}
			return append(b, 0)
		})
	}
	return fmt.Errorf("%w: elements of type %v cannot be stored", graph.ErrDType, t.DType)
}

func inBlocks[T any](w io.Writer, d []T, size int, put func([]byte, T) []byte) error {
	block := make([]byte, 0, min(len(d)*size, 1<<16))
	for len(d) > 0 {
		n := min(len(d), cap(block)/size)
		block = block[:0]
		for _, x := range d[:n] {
			block = put(block, x)
		}
		if _, err := w.Write(block); err != nil {
			return err
		}
		d = d[n:]
	}
	return nil
}

// Bytes is the number of bytes that the elements of a type take in a file.
func Bytes(t graph.Type) int64 {
	n, _ := t.Shape.Elems()
	return int64(n) * int64(t.DType.Size())
}
