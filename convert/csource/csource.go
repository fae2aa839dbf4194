// Package csource writes a model as C: a source file of C99 and its header,
// which need nothing but math.h. Weights are arrays of the source, values lie in one static array, and nothing
// is allocated: for small models, and for machines that have no file system.
//
// Every function of the source is written once and only if an op needs it (library.go);
// the ops become calls of them, with the shapes of one example (ops.go).
package csource

import (
	"bufio"
	"fmt"
	"math"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/kerasrun/kerasrun/convert/target"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// mostWeights is the largest number of weights: as text they take about 13 bytes each.
const mostWeights = 4 << 20

// identifier is what a name must be that functions are called after.
var identifier = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)

// Write writes a C source, main, and beside it the header of the same name.
func Write(j *target.Job, main string, out target.Files) error {
	stem := strings.TrimSuffix(path.Base(main), ".c")
	if !identifier.MatchString(stem) {
		return fmt.Errorf("%w: the functions of %s would be called %q; want letters, digits and _", target.ErrOptions, main, stem)
	}
	e := newEmitter(j, stem)
	e.program()
	if err := j.Refused(); err != nil {
		return err
	}
	for _, f := range []struct {
		name  string
		write func(*bufio.Writer) error
	}{{stem + ".h", e.header}, {main, e.source}} {
		w, err := out.Create(f.name)
		if err != nil {
			return err
		}
		b := bufio.NewWriter(w)
		if err := f.write(b); err != nil {
			return err
		}
		if err := b.Flush(); err != nil {
			return err
		}
		if err := w.Close(); err != nil {
			return err
		}
	}
	return nil
}

// An emitter translates the graph of a job, for one example.
type emitter struct {
	j     *target.Job
	g     *graph.Graph
	stem  string
	types []graph.Type   // by value, with all dimensions
	names map[int]string // of values that lie outside the static array: inputs
	alias map[int]int    // values that are the elements of another one
	used  map[string]bool
	// functions are the bodies of functions of one number.
	functions []string
	body      strings.Builder
	arrays    []array // constants
	of        map[int]string
	last      []int // by value, the node that reads it last
	room      room
	node      *graph.Node
	at        int // its number
}

// An array is a constant of the source.
type array struct {
	name  string
	about string
	load  func() (graph.Tensor, error)
}

func newEmitter(j *target.Job, stem string) *emitter {
	g := j.Program.Graph
	return &emitter{
		j: j, g: g, stem: stem, types: make([]graph.Type, len(g.Values)), names: map[int]string{}, alias: map[int]int{},
		used: map[string]bool{}, of: map[int]string{}, room: room{of: map[int]span{}},
	}
}

func (e *emitter) refuse(format string, args ...any) {
	e.j.Refuse(e.node.Layer, "op %s: %s", graph.Name(e.node.Op), fmt.Sprintf(format, args...))
}

// program translates all of the graph.
func (e *emitter) program() {
	total := 0
	for i, p := range e.g.Params {
		e.types[p.Value] = p.Type
		total += e.j.Weights[i].Len()
	}
	if total > mostWeights {
		e.j.Refuse("(model)", "%d weights, of which a C file has at most %d", total, mostWeights)
	}
	if len(e.g.States) > 0 {
		e.j.Refuse("(model)", "states that it keeps between runs")
	}
	for id, i := range e.g.ConstOf {
		e.types[id] = graph.Type{DType: e.g.Consts[i].DType, Shape: e.g.Consts[i].Shape}
	}
	for i, in := range e.g.Inputs {
		t := graph.Type{DType: in.DType, Shape: in.Shape.Clone()}
		for k, d := range t.Shape {
			if d < 0 && k == 0 {
				t.Shape[k] = 1
			}
		}
		if !t.Shape.Known() {
			e.j.Refuse(in.Name, "input of shape %v: sizes must be known", in.Shape)
		}
		if in.DType != graph.Float32 {
			e.j.Refuse(in.Name, "input of %v: numbers are float", in.DType)
		}
		e.types[in.ID] = t
		e.names[in.ID] = fmt.Sprintf("in%d", i)
	}
	if e.j.Refused() != nil {
		return
	}
	defer e.rows()
	e.lives()
	for i := range e.g.Nodes {
		e.node, e.at = &e.g.Nodes[i], i
		e.emit()
		for _, ids := range [][]int{e.node.In, e.node.Out} {
			for _, id := range ids {
				if root := e.root(id); e.last[root] <= i {
					e.room.free(root)
				}
			}
		}
	}
}

// rows refuses outputs that are not one row for the example.
func (e *emitter) rows() {
	for _, out := range e.g.Outputs {
		if s := e.types[out.ID].Shape; len(s) == 0 || s[0] != 1 {
			e.j.Refuse("(model)", "output %q is %v for one example", out.Name, s)
		}
	}
}

