package onnx

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/kerasrun/kerasrun/convert/target"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/layers"
	"github.com/kerasrun/kerasrun/runtime/source"
)

const models = "../../testdata/models/"

var update = flag.Bool("update", false, "rewrite the golden files")

func open(t testing.TB, path string) *source.Model {
	m, err := source.Open(models+path, "", source.Options{})
	require.NoError(t, err)
	t.Cleanup(m.Close)
	return m
}

func job(m *source.Model, opset int) *target.Job {
	return &target.Job{Model: m, Context: context.Background(), Options: target.Options{Opset: opset}, Note: func(string, ...any) {}}
}

// A message is a decoded protobuf message: the values of each field, in order.
type message map[protowire.Number][]any

func decode(t testing.TB, b []byte) message {
	m := message{}
	for len(b) > 0 {
		field, typ, n := protowire.ConsumeTag(b)
		require.NoError(t, protowire.ParseError(n))
		b = b[n:]
		switch typ {
		case protowire.VarintType:
			v, k := protowire.ConsumeVarint(b)
			n = k
			m[field] = append(m[field], v)
		case protowire.Fixed32Type:
			v, k := protowire.ConsumeFixed32(b)
			n = k
			m[field] = append(m[field], math.Float32frombits(v))
		case protowire.BytesType:
			v, k := protowire.ConsumeBytes(b)
			n = k
			m[field] = append(m[field], v)
		default:
			t.Fatalf("field %d has type %d", field, typ)
		}
		require.NoError(t, protowire.ParseError(n))
		b = b[n:]
	}
	return m
}

func (m message) strings(f protowire.Number) (all []string) {
	for _, v := range m[f] {
		all = append(all, string(v.([]byte)))
	}
	return all
}

func (m message) ints(f protowire.Number) (all []int) {
	for _, v := range m[f] {
		all = append(all, int(int64(v.(uint64))))
	}
	return all
}

func (m message) messages(t testing.TB, f protowire.Number) (all []message) {
	for _, v := range m[f] {
		all = append(all, decode(t, v.([]byte)))
	}
	return all
}

// checkGraph holds that every name is defined once and before it is read, that
// nothing is defined in vain, and that initializers have the elements of their shapes.
func checkGraph(t testing.TB, g message, outer map[string]bool) {
	defined, used := map[string]bool{}, map[string]bool{}
	define := func(name string) {
		require.NotEmpty(t, name)
		require.False(t, defined[name] || outer[name], "%q is defined twice", name)
		defined[name] = true
	}
	var weights []string
	for _, in := range g.messages(t, graphInput) {
		define(in.strings(valueName)[0])
	}
	for _, tensor := range g.messages(t, graphInitializer) {
		name := tensor.strings(tensorName)[0]
		define(name)
		weights = append(weights, name)
		size := 0
		for d, n := range elemTypes {
			if n == tensor.ints(tensorType)[0] {
				size = d.Size()
			}
		}
		for _, d := range tensor.ints(tensorDims) {
			size *= d
		}
		if len(tensor[tensorLocation]) == 0 {
			require.Len(t, tensor[tensorRaw][0], size, name)
		}
	}
	var names []string
	for _, n := range g.messages(t, graphNode) {
		names = append(names, n.strings(nodeName)...)
		for _, s := range n.strings(nodeInput) {
			require.True(t, s == "" || defined[s] || outer[s], "node %v reads %q, which is not defined", n.strings(nodeName), s)
			used[s] = true
		}
		for _, a := range n.messages(t, nodeAttribute) {
			for _, sub := range a.messages(t, attrG) {
				all := map[string]bool{}
				for _, m := range []map[string]bool{outer, defined} {
					for s := range m {
						all[s] = true
					}
				}
				checkGraph(t, sub, all)
				for _, inner := range sub.messages(t, graphNode) {
					for _, s := range inner.strings(nodeInput) {
						used[s] = true
					}
				}
			}
		}
		for _, s := range n.strings(nodeOutput) {
			define(s)
		}
	}
	slices.Sort(names)
	require.Len(t, slices.Compact(slices.Clone(names)), len(names), "names of nodes")
	for _, out := range g.messages(t, graphOutput) {
		name := out.strings(valueName)[0]
		require.True(t, defined[name], "output %q", name)
		used[name] = true
	}
	for _, s := range weights {
		require.True(t, used[s], "initializer %q is of no use", s)
	}
}

