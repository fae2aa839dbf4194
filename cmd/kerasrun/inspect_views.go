package main

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/cmd/kerasrun/internal/output"
	"github.com/kerasrun/kerasrun/internal/cost"
)

// views are what inspect shows instead of the summary; nil is what was not asked for.
type views struct {
	tree  bool
	stats []weightStats
	cost  *costReport
}

func (v *views) any() bool { return v.tree || v.stats != nil || v.cost != nil }

// addViews makes the views that the flags ask for.
func (a *app) addViews(r *report, path string, f *inspectFlags) error {
	r.tree = f.tree
	if f.stats {
		values, err := r.model.WeightValues()
		if err != nil {
			return modelError(err)
		}
		r.stats = []weightStats{}
		for i, w := range r.model.Weights() {
			r.stats = append(r.stats, newWeightStats(w, values[i]))
		}
	}
	if !f.cost {
		return nil
	}
	shapes, err := planShapes(r.model, f.batch, f.shapes)
	if err != nil {
		return usageError(err)
	}
	r.cost, err = a.newCostReport(r.model, path, f, shapes)
	return err
}

// writeViews prints them one after the other, and the plan if it was asked for too.
func (r *report) writeViews(w io.Writer, style output.Style) error {
	var parts []func() error
	if r.tree {
		parts = append(parts, func() error { return r.writeTree(w, style) })
	}
	if r.stats != nil {
		parts = append(parts, func() error { return writeStats(w, style, r.stats) })
	}
	if r.cost != nil {
		parts = append(parts, func() error { return r.cost.write(w, style) })
	}
	if r.plan != nil {
		parts = append(parts, func() error { return r.plan.write(w, style) })
	}
	for i, part := range parts {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

// writeTree prints the layers below the models that they are in, and their weights below them.
func (r *report) writeTree(w io.Writer, style output.Style) error {
	weights := map[string][]kerasrun.Weight{}
	for _, weight := range r.model.Weights() {
		weights[weight.Layer] = append(weights[weight.Layer], weight)
	}
	layers := r.model.Layers()
	// last tells whether nothing follows layer i on its level.
	last := func(i int) bool {
		for _, l := range layers[i+1:] {
			if l.Depth <= layers[i].Depth {
				return l.Depth < layers[i].Depth
			}
		}
		return true
	}
	if _, err := fmt.Fprintln(w, style.Strong(r.model.Name())); err != nil {
		return err
	}
	var stem []string // by depth: what stands before the branch of a layer
	for i, l := range layers {
		stem = append(stem[:min(l.Depth, len(stem))], "│  ")
		branch := "├─ "
		if last(i) {
			branch, stem[l.Depth] = "└─ ", "   "
		}
		fmt.Fprintf(w, "%s%s%s (%s) %s\n", strings.Join(stem[:l.Depth], ""), branch, style.Strong(l.Name), l.Class, shapeText(l.Outputs))
		inner := "   "
		if i+1 < len(layers) && layers[i+1].Depth > l.Depth {
			inner = "│  "
		}
		for _, weight := range weights[l.Path] {
			text := fmt.Sprintf("%s %v", weight.Name, weight.Shape)
			if weight.DType != kerasrun.Float32 {
				text += " " + weight.DType.String()
			}
			if !weight.Trainable {
				text += ", not trained"
			}
			if _, err := fmt.Fprintf(w, "%s%s%s\n", strings.Join(stem, ""), inner, text); err != nil {
				return err
			}
		}
	}
	return nil
}

// weightStats is what --stats tells about a weight. Numbers are of the finite
// values; they are null where there are none.
type weightStats struct {
	Weight    string   `json:"weight"`
	DType     string   `json:"dtype"`
	Shape     []int    `json:"shape"`
	Trainable bool     `json:"trainable"`
	Least     *float64 `json:"min"`
	Mean      *float64 `json:"mean"`
	Deviation *float64 `json:"std"`
	Largest   *float64 `json:"max"`
	Zeros     int      `json:"zeros"`
	NaN       int      `json:"nan"`
	Infinite  int      `json:"infinite"`

	elements int
}

func newWeightStats(w kerasrun.Weight, t kerasrun.Tensor) weightStats {
	s := weightStats{Weight: w.Layer + "/" + w.Name, DType: w.DType.String(), Shape: append([]int{}, w.Shape...), Trainable: w.Trainable, elements: w.Len()}
	if t.DType == kerasrun.String {
		return s
	}
	least, largest, sum, squares := math.Inf(1), math.Inf(-1), 0.0, 0.0
	finite := 0
	for i := range t.Len() {
		switch x := t.Float(i); {
		case math.IsNaN(x):
			s.NaN++
		case math.IsInf(x, 0):
			s.Infinite++
		default:
			finite++
			least, largest, sum = min(least, x), max(largest, x), sum+x
			if x == 0 {
				s.Zeros++
			}
		}
	}
	if finite == 0 {
		return s
	}
	mean := sum / float64(finite)
	for i := range t.Len() {
		if x := t.Float(i); !math.IsNaN(x) && !math.IsInf(x, 0) {
			squares += (x - mean) * (x - mean)
		}
	}
	deviation := math.Sqrt(squares / float64(finite))
	s.Least, s.Mean, s.Deviation, s.Largest = &least, &mean, &deviation, &largest
	return s
}

func writeStats(w io.Writer, style output.Style, stats []weightStats) error {
	t := style.NewTable(
		output.Column{Title: "Weight"}, output.Column{Title: "Type"}, output.Column{Title: "Shape"}, output.Column{Title: "Numbers", Right: true},
		output.Column{Title: "Min", Right: true}, output.Column{Title: "Mean", Right: true}, output.Column{Title: "Std", Right: true}, output.Column{Title: "Max", Right: true},
		output.Column{Title: "Zeros", Right: true}, output.Column{Title: "NaN", Right: true}, output.Column{Title: "Inf", Right: true},
	)
	var numbers, zeros, nans, infinities int
	for _, s := range stats {
		number := func(x *float64) string {
			if x == nil {
				return "-"
			}
			return fmt.Sprintf("%.4g", *x)
		}
		count := func(n int) string {
			if n == 0 {
				return "0"
			}
			return style.Bad(output.Count(int64(n)))
		}
		t.Row(s.Weight, s.DType, compact.Replace(kerasrun.Shape(s.Shape).String()), output.Count(int64(s.elements)),
			number(s.Least), number(s.Mean), number(s.Deviation), number(s.Largest), output.Count(int64(s.Zeros)), count(s.NaN), count(s.Infinite))
		numbers, zeros, nans, infinities = numbers+s.elements, zeros+s.Zeros, nans+s.NaN, infinities+s.Infinite
	}
	t.Footer(fmt.Sprintf("%d weights", len(stats)), "", "", output.Count(int64(numbers)), "", "", "", "", output.Count(int64(zeros)), output.Count(int64(nans)), output.Count(int64(infinities)))
	return t.Write(w)
}

// A costReport is what --cost tells.
type costReport struct {
	Inputs []endJSON   `json:"inputs"`
	MACs   int64       `json:"macs"`
	Params int64       `json:"params"`
	Bytes  int64       `json:"weight_bytes"`
	Values int64       `json:"result_bytes"`
	Layers []layerCost `json:"layers"`

	head string
}

// layerCost is that of one layer, those inside a model or wrapper by themselves.
type layerCost struct {
	Path   string `json:"path"`
	Class  string `json:"class"`
	MACs   int64  `json:"macs"`
	Params int64  `json:"params"`
	Bytes  int64  `json:"weight_bytes"`
	Values int64  `json:"result_bytes"`

	shape string
}

func (a *app) newCostReport(m *kerasrun.Model, path string, f *inspectFlags, shapes []kerasrun.Shape) (*costReport, error) {
	src, err := kerasrun.Open(path, f.model.options()...)
	if err != nil {
		return nil, f.model.openError(path, err)
	}
	defer src.Close()
	costs, err := cost.Of(src.Program.Graph, shapes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	r := &costReport{Inputs: []endJSON{}, Layers: []layerCost{}}
	var inputs []string
	for i, in := range m.Inputs() {
		in.Shape = shapes[i]
		r.Inputs = append(r.Inputs, newEndJSON(in))
		inputs = append(inputs, in.Name+" "+in.Shape.String())
	}
	r.head = strings.Join(inputs, ", ")
	type size struct{ params, bytes int64 }
	weights := map[string]size{}
	for _, w := range m.Weights() {
		s := weights[w.Layer]
		weights[w.Layer] = size{s.params + int64(w.Len()), s.bytes + int64(w.Len()*w.DType.Size())}
	}
	for _, l := range m.Layers() {
		c, w := costs[l.Path], weights[l.Path]
		r.Layers = append(r.Layers, layerCost{Path: l.Path, Class: l.Class, MACs: c.MACs, Params: w.params, Bytes: w.bytes, Values: c.Bytes, shape: shapeText(l.Outputs)})
		delete(costs, l.Path)
		delete(weights, l.Path)
	}
	// Layers that a wrapper holds are no layers of the model: they count to the wrapper.
	owner := func(path string) *layerCost {
		var found *layerCost
		for i := range r.Layers {
			if l := &r.Layers[i]; strings.HasPrefix(path, l.Path+"/") && (found == nil || len(l.Path) > len(found.Path)) {
				found = l
			}
		}
		if found == nil {
			r.Layers = append(r.Layers, layerCost{Path: path})
			found = &r.Layers[len(r.Layers)-1]
		}
		return found
	}
	for _, path := range slices.Sorted(maps.Keys(costs)) {
		l, c := owner(path), costs[path]
		l.MACs, l.Values = l.MACs+c.MACs, l.Values+c.Bytes
	}
	for _, path := range slices.Sorted(maps.Keys(weights)) {
		l, w := owner(path), weights[path]
		l.Params, l.Bytes = l.Params+w.params, l.Bytes+w.bytes
	}
	for _, l := range r.Layers {
		r.MACs, r.Params, r.Bytes, r.Values = r.MACs+l.MACs, r.Params+l.Params, r.Bytes+l.Bytes, r.Values+l.Values
	}
	return r, nil
}

func (r *costReport) write(w io.Writer, style output.Style) error {
	if _, err := fmt.Fprintf(w, "Cost for %s\n\n", r.head); err != nil {
		return err
	}
	t := style.NewTable(
		output.Column{Title: "Layer"}, output.Column{Title: "Class"}, output.Column{Title: "Output"}, output.Column{Title: "MACs", Right: true}, output.Column{Title: "Share", Right: true},
		output.Column{Title: "Params", Right: true}, output.Column{Title: "Weights", Right: true}, output.Column{Title: "Results", Right: true},
	)
	for _, l := range r.Layers {
		share := ""
		if l.MACs > 0 {
			share = fmt.Sprintf("%.1f %%", 100*float64(l.MACs)/float64(r.MACs))
		}
		t.Row(l.Path, l.Class, compact.Replace(l.shape), output.Quantity(l.MACs), share, output.Count(l.Params), output.Bytes(l.Bytes), output.Bytes(l.Values))
	}
	t.Footer(fmt.Sprintf("%d layers", len(r.Layers)), "", "", output.Quantity(r.MACs), "", output.Count(r.Params), output.Bytes(r.Bytes), output.Bytes(r.Values))
	return t.Write(w)
}

// indented breaks lines of JSON, in which Python writes NaN and Infinity too.
func indented(text string) string {
	var b strings.Builder
	depth, quoted := 0, false
	line := func() { b.WriteString("\n" + strings.Repeat("  ", depth)) }
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quoted:
			b.WriteByte(c)
			if c == '\\' {
				i++
				b.WriteByte(text[i])
			}
			quoted = c != '"'
			continue
		case c == ' ' || c == '\n':
			continue
		case c == '}' || c == ']':
			if text[i-1] != '{' && text[i-1] != '[' {
				depth--
				line()
			} else {
				depth--
			}
		}
		b.WriteByte(c)
		switch c {
		case '"':
			quoted = true
		case ':':
			b.WriteByte(' ')
		case ',':
			line()
		case '{', '[':
			depth++
			if text[i+1] != '}' && text[i+1] != ']' {
				line()
			}
		}
	}
	return b.String()
}

// inspectConfig prints the architecture alone: the model need not be one that can run.
func (a *app) inspectConfig(path string, f *inspectFlags) error {
	if f.plan || f.tree || f.stats || f.cost {
		return usageError(fmt.Errorf("--config stands alone: it prints JSON"))
	}
	src, err := kerasrun.OpenArchitecture(path, f.model.options()...)
	if err != nil {
		return f.model.openError(path, err)
	}
	defer src.Close()
	text := indented(src.Arch.File.JSON())
	return a.write(f.output, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, text)
		return err
	})
}
