package tflite

import (
	"fmt"

	flatbuffers "github.com/google/flatbuffers/go"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// A model is what a file holds, before it is laid out in bytes.
type model struct {
	description string
	buffers     []buffer // from number 1 on: number 0 is the empty one
	subgraphs   []*subgraph
	// The names of the inputs and outputs of the first subgraph.
	inputs, outputs []string
}

// A buffer is the elements of a constant. Fill writes them to dst, which has
// size bytes.
type buffer struct {
	size int
	fill func(dst []byte) error
}

// A subgraph is a function: the model, or the body of a loop.
type subgraph struct {
	name            string
	tensors         []tensorInfo
	inputs, outputs []tensor
	operators       []operator
	constants       map[string]tensor // by a text that describes them
}

// A tensor is an index into the tensors of a subgraph.
type tensor int32

// tensorInfo describes a tensor; buffer 0 is one that is computed.
type tensorInfo struct {
	graph.Type
	name   string
	buffer uint32
}

// An operator applies a builtin.
type operator struct {
	code    opcode
	options options
	in, out []tensor
}

// options are the attributes of an operator.
type options struct {
	table  optionTable
	fields []field
}

// A field is the value of a slot: an int8, int32, float32, bool or []int32.
type field struct {
	slot  int
	value any
}

// maxBytes bounds a file, whose offsets have 31 bits.
const maxBytes = 2_000_000_000

// bytes is the number of bytes of all buffers.
func (m *model) bytes() int {
	n := 0
	for _, b := range m.buffers {
		n += b.size + 64
	}
	return n
}

// encode lays a model out.
func (m *model) encode() ([]byte, error) {
	b := flatbuffers.NewBuilder(m.bytes() + 1<<16)
	buffers, err := m.encodeBuffers(b)
	if err != nil {
		return nil, err
	}
	codes := map[opcode]uint32{}
	var opcodes []flatbuffers.UOffsetT
	for _, s := range m.subgraphs {
		for _, o := range s.operators {
			if _, ok := codes[o.code]; ok {
				continue
			}
			codes[o.code] = uint32(len(opcodes))
			b.StartObject(opcodeFields)
			b.PrependInt8Slot(opcodeOld, int8(min(o.code, 127)), 0)
			b.PrependInt32Slot(opcodeVersion, max(versions[o.code], 1), 0)
			b.PrependInt32Slot(opcodeCode, int32(o.code), 0)
			opcodes = append(opcodes, b.EndObject())
		}
	}
	var subgraphs []flatbuffers.UOffsetT
	for _, s := range m.subgraphs {
		subgraphs = append(subgraphs, s.encode(b, codes))
	}
	signature := m.encodeSignature(b)
	description := b.CreateString(m.description)
	opcodeVector, subgraphVector := tables(b, opcodes), tables(b, subgraphs)
	signatures := tables(b, []flatbuffers.UOffsetT{signature})
	b.StartObject(modelFields)
	b.PrependUint32Slot(modelVersion, schemaVersion, 0)
	b.PrependUOffsetTSlot(modelOpcodes, opcodeVector, 0)
	b.PrependUOffsetTSlot(modelSubgraphs, subgraphVector, 0)
	b.PrependUOffsetTSlot(modelDescription, description, 0)
	b.PrependUOffsetTSlot(modelBuffers, buffers, 0)
	b.PrependUOffsetTSlot(modelSignatures, signatures, 0)
	b.FinishWithFileIdentifier(b.EndObject(), []byte(identifier))
	return b.FinishedBytes(), nil
}

// bufferAlign is the alignment of the elements of constants in a file.
const bufferAlign = 16

func (m *model) encodeBuffers(b *flatbuffers.Builder) (flatbuffers.UOffsetT, error) {
	b.StartObject(bufferFields)
	all := []flatbuffers.UOffsetT{b.EndObject()}
	for _, buf := range m.buffers {
		b.StartVector(1, buf.size, bufferAlign)
		b.Pad(buf.size)
		at := int(b.Head())
		if err := buf.fill(b.Bytes[at : at+buf.size]); err != nil {
			return 0, err
		}
		data := b.EndVector(buf.size)
		b.StartObject(bufferFields)
		b.PrependUOffsetTSlot(bufferData, data, 0)
		all = append(all, b.EndObject())
	}
	return tables(b, all), nil
}

// signatureName is the key of the signature, as TensorFlow's converter calls it.
const signatureName = "serving_default"

func (m *model) encodeSignature(b *flatbuffers.Builder) flatbuffers.UOffsetT {
	s := m.subgraphs[0]
	maps := func(names []string, tensors []tensor) flatbuffers.UOffsetT {
		var all []flatbuffers.UOffsetT
		for i, name := range names {
			text := b.CreateString(name)
			b.StartObject(mapFields)
			b.PrependUOffsetTSlot(mapName, text, 0)
			b.PrependUint32Slot(mapTensor, uint32(tensors[i]), 0)
			all = append(all, b.EndObject())
		}
		return tables(b, all)
	}
	in, out, key := maps(m.inputs, s.inputs), maps(m.outputs, s.outputs), b.CreateString(signatureName)
	b.StartObject(signatureFields)
	b.PrependUOffsetTSlot(signatureInputs, in, 0)
	b.PrependUOffsetTSlot(signatureOutputs, out, 0)
	b.PrependUOffsetTSlot(signatureKey, key, 0)
	b.PrependUint32Slot(signatureSubgraph, 0, 0)
	return b.EndObject()
}

func (s *subgraph) encode(b *flatbuffers.Builder, codes map[opcode]uint32) flatbuffers.UOffsetT {
	var tensors, operators []flatbuffers.UOffsetT
	for _, t := range s.tensors {
		shape := make([]int32, len(t.Shape))
		signature := make([]int32, len(t.Shape))
		for i, d := range t.Shape {
			shape[i], signature[i] = int32(max(d, 0)), int32(d)
			if d == graph.Dyn {
				shape[i] = 1
			}
		}
		name, shapeVector := b.CreateString(t.name), int32s(b, shape)
		var signatureVector flatbuffers.UOffsetT
		if !t.Shape.Known() {
			signatureVector = int32s(b, signature)
		}
		b.StartObject(tensorFields)
		b.PrependUOffsetTSlot(tensorShape, shapeVector, 0)
		b.PrependInt8Slot(tensorType, elementTypes[t.DType], 0)
		b.PrependUint32Slot(tensorBuffer, t.buffer, 0)
		b.PrependUOffsetTSlot(tensorName, name, 0)
		b.PrependUOffsetTSlot(tensorSignature, signatureVector, 0)
		b.PrependBoolSlot(tensorHasRank, true, false)
		tensors = append(tensors, b.EndObject())
	}
	for _, o := range s.operators {
		in, out := int32s(b, o.in), int32s(b, o.out)
		var attributes flatbuffers.UOffsetT
		if o.options.table != noOptions {
			attributes = o.options.encode(b)
		}
		b.StartObject(operatorFields)
		b.PrependUint32Slot(operatorCode, codes[o.code], 0)
		b.PrependUOffsetTSlot(operatorInputs, in, 0)
		b.PrependUOffsetTSlot(operatorOutputs, out, 0)
		b.PrependByteSlot(operatorOptionsType, byte(o.options.table), 0)
		b.PrependUOffsetTSlot(operatorOptions, attributes, 0)
		operators = append(operators, b.EndObject())
	}
	name, in, out := b.CreateString(s.name), int32s(b, s.inputs), int32s(b, s.outputs)
	tensorVector, operatorVector := tables(b, tensors), tables(b, operators)
	b.StartObject(subgraphFields)
	b.PrependUOffsetTSlot(subgraphTensors, tensorVector, 0)
	b.PrependUOffsetTSlot(subgraphInputs, in, 0)
	b.PrependUOffsetTSlot(subgraphOutputs, out, 0)
	b.PrependUOffsetTSlot(subgraphOperators, operatorVector, 0)
	b.PrependUOffsetTSlot(subgraphName, name, 0)
	return b.EndObject()
}

// encode writes the table; a field of zero is left out, as no field that is
// written as zero has another default.
func (o options) encode(b *flatbuffers.Builder) flatbuffers.UOffsetT {
	vectors := make([]flatbuffers.UOffsetT, len(o.fields))
	for i, f := range o.fields {
		if v, ok := f.value.([]int32); ok {
			vectors[i] = int32s(b, v)
		}
	}
	b.StartObject(optionFields)
	for i, f := range o.fields {
		switch v := f.value.(type) {
		case int8:
			b.PrependInt8Slot(f.slot, v, 0)
		case int32:
			b.PrependInt32Slot(f.slot, v, 0)
		case float32:
			b.PrependFloat32Slot(f.slot, v, 0)
		case bool:
			b.PrependBoolSlot(f.slot, v, false)
		case []int32:
			b.PrependUOffsetTSlot(f.slot, vectors[i], 0)
		default:
			panic(fmt.Sprintf("option of type %T", v))
		}
	}
	return b.EndObject()
}

// tables writes a vector of tables.
func tables(b *flatbuffers.Builder, all []flatbuffers.UOffsetT) flatbuffers.UOffsetT {
	b.StartVector(flatbuffers.SizeUOffsetT, len(all), flatbuffers.SizeUOffsetT)
	for i := len(all) - 1; i >= 0; i-- {
		b.PrependUOffsetT(all[i])
	}
	return b.EndVector(len(all))
}

func int32s[T ~int32](b *flatbuffers.Builder, v []T) flatbuffers.UOffsetT {
	b.StartVector(flatbuffers.SizeInt32, len(v), flatbuffers.SizeInt32)
	for i := len(v) - 1; i >= 0; i-- {
		b.PrependInt32(int32(v[i]))
	}
	return b.EndVector(len(v))
}
