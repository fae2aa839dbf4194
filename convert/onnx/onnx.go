package onnx

import (
	"fmt"
	"io"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/kerasrun/kerasrun/convert/target"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/source"
)

// The operator sets that are written.
const (
	minOpset = 17
	maxOpset = 23
)

// maxMessage is the size from which no protobuf message can be read.
const maxMessage = math.MaxInt32

// inlineBytes is the size up to which elements stay in the main file when others do not.
const inlineBytes = 1 << 10

// Write writes a model of less than 2 GB.
func Write(j *target.Job, w io.Writer) error {
	m, err := lower(j)
	if err != nil {
		return err
	}
	if n := m.size(); n > maxMessage {
		return fmt.Errorf("%w: an ONNX file cannot have %d bytes, the most is %d; a file beside it can take the weights", source.ErrUnsupported, n, maxMessage)
	}
	return m.write(j, w)
}

// WriteFiles writes a model to the file main; the weights of one of 2 GB or more
// go to another, main.data, as ONNX's external data.
func WriteFiles(j *target.Job, main string, out target.Files) error {
	return writeFiles(j, main, out, maxMessage)
}

func writeFiles(j *target.Job, main string, out target.Files, most int64) error {
	m, err := lower(j)
	if err != nil {
		return err
	}
	w, err := out.Create(main)
	if err != nil {
		return err
	}
	if m.size() <= most {
		if err := m.write(j, w); err != nil {
			return err
		}
		return w.Close()
	}
	name := main + ".data"
	if err := m.writeExternal(w, name); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	if w, err = out.Create(name); err != nil {
		return err
	}
	at := int64(0)
	for _, t := range m.initializers {
		if t.bytes() < inlineBytes {
			continue
		}
		if _, err := w.Write(make([]byte, align(at)-at)); err != nil {
			return err
		}
		if err := t.elements(j, w); err != nil {
			return err
		}
		at = align(at) + t.bytes()
	}
	return w.Close()
}

// align rounds an offset of external data up to where it can be mapped into memory.
func align(at int64) int64 { return (at + 4095) &^ 4095 }

// A model is a ModelProto.
type model struct {
	body
	opset        int
	initializers []*initializer
}

func (m *model) head() []byte {
	b := appendInt(nil, modelIRVersion, int64(irVersion(m.opset)))
	b = appendString(b, modelProducer, "kerasrun")
	return appendBytes(b, modelOpset, appendInt(nil, opsetVersion, int64(m.opset)))
}

// size is about that of the whole file.
func (m *model) size() int64 {
	n := int64(len(m.encode()))
	for _, t := range m.initializers {
		n += int64(len(t.header())) + t.bytes() + 32
	}
	return n
}

func (m *model) write(j *target.Job, w io.Writer) error {
	text := m.encode()
	total := int64(len(text))
	headers := make([][]byte, len(m.initializers))
	for i, t := range m.initializers {
		header := t.header()
		n := int64(len(header)) + t.bytes()
		headers[i] = append(protowire.AppendVarint(protowire.AppendTag(nil, graphInitializer, protowire.BytesType), uint64(n)), header...)
		total += int64(len(headers[i])) + t.bytes()
	}
	b := protowire.AppendTag(m.head(), modelGraph, protowire.BytesType)
	b = append(protowire.AppendVarint(b, uint64(total)), text...)
	if _, err := w.Write(b); err != nil {
		return err
	}
	for i, t := range m.initializers {
		if _, err := w.Write(headers[i]); err != nil {
			return err
		}
		if err := t.elements(j, w); err != nil {
			return err
		}
	}
	return nil
}

// writeExternal writes the main file of a model whose large initializers lie in another.
func (m *model) writeExternal(w io.Writer, file string) error {
	text := m.encode()
	at := int64(0)
	for _, t := range m.initializers {
		if t.bytes() >= inlineBytes {
			at = align(at)
			text = appendBytes(text, graphInitializer, t.external(file, at))
			at += t.bytes()
			continue
		}
		var b writer
		if err := t.write(&b); err != nil {
			return err
		}
		text = appendBytes(text, graphInitializer, append(t.header(), b...))
	}
	_, err := w.Write(appendBytes(m.head(), modelGraph, text))
	return err
}

type writer []byte

func (b *writer) Write(p []byte) (int, error) { *b = append(*b, p...); return len(p), nil }

func (t *initializer) elements(j *target.Job, w io.Writer) error {
	if err := j.Context.Err(); err != nil {
		return err
	}
	if err := t.write(w); err != nil {
		return fmt.Errorf("weight %s: %w", t.name, err)
	}
	return nil
}

// lower makes the model of a job.
func lower(j *target.Job) (*model, error) {
	opset := j.Options.Opset
	if opset == 0 {
		opset = minOpset
	}
	if opset < minOpset || opset > maxOpset {
		return nil, fmt.Errorf("%w: ONNX operator set %d, want %d to %d", target.ErrOptions, opset, minOpset, maxOpset)
	}
	g := j.Program.Graph
	e := newEmitter(j, opset)
	m := &model{body: body{name: "model"}, opset: opset}
	for _, in := range g.Inputs {
		name := e.unique(in.Name)
		e.values[in.ID].last = name
		m.in = append(m.in, info{name, in.DType, dims(in.Type, name)})
	}
	outputs := make([]string, len(g.Outputs))
	for i, out := range g.Outputs {
		outputs[i] = e.unique(out.Name)
	}
	// ONNX keeps nothing from one run to the next: states are inputs and outputs.
	states := make([]string, len(g.States))
	for i, s := range g.States {
		t := g.Values[s.First].Type
		name := e.unique(s.Layer + "/" + s.Name)
		states[i] = e.unique(name + "_next")
		e.values[s.First].last = name
		m.in = append(m.in, info{name, t.DType, dims(t, name)})
		j.Note("layer %s: state %q is an input, zeros at first, and an output for the next run, %q", s.Layer, name, states[i])
	}
	for i := range g.Nodes {
		if err := e.lower(&g.Nodes[i]); err != nil {
			return nil, err
		}
	}
	if err := j.Refused(); err != nil {
		return nil, err
	}
	results := slices.Clone(g.Outputs)
	for i, s := range g.States {
		results = append(results, graph.Named{Name: states[i], Value: g.Values[s.Last]})
	}
	outputs = append(outputs, states...)
	for i, out := range results {
		e.nodes = append(e.nodes, &node{op: "Identity", in: []string{e.last(out.ID)}, out: []string{outputs[i]}})
		m.out = append(m.out, info{outputs[i], out.DType, dims(out.Type, outputs[i])})
	}
	m.nodes, m.initializers = e.live(outputs)
	return m, nil
}

// dims are the dimensions of an input or output. The unknown ones have names;
// the first is the batch.
func dims(t graph.Type, name string) []dim {
	out := make([]dim, len(t.Shape))
	for i, d := range t.Shape {
		out[i].value = d
		switch {
		case d != graph.Dyn:
		case i == 0:
			out[i].param = "batch"
		default:
			out[i].param = fmt.Sprintf("%s_%d", name, i)
		}
	}
	return out
}
