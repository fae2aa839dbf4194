package onnx

import (
	"fmt"
	"io"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// Numbers of fields in onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
const (
	modelIRVersion, modelProducer, modelGraph, modelOpset      = 1, 2, 7, 8
	opsetVersion                                               = 2
	graphNode, graphName, graphInitializer                     = 1, 2, 5
	graphInput, graphOutput                                    = 11, 12
	nodeInput, nodeOutput, nodeName, nodeOpType, nodeAttribute = 1, 2, 3, 4, 5
	attrName, attrF, attrI, attrS, attrG                       = 1, 2, 3, 4, 6
	attrFloats, attrInts, attrStrings, attrType                = 7, 8, 9, 20
	tensorDims, tensorType, tensorName, tensorRaw              = 1, 2, 8, 9
	tensorExternal, tensorLocation                             = 13, 14
	entryKey, entryValue                                       = 1, 2
	valueName, valueType                                       = 1, 2
	typeTensor, typeElem, typeShape                            = 1, 1, 2
	shapeDim, dimValue, dimParam                               = 1, 1, 2
)

// elemTypes are the TensorProto.DataType of element types.
var elemTypes = map[graph.DType]int{
	graph.Float32: 1, graph.Uint8: 2, graph.Int8: 3, graph.Uint16: 4, graph.Int16: 5, graph.Int32: 6, graph.Int64: 7, graph.String: 8,
	graph.Bool: 9, graph.Float16: 10, graph.Float64: 11, graph.Uint32: 12, graph.Uint64: 13, graph.BFloat16: 16,
}

// irVersions are the versions of the format that came with the operator sets from 17 on.
var irVersions = []int{8, 8, 9, 9, 10, 10, 11}

func irVersion(opset int) int { return irVersions[opset-minOpset] }

func appendInt(b []byte, field protowire.Number, x int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), uint64(x))
}

func appendString(b []byte, field protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), s)
}

func appendBytes(b []byte, field protowire.Number, p []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), p)
}

// An attr is an attribute of a node: an int, float64, string, []int, []float64, []string or *body.
type attr struct {
	name  string
	value any
}

func (a attr) encode() []byte {
	b := appendString(nil, attrName, a.name)
	typ := int64(0)
	switch v := a.value.(type) {
	case int:
		b, typ = appendInt(b, attrI, int64(v)), 2
	case float64:
		b, typ = protowire.AppendFixed32(protowire.AppendTag(b, attrF, protowire.Fixed32Type), math.Float32bits(float32(v))), 1
	case string:
		b, typ = appendString(b, attrS, v), 3
	case *body:
		b, typ = appendBytes(b, attrG, v.encode()), 5
	case []float64:
		for _, x := range v {
			b = protowire.AppendFixed32(protowire.AppendTag(b, attrFloats, protowire.Fixed32Type), math.Float32bits(float32(x)))
		}
		typ = 6
	case []int:
		for _, x := range v {
			b = appendInt(b, attrInts, int64(x))
		}
		typ = 7
	case []string:
		for _, x := range v {
			b = appendString(b, attrStrings, x)
		}
		typ = 8
	}
	return appendInt(b, attrType, typ)
}

// A node is a NodeProto.
type node struct {
	op      string
	in, out []string
	attrs   []attr
}

func (n *node) encode() []byte {
	var b []byte
	for _, s := range n.in {
		b = appendString(b, nodeInput, s)
	}
	for _, s := range n.out {
		b = appendString(b, nodeOutput, s)
	}
	b = appendString(b, nodeName, n.out[0])
	b = appendString(b, nodeOpType, n.op)
	for _, a := range n.attrs {
		b = appendBytes(b, nodeAttribute, a.encode())
	}
	return b
}

// A dim is a dimension of an input or output: a number, a name, or neither.
type dim struct {
	value int
	param string
}

// An info is a ValueInfoProto. Without a shape, nothing is said of it.
type info struct {
	name  string
	dtype graph.DType
	shape []dim
}

func (v info) encode() []byte {
	var shape []byte
	for _, d := range v.shape {
		var one []byte
		switch {
		case d.value >= 0:
			one = appendInt(nil, dimValue, int64(d.value))
		case d.param != "":
			one = appendString(nil, dimParam, d.param)
		}
		shape = appendBytes(shape, shapeDim, one)
	}
	tensor := appendInt(nil, typeElem, int64(elemTypes[v.dtype]))
	if v.shape != nil {
		tensor = appendBytes(tensor, typeShape, shape)
	}
	return appendBytes(appendString(nil, valueName, v.name), valueType, appendBytes(nil, typeTensor, tensor))
}

// A body is a graph inside a node.
type body struct {
	name    string
	nodes   []*node
	in, out []info
}

func (g *body) encode() []byte {
	var b []byte
	for _, n := range g.nodes {
		b = appendBytes(b, graphNode, n.encode())
	}
	b = appendString(b, graphName, g.name)
	for _, v := range g.in {
		b = appendBytes(b, graphInput, v.encode())
	}
	for _, v := range g.out {
		b = appendBytes(b, graphOutput, v.encode())
	}
	return b
}

// An initializer is a TensorProto whose elements are written when their turn comes.
type initializer struct {
	name  string
	dtype graph.DType
	dims  []int
	write func(io.Writer) error
}

func (t *initializer) bytes() int64 {
	n, _ := graph.Shape(t.dims).Elems()
	return int64(n) * int64(t.dtype.Size())
}

// header is all of a TensorProto that holds its elements but these.
func (t *initializer) header() []byte {
	b := t.about()
	b = protowire.AppendTag(b, tensorRaw, protowire.BytesType)
	return protowire.AppendVarint(b, uint64(t.bytes()))
}

// external is a TensorProto whose elements lie in another file.
func (t *initializer) external(file string, offset int64) []byte {
	b := t.about()
	for _, e := range [][2]string{{"location", file}, {"offset", fmt.Sprint(offset)}, {"length", fmt.Sprint(t.bytes())}} {
		b = appendBytes(b, tensorExternal, appendString(appendString(nil, entryKey, e[0]), entryValue, e[1]))
	}
	return appendInt(b, tensorLocation, 1)
}

func (t *initializer) about() []byte {
	var b []byte
	for _, d := range t.dims {
		b = appendInt(b, tensorDims, int64(d))
	}
	b = appendInt(b, tensorType, int64(elemTypes[t.dtype]))
	return appendString(b, tensorName, t.name)
}