// TestCases converts the golden cases: every op is written or refused by its name,
// and what is written is sound.
func TestCases(t *testing.T) {
	cases, err := filepath.Glob(models + "*/model.*")
	require.NoError(t, err)
	require.NotEmpty(t, cases)
	writes, refuses := map[string]bool{}, map[string]bool{}
	opsets := []int{0, 18, maxOpset}
	for i, path := range cases {
		m, err := source.Open(path, "", source.Options{})
		if err != nil { // needs its weights beside it
			continue
		}
		var b bytes.Buffer
		err = Write(job(m, opsets[i%len(opsets)]), &b)
		var refused *target.Unsupported
		if errors.As(err, &refused) {
			for _, r := range refused.Refusals {
				refuses[r.What] = true
			}
			require.Zero(t, b.Len(), path)
		} else {
			require.NoError(t, err, path)
			g := decode(t, b.Bytes()).messages(t, modelGraph)[0]
			if !testing.Short() || i%7 == 0 {
				checkGraph(t, g, nil)
			}
			require.Len(t, g[graphOutput], len(m.Program.Graph.Outputs)+len(m.Program.Graph.States), path)
			for _, n := range m.Program.Graph.Nodes {
				writes[graph.Name(n.Op)] = true
			}
		}
		m.Close()
	}
	refuses["op Call: "] = true        // of no golden case: see TestRefused
	refuses["op MaxPoolGrad: "] = true // of no model
	for _, op := range graph.Ops {
		name := graph.Name(op)
		refusal := false
		for r := range refuses {
			refusal = refusal || bytes.HasPrefix([]byte(r), []byte("op "+name+":"))
		}
		require.True(t, writes[name] || refusal, "op %s is neither written nor refused", name)
	}
}

// TestBytes holds the bytes of a small model to those in testdata: rewrite them with -update.
func TestBytes(t *testing.T) {
	for _, name := range []string{"dense", "lstm"} {
		m := open(t, name+"/model.keras")
		var b, again bytes.Buffer
		require.NoError(t, Write(job(m, 0), &b))
		require.NoError(t, Write(job(m, 0), &again))
		require.Equal(t, b.Bytes(), again.Bytes(), "written twice")
		golden := filepath.Join("testdata", name+".onnx")
		if *update {
			require.NoError(t, os.WriteFile(golden, b.Bytes(), 0o666))
		}
		want, err := os.ReadFile(golden)
		require.NoError(t, err)
		require.True(t, bytes.Equal(want, b.Bytes()), "%s is another file: run go test ./convert/onnx -run TestBytes -update", golden)
	}
}

// TestModel holds the header, names, unknown dimensions and the form of a convolution.
func TestModel(t *testing.T) {
	m := open(t, "cnn/model.keras")
	var b bytes.Buffer
	require.NoError(t, Write(job(m, 18), &b))
	file := decode(t, b.Bytes())
	require.Equal(t, []int{8}, file.ints(modelIRVersion))
	require.Equal(t, []int{18}, file.messages(t, modelOpset)[0].ints(opsetVersion))
	g := file.messages(t, modelGraph)[0]
	in := g.messages(t, graphInput)[0]
	require.Equal(t, m.Program.Graph.Inputs[0].Name, in.strings(valueName)[0])
	shape := in.messages(t, valueType)[0].messages(t, typeTensor)[0].messages(t, typeShape)[0].messages(t, shapeDim)
	require.Equal(t, []string{"batch"}, shape[0].strings(dimParam))
	require.Equal(t, m.Program.Graph.Inputs[0].Shape[1], shape[1].ints(dimValue)[0])
	require.Equal(t, m.Program.Graph.Outputs[0].Name, g.messages(t, graphOutput)[0].strings(valueName)[0])
	count := map[string]int{}
	convs := 0
	for _, n := range g.messages(t, graphNode) {
		count[n.strings(nodeOpType)[0]]++
	}
	for _, n := range m.Program.Graph.Nodes {
		if graph.Name(n.Op) == "Conv" {
			convs++
		}
	}
	require.Equal(t, convs, count["Conv"])
	require.LessOrEqual(t, count["Transpose"], 2, "a chain of convolutions is transposed at its ends")
}

