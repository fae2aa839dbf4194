package onnx

import (
	"fmt"
	"slices"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// lower makes the nodes of a node of the graph. What cannot be expressed is
// refused; an error is a fault.
func (e *emitter) lower(n *graph.Node) error {
	e.layer = n.Layer
	for _, id := range slices.Concat(n.In, n.Out) {
		if v := e.g.Values[id]; v.DType == graph.String {
			switch n.Op.(type) {
			case graph.Hash, graph.CrossHash, graph.Lookup, graph.Tokens, graph.Call: // have their own words
			default:
				e.refuse(n, "strings")
				return nil
			}
		}
	}
	switch op := n.Op.(type) {
	case graph.Activation, graph.Unary, graph.Binary, graph.PReLU, graph.Where:
		e.elementwise(n)
	case graph.AddBias:
		e.addBias(n)
	case graph.Cast:
		e.castNode(n, op)
	case graph.MatMul:
		e.matMul(n)
	case graph.Conv:
		e.conv(n, op)
	case graph.DepthwiseConv:
		e.depthwise(n, op)
	case graph.ConvTranspose:
		e.convTranspose(n, op)
	case graph.Pool:
		e.pool(n, op)
	case graph.BatchNorm:
		e.batchNorm(n, op)
	case graph.LayerNorm:
		e.layerNorm(n, op)
	case graph.GroupNorm:
		e.groupNorm(n, op)
	case graph.Softmax:
		e.softmax(n, op)
	case graph.Sparsemax:
		e.sparsemax(n)
	case graph.Reduce:
		e.reduceNode(n, op)
	case graph.ArgReduce:
		e.argReduce(n, op)
	case graph.Reshape:
		e.reshape(n, op)
	case graph.Transpose:
		e.transpose(n, op)
	case graph.Concat:
		e.concat(n, op)
	case graph.Slice:
		e.slice(n, op)
	case graph.Pad:
		e.pad(n, op)
	case graph.Repeat:
		e.repeat(n, op)
	case graph.Tile:
		e.tile(n, op)
	case graph.Gather:
		e.gather(n)
	case graph.Band:
		e.band(n, op)
	case graph.Resize:
		e.resize(n, op)
	case graph.CenterCrop:
		e.centerCrop(n, op)
	case graph.Equalize:
		e.refuse(n, "ONNX has no histograms")
	case graph.Hash, graph.CrossHash:
		e.refuse(n, "ONNX has no such hash")
	case graph.Lookup:
		e.lookup(n, op)
	case graph.Tokens:
		e.refuse(n, "ONNX has no vocabularies of strings")
	case graph.Call:
		e.refuse(n, "%q is a function of the program", op.Name)
	case graph.LSTM, graph.GRU, graph.SimpleRNN:
		e.recurrent(n)
	case graph.ConvLSTM:
		e.convLSTM(n, op)
	default:
		return fmt.Errorf("op %s has no form in ONNX", graph.Name(n.Op))
	}
	return nil
}

func (e *emitter) type1(n *graph.Node) graph.Type { return e.g.Values[n.In[0]].Type }

// in returns operand i of a node, channels last, in the type in which it is computed.
func (e *emitter) in(n *graph.Node, i int) (string, graph.DType) {
	d := e.g.Values[n.In[i]].DType
	return e.cast(e.last(n.In[i]), d, computed(d)), computed(d)
}

// out names the result of a node that was computed in type d.
func (e *emitter) out(n *graph.Node, name string, d graph.DType, first bool) {
	e.set(n.Out[0], e.cast(name, d, e.g.Values[n.Out[0]].DType), first)
}

// elementwise makes the nodes of an op whose operands broadcast.
func (e *emitter) elementwise(n *graph.Node) {
	rank := e.g.Values[n.Out[0]].Rank()
	names, first := e.aligned(n.In, rank)
	d := graph.Bool
	for i, id := range n.In {
		if was := e.g.Values[id].DType; was != graph.Bool {
			d = computed(was)
			names[i] = e.cast(names[i], was, d)
		}
	}
	var y string
	result := d
	switch op := n.Op.(type) {
	case graph.Activation:
		y = e.activation(op, names[0], d)
	case graph.PReLU:
		y = e.bin("PRelu", names[0], names[1])
	case graph.Where:
		if d == graph.Bool { // of which few runtimes select
			for i := range 2 {
				names[1+i] = e.cast(names[1+i], graph.Bool, graph.Int32)
			}
			d, result = graph.Int32, graph.Int32
		}
		y = e.apply("Where", names)
	case graph.Unary:
		if y = e.unary(n, op.Func, names[0], d); y == "" {
			return
		}
		switch op.Func {
		case graph.IsNaN, graph.IsInf, graph.IsFinite:
			result = graph.Bool
		}
	case graph.Binary:
		y = e.binary(op.Func, names[0], names[1], d)
		result = e.g.Values[n.Out[0]].DType
		if result != graph.Bool {
			result = d
		}
	}
	e.out(n, y, result, first)
}

// addBias adds along the last axis: as an operand of the convolution before it, if there is one.
func (e *emitter) addBias(n *graph.Node) {
	x, b := n.In[0], n.In[1]
	v := e.values[x]
	if conv := len(e.nodes) - 1; conv >= 0 && e.uses[x] == 1 && v.last == "" && e.isStored(b) && e.g.Values[x].DType == computed(e.g.Values[x].DType) {
		if c := e.nodes[conv]; (c.op == "Conv" || c.op == "ConvTranspose") && len(c.in) == 2 && c.out[0] == v.first {
			c.in = append(c.in, e.last(b))
			e.values[n.Out[0]].first = v.first
			return
		}
	}
	names, first := e.aligned(n.In, e.g.Values[x].Rank())
	d := e.type1(n).DType
	for i := range names {
		names[i] = e.cast(names[i], d, computed(d))
	}
	e.out(n, e.apply("Add", names), computed(d), first)
}

var intRanges = map[graph.DType][2]float64{
	graph.Int8: {-1 << 7, 1<<7 - 1}, graph.Int16: {-1 << 15, 1<<15 - 1}, graph.Int32: {-1 << 31, 1<<31 - 1}, graph.Int64: {-1 << 63, 1<<63 - 1},
	graph.Uint8: {0, 1<<8 - 1}, graph.Uint16: {0, 1<<16 - 1}, graph.Uint32: {0, 1<<32 - 1}, graph.Uint64: {0, 1<<64 - 1},
}

func (e *emitter) castNode(n *graph.Node, op graph.Cast) {
	id := n.In[0]
	first := e.isFirst(id)
	x := e.values[id].first
	if !first {
		x = e.last(id)
	}
	from := e.g.Values[id].DType
	if op.Saturate && op.To.Integer() && from.Floating() {
		d := graph.Float64 // holds all numbers of 32 bits
		r := intRanges[op.To]
		x = e.un("Round", e.cast(x, from, d))
		x = e.apply("Clip", list(x, e.scalar(d, r[0]), e.scalar(d, r[1])))
		from = d
	} else if from.Floating() && op.To.Integer() && op.To.Size() < 4 { // through a type that holds what is cut off
		x, from = e.cast(x, from, graph.Int32), graph.Int32
	}
	e.set(n.Out[0], e.cast(x, from, op.To), first)
}

func (e *emitter) matMul(n *graph.Node) {
	d := computed(e.type1(n).DType)
	if e.type1(n).DType == graph.Int8 {
		d = graph.Int32
	}
	e.out(n, e.bin("MatMul", e.operandAs(n.In[0], d), e.operandAs(n.In[1], d)), d, false)
}

func (e *emitter) gather(n *graph.Node) {
	i := e.g.Values[n.In[1]].DType
	to := i
	if i != graph.Int32 {
		to = graph.Int64
	}
	indices := e.cast(e.last(n.In[1]), i, to)
	e.set(n.Out[0], e.apply("Gather", list(e.last(n.In[0]), indices), with("axis", 0)), false)
}

// band compares the numbers of rows and columns, which may be unknown.
func (e *emitter) band(n *graph.Node, op graph.Band) {
	rank := e.type1(n).Shape
	shape := e.un("Shape", e.last(n.In[0]))
	count := func(axis, keep int) string {
		size := e.apply("Gather", list(shape, e.scalar(graph.Int64, float64(axis))))
		r := e.apply("Range", list(e.scalar(graph.Int64, 0), size, e.scalar(graph.Int64, 1)))
		return e.apply("Unsqueeze", list(r, e.ints(keep)))
	}
	rows, columns := count(len(rank)-2, 1), count(len(rank)-1, 0)
	ahead := e.bin("Sub", columns, rows)
	var y string
	limit := func(op string, at int) {
		held := e.bin(op, ahead, e.scalar(graph.Int64, float64(at)))
		if y != "" {
			held = e.bin("And", y, held)
		}
		y = held
	}
	if op.Above >= 0 {
		limit("LessOrEqual", op.Above)
	}
	if op.Below >= 0 {
		limit("GreaterOrEqual", -op.Below)
	}
	if y == "" {
		y = e.bin("Equal", ahead, ahead)
	}
	e.set(n.Out[0], y, false)
}

// lookup compares with the whole vocabulary.
func (e *emitter) lookup(n *graph.Node, op graph.Lookup) {
	switch {
	case e.type1(n).DType == graph.String:
		e.refuse(n, "ONNX has no vocabularies of strings")
		return
	case op.Strict:
		e.refuse(n, "an element that is not in the vocabulary is an error")
		return
	}
	x := e.apply("Unsqueeze", list(e.last(n.In[0]), e.ints(-1)))
	found := e.cast(e.bin("Equal", x, e.last(n.In[1])), graph.Bool, graph.Int32)
	place := e.apply("ArgMax", list(found), with("axis", -1), with("keepdims", 0))
	known := e.cast(e.reduce("ReduceMax", found, []int{-1}, false), graph.Int32, graph.Bool)
	e.set(n.Out[0], e.apply("Where", list(known, place, e.scalar(graph.Int64, -1))), false)
}
