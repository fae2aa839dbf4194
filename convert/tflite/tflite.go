// Package tflite writes a model as a flatbuffer of TensorFlow Lite, which LiteRT
// runs (https://ai.google.dev/edge/litert). Ops become LiteRT's builtin
// operators, one or several; what they cannot compute is refused by name.
// Weights are float32 and stand in the file in the layouts that the operators
// read. Unknown dimensions, of which the batch is one, are -1 in the shape
// signatures: the file has 1 there, and ResizeInputTensor any other size.
package tflite

import (
	"fmt"
	"github.com/kerasrun/kerasrun/runtime/source"
	"io"
	"slices"

	"github.com/kerasrun/kerasrun/convert/target"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// Write writes the model of a job. The signature "serving_default" has the
// names of the inputs and outputs.
func Write(j *target.Job, w io.Writer) error {
	e := newEmitter(j)
	e.emitModel()
	if j.Refused() == nil && e.m.bytes() > maxBytes {
		j.Refuse(j.Info.Name, "weights of %d bytes, in a file of at most %d", e.m.bytes(), maxBytes)
	}
	if err := j.Refused(); err != nil {
		return err
	}
	b, err := e.m.encode()
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	return err
}

// An emitter turns the nodes of a graph into operators.
type emitter struct {
	j     *target.Job
	g     *graph.Graph
	m     *model
	s     *subgraph      // that operators are added to
	of    map[int]tensor // computed values of the graph, by ID
	names []string       // of the weights
	node  graph.Node     // in work
	uses  map[int][]int  // the nodes that read a value, by its ID; -1 for an output of the model
	done  map[int]bool   // nodes that were written with an earlier one
	held  map[string]uint32
}

func newEmitter(j *target.Job) *emitter {
	g := j.Program.Graph
	e := &emitter{
		j: j, g: g, m: &model{description: "written by kerasrun"}, of: map[int]tensor{}, names: source.WeightNames(g.Params),
		uses: map[int][]int{}, done: map[int]bool{}, held: map[string]uint32{},
	}
	for i, n := range g.Nodes {
		for _, v := range n.In {
			e.uses[v] = append(e.uses[v], i)
		}
	}
	for _, o := range g.Outputs {
		e.uses[o.ID] = append(e.uses[o.ID], -1)
	}
	return e
}

// emitModel writes the graph into the first subgraph.
func (e *emitter) emitModel() {
	e.begin("main")
	for _, s := range e.g.States {
		e.j.Refuse(s.Layer, "state %q that one run leaves to the next", s.Name)
	}
	for _, in := range e.g.Inputs {
		if !e.known(in.DType) {
			e.j.Refuse(in.Name, "input of type %v", in.DType)
		}
		t := e.tensor(in.Name, in.Type)
		e.of[in.ID] = t
		e.s.inputs = append(e.s.inputs, t)
	}
	for i, n := range e.g.Nodes {
		if !e.done[i] {
			e.emitNode(n)
		}
	}
	seen := map[tensor]bool{}
	for _, t := range e.s.inputs {
		seen[t] = true
	}
	for _, out := range e.g.Outputs {
		t := e.value(out.ID)
		if seen[t] || e.s.tensors[t].buffer != 0 { // an output is a tensor of its own
			t = e.cast(t, out.DType)
		}
		seen[t] = true
		e.s.outputs = append(e.s.outputs, t)
	}
	e.m.inputs, e.m.outputs = unique(e.g.Inputs), unique(e.g.Outputs)
}

// unique returns the names, numbered where one comes again.
func unique(all []graph.Named) []string {
	var names []string
	seen := map[string]bool{}
	for _, v := range all {
		name := v.Name
		for n := 1; seen[name]; n++ {
			name = fmt.Sprintf("%s_%d", v.Name, n)
		}
		seen[name] = true
		names = append(names, name)
	}
	return names
}

// movesSmall are the ops that may have operands of small integer types: LiteRT
// takes those for quantized numbers, which have scales, wherever it computes.
var movesSmall = map[string]bool{"Cast": true, "Concat": true, "Gather": true, "Reshape": true, "Slice": true, "Transpose": true}

// emitNode writes the operators of a node, or refuses it.
func (e *emitter) emitNode(n graph.Node) {
	e.node = n
	name := graph.Name(n.Op)
	why, refused := refusals[name]
	switch d, ok := e.computed(n); {
	case refused && name == graph.Name(graph.Call{}):
		e.refuse("%q is %s", n.Op.(graph.Call).Name, why)
	case refused:
		e.refuse("%s", why)
	case !ok:
		e.refuse("LiteRT computes it not in %v", d)
	default:
		exporters[name](e, n.Op)
	}
	for _, v := range n.Out { // whatever was refused has results, too
		if _, ok := e.of[v]; !ok {
			e.of[v] = e.tensor(n.Layer, e.g.Values[v].Type)
		}
	}
}

// computed returns the first type of the operands and results of a node that
// LiteRT's operators do not take, or true.
func (e *emitter) computed(n graph.Node) (graph.DType, bool) {
	for _, v := range slices.Concat(n.In, n.Out) {
		d := e.g.Values[v].DType
		small := d.Size() < 4 && d != graph.Bool
		if !e.known(d) || small && !movesSmall[graph.Name(n.Op)] {
			return d, false
		}
	}
	return 0, true
}

// refuse refuses the node in work.
func (e *emitter) refuse(format string, args ...any) {
	e.j.Refuse(e.node.Layer, "op %s: %s", graph.Name(e.node.Op), fmt.Sprintf(format, args...))
}

func (e *emitter) known(d graph.DType) bool {
	_, ok := elementTypes[d]
	return ok
}

// begin makes a subgraph the one that operators are added to, and returns the former one.
func (e *emitter) begin(name string) (former *subgraph) {
	former = e.s
	e.s = &subgraph{name: name, constants: map[string]tensor{}}
	e.m.subgraphs = append(e.m.subgraphs, e.s)
	return former
}

// tensor adds a tensor to the subgraph.
func (e *emitter) tensor(name string, t graph.Type) tensor {
	e.s.tensors = append(e.s.tensors, tensorInfo{Type: t, name: name})
	return tensor(len(e.s.tensors) - 1)
}

// typ returns the type of a tensor.
func (e *emitter) typ(t tensor) graph.Type { return e.s.tensors[t].Type }

// apply adds an operator of one result, which has type t.
func (e *emitter) apply(code opcode, o options, t graph.Type, in ...tensor) tensor {
	return e.applyN(code, o, []graph.Type{t}, in...)[0]
}

func (e *emitter) applyN(code opcode, o options, types []graph.Type, in ...tensor) []tensor {
	var out []tensor
	for _, t := range types {
		out = append(out, e.tensor(fmt.Sprintf("%s:%d", e.node.Layer, len(e.s.tensors)), t))
	}
	e.s.operators = append(e.s.operators, operator{code, o, in, out})
	return out
}

// in returns operand i of the node in work.
func (e *emitter) in(i int) tensor { return e.value(e.node.In[i]) }

// inType returns the type of operand i.
func (e *emitter) inType(i int) graph.Type { return e.g.Values[e.node.In[i]].Type }

// outType returns the type of result i.
func (e *emitter) outType(i int) graph.Type { return e.g.Values[e.node.Out[i]].Type }

// set says which tensor result 0 of the node in work is.
func (e *emitter) set(t tensor) { e.of[e.node.Out[0]] = t }

// value returns the tensor of a value of the graph.
func (e *emitter) value(id int) tensor {
	if t, ok := e.of[id]; ok {
		return t
	}
	return e.constantOf(id, "", e.g.Values[id].Shape, nil)
}
