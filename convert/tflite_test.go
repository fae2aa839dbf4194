package convert_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"math"
	"testing"

	flatbuffers "github.com/google/flatbuffers/go"
	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/convert"
)

// A flat is a table of a flatbuffer, read with the numbers of the schema's fields.
type flat struct{ flatbuffers.Table }

func flatRoot(b []byte) flat {
	return flat{flatbuffers.Table{Bytes: b, Pos: flatbuffers.GetUOffsetT(b)}}
}

// at returns where a field is, or false if it is left out.
func (f flat) at(slot int) (flatbuffers.UOffsetT, bool) {
	o := f.Offset(flatbuffers.VOffsetT(4 + 2*slot))
	return f.Pos + flatbuffers.UOffsetT(o), o != 0
}

func (f flat) number(slot int) int {
	if at, ok := f.at(slot); ok {
		return int(f.GetInt32(at))
	}
	return 0
}

func (f flat) byte(slot int) int {
	if at, ok := f.at(slot); ok {
		return int(f.GetInt8(at))
	}
	return 0
}

func (f flat) text(slot int) string {
	at, _ := f.at(slot)
	return f.String(at)
}

// vector returns the place and the length of a vector.
func (f flat) vector(slot int) (flatbuffers.UOffsetT, int) {
	at, ok := f.at(slot)
	if !ok {
		return 0, 0
	}
	off := at - f.Pos
	return f.Vector(off), f.VectorLen(off)
}

func (f flat) tables(slot int) (all []flat) {
	start, n := f.vector(slot)
	for i := range n {
		all = append(all, flat{flatbuffers.Table{Bytes: f.Bytes, Pos: f.Indirect(start + flatbuffers.UOffsetT(4*i))}})
	}
	return all
}

func (f flat) numbers(slot int) (all []int) {
	start, n := f.vector(slot)
	for i := range n {
		all = append(all, int(f.GetInt32(start+flatbuffers.UOffsetT(4*i))))
	}
	return all
}

func (f flat) data(slot int) []byte {
	start, n := f.vector(slot)
	return f.Bytes[start : int(start)+n]
}

// elementBytes are the sizes of the elements of TensorType.
var elementBytes = map[int]int{0: 4, 2: 4, 3: 1, 4: 8, 6: 1, 7: 2, 9: 1}

// checkTFLite holds what every file must be: indices within bounds, every tensor
// an input, a constant of as many bytes as its shape says, or the result of an
// earlier operator.
func checkTFLite(t *testing.T, b []byte) {
	require.Equal(t, "TFL3", string(b[4:8]))
	m := flatRoot(b)
	require.Equal(t, 3, m.number(0))
	codes, buffers, subgraphs := m.tables(1), m.tables(4), m.tables(2)
	require.Empty(t, buffers[0].data(0))
	for _, s := range subgraphs {
		tensors := s.tables(0)
		known := make([]bool, len(tensors))
		for i, x := range tensors {
			shape := x.numbers(0)
			n := elementBytes[x.byte(1)]
			require.NotZero(t, n)
			signature := x.numbers(7)
			for k, d := range shape {
				require.GreaterOrEqual(t, d, 0)
				n *= d
				if signature != nil {
					require.True(t, signature[k] == d || signature[k] == -1 && d == 1)
				}
			}
			if buffer := x.number(2); buffer != 0 {
				known[i] = true
				data := buffers[buffer].data(0)
				require.Len(t, data, n, x.text(3))
				start, _ := buffers[buffer].vector(0)
				require.Zero(t, start%16, "alignment")
				require.Nil(t, signature)
			}
		}
		for _, i := range s.numbers(1) {
			require.False(t, known[i])
			known[i] = true
		}
		for _, o := range s.tables(3) {
			require.Less(t, o.number(0), len(codes))
			for _, i := range o.numbers(1) {
				require.True(t, known[i], "operand %s", tensors[i].text(3))
			}
			for _, i := range o.numbers(2) {
				require.False(t, known[i], "result %s", tensors[i].text(3))
				known[i] = true
			}
		}
		seen := map[int]bool{}
		for _, i := range s.numbers(2) {
			require.True(t, known[i] && !seen[i])
			seen[i] = true
		}
	}
	for _, slots := range [][2]int{{0, 1}, {1, 2}} {
		var tensors []int
		names := map[string]bool{}
		for _, x := range m.tables(7)[0].tables(slots[0]) {
			tensors = append(tensors, x.number(1))
			names[x.text(0)] = true
		}
		require.Equal(t, subgraphs[0].numbers(slots[1]), tensors)
		require.Len(t, names, len(tensors))
	}
}

