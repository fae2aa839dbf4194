package graph

import (
	"fmt"
	"reflect"
	"strings"
)

// Dump returns the graph as text: inputs, parameters, constants, nodes in
// execution order and outputs, one a line. Values are numbered by ID; op
// attributes that are zero are left out. Equal graphs give equal text.
//
//	input  %0 x float32 (None, 4)
//	param  %1 dense/kernel float32 (4, 3)
//	%2 = MatMul %0 %1 : float32 (None, 3) # dense
//	output %2 dense
func (g *Graph) Dump() string {
	var b strings.Builder
	for _, in := range g.Inputs {
		fmt.Fprintf(&b, "input  %%%d %s %v %v\n", in.ID, in.Name, in.DType, in.Shape)
	}
	for _, p := range g.Params {
		fmt.Fprintf(&b, "param  %%%d %s/%s %v %v\n", p.Value, p.Layer, p.Name, p.DType, p.Shape)
	}
	for id := range g.Values { // ConstOf is a map: go by ID
		if c, ok := g.ConstOf[id]; ok {
			t := g.Consts[c]
			fmt.Fprintf(&b, "const  %%%d %v %v %s\n", id, t.DType, t.Shape, t.brief())
		}
	}
	for _, s := range g.States {
		fmt.Fprintf(&b, "state  %%%d %s/%s %v %v, then %%%d\n", s.First, s.Layer, s.Name, g.Values[s.First].DType, g.Values[s.First].Shape, s.Last)
	}
	for _, n := range g.Nodes {
		b.WriteString(valueList(n.Out))
		fmt.Fprintf(&b, " = %s", Describe(n.Op))
		if len(n.In) > 0 {
			b.WriteString(" " + valueList(n.In))
		}
		for i, id := range n.Out {
			sep := ","
			if i == 0 {
				sep = " :"
			}
			fmt.Fprintf(&b, "%s %v %v", sep, g.Values[id].DType, g.Values[id].Shape)
		}
		fmt.Fprintf(&b, " # %s\n", n.Layer)
	}
	for _, out := range g.Outputs {
		fmt.Fprintf(&b, "output %%%d %s\n", out.ID, out.Name)
	}
	return b.String()
}

func valueList(ids []int) string {
	var s []string
	for _, id := range ids {
		s = append(s, fmt.Sprintf("%%%d", id))
	}
	return strings.Join(s, " ")
}

// Describe returns an op with its attributes, leaving out those that are zero:
// "Conv{Strides:[1 1] Dilation:[1 1] Groups:1 Padding:{Mode:same}}".
func Describe(op Op) string {
	s := Name(op)
	if a := attributes(reflect.ValueOf(op)); a != "{}" {
		s += a
	}
	return s
}

func attributes(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Struct:
		var s []string
		for i := range v.NumField() {
			if f := v.Field(i); !f.IsZero() {
				s = append(s, v.Type().Field(i).Name+":"+attributes(f))
			}
		}
		return "{" + strings.Join(s, " ") + "}"
	case reflect.Slice:
		var s []string
		for i := range v.Len() {
			s = append(s, attributes(v.Index(i)))
		}
		return "[" + strings.Join(s, " ") + "]"
	}
	return fmt.Sprint(v.Interface())
}

// brief returns the first elements of t.
func (t Tensor) brief() string {
	const most = 8
	var s []string
	for i := range min(t.Len(), most) {
		if d, ok := t.Data.([]string); ok {
			s = append(s, fmt.Sprintf("%q", d[i]))
			continue
		}
		s = append(s, fmt.Sprint(t.Float(i)))
	}
	if t.Len() > most {
		s = append(s, "...")
	}
	return "[" + strings.Join(s, " ") + "]"
}