// files keeps what is written in memory.
type files map[string]*bytes.Buffer

type closing struct{ *bytes.Buffer }

func (closing) Close() error { return nil }

func (f files) Create(name string) (io.WriteCloser, error) {
	f[name] = &bytes.Buffer{}
	return closing{f[name]}, nil
}

// TestExternalData holds that the weights of a large model lie in a second file,
// where the first one says.
func TestExternalData(t *testing.T) {
	m := open(t, "cnn/model.keras")
	out := files{}
	require.NoError(t, writeFiles(job(m, 0), "m.onnx", out, 1000))
	data := out["m.onnx.data"].Bytes()
	g := decode(t, out["m.onnx"].Bytes()).messages(t, modelGraph)[0]
	checkGraph(t, g, nil)
	one := files{}
	require.NoError(t, WriteFiles(job(m, 0), "m.onnx", one))
	require.Len(t, one, 1)
	whole := decode(t, one["m.onnx"].Bytes()).messages(t, modelGraph)[0].messages(t, graphInitializer)
	external := 0
	for i, tensor := range g.messages(t, graphInitializer) {
		raw := whole[i][tensorRaw][0].([]byte)
		if len(tensor[tensorLocation]) == 0 {
			require.Equal(t, raw, tensor[tensorRaw][0])
			continue
		}
		external++
		about := map[string]string{}
		for _, e := range tensor.messages(t, tensorExternal) {
			about[e.strings(entryKey)[0]] = e.strings(entryValue)[0]
		}
		require.Equal(t, "m.onnx.data", about["location"])
		var at, n int
		_, err := fmt.Sscan(about["offset"], &at)
		require.NoError(t, err)
		_, err = fmt.Sscan(about["length"], &n)
		require.NoError(t, err)
		require.Zero(t, at%4096)
		require.Equal(t, raw, data[at:at+n])
	}
	require.NotZero(t, external)
}

func TestRefused(t *testing.T) {
	m := open(t, "cnn/model.keras")
	for _, opset := range []int{-1, minOpset - 1, maxOpset + 1} {
		err := Write(job(m, opset), io.Discard)
		require.ErrorIs(t, err, target.ErrOptions)
		require.ErrorContains(t, err, "operator set")
	}
	require.Len(t, irVersions, maxOpset-minOpset+1)
	m = open(t, "hashing/model.keras")
	require.ErrorContains(t, Write(job(m, 0), io.Discard), "op Hash")

	b := graph.NewBuilder()
	x := b.Input("x", graph.Type{Shape: graph.Shape{graph.Dyn, 3}})
	b.Enter("mine")
	b.Output("y", b.Apply(graph.Call{Name: "f", Results: []graph.Type{x.Type}}, x))
	b.Output("z", b.Apply(graph.Call{Name: "g", Results: []graph.Type{x.Type}}, x))
	g, err := b.Graph()
	require.NoError(t, err)
	err = Write(job(&source.Model{Program: &layers.Program{Graph: g}}, 0), io.Discard)
	require.ErrorContains(t, err, `layer mine: op Call: "f" is a function of the program; layer mine: op Call: "g"`)
}
