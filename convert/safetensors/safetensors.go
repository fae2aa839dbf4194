// Package safetensors writes a model's weights as a safetensors file: a JSON
// header and the elements, little-endian
// (https://huggingface.co/docs/safetensors/index#format).
package safetensors

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"github.com/kerasrun/kerasrun/runtime/source"
	"io"
	"slices"

	"github.com/kerasrun/kerasrun/convert/target"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

var dtypes = map[graph.DType]string{
	graph.Float32: "F32", graph.Float64: "F64", graph.Float16: "F16", graph.BFloat16: "BF16",
	graph.Int8: "I8", graph.Int16: "I16", graph.Int32: "I32", graph.Int64: "I64",
	graph.Uint8: "U8", graph.Uint16: "U16", graph.Uint32: "U32", graph.Uint64: "U64", graph.Bool: "BOOL",
}

type entry struct {
	DType   string   `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// Write writes the weights of a job under the names of [source.WeightNames], in
// the order that keeps them aligned: the widest element type first, then by
// name, as the reference implementation does.
func Write(j *target.Job, w io.Writer) error {
	params := slices.Clone(j.Program.Graph.Params)
	names := source.WeightNames(params)
	order := make([]int, len(params))
	for i, p := range params {
		order[i] = i
		params[i].DType = j.Stored(i)
		if dtypes[p.DType] == "" {
			j.Refuse(p.Layer, "weight %q is %v", p.Name, p.DType)
		}
	}
	if err := j.Refused(); err != nil {
		return err
	}
	slices.SortFunc(order, func(a, b int) int {
		if d := params[b].DType.Size() - params[a].DType.Size(); d != 0 {
			return d
		}
		if params[a].DType != params[b].DType {
			return int(params[a].DType) - int(params[b].DType)
		}
		if names[a] < names[b] {
			return -1
		}
		return 1
	})
	header := map[string]any{"__metadata__": map[string]string{"format": "keras"}}
	at := int64(0)
	for _, i := range order {
		p := params[i]
		end := at + target.Bytes(p.Type)
		header[names[i]] = entry{dtypes[p.DType], append([]int{}, p.Shape...), [2]int64{at, end}}
		at = end
	}
	text, err := json.Marshal(header)
	if err != nil {
		return err
	}
	for len(text)%8 != 0 {
		text = append(text, ' ')
	}
	if _, err := w.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(text)))); err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	for _, i := range order {
		if err := j.WriteWeight(w, i); err != nil {
			return fmt.Errorf("weight %s: %w", names[i], err)
		}
	}
	return nil
}
