package serve

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/kerasrun/kerasrun"
)

// DecodeBinary reads a tensor in the binary form of the Open Inference Protocol: its elements in little-endian order, a
// BOOL in a byte, and before each element of BYTES its length in four bytes.
func DecodeBinary(d kerasrun.DType, shape kerasrun.Shape, data []byte) (kerasrun.Tensor, error) {
	n, ok := shape.Elems()
	if !ok {
		return kerasrun.Tensor{}, fmt.Errorf("shape %v is too large", shape)
	}
	if d == kerasrun.String {
		texts, err := decodeTexts(n, data)
		return kerasrun.Tensor{DType: d, Shape: shape, Data: texts}, err
	}
	if len(data)/d.Size() != n || len(data)%d.Size() != 0 {
		return kerasrun.Tensor{}, fmt.Errorf("%d bytes of data, shape %v of type %s asks for %d", len(data), shape, Datatype(d), n*d.Size())
	}
	t := kerasrun.NewTensor(d, shape)
	switch out := t.Data.(type) {
	case []float32:
		for i := range out {
			out[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		}
	case []float64:
		for i := range out {
			out[i] = math.Float64frombits(binary.LittleEndian.Uint64(data[8*i:]))
		}
	case []bool:
		for i := range out {
			out[i] = data[i] != 0
		}
	default:
		if _, err := binary.Decode(data, binary.LittleEndian, t.Data); err != nil {
			return kerasrun.Tensor{}, err
		}
	}
	return t, nil
}

// decodeTexts reads n elements of BYTES.
func decodeTexts(n int, data []byte) ([]string, error) {
	if n > len(data)/4 {
		return nil, fmt.Errorf("%d bytes of data for %d elements of BYTES", len(data), n)
	}
	texts := make([]string, n)
	for i := range texts {
		if len(data) < 4 {
			return nil, fmt.Errorf("element %d of BYTES has no length", i)
		}
		size := binary.LittleEndian.Uint32(data)
		data = data[4:]
		if uint64(size) > uint64(len(data)) {
			return nil, fmt.Errorf("element %d of BYTES has %d bytes, but %d are left", i, size, len(data))
		}
		texts[i] = string(data[:size])
		data = data[size:]
	}
	if len(data) > 0 {
		return nil, fmt.Errorf("%d bytes after %d elements of BYTES", len(data), n)
	}
	return texts, nil
}

// AppendBinary appends a tensor in the binary form of the Open Inference Protocol.
func AppendBinary(dst []byte, t kerasrun.Tensor) []byte {
	switch d := t.Data.(type) {
	case []float32:
		for _, x := range d {
			dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(x))
		}
	case []string:
		for _, x := range d {
			dst = append(binary.LittleEndian.AppendUint32(dst, uint32(len(x))), x...)
		}
	default:
		dst, _ = binary.Append(dst, binary.LittleEndian, t.Data) // of numbers and bools it never fails
	}
	return dst
}