// lives finds out which node reads each value last.
func (e *emitter) lives() {
	e.last = make([]int, len(e.g.Values))
	for i := range e.last {
		e.last[i] = -1
	}
	for i, n := range e.g.Nodes {
		for _, id := range n.In {
			e.last[id] = i
		}
	}
	for _, out := range e.g.Outputs {
		e.last[out.ID] = len(e.g.Nodes)
	}
	// What a Reshape makes has the elements of its operand.
	for _, n := range slices.Backward(e.g.Nodes) {
		if _, ok := n.Op.(graph.Reshape); ok {
			e.last[n.In[0]] = max(e.last[n.In[0]], e.last[n.Out[0]])
		}
	}
}

// emit translates the node.
func (e *emitter) emit() {
	n := e.node
	in := make([]graph.Type, len(n.In))
	for i, id := range n.In {
		in[i] = e.types[id]
	}
	out, err := n.Op.Infer(in)
	if err != nil || len(out) != len(n.Out) {
		e.refuse("for one example: %v", err)
		out = make([]graph.Type, len(n.Out))
		for i, id := range n.Out {
			out[i] = e.g.Values[id].Type
		}
	}
	known := true
	for i, id := range n.Out {
		e.types[id] = out[i]
		known = known && out[i].Shape.Known() && out[i].DType == graph.Float32
	}
	for i := range in {
		known = known && in[i].Shape.Known() && in[i].DType == graph.Float32
	}
	write := writers[graph.Name(n.Op)]
	switch {
	case write == nil:
		e.refuse("there is no C for it")
	case !known:
		e.refuse("values %v to %v: they must be of float32, with known sizes", in, out)
	default:
		write(e, in, out)
	}
}

// root is the value whose elements a value has.
func (e *emitter) root(id int) int {
	for {
		of, ok := e.alias[id]
		if !ok {
			return id
		}
		id = of
	}
}

// value returns the expression of a value.
func (e *emitter) value(id int) string {
	id = e.root(id)
	if name := e.names[id]; name != "" {
		return name
	}
	if i, ok := e.g.ParamOf[id]; ok {
		p := e.g.Params[i]
		return e.array(id, fmt.Sprintf("w%d", i), fmt.Sprintf("%s/%s %v", p.Layer, p.Name, p.Shape), e.j.Weights[i].Tensor)
	}
	if i, ok := e.g.ConstOf[id]; ok {
		t := e.g.Consts[i]
		return e.array(id, fmt.Sprintf("c%d", i), fmt.Sprintf("constant %v", t.Shape), func() (graph.Tensor, error) { return t, nil })
	}
	if s, ok := e.room.of[id]; ok {
		return fmt.Sprintf("m + %d", s.at)
	}
	return "m" // of a value whose node was refused
}

// array adds a constant of the source; key tells constants made of one value apart.
func (e *emitter) array(id int, name, about string, load func() (graph.Tensor, error)) string {
	if of, ok := e.of[id]; ok {
		return of
	}
	e.of[id] = name
	e.arrays = append(e.arrays, array{name, about, load})
	return name
}

// result makes room for result k of the node and returns its expression.
func (e *emitter) result(k int) string {
	id := e.node.Out[k]
	e.room.take(id, elems(e.types[id].Shape))
	return e.value(id)
}

// scratch makes room that is free after the node.
func (e *emitter) scratch(n int) string {
	at := e.room.find(n)
	e.room.most = max(e.room.most, at+n)
	return fmt.Sprintf("m + %d", at)
}

// call writes a call of a function of the library.
func (e *emitter) call(function, format string, args ...any) {
	e.used[function] = true
	fmt.Fprintf(&e.body, "    %s(%s);\n", function, fmt.Sprintf(format, args...))
}

// withInts writes a call of a function whose last arguments are arrays of int.
func (e *emitter) withInts(function, args string, arrays ...[]int) {
	e.used[function] = true
	e.body.WriteString("    {\n")
	for i, a := range arrays {
		fmt.Fprintf(&e.body, "        static const int p%d[%d] = {%s};\n", i, len(a), join(a))
		args += fmt.Sprintf(", p%d", i)
	}
	fmt.Fprintf(&e.body, "        %s(%s);\n    }\n", function, args)
}

func join(a []int) string {
	var s []string
	for _, x := range a {
		s = append(s, strconv.Itoa(x))
	}
	return strings.Join(s, ", ")
}

func elems(s graph.Shape) int {
	n, _ := s.Elems()
	return n
}

// sample is the shape of one example, for people.
func sample(s graph.Shape) string {
	if len(s) == 0 {
		return "()"
	}
	var dims []string
	for _, d := range s[1:] {
		dims = append(dims, strconv.Itoa(d))
	}
	return "(" + strings.Join(dims, ", ") + ")"
}

// declaration is that of the function that runs the model.
func (e *emitter) declaration() string {
	var args []string
	for i := range e.g.Inputs {
		args = append(args, fmt.Sprintf("const float *in%d", i))
	}
	for i := range e.g.Outputs {
		args = append(args, fmt.Sprintf("float *out%d", i))
	}
	return fmt.Sprintf("void %s_predict(%s)", e.stem, strings.Join(args, ", "))
}

