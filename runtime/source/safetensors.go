package source

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/kerasrun/kerasrun/hdf5load"
	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// safetensorsTypes are the element types of safetensors files that a weight can have.
var safetensorsTypes = map[string]hdf5load.DType{
	"F32": hdf5load.Float32, "F64": hdf5load.Float64, "F16": hdf5load.Float16, "BF16": hdf5load.BFloat16,
	"I8": hdf5load.Int8, "I16": hdf5load.Int16, "I32": hdf5load.Int32, "I64": hdf5load.Int64,
	"U8": hdf5load.Uint8, "U16": hdf5load.Uint16, "U32": hdf5load.Uint32, "U64": hdf5load.Uint64, "BOOL": hdf5load.Bool,
}

// safetensors opens a safetensors file: eight bytes with the length of a JSON header, the header, and the
// elements, little-endian (https://huggingface.co/docs/safetensors/index#format).
func (l *loader) safetensors(r io.ReaderAt, size int64) (store, error) {
	var head [8]byte
	if _, err := r.ReadAt(head[:], 0); err != nil {
		return nil, fmt.Errorf("%w: safetensors: %w", ErrFormat, err)
	}
	n := binary.LittleEndian.Uint64(head[:])
	if n > uint64(size-8) {
		return nil, fmt.Errorf("%w: a safetensors header of %d bytes in a file of %d", ErrFormat, n, size)
	}
	text, err := l.readText(io.NewSectionReader(r, 8, int64(n)), int64(n))
	if err != nil {
		return nil, err
	}
	header, err := keras.ParseJSON(text, l.options.Limits.Keras)
	if err != nil {
		return nil, fmt.Errorf("safetensors header: %w", err)
	}
	if header.Kind() != keras.Object {
		return nil, fmt.Errorf("%w: the safetensors header is no object", ErrFormat)
	}
	s := namedStore{}
	var spans [][2]int64
	for _, name := range header.Keys() {
		if name == "__metadata__" {
			continue
		}
		a, span, err := safetensorsArray(header.Get(name), r, 8+int64(n), size)
		if err != nil {
			return nil, fmt.Errorf("weight %q: %w", name, err)
		}
		s[name] = a
		spans = append(spans, span)
	}
	// The elements lie side by side, without gaps.
	slices.SortFunc(spans, func(a, b [2]int64) int {
		if a[0] != b[0] {
			return int(min(max(a[0]-b[0], -1), 1))
		}
		return int(min(max(a[1]-b[1], -1), 1))
	})
	at := 8 + int64(n)
	for _, span := range append(spans, [2]int64{size, size}) {
		if span[0] != at {
			return nil, fmt.Errorf("%w: the weights of a safetensors file overlap or leave bytes out, at byte %d", ErrFormat, at)
		}
		at = span[1]
	}
	return s, nil
}

// safetensorsArray makes the array that an entry of the header describes, and returns where in
// the file its bytes are. data is where offsets count from.
func safetensorsArray(about *keras.Value, r io.ReaderAt, data, size int64) (*array, [2]int64, error) {
	var span [2]int64
	a := &array{shape: []int{}}
	a.kind, _ = about.Get("dtype").Str()
	a.dtype = hdf5load.Other
	if d, ok := safetensorsTypes[a.kind]; ok {
		a.dtype = d
	}
	n := int64(1)
	dims := about.Get("shape")
	if dims.Kind() != keras.Array || dims.Len() > maxRank {
		return nil, span, fmt.Errorf("%w: shape %s", ErrFormat, dims.JSON())
	}
	for _, v := range dims.Items() {
		d, ok := v.Int()
		if !ok || d < 0 || d > 0 && n > math.MaxInt64/8/int64(d) {
			return nil, span, fmt.Errorf("%w: shape %s", ErrFormat, dims.JSON())
		}
		a.shape = append(a.shape, d)
		n *= int64(d)
	}
	offsets := about.Get("data_offsets").Items()
	for i := range span {
		v, ok := 0, len(offsets) == 2
		if ok {
			v, ok = offsets[i].Int()
		}
		if !ok || v < 0 || int64(v) > size-data {
			return nil, span, fmt.Errorf("%w: data_offsets %s in %d bytes", ErrFormat, about.Get("data_offsets").JSON(), size-data)
		}
		span[i] = data + int64(v)
	}
	each := int64(elementTypes[a.dtype].Size())
	if span[1] < span[0] || a.dtype != hdf5load.Other && span[1]-span[0] != n*each {
		return nil, span, fmt.Errorf("%w: data_offsets %s for %s %v", ErrFormat, about.Get("data_offsets").JSON(), a.kind, graph.Shape(a.shape))
	}
	own := elementTypes[a.dtype]
	read := func(from, to int64) (graph.Tensor, error) {
		return littleEndian(own, graph.Shape{int(to - from)}, r, span[0]+from*each)
	}
	a.load = func() (graph.Tensor, error) {
		t, err := read(0, n)
		t.Shape = a.shape
		return t, err
	}
	if own.Floating() {
		a.part = func(dst []float32, from int) error {
			if from < 0 || int64(len(dst)) > n-int64(from) {
				return fmt.Errorf("%w: elements %d to %d of %d", ErrFormat, from, from+len(dst), n)
			}
			t, err := read(int64(from), int64(from+len(dst)))
			if err == nil {
				copy(dst, t.Cast(graph.Float32).Data.([]float32))
			}
			return err
		}
	}
	return a, span, nil
}

// littleEndian reads elements at an offset of a file.
func littleEndian(d graph.DType, shape graph.Shape, r io.ReaderAt, at int64) (graph.Tensor, error) {
	t := graph.NewTensor(d, shape)
	raw := make([]byte, t.Len()*d.Size())
	if n, err := r.ReadAt(raw, at); n < len(raw) {
		return t, err
	}
	if b, ok := t.Data.([]bool); ok {
		for i, x := range raw {
			b[i] = x != 0
		}
		return t, nil
	}
	return t, binary.Read(bytes.NewReader(raw), binary.LittleEndian, t.Data)
}
