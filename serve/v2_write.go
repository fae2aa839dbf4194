package serve

import (
	"strconv"
	"unicode/utf8"

	"github.com/kerasrun/kerasrun"
)

// writeV2 writes the answer to a request: a JSON text, and the tensors that are wanted in binary form.
func writeV2(in *instance, r *v2Request, out []NamedTensor) (head, tail []byte, err error) {
	b := []byte{'{'}
	if r.id != "" {
		b = append(appendQuoted(append(b, `"id":`...), r.id), ',')
	}
	b = appendQuoted(append(b, `"model_name":`...), in.name())
	b = appendQuoted(append(b, `,"model_version":`...), in.versionText())
	b = append(b, `,"outputs":[`...)
	for i, t := range out {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendQuoted(append(b, `{"name":`...), t.Name)
		b = appendQuoted(append(b, `,"datatype":`...), Datatype(t.DType))
		b = append(b, `,"shape":[`...)
		for k, d := range t.Shape {
			if k > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendInt(b, int64(d), 10)
		}
		b = append(b, ']')
		binary := r.allBinary
		if len(r.outputs) > 0 && r.outputs[i].binary != nil {
			binary = *r.outputs[i].binary
		}
		if binary {
			before := len(tail)
			tail = AppendBinary(tail, t.Tensor)
			if tail == nil {
				tail = []byte{} // there is a binary tensor, of no bytes
			}
			b = append(b, `,"parameters":{"binary_data_size":`...)
			b = append(strconv.AppendInt(b, int64(len(tail)-before), 10), "}}"...)
			continue
		}
		if err := checkText(t); err != nil {
			return nil, nil, err
		}
		b = append(b, `,"data":`...)
		b = append(appendFlat(b, t.Tensor), '}')
	}
	return append(b, "]}"...), tail, nil
}

// checkText refuses strings that JSON cannot hold.
func checkText(t NamedTensor) error {
	texts, _ := t.Data.([]string)
	for _, text := range texts {
		if !utf8.ValidString(text) {
			return badRequest("output %q has strings that are not UTF-8: ask for binary_data", t.Name)
		}
	}
	return nil
}

// datatypes are the names that the Open Inference Protocol has for element types.
var datatypes = []struct {
	name  string
	dtype kerasrun.DType
}{
	{"BOOL", kerasrun.Bool},
	{"UINT8", kerasrun.Uint8}, {"UINT16", kerasrun.Uint16}, {"UINT32", kerasrun.Uint32}, {"UINT64", kerasrun.Uint64},
	{"INT8", kerasrun.Int8}, {"INT16", kerasrun.Int16}, {"INT32", kerasrun.Int32}, {"INT64", kerasrun.Int64},
	{"FP16", kerasrun.Float16}, {"FP32", kerasrun.Float32}, {"FP64", kerasrun.Float64}, {"BF16", kerasrun.BFloat16},
	{"BYTES", kerasrun.String},
}

// Datatype is the name that the Open Inference Protocol has for an element type.
func Datatype(d kerasrun.DType) string {
	for _, t := range datatypes {
		if t.dtype == d {
			return t.name
		}
	}
	return ""
}

// ParseDatatype finds the element type that the Open Inference Protocol calls name.
func ParseDatatype(name string) (kerasrun.DType, bool) {
	for _, t := range datatypes {
		if t.name == name {
			return t.dtype, true
		}
	}
	return 0, false
}

func datatypeList() string {
	list := ""
	for i, t := range datatypes {
		if i > 0 {
			list += ", "
		}
		list += t.name
	}
	return list
}