// text is a name in a comment.
func text(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, strings.NewReplacer("*/", "* /", "/*", "/ *").Replace(s))
}

func (e *emitter) header(w *bufio.Writer) error {
	upper := strings.ToUpper(e.stem)
	fmt.Fprintf(w, "/* Written by kerasrun. */\n#ifndef %s_H\n#define %s_H\n\n", upper, upper)
	fmt.Fprintf(w, "/* Computes the outputs of the model for one example. Arrays are in C order:\n")
	for i, in := range e.g.Inputs {
		t := e.types[in.ID]
		fmt.Fprintf(w, " *   in%-3d %-10d floats, %s %s\n", i, elems(t.Shape), text(in.Name), sample(t.Shape))
	}
	for i, out := range e.g.Outputs {
		t := e.types[out.ID]
		fmt.Fprintf(w, " *   out%-2d %-10d floats, %s %s\n", i, elems(t.Shape), text(out.Name), sample(t.Shape))
	}
	fmt.Fprintf(w, " * Values between lie in a static array: calls must not overlap. */\n")
	fmt.Fprintf(w, "#ifdef __cplusplus\nextern \"C\"\n#endif\n%s;\n\n", e.declaration())
	for i, in := range e.g.Inputs {
		fmt.Fprintf(w, "#define %s_IN%d %d\n", upper, i, elems(e.types[in.ID].Shape))
	}
	for i, out := range e.g.Outputs {
		fmt.Fprintf(w, "#define %s_OUT%d %d\n", upper, i, elems(e.types[out.ID].Shape))
	}
	_, err := fmt.Fprintf(w, "\n#endif\n")
	return err
}

func (e *emitter) source(w *bufio.Writer) error {
	fmt.Fprintf(w, "/* Written by kerasrun. C99, with the functions of math.h alone. */\n#include <math.h>\n\n#include \"%s.h\"\n\n", e.stem)
	// Outputs are copied by a function too: they may be needed inside, and twice.
	var end strings.Builder
	for i, out := range e.g.Outputs {
		e.used["copy"] = true
		fmt.Fprintf(&end, "    copy(out%d, %s, %d);\n", i, e.value(out.ID), elems(e.types[out.ID].Shape))
	}
	for i, in := range e.g.Inputs {
		if e.last[in.ID] < 0 { // compilers warn of it
			fmt.Fprintf(&end, "    (void)in%d;\n", i)
		}
	}
	for _, f := range library {
		if e.used[f.name] {
			fmt.Fprintf(w, "%s\n", f.text)
		}
	}
	for i, body := range e.functions {
		fmt.Fprintf(w, "static float f%d(float x)\n{\n%s}\n\n", i, body)
	}
	for _, a := range e.arrays {
		t, err := a.load()
		if err != nil {
			return err
		}
		if err := e.j.Context.Err(); err != nil {
			return err
		}
		fmt.Fprintf(w, "/* %s */\nstatic const float %s[%d] = {", text(a.about), a.name, max(1, t.Len()))
		if t.Len() == 0 {
			fmt.Fprintf(w, "0")
		}
		for i, x := range t.Float32s() {
			switch {
			case i == 0:
			case i%8 == 0:
				fmt.Fprintf(w, ",\n    ")
			default:
				fmt.Fprintf(w, ", ")
			}
			fmt.Fprint(w, number(float64(x)))
		}
		fmt.Fprintf(w, "};\n\n")
	}
	if e.room.most > 0 {
		fmt.Fprintf(w, "static float m[%d];\n\n", e.room.most)
	}
	_, err := fmt.Fprintf(w, "%s\n{\n%s%s}\n", e.declaration(), e.body.String(), end.String())
	return err
}

// number writes a float constant.
func number(x float64) string {
	switch {
	case math.IsNaN(x):
		return "NAN"
	case math.IsInf(x, 1):
		return "INFINITY"
	case math.IsInf(x, -1):
		return "-INFINITY"
	}
	s := strconv.FormatFloat(float64(float32(x)), 'g', -1, 32)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s + "f"
}

// A room lays values into one array.
type room struct {
	of   map[int]span // by value
	most int
}

// A span is a run of floats.
type span struct{ at, n int }

// find returns the first place with n free floats.
func (r *room) find(n int) int {
	var taken []span
	for _, s := range r.of {
		taken = append(taken, s)
	}
	slices.SortFunc(taken, func(a, b span) int { return a.at - b.at })
	at := 0
	for _, s := range taken {
		if s.at-at >= n {
			break
		}
		at = max(at, s.at+s.n)
	}
	return at
}

func (r *room) take(id, n int) {
	at := r.find(n)
	r.of[id] = span{at, n}
	r.most = max(r.most, at+n)
}

func (r *room) free(id int) { delete(r.of, id) }