// TestTFLite reads the file of a small model field by field.
func TestTFLite(t *testing.T) {
	m := open(t, "cnn/model.keras")
	b := write(t, m, "tflite", convert.Options{})
	checkTFLite(t, b)
	f := flatRoot(b)
	main := f.tables(2)[0]
	tensors := main.tables(0)
	codes := f.tables(1)
	var operators []int
	for _, o := range main.tables(3) {
		operators = append(operators, codes[o.number(0)].number(3))
	}
	const conv, maxPool, relu, reshape, fullyConnected, softmax = 3, 17, 19, 22, 9, 25
	require.Subset(t, []int{conv, maxPool, relu, reshape, fullyConnected, softmax}, operators)
	require.Contains(t, operators, conv)
	require.Contains(t, operators, fullyConnected)
	in := tensors[main.numbers(1)[0]]
	require.Equal(t, -1, in.numbers(7)[0])
	require.Equal(t, m.Program.Graph.Inputs[0].Name, in.text(3))
	require.Equal(t, []int(m.Program.Graph.Inputs[0].Shape), in.numbers(7))
	// The kernel of the first convolution is stored by filters.
	for _, o := range main.tables(3) {
		if codes[o.number(0)].number(3) != conv {
			continue
		}
		kernel := tensors[o.numbers(1)[1]]
		data := f.tables(4)[kernel.number(2)].data(0)
		want, err := m.Weights[0].Tensor()
		require.NoError(t, err)
		h, w, c, filters := want.Shape[0], want.Shape[1], want.Shape[2], want.Shape[3]
		require.Equal(t, []int{filters, h, w, c}, kernel.numbers(0))
		for i, x := range want.Data.([]float32) {
			cell, filter := i/filters, i%filters
			require.Equal(t, x, math.Float32frombits(binary.LittleEndian.Uint32(data[4*(filter*h*w*c+cell):])))
		}
		require.Equal(t, 1, o.byte(3), "Conv2DOptions")
		break
	}
}

// TestTFLiteCases holds the structure of the files of all golden cases that are
// not refused, and that the same model gives the same bytes. That LiteRT computes
// Keras's numbers is for make parity-convert.
func TestTFLiteCases(t *testing.T) {
	written := 0
	eachCase(t, func(t *testing.T, _ string, m *kerasrun.Source) {
		var one bytes.Buffer
		if err := convert.Write(context.Background(), &one, m, "tflite", convert.Options{}); err != nil {
			require.ErrorIs(t, err, kerasrun.ErrUnsupported)
			return
		}
		require.True(t, bytes.Equal(one.Bytes(), write(t, m, "tflite", convert.Options{})), "written twice")
		checkTFLite(t, one.Bytes())
		written++
	})
	require.NotZero(t, written)
}

// TestTFLiteLoop reads how an LSTM is written: a WHILE of two further subgraphs,
// whose inputs and outputs are those of the operator.
func TestTFLiteLoop(t *testing.T) {
	m := open(t, "lstm/model.keras")
	b := write(t, m, "tflite", convert.Options{})
	f := flatRoot(b)
	codes, subgraphs := f.tables(1), f.tables(2)
	const while, less = 119, 58
	loops := 0
	for _, o := range subgraphs[0].tables(3) {
		if codes[o.number(0)].number(3) != while {
			continue
		}
		loops++
		at, _ := o.at(4)
		body := flat{flatbuffers.Table{Bytes: b, Pos: o.Indirect(at)}}
		more, step := subgraphs[body.number(0)], subgraphs[body.number(1)]
		n := len(o.numbers(1))
		require.Len(t, o.numbers(2), n)
		require.Len(t, more.numbers(1), n)
		require.Len(t, step.numbers(1), n)
		require.Len(t, step.numbers(2), n)
		require.Len(t, more.numbers(2), 1)
		require.Equal(t, less, codes[more.tables(3)[0].number(0)].number(3))
		for i := range n {
			in, out := step.tables(0)[step.numbers(1)[i]], step.tables(0)[step.numbers(2)[i]]
			require.Equal(t, in.numbers(0), out.numbers(0))
			require.Equal(t, in.byte(1), out.byte(1))
		}
	}
	require.NotZero(t, loops)
	require.Len(t, subgraphs, 1+2*loops)
}
