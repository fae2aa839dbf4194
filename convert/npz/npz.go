// Package npz writes a model's weights as an .npz file: a zip of NumPy arrays,
// stored as they are (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html).
package npz

import (
	"archive/zip"
	"encoding/binary"
	"fmt"
	"github.com/kerasrun/kerasrun/runtime/source"
	"io"
	"strings"

	"github.com/kerasrun/kerasrun/convert/target"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// descriptions are NumPy's names of element types. It has none for bfloat16,
// which is written as two opaque bytes, as ml_dtypes does.
var descriptions = map[graph.DType]string{
	graph.Float32: "<f4", graph.Float64: "<f8", graph.Float16: "<f2", graph.BFloat16: "|V2",
	graph.Int8: "|i1", graph.Int16: "<i2", graph.Int32: "<i4", graph.Int64: "<i8",
	graph.Uint8: "|u1", graph.Uint16: "<u2", graph.Uint32: "<u4", graph.Uint64: "<u8", graph.Bool: "|b1",
}

// Write writes the weights of a job under the names of [source.WeightNames], in
// order of creation.
func Write(j *target.Job, w io.Writer) error {
	params := j.Program.Graph.Params
	for _, p := range params {
		if descriptions[p.DType] == "" {
			j.Refuse(p.Layer, "weight %q is %v", p.Name, p.DType)
		}
	}
	if err := j.Refused(); err != nil {
		return err
	}
	z := zip.NewWriter(w)
	for i, name := range source.WeightNames(params) {
		f, err := z.CreateHeader(&zip.FileHeader{Name: name + ".npy", Method: zip.Store})
		if err != nil {
			return err
		}
		if _, err := f.Write(header(graph.Type{DType: j.Stored(i), Shape: params[i].Shape})); err != nil {
			return err
		}
		if err := j.WriteWeight(f, i); err != nil {
			return fmt.Errorf("weight %s: %w", name, err)
		}
	}
	return z.Close()
}

// header returns the head of an .npy file, version 1.0.
func header(t graph.Type) []byte {
	var shape strings.Builder
	for _, d := range t.Shape {
		fmt.Fprintf(&shape, "%d, ", d)
	}
	dims := strings.TrimSuffix(shape.String(), " ")
	if len(t.Shape) > 1 {
		dims = strings.TrimSuffix(dims, ",")
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descriptions[t.DType], dims)
	const prefix, align = 10, 64
	text += strings.Repeat(" ", align-1-(prefix+len(text))%align) + "\n"
	b := binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(text)))
	return append(b, text...)
}
